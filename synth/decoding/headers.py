"""What a recording claims about itself, read without a decoder: above all how long it says it is.

The lengths are compared with what really decodes, so they must not come from the same library. Sources: the
Microsoft multimedia data standards (RIFF), EBU Tech 3306 (RF64) and ITU-R BS.2088 (BW64), Apple's AIFF-C and CAF
specifications, Microsoft's ASF specification, RFC 9639 (FLAC), the Sun/NeXT .au header, and the Xing/Info and VBRI
headers of MP3.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

Reader = Callable[[int, int], bytes]
"""(offset, size) -> bytes, fewer at the end of the file."""

UNKNOWN32 = 0xFFFFFFFF
ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
MAX_CHUNKS = 10_000

SAMPLE_CODES = {1, 3, 6, 7}
"""Format codes of WAV with one block per sample: PCM, float, A-law, mu-law."""
BLOCK_CODES = {2, 0x11, 0x31}
"""Those with a fixed number of samples per block, which the fmt chunk tells: ADPCM, IMA ADPCM, GSM 06.10."""


@dataclass
class Claims:
    """What the header says, for comparison with what decodes."""

    seconds: float | None = None
    """Declared length, or None when the container declares none."""
    known: bool = False
    """True when this module understood the container, so that `seconds` stands even if it is None."""
    bit_depth: int | None = None
    """Declared bits per sample of linear PCM and lossless codecs."""
    ignore_length: bool = False
    """True when the declared size of the data chunk stops short of sound that follows it."""
    encoder: str | None = None
    """Encoder named in the Xing/Info header of an MP3."""
    trim: tuple[int, int] | None = None
    """Samples per channel to leave out at the start and to keep after them, as the packet table of a CAF says."""
    md5: bytes | None = None
    """MD5 of the sound that a FLAC header declares."""
    notes: list[str] = field(default_factory=list)


def claims_of(read: Reader, size: int) -> Claims:
    """Read the claims of WAV, RF64, BW64, AIFF, AU, CAF, ASF, FLAC and MP3; an empty record for anything else."""
    head = read(0, 16)
    try:
        if head[:4] in (b"RIFF", b"RF64", b"BW64", b"RIFX") and head[8:12] == b"WAVE":
            return _wav(read, size, head[:4])
        if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
            return _aiff(read, size)
        if head[:4] == b".snd":
            return _au(read, size)
        if head[:4] == b"caff":
            return _caf(read, size)
        if head == ASF:
            return _asf(read)
        if head[:4] == b"fLaC":
            return _flac(read)
        if head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2):
            return _mp3(read)
    except (struct.error, IndexError, ZeroDivisionError, OverflowError):
        return Claims(notes=["the header breaks off or contradicts itself"])
    return Claims()


def _wav(read: Reader, size: int, magic: bytes) -> Claims:
    claims = Claims(known=True)
    end = ">" if magic == b"RIFX" else "<"
    riff_size = struct.unpack(end + "I", read(4, 4))[0]
    position, fmt, fact, long_data = 12, b"", None, None
    for _ in range(MAX_CHUNKS):
        head = read(position, 8)
        if len(head) < 8:
            claims.notes.append("the file has no data chunk")
            return claims
        name, length = head[:4], struct.unpack(end + "I", head[4:])[0]
        if name == b"fmt ":
            fmt = read(position + 8, min(length, 64))
        elif name == b"fact" and length >= 4:
            fact = struct.unpack(end + "I", read(position + 8, 4))[0]
        elif name == b"ds64":
            long_data = struct.unpack("<Q", read(position + 16, 8))[0]
        elif name == b"data":
            break
        position += 8 + length + (length & 1)
    else:
        claims.notes.append("the file holds an endless list of chunks")
        return claims
    start = position + 8
    code, _, rate, byte_rate, align, bits = struct.unpack(end + "HHIIHH", fmt[:16])
    if code == 0xFFFE and len(fmt) >= 26:
        code = struct.unpack(end + "H", fmt[24:26])[0]
        valid = struct.unpack(end + "H", fmt[18:20])[0]
        bits = valid if 0 < valid <= bits else bits
    linear = code in (1, 3)
    claims.bit_depth = bits if linear else None
    if linear and align and byte_rate != rate * align:
        claims.notes.append(f"the fmt chunk declares {byte_rate} bytes per second, {rate} Hz x {align} bytes are meant")
    declared: int | None = length
    if magic != b"RIFF" and long_data is not None and length == UNKNOWN32:
        declared = long_data
    elif length == UNKNOWN32:
        declared = None
        claims.notes.append("the data chunk declares no length (0xFFFFFFFF, as a streaming writer leaves it)")
    there = max(0, size - start)
    if not rate or not align:
        claims.notes.append(f"the fmt chunk declares {rate} Hz and {align} bytes per sample")
    elif declared is not None:
        per_block = struct.unpack(end + "H", fmt[18:20])[0] if len(fmt) >= 20 else 0
        if code in SAMPLE_CODES:
            claims.seconds = declared / (rate * align)
        elif code in BLOCK_CODES and per_block:
            claims.seconds = declared // align * per_block / rate
        elif fact:
            claims.seconds = fact / rate
        elif byte_rate:
            claims.seconds = declared / byte_rate
    if declared is not None:
        _compare(claims, read, size, start, declared, there)
    if magic == b"RIFF" and declared is not None and riff_size not in (0, UNKNOWN32) and riff_size + 8 > size + 1:
        claims.notes.append(f"the RIFF header declares {riff_size + 8} bytes, the file has {size}")
    return claims


def _compare(claims: Claims, read: Reader, size: int, start: int, declared: int, there: int) -> None:
    """Set the data chunk's claim beside what the file holds."""
    if declared > there:
        claims.notes.append(f"the data chunk declares {declared} bytes, {there} are there")
    elif there - declared > 8 and not _chunks_follow(read, size, start + declared):
        claims.ignore_length = True
        claims.notes.append(
            f"the data chunk declares {declared} bytes, but {there - declared} bytes follow that are no RIFF chunk; "
            "they were decoded too"
        )


