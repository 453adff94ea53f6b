"""Step 7: raw scores of a part by all lines, in every condition: one CSV that calibration and validation read.

    python -m detectors.train.score clips.csv --cache CACHE --weights RUN/speech.safetensors RUN/spectral.safetensors \
        --part calibration --out scores.csv [--conditions original neutral ...] [--most 12] [--most-human 25] \
        [--domain detectors/weights/domain_card.yaml]

The very code that listens in the product (detectors.speech.raw_scores) scores here. At most `--most` clips of a
generator on a page, `--most-human` of a source of human recordings; `--all-of` names conditions that are scored on
every clip. With `--domain` also how far each clip lies from what the lines learnt from. Appends to what is there, so it
can be stopped and run again.
"""

import argparse
import csv
import zlib
from collections import Counter
from pathlib import Path

import numpy as np

from detectors.domain import load_domains
from detectors.inference import RATE
from detectors.speech import SCORERS, raw_scores
from detectors.train.conditions import CONDITIONS
from detectors.train.decode import cached, read_clips
from synth.card import sha256_of

COLUMNS = (
    "id", "condition", "label", "source", "generator", "kind", "speaker", "language", "licence", "speech_seconds",
)  # fmt: skip
"""Beside them, for every line: its score, the mean of its frame scores, and with a domain the distance from it
(`<line>`, `<line>.frames`, `<line>.distance`)."""


def chosen(clips: list[dict[str, str]], most: int, most_human: int | None = None) -> list[dict[str, str]]:
    """At most so many clips of each generator on each page, and of each human source, in an order without meaning."""
    limit = {"machine": most, "human": most if most_human is None else most_human}
    taken = Counter[tuple[str, str]]()
    kept = []
    for clip in sorted(clips, key=lambda c: zlib.crc32(("order" + c["id"]).encode())):
        group = (clip["source"], clip["generator"])
        taken[group] += 1
        if taken[group] <= limit[clip["label"]]:
            kept.append(clip)
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--weights", type=Path, nargs="+", required=True, help="speech.safetensors and the like")
    parser.add_argument("--part", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--conditions", nargs="*", default=list(CONDITIONS))
    parser.add_argument("--most", type=int, default=12)
    parser.add_argument("--most-human", type=int, default=25)
    parser.add_argument("--domain", type=Path, default=None, help="card of the domain of these weights")
    parser.add_argument("--all-of", nargs="*", default=["original", "neutral"])
    arguments = parser.parse_args()
    clips = [c for c in read_clips(arguments.clips) if c["part"] == arguments.part]
    few = {c["id"] for c in chosen(clips, arguments.most, arguments.most_human)}
    done = set()
    if arguments.out.exists():
        done = {(r["id"], r["condition"]) for r in read_clips(arguments.out)}
    lines = {f"detector.{path.stem}": SCORERS[f"detector.{path.stem}"](path) for path in arguments.weights}
    hashes = {f"detector.{path.stem}": sha256_of(path) for path in arguments.weights}
    domains = {} if arguments.domain is None else load_domains(hashes, arguments.domain)
    columns = (
        *COLUMNS, *lines, *(f"{name}.frames" for name in lines), *(f"{name}.distance" for name in domains),
    )  # fmt: skip
    with arguments.out.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        if not done:
            writer.writeheader()
        for name in arguments.conditions:
            for clip in clips:
                if (clip["id"], name) in done or (name not in arguments.all_of and clip["id"] not in few):
                    continue
                samples = CONDITIONS[name](cached(arguments.cache, clip["id"]), clip["id"])
                if samples.size < RATE // 2:
                    continue
                row = {**clip, "condition": name}
                for line, scorer in lines.items():
                    raw = raw_scores(scorer, [samples])
                    if raw.windows:
                        row[line] = f"{raw.score:.5f}"
                        row[f"{line}.frames"] = f"{np.nanmean(raw.frames):.5f}"
                        row["speech_seconds"] = f"{raw.speech_seconds:.2f}"
                        if line in domains:
                            row[f"{line}.distance"] = f"{float(domains[line].distance(raw.units)):.4f}"
                if "speech_seconds" in row:
                    writer.writerow(row)
            file.flush()
            print(name, flush=True)


if __name__ == "__main__":
    main()
