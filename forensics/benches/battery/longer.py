"""Longer unedited recordings, for the methods that most short clips are outside the domain of.

The folder has an `index.csv` as `clips` describes, with three more columns: `voices` (people heard in the recording),
`content` ("speech", "song", or "mains" for recordings of the power line itself, which only signal.enf examines) and
`history` (what is known of earlier coding, in words).
Recordings of a minute and more are cut into excerpts of half a minute that do not overlap; recordings of the mains stay
whole and are brought from less than 8 kHz to 8 kHz, since no recording of speech is read below that.
"""

from __future__ import annotations

import csv
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
import soxr

from forensics.benches.battery.clips import TUNING, Clip, listed_clips
from forensics.benches.battery.counts import false_alarm, interval, minutes, sound, tested
from forensics.benches.battery.plan import Case
from forensics.benches.battery.run import LEFT_OUT, Job, Row, chosen, perform, versions

LEAST_S = 10.0
"""Shorter recordings are left out, seconds."""
PIECE_S = 30.0
"""Length of an excerpt, seconds."""
MAINS_HZ = 8000
LEAST_STEP_DEG = 45.0
"""Step of the phase by demodulation from which a jump in a recording of the mains is there."""
SOURCES = (
    "signal.reverberation", "signal.noise-floor", "signal.enf", "signal.frame-offset", "speech.speaker-change",
    "signal.compression-history",
)  # fmt: skip
"""Methods whose sources and speakers are counted in the first table."""
Progress = Callable[[Iterable[Row], int], Iterable[Row]]


@dataclass(frozen=True)
class Long:
    """A longer recording, or an excerpt of one."""

    clip: Clip
    voices: int
    """People heard; 0 where nobody speaks."""
    content: str
    """What is heard: "speech", "song" or "mains"."""
    whole: str
    """Name of the recording that it is an excerpt of, or its own."""
    history: str = ""
    """What is known of earlier coding."""


def long_clips(folder: Path) -> list[Long]:
    """The recordings of the folder from LEAST_S on, without those of the sources that thresholds were chosen on."""
    with (folder / "index.csv").open(newline="", encoding="utf-8") as stream:
        facts = {row["path"]: row for row in csv.DictReader(stream)}
    rows = {folder / path: row for path, row in facts.items()}
    names = {folder / path: path for path in facts}
    return [
        Long(
            clip,
            int(rows[clip.path].get("voices") or 1),
            rows[clip.path].get("content") or "speech",
            names[clip.path],
            rows[clip.path].get("history") or "",
        )
        for clip in listed_clips(folder)
        if clip.seconds >= LEAST_S and clip.source not in TUNING
    ]


