"""Time and memory against the length of a recording: stereo, 44.1 kHz, minutes to hours, each in its own process.

The recordings are made here: clips of speech in an order drawn by a seed, between pauses, on two channels of different
gain with independent noise 60 dB below full scale. `measure_long` examines each with the whole battery; the cost must
grow with the length and no faster, and the memory must not grow to speak of.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soxr

from synth.audio import prepare, read

RATE = 44_100
MINUTES = (10.0, 30.0, 60.0, 180.0)
NOISE = 0.001
"""RMS of the noise, full scale 1."""
PAUSE_S = (0.3, 1.5)
MOST_RTF, MOST_MB = 0.15, 1500.0
"""The product's budgets: seconds of work per second of sound, and peak memory."""
MOST_GROWTH = 1.25
"""Cost of a minute in the longest recording against one in the shortest, from which the cost is not linear."""


@dataclass(frozen=True)
class LongRow:
    """What the examination of one recording cost."""

    minutes: float
    """Length of the recording."""
    file_mb: float
    """Size of the FLAC file."""
    seconds: float
    """Wall time from the call to the finished record, models loaded; it depends on what else the machine does."""
    cpu_seconds: float
    """Processor time of the process and of its decoding child, all threads."""
    parent_mb: float
    """Peak resident memory of the process."""
    child_mb: float
    """Peak resident memory of the decoding server and its child."""
    steps: dict[str, float]
    """Processor seconds of this process by step: decoding, then each method by its title."""
    peaks: dict[str, float]
    """Peak resident memory of the process in each step, MB (Linux; elsewhere up to the end of the step)."""

    @property
    def rtf(self) -> float:
        """Wall seconds per second of sound."""
        return self.seconds / (60 * self.minutes)

    @property
    def cpu_rtf(self) -> float:
        """Processor seconds per second of sound."""
        return self.cpu_seconds / (60 * self.minutes)


@dataclass(frozen=True)
class LongSummary:
    """All lengths, and what follows from them."""

    rows: tuple[LongRow, ...]
    """By length."""

    @property
    def growth(self) -> float:
        """Processor time of a minute in the longest recording over that in the shortest."""
        return self.rows[-1].cpu_rtf / self.rows[0].cpu_rtf

    @property
    def mb_per_hour(self) -> float:
        """Peak memory of parent and child together that one more hour costs, from the shortest to the longest."""
        first, last = self.rows[0], self.rows[-1]
        hours = (last.minutes - first.minutes) / 60
        return (last.parent_mb + last.child_mb - first.parent_mb - first.child_mb) / hours if hours else 0.0

    @property
    def complaints(self) -> tuple[str, ...]:
        """Which budget is exceeded; none when all is well. Time is judged by the processor's, not by the wall's."""
        found = []
        for row in self.rows:
            if row.cpu_rtf > MOST_RTF:
                found.append(f"{row.minutes:g} min: {row.cpu_rtf:.3f} s of processor per second, {MOST_RTF} allowed")
            if row.parent_mb + row.child_mb > MOST_MB:
                found.append(f"{row.minutes:g} min: {row.parent_mb + row.child_mb:.0f} MB, {MOST_MB:.0f} allowed")
        if self.growth > MOST_GROWTH:
            found.append(f"a minute of the longest recording costs {self.growth:.2f} times one of the shortest")
        return tuple(found)

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        rows = [asdict(row) | {"rtf": row.rtf, "cpu_rtf": row.cpu_rtf} for row in self.rows]
        return {
            "rows": rows,
            "growth": self.growth,
            "mb_per_hour": self.mb_per_hour,
            "complaints": list(self.complaints),
        }


