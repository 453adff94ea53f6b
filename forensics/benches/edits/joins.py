"""Butt joins by SoX: two speakers, one speaker, a stretch removed."""

from __future__ import annotations

from pathlib import Path

from forensics.benches.edits.base import Made, Positive, Recipe, Rng, encode, join, length, rate, sox


def spliced(kind: str, codec: str = "") -> Recipe:
    """Joins without fade: "two" (the second clip follows), "cut" (a stretch removed)."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        first, hz, seconds = sources[0], rate(sources[0]), length(sources[0])
        at = round(float(rng.uniform(0.25, 0.6)) * seconds * hz)
        head = sox(first, folder / "a.wav", "trim", "0", f"{at}s")
        if kind == "cut":
            gone = round(float(rng.uniform(0.15, 0.3)) * seconds * hz)
            tail = sox(first, folder / "b.wav", "trim", f"{at + gone}s")
        else:
            skip = round(float(rng.uniform(0.2, 0.6)) * length(sources[1]) * hz)
            tail = sox(sources[1], folder / "b.wav", "rate", hz, "trim", f"{skip}s")
        out = join(folder / "joined.wav", head, tail)
        return (encode(out, folder, codec) if codec else out), (at / hz,)

    return make


POSITIVES = (
    Positive("signal.splice", "butt splice of two speakers, wav", 60, spliced("two")),
    Positive("signal.splice", "butt splice of one speaker, wav", 60, spliced("two"), partner="same"),
    Positive("signal.splice", "passage removed, wav", 60, spliced("cut")),
    Positive(
        "signal.splice",
        "butt splice of one speaker, then mp3 64 kbit/s",
        30,
        spliced("two", "mp3 64 kbit/s (lame)"),
        partner="same",
    ),
)
