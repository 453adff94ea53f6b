"""Sound that is too noisy or too short for other methods, by SoX."""

from __future__ import annotations

from pathlib import Path

from forensics.benches.edits.base import Made, Positive, Rng, length, run, sox


def noisy(sources: list[Path], folder: Path, rng: Rng) -> Made:
    """Pink noise over the clip."""
    quiet = sox(sources[0], folder / "quiet.wav", "gain", "-n", "-9")
    noise = sox(quiet, folder / "noise.wav", "synth", "pinknoise", "vol", "0.25")
    run("sox", "-V1", "-R", "-m", quiet, noise, folder / "noisy.wav")
    return folder / "noisy.wav", ()


def short(sources: list[Path], folder: Path, rng: Rng) -> Made:
    """0.7 s of the clip."""
    return sox(sources[0], folder / "short.wav", "trim", f"{0.3 * length(sources[0]):.3f}", "0.7"), ()


POSITIVES = (
    Positive("speech.activity", "pink noise added (limit named)", 100, noisy, expects="inconclusive"),
    Positive("speech.activity", "0.7 s long (limit named)", 100, short, expects="inconclusive"),
)
