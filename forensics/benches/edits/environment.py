"""Changes of the surroundings: mains hum, background noise and rooms, by SoX and FFmpeg.

Speech of half a minute to two minutes is made of clips of one speaker. Hum whose frequency wanders as the grid's does
has no tool that makes it: numpy does (harmonics of a fundamental that follows an Ornstein-Uhlenbeck process around its
nominal value, standard deviation 20 mHz). Everything else is done by SoX and FFmpeg.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from forensics.benches.edits.base import Made, Positive, Recipe, Rng, encode, join, length, rate, run, sox

HARMONICS = {1: 1.0, 2: 1.0, 3: 0.5, 4: 0.5, 5: 0.25, 6: 0.3, 8: 0.2, 10: 0.15}
"""Amplitudes of the harmonics of the hum, relative to the fundamental."""


def _speech(sources: list[Path], folder: Path, least_s: float, rng: Rng) -> Path:
    """Clips of the first one's speaker, one after the other and again in another order until `least_s` are reached."""
    own = [sources[0], *[path for path in sources[2:] if rate(path) == rate(sources[0])]]
    order: list[Path] = []
    while sum(length(path) for path in order) < least_s:
        order += [
            own[i] for i in ([0, *rng.permutation(np.arange(1, len(own)))] if not order else rng.permutation(len(own)))
        ]
    return join(folder / "speech.wav", *order)


