"""Whether a clip's mark verifies: the file is examined as `voxproof verify` does it, with the bench's register."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forensics.benches.clone.clips import Clip
from forensics.benches.clone.making import Door
from forensics.benches.watermark.attacks import ATTACKS, RATE
from forensics.exhibit import Exhibit
from forensics.methods.watermark_voiceprint import WatermarkVoiceprint
from synth.audio import read, write

AFTER = ("none", "MP3 64k", "G.711 µ-law")
"""What the clip went through; "none" is the file as it was let out."""
CHANGES = {attack.name: attack for attack in ATTACKS}


@dataclass(frozen=True)
class Verified:
    """One reading of a clip's mark."""

    identity: str
    """Clip and what it went through, with a bar between them."""
    found: bool
    authenticated: bool
    right: bool
    """It leads to the issuance of this clip in the register, and that says that it was synthesised."""
    same_sound: str
    """Whether the loudness is that of the issued sound: agrees, differs, could_not_test; "" without an issuance."""
    score: float


def verified(clip: Clip, after: str, door: Door, folder: Path) -> Verified:
    """Examine a clip of the folder as it is, or after a channel, with the method that `voxproof verify` uses."""
    path = folder / clip.file
    if after == "none":
        return _examined(clip, after, door, path)
    samples = np.ascontiguousarray(read(path, RATE).mono, np.float32)
    with tempfile.TemporaryDirectory(prefix="voxproof-bench-") as scratch:
        changed = Path(scratch) / "clip.wav"
        write(changed, CHANGES[after](samples, clip.number), RATE)
        return _examined(clip, after, door, changed)


def _examined(clip: Clip, after: str, door: Door, path: Path) -> Verified:
    method = WatermarkVoiceprint([door.key], door.register.path)
    with Exhibit.open(path) as exhibit:
        mark = method.examine(exhibit).mark
    assert mark is not None  # noqa: S101 - the method gives one of every exhibit
    named = mark.payload.issuance_id if mark.payload else ""
    return Verified(
        f"{clip.identity}|{after}",
        mark.outcome == "found",
        mark.authenticated is True,
        mark.shows_synthesis and named == clip.issuance_id,
        mark.sound.outcome if mark.sound else "",
        round(mark.score or 0.0, 3),
    )
