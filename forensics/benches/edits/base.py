"""The toolkit of the validation material: programs, codecs, and the record of a kind of edit.

Nothing in this package uses our own signal processing, so that a method is judged on traces that other people's
programs leave. A recipe takes the source clips (16-bit mono WAV at their native rate), a folder for its files and a
seeded generator, and gives the file and the instants at which it was edited.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile

Rng = np.random.Generator
Made = tuple[Path, tuple[float, ...]]
"""The file, and the instants of the edits in seconds (empty where the whole file is concerned)."""
Recipe = Callable[[list[Path], Path, Rng], Made]


@dataclass(frozen=True)
class Positive:
    """One condition of the validation: an edit, the method it is meant for, and the clips it needs."""

    method: str
    """Id of the method the edit is meant for."""
    condition: str
    """Words for the tables."""
    count: int
    """How many in a full run; all conditions of a method together make at least 200."""
    recipe: Recipe
    """Makes the file. `sources`: the clip, its partner, and up to 8 further clips of its speaker and source."""
    least_rate: int = 0
    """Clips below this native rate are not drawn, Hz."""
    least_seconds: float = 2.0
    """Shorter clips are not drawn, seconds."""
    partner: Literal["same", "other"] = "other"
    """Second clip: of the same speaker and source, or of another speaker."""
    trace: str = ""
    """Where set, a hit is a named trace that contains this text in any case, not *inconsistent* near the edit."""
    expects: Literal["inconsistent", "inconclusive"] = "inconsistent"
    """The outcome that is a hit, where no trace is asked for (methods of quality answer *inconclusive*)."""
    source: str = ""
    """Where set, only clips of this source are drawn, whichever part of the sources it belongs to."""


CODECS: dict[str, tuple[str, list[str]]] = {
    "wav as it is": (".wav", ["sox"]),
    "wav 16 kHz": (".wav", ["sox", "rate", "16k"]),
    "flac": (".flac", ["sox"]),
    "aiff": (".aiff", ["sox"]),
    "wav 24 bit 48 kHz": (".wav", ["ffmpeg", "-c:a", "pcm_s24le", "-ar", "48000"]),
    "mp3 64 kbit/s (lame)": (".mp3", ["lame", "-b", "64"]),
    "mp3 vbr (lame)": (".mp3", ["lame", "-V", "4"]),
    "mp3 128 kbit/s (ffmpeg)": (".mp3", ["ffmpeg", "-c:a", "libmp3lame", "-b:a", "128k"]),
    "aac 64 kbit/s m4a": (".m4a", ["ffmpeg", "-c:a", "aac", "-b:a", "64k"]),
    "aac fragmented mp4": (".mp4", ["ffmpeg", "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"]),
    "alac m4a": (".m4a", ["ffmpeg", "-c:a", "alac"]),
    "opus 16 kbit/s ogg": (".ogg", ["ffmpeg", "-c:a", "libopus", "-b:a", "16k", "-application", "voip"]),
    "opus webm": (".webm", ["ffmpeg", "-c:a", "libopus", "-b:a", "48k"]),
    "vorbis ogg": (".ogg", ["ffmpeg", "-c:a", "libvorbis", "-q:a", "3"]),
    "aac matroska": (".mkv", ["ffmpeg", "-c:a", "aac"]),
    "wma": (".wma", ["ffmpeg", "-c:a", "wmav2", "-b:a", "64k", "-ar", "44100"]),
    "a-law wav 8 kHz": (".wav", ["ffmpeg", "-c:a", "pcm_alaw", "-ar", "8000"]),
    "mu-law wav 8 kHz": (".wav", ["sox", "-e", "u-law", "rate", "8k"]),
    "gsm wav 8 kHz": (".wav", ["ffmpeg", "-c:a", "libgsm_ms", "-ar", "8000"]),
    "amr-nb": (".amr-nb", ["sox", "rate", "8k"]),
    "g.722 wav": (".wav", ["ffmpeg", "-c:a", "g722", "-ar", "16000"]),
    "speex ogg": (".ogg", ["ffmpeg", "-c:a", "libspeex", "-ar", "16000"]),
}
"""Usual codecs: suffix, program and its options."""
TWICE = (
    "mp3 64 kbit/s (lame)",
    "aac 64 kbit/s m4a",
    "opus 16 kbit/s ogg",
    "gsm wav 8 kHz",
    "a-law wav 8 kHz",
    "amr-nb",
)
"""Codecs whose decoded sound is also tried as a WAV."""


def run(*arguments: str | Path) -> None:
    """Run a program without a shell; an error shows what it said."""
    line = [str(argument) for argument in arguments]
    done = subprocess.run(line, capture_output=True, stdin=subprocess.DEVNULL, timeout=120)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"{' '.join(line)}: {done.stderr.decode(errors='replace')[-400:]}")


def encode(source: Path, folder: Path, codec: str) -> Path:
    """The clip in one of CODECS."""
    suffix, (program, *options) = CODECS[codec]
    out = folder / f"coded{suffix}"
    if program == "ffmpeg":
        run("ffmpeg", "-y", "-v", "error", "-i", source, "-map_metadata", "-1", "-ac", "1", *options, out)
    elif program == "lame":
        plain = folder / "plain.wav"
        run("sox", "-V1", "-R", source, "-b", "16", plain)
        run("lame", "--quiet", *options, plain, out)
    else:
        effects = options.index("rate") if "rate" in options else len(options)
        run("sox", "-V1", "-R", source, *options[:effects], out, *options[effects:])
    return out


def length(path: Path) -> float:
    """Duration of a WAV, seconds."""
    return float(soundfile.info(path).duration)


def rate(path: Path) -> int:
    """Sample rate of a WAV, Hz."""
    return int(soundfile.info(path).samplerate)


def negative(codec: str, decoded: bool) -> Recipe:
    """An unedited clip in a codec, or decoded from it to a WAV again."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        out = encode(sources[0], folder, codec)
        if decoded:
            plain = folder / "decoded.wav"
            if out.suffix == ".amr-nb":
                run("sox", "-V1", "-R", out, "-b", "16", plain)
            else:
                run("ffmpeg", "-y", "-v", "error", "-i", out, "-c:a", "pcm_s16le", plain)
            out = plain
        return out, ()

    return make


def sox(source: Path, out: Path, *effects: str | float) -> Path:
    """One pass of SoX without dither: 16-bit file `out` with the effects applied."""
    run("sox", "-V1", "-R", "-D", source, "-b", "16", out, *(str(effect) for effect in effects))
    return out


def join(out: Path, *parts: Path) -> Path:
    """The parts one after the other, by SoX, sample for sample."""
    run("sox", "-V1", "-R", "-D", *parts, out)
    return out