def _level_dbfs(path: Path) -> float:
    """Mean level of the loud half of a WAV's 50 ms frames: the speech's."""
    samples, hz = soundfile.read(path, dtype="float32")
    size = max(round(0.05 * hz), 1)
    power = np.square(samples[: len(samples) // size * size]).reshape(-1, size).mean(axis=1)
    return float(10 * np.log10(np.sort(power)[len(power) // 2 :].mean() + 1e-12))


def _floor_dbfs(path: Path) -> float:
    """Level of the quietest twentieth of a WAV's 50 ms frames that are not digital silence."""
    samples, hz = soundfile.read(path, dtype="float32")
    size = max(round(0.05 * hz), 1)
    power = np.square(samples[: len(samples) // size * size]).reshape(-1, size).mean(axis=1)
    heard = power[power > 1e-10]
    return float(10 * np.log10(np.percentile(heard, 5))) if len(heard) else -90.0


def _hum(path: Path, seconds: float, hz: int, nominal: int, level_dbfs: float, rng: Rng) -> Path:
    """Hum with a wandering frequency, as a 16-bit WAV."""
    step, time_constant = 0.1, float(np.exp(rng.uniform(np.log(10.0), np.log(120.0))))
    keep = float(np.exp(-step / time_constant))
    drive = 0.02 * np.sqrt(1 - keep**2) * rng.normal(size=int(seconds / step) + 2)
    drift = np.empty(len(drive))
    drift[0] = 0.02 * rng.normal()
    for index in range(1, len(drive)):
        drift[index] = keep * drift[index - 1] + drive[index]
    times = np.arange(int(seconds * hz)) / hz
    phase = 2 * np.pi * np.cumsum(nominal + np.interp(times, np.arange(len(drift)) * step, drift)) / hz
    hum = np.zeros(len(times))
    for harmonic, size in HARMONICS.items():
        if harmonic * nominal < 0.45 * hz:
            hum += size * np.sin(harmonic * phase + rng.uniform(0, 2 * np.pi))
    hum *= 10 ** (level_dbfs / 20) / np.sqrt(np.mean(np.square(hum)))
    dither = (rng.uniform(-0.5, 0.5, len(hum)) + rng.uniform(-0.5, 0.5, len(hum))) / 32768
    soundfile.write(path, hum + dither, hz, subtype="PCM_16")
    return path


def humming(level_db: float, edit: str, codec: str = "") -> Recipe:
    """Long speech in hum `level_db` under it; "cut", "insert" (from elsewhere in it) or "none"."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        speech = _speech(sources, folder, float(rng.uniform(60.0, 90.0)), rng)
        hz, seconds, nominal = rate(speech), length(speech), int(rng.choice([50, 60]))
        level_dbfs = _level_dbfs(speech) + level_db
        hum = _hum(folder / "hum.wav", seconds + 1.0, hz, nominal, level_dbfs, rng)
        mixed = folder / "mixed.wav"
        run("sox", "-V1", "-R", "-D", "-m", "-v", "0.7", speech, "-v", "0.7", hum, mixed, "trim", "0", f"{seconds:.3f}")
        at = round(float(rng.uniform(0.3, 0.6)) * seconds * hz)
        gone = round(float(rng.uniform(2.0, 8.0)) * hz)
        truth: tuple[float, ...] = ()
        head = sox(mixed, folder / "head.wav", "trim", "0", f"{at}s")
        if edit == "cut":
            tail = sox(mixed, folder / "tail.wav", "trim", f"{at + gone}s")
            out, truth = join(folder / "edited.wav", head, tail), (at / hz,)
        elif edit == "insert":
            piece = sox(mixed, folder / "piece.wav", "trim", f"{round(0.05 * at)}s", f"{gone + 4 * hz}s")
            tail = sox(mixed, folder / "tail.wav", "trim", f"{at}s")
            out, truth = join(folder / "edited.wav", head, piece, tail), (at / hz, (at + gone + 4 * hz) / hz)
        else:
            out = mixed
        return (encode(out, folder, codec) if codec else out), truth

    return make


def noised(colour: str, over_floor_db: float, codec: str = "", whole: float | None = None) -> Recipe:
    """Noise of a colour under one part, so far over the floor that is there; `whole`: pink noise under all first."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        speech = _speech(sources, folder, float(rng.uniform(16.0, 30.0)), rng)
        hz, seconds = rate(speech), length(speech)
        if whole is not None:
            floor = _level_dbfs(speech) + whole
            speech = _under(speech, folder, "pinknoise", floor, "under")
        else:
            floor = _floor_dbfs(speech)
        at = round(float(rng.uniform(0.35, 0.65)) * seconds * hz)
        head = sox(speech, folder / "head.wav", "gain", "-3", "trim", "0", f"{at}s")
        tail = sox(speech, folder / "tail.wav", "gain", "-3", "trim", f"{at}s")
        tail = _under(tail, folder, colour, max(floor, -80.0) + over_floor_db, "noised")
        parts = (head, tail) if rng.random() < 0.5 else (tail, head)
        out = join(folder / "edited.wav", *parts)
        truth = (length(parts[0]),)
        return (encode(out, folder, codec) if codec else out), truth

    return make


def _under(path: Path, folder: Path, colour: str, level_dbfs: float, name: str) -> Path:
    """A WAV with SoX's noise of a colour under it at an RMS level."""
    noise, out = folder / f"{name}-noise.wav", folder / f"{name}.wav"
    plain = folder / f"{name}-plain.wav"
    run(
        "sox",
        "-V1",
        "-r",
        str(rate(path)),
        "-n",
        "-b",
        "16",
        "-c",
        "1",
        plain,
        "synth",
        f"{length(path):.4f}",
        colour,
        "vol",
        "0.5",
    )
    samples, _ = soundfile.read(plain, dtype="float32")
    gain = level_dbfs - float(10 * np.log10(np.mean(np.square(samples)) + 1e-12))
    sox(plain, noise, "gain", f"{gain:.2f}")
    run("sox", "-V1", "-R", "-D", "-m", "-v", "1", path, "-v", "1", noise, out)
    return out


def roomed(room: str, where: str = "half", codec: str = "") -> Recipe:
    """A room on the second half or on a middle passage: SoX's reverb, FFmpeg's aecho, or afir with a decaying noise."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        speech = _speech(sources, folder, float(rng.uniform(18.0, 30.0)), rng)
        hz, seconds = rate(speech), length(speech)
        dry = sox(speech, folder / "dry.wav", "gain", "-6")
        wet = folder / "wet.wav"
        if room.startswith("sox"):
            sox(dry, wet, "reverb", room.split()[1], "50", "100")
        elif room == "aecho":
            echoes = "aecho=0.7:0.8:23|37|61|89|131|173|229|293:0.6|0.55|0.48|0.42|0.34|0.27|0.2|0.14"
            run("ffmpeg", "-y", "-v", "error", "-i", dry, "-af", echoes, "-c:a", "pcm_s16le", wet)
        else:
            decay = float(room.split()[1])
            response = folder / "response.wav"
            run(
                "sox",
                "-V1",
                "-r",
                str(hz),
                "-n",
                "-b",
                "16",
                "-c",
                "1",
                response,
                "synth",
                f"{decay}",
                "whitenoise",
                "vol",
                "0.5",
            )
            shape = f"volume=volume='exp(-6.9*t/{decay})':eval=frame,asetnsamples=n=64"
            run(
                "ffmpeg", "-y", "-v", "error", "-i", response, "-af", f"asetnsamples=n=64,{shape}", folder / "decay.wav"
            )
            graph = "[0:a][1:a]afir=dry=10:wet=10[w];[w]volume=1[o]"
            run("ffmpeg", "-y", "-v", "error", "-i", dry, "-i", folder / "decay.wav", "-filter_complex", graph,
                "-map", "[o]", "-c:a", "pcm_s16le", "-ar", str(hz), wet)  # fmt: skip
            gain = _level_dbfs(dry) - _level_dbfs(wet)
            wet = sox(wet, folder / "wet-level.wav", "gain", f"{gain:.2f}")
        at = round(float(rng.uniform(0.4, 0.6)) * seconds * hz)
        head = sox(dry, folder / "head.wav", "trim", "0", f"{at}s")
        truth: tuple[float, ...]
        if where == "half":
            tail = sox(wet, folder / "tail.wav", "trim", f"{at}s", f"{round(seconds * hz) - at}s")
            out, truth = join(folder / "edited.wav", head, tail), (at / hz,)
        else:
            start, stop = round(0.35 * seconds * hz), round(0.65 * seconds * hz)
            head = sox(dry, folder / "head.wav", "trim", "0", f"{start}s")
            middle = sox(wet, folder / "middle.wav", "trim", f"{start}s", f"{stop - start}s")
            tail = sox(dry, folder / "tail.wav", "trim", f"{stop}s")
            out, truth = join(folder / "edited.wav", head, middle, tail), (start / hz, stop / hz)
        return (encode(out, folder, codec) if codec else out), truth

    return make


MP3 = "mp3 64 kbit/s (lame)"
AMR = "amr-nb"
GRID = "hum wandering as the grid's (numpy)"
POSITIVES = (
    Positive("signal.enf", f"passage removed, {GRID} at -30 dB", 40, humming(-30.0, "cut")),
    Positive("signal.enf", f"passage removed, {GRID} at -40 dB", 40, humming(-40.0, "cut")),
    Positive("signal.enf", f"passage removed, {GRID} at -50 dB", 30, humming(-50.0, "cut")),
    Positive("signal.enf", f"passage inserted, {GRID} at -30 dB", 40, humming(-30.0, "insert")),
    Positive("signal.enf", f"passage inserted, {GRID} at -40 dB", 40, humming(-40.0, "insert")),
    Positive("signal.enf", f"passage removed, {GRID} at -40 dB, then mp3 64 kbit/s", 30, humming(-40.0, "cut", MP3)),
    Positive("signal.enf", f"hum named, unedited, {GRID} at -40 dB", 30, humming(-40.0, "none"), trace="mains hum"),
    Positive("signal.noise-floor", "pink noise 12 dB over the floor under one part", 50, noised("pinknoise", 12.0)),
    Positive("signal.noise-floor", "pink noise 20 dB over the floor under one part", 50, noised("pinknoise", 20.0)),
    Positive("signal.noise-floor", "brown noise 20 dB over the floor under one part", 40, noised("brownnoise", 20.0)),
    Positive("signal.noise-floor", "two noise floors: pink at -35 dB, white over it in one part", 40,
             noised("whitenoise", 3.0, whole=-35.0)),
    Positive("signal.noise-floor", "pink noise 20 dB over the floor under one part, then mp3 64 kbit/s", 30,
             noised("pinknoise", 20.0, MP3)),
    Positive("signal.reverberation", "room on the second half (sox reverb 30)", 40, roomed("sox 30")),
    Positive("signal.reverberation", "room on the second half (sox reverb 70)", 50, roomed("sox 70")),
    Positive("signal.reverberation", "room on the second half (ffmpeg aecho)", 40, roomed("aecho")),
    Positive("signal.reverberation", "room on the second half (ffmpeg afir, noise of 0.8 s)", 40, roomed("afir 0.8")),
    Positive("signal.reverberation", "passage in a room inserted (sox reverb 70)", 40, roomed("sox 70", "passage")),
    Positive("signal.reverberation", "room on the second half (sox reverb 70), then mp3 64 kbit/s", 30,
             roomed("sox 70", codec=MP3)),
)  # fmt: skip
