"""Validation of the examination methods: edited and unedited recordings, made by other tools, examined by the battery.

`voxproof bench methods --validation DIR` plans the material from seeds, makes it with `forensics.benches.edits`,
examines it, and writes docs/validation/methods.md, a manifest (CSV) and forensics/error_rates.yaml. Sources that
thresholds were chosen on are kept apart: their recordings are reported as "tuning" and never enter the error rates.
A cache folder keeps every result, so that a run that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import yaml
from rich.progress import track

from detectors.metrics import wilson_interval
from forensics.battery import load_battery
from forensics.benches import edits
from forensics.exhibit import Exhibit
from synth.errors import VoxproofError

REACH_S = 0.25
"""A located edit must lie this near to the truth to count as a hit, seconds."""
LONGEST_S = 12.0
DEBIAN = ("/usr/share/pocketsphinx/test/data", "/usr/share/asterisk/sounds")
METHODS = (
    "container.structure", "container.duration", "speech.activity", "signal.band-edge", "signal.digital-silence",
    "signal.dc-offset", "signal.splice", "signal.level-step",
)  # fmt: skip
POSITIVES: tuple[tuple[str, str, int, edits.Recipe], ...] = (
    ("container.structure", "foreign bytes behind the end: wav", 12, edits.appended("wav as it is")),
    ("container.structure", "foreign bytes behind the end: m4a", 12, edits.appended("aac 64 kbit/s m4a")),
    ("container.structure", "two files in one: mp3", 12, edits.joined_files("mp3 64 kbit/s (lame)")),
    ("container.structure", "two files in one: ogg", 12, edits.joined_files("vorbis ogg")),
    ("container.structure", "bytes removed inside: mp3 (dd)", 16, edits.frames_removed),
    ("container.structure", "start cut by stream copy: m4a (ffmpeg)", 12, edits.packets_cut("aac 64 kbit/s m4a")),
    ("container.structure", "truncated: wav", 12, edits.truncated("wav as it is")),
    ("container.duration", "truncated: wav", 20, edits.truncated("wav as it is")),
    ("container.duration", "truncated: flac", 20, edits.truncated("flac")),
    ("container.duration", "truncated: mp3 with Info frame", 20, edits.truncated("mp3 128 kbit/s (ffmpeg)")),
    ("speech.activity", "pink noise added (limit named)", 30, edits.noisy),
    ("speech.activity", "0.7 s long (limit named)", 30, edits.short),
    ("signal.band-edge", "passage through 8 kHz inserted", 40, edits.narrowed(8000)),
    ("signal.band-edge", "passage through 11.025 kHz inserted", 20, edits.narrowed(11025)),
    ("signal.band-edge", "whole clip upsampled (named, not held against it)", 30, edits.upsampled),
    ("signal.digital-silence", "passage muted (ffmpeg)", 30, edits.muted("ffmpeg")),
    ("signal.digital-silence", "passage replaced by padding (sox)", 30, edits.muted("sox")),
    ("signal.dc-offset", "offset step of 0.02", 20, edits.offset(0.02)),
    ("signal.dc-offset", "offset step of 0.005", 20, edits.offset(0.005)),
    ("signal.dc-offset", "offset step of 0.001", 20, edits.offset(0.001)),
    ("signal.splice", "butt splice of two speakers, wav", 40, edits.spliced("other")),
    ("signal.splice", "butt splice of one speaker, wav", 40, edits.spliced("same")),
    ("signal.splice", "passage removed, wav", 40, edits.spliced("cut")),
    ("signal.splice", "butt splice, then mp3 64 kbit/s", 20, edits.spliced("same", "mp3 64 kbit/s (lame)")),
    ("signal.level-step", "level step of 6 dB, wav", 30, edits.level(6.0)),
    ("signal.level-step", "level step of -6 dB, wav", 30, edits.level(-6.0)),
    ("signal.level-step", "level step of 12 dB, then mp3 64 kbit/s", 20, edits.level(12.0, "mp3 64 kbit/s (lame)")),
)


@dataclass(frozen=True)
class Clip:
    """A human recording that was not edited."""

    path: Path
    source: str
    """Collection or page it comes from."""
    speaker: str
    rate: int
    tuning: bool
    """Whether thresholds were chosen on this source."""


@dataclass(frozen=True)
class Case:
    """One file to make and examine."""

    name: str
    part: str
    """tuning or validation"""
    kind: str
    """positive or negative"""
    method: str
    """The method that the edit is meant for; empty for negatives."""
    condition: str
    clips: tuple[Clip, ...]
    recipe: edits.Recipe
    seed: int


def debian_clips() -> list[Clip]:
    """Recordings of Debian's pocketsphinx-testdata and asterisk-core-sounds-en-wav, where they are installed."""
    clips = []
    for folder in DEBIAN:
        for path in sorted(Path(folder).rglob("*.wav")):
            spoken = "tone" not in path.stem and "beep" not in path.stem and "silence" not in path.parts
            if spoken and 1.2 <= soundfile.info(path).duration <= 60:
                source = Path(folder).parts[3]
                clips.append(Clip(path, source, f"{source}/{path.parent.name}", soundfile.info(path).samplerate, True))
    return clips


