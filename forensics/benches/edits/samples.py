"""Processing and edits that show in the sample values: gain, bit depth, companding laws, clipping, machine frames.

Made by SoX, FFmpeg, espeak-ng and flite.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from forensics.benches.edits.base import Made, Positive, Recipe, Rng, join, length, rate, run, sox

SENTENCES = (
    "The harbour was quiet when the last ferry came in, and nobody was waiting on the pier.",
    "Please leave your name and number after the tone, and we will call you back tomorrow.",
    "He folded the letter twice, put it into his coat and walked slowly down the stairs.",
    "Rain is expected in the north, with strong winds along the coast during the night.",
    "I would like to change my booking from Thursday to Friday morning, if that is possible.",
    "The engine runs well enough, but it makes a strange noise when it is cold outside.",
    "She counted the coins again and found that one of them was not silver at all.",
    "Turn left at the second crossing, then follow the river until you see the old mill.",
)


def dithered(source: Path, out: Path, *effects: str) -> Path:
    """One pass of SoX with the dither that it adds by default when it rounds to 16 bits."""
    run("sox", "-V1", "-R", source, "-b", "16", out, *effects)
    return out


def through(kind: str, source: Path, out: Path) -> Path:
    """The sound taken through a coarser or scaled version and back to 16 bits."""
    folder = out.parent
    if kind in ("mulaw", "alaw"):
        coded = folder / f"{out.stem}-{kind}.wav"
        run("ffmpeg", "-y", "-v", "error", "-i", source, "-c:a", f"pcm_{kind}", coded)
        run("ffmpeg", "-y", "-v", "error", "-i", coded, "-c:a", "pcm_s16le", out)
    elif kind == "8 bit":
        coded = folder / f"{out.stem}-8.wav"
        run("sox", "-V1", "-R", source, "-b", "8", coded)
        sox(coded, out)
    elif kind.endswith("dithered"):
        dithered(source, out, "gain", kind.split()[0])
    else:
        sox(source, out, "gain", kind.split()[0])
    return out


def whole(kind: str) -> Recipe:
    """The whole clip taken through a coarser or scaled version."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        quiet = sox(sources[0], folder / "quiet.wav", "gain", "-n", "-8") if kind.startswith("+") else sources[0]
        return through(kind, quiet, folder / "whole.wav"), ()

    return make


def padded(sources: list[Path], folder: Path, rng: Rng) -> Made:
    """The 16-bit clip in a 24-bit file, by FFmpeg."""
    run("ffmpeg", "-y", "-v", "error", "-i", sources[0], "-c:a", "pcm_s24le", folder / "padded.wav")
    return folder / "padded.wav", ()


def replaced(kind: str) -> Recipe:
    """A passage replaced by the same passage of a coarser or scaled version of the clip."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        first = sources[0]
        quiet = sox(first, folder / "quiet.wav", "vol", "0.5")
        other = through(kind, quiet, folder / "other.wav")
        start, end = (
            round(length(quiet) * share * rate(quiet)) for share in (rng.uniform(0.25, 0.4), rng.uniform(0.65, 0.8))
        )
        out = join(
            folder / "replaced.wav",
            sox(quiet, folder / "a.wav", "trim", "0", f"{start}s"),
            sox(other, folder / "b.wav", "trim", f"{start}s", f"{end - start}s"),
            sox(quiet, folder / "c.wav", "trim", f"{end}s"),
        )
        return out, (start / rate(quiet), end / rate(quiet))

    return make


def deeper(sources: list[Path], folder: Path, rng: Rng) -> Made:
    """A 24-bit recording (resampled in 24 bits) with a passage that went through 16 bits."""
    deep, flat = folder / "deep.wav", folder / "flat.wav"
    native = rate(sources[0])
    run(
        "sox",
        "-V1",
        "-R",
        "-D",
        sources[0],
        "-b",
        "24",
        deep,
        "vol",
        "0.613",
        "rate",
        str(native + 50),
        "rate",
        str(native),
    )
    run("sox", "-V1", "-R", deep, "-b", "16", flat)
    start, end = (round(length(deep) * share * native) for share in (rng.uniform(0.25, 0.4), rng.uniform(0.65, 0.8)))
    parts = []
    for name, source, trim in (
        ("a", deep, ("0", f"{start}s")),
        ("b", flat, (f"{start}s", f"{end - start}s")),
        ("c", deep, (f"{end}s",)),
    ):
        parts.append(folder / f"{name}.wav")
        run("sox", "-V1", "-R", "-D", source, "-b", "24", parts[-1], "trim", *trim)
    return join(folder / "mixed.wav", *parts), (start / native, end / native)


def clipped(over_db: float, after: tuple[str, ...] = (), dither: bool = False) -> Recipe:
    """The clip brought to full scale and overdriven by SoX, which clips it; then other effects."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        loud = sox(sources[0], folder / "loud.wav", "gain", "-n", str(over_db))
        out = folder / "clipped.wav"
        return (dithered if dither else sox)(loud, out, *after), ()

    return make


