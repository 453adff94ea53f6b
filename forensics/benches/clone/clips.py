"""The clips of the bench: sentences said by a cloner, each through the one door, under a key and a register of its own.

    clone    zero-shot, as `voxproof clone` says it
    plain    the same without the mark in the tokens, to see what that mark costs
    noisy    from a reference with white noise
    tuned    by models that were fine-tuned on the voice
    ceiling  a recording's own codes made sound again in its own voice: nothing was drawn, so nothing can be better

All of them are kept as marked WAV files beside the register that knows them (forensics/benches/clone/making.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal
from zlib import crc32

from forensics.benches.clone.material import Material, Take, Voice

Way = Literal["clone", "plain", "noisy", "tuned", "ceiling"]
LEVELS_DB = (5, 10, 15, 20, 25, 30)
"""Ratios of reference to noise."""


@dataclass(frozen=True)
class Wish:
    """A clip to be made."""

    way: Way
    number: int
    """Of the sentence, or of the recording."""
    text: str
    voice: str
    take: Take
    """The reference; of a ceiling the recording itself."""
    snr_db: int = 0
    """Of a noisy reference."""

    @property
    def identity(self) -> str:
        told = f"{self.text}|{self.take.path.name}|{self.voice}|{self.snr_db}"
        return f"{self.way}-{self.number:03d}-{crc32(told.encode()):08x}"


@dataclass(frozen=True)
class Clip:
    """A clip that was made, or why it was not."""

    identity: str
    way: Way
    number: int
    text: str
    voice: str
    reference: str
    """Path of the recording it was cloned from."""
    snr_db: int
    seconds: float
    issuance_id: str
    payload_carried: bool
    capped: bool
    """A piece was cut off at the longest length allowed."""
    codes: tuple[tuple[int, ...], ...]
    """The tokens of each piece, as they were drawn."""
    starts: tuple[float, ...]
    """Frames of 40 ms at which the pieces begin."""
    checked: int = 0
    """Words that the automatic quality control has read."""
    redraws: int = 0
    """Draws that it threw away."""
    faults: tuple[str, ...] = ()
    """What it had to leave: missing, repeated, …"""
    refused: str = ""
    """Why nothing was let out."""

    @property
    def file(self) -> str:
        """Its name in the folder of the clips."""
        return f"{self.identity}.wav"


def plan(material: Material, tuned: Sequence[str], fewer: int) -> list[Wish]:
    """The clips of a run. `tuned`: voices with models of their own; `fewer`: sentences at each ratio of noise."""
    said = [_spoken(material, n, text) for n, text in enumerate(material.sentences)]
    wishes = [Wish("clone", n, text, voice.name, take) for n, text, voice, take in said]
    wishes += [replace(wish, way="plain") for wish in wishes]
    wishes += [
        Wish("noisy", n, text, voice.name, take, level) for n, text, voice, take in said[:fewer] for level in LEVELS_DB
    ]
    own = [voice for voice in material.cloned if voice.name in tuned]
    for n, text in enumerate(material.sentences if own else ()):
        voice = own[n % len(own)]
        wishes.append(Wish("tuned", n, text, voice.name, voice.references[n // len(own) % len(voice.references)]))
    recordings = [(voice, take) for voice in material.cloned for take in voice.takes if take.fit and take.text]
    for n, (voice, take) in enumerate(recordings[: 2 * fewer]):
        wishes.append(Wish("ceiling", n, take.text, voice.name, take))
    return wishes


def _spoken(material: Material, number: int, text: str) -> tuple[int, str, Voice, Take]:
    voice = material.cloned[number % len(material.cloned)]
    return number, text, voice, voice.references[number // len(material.cloned) % len(voice.references)]
