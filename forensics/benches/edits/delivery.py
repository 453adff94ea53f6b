"""Delivery paths and claims: look-alikes of how recordings travel, and files whose metadata name another writer.

Made by FFmpeg, LAME, SoX, sed and dd. A look-alike has the facts that are published of the original (rate, packets,
tags); the original apps and devices are not at hand, and the conditions say "look-alike" for that reason.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from forensics.benches.edits.base import Made, Positive, Recipe, Rng, encode, length, run

VOICE_MEMOS = "com.apple.VoiceMemos (iPhone Version 17.2.1 (Build 21C66))"
EDITORS = ("Audacity 3.4.2", "Adobe Audition CC 2019", "WaveLab Pro 11", "REAPER 7", "iZotope RX 10")
CALLS = ("pcm_alaw", "pcm_mulaw", "libgsm_ms")
OPUS = ("-c:a", "libopus", "-application", "voip", "-ac", "1")


def ffmpeg(suffix: str, *options: str) -> Recipe:
    """The clip written by FFmpeg with these options, without the metadata of the source."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        out = folder / f"delivered{suffix}"
        run("ffmpeg", "-y", "-v", "error", "-i", sources[0], "-map_metadata", "-1", *options, out)
        return out, ()

    return make


def voice_note(rate: str, bits: tuple[str, ...]) -> Recipe:
    """Opus in Ogg, mono, in packets of 20 or 60 ms."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        options = (*OPUS, "-ar", rate, "-b:a", str(rng.choice(bits)), "-frame_duration", str(rng.choice(["20", "60"])))
        return ffmpeg(".ogg", *options)(sources, folder, rng)

    return make


def from_stream(sources: list[Path], folder: Path, rng: Rng) -> Made:
    """AAC in a transport stream or in ADTS, packets copied into M4A."""
    stream = folder / ("stream.ts" if rng.random() < 0.5 else "stream.aac")
    out = folder / "delivered.m4a"
    run("ffmpeg", "-y", "-v", "error", "-i", sources[0], "-map_metadata", "-1", "-c:a", "aac", "-b:a", "96k", stream)
    run("ffmpeg", "-y", "-v", "error", "-i", stream, "-c", "copy", "-bsf:a", "aac_adtstoasc", out)
    return out, ()


def video(sources: list[Path], folder: Path, rng: Rng) -> Made:
    """A test picture with the clip as its sound."""
    out = folder / "delivered.mp4"
    picture = ("-f", "lavfi", "-i", f"testsrc=duration={length(sources[0]):.2f}:size=64x64:rate=10")
    run("ffmpeg", "-y", "-v", "error", *picture, "-i", sources[0], "-c:v", "mpeg4", "-c:a", "aac", out)
    return out, ()


def call(sources: list[Path], folder: Path, rng: Rng) -> Made:
    """AMR-NB by SoX, half of them copied into 3GP by FFmpeg."""
    out = encode(sources[0], folder, "amr-nb")
    if rng.random() < 0.5:
        return out, ()
    run("ffmpeg", "-y", "-v", "error", "-f", "amr", "-i", out, "-c", "copy", folder / "delivered.3gp")
    return folder / "delivered.3gp", ()


def telephone(sources: list[Path], folder: Path, rng: Rng) -> Made:
    """G.711 or GSM at 8 kHz in WAV."""
    return ffmpeg(".wav", "-ar", "8000", "-ac", "1", "-c:a", str(rng.choice(CALLS)))(sources, folder, rng)


def tagged_mp3(sources: list[Path], folder: Path, rng: Rng) -> Made:
    """LAME with an ID3 tag."""
    plain, out = folder / "plain.wav", folder / "delivered.mp3"
    run("sox", "-V1", "-R", sources[0], "-b", "16", plain)
    run("lame", "--quiet", "-b", "64", "--tt", "Recording", "--add-id3v2", plain, out)
    return out, ()


def voice_memo(sources: list[Path], folder: Path, rng: Rng) -> Made:
    """AAC in M4A by FFmpeg with the tag of Voice Memos, in which sed puts Apple's brands in the place of FFmpeg's."""
    ffmpeg(".m4a", *_CLAIM)(sources, folder, rng)
    out = folder / "delivered.m4a"
    run("sed", "-i", r"s/M4A \x00\x00\x02\x00M4A isomiso2/M4A \x00\x00\x00\x00M4A mp42isom/", out)
    return out, ()


def sent_on(sources: list[Path], folder: Path, rng: Rng) -> Made:
    """The same, packets copied by FFmpeg as services that pass recordings on do: index first, keys kept, or in MOV."""
    voice_memo(sources, folder, rng)
    way = str(rng.choice(["plain", "faststart", "use_metadata_tags", "mov"]))
    out = folder / ("sent.mov" if way == "mov" else "sent.m4a")
    flags = ("-movflags", way) if way in ("faststart", "use_metadata_tags") else ()
    run("ffmpeg", "-y", "-v", "error", "-i", folder / "delivered.m4a", "-c", "copy", *flags, out)
    return out, ()


def claimed_lame(sources: list[Path], folder: Path, rng: Rng) -> Made:
    """MP3 by FFmpeg in which sed puts LAME's name in the place of FFmpeg's."""
    out = folder / "delivered.mp3"
    options = ("-c:a", "libmp3lame", "-b:a", "64k", "-id3v2_version", "0")
    run("ffmpeg", "-y", "-v", "error", "-i", sources[0], "-map_metadata", "-1", *options, out)
    run("sed", "-i", "s/Lav[cf]5[0-9][.][0-9]\\{2\\}/LAME3.100/", out)
    return out, ()


def editor_tag(suffix: str) -> Recipe:
    """The name of an editor where editors leave it: originator of the bext chunk, or ID3 frame TENC."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        name = str(rng.choice(EDITORS))
        if suffix == ".wav":
            return ffmpeg(".wav", "-write_bext", "1", "-metadata", f"originator={name}")(sources, folder, rng)
        options = ("-c:a", "libmp3lame", "-b:a", "96k", "-metadata", f"encoded_by={name}")
        return ffmpeg(suffix, *options)(sources, folder, rng)

    return make


