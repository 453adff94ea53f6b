"""A passage of the recording copied to another place of it, by SoX; and two speakers in one file."""

from __future__ import annotations

from pathlib import Path

from forensics.benches.edits.base import Made, Positive, Recipe, Rng, encode, join, length, rate, sox


def copied(seconds: float, codec: str = "", inserted: bool = False) -> Recipe:
    """A passage of so many seconds laid over another place, or inserted there."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        first, hz, whole = sources[0], rate(sources[0]), length(sources[0])
        taken = float(rng.uniform(0.1, max(0.12, 0.45 - seconds / whole)))
        put = float(rng.uniform(0.55, max(0.56, 0.95 - seconds / whole)))
        if rng.random() < 0.5:
            taken, put = put, taken
        start, place, size = round(taken * whole * hz), round(put * whole * hz), round(seconds * hz)
        head = sox(first, folder / "a.wav", "trim", "0", f"{place}s")
        copy = sox(first, folder / "b.wav", "trim", f"{start}s", f"{size}s")
        tail = sox(first, folder / "c.wav", "trim", f"{place if inserted else place + size}s")
        out = join(folder / "copied.wav", head, copy, tail)
        return (encode(out, folder, codec) if codec else out), ((place + size / 2) / hz,)

    return make


def two_voices(codec: str = "") -> Recipe:
    """The clip, then a clip of another speaker, at one level and one rate."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        first = sox(sources[0], folder / "a.wav", "gain", "-n", "-6")
        second = sox(sources[1], folder / "b.wav", "gain", "-n", "-6", "rate", rate(sources[0]))
        out = join(folder / "voices.wav", first, second)
        return (encode(out, folder, codec) if codec else out), (length(first),)

    return make


MP3, OPUS, AMR = "mp3 64 kbit/s (lame)", "opus 16 kbit/s ogg", "amr-nb"
POSITIVES = (
    Positive("signal.copy-move", "0.6 s laid over another place, wav", 50, copied(0.6), least_seconds=3.0),
    Positive("signal.copy-move", "0.3 s laid over another place, wav", 40, copied(0.3), least_seconds=3.0),
    Positive("signal.copy-move", "1 s inserted, wav", 40, copied(1.0, inserted=True), least_seconds=3.0),
    Positive("signal.copy-move", "0.6 s, then mp3 64 kbit/s", 30, copied(0.6, MP3), least_seconds=3.0),
    Positive("signal.copy-move", "0.6 s, then opus 16 kbit/s", 25, copied(0.6, OPUS), least_seconds=3.0),
    Positive("signal.copy-move", "0.6 s, then amr-nb", 25, copied(0.6, AMR), least_seconds=3.0),
    Positive(
        "speech.speaker-change", "two speakers, one after the other, wav", 120, two_voices(), least_seconds=3.0,
        trace="another voice",
    ),
    Positive(
        "speech.speaker-change", "two speakers, 6 s and more of each, wav", 60, two_voices(), least_seconds=6.0,
        trace="another voice",
    ),
    Positive(
        "speech.speaker-change", "two speakers, then mp3 64 kbit/s", 50, two_voices(MP3),
        least_seconds=3.0, trace="another voice",
    ),
    Positive(
        "speech.speaker-change", "two speakers, then amr-nb", 50, two_voices(AMR), least_seconds=3.0,
        trace="another voice",
    ),
)  # fmt: skip
