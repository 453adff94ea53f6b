"""Step 1: from the lists of labelled recordings to one table, every clip in exactly one part.

    python -m detectors.train.lists --demo DEMO/index.csv --human HUMAN/index.csv --out clips.csv [--undivided]

An index is what `materialise.py` of the data folder writes: the list's columns and `path`, relative to the index.
Parts are disjoint by page (split.yaml), by generator (a generator that occurs on pages of several parts belongs to the
part with most of its clips and is left out elsewhere) and, as far as names tell, by speaker (column `speaker`:
LJSpeech, VCTK and LibriSpeech/LibriTTS speakers are recognised; others are `page:<source>`, which disjoint pages keep
apart unless two pages silently share a recording). With `--undivided` everything but "extra" trains, and so no clip is
left out for its generator: for attribution, which leaves pages out itself and needs generators on several pages.
"""

import argparse
import csv
import re
import zlib
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import yaml

COLUMNS = (
    "id", "path", "label", "part", "source", "generator", "kind", "speaker", "language", "licence", "seconds",
    "sample_rate",
)  # fmt: skip
PARTS = ("train", "calibration", "validation", "extra")
CHANNEL_KINDS = {"codec-dsp": "human", "watermark": ""}
"""Kinds that are no machine speech: a coded human recording (validation only), a marked clip (not used)."""


def read_split(path: Path | None = None) -> dict[str, Any]:
    """The table of parts; the shipped split.yaml unless another is given."""
    split: dict[str, Any] = yaml.safe_load((path or Path(__file__).with_name("split.yaml")).read_text("utf-8"))
    return split


def undivided(split: dict[str, Any]) -> dict[str, Any]:
    """The same table with everything in the part "train" but "extra"."""
    return split | {"validation": [], "calibration": [], "librispeech_calibration_speakers": 0}


def speaker_of(row: dict[str, str], source: str, split: dict[str, Any]) -> str:
    """Who speaks, as far as the name of the file tells: `lj`, `vctk:p225`, `libri:1089`, or `page:<source>`."""
    name = row["path"]
    if source == "librispeech_tc100" or source.startswith(("rhasspy", "aishell", "pmatthes", "ohf")):
        speaker = row.get("speaker", "")
        digits = re.sub(r"\D", "", speaker)
        return f"libri:{digits}" if source.startswith("libri") else f"page:{source}:{speaker}"
    patterns = (p.split(":", 1) for p in split["ljspeech_patterns"])
    if source in split["ljspeech_pages"] or re.search(r"LJ\d{3}-\d{4}", name):
        return "lj"
    if any(source == page and part in name for page, part in patterns):
        return "lj"
    if found := re.search(r"(?<![A-Za-z0-9])p(\d{3})(?=[_x./])", name):
        return f"vctk:p{found[1]}"
    if found := re.search(r"(?<![\d])(\d{2,5})[_-](\d{4,6})[_-](\d{4,6})", name):
        return f"libri:{found[1]}"
    return f"page:{source}"


def part_of(row: dict[str, str], source: str, split: dict[str, Any]) -> str:
    """Part of a source; LibriSpeech train-clean-100 is divided by speaker."""
    if source == "librispeech_tc100":
        return (
            "calibration"
            if zlib.crc32(row["speaker"].encode()) % 250 < split["librispeech_calibration_speakers"]
            else "train"
        )
    for part in ("validation", "calibration", "extra"):
        if source in split[part]:
            return part
    return "train"


def assemble(rows: list[tuple[Path, dict[str, str]]], split: dict[str, Any]) -> list[dict[str, str]]:
    """Rows of the indexes (with the folder each lies in) -> the table of clips, without generators of another part."""
    clips, taken = [], Counter[str]()
    for folder, row in sorted(rows, key=lambda r: zlib.crc32(r[1]["path"].encode())):
        source = row.get("page") or row["source_id"]
        kind = row.get("kind", "human")
        label = "human" if kind == "human" else CHANNEL_KINDS.get(kind, "machine")
        taken[source] += 1
        if not label or taken[source] > split["at_most"].get(source, 10**9):
            continue
        clips.append({
            "id": f"{zlib.crc32(row['path'].encode()):08x}",
            "path": str(folder / row["path"]),
            "label": label,
            "part": part_of(row, source, split),
            "source": source,
            "generator": row.get("generator", "human") if label == "machine" else kind,
            "kind": kind,
            "speaker": speaker_of(row, source, split),
            "language": row["language"],
            "licence": row["licence"],
            "seconds": row["seconds"],
            "sample_rate": row["sample_rate"],
        })  # fmt: skip
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for clip in clips:
        if clip["label"] == "machine" and clip["part"] != "extra":
            counts[clip["generator"]][clip["part"]] += 1
    owner = {generator: max(PARTS[:3], key=lambda p, c=c: c[p]) for generator, c in counts.items()}  # type: ignore[misc]
    return [
        c
        for c in clips
        if (c["label"] == "human" or c["part"] == "extra" or owner[c["generator"]] == c["part"])
        and (c["kind"] != "codec-dsp" or c["part"] != "train")
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=Path, required=True, help="index.csv of the demo pages")
    parser.add_argument("--human", type=Path, required=True, help="index.csv of the human recordings")
    parser.add_argument("--split", type=Path, default=None, help="another split.yaml")
    parser.add_argument("--undivided", action="store_true", help="one part, of all that may be learnt from")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    split = read_split(arguments.split)
    split = undivided(split) if arguments.undivided else split
    rows = []
    for index in (arguments.demo, arguments.human):
        with index.open(newline="", encoding="utf-8") as file:
            rows += [(index.parent.resolve(), row) for row in csv.DictReader(file)]
    clips = assemble(rows, split)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with arguments.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(clips)
    for part in PARTS:
        of = [c for c in clips if c["part"] == part]
        machine = [c for c in of if c["label"] == "machine"]
        human_sources = {c["source"] for c in of if c["label"] == "human"}
        generators, pages = {c["generator"] for c in machine}, {c["source"] for c in machine}
        print(
            f"{part}: {len(of) - len(machine)} human clips of {len(human_sources)} sources, "
            f"{len(machine)} machine-made of {len(generators)} generators on {len(pages)} pages"
        )


if __name__ == "__main__":
    main()
