"""Measure the mark on many voices under every attack; every result is one line of a file, so a run can go on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import numpy as np

from forensics.benches.watermark.attacks import ATTACKS, RATE
from forensics.benches.watermark.material import Voice
from forensics.benches.watermark.quality import quality
from synth.channels.base import FloatArray
from synth.watermark.detect import detect
from synth.watermark.embed import MarkError, embed
from synth.watermark.keys import WatermarkKey, trial_key
from synth.watermark.payload import Payload

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")
Identity = tuple[str, str, float, str]
LENGTHS = (5.0, 10.0, 4.0)
START_S = 0.5


@dataclass(frozen=True)
class Row:
    """One detection, or one measurement of quality."""

    part: str
    """marked, unmarked, quality or place; the first three with "perth " before them for the third party's mark."""
    voice: str
    human: bool
    seconds: float
    attack: str
    score: float = 0.0
    found: bool = False
    right: bool = False
    """The payload authenticated and is the one that was put in."""
    wrong: bool = False
    """A payload authenticated that was not put in."""
    cost_s: float = 0.0
    """Processor time of the detection (of the embedding, for quality)."""
    values: tuple[float, ...] = ()
    """Quality: as `quality` gives them. Place: intersection over union."""

    @property
    def identity(self) -> Identity:
        return self.part, self.voice, self.seconds, self.attack


def bench_key(seed: int, name: str) -> WatermarkKey:
    """A key of the bench, not of anybody."""
    return trial_key(f"bench/{seed}/{name}")


def measure(
    voices: list[Voice],
    results: Path,
    seed: int,
    lengths: tuple[float, ...] = LENGTHS,
    progress: Callable[[int, int], None] = lambda done, total: None,
    jobs: int = 1,
    perth: bool = False,
    further: Sequence[Voice] = (),
) -> list[Row]:
    """All rows of these voices; those in the file `results` are not measured again.

    Of the voices `further`, only what unmarked speech of 5 s looks like under each attack.
    """
    done = {row.identity: row for row in load(results)}
    parts = [(length, part) for length in lengths for part in ("marked", "unmarked")] + [(10.0, "place")]
    parts += [(5.0, "perth")] * perth
    wanted = [(voice, *part) for voice in voices for part in parts] + [(v, 5.0, "unmarked") for v in further]
    plan = [
        (voice, length, part, seed, frozenset(one for one in done if one[1] == voice.name))
        for voice, length, part in wanted
    ]
    with results.open("a", encoding="utf-8") as stream:
        for number, rows in enumerate(mapped(_task, plan, jobs)):
            progress(number, len(plan))
            done.update((row.identity, row) for row in rows)
            stream.writelines(json.dumps(asdict(row)) + "\n" for row in rows)
            stream.flush()
    names = {voice.name for voice, *_ in wanted}
    return [row for row in done.values() if row.voice in names]


def mapped(function: Callable[[_Task], _Result], tasks: Sequence[_Task], jobs: int) -> Iterator[_Result]:
    """Results in the order of the tasks, from `jobs` processes."""
    if jobs < 2:
        yield from map(function, tasks)
        return
    pool = ProcessPoolExecutor(jobs, get_context("forkserver"))
    try:
        yield from pool.map(function, tasks)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _task(task: tuple[Voice, float, str, int, frozenset[Identity]]) -> list[Row]:
    """The rows of one voice, length and part that are not there yet."""
    voice, seconds, part, seed, done = task
    rows: list[Row] = []
    with suppress(MarkError):  # too quiet or too little speech: nothing is emitted, so there is nothing to detect
        if part == "perth":
            from forensics.benches.watermark import perth

            rows.extend(perth.rows(voice, _sound(voice, seconds), _number(voice.name, seed), done))
        else:
            rows.extend(_part(voice, seconds, part, seed, done))
    return rows