def _chunks_follow(read: Reader, size: int, position: int) -> bool:
    """True when a believable chunk starts at `position` or at the next even offset."""
    for start in {position, position + (position & 1)}:
        head = read(start, 8)
        if len(head) == 8 and all(32 <= c < 127 for c in head[:4]):
            if struct.unpack("<I", head[4:])[0] <= size - start - 8 + 1:
                return True
        elif not head.strip(b"\x00"):
            return size - start < 4096
    return False


def _aiff(read: Reader, size: int) -> Claims:
    claims = Claims(known=True)
    position = 12
    for _ in range(MAX_CHUNKS):
        head = read(position, 8)
        if len(head) < 8:
            break
        length = struct.unpack(">I", head[4:])[0]
        if head[:4] == b"COMM":
            body = read(position + 8, 22)
            _, frames, bits = struct.unpack(">hIh", body[:8])
            exponent, mantissa = struct.unpack(">HQ", body[8:18])
            rate = mantissa * 2.0 ** ((exponent & 0x7FFF) - 16383 - 63)
            compression = body[18:22] if length >= 22 else b"NONE"
            claims.bit_depth = bits if compression in (b"NONE", b"sowt", b"twos") else None
            claims.seconds = frames / rate if 1 <= rate < 1e7 else None
            if claims.seconds is None:
                claims.notes.append("the COMM chunk declares an impossible sample rate")
            return claims
        position += 8 + length + (length & 1)
    claims.notes.append("the file has no COMM chunk")
    return claims


def _au(read: Reader, size: int) -> Claims:
    _, start, length, code, rate, channels = struct.unpack(">4sIIIII", read(0, 24))
    width = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}.get(code)
    claims = Claims(known=width is not None, bit_depth={2: 8, 3: 16, 4: 24, 5: 32, 6: 32, 7: 64}.get(code))
    if width and length != UNKNOWN32:
        claims.seconds = length / (rate * channels * width)
        if length > max(0, size - start):
            claims.notes.append(f"the header declares {length} bytes of sound, {max(0, size - start)} are there")
    return claims


