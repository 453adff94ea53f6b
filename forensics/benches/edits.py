"""Material for the validation of the methods: edits and re-encodings made by FFmpeg, SoX, LAME and the shell's tools.

Nothing here uses the package's own signal processing, so that a method is judged on traces that other people's
programs leave. Every recipe takes the source clip, a folder for its files and a seeded generator, and gives the file
and the instants at which it was edited.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np

Rng = np.random.Generator
Made = tuple[Path, tuple[float, ...]]
"""The file, and the instants of the edits in seconds (empty where the whole file is concerned)."""
Recipe = Callable[[list[Path], Path, Rng], Made]

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


def _length(path: Path) -> float:
    line = ["soxi", "-D", str(path)]
    return float(subprocess.run(line, capture_output=True, check=True).stdout)  # noqa: S603


def _rate(path: Path) -> int:
    line = ["soxi", "-r", str(path)]
    return int(subprocess.run(line, capture_output=True, check=True).stdout)  # noqa: S603


def spliced(kind: str, codec: str = "") -> Recipe:
    """Joins by SoX without fade: "other" (two speakers), "same" (one speaker, two clips), "cut" (a stretch removed)."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        first, out = sources[0], folder / "joined.wav"
        rate, length = _rate(first), _length(first)
        at = round(float(rng.uniform(0.25, 0.6)) * length * rate) / rate
        run("sox", "-V1", "-R", first, "-b", "16", folder / "a.wav", "trim", "0", f"{round(at * rate)}s")
        if kind == "cut":
            gone = round(float(rng.uniform(0.15, 0.3)) * length * rate)
            run("sox", "-V1", "-R", first, "-b", "16", folder / "b.wav", "trim", f"{round(at * rate) + gone}s")
        else:
            skip = round(float(rng.uniform(0.2, 0.6)) * _length(sources[1]) * rate)
            run("sox", "-V1", "-R", sources[1], "-b", "16", folder / "b.wav", "rate", str(rate), "trim", f"{skip}s")
        run("sox", "-V1", "-R", folder / "a.wav", folder / "b.wav", out)
        return (encode(out, folder, codec) if codec else out), (at,)

    return make


def level(gain_db: float, codec: str = "") -> Recipe:
    """The rest of the clip louder or quieter, by SoX."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        first, out = sources[0], folder / "level.wav"
        rate, length = _rate(first), _length(first)
        cut = round(float(rng.uniform(0.25, 0.7)) * length * rate)
        base = -14.0 if gain_db > 0 else 0.0
        run("sox", "-V1", "-R", first, "-b", "16", folder / "a.wav", "gain", str(base), "trim", "0", f"{cut}s")
        run("sox", "-V1", "-R", first, "-b", "16", folder / "b.wav", "gain", str(base + gain_db), "trim", f"{cut}s")
        run("sox", "-V1", "-R", folder / "a.wav", folder / "b.wav", out)
        return (encode(out, folder, codec) if codec else out), (cut / rate,)

    return make


def offset(step: float) -> Recipe:
    """An offset added to the rest of the clip, by SoX."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        first, out = sources[0], folder / "offset.wav"
        rate, length = _rate(first), _length(first)
        cut = round(float(rng.uniform(0.35, 0.65)) * length * rate)
        run("sox", "-V1", "-R", first, "-b", "16", folder / "a.wav", "gain", "-3", "trim", "0", f"{cut}s")
        run(
            "sox",
            "-V1",
            "-R",
            first,
            "-b",
            "16",
            folder / "b.wav",
            "gain",
            "-3",
            "trim",
            f"{cut}s",
            "dcshift",
            str(step),
        )
        run("sox", "-V1", "-R", folder / "a.wav", folder / "b.wav", out)
        return out, (cut / rate,)

    return make