def clip_inserted(over_db: float, kind: Literal["clean", "clipped"], dither: bool = False) -> Recipe:
    """A passage that was clipped and then attenuated, inside a clip that is clean, or clipped at full scale itself."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        own = sox(sources[0], folder / "own.wav", "gain", "-n", "-1" if kind == "clean" else str(over_db))
        guest = sox(sources[1], folder / "guest.wav", "rate", str(rate(own)), "gain", "-n", str(over_db))
        lower = f"{-float(rng.uniform(3, 9)):.2f}"
        (dithered if dither else sox)(guest, folder / "lower.wav", "gain", lower)
        at = round(length(own) * float(rng.uniform(0.35, 0.65)) * rate(own))
        out = join(
            folder / "inserted.wav",
            sox(own, folder / "a.wav", "trim", "0", f"{at}s"),
            folder / "lower.wav",
            sox(own, folder / "c.wav", "trim", f"{at}s"),
        )
        return out, (at / rate(own), at / rate(own) + length(folder / "lower.wav"))

    return make


def rest_lowered(over_db: float) -> Recipe:
    """A clipped recording of which the rest was lowered afterwards."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        loud = sox(sources[0], folder / "loud.wav", "gain", "-n", str(over_db))
        at = round(length(loud) * float(rng.uniform(0.35, 0.65)) * rate(loud))
        lower = f"{-float(rng.uniform(2, 8)):.2f}"
        parts = (
            sox(loud, folder / "a.wav", "trim", "0", f"{at}s"),
            dithered(loud, folder / "b.wav", "trim", f"{at}s", "gain", lower),
        )
        return join(folder / "lowered.wav", *parts), (at / rate(loud),)

    return make


def spoken(engine: Literal["espeak-ng", "flite", "festival"]) -> Recipe:
    """Speech of a packaged engine, as its command line writes it."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        first, second = (SENTENCES[int(i)] for i in rng.choice(len(SENTENCES), 2, replace=False))
        text, out = f"{first} {second}", folder / "spoken.wav"
        if engine == "espeak-ng":
            voice = ("en-gb", "en-us", "de", "nl")[int(rng.integers(4))]
            speed, pitch = int(rng.integers(130, 190)), int(rng.integers(30, 70))
            run("espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "-w", out, text)
        elif engine == "flite":
            voice = ("kal", "kal16", "slt", "rms", "awb")[int(rng.integers(5))]
            run("flite", "-voice", voice, "-t", text, "-o", out)
        else:
            (folder / "text.txt").write_text(text)
            run("text2wave", folder / "text.txt", "-o", out)
        return out, ()

    return make


def repeated(hop: int) -> Recipe:
    """One frame of `hop` samples repeated 20 to 60 times inside the clip, by SoX (a stuck frame of a generator)."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        own = sources[0]
        at = round(length(own) * float(rng.uniform(0.3, 0.7)) * rate(own))
        sox(own, folder / "frame.wav", "trim", f"{at}s", f"{hop}s")
        times = int(rng.integers(20, 60))
        parts = (
            sox(own, folder / "a.wav", "trim", "0", f"{at}s"),
            sox(folder / "frame.wav", folder / "b.wav", "repeat", str(times)),
            sox(own, folder / "c.wav", "trim", f"{at + hop}s"),
        )
        return join(folder / "repeated.wav", *parts), (at / rate(own),)

    return make