def pieces(recording: Long, folder: Path) -> list[Long]:
    """The recording itself, its excerpts, or the recording of the mains at 8 kHz; what is made lies in the folder."""
    clip = recording.clip
    stem = re.sub(r"\W+", "-", f"{clip.source}-{recording.whole}")
    folder.mkdir(parents=True, exist_ok=True)
    if recording.content == "mains":
        out = folder / f"{stem}.wav"
        if clip.rate < MAINS_HZ and not out.is_file():
            samples, rate = soundfile.read(clip.path, dtype="float32", always_2d=True)
            soundfile.write(out, soxr.resample(samples[:, 0], rate, MAINS_HZ), MAINS_HZ, subtype="PCM_16")
        return [replace(recording, clip=replace(clip, path=out, rate=MAINS_HZ)) if clip.rate < MAINS_HZ else recording]
    if clip.seconds < 2 * PIECE_S:
        return [recording]
    made = []
    with soundfile.SoundFile(clip.path) as sound_file:
        subtype, rate = sound_file.subtype, sound_file.samplerate
        for number in range(int(clip.seconds // PIECE_S)):
            out = folder / f"{stem}-{number:02d}.wav"
            samples = sound_file.read(int(PIECE_S * rate), dtype="int32" if "PCM" in subtype else "float32")
            soundfile.write(out, samples, rate, subtype=subtype)
            made.append(replace(recording, clip=replace(clip, path=out, seconds=len(samples) / rate)))
    return made


def named(recordings: Sequence[Long]) -> dict[str, Long]:
    """The recordings by the names of their cases."""
    return {f"longer/{one.clip.source}/{one.whole}/{one.clip.path.stem}": one for one in recordings}


def measure(
    folder: Path,
    cache: Path,
    jobs: int = 1,
    only: Sequence[str] = (),
    progress: Progress = lambda rows, total: rows,
) -> tuple[list[Long], list[Row]]:
    """Examine everything; rows as the validation has them, from the results in the cache where they are valid."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    recordings = [piece for one in long_clips(folder) for piece in pieces(one, cache / "pieces")]
    groups = {"": tuple(only), "mains": ("signal.enf",)}
    if only and "signal.enf" not in only:
        del groups["mains"]
    done: list[Row] = []
    for content, methods in groups.items():
        mine = [(name, one) for name, one in named(recordings).items() if (one.content == "mains") == bool(content)]
        cases = [Case(name, "validation", "never lossy", "", "as published", (one.clip,), 0) for name, one in mine]
        job = Job(methods, None, versions(methods))
        results = cache / f"results-{content or len(methods)}.jsonl"
        results.parent.mkdir(parents=True, exist_ok=True)
        done += progress(perform(cases, job, results, jobs), len(cases))
    return recordings, done


def page(recordings: Sequence[Long], rows: Sequence[Row], command: str, methods: Sequence[str] = ()) -> str:
    """docs/validation/battery-long.md."""
    known = named(recordings)
    heard = [row for row in sound(rows) if known[row["name"]].content != "mains"]
    mains = [row for row in sound(rows) if known[row["name"]].content == "mains"]
    names = [method.id for method in chosen(tuple(methods))]
    left_out = ", ".join(f"`{name}`" for name in LEFT_OUT)
    examining = "the methods of the table" if methods else f"all methods but {left_out}"
    lines = [
        "# Longer recordings",
        "",
        "```",
        command,
        "```",
        "",
        "wrote this page. Most clips of [battery.md](battery.md) last 3 to 8 s, which is too little for the methods "
        f"that compare one part of a recording with another. Here {examining} examine "
        f"{len(heard)} unedited recordings of people, {LEAST_S:g} s and longer ({minutes(heard):.0f} minutes; "
        f"recordings of a minute and more as excerpts of {PIECE_S:g} s). No threshold was chosen on them. But version "
        "1 of speech.speaker-change and of signal.enf raised alarms here that led to their version 2 (102 of 565, 3 of "
        "307, and 4 of 96 of the mains): how version 2 judges was decided knowing of them, with thresholds from other "
        "recordings, so for these two methods the recordings are not unseen. False alarms are counted as in "
        "battery.md. Where the material was looked for and what was found out about it: [material.md](material.md).",
        "",
        *_sources(recordings),
        *_alarms(known, heard, names),
    ]
    if mains:
        lines += _mains(known, mains)
    lines += _reasons(known, heard, [name for name in SOURCES if name in names])
    failed = [f"- {row['source']}, {row['clip']}: {row['error'][:160]}" for row in rows if "error" in row]
    return "\n".join([*lines, *(["## Could not be read", "", *failed, ""] if failed else [])])


def _sources(recordings: Sequence[Long]) -> list[str]:
    groups: dict[str, list[Long]] = defaultdict(list)
    for one in recordings:
        groups[one.clip.source].append(one)
    lines = [
        "## Sources",
        "",
        "| source | from | recordings | excerpts | minutes | longest | speakers told apart | history |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for source, mine in sorted(groups.items()):
        seconds = [one.clip.seconds for one in mine]
        speakers = len({one.clip.speaker for one in mine} - {""})
        lines.append(
            f"| {source} | {mine[0].clip.origin} | {len({one.whole for one in mine})} | {len(mine)} "
            f"| {sum(seconds) / 60:.0f} | {max(seconds):.0f} s | {speakers or 'not known'} | {mine[0].history} |"
        )
    return [*lines, ""]


def _alarms(known: dict[str, Long], rows: Sequence[Row], names: Sequence[str]) -> list[str]:
    lines = [
        "## False alarms",
        "",
        "speech.speaker-change is counted on recordings of one voice only.",
        "",
        "| method | tested | could not be tested | inconclusive | false alarms | rate | sources | speakers |",
        "|---|---|---|---|---|---|---|---|",
    ]
    listed = []
    for name in names:
        mine = [row for row in rows if name != "speech.speaker-change" or known[row["name"]].voices == 1]
        inside = tested(mine, name)
        alarms = [row for row in inside if false_alarm(row, name)]
        doubt = sum(row["findings"][name]["outcome"] == "inconclusive" for row in inside)
        sources = Counter(row["source"] for row in inside)
        speakers = {known[row["name"]].clip.speaker for row in inside} - {""}
        lines.append(
            f"| {name} | {len(inside)} | {len(mine) - len(inside)} | {doubt} | {len(alarms)} "
            f"| {interval(len(alarms), len(inside))} | {len(sources)} | {len(speakers)} |"
        )
        for row in alarms:
            finding = row["findings"][name]
            said = finding.get("traces") if finding["outcome"] != "inconsistent" else [finding.get("reason", "")]
            listed.append(f"- {row['source']}, {row['clip']}: {name}: {'; '.join(said or ())}")
    lines += ["", "*Speakers* counts those that a source tells apart; where it does not, they are not in it.", ""]
    return [*lines, *(["The false alarms:", "", *listed, ""] if listed else [])]


def phase_step_deg(path: Path, at: float, nominal_hz: float = 50.0, reach_s: float = 2.0) -> float:
    """Step of the phase of the mains about an instant, degrees from 0 to 180, by plain demodulation.

    The phase (means over 0.2 s) is followed by a line through `reach_s` on either side of the instant, half a second
    apart; the step is the distance of the two lines at the instant. This shares nothing with signal.enf.
    """
    samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
    first = max(int((at - reach_s - 0.5) * rate), 0)
    part = samples[first : int((at + reach_s + 0.5) * rate), 0]
    width = round(0.2 * rate)
    count = len(part) // width
    if count < 6:
        return 0.0
    seconds = (first + np.arange(count * width)) / rate
    turned = part[: count * width] * np.exp(-2j * np.pi * nominal_hz * seconds)
    phase = np.angle(turned.reshape(count, width).mean(axis=1))
    middle = seconds.reshape(count, width).mean(axis=1) - at
    ends = []
    for side in (middle < -0.25, middle > 0.25):
        if side.sum() < 2:
            return 0.0
        ends.append(float(np.polyval(np.polyfit(middle[side], np.unwrap(phase[side]), 1), 0.0)))
    step = (ends[1] - ends[0] + np.pi) % (2 * np.pi) - np.pi
    return float(abs(np.degrees(step)))


def _mains(known: dict[str, Long], rows: Sequence[Row]) -> list[str]:
    name = "signal.enf"
    inside = tested(rows, name)
    outcomes = Counter(row["findings"][name]["outcome"] for row in rows)
    lines, real = [], 0
    for row in inside:
        if not false_alarm(row, name):
            continue
        places = [0.5 * (start + end) for start, end in row["findings"][name].get("places", ())]
        steps = [phase_step_deg(known[row["name"]].clip.path, at) for at in places]
        real += bool(steps) and min(steps) >= LEAST_STEP_DEG
        said = ", ".join(f"{at:.1f} s ({step:.0f}°)" for at, step in zip(places, steps, strict=True))
        lines.append(f"- {row['source']}, {known[row['name']].whole.rpartition('/')[2]}: {said}")
    alarms = len(lines) - real
    words = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in outcomes.most_common())
    return [
        "## The mains themselves",
        "",
        "Recordings of the power line that two data sets publish as references (16 bit, 400 Hz; no speech). They show "
        "signal.enf how real mains wander, over far longer stretches than any speech here has hum: "
        f"{len(rows)} recordings, {minutes(rows) / 60:.1f} hours: {words}.",
        "",
        f"In {real} of the {len(lines)} recordings in which it found jumps, plain demodulation, which shares nothing "
        f"with the method, shows a step of the phase of {LEAST_STEP_DEG:g}° or more at every one of them: sound was "
        "lost there when they were made (10 ms, or an odd multiple, is 180° at 50 Hz). These are no false alarms. "
        f"False alarms: {alarms} of {len(inside) - real}: {interval(alarms, len(inside) - real)}.",
        "",
        *(["Jumps found, and the step by demodulation:", "", *lines, ""] if lines else []),
    ]


def _reasons(known: dict[str, Long], rows: Sequence[Row], names: Sequence[str]) -> list[str]:
    lines = [
        "## Why methods abstain",
        "",
        "| method | reason (figures left out) | recordings | median length |",
        "|---|---|---|---|",
    ]
    for name in names:
        reasons: dict[str, list[float]] = defaultdict(list)
        for row in rows:
            finding = row["findings"].get(name, {})
            if finding.get("outcome") == "could_not_test":
                short = re.sub(r"-?\d+(\.\d+)?", "…", finding.get("reason", ""))
                reasons[short].append(row["seconds"])
        for reason, seconds in sorted(reasons.items(), key=lambda item: -len(item[1])):
            lines.append(f"| {name} | {reason} | {len(seconds)} | {np.median(seconds):.1f} s |")
    return [*lines, ""]
