"""Makes the hostile files of this folder again: `python tests/data/crashers/make.py` (see README.md for what each is).

A synthetic sweep of 0.1 s in a container, and one lie in it. Written with FFmpeg and libsndfile through
`synth.specimens`, so other versions of these libraries give other bytes; the files that are tested are those kept here.
"""

from __future__ import annotations

import struct
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[2]))

from synth.anatomy import anatomy, repair_checksum  # noqa: E402
from synth.specimens import SPECIMENS, make  # noqa: E402

RATE = 8000
MOST_BYTES = 4000
ONES = 0xFFFFFFFF


def specimen(name: str, channels: int = 1, seconds: float = 0.1) -> bytearray:
    """A sweep from 200 to 2,000 Hz in this kind of file."""
    t = np.arange(round(seconds * RATE)) / RATE
    sweep = 0.3 * np.sin(2 * np.pi * (200 * t + 900 * t**2 / seconds))
    sound = sweep if channels == 1 else sweep[:, None] * np.linspace(1, -0.5, channels)
    with tempfile.TemporaryDirectory() as folder:
        return bytearray(make(next(s for s in SPECIMENS if s.name == name), sound, RATE, Path(folder)).read_bytes())


def at(data: bytearray, part: bytes, offset: int, form: str, *values: float) -> bytearray:
    """Put numbers into the body of the first part of this name."""
    place = next(each.body for each in anatomy(data)[1] if each.name[:4] == part) + offset
    struct.pack_into(form, data, place, *values)
    return data


def sized(data: bytearray, part: bytes, size: int) -> bytearray:
    """Another size for the first part of this name."""
    found = next(each for each in anatomy(data)[1] if each.name[:4] == part)
    data[found.size_at : found.size_at + found.size_bytes] = size.to_bytes(found.size_bytes, found.order)
    return data


def page(data: bytearray, number: int, offset: int, form: str, value: int) -> bytearray:
    """Put a number into an Ogg page, counted from the page's start, and the right checksum over it."""
    found = anatomy(data)[1][number]
    struct.pack_into(form, data, found.start + offset, value)
    repair_checksum(data, found)
    return data


def boxes_in_boxes() -> bytearray:
    data = specimen("m4a")
    moov = next(part for part in anatomy(data)[1] if part.name == b"moov")
    inner, depth = moov.end - moov.start, 200
    head = b"".join(struct.pack(">I", inner + 8 * (depth - level)) + b"moov" for level in range(depth))
    return data[: moov.start] + head + data[moov.start :]


def lists_in_lists() -> bytearray:
    data = specimen("wav-s16")
    data[12:12] = (b"LIST" + struct.pack("<I", ONES) + b"INFO") * 150
    return data


def clusters_in_clusters() -> bytearray:
    data = specimen("mkv")
    first = next(part for part in anatomy(data)[1] if part.name == b"\x1f\x43\xb6\x75")
    data[first.start : first.start] = (b"\x1f\x43\xb6\x75" + b"\x01" + b"\xff" * 7) * 100
    return data


def pages_shuffled() -> bytearray:
    data = specimen("opus", seconds=3.0)
    parts = anatomy(data)[1]
    pieces = [bytes(data[part.start : part.end]) for part in parts]
    return bytearray(b"".join([pieces[0], *reversed(pieces[1:]), pieces[0]]))


def other_magic() -> bytearray:
    data = specimen("m4a")
    data[:4] = b"fLaC"
    return data


def element(data: bytearray, name: bytes, body: bytes) -> bytearray:
    found = next(part for part in anatomy(data)[1] if part.name == name)
    data[found.body : found.end] = body[: found.end - found.body]
    return data


