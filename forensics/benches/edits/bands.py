"""Passages and whole clips that went through a low sample rate, by SoX."""

from __future__ import annotations

from pathlib import Path

from forensics.benches.edits.base import Made, Positive, Recipe, Rng, join, length, rate, sox


def narrowed(rate_hz: int) -> Recipe:
    """The middle of the clip taken down to a low rate and back."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        first, hz, seconds = sources[0], rate(sources[0]), length(sources[0])
        start, end = (round(seconds * share * hz) for share in (rng.uniform(0.25, 0.35), rng.uniform(0.6, 0.75)))
        head = sox(first, folder / "a.wav", "trim", "0", f"{start}s")
        low = sox(first, folder / "low.wav", "trim", f"{start}s", f"{end - start}s", "rate", rate_hz)
        middle = sox(low, folder / "b.wav", "rate", hz)
        tail = sox(first, folder / "c.wav", "trim", f"{end}s")
        return join(folder / "narrow.wav", head, middle, tail), (start / hz, end / hz)

    return make


def upsampled(sources: list[Path], folder: Path, rng: Rng) -> Made:
    """The clip through 8 or 16 kHz into 48 kHz."""
    low = sox(sources[0], folder / "low.wav", "rate", ["8k", "16k"][int(rng.integers(2))])
    return sox(low, folder / "up.wav", "rate", "48k"), ()


POSITIVES = (
    Positive("signal.band-edge", "passage through 8 kHz inserted", 80, narrowed(8000), least_rate=22050),
    Positive("signal.band-edge", "passage through 11.025 kHz inserted", 60, narrowed(11025), least_rate=22050),
    Positive("signal.band-edge", "whole clip upsampled (named)", 60, upsampled, least_rate=22050, trace="narrow"),
)
