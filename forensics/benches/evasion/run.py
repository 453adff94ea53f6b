"""Every manipulation of every clip, what it costs and what each line of evidence says of it; kept clip by clip."""

from __future__ import annotations

import hashlib
import json
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

from detectors.inference import RATE
from forensics.benches.detector.run import Answer, Lines, versions
from forensics.benches.evasion.cost import Cost, cost
from forensics.benches.evasion.gradient import STEPS, VERDICT, Opponent
from forensics.benches.evasion.manipulations import NOTHING, Manipulation, Task, manipulations
from forensics.benches.evasion.material import GROUPS, Group, Host, hosts, key
from forensics.exhibit import Exhibit
from forensics.methods._trained_line import TrainedLine
from forensics.methods.codes_statistics import CodesStatistics
from synth import audio
from synth.channels.base import FloatArray
from synth.errors import VoxproofError
from synth.watermark.detect import detect

CODE = (
    *("detectors/*.py", "detectors/weights/*.yaml", "detectors/train/copies/*.py", "forensics/fusion.py"),
    *("forensics/methods/_trained_line.py", "forensics/methods/codes_statistics.py", "forensics/range/laundering.py"),
    *(f"forensics/benches/evasion/{name}.py" for name in ("cost", "gradient", "manipulations", "material", "run")),
    *("synth/channels/*.py", "synth/watermark/*.py"),
)
"""Files that decide a row."""
LINES = ("detector.speech", "detector.spectral", VERDICT)
CODES = "codes.statistics"
Progress = Callable[[Iterable[Host], int], Iterable[Host]]


@dataclass(frozen=True)
class Wanted:
    """What a run is asked for."""

    path: Path
    """List of labelled clips, as `voxproof bench detector` reads it."""
    cache: Path
    own: Path | None = None
    """Folder of `voxproof range` with clones of ours."""
    numbers: Mapping[Group, int] = field(default_factory=lambda: dict.fromkeys(GROUPS, 20))
    seed: int = 1
    steps: int = STEPS


@dataclass(frozen=True)
class Row:
    """One manipulation of one clip."""

    clip: str
    group: Group
    generator: str
    source: str
    manipulation: str
    family: str
    cost: Cost
    answers: Mapping[str, Answer]
    """By line, the codes of our model among them for our own clones; empty where nothing could be tested."""
    mark_found: bool
    mark_authenticated: bool
    reason: str = ""
    """Why nothing could be tested."""


def measure(wanted: Wanted, progress: Progress = lambda some, total: some) -> list[Row]:
    """All rows; those of clips that are in the cache are read from there."""
    wanted.cache.mkdir(parents=True, exist_ok=True)
    chosen = hosts(wanted.path, wanted.own, wanted.numbers, wanted.seed, _worth_it)
    return [row for host in progress(chosen, len(chosen)) for row in _kept(host, wanted)]


def _worth_it(host: Host) -> bool:
    """Whether there is evidence to destroy, or a person's clip that can be tested."""
    with tempfile.TemporaryDirectory(prefix="voxproof-bench-") as folder:
        answers, _ = _answers(host.samples, Path(folder), "")
    return bool(answers) and (host.group != "other generators" or answers[VERDICT].outcome == "machine")


def _kept(host: Host, wanted: Wanted) -> list[Row]:
    """The rows of a clip, from the cache or made and put there."""
    whole = (host.name, host.group, host.samples.tobytes(), wanted.seed, wanted.steps, versions(CODE))
    digest = hashlib.sha256(b"".join(one if isinstance(one, bytes) else repr(one).encode() for one in whole))
    path = wanted.cache / f"{digest.hexdigest()[:24]}.jsonl"
    if path.is_file():
        return [_read(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows = list(_rows(host, wanted))
    part = path.with_suffix(".part")
    part.write_text("".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    part.replace(path)
    return rows


def _read(line: str) -> Row:
    members = json.loads(line)
    answers = {name: Answer(**answer) for name, answer in members.pop("answers").items()}
    return Row(**{**members, "cost": Cost(**members["cost"]), "answers": answers})


def _rows(host: Host, wanted: Wanted) -> Iterator[Row]:
    seed = zlib.crc32(f"{wanted.seed}:{host.name}".encode())
    task = Task(host.samples, "machine" if host.group == "people" else "human", seed, _opponent(), wanted.steps)
    with tempfile.TemporaryDirectory(prefix="voxproof-bench-") as folder:
        for manipulation in manipulations():
            yield _row(host, manipulation, task, wanted.seed, Path(folder))


def _row(host: Host, manipulation: Manipulation, task: Task, seed: int, folder: Path) -> Row:
    facts = (host.name, host.group, host.generator, host.source, manipulation.name, manipulation.family)
    try:
        changed = manipulation(task)
    except VoxproofError as error:
        nan = float("nan")
        return Row(*facts, Cost(nan, nan, nan, nan, nan), {}, False, False, f"could not be made: {error.cause}")
    answers, reason = _answers(changed, folder, host.group)
    mark = detect(changed, RATE, [key(seed)])
    costs = cost(host.samples, changed) if manipulation.name != NOTHING else Cost(120.0, 0.0, *[float("nan")] * 3)
    return Row(*facts, costs, answers, mark.outcome == "found", bool(mark.authenticated), reason)


def _answers(samples: FloatArray, folder: Path, group: Group | str) -> tuple[dict[str, Answer], str]:
    """What the lines say of samples [time]; of our own clones also the statistics of the codes."""
    path = folder / "clip.wav"
    audio.write(path, samples, RATE, "FLOAT")
    with Exhibit.open(path) as exhibit:
        answers, reason = _lines().answers(exhibit)
        if group == "our own clones":
            finding = CodesStatistics().run(exhibit)
            value = finding.measurements.get("checkpoint_log10_lr")
            if isinstance(value, float):
                word = "machine" if finding.outcome == "inconsistent" else "neither"
                answers[CODES] = Answer(word, finding.log10_lr or 0.0, value)
    return answers, reason


@cache
def _lines() -> Lines:
    return Lines.shipped()


@cache
def _opponent() -> Opponent:
    methods = [method for method in _lines().methods if isinstance(method, TrainedLine)]
    return Opponent.of(methods, _lines().fusion)