def copied(codec: str, start: bool) -> Recipe:
    """Packets copied by FFmpeg into a new file, with or without the start."""

    def make(sources: list[Path], folder: Path, rng: Rng) -> Made:
        out = encode(sources[0], folder, codec)
        skip = ("-ss", f"{float(rng.uniform(0.4, 0.9)):.3f}") if start else ()
        run("ffmpeg", "-y", "-v", "error", *skip, "-i", out, "-c", "copy", folder / f"copied{out.suffix}")
        return folder / f"copied{out.suffix}", ()

    return make


def page_lost(sources: list[Path], folder: Path, rng: Rng) -> Made:
    """A stretch of bytes removed from the middle of an Ogg file, by dd."""
    out = encode(sources[0], folder, "opus 16 kbit/s ogg")
    size = out.stat().st_size
    start, gone = int(size * float(rng.uniform(0.4, 0.6))), int(rng.integers(200, 900))
    run("dd", f"if={out}", f"of={folder / 'head'}", f"bs={start}", "count=1")
    run("dd", f"if={out}", f"of={folder / 'tail'}", f"bs={start + gone}", "skip=1")
    cut = folder / "lost.ogg"
    cut.write_bytes((folder / "head").read_bytes() + (folder / "tail").read_bytes())
    return cut, ()


def other_length(sources: list[Path], folder: Path, rng: Rng) -> Made:
    """The length field of the data chunk overwritten with half to nine tenths of the true length, by dd."""
    out = encode(sources[0], folder, "wav as it is")
    size = out.stat().st_size - 44
    told = int(size * float(rng.uniform(0.5, 0.9))) // 2 * 2
    (folder / "field").write_bytes(np.array([told], "<u4").tobytes())
    run("dd", f"if={folder / 'field'}", f"of={out}", "bs=1", "seek=40", "conv=notrunc")
    return out, ()


