"""Steps of the level and of the constant offset, by SoX."""

from __future__ import annotations

from pathlib import Path

from forensics.benches.edits.base import Made, Positive, Recipe, Rng, encode, join, length, rate, sox


def level(gain_db: float, codec: str = "") -> Recipe:
    """The rest of the clip louder or quieter."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        first, hz = sources[0], rate(sources[0])
        cut = round(float(rng.uniform(0.25, 0.7)) * length(first) * hz)
        base = -14.0 if gain_db > 0 else 0.0
        head = sox(first, folder / "a.wav", "gain", base, "trim", "0", f"{cut}s")
        tail = sox(first, folder / "b.wav", "gain", base + gain_db, "trim", f"{cut}s")
        out = join(folder / "level.wav", head, tail)
        return (encode(out, folder, codec) if codec else out), (cut / hz,)

    return make


def offset(step: float) -> Recipe:
    """An offset added to the rest of the clip."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        first, hz = sources[0], rate(sources[0])
        cut = round(float(rng.uniform(0.35, 0.65)) * length(first) * hz)
        head = sox(first, folder / "a.wav", "gain", "-3", "trim", "0", f"{cut}s")
        tail = sox(first, folder / "b.wav", "gain", "-3", "trim", f"{cut}s", "dcshift", step)
        return join(folder / "offset.wav", head, tail), (cut / hz,)

    return make


POSITIVES = (
    Positive("signal.dc-offset", "offset step of 0.02", 70, offset(0.02), least_seconds=2.2),
    Positive("signal.dc-offset", "offset step of 0.005", 70, offset(0.005), least_seconds=2.2),
    Positive("signal.dc-offset", "offset step of 0.001", 70, offset(0.001), least_seconds=2.2),
    Positive("signal.level-step", "level step of 6 dB, wav", 80, level(6.0)),
    Positive("signal.level-step", "level step of -6 dB, wav", 80, level(-6.0)),
    Positive("signal.level-step", "level step of 12 dB, then mp3 64 kbit/s", 40, level(12.0, "mp3 64 kbit/s (lame)")),
)
