"""How long a process has waited for a processor, so that a busy machine is not taken for a file that hangs decoders.

Limits on wall time are there for decoders that block or loop. A process that is ready to run and gets no processor
does neither; the time it waited is counted by the kernel and added to its deadline, up to a bound. Source: Linux,
Documentation/scheduler/sched-stats.rst (/proc/PID/schedstat: time run and time waited, in nanoseconds).
"""

from __future__ import annotations

import contextlib
from pathlib import Path

MOST_TIMES = 10.0
"""A deadline is put off to at most so many times its length."""


def waited_seconds(pid: int) -> float:
    """Seconds that the process waited, ready to run, for a processor so far; 0 where the system does not tell."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    return 0.0


def children(pid: int) -> list[int]:
    """Process ids of the children of a single-threaded process; none where the system does not tell."""
    with contextlib.suppress(OSError, ValueError):
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def put_off(began: float, seconds: float, waited: float) -> float:
    """The moment, on the clock of `began`, when `seconds` of not waiting are over."""
    return began + seconds + min(waited, (MOST_TIMES - 1) * seconds)
