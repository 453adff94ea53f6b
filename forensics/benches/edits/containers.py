"""Files whose container contradicts itself: foreign bytes, two files in one, lost bytes, early ends, stream copies."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from forensics.benches.edits.base import Made, Positive, Recipe, Rng, encode, run


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


_STRUCTURE, _DURATION = "container.structure", "container.duration"
POSITIVES = (
    Positive(_STRUCTURE, "foreign bytes behind the end: wav", 30, appended("wav as it is")),
    Positive(_STRUCTURE, "foreign bytes behind the end: m4a", 30, appended("aac 64 kbit/s m4a")),
    Positive(_STRUCTURE, "two files in one: mp3", 30, joined_files("mp3 64 kbit/s (lame)")),
    Positive(_STRUCTURE, "two files in one: ogg", 30, joined_files("vorbis ogg")),
    Positive(_STRUCTURE, "bytes removed inside: mp3 (dd)", 30, frames_removed),
    Positive(_STRUCTURE, "truncated: wav", 30, truncated("wav as it is")),
    Positive(_DURATION, "truncated: wav", 70, truncated("wav as it is")),
    Positive(_DURATION, "truncated: flac", 70, truncated("flac")),
    Positive(_DURATION, "truncated: mp3 with Info frame", 70, truncated("mp3 128 kbit/s (ffmpeg)")),
)
