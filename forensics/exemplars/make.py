"""Make the measured exemplars: files of noise written by FFmpeg, LAME, SoX and libsndfile, fingerprinted and forgotten.

`python -m forensics.exemplars.make` writes forensics/exemplars/measured.yaml. It needs the programs ffmpeg, lame and
sox; what ships was made with those of Debian 12 (FFmpeg 5.1, LAME 3.100, SoX 14.4.2) and with the FFmpeg inside PyAV
and the libsndfile inside soundfile. Product code never runs it.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import av
import numpy as np
import soundfile
import yaml

from forensics.exemplars.fingerprint import Fingerprint, fingerprint
from forensics.exemplars.records import Exemplar, exemplar_of

OUT = Path(__file__).with_name("measured.yaml")
COMMAND = "python -m forensics.exemplars.make"
VARIANTS = ((2.0, 16000, 1), (5.0, 44100, 1), (3.0, 48000, 2))
"""Seconds, rate and channels of the examples."""
FFMPEG: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("WAV", ".wav", ("-c:a", "pcm_s16le")),
    ("WAV, 24 bit", ".wav", ("-c:a", "pcm_s24le")),
    ("WAV, G.711", ".wav", ("-c:a", "pcm_alaw", "-ar", "8000")),
    ("MP3", ".mp3", ("-c:a", "libmp3lame", "-b:a", "64k")),
    ("M4A, AAC", ".m4a", ("-c:a", "aac", "-b:a", "64k")),
    ("M4A, AAC, index first", ".m4a", ("-c:a", "aac", "-movflags", "+faststart")),
    ("MP4, AAC", ".mp4", ("-c:a", "aac")),
    ("MP4, AAC, fragmented", ".mp4", ("-c:a", "aac", "-movflags", "frag_keyframe+empty_moov")),
    ("M4A, ALAC", ".m4a", ("-c:a", "alac")),
    ("Ogg, Opus", ".ogg", ("-c:a", "libopus", "-b:a", "24k")),
    ("Ogg, Opus, voice", ".ogg", ("-c:a", "libopus", "-b:a", "16k", "-application", "voip")),
    ("Ogg, Vorbis", ".ogg", ("-c:a", "libvorbis", "-ac", "2")),
    ("WebM, Opus", ".webm", ("-c:a", "libopus")),
    ("Matroska, AAC", ".mkv", ("-c:a", "aac")),
    ("FLAC", ".flac", ("-c:a", "flac")),
    ("CAF", ".caf", ("-c:a", "pcm_s16le")),
    ("AIFF", ".aiff", ("-c:a", "pcm_s16be")),
    ("ASF, WMA", ".wma", ("-c:a", "wmav2", "-b:a", "64k", "-ar", "44100")),
)
SOX = (("WAV", ".wav", ()), ("WAV, 24 bit", ".wav", ("-b", "24")), ("AIFF", ".aiff", ()), ("Ogg, Vorbis", ".ogg", ()),
       ("FLAC", ".flac", ()), ("AMR", ".amr-nb", ("-r", "8000", "-c", "1")))  # fmt: skip
LAME = (("MP3, constant bit rate", ("-b", "64")), ("MP3, variable bit rate", ("-V", "4")))
SNDFILE = (("WAV", "wav", "PCM_16"), ("WAV, float", "wav", "FLOAT"),
           ("FLAC", "flac", "PCM_16"), ("Ogg, Vorbis", "ogg", "VORBIS"), ("AIFF", "aiff", "PCM_16"),
           ("MP3", "mp3", "MPEG_LAYER_III"))  # fmt: skip
FIRM = {
    "ISO base media (MP4/MOV)": ("minor_version", "compatible", "movie_timescale"),
    "MPEG audio layer III": ("lame_tag_method", "lame_tag_lowpass"),
}
"""Habits of FFmpeg and LAME that none of the variants changes, by kind of container."""


def main() -> None:
    """Write the exemplars."""
    rows = [exemplar.model_dump(mode="json", exclude_defaults=True) for exemplar in measure()]
    head = f"# Measured exemplars: written by `{COMMAND}`, not by hand. Structural facts of files of noise.\n"
    OUT.write_text(head + yaml.safe_dump(rows, sort_keys=False, allow_unicode=True, width=120), encoding="utf-8")


def measure() -> Iterator[Exemplar]:
    """One exemplar per program and kind of container."""
    ffmpeg, sox, lame = _version("ffmpeg", "-version"), _version("sox", "--version"), _version("lame", "--version")
    for title, suffix, options in FFMPEG:
        line = ["ffmpeg", "-y", "-v", "error", "-i", "{source}", "-map_metadata", "-1", *options, "{out}"]
        prints = _prints(suffix, partial(_run, line))
        if suffix in (".m4a", ".wav", ".mp3"):
            prints |= _prints(suffix, partial(_pyav, options))
        yield _exemplar(prints, "FFmpeg", title, f"FFmpeg {ffmpeg}", ("lavf", "lavc"))
    for title, suffix, options in SOX:
        line = ["sox", "-V1", "-R", "{source}", *options, "{out}"]
        yield _exemplar(_prints(suffix, partial(_run, line)), "SoX", title, f"SoX {sox}",
                        ("processed by sox",))  # fmt: skip
    for title, options in LAME:
        line = ["lame", "--quiet", *options, "{source}", "{out}"]
        prints = _prints(".mp3", partial(_run, line))
        yield _exemplar(prints, "LAME", title, f"LAME {lame}", ("lame#", "lame "))
    for title, suffix, subtype in SNDFILE:
        prints = _prints(f".{suffix}", partial(_sndfile, subtype))
        yield _exemplar(prints, "libsndfile", title, soundfile.__libsndfile_version__, ("libsndfile",))


def _exemplar(
    prints: dict[str, Fingerprint], writer: str, title: str, version: str, claims: tuple[str, ...]
) -> Exemplar:
    firm = FIRM.get(next(iter(prints.values())).format, ()) if writer in ("FFmpeg", "LAME") else ()
    return exemplar_of(
        prints, f"{writer}: {title}", writer, "measured", version=version, source=COMMAND, claims=claims, firm=firm
    )


def _prints(suffix: str, write: Callable[[Path, Path], None]) -> dict[str, Fingerprint]:
    found = {}
    with tempfile.TemporaryDirectory(prefix="voxproof-exemplars-") as name:
        for index, (seconds, rate, channels) in enumerate(VARIANTS):
            source, out = Path(name) / f"{index}.source.wav", Path(name) / f"{index}{suffix}"
            noise = np.random.default_rng(index).normal(0.0, 0.05, (round(seconds * rate), channels))
            soundfile.write(source, noise, rate, subtype="PCM_16")
            write(source, out)
            made = fingerprint(out)
            if made is None:
                raise RuntimeError(f"no reader for {suffix}")
            found[hashlib.sha256(out.read_bytes()).hexdigest()] = made
    return found


def _run(line: list[str], source: Path, out: Path) -> None:
    words = [word.format(source=source, out=out) for word in line]
    subprocess.run(words, check=True, capture_output=True, stdin=subprocess.DEVNULL)  # noqa: S603


def _sndfile(subtype: str, source: Path, out: Path) -> None:
    samples, rate = soundfile.read(source)
    soundfile.write(out, samples, rate, subtype=subtype)


def _pyav(options: tuple[str, ...], source: Path, out: Path) -> None:
    """The same through the FFmpeg inside PyAV, which is another version."""
    codec = options[options.index("-c:a") + 1]
    with av.open(str(source)) as given, av.open(str(out), "w", options=_movflags(options)) as made:
        coded = 8000 if codec == "pcm_alaw" else given.streams.audio[0].rate
        layout = "stereo" if given.streams.audio[0].channels == 2 else "mono"
        stream = made.add_stream(codec, rate=coded, layout=layout)
        stream.codec_context.format = av.codec.Codec(codec, "w").audio_formats[0]
        convert = av.AudioResampler(
            format=stream.codec_context.format, layout=stream.codec_context.layout, rate=coded,
            frame_size=stream.codec_context.frame_size,
        )  # fmt: skip
        for frame in (*given.decode(audio=0), None):
            for part in convert.resample(frame):
                made.mux(stream.encode(part))
        made.mux(stream.encode(None))


def _movflags(options: tuple[str, ...]) -> dict[str, str]:
    return {"movflags": options[options.index("-movflags") + 1].lstrip("+")} if "-movflags" in options else {}


def _version(*line: str) -> str:
    said = subprocess.run(line, capture_output=True, text=True, check=False)  # noqa: S603
    found = re.search(r"\d+\.\d+(?:\.\d+)?", said.stdout + said.stderr)
    return found.group() if found else "of unknown version"


if __name__ == "__main__":
    main()