def listed_clips(folder: Path, tuning: bool) -> list[Clip]:
    """Human recordings of a folder with an index.csv (path, and source, speaker, label or kind where it has them)."""
    index = folder / "index.csv"
    if not index.is_file():
        raise VoxproofError("has no index.csv", path=folder, cure="Give a folder of recordings with an index.")
    clips = []
    with index.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row.get("label", "bonafide") != "bonafide" or row.get("kind", "human") not in ("human", "", "bonafide"):
                continue
            if float(row.get("seconds") or 0) < 1.5 or not (folder / row["path"]).is_file():
                continue
            source = row.get("source_id") or row.get("source") or row.get("page") or folder.name
            speaker = row.get("speaker") or row.get("pair_key") or source
            clips.append(Clip(folder / row["path"], source, f"{source}/{speaker}", int(row["sample_rate"]), tuning))
    return clips


def _draw(clips: Sequence[Clip], count: int, rng: np.random.Generator) -> list[Clip]:
    """Clips taken in turn from the sources, at random within each."""
    by_source: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_source[clip.source].append(clip)
    queues = [[rows[i] for i in rng.permutation(len(rows))] for _, rows in sorted(by_source.items())]
    drawn: list[Clip] = []
    while len(drawn) < count and any(queues):
        for queue in queues:
            if queue and len(drawn) < count:
                drawn.append(queue.pop())
    return drawn


def plan(clips: Sequence[Clip], negatives: int, share: float, seed: int) -> list[Case]:
    """All cases of both parts; `share` scales the positives, and the tuning part has an eighth of everything.

    A source that thresholds were chosen on never enters the validation part, whichever folder its clips come from.
    """
    cases: list[Case] = []
    known = {clip.source for clip in clips if clip.tuning}
    for tuning in (False, True):
        part = "tuning" if tuning else "validation"
        mine = [clip for clip in clips if (clip.source in known) == tuning]
        if not mine:
            continue
        if tuning:
            negatives, share = negatives // 8, share / 8
        rng = np.random.default_rng([seed, tuning])
        conditions = [(codec, False) for codec in edits.CODECS] + [(codec, True) for codec in edits.TWICE]
        for index, clip in enumerate(_draw(mine, negatives, rng)):
            codec, decoded = conditions[index % len(conditions)]
            text = f"{codec}, decoded to wav" if decoded else codec
            name = f"{part[0]}n{index:04d}"
            recipe = edits.negative(codec, decoded)
            cases.append(Case(name, part, "negative", "", text, (clip,), recipe, seed + index))
        for kind, (method, condition, count, recipe) in enumerate(POSITIVES):
            fit = [c for c in mine if method != "signal.band-edge" or c.rate >= 22050]
            drawn = _draw(fit, max(round(share * count), 1), rng)
            for index, clip in enumerate(drawn):
                other = _partner(clip, mine, "one speaker" in condition or "then mp3" in condition, rng)
                name = f"{part[0]}p{kind:02d}-{index:03d}"
                cases.append(Case(name, part, "positive", method, condition, (clip, other), recipe, seed + index))
    return cases


def _partner(clip: Clip, clips: Sequence[Clip], same: bool, rng: np.random.Generator) -> Clip:
    fit = [c for c in clips if c.path != clip.path and c.rate == clip.rate and (c.speaker == clip.speaker) == same]
    fit = fit or [c for c in clips if c.path != clip.path] or [clip]
    return fit[int(rng.integers(len(fit)))]


