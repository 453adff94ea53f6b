"""Passages replaced by digital silence, by FFmpeg and by SoX."""

from __future__ import annotations

from pathlib import Path

from forensics.benches.edits.base import Made, Positive, Recipe, Rng, join, length, rate, run, sox


def muted(program: str) -> Recipe:
    """A passage of 60 to 400 ms silenced: by an expression in FFmpeg, or cut out and padded by SoX."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        first, out, hz = sources[0], folder / "muted.wav", rate(sources[0])
        start = round(float(rng.uniform(0.25, 0.6)) * length(first) * hz)
        gone = round(float(rng.uniform(0.06, 0.4)) * hz)
        if program == "ffmpeg":
            when = f"aeval=val(ch)*not(between(n\\,{start}\\,{start + gone})):c=same"
            run("ffmpeg", "-y", "-v", "error", "-i", first, "-af", when, "-c:a", "pcm_s16le", out)
        else:
            head = sox(first, folder / "a.wav", "trim", "0", f"{start}s", "pad", "0", f"{gone}s")
            join(out, head, sox(first, folder / "b.wav", "trim", f"{start + gone}s"))
        return out, (start / hz,)

    return make


POSITIVES = (
    Positive("signal.digital-silence", "passage muted (ffmpeg)", 100, muted("ffmpeg")),
    Positive("signal.digital-silence", "passage replaced by padding (sox)", 100, muted("sox")),
)