FILES: dict[str, Callable[[], bytearray]] = {
    "surround-opus": lambda: specimen("opus", 8, 0.02),
    "m4a-with-flac-magic": other_magic,
    "riff-lists-in-lists": lists_in_lists,
    "wav-endless-data": lambda: sized(specimen("wav-s16"), b"data", ONES),
    "wav-no-rate": lambda: at(specimen("wav-s16"), b"fmt ", 4, "<I", 0),
    "wav-65535-channels": lambda: at(specimen("wav-s16"), b"fmt ", 2, "<H", 0xFFFF),
    "wav-no-alignment": lambda: at(specimen("wav-s16"), b"fmt ", 12, "<H", 0),
    "wav-zero-sized-chunks": lambda: specimen("wav-s16")[:12] + bytearray(b"junk\0\0\0\0" * 400),
    "wav-adpcm-block-of-one": lambda: at(specimen("wav-adpcm"), b"fmt ", 12, "<H", 1),
    "w64-size-2-63": lambda: sized(specimen("w64"), b"data", 1 << 63),
    "rf64-ds64-ones": lambda: at(specimen("wav-rf64"), b"ds64", 0, "<QQQ", *[(1 << 64) - 1] * 3),
    "avi-no-time-base": lambda: at(specimen("avi"), b"strh", 20, "<II", 0, 0),
    "aiff-rate-infinite": lambda: at(specimen("aiff"), b"COMM", 8, ">HQ", 0x7FFF, (1 << 64) - 1),
    "aiff-frames-ones": lambda: at(specimen("aiff"), b"COMM", 2, ">I", ONES),
    "caf-rate-not-a-number": lambda: at(specimen("caf"), b"desc", 0, ">d", float("nan")),
    "caf-packets-2-63": lambda: at(specimen("caf-alac"), b"pakt", 0, ">q", (1 << 63) - 1),
    "caf-negative-size": lambda: sized(specimen("caf"), b"desc", (1 << 64) - 12),
    "au-starts-beyond": lambda: bytearray(specimen("au")[:4] + struct.pack(">I", ONES) + specimen("au")[8:]),
    "au-no-channels": lambda: bytearray(specimen("au")[:20] + struct.pack(">I", 0) + specimen("au")[24:]),
    "mp4-boxes-in-boxes": boxes_in_boxes,
    "mp4-stsz-ones": lambda: at(specimen("m4a"), b"stsz", 8, ">I", ONES),
    "mp4-stts-ones": lambda: at(specimen("m4a"), b"stts", 4, ">III", ONES, ONES, ONES),
    "mp4-stsc-huge": lambda: at(specimen("m4a"), b"stsc", 4, ">IIII", ONES, 1, 0x7FFFFFFF, 1),
    "mp4-stco-beyond": lambda: at(specimen("m4a"), b"stco", 4, ">II", 0x7FFFFFFF, ONES),
    "mp4-no-time-scale": lambda: at(specimen("m4a"), b"mdhd", 12, ">I", 0),
    "mp4-edit-beyond": lambda: at(specimen("m4a"), b"elst", 4, ">IIi", ONES, ONES, 0x7FFFFFFF),
    "mp4-box-size-1": lambda: sized(specimen("m4a"), b"moov", 1),
    "mkv-clusters-in-clusters": clusters_in_clusters,
    "mkv-rate-infinite": lambda: element(specimen("mkv"), b"\xb5", struct.pack(">d", float("inf"))),
    "mkv-rate-not-a-number": lambda: element(specimen("mkv"), b"\xb5", struct.pack(">d", float("nan"))),
    "mkv-scale-zero": lambda: element(specimen("mkv"), b"\x2a\xd7\xb1", bytes(3)),
    "mkv-segment-2-56": lambda: sized(specimen("mkv"), b"\x18\x53\x80\x67", 0x01FFFFFFFFFFFFFE),
    "ogg-pages-shuffled": pages_shuffled,
    "ogg-granule-2-62": lambda: page(specimen("opus"), -1, 6, "<Q", 1 << 62),
    "opus-255-channels": lambda: page(specimen("opus"), 0, 28 + 9, "<B", 255),
    "vorbis-no-rate": lambda: page(specimen("vorbis"), 0, 28 + 12, "<I", 0),
    "vorbis-comment-ones": lambda: page(specimen("vorbis"), 1, 27 + specimen("vorbis")[84] + 7, "<I", ONES),
    "flac-2-36-samples": lambda: at(specimen("flac-16"), b"\x00", 13, ">BI", 0xFF, ONES),
    "flac-comment-ones": lambda: at(specimen("flac-16"), b"\x04", 0, "<I", ONES),
    "id3-chain": lambda: bytearray(b"ID3\x04\0\x10\0\0\0\x0aTXXX\0\0\0\x7f\xff\xff" * 150) + specimen("mp3"),
    "id3-256-mb": lambda: specimen("mp3")[:6] + bytearray(b"\x7f\x7f\x7f\x7f") + specimen("mp3")[10:],
    "asf-object-2-64": lambda: sized(specimen("wma"), bytes.fromhex("a1dcab8c"), (1 << 64) - 1),
    "asf-preroll-ones": lambda: at(specimen("wma"), bytes.fromhex("a1dcab8c"), 56, "<Q", (1 << 64) - 1),
    "amr-forbidden-frames": lambda: bytearray(b"#!AMR\n" + bytes([0x7C, 0x5C, 0x6C, 0x74] * 200)),
    "tta-no-rate": lambda: specimen("tta")[:10] + bytearray(4) + specimen("tta")[14:],
    "wavpack-block-ones": lambda: sized(specimen("wavpack"), b"wvpk", ONES),
}  # fmt: skip


if __name__ == "__main__":
    for name, built in FILES.items():
        contents = bytes(built())[:MOST_BYTES]
        (HERE / f"{name}.bin").write_bytes(contents)
        print(f"{name}.bin {len(contents)} bytes")