def muted(program: str) -> Recipe:
    """A passage of 60 to 400 ms silenced: by FFmpeg's volume filter, or cut out and padded by SoX."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        first, out = sources[0], folder / "muted.wav"
        rate, length = _rate(first), _length(first)
        start = round(float(rng.uniform(0.25, 0.6)) * length * rate)
        gone = round(float(rng.uniform(0.06, 0.4)) * rate)
        if program == "ffmpeg":
            when = f"aeval=val(ch)*not(between(n\\,{start}\\,{start + gone})):c=same"
            run("ffmpeg", "-y", "-v", "error", "-i", first, "-af", when, "-c:a", "pcm_s16le", out)
        else:
            run(
                "sox",
                "-V1",
                "-D",
                first,
                "-b",
                "16",
                folder / "a.wav",
                "trim",
                "0",
                f"{start}s",
                "pad",
                "0",
                f"{gone}s",
            )
            run("sox", "-V1", "-R", "-D", first, "-b", "16", folder / "b.wav", "trim", f"{start + gone}s")
            run("sox", "-V1", "-R", folder / "a.wav", folder / "b.wav", out)
        return out, (start / rate,)

    return make


def narrowed(rate_hz: int) -> Recipe:
    """The middle of the clip taken down to a low rate and back, by SoX."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        first, out = sources[0], folder / "narrow.wav"
        rate, length = _rate(first), _length(first)
        start, end = (round(length * share * rate) for share in (rng.uniform(0.25, 0.35), rng.uniform(0.6, 0.75)))
        run("sox", "-V1", "-R", first, "-b", "16", folder / "a.wav", "trim", "0", f"{start}s")
        run(
            "sox",
            "-V1",
            first,
            "-b",
            "16",
            folder / "m8.wav",
            "trim",
            f"{start}s",
            f"{end - start}s",
            "rate",
            str(rate_hz),
        )
        run("sox", "-V1", "-R", folder / "m8.wav", folder / "b.wav", "rate", str(rate))
        run("sox", "-V1", "-R", first, "-b", "16", folder / "c.wav", "trim", f"{end}s")
        run("sox", "-V1", "-R", folder / "a.wav", folder / "b.wav", folder / "c.wav", out)
        return out, (start / rate, end / rate)

    return make


def upsampled(sources: list[Path], folder: Path, rng: Rng) -> Made:
    """The clip through 8 or 16 kHz into 48 kHz, by SoX."""
    low = ["8k", "16k"][int(rng.integers(2))]
    run("sox", "-V1", "-R", sources[0], folder / "low.wav", "rate", low)
    run("sox", "-V1", "-R", folder / "low.wav", folder / "up.wav", "rate", "48k")
    return folder / "up.wav", ()


def noisy(sources: list[Path], folder: Path, rng: Rng) -> Made:
    """Pink noise over the clip, by SoX."""
    first = sources[0]
    run("sox", "-V1", "-R", first, "-b", "16", folder / "quiet.wav", "gain", "-n", "-9")
    run("sox", "-V1", "-R", folder / "quiet.wav", folder / "noise.wav", "synth", "pinknoise", "vol", "0.25")
    run("sox", "-V1", "-R", "-m", folder / "quiet.wav", folder / "noise.wav", folder / "noisy.wav")
    return folder / "noisy.wav", ()


def short(sources: list[Path], folder: Path, rng: Rng) -> Made:
    """0.7 s of the clip, by SoX."""
    run("sox", "-V1", "-R", sources[0], folder / "short.wav", "trim", f"{0.3 * _length(sources[0]):.3f}", "0.7")
    return folder / "short.wav", ()


def appended(codec: str) -> Recipe:
    """Foreign bytes behind the end of the file."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        out = encode(sources[0], folder, codec)
        with out.open("ab") as stream:
            stream.write(rng.integers(0, 256, int(rng.integers(200, 5000)), dtype=np.uint8).tobytes())
        return out, ()

    return make


def joined_files(codec: str) -> Recipe:
    """Two encoded files one after the other, as `cat` leaves them."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        first = encode(sources[0], folder, codec)
        whole = folder / f"whole{first.suffix}"
        first.rename(whole)
        second = encode(sources[1], folder, codec)
        with whole.open("ab") as stream:
            stream.write(second.read_bytes())
        return whole, ()

    return make


def truncated(codec: str) -> Recipe:
    """The last quarter of the file gone, as a transfer that broke off leaves it."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        out = encode(sources[0], folder, codec)
        run("truncate", "-s", str(int(out.stat().st_size * float(rng.uniform(0.5, 0.8)))), out)
        return out, ()

    return make


def packets_cut(codec: str) -> Recipe:
    """The start skipped without re-encoding, by FFmpeg's stream copy."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        out = encode(sources[0], folder, codec)
        cut = folder / f"cut{out.suffix}"
        start = f"{float(rng.uniform(0.4, 0.9)):.3f}"
        run("ffmpeg", "-y", "-v", "error", "-ss", start, "-i", out, "-c", "copy", cut)
        return cut, ()

    return make


def frames_removed(sources: list[Path], folder: Path, rng: Rng) -> Made:
    """A stretch of bytes removed from the middle of an MP3, by `dd`."""
    out = encode(sources[0], folder, "mp3 64 kbit/s (lame)")
    size = out.stat().st_size
    start, gone = int(size * float(rng.uniform(0.3, 0.5))), int(rng.integers(2000, 6000))
    head, tail, cut = folder / "head", folder / "tail", folder / "cut.mp3"
    run("dd", f"if={out}", f"of={head}", f"bs={start}", "count=1")
    run("dd", f"if={out}", f"of={tail}", f"bs={start + gone}", "skip=1")
    cut.write_bytes(head.read_bytes() + tail.read_bytes())
    return cut, ()