def load(results: Path) -> list[Row]:
    """Rows of a results file, the last of each identity; a torn last line is left out."""
    rows: dict[Identity, Row] = {}
    for line in results.read_text(encoding="utf-8").splitlines() if results.is_file() else []:
        try:
            members = json.loads(line)
        except json.JSONDecodeError:
            continue
        row = Row(**{**members, "values": tuple(members["values"])})
        rows[row.identity] = row
    return list(rows.values())


def _part(voice: Voice, seconds: float, part: str, seed: int, done: frozenset[Identity]) -> Iterator[Row]:
    if part == "place":
        if (part, voice.name, seconds, "none") not in done:
            yield _place(voice, seed)
        return
    wanted = [a for a in ATTACKS if (part, voice.name, seconds, a.name) not in done]
    if seconds == 4.0:
        wanted = [a for a in wanted if a.payload_5s is not None or a.name == "none"]
    if seconds != 5.0:
        wanted = [a for a in wanted if a.name != "1 s excerpt"]
    if seconds != 5.0 and part == "unmarked":
        wanted = []
    if not wanted:
        return
    number = _number(voice.name, seed)
    payload, key = Payload(number, number % 256), bench_key(seed, "issuer" if part == "marked" else voice.name)
    sound, cost = _sound(voice, seconds), 0.0
    if part == "marked":
        original, begun = sound, time.process_time()
        sound = embed(original[:, None], RATE, key, payload).samples[:, 0].astype(np.float32)
        cost = time.process_time() - begun
        if seconds == 5.0 and ("quality", voice.name, seconds, "none") not in done:
            yield Row(
                "quality", voice.name, voice.human, seconds, "none", cost_s=cost, values=quality(original, sound, RATE)
            )
    for attack in wanted:
        changed = attack(sound, number)
        begun = time.process_time()
        found = detect(changed, RATE, [key])
        cost = time.process_time() - begun
        yield Row(
            part,
            voice.name,
            voice.human,
            seconds,
            attack.name,
            found.score,
            found.outcome == "found",
            bool(found.authenticated) and found.payload == payload and part == "marked",
            bool(found.authenticated) and (found.payload != payload or part != "marked"),
            cost,
        )


def _place(voice: Voice, seed: int) -> Row:
    """One second of the mark in ten seconds of sound: the overlap of what is found with what was marked."""
    sound = _sound(voice, 10.0)
    key, number = bench_key(seed, "issuer"), _number(voice.name, seed)
    marked = embed(sound[:, None], RATE, key, Payload(number, 0)).samples[:, 0]
    power = np.convolve(sound.astype(np.float64) ** 2, np.ones(RATE), "valid")[:: RATE // 50]
    loud = np.flatnonzero(power >= np.median(power))
    start = int(loud[number % loud.size]) * (RATE // 50)
    mixed = sound.astype(np.float64)
    mixed[start : start + RATE] = marked[start : start + RATE]
    begun = time.process_time()
    found = detect(mixed, RATE, [key])
    cost = time.process_time() - begun
    axis = np.arange(0, 10, 0.01)
    truth = (axis >= start / RATE) & (axis < start / RATE + 1)
    said = np.zeros(axis.size, bool)
    for segment in found.segments:
        said |= (axis >= segment.start_s) & (axis < segment.end_s)
    overlap = float((truth & said).sum() / (truth | said).sum())
    return Row(
        "place",
        voice.name,
        voice.human,
        10.0,
        "none",
        found.score,
        found.outcome == "found",
        cost_s=cost,
        values=(overlap,),
    )


@lru_cache(maxsize=2)
def _whole(voice: Voice) -> FloatArray:
    return voice.samples()


def _sound(voice: Voice, seconds: float) -> FloatArray:
    start = int(START_S * RATE)
    return _whole(voice)[start : start + int(seconds * RATE)]


def _number(name: str, seed: int) -> int:
    return int.from_bytes(sha256(f"{seed}/{name}".encode()).digest()[:4], "big")
