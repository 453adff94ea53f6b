"""Sound coded with loss and decoded again, whole, and cut or joined after decoding: by LAME, FFmpeg and SoX."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from forensics.benches.edits.base import Made, Positive, Recipe, Rng, join, length, rate, run, sox

Coding = Callable[[Path, Path], Path]
"""A 16-bit WAV, and the stem of the files to write -> the decoded 16-bit WAV, at the rate of the coding."""


def lame(kbit: int) -> Coding:
    """MP3 by LAME at a constant bit rate (which lowers the sample rate by itself at low ones), decoded by FFmpeg."""

    def code(source: Path, stem: Path) -> Path:
        run("lame", "--quiet", "-b", str(kbit), source, stem.with_suffix(".mp3"))
        return decoded(stem.with_suffix(".mp3"), stem)

    return code


def ffmpeg(encoder: str, kbit: int, suffix: str, hz: int = 0) -> Coding:
    """Any encoder of FFmpeg, decoded by FFmpeg; `hz` is the rate of the coding, if not the source's."""

    def code(source: Path, stem: Path) -> Path:
        options = [
            "-c:a",
            encoder,
            "-ac",
            "1",
            *(["-b:a", f"{kbit}k"] if kbit else []),
            *(["-ar", str(hz)] if hz else []),
        ]
        run("ffmpeg", "-y", "-v", "error", "-i", source, *options, stem.with_suffix(suffix))
        return decoded(stem.with_suffix(suffix), stem)

    return code


def amr(source: Path, stem: Path) -> Path:
    """AMR narrow band, by SoX both ways."""
    sox(source, stem.with_suffix(".8k.wav"), "rate", "8k")
    run("sox", "-V1", stem.with_suffix(".8k.wav"), stem.with_suffix(".amr-nb"))
    return sox(stem.with_suffix(".amr-nb"), stem.with_name(f"{stem.name}-decoded.wav"))


def decoded(coded: Path, stem: Path) -> Path:
    """A 16-bit WAV at the rate of the coded file."""
    out = stem.with_name(f"{stem.name}-decoded.wav")
    run("ffmpeg", "-y", "-v", "error", "-i", coded, "-c:a", "pcm_s16le", out)
    return out


def whole(*codings: Coding, then: tuple[str, ...] = (), keep: str = "") -> Recipe:
    """The clip through one coding after the other, its start trimmed by up to 2,000 samples after each.

    `then` are effects of SoX at the end; `keep` names the suffix of the last coded file, to be the exhibit itself.
    """

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        sound = sources[0]
        for index, coding in enumerate(codings):
            sound = coding(sound, folder / f"coded{index}")
            if keep and index == len(codings) - 1:
                return folder / f"coded{index}{keep}", ()
            sound = sox(sound, folder / f"trimmed{index}.wav", "trim", f"{int(rng.integers(1, 2000))}s")
        return (sox(sound, folder / "then.wav", *then) if then else sound), ()

    return make


