"""Joins of one speaker and one session, with and without a fade, clean and through the usual channels.

Two clips of a speaker and source are joined at random places, or a stretch is taken out of one clip; joins therefore
fall into pauses as often as pauses are frequent. Fades are made by SoX (`splice`: half cosine, triangular or quarter
sine) or FFmpeg (`acrossfade`; `afade` out and in), butt joins by `trim` or `concat`. The channels come afterwards.
AMR-NB delays the sound by its look-ahead (5 ms, 3GPP TS 26.090); LAME's delay is in its tag and taken out by decoders.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from forensics.benches.edits.base import Made, Positive, Rng, length, rate, run

EDGE_S = 0.5
"""No join is made nearer than this to an end of the clips it joins, seconds."""
AMR_DELAY_S = 0.005
CURVES = ("tri", "qsin", "hsin")
"""FFmpeg's names of cross-fade curves: linear, constant power, half cosine."""
SNR_DB = 25.0


@dataclass(frozen=True)
class Joined:
    """Recipe: one join with a fade, through a channel."""

    fade_ms: float
    """Length of the cross-fade, or of fade-out and fade-in together; 0 is a butt join."""
    channel: str = "clean"
    """clean, mp3, mp3 decoded, amr-nb, or noise."""
    removal: bool = False
    """Whether a stretch of the clip is taken out, instead of going on with the partner."""
    voiced: bool = False
    """Whether both sides of the join lie inside loud speech, not anywhere."""
    out_and_in: bool = False
    """Whether the sound fades out and in again, instead of across."""

    def __call__(self, sources: list[Path], folder: Path, rng: Rng) -> Made:
        first = sources[0]
        second = first if self.removal or rate(sources[1]) != rate(first) else sources[1]
        cut, resume = self._places(first, second, rng)
        hertz = rate(first)
        joined = folder / "joined.wav"
        half = round(self.fade_ms * hertz / 2000.0)
        if self.out_and_in and half:
            _out_and_in(first, second, joined, cut, resume, half)
        elif rng.random() < 0.5:
            _by_sox(first, second, joined, cut, resume, half, str(rng.choice(["-h", "-t", "-q"])))
        else:
            _by_ffmpeg(first, second, joined, cut, resume, half, str(rng.choice(CURVES)))
        return self._sent(joined, folder, cut / hertz, rng)

    def _places(self, first: Path, second: Path, rng: Rng) -> tuple[int, int]:
        """Sample after which the first clip is left, and sample at which the second is entered."""
        hertz = rate(first)
        ends = length(first)
        if first == second:
            cut = rng.uniform(EDGE_S, max(ends - 2 * EDGE_S, EDGE_S + 0.01))
            resume = rng.uniform(min(cut + 0.2, ends - EDGE_S), ends - EDGE_S)
        else:
            cut = rng.uniform(EDGE_S, ends - EDGE_S)
            resume = rng.uniform(EDGE_S, length(second) - EDGE_S)
        if self.voiced:
            cut, resume = _loud(first, cut, rng), _loud(second, resume, rng)
            if first == second and resume < cut + 0.15:
                resume = min(cut + 0.3, ends - EDGE_S / 2)
        return round(cut * hertz), round(resume * hertz)

    def _sent(self, joined: Path, folder: Path, at: float, rng: Rng) -> Made:
        if self.channel == "clean":
            return joined, (at,)
        if self.channel.startswith("mp3"):
            out = folder / "out.mp3"
            run("lame", "--quiet", "-b", "64", joined, out)
            if self.channel == "mp3 decoded":
                plain = folder / "decoded.wav"
                run("ffmpeg", "-y", "-v", "error", "-i", out, "-c:a", "pcm_s16le", plain)
                out = plain
            return out, (at,)
        if self.channel == "amr-nb":
            coded, out = folder / "out.amr-nb", folder / "decoded.wav"
            run("sox", "-V1", "-R", joined, "-C", "7", coded, "rate", "8k")  # mode 7: 12.2 kbit/s
            run("sox", "-V1", "-R", coded, "-b", "16", out)  # FFmpeg would leave out the frames of comfort noise
            return out, (at + AMR_DELAY_S,)
        if self.channel == "noise":
            out = folder / "out.wav"
            level = float(np.sqrt(np.mean(np.square(soundfile.read(joined)[0])))) * 10.0 ** (-SNR_DB / 20.0)
            peak = min(level * 3.0**0.5, 1.0)  # the source draws evenly from -amplitude to +amplitude
            source = f"anoisesrc=r={rate(joined)}:a={peak:.6f}:c=white:s={rng.integers(1, 1 << 30)}"
            mix = f"{source}:d={length(joined):.6f}[n];[0][n]amix=duration=first:normalize=0"
            run("ffmpeg", "-y", "-v", "error", "-i", joined, "-filter_complex", mix, "-c:a", "pcm_s16le", out)
            return out, (at,)
        raise ValueError(f"unknown channel {self.channel}")


