"""Speed against the budgets: cold commands, the battery as a library, each method, beside a yardstick of the same run.

The yardstick is a fixed single-threaded workload (200 complex FFTs of 65,536 points in NumPy), run again before every
figure, so that figures of two machines, or of one machine on two days, can be compared as ratios.

Every figure is a median. On a shared machine the time on the wall says little, so the budgets are held against the
time that the work takes when it has its processors: for "one core" the processor time of one thread, for whole
commands and the battery the wall time less the time that the process was ready to run and waited for a processor
(`synth.decoding.patience`). The wall time stands beside it.
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
from synth.decoding.patience import waited_seconds

RUNS = 5
COLD_RUNS = 3
TRAINED = "detector."
"""Family of the trained detectors, whose budget is of one core and holds for all of them together."""


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
    """Seconds divided by the processor seconds of the yardstick just before."""
    wall: float | None = None
    """The same figure by the wall clock; it counts what else the machine does."""

    @property
    def holds(self) -> bool:
        """Whether the figure is within its budget."""
        return self.budget is None or self.value <= self.budget

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        return {**asdict(self), "holds": self.holds}


@dataclass(frozen=True)
class Taken:
    """Medians of several runs of one thing, and the yardstick beside them; all in seconds."""

    busy: float
    """Wall time less the time that the main thread waited for a processor."""
    cpu: float
    """Processor time, all threads."""
    wall: float
    """Time on the wall."""
    yardstick: float
    """Processor time of the yardstick just before."""


def measure_speed(clip: Path, on_step: Callable[[str], None] = lambda text: None) -> list[Row]:
    """Measure everything on `clip`, cut or repeated to exactly 10 s."""
    with tempfile.TemporaryDirectory(prefix="voxproof-bench-") as folder:
        ten = _ten_seconds(clip, Path(folder))
        on_step("cold commands")
        rows = _cold(ten, Path(folder))
        on_step("battery as a library")
        rows += _library(ten)
    return [Row("yardstick: 200 FFTs of 65,536 points", _yardstick(), "s"), *rows]


def _ten_seconds(clip: Path, folder: Path) -> Path:
    sound = read(clip)
    samples = np.resize(sound.samples, (10 * sound.rate, sound.samples.shape[1]))
    out = folder / "ten.wav"
    write(out, samples, sound.rate)
    return out


def _yardstick() -> float:
    """Processor seconds of the fixed workload, the median of three."""
    x = np.random.default_rng(0).standard_normal(65_536) + 0j
    runs = []
    for _ in range(3):
        started = time.process_time()
        for _ in range(200):
            np.fft.fft(x)
        runs.append(time.process_time() - started)
    return float(np.median(runs))


def _run(arguments: list[str]) -> tuple[float, float, float, float]:
    """Busy, processor and wall seconds of a command, and the larger peak in MB of it and its children."""
    started = time.perf_counter()
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    wall, waited = time.perf_counter() - started, waited_seconds(process.pid)
    _, _, usage = os.wait4(process.pid, 0)
    return max(0.0, wall - waited), usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024


def _cold(clip: Path, folder: Path) -> list[Row]:
    python = sys.executable
    command = [python, "-m", "forensics.cli.main"]
    peaks: dict[str, float] = {}

    def median(name: str, arguments: list[str]) -> Taken:
        yardstick = _yardstick()
        runs = np.array([_run(arguments) for _ in range(COLD_RUNS)])
        peaks[name] = float(runs[:, 3].max())
        busy, cpu, wall = (float(each) for each in np.median(runs[:, :3], axis=0))
        return Taken(busy, cpu, wall, yardstick)

    def row(name: str, taken: Taken, budget: float | None) -> Row:
        return Row(name, taken.busy, "s", budget, taken.busy / taken.yardstick, taken.wall)

    bare = median("bare", [python, "-c", "pass"])
    helped = median("help", [*command, "--help"])
    plain = median("JSON", [*command, "verify", str(clip), "--json"])
    report = median("PDF", [*command, "verify", str(clip), "--json", "--report", str(folder / "report")])
    times = Row(
        "voxproof --help", helped.busy / bare.busy, "x", 12.0, helped.busy / helped.yardstick, helped.wall / bare.wall
    )
    return [
        row("python -c pass", bare, None),
        times,
        row("verify 10 s, cold, JSON", plain, 5.0),
        row("verify 10 s, cold, with PDF", report, 8.0),
        Row("peak memory, JSON", peaks["JSON"], "MB", 1500.0),
        Row("peak memory, with PDF", peaks["PDF"], "MB", 1500.0),
    ]


def _median(work: Callable[[], object]) -> Taken:
    """Medians over RUNS runs, with the yardstick before them."""
    yardstick = _yardstick()
    runs = []
    for _ in range(RUNS):
        wall, cpu, waited = time.perf_counter(), time.process_time(), waited_seconds(os.getpid())
        work()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        runs.append((max(0.0, wall - (waited_seconds(os.getpid()) - waited)), cpu, wall))
    busy, cpu, wall = (float(each) for each in np.median(np.array(runs), axis=0))
    return Taken(busy, cpu, wall, yardstick)


def _library(clip: Path) -> list[Row]:
    from threadpoolctl import threadpool_limits

    from detectors.fusion import load_fusion
    from forensics.battery import load_battery
    from forensics.examine import examine
    from forensics.exhibit import Exhibit
    from synth.measures import measure_activity

    battery, fusion = load_battery(), load_fusion()
    examine(clip, battery, fusion)
    whole = _median(partial(examine, clip, battery, fusion))
    rows = [
        Row("whole battery, models loaded", whole.busy / 10, "RTF", 0.15, whole.busy / whole.yardstick, whole.wall / 10)
    ]
    with threadpool_limits(1), Exhibit.open(clip) as exhibit:
        _ = exhibit.activity, exhibit.band_edge
        works: list[tuple[str, Callable[[], object]]] = [
            ("levels and speech activity", partial(measure_activity, exhibit.recording)),
            *((method.id, partial(method.run, exhibit)) for method in battery),
        ]
        trained: list[Row] = []
        for name, work in works:
            taken = _median(work)
            rows.append(
                Row(f"  {name} (one core)", taken.cpu / 10, "RTF", None, taken.cpu / taken.yardstick, taken.wall / 10)
            )
            if name.startswith(TRAINED):
                trained.append(rows[-1])
    rows.append(Row("trained detectors together (one core)", sum(row.value for row in trained), "RTF", 0.03))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [*rows, Row("peak memory of this process", peak, "MB", 1500.0)]