def toned(hop: int, level_db: float) -> Recipe:
    """The clip with weak tones at multiples of rate / hop, as transposed convolutions leave them, by SoX."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        own = sox(sources[0], folder / "own.wav", "gain", "-n", "-3")
        step, half = rate(own) / hop, rate(own) / 2
        chosen = rng.choice([k for k in range(5, hop // 2) if k * step < 0.8 * half], 8, replace=False)
        tones: list[str] = []
        for k in chosen:
            tones += ["sine", f"{int(k) * step:.6f}"]
        run(
            "sox", "-V1", "-R", "-D", "-n", "-r", str(rate(own)), "-b", "24", folder / "tones.wav",
            "synth", f"{length(own):.6f}", *tones, "remix", "-", "gain", "-n", str(level_db),
        )  # fmt: skip
        run("sox", "-V1", "-R", "-m", "-v", "1", own, "-v", "1", folder / "tones.wav", "-b", "16", folder / "toned.wav")
        return folder / "toned.wav", ()

    return make


_Q, _C, _F = "signal.quantisation", "signal.clipping", "signal.frame-grid"
_LOWERED = ("gain", "-4")

POSITIVES: tuple[Positive, ...] = (
    Positive(_Q, "whole clip +3 dB (named)", 20, whole("+3"), trace="gain"),
    Positive(_Q, "whole clip +6.5 dB, dithered by SoX (named)", 20, whole("+6.5 dithered"), trace="gain"),
    Positive(_Q, "whole clip -3 dB (named)", 20, whole("-3"), trace="gain"),
    Positive(_Q, "whole clip through 8 bits (named)", 20, whole("8 bit"), trace="8-bit"),
    Positive(_Q, "whole clip through mu-law (named)", 20, whole("mulaw"), trace="mu-law"),
    Positive(_Q, "whole clip through A-law (named)", 20, whole("alaw"), trace="A-law"),
    Positive(_Q, "16 bits in a 24-bit file (named)", 20, padded, trace="16-bit"),
    Positive(_Q, "passage +3 dB", 25, replaced("+3")),
    Positive(_Q, "passage +3 dB, dithered by SoX", 25, replaced("+3 dithered")),
    Positive(_Q, "passage -3 dB", 20, replaced("-3")),
    Positive(_Q, "passage -3 dB, dithered by SoX", 20, replaced("-3 dithered")),
    Positive(_Q, "passage through 8 bits", 20, replaced("8 bit")),
    Positive(_Q, "passage through mu-law", 25, replaced("mulaw")),
    Positive(_Q, "passage through A-law", 25, replaced("alaw")),
    Positive(_Q, "16-bit passage in 24 bits", 25, deeper),
    Positive(_C, "clipped, 3 dB over (named)", 25, clipped(3.0), trace="clipped"),
    Positive(_C, "clipped, 6 dB over (named)", 25, clipped(6.0), trace="clipped"),
    Positive(_C, "clipped, 12 dB over (named)", 20, clipped(12.0), trace="clipped"),
    Positive(_C, "clipped, 6 dB over, then -4 dB (named)", 25, clipped(6.0, _LOWERED), trace="clipped"),
    Positive(_C, "clipped, 6 dB over, then -4 dB dithered (named)", 20, clipped(6.0, _LOWERED, True), trace="clipped"),
    Positive(_C, "clipped passage lowered, in a clean clip", 40, clip_inserted(6.0, "clean")),
    Positive(_C, "clipped passage lowered and dithered, in a clean clip", 30, clip_inserted(6.0, "clean", True)),
    Positive(_C, "clipped passage lowered, in a clipped clip", 40, clip_inserted(6.0, "clipped")),
    Positive(_C, "rest of a clipped clip lowered", 40, rest_lowered(6.0)),
    Positive(_F, "8 tones on rate/256, -40 dBFS (named)", 40, toned(256, -40.0), least_rate=16000, trace="lines"),
    Positive(_F, "8 tones on rate/256, -55 dBFS (named)", 40, toned(256, -55.0), least_rate=16000, trace="lines"),
    Positive(_F, "8 tones on rate/300, -50 dBFS (named)", 40, toned(300, -50.0), least_rate=16000, trace="lines"),
    Positive(_F, "frame of 256 samples repeated (named)", 40, repeated(256), trace="repeated"),
    Positive(_F, "espeak-ng speech (any trace)", 30, spoken("espeak-ng"), trace=" "),
    Positive(_F, "flite speech (any trace)", 30, spoken("flite"), trace=" "),
    Positive(_F, "festival speech (any trace)", 10, spoken("festival"), trace=" "),
)