def _by_sox(first: Path, second: Path, out: Path, cut: int, resume: int, half: int, curve: str) -> None:
    """Both pieces overlap by twice `half` samples around the join."""
    left, right = out.with_name("left.wav"), out.with_name("right.wav")
    run("sox", "-V1", "-R", first, left, "trim", "0s", f"{cut + half}s")
    run("sox", "-V1", "-R", second, right, "trim", f"{resume - half}s")
    fade = ["splice", curve, f"{cut + half}s,{half}s,0s"] if half else []
    run("sox", "-V1", "-R", left, right, out, *fade)


def _by_ffmpeg(first: Path, second: Path, out: Path, cut: int, resume: int, half: int, curve: str) -> None:
    join = f"acrossfade=ns={2 * half}:c1={curve}:c2={curve}" if half else "concat=n=2:v=0:a=1"
    _filter(first, second, out, f"{_trims(cut + half, resume - half)};[a][b]{join}")


def _out_and_in(first: Path, second: Path, out: Path, cut: int, resume: int, half: int) -> None:
    fades = f"[a]afade=t=out:ss={cut - half}:ns={half}[c];[b]afade=t=in:ss=0:ns={half}[d];[c][d]concat=n=2:v=0:a=1"
    _filter(first, second, out, f"{_trims(cut, resume)};{fades}")


def _trims(end: int, start: int) -> str:
    return f"[0]atrim=end_sample={end}[a];[1]atrim=start_sample={start},asetpts=PTS-STARTPTS[b]"


def _filter(first: Path, second: Path, out: Path, graph: str) -> None:
    inputs: list[str | Path] = ["-i", first, "-i", second]
    run("ffmpeg", "-y", "-v", "error", *inputs, "-filter_complex", graph, "-c:a", "pcm_s16le", out)


def _loud(path: Path, near_s: float, rng: Rng) -> float:
    """A random instant within half a second of `near_s` at which 60 ms around lie within 10 dB of the loudest there."""
    samples, hertz = soundfile.read(path)
    size = round(0.06 * hertz)
    first = max(round((near_s - 0.5) * hertz), round(0.3 * hertz))
    places = np.arange(first, min(round((near_s + 0.5) * hertz), len(samples) - round(0.3 * hertz)), size // 6)
    if not len(places):
        return near_s
    power = np.array([np.mean(np.square(samples[at - size // 2 : at + size // 2])) for at in places])
    return float(rng.choice(places[power >= 0.1 * power.max()]) / hertz)


def _positives(method: str, fades: tuple[float, ...], clean: int, coded: int, voiced: bool) -> list[Positive]:
    """Conditions of a method: each fade clean (two clips, and a stretch removed), then through the channels."""
    made = []
    where = " inside loud speech" if voiced else ""
    for fade in fades:
        name = f"{fade:g} ms fade" if fade else "butt join"
        for removal in (False, True):
            what = "stretch removed" if removal else "two clips"
            recipe = Joined(fade, removal=removal, voiced=voiced)
            made.append(Positive(method, f"{name}{where}, {what}, wav", clean // 2, recipe, partner="same"))
        for channel, words in (
            ("mp3", "mp3 64 kbit/s"),
            ("mp3 decoded", "mp3 64 kbit/s, decoded"),
            ("amr-nb", "AMR-NB 12.2 kbit/s"),
            ("noise", "white noise at 25 dB SNR"),
        ):
            share = coded // 2 if channel.startswith("mp3") else coded
            recipe = Joined(fade, channel, voiced=voiced)
            made.append(Positive(method, f"{name}{where}, then {words}", share, recipe, partner="same"))
    return made


POSITIVES: tuple[Positive, ...] = (
    *_positives("signal.splice", (0.0,), 140, 40, voiced=False),
    Positive("signal.splice", "butt join of two speakers, wav", 40, Joined(0.0)),
    *_positives("signal.splice-faded", (5.0, 20.0), 140, 40, voiced=False),
    Positive("signal.splice-faded", "fade out and in, 20 ms, wav", 40, Joined(20.0, out_and_in=True), partner="same"),
    Positive("signal.splice-faded", "20 ms fade between two speakers, wav", 40, Joined(20.0)),
    *_positives("signal.phase-continuity", (0.0, 5.0, 20.0), 34, 12, voiced=True),
    *_positives("signal.splice-trained", (0.0, 5.0, 20.0), 40, 10, voiced=False),
)
"""Clean joins: 180 for each fade; each other channel: 50 for each fade."""