def _caf(read: Reader, size: int) -> Claims:
    claims = Claims()
    position, rate, packet_bytes, packet_frames, packets, priming = 8, 0.0, 0, 0, 0, 0
    for _ in range(MAX_CHUNKS):
        head = read(position, 12)
        if len(head) < 12:
            break
        length = struct.unpack(">q", head[4:])[0]
        if head[:4] == b"desc":
            body = read(position + 12, 32)
            rate, code, _, packet_bytes, packet_frames, _, bits = struct.unpack(">d4sIIIII", body)
            claims.bit_depth = bits if code == b"lpcm" else None
        elif head[:4] == b"pakt":
            packets, priming = struct.unpack(">qi", read(position + 20, 12))
        elif head[:4] == b"data" and length >= 4 and packet_bytes and packet_frames and 1 <= rate < 1e7:
            claims.known = True
            claims.seconds = (length - 4) // packet_bytes * packet_frames / rate
        if length < 0:
            break
        position += 12 + length
    if packets > 0 and 1 <= rate < 1e7:
        claims.known = True
        claims.trim = (max(0, priming), packets)
        claims.seconds = packets / rate
    return claims


def _asf(read: Reader) -> Claims:
    position = 30
    for _ in range(MAX_CHUNKS):
        head = read(position, 24)
        if len(head) < 24 or head == bytes(24):
            break
        if head[:16] == ASF_FILE_PROPERTIES:
            play, _, preroll = struct.unpack("<QQQ", read(position + 64, 24))
            return Claims(seconds=max(0.0, play / 1e7 - preroll / 1e3), known=play > 0)
        position += max(24, struct.unpack("<Q", head[16:])[0])
    return Claims()


def _flac(read: Reader) -> Claims:
    info = read(8, 34)
    packed = int.from_bytes(info[10:18], "big")
    rate, bits, total = packed >> 44, ((packed >> 36) & 0x1F) + 1, packed & ((1 << 36) - 1)
    md5 = info[18:34] if any(info[18:34]) else None
    return Claims(seconds=total / rate if total else None, known=True, bit_depth=bits, md5=md5)


def _mp3(read: Reader) -> Claims:
    position = 0
    for _ in range(8):
        tag = read(position, 10)
        if tag[:3] != b"ID3" or len(tag) < 10:
            break
        position += 10 + (tag[6] << 21 | tag[7] << 14 | tag[8] << 7 | tag[9]) + (10 if tag[5] & 0x10 else 0)
    frame = read(position, 512)
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:
        return Claims()
    version, rate_index, mono = frame[1] >> 3 & 3, frame[2] >> 2 & 3, frame[3] >> 6 == 3
    if version == 1 or rate_index == 3:
        return Claims()
    rate = (44100, 48000, 32000)[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    per_frame = 1152 if version == 3 else 576
    claims = Claims(known=True)
    offset = 4 + ((17 if mono else 32) if version == 3 else (9 if mono else 17))
    if frame[36:40] == b"VBRI":
        claims.seconds = struct.unpack(">I", frame[50:54])[0] * per_frame / rate
    elif frame[offset : offset + 4] in (b"Xing", b"Info"):
        flags = struct.unpack(">I", frame[offset + 4 : offset + 8])[0]
        samples = 0
        if flags & 1:
            samples = struct.unpack(">I", frame[offset + 8 : offset + 12])[0] * per_frame
        lame = frame[offset + 8 + sum(n for bit, n in ((1, 4), (2, 4), (4, 100), (8, 4)) if flags & bit) :]
        if lame[:4] in (b"LAME", b"Lavf", b"Lavc"):
            claims.encoder = lame[:9].split(b"\x00")[0].decode("latin-1").strip()
            delay, padding = lame[21] << 4 | lame[22] >> 4, (lame[22] & 15) << 8 | lame[23]
            samples = max(0, samples - delay - padding) if samples else 0
        claims.seconds = samples / rate if samples else None
    return claims
