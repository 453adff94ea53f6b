"""Speed and memory of the cloned voice, in a process of its own on two cores.

    python -m forensics.benches.clone.cost MODEL RECORDING TEXT_OF_IT SENTENCES

It speaks through the door, as `voxproof clone` does, and prints JSON. The real-time factor is the time on the wall
less that in which the main thread waited for a processor, over the seconds of sound; a first sentence warms up.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from forensics.benches.clone.material import Take
from synth.decoding.patience import waited_seconds
from synth.errors import VoxproofError

CORES = 2


@dataclass(frozen=True)
class Cost:
    """Of some sentences."""

    identity: str
    seconds: float
    """Of sound that was made."""
    busy_s: float
    """Time that it took, less the waiting for a processor."""
    wall_s: float
    loading_s: float
    peak_mb: float
    """Largest memory of the process, models and libraries included."""


def measured(model: str, hubert: str | None, take: Take, sentences: tuple[str, ...]) -> Cost:
    """Start the process, and what it says."""
    argv = [sys.executable, "-m", __name__, model, hubert or "", str(take.path), take.text, json.dumps(sentences)]
    places = os.pathsep.join(filter(None, sys.path))
    with tempfile.TemporaryDirectory(prefix="voxproof-bench-") as home:
        own = os.environ | {"PYTHONPATH": places, "VOXPROOF_ISSUER_KEY": str(Path(home) / "issuer.pem")}
        done = subprocess.run(argv, capture_output=True, text=True, env=own, check=False)  # noqa: S603
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise VoxproofError(f"the process that is measured failed: {last[0]}")
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def peak_mb() -> float:
    """Largest memory of this process since its program began.

    On Linux from /proc: there `ru_maxrss` begins with what the process that started this one had.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(model: str, hubert: str, path: str, text: str, listed: str) -> None:
    """What the process does."""
    import torch

    from forensics.benches.clone.clips import Wish
    from forensics.benches.clone.loading import load
    from forensics.benches.clone.making import Door, Maker

    torch.set_num_threads(CORES)
    sentences = json.loads(listed)
    with tempfile.TemporaryDirectory(prefix="voxproof-bench-") as folder:
        began = time.perf_counter()
        maker = Maker(load(model, hubert or None), Door(Path(folder) / "door"), Path(folder) / "clips")
        loaded = time.perf_counter()
        take, seconds = Take(Path(path), 0.0, text), 0.0
        started = waited = 0.0
        for number, sentence in enumerate([sentences[0], *sentences]):
            clip = maker.clip(Wish("clone", number, sentence, "", take))
            if clip.refused:
                raise VoxproofError(clip.refused)
            if number == 0:
                started, waited = time.perf_counter(), waited_seconds(os.getpid())
            else:
                seconds += clip.seconds
        wall, kept_waiting = time.perf_counter() - started, waited_seconds(os.getpid()) - waited
    found = Cost(
        model, seconds, round(max(wall - kept_waiting, 0.0), 3), round(wall, 3), round(loaded - began, 3), peak_mb()
    )
    print(json.dumps(found.__dict__))


if __name__ == "__main__":
    main(*sys.argv[1:])