def joined(kind: str, coding: Coding, again: Coding | None = None) -> Recipe:
    """Decoded sound with 0.2 to 0.8 s removed ("cut"), or 0.5 to 1 s of another decoded clip put in ("insert") or put
    in the place of as much ("replace"); `again` codes and decodes the result once more."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        host = coding(sources[0], folder / "host")
        hz, total = rate(host), length(host)
        at = round(float(rng.uniform(0.35, 0.55)) * total * hz)
        edits: tuple[float, ...]
        head = sox(host, folder / "head.wav", "trim", "0", f"{at}s")
        if kind == "cut":
            gone = round(float(rng.uniform(0.2, 0.8)) * hz)
            tail = sox(host, folder / "tail.wav", "trim", f"{at + gone}s")
            out, edits = join(folder / "joined.wav", head, tail), (at / hz,)
        else:
            guest = coding(sources[1], folder / "guest")
            size = round(min(float(rng.uniform(0.5, 1.0)), 0.5 * length(guest)) * hz)
            skip = round(float(rng.uniform(0.2, 0.4)) * length(guest) * hz)
            middle = sox(guest, folder / "middle.wav", "rate", str(hz), "trim", f"{skip}s", f"{size}s")
            tail = sox(host, folder / "tail.wav", "trim", f"{at + (size if kind == 'replace' else 0)}s")
            out = join(folder / "joined.wav", head, middle, tail)
            edits = (at / hz, (at + size) / hz)
        return (again(out, folder / "again") if again else out), edits

    return make


_HISTORY, _OFFSET = "signal.compression-history", "signal.frame-offset"
_AAC = {kbit: ffmpeg("aac", kbit, ".m4a") for kbit in (32, 48, 64, 96)}
_MP3 = {kbit: ffmpeg("libmp3lame", kbit, ".mp3") for kbit in (32, 64, 96, 128)}


def _history(condition: str, count: int, recipe: Recipe, trace: str) -> Positive:
    return Positive(_HISTORY, f"{condition}, then wav", count, recipe, trace=trace)


def _offset(condition: str, count: int, recipe: Recipe, partner: Literal["same", "other"] = "same") -> Positive:
    return Positive(_OFFSET, condition, count, recipe, least_seconds=3.0, partner=partner)


POSITIVES = (
    *(_history(f"mp3 {kbit} kbit/s (lame)", 10, whole(lame(kbit)), "mp3") for kbit in (32, 48, 64, 96, 128)),
    *(_history(f"mp3 {kbit} kbit/s (ffmpeg)", 8, whole(coding), "mp3") for kbit, coding in _MP3.items()),
    *(_history(f"aac {kbit} kbit/s (ffmpeg)", 10, whole(coding), "aac") for kbit, coding in _AAC.items()),
    _history("mp3 64 kbit/s, level changed by -3.3 dB", 8, whole(lame(64), then=("gain", "-3.3")), "mp3"),
    _history("aac 48 kbit/s, level changed by -3.3 dB", 8, whole(_AAC[48], then=("gain", "-3.3")), "aac"),
    _history("mp3 64 kbit/s, resampled to 16 kHz", 8, whole(lame(64), then=("rate", "16k")), "mp3"),
    *(
        _history(f"mp3 {kbit} kbit/s at {coded / 1000:g} kHz, resampled to {now / 1000:g} kHz{limit}", 8, recipe, "mp3")
        for kbit, coded, now, limit in (
            (64, 44100, 16000, ""),
            (128, 44100, 16000, ""),
            (64, 44100, 22050, ""),
            (64, 48000, 16000, ""),
            (64, 48000, 44100, ""),
            (192, 44100, 16000, " (limit)"),
            (64, 22050, 16000, " (limit)"),
        )
        for recipe in [whole(ffmpeg("libmp3lame", kbit, ".mp3", coded), then=("rate", str(now)))]
    ),
    _history(
        "aac 48 kbit/s at 44.1 kHz, resampled to 16 kHz (limit)",
        8,
        whole(ffmpeg("aac", 48, ".m4a", 44100), then=("rate", "16k")),
        "aac",
    ),
    _history("opus 24 kbit/s (limit)", 8, whole(ffmpeg("libopus", 24, ".ogg")), "opus"),
    _history(
        "opus 24 kbit/s, resampled to 22.05 kHz (limit)",
        8,
        whole(ffmpeg("libopus", 24, ".ogg"), then=("rate", "22.05k")),
        "opus",
    ),
    _history("vorbis 48 kbit/s (limit)", 8, whole(ffmpeg("libvorbis", 48, ".ogg")), "vorbis"),
    _history("gsm 06.10 (limit)", 8, whole(ffmpeg("libgsm_ms", 0, ".wav", 8000)), "gsm"),
    _history("amr-nb (limit)", 8, whole(amr), "amr"),
    _history("mp3 48 kbit/s, then aac 64 kbit/s", 10, whole(lame(48), _AAC[64]), "aac"),
    Positive(
        _HISTORY,
        "mp3 48 kbit/s, then an aac file of 96 kbit/s",
        12,
        whole(lame(48), _AAC[96], keep=".m4a"),
        trace="mp3",
    ),
    Positive(
        _HISTORY,
        "mp3 32 kbit/s, then an mp3 file of 96 kbit/s",
        12,
        whole(_MP3[32], _MP3[96], keep=".mp3"),
        trace="mp3",
    ),
    Positive(
        _HISTORY,
        "mp3 96 kbit/s, then an mp3 file of 48 kbit/s",
        12,
        whole(lame(96), lame(48), keep=".mp3"),
        trace="mp3",
    ),
    _offset("0.2 to 0.8 s removed after mp3 32 kbit/s", 20, joined("cut", lame(32))),
    _offset("0.2 to 0.8 s removed after mp3 64 kbit/s", 20, joined("cut", lame(64))),
    _offset("0.2 to 0.8 s removed after mp3 96 kbit/s", 20, joined("cut", lame(96))),
    _offset("0.2 to 0.8 s removed after mp3 128 kbit/s", 16, joined("cut", lame(128))),
    _offset("0.2 to 0.8 s removed after aac 32 kbit/s", 20, joined("cut", _AAC[32])),
    _offset("0.2 to 0.8 s removed after aac 64 kbit/s", 20, joined("cut", _AAC[64])),
    _offset("passage inserted, both mp3 64 kbit/s", 24, joined("insert", lame(64))),
    _offset("passage inserted, both aac 48 kbit/s", 24, joined("insert", _AAC[48])),
    _offset("passage replaced, both mp3 64 kbit/s", 20, joined("replace", lame(64))),
    _offset("passage of another speaker, both aac 48 kbit/s", 20, joined("insert", _AAC[48]), "other"),
    _offset("0.2 to 0.8 s removed after mp3 32 kbit/s, then aac 96", 16, joined("cut", lame(32), _AAC[96])),
)
