"""Cuts long recordings at their pauses into pieces that can be transcribed and trained on.

A piece ends in the quietest moment of a pause once it is long enough; pauses are kept up to a limit on both sides. The
settings are those of the reference's data preparation (level -34 dB, at least 4 s, pauses from 0.3 s, at most 0.5 s of
a pause kept); the procedure is ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synth.audio import open_recording, write
from synth.errors import VoxproofError
from synth.measures import frame_levels


@dataclass(frozen=True)
class SlicingConfig:
    """Where a recording may be cut."""

    quiet_db: float = -34.0
    """Frames below this level (RMS, dB re full scale) are pause."""
    least_seconds: float = 4.0
    """Of a piece."""
    most_seconds: float = 15.0
    """A longer piece is cut at its quietest frame even without a pause."""
    least_pause: float = 0.3
    """Seconds of pause at which a cut is possible."""
    kept_pause: float = 0.5
    """Most seconds of pause kept at an edge."""


_FRAME = 0.02
_RATE = 16_000


def slices(levels: npt.NDArray[np.float32], config: SlicingConfig | None = None) -> list[tuple[float, float]]:
    """Levels of 20 ms frames in dB -> (start, end) in seconds of the pieces, without the pauses between them."""
    config = config or SlicingConfig()
    quiet = levels < config.quiet_db
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(np.int8), [0]])))
    pauses = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    least, most, kept = (round(s / _FRAME) for s in (config.least_seconds, config.most_seconds, config.kept_pause))
    pieces: list[tuple[int, int]] = []
    start = 0
    for first, last in [*pauses, (len(levels), len(levels))]:
        end_of_sound = first == len(levels) or last == len(levels)
        if not end_of_sound and (last - first) * _FRAME < config.least_pause:
            continue
        if quiet[start:first].all():
            start = last
            continue
        if end_of_sound or first - start >= least:
            pieces += _bounded(levels, start, first, most)
            start = last
    grown = []
    for first, last in pieces:
        before, after = first, last
        while before > 0 and quiet[before - 1] and first - before < kept:
            before -= 1
        while after < len(levels) and quiet[after] and after - last < kept:
            after += 1
        grown.append((before * _FRAME, after * _FRAME))
    return grown


def _bounded(levels: npt.NDArray[np.float32], first: int, last: int, most: int) -> Iterator[tuple[int, int]]:
    """The piece, cut at the quietest frame of its middle half as long as it is too long."""
    if last - first <= max(most, 8):
        yield first, last
        return
    quarter = (last - first) // 4
    middle = first + quarter + int(levels[first + quarter : last - quarter].argmin())
    yield from _bounded(levels, first, middle, most)
    yield from _bounded(levels, middle, last, most)


def slice_recording(path: str | Path, folder: str | Path, config: SlicingConfig | None = None) -> list[Path]:
    """Writes the pieces of one recording as mono WAV files (native rate) into `folder`, and gives their paths."""
    path, folder = Path(path), Path(folder)
    with open_recording(path) as recording:
        pieces = slices(frame_levels(recording.resampled(_RATE)), config)
        if not pieces:
            raise VoxproofError("holds nothing above the level of a pause", path=path, cure="Lower --quiet-db.")
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for number, (start, end) in enumerate(pieces):
            sound = recording.excerpt(start, end)
            target = folder / f"{path.stem}_{number:04d}.wav"
            write(target, sound.mono, sound.rate)
            written.append(target)
    return written
