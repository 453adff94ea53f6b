"""Score every clip in every condition as `voxproof verify` does; what is done stays on disk, clip by clip."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from detectors.calibration import raw_log10_lr
from detectors.card import WEIGHTS
from detectors.fusion import Fusion, load_fusion
from detectors.neutral import RATE
from detectors.trivial import features
from forensics.battery import load_battery
from forensics.benches.detector.clips import Clip, Fault
from forensics.benches.detector.conditions import LONGEST_S, ORIGINAL, Condition, FloatArray, conditions
from forensics.exhibit import Exhibit
from forensics.fusion import judge_origin
from forensics.method import Method
from forensics.methods._trained_line import TrainedLine
from forensics.records import Finding
from synth import audio
from synth.errors import VoxproofError

VERDICT = "verdict"
ROOT = Path(__file__).parents[3]
CODE = (
    *(
        f"detectors/{name}.py"
        for name in ("calibration", "domain", "fusion", "head", "inference", "neutral", "spectral", "speech")
    ),
    *("detectors/trivial.py", "detectors/weights/*.yaml", "forensics/fusion.py", "forensics/methods/_trained_line.py"),
    *("forensics/benches/detector/run.py", "forensics/benches/detector/conditions.py"),
    *("synth/channels/*.py", "synth/measures.py"),
)
"""Files that decide a row; weights by the hashes in their cards."""


@dataclass(frozen=True)
class Answer:
    """What a line, or all of them together, says."""

    outcome: str
    """machine, human or neither: the word at the shipped threshold."""
    log10_lr: float
    """As reported, bounded."""
    score: float
    """The same before bounds, which orders clips."""


@dataclass(frozen=True)
class Scored:
    """A clip in a condition."""

    key: str
    """Digest of all that decides the row."""
    name: str
    condition: str
    seconds: float
    """Of the sound that was scored."""
    answers: Mapping[str, Answer]
    """By line, and of the verdict; empty where it could not be tested."""
    features: tuple[float, ...]
    """Of detectors.trivial."""
    reason: str = ""
    """Why it could not be tested."""


@dataclass(frozen=True)
class Settings:
    """What decides how clips are scored."""

    with_neutral: bool = False
    channels: tuple[str, ...] = ()
    seed: int = 1


Said = tuple[dict[str, Answer], str]
Measured = tuple[list[Scored], Fault | None]


def measure(clips: Sequence[Clip], settings: Settings, kept: Path, jobs: int = 1) -> Iterator[Measured]:
    """For every clip its rows, and a fault where it cannot be read; what is in the file `kept` is not done again."""
    known, whole = _read(kept)
    names = tuple(_conditions(settings))
    keys = [{name: _key(clip, name, settings) for name in names} for clip in clips]
    missing = [tuple(name for name, key in wanted.items() if key not in known) for wanted in keys]
    tasks = [(clip, wanted, names, settings) for clip, wanted, names in zip(clips, keys, missing, strict=True) if names]
    pool = ProcessPoolExecutor(jobs, get_context("forkserver"), _begin, (sys.path,)) if jobs > 1 and tasks else None
    made = pool.map(_task, tasks, chunksize=4) if pool else map(_task, tasks)
    kept.parent.mkdir(parents=True, exist_ok=True)
    try:
        with kept.open("a", encoding="utf-8") as stream:
            stream.write("" if whole else "\n")
            for wanted, lacking in zip(keys, missing, strict=True):
                rows, fault = next(made) if lacking else ([], None)
                stream.writelines(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)
                stream.flush()
                yield [known[key] for key in wanted.values() if key in known] + rows, fault
    finally:
        if pool:
            pool.shutdown(wait=True, cancel_futures=True)


def _read(kept: Path) -> tuple[dict[str, Scored], bool]:
    """Rows on disk by key, and whether the last line is whole; a torn one, or one of another form, is passed over."""
    rows = {}
    text = kept.read_text(encoding="utf-8") if kept.is_file() else ""
    for line in text.splitlines():
        try:
            members = json.loads(line)
            answers = {name: Answer(**answer) for name, answer in members.pop("answers").items()}
            row = Scored(**{**members, "answers": answers, "features": tuple(members["features"])})
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
        rows[row.key] = row
    return rows, not text or text.endswith("\n")


@cache
def _conditions(settings: Settings) -> dict[str, Condition | None]:
    return conditions(settings.with_neutral, settings.channels, settings.seed)


@cache
def versions(patterns: tuple[str, ...] = CODE) -> str:
    """Digest of the code and constants that decide the answers, files of this repository."""
    digest = hashlib.sha256()
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _key(clip: Clip, condition: str, settings: Settings) -> str:
    facts = clip.path.stat()
    seed = 0 if condition == ORIGINAL else settings.seed
    whole = (str(clip.path.resolve()), facts.st_size, facts.st_mtime_ns, clip.name, condition, seed, versions())
    return hashlib.sha256(repr(whole).encode()).hexdigest()[:24]


def _begin(path: list[str]) -> None:
    sys.path[:] = path
    threadpool_limits(1)


def _task(task: tuple[Clip, Mapping[str, str], tuple[str, ...], Settings]) -> Measured:
    clip, keys, names, settings = task
    try:
        return list(_scored(clip, keys, names, settings)), None
    except (VoxproofError, OSError) as error:
        return [], Fault(clip.name, f"cannot be read: {getattr(error, 'cause', error)}")
    except Exception as error:  # one clip's fault must not end a run of hours; the page names it
        return [], Fault(clip.name, f"could not be scored ({type(error).__name__}: {error})")


def _scored(clip: Clip, keys: Mapping[str, str], names: Iterable[str], settings: Settings) -> Iterator[Scored]:
    lines = _lines()
    made = _conditions(settings)
    with Exhibit.open(clip.path) as exhibit, tempfile.TemporaryDirectory(prefix="voxproof-bench-") as folder:
        start = beginning(exhibit)
        for name in names:
            condition = made[name]
            if condition is None:
                habits = features(start, exhibit.facts.sample_rate)
                yield _row(keys[name], clip, name, exhibit.seconds, lines.answers(exhibit), habits)
                continue
            samples = condition(start, clip.name)
            if not samples.size:
                yield Scored(keys[name], clip.name, name, 0.0, {}, (), "The clip is too short for this condition.")
                continue
            path = Path(folder) / "passed.wav"
            audio.write(path, samples, RATE, "FLOAT")
            with Exhibit.open(path) as passed:
                yield _row(keys[name], clip, name, passed.seconds, lines.answers(passed), features(samples))


def _row(
    key: str,
    clip: Clip,
    name: str,
    seconds: float,
    said: tuple[dict[str, Answer], str],
    habits: npt.NDArray[np.float64],
) -> Scored:
    answers, reason = said
    return Scored(key, clip.name, name, round(seconds, 3), answers, tuple(round(float(v), 6) for v in habits), reason)


def beginning(exhibit: Exhibit) -> FloatArray:
    """Samples [time] at 16 kHz, one channel, of at most the first minute."""
    blocks, held = [np.zeros(0, np.float32)], 0
    for block in exhibit.recording.resampled(RATE):
        blocks.append(block)
        held += block.size
        if held >= LONGEST_S * RATE:
            break
    return np.concatenate(blocks)[: LONGEST_S * RATE]


class Lines:
    """The methods whose evidence the verdict on origin weighs, as the battery has them."""

    def __init__(self, fusion: Fusion, methods: Sequence[Method]) -> None:
        self.fusion, self.methods = fusion, methods

    @classmethod
    def shipped(cls) -> Lines:
        """With the weights and constants of the package."""
        fusion = load_fusion(WEIGHTS / "fusion.yaml")
        return cls(fusion, [method for method in load_battery(sorted(fusion.lines)) if method.id in fusion.lines])

    def answers(self, exhibit: Exhibit) -> Said:
        """What each line and the verdict say, and why it could not be tested if so."""
        findings = [method.run(exhibit) for method in self.methods]
        verdict = judge_origin(findings, self.fusion)
        if verdict.log10_lr is None:
            return {}, " ".join(dict.fromkeys(reason for finding in findings for reason in finding.reasons))
        answers, scores = {}, {}
        for method, finding in zip(self.methods, findings, strict=True):
            if finding.log10_lr is not None and finding.in_domain:
                scores[method.id] = unbounded(method, finding)
                word = {"inconsistent": "machine", "consistent": "human"}.get(finding.outcome, "neither")
                answers[method.id] = Answer(word, finding.log10_lr, scores[method.id])
        said = {"supports_machine": "machine", "supports_human": "human"}.get(verdict.outcome, "neither")
        answers[VERDICT] = Answer(said, verdict.log10_lr, self.fusion.unbounded(scores))
        return answers, ""


@cache
def _lines() -> Lines:
    return Lines.shipped()


def unbounded(method: Method, finding: Finding) -> float:
    """A trained line's log10 LR before its bounds; of another line, the one reported."""
    measured = finding.measurements
    if isinstance(method, TrainedLine):
        logit, seconds = (np.array([float(measured[name])]) for name in ("logit", "scored_speech_s"))  # type: ignore[arg-type]
        return float(raw_log10_lr(method.card.calibration, logit, seconds)[0])
    return float(finding.log10_lr or 0.0)