def examine(case: Case) -> dict[str, Any]:
    """Make the file of a case and run the methods on it; the row of the manifest."""
    row: dict[str, Any] = {
        "name": case.name, "part": case.part, "kind": case.kind, "method": case.method, "condition": case.condition,
        "source": case.clips[0].source, "clip": case.clips[0].path.name, "seed": case.seed,
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="voxproof-bench-") as name:
        folder = Path(name)
        try:
            sources = [_plain(clip, folder / f"source{index}.wav") for index, clip in enumerate(case.clips)]
            path, truth = case.recipe(sources, folder, np.random.default_rng(case.seed))
            row["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
            with Exhibit.open(path) as exhibit:
                findings = {method.id: method.run(exhibit) for method in load_battery(METHODS)}
        except (RuntimeError, VoxproofError) as error:
            return row | {"error": str(error)[:300]}
    row["truth_s"] = [round(at, 4) for at in truth]
    row["outcomes"] = {name: finding.outcome for name, finding in findings.items()}
    row["reasons"] = {name: f.reasons[0][:200] for name, f in findings.items() if f.outcome == "inconsistent"}
    row["narrower_than_rate"] = findings["signal.band-edge"].measurements.get("narrower_than_rate")
    row["distances_s"] = {
        name: round(min(max(s.start_s - at, at - s.end_s, 0.0) for s in finding.segments for at in truth), 4)
        for name, finding in findings.items()
        if finding.segments and truth and finding.outcome == "inconsistent"
    }
    return row


def _plain(clip: Clip, out: Path) -> Path:
    """The clip as 16-bit WAV, one channel, at most 12 s."""
    samples, rate = soundfile.read(clip.path, dtype="float32", always_2d=True, frames=int(LONGEST_S * clip.rate))
    soundfile.write(out, samples[:, 0], rate, subtype="PCM_16")
    return out


def hit(row: dict[str, Any]) -> bool:
    """Whether a positive was found: inconsistent, and where it was edited; or the limit or trace was named."""
    outcome = row["outcomes"][row["method"]]
    if row["method"] == "speech.activity":
        return bool(outcome == "inconclusive")
    if "named" in row["condition"]:
        return bool(row["narrower_than_rate"]) and outcome != "inconsistent"
    near = not row["truth_s"] or row["distances_s"].get(row["method"], 9.0) <= REACH_S
    return bool(outcome == "inconsistent") and near


def run(cases: Iterable[Case], cache: Path, quiet: bool = False) -> list[dict[str, Any]]:
    """Examine all cases that the cache does not hold yet from the same versions of the methods."""
    versions = " ".join(f"{method.id}@{method.version}" for method in load_battery(METHODS))
    cache.mkdir(parents=True, exist_ok=True)
    results = cache / "results.jsonl"
    known: dict[str, dict[str, Any]] = {}
    if results.is_file():
        for line in results.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            known[row["name"]] = row
    rows = []
    with results.open("a", encoding="utf-8") as stream:
        for case in track(list(cases), description="Examining", disable=quiet):
            if known.get(case.name, {}).get("battery") != versions:
                known[case.name] = examine(case) | {"battery": versions}
                stream.write(json.dumps(known[case.name]) + "\n")
                stream.flush()
            rows.append(known[case.name])
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry of `voxproof bench methods` and of `python -m forensics.benches.methods`."""
    from forensics.benches.tables import error_rates, markdown

    parser = argparse.ArgumentParser(prog="voxproof bench methods", description=__doc__)
    parser.add_argument("--human", type=Path, action="append", default=[], help="folder with index.csv (tuning part)")
    parser.add_argument("--validation", type=Path, action="append", default=[], help="the same (validation part)")
    parser.add_argument("--without", type=Path, help="manifest.csv of an earlier run whose clips must not be used")
    parser.add_argument("--cache", type=Path, default=Path("build/bench-methods"), help="folder for results")
    parser.add_argument("--negatives", type=int, default=480, help="unedited recordings of the validation part")
    parser.add_argument("--share", type=float, default=0.85, help="scale of the numbers of positives")
    parser.add_argument("--seed", type=int, default=20260, help="seed of the whole plan")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--write", action="store_true", help="write docs/validation/methods.md and error_rates.yaml")
    options = parser.parse_args(arguments)
    clips = debian_clips()
    for folder in options.human:
        clips += listed_clips(folder, tuning=True)
    for folder in options.validation:
        clips += listed_clips(folder, tuning=False)
    if options.without:
        with options.without.open(newline="", encoding="utf-8") as stream:
            used = {(row["source"], row["clip"]) for row in csv.DictReader(stream)}
        clips = [clip for clip in clips if clip.tuning or (clip.source, clip.path.name) not in used]
    if not clips:
        parser.error("no recordings: install pocketsphinx-testdata, or give --human or --validation")
    rows = run(plan(clips, options.negatives, options.share, options.seed), options.cache, options.quiet)
    text = markdown(rows, options.seed)
    (options.cache / "methods.md").write_text(text, encoding="utf-8")
    with (options.cache / "manifest.csv").open("w", newline="", encoding="utf-8") as stream:
        names = ("name", "part", "kind", "method", "condition", "source", "clip", "seed", "sha256", "truth_s")
        writer = csv.DictWriter(stream, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    if options.write:
        root = Path(__file__).parents[2]
        (root / "docs" / "validation").mkdir(parents=True, exist_ok=True)
        (root / "docs" / "validation" / "methods.md").write_text(text, encoding="utf-8")
        table = yaml.safe_dump(error_rates(rows), sort_keys=True, allow_unicode=True)
        head = f"# Written by `voxproof bench methods` (seed {options.seed}); see docs/validation/methods.md.\n"
        (root / "forensics" / "error_rates.yaml").write_text(head + table, encoding="utf-8")
    print(text)
    return 0


def interval(hits: int, count: int) -> str:
    """A rate with its 95 % Wilson interval, e.g. "12.0 % (7.0 to 19.8)"."""
    if not count:
        return "–"
    low, high = wilson_interval(hits, count)
    return f"{100 * hits / count:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


if __name__ == "__main__":
    raise SystemExit(main())
