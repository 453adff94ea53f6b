"""Recordings that their collections coded with loss before we met them as PCM."""

from __future__ import annotations

from pathlib import Path

from forensics.benches.edits.base import Made, Positive, Rng


def as_it_is(sources: list[Path], folder: Path, rng: Rng) -> Made:
    """The clip itself."""
    return sources[0], ()


_METHOD = "signal.compression-history"
POSITIVES = (
    Positive(_METHOD, "rhasspy_kerstin as it is (Opus once)", 100, as_it_is, source="rhasspy_kerstin", trace="opus"),
    Positive(_METHOD, "LibriSpeech as it is (MP3 once)", 100, as_it_is, source="librispeech_tc100", trace="mp3"),
)
