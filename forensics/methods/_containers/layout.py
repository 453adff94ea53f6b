"""Which reader a file needs, by its first bytes."""

from __future__ import annotations

from pathlib import Path

from forensics.methods._containers.flac import read_flac
from forensics.methods._containers.matroska import read_matroska
from forensics.methods._containers.mp4 import read_mp4
from forensics.methods._containers.mpeg import frame_at, id3_size, read_mp3
from forensics.methods._containers.ogg import read_ogg
from forensics.methods._containers.plain import read_aiff, read_amr, read_asf, read_caf
from forensics.methods._containers.riff import read_riff
from forensics.methods._containers.source import Source, Structure

MP4_STARTS = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"pnot")
ASF_START = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")


def read_structure(path: Path) -> Structure | None:
    """The structure of a container that has a reader here, None for any other."""
    with Source(path) as source:
        head = source.read(0, 16)
        tag = id3_size(head)
        behind = source.read(tag, 16) if tag else head
        if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE":
            return read_riff(source)
        if head[4:8] in MP4_STARTS:
            return read_mp4(source)
        if head[:4] == b"OggS":
            return read_ogg(source)
        if head[:4] == b"fLaC":
            return read_flac(source)
        if head[:4] == b"\x1a\x45\xdf\xa3":
            return read_matroska(source)
        if head[:10].lstrip(b"\x02")[:9] == b"#!SILK_V3":
            return Structure("SILK")
        if head[:5] == b"#!AMR":
            return read_amr(source)
        if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
            return read_aiff(source)
        if head[:4] == b"caff":
            return read_caf(source)
        if head == ASF_START:
            return read_asf(source)
        if (tag and behind[:4] != b"fLaC") or frame_at(head):
            return read_mp3(source)
    return None
