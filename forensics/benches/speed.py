"""Speed against the budgets: cold commands, the battery as a library, each method, beside a yardstick of the same run.

The yardstick is one second of a fixed single-threaded workload (complex FFTs of 65,536 points in NumPy), so that
figures of two machines, or of one machine on two days, can be compared as ratios.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from synth.audio import read, write

RUNS = 3


@dataclass(frozen=True)
class Row:
    """One measured figure."""

    what: str
    """What was measured."""
    value: float
    """The figure, the median of the runs where there were several."""
    unit: str
    """s, MB, x (times `python -c pass`) or RTF (seconds of work per second of sound)."""
    budget: float | None = None
    """The most that the product allows, same unit; None where there is no budget."""
    per_yardstick: float | None = None
    """Seconds divided by the seconds of the yardstick in the same run."""

    @property
    def holds(self) -> bool:
        """Whether the figure is within its budget."""
        return self.budget is None or self.value <= self.budget

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        return {**asdict(self), "holds": self.holds}


def measure_speed(clip: Path, on_step: Callable[[str], None] = lambda text: None) -> list[Row]:
    """Measure everything on `clip`, cut or repeated to exactly 10 s."""
    with tempfile.TemporaryDirectory(prefix="voxproof-bench-") as folder:
        ten = _ten_seconds(clip, Path(folder))
        on_step("yardstick")
        yardstick = _yardstick()
        rows = [Row("yardstick: 200 FFTs of 65,536 points", yardstick, "s")]
        on_step("cold commands")
        rows += _cold(ten, Path(folder), yardstick)
        on_step("battery as a library")
        rows += _library(ten, yardstick)
    return rows


def _ten_seconds(clip: Path, folder: Path) -> Path:
    sound = read(clip)
    samples = np.resize(sound.samples, (10 * sound.rate, sound.samples.shape[1]))
    out = folder / "ten.wav"
    write(out, samples, sound.rate)
    return out


def _yardstick() -> float:
    x = np.random.default_rng(0).standard_normal(65_536) + 0j
    started = time.perf_counter()
    for _ in range(200):
        np.fft.fft(x)
    return time.perf_counter() - started


def _run(arguments: list[str]) -> tuple[float, float]:
    """Wall seconds and peak memory in MB (of the process and its children together, at most) of a command."""
    started = time.perf_counter()
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    _, _, usage = os.wait4(process.pid, 0)
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def _cold(clip: Path, folder: Path, yardstick: float) -> list[Row]:
    python = sys.executable
    command = [python, "-m", "forensics.cli.main"]

    def median(arguments: list[str]) -> tuple[float, float]:
        runs = [_run(arguments) for _ in range(RUNS)]
        return float(np.median([run[0] for run in runs])), max(run[1] for run in runs)

    bare, _ = median([python, "-c", "pass"])
    help_s, _ = median([*command, "--help"])
    json_s, json_mb = median([*command, "verify", str(clip), "--json"])
    pdf_s, pdf_mb = median([*command, "verify", str(clip), "--json", "--report", str(folder / "report")])
    return [
        Row("python -c pass", bare, "s", per_yardstick=bare / yardstick),
        Row("voxproof --help", help_s / bare, "x", 12.0, help_s / yardstick),
        Row("verify 10 s, cold, JSON", json_s, "s", 5.0, json_s / yardstick),
        Row("verify 10 s, cold, with PDF", pdf_s, "s", 8.0, pdf_s / yardstick),
        Row("peak memory, JSON", json_mb, "MB", 1500.0),
        Row("peak memory, with PDF", pdf_mb, "MB", 1500.0),
    ]


def _median(work: Callable[[], object]) -> float:
    """Median seconds of three runs."""
    runs = []
    for _ in range(RUNS):
        started = time.perf_counter()
        work()
        runs.append(time.perf_counter() - started)
    return float(np.median(runs))


def _library(clip: Path, yardstick: float) -> list[Row]:
    from threadpoolctl import threadpool_limits

    from detectors.fusion import load_fusion
    from forensics.battery import load_battery
    from forensics.examine import examine
    from forensics.exhibit import Exhibit

    battery, fusion = load_battery(), load_fusion()
    examine(clip, battery, fusion)
    whole = _median(partial(examine, clip, battery, fusion))
    rows = [Row("whole battery, models loaded", whole / 10, "RTF", 0.15, whole / yardstick)]
    with threadpool_limits(1), Exhibit.open(clip) as exhibit:
        started = time.perf_counter()
        _ = exhibit.activity
        spent = time.perf_counter() - started
        rows.append(Row("  levels and speech activity", spent / 10, "RTF", None, spent / yardstick))
        for method in battery:
            spent = _median(partial(method.run, exhibit))
            budget = 0.03 if method.id == "detector.speech" else None
            rows.append(Row(f"  {method.id} (one core)", spent / 10, "RTF", budget, spent / yardstick))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [*rows, Row("peak memory of this process", peak, "MB", 1500.0)]