_STRUCTURE, _DURATION = "container.structure", "container.duration"
_EXEMPLAR, _PATH = "container.exemplar", "container.delivery-path"
_M4A, _MP3 = "aac 64 kbit/s m4a", "mp3 64 kbit/s (lame)"
_CLAIM = ("-c:a", "aac", "-ar", "44100", "-b:a", "64k", "-metadata", f"encoding_tool={VOICE_MEMOS}")
_VORBIS = ("-c:a", "libvorbis", "-q:a", "3")

POSITIVES = (
    Positive(_STRUCTURE, "bytes removed inside: ogg (dd)", 30, page_lost),
    Positive(_STRUCTURE, "start cut by stream copy: m4a (named)", 30, copied(_M4A, start=True), trace="start trimmed"),
    Positive(_STRUCTURE, "packets copied: mp3 of LAME (named)", 30, copied(_MP3, start=False), trace="rewritten by FF"),
    Positive(_DURATION, "length field changed: wav (dd)", 40, other_length),
    Positive(_STRUCTURE, "LAME's name written over FFmpeg's: mp3 (sed)", 30, claimed_lame),
    Positive(_EXEMPLAR, "claim conflict: tag of Voice Memos in a file of FFmpeg: m4a", 100, ffmpeg(".m4a", *_CLAIM)),
    Positive(_EXEMPLAR, "look-alike of Voice Memos, packets copied by FFmpeg (named)", 40, sent_on, trace="by FFmpeg"),
    Positive(_EXEMPLAR, "editor named: wav, bext chunk", 20, editor_tag(".wav"), trace="saved by the editor"),
    Positive(_EXEMPLAR, "editor named: mp3, ID3", 20, editor_tag(".mp3"), trace="saved by the editor"),
    Positive(_EXEMPLAR, "writer named: FFmpeg, m4a", 20, ffmpeg(".m4a"), trace="structure as written by FFmpeg"),
    Positive(_EXEMPLAR, "writer named: FFmpeg, ogg", 20, ffmpeg(".ogg", *_VORBIS), trace="FFmpeg"),
    Positive(_EXEMPLAR, "writer named: LAME", 20, tagged_mp3, trace="LAME"),
    Positive(_PATH, "look-alike of a WhatsApp voice note", 40, voice_note("16000", ("12k", "16k", "24k")),
             trace="WhatsApp-like"),
    Positive(_PATH, "look-alike of a Telegram voice note", 40, voice_note("48000", ("24k", "32k", "48k")),
             trace="Telegram-like"),
    Positive(_PATH, "look-alike of Voice Memos: m4a (FFmpeg, brands by sed)", 20, voice_memo, trace="Voice Memos"),
    Positive(_PATH, "look-alike of an e-mailed mp3 (lame, ID3)", 20, tagged_mp3, trace="MP3 from a converter"),
    Positive(_PATH, "look-alike of a call recorder (AMR-NB, 3GP)", 30, call, trace="call recorder"),
    Positive(_PATH, "video with sound: mp4", 20, video, trace="video with sound"),
    Positive(_PATH, "AAC copied out of a stream: m4a", 30, from_stream, trace="repackaged"),
    Positive(_PATH, "start cut by stream copy: m4a", 30, copied(_M4A, start=True), trace="sound taken out"),
    Positive(_PATH, "Broadcast WAV", 20, ffmpeg(".wav", "-write_bext", "1", "-metadata", "originator=Desk 2"),
             trace="Broadcast WAV"),
    Positive(_PATH, "look-alike of a telephone gateway (G.711, GSM)", 20, telephone, trace="telephone gateway"),
)  # fmt: skip