def measure_long(
    clips: Sequence[Path],
    minutes: Sequence[float] = MINUTES,
    seed: int = 0,
    on_step: Callable[[str], None] = lambda text: None,
) -> LongSummary:
    """Make and examine a recording of every length, one after the other; each file is removed before the next."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="voxproof-long-") as folder:
        for length in sorted(minutes):
            path = Path(folder) / f"{length:g} minutes.flac"
            on_step(f"{length:g} min: writing")
            write_long(path, clips, 60 * length, seed)
            on_step(f"{length:g} min: examining")
            rows.append(_examine_apart(path, length))
            path.unlink()
    return LongSummary(tuple(rows))


def write_long(path: Path, clips: Sequence[Path], seconds: float, seed: int = 0) -> None:
    """Stereo FLAC of exactly `seconds`, written piece by piece: nothing longer than a clip is held in memory."""
    import soundfile

    rng = np.random.default_rng(seed)
    sounds = [np.asarray(soxr.resample(clip.mono, clip.rate, RATE), np.float32) for clip in map(read, clips)]
    left = round(seconds * RATE)
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16", format="FLAC") as file:
        while left > 0:
            pause = np.zeros(int(rng.uniform(*PAUSE_S) * RATE), np.float32)
            voice = np.concatenate([sounds[rng.integers(len(sounds))], pause])[:left]
            both = voice[:, None] * np.array([0.8, 0.6], np.float32)
            file.write(both + NOISE * rng.standard_normal(both.shape, dtype=np.float32))
            left -= len(voice)


def _examine_apart(path: Path, minutes: float) -> LongRow:
    """Run this module on the file in a fresh interpreter, so that the peaks are its own."""
    command = [sys.executable, "-m", "forensics.benches.long", str(path)]
    root = str(Path(__file__).resolve().parents[2])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    return LongRow(minutes=minutes, file_mb=round(path.stat().st_size / 1e6, 1), **json.loads(done.stdout))


def _examine(path: Path) -> dict[str, object]:
    """Examine in this process and say what it cost."""
    prepare()
    from detectors.fusion import load_fusion
    from forensics.battery import load_battery
    from forensics.examine import examine
    from synth.decoding import worker

    battery, fusion = load_battery(), load_fusion()
    clock: list[tuple[str, float, float]] = []

    def begun(title: str) -> None:
        clock.append((title, time.process_time(), _peak_bytes() / 1e6))
        if _FORGET_PEAK.exists():
            _FORGET_PEAK.write_text("5")

    began, cpu = time.perf_counter(), time.process_time()
    examination = examine(path, battery, fusion, on_step=begun)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    if examination.exhibit.seconds is None:
        raise ValueError(f"{path}: {examination.verdict.reasons}")
    begun("")
    worker.shut()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu + children.ru_utime + children.ru_stime, 2),
        "parent_mb": round(max(peak for _, _, peak in clock), 1),
        "child_mb": round(children.ru_maxrss * unit / 1e6, 1),
        "steps": {title: round(after - at, 2) for (title, at, _), (_, after, _) in itertools.pairwise(clock)},
        "peaks": {title: round(peak, 1) for (title, _, _), (_, _, peak) in itertools.pairwise(clock)},
    }


_FORGET_PEAK = Path("/proc/self/clear_refs")
"""Writing 5 sets the peak to what is used now; see proc(5)."""


def _peak_bytes() -> int:
    """Peak resident memory of this process; ru_maxrss would count the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def draw(summary: LongSummary, path: Path) -> None:
    """Time and memory against the length, with the budgets."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    minutes = [row.minutes for row in summary.rows]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.6), layout="constrained")
    left.plot(minutes, [row.cpu_seconds / 60 for row in summary.rows], "o-", color="#1f4e79", label="processor time")
    left.plot(minutes, [row.seconds / 60 for row in summary.rows], "s:", color="#8a8a8a", label="wall time")
    left.plot([0, minutes[-1]], [0, MOST_RTF * minutes[-1]], "--", color="#b03030", label=f"budget: {MOST_RTF}")
    left.set(xlabel="length of the recording, minutes", ylabel="minutes", title="Time")
    right.plot(minutes, [row.parent_mb for row in summary.rows], "o-", color="#1f4e79", label="examining process")
    right.plot(minutes, [row.child_mb for row in summary.rows], "s-", color="#2e7d32", label="decoding child")
    right.axhline(MOST_MB, ls="--", color="#b03030", label="budget, together")
    right.set(xlabel="length of the recording, minutes", ylabel="MB", title="Peak memory", ylim=(0, MOST_MB * 1.1))
    for axis in (left, right):
        axis.set_xlim(left=0)
        axis.grid(alpha=0.3)
        axis.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=130, metadata={"Software": None})
    plt.close(figure)


def table(summary: LongSummary) -> str:
    """The figures as Markdown: one row a length, then the dearest steps of the longest."""
    lines = [
        "| length | file | wall time | processor time | per second of sound | peak, process | peak, decoding child |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row.minutes:g} min | {row.file_mb:.0f} MB | {row.seconds:.0f} s | {row.cpu_seconds:.0f} s | "
        f"{row.cpu_rtf:.4f} | {row.parent_mb:.0f} MB | {row.child_mb:.0f} MB |"
        for row in summary.rows
    ]
    lines.append(
        f"\nA minute of the longest recording costs {summary.growth:.2f} times one of the shortest; one more hour "
        f"takes {summary.mb_per_hour:+.0f} MB. " + ("; ".join(summary.complaints) or "All within the budgets") + "."
    )
    first, last = summary.rows[0], summary.rows[-1]
    heads = "processor time per second of sound, shortest | longest | peak memory, shortest | longest"
    lines += [f"\n| step | {heads} |", "|---|---:|---:|---:|---:|"]
    for title, spent in sorted(last.steps.items(), key=lambda item: -item[1]):
        before = first.steps.get(title, 0.0) / (60 * first.minutes)
        peaks = " | ".join(f"{row.peaks.get(title, 0.0):.0f} MB" for row in (first, last))
        lines.append(f"| {title} | {before:.5f} | {spent / (60 * last.minutes):.5f} | {peaks} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_examine(Path(sys.argv[1]))))
