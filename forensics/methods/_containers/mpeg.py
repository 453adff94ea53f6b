"""MP3: frames, the bit reservoir, the Xing/Info frame with its LAME tag, ID3 and APE tags.

Sources: ISO/IEC 11172-3 and 13818-3 (frame header and side information of layer III); the Xing/Info and LAME tag as
LAME writes them ("Mp3 Info Tag" by G. Bouvigne); id3.org, ID3v2.3 and v2.4 structure.
"""

from __future__ import annotations

from dataclasses import dataclass

from forensics.methods._containers.source import Source, Structure, number

MOST_FRAMES = 3_000_000
RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
BITS_V1 = {
    1: (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    2: (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
BITS_V2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


@dataclass(frozen=True)
class Frame:
    """A layer III frame header."""

    version: int
    """3 for MPEG-1, 2 for MPEG-2, 0 for MPEG-2.5."""
    rate: int
    kilobits: int
    mono: bool
    crc: bool
    size: int
    """Bytes of the whole frame."""

    @property
    def side(self) -> int:
        """Bytes of the side information."""
        return (17 if self.mono else 32) if self.version == 3 else (9 if self.mono else 17)

    @property
    def samples(self) -> int:
        return 1152 if self.version == 3 else 576


def frame_at(head: bytes) -> Frame | None:
    """The layer III frame header in four bytes, None if they are none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version, bits, rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or bits in (0, 15) or rate == 3:
        return None
    kilobits = BITS_V1[3][bits] if version == 3 else BITS_V2[bits]
    hertz = RATES[version][rate]
    size = (144 if version == 3 else 72) * kilobits * 1000 // hertz + (head[2] >> 1 & 1)
    return Frame(version, hertz, kilobits, head[3] >> 6 == 3, not head[1] & 1, size)


def id3_size(head: bytes) -> int:
    """Bytes of the ID3v2 tag that begins here, 0 if there is none."""
    if head[:3] != b"ID3" or len(head) < 10 or any(c & 0x80 for c in head[6:10]):
        return 0
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return 10 + size + (10 if head[5] & 0x10 else 0)


def read_mp3(source: Source) -> Structure:
    """Walk tags and frames."""
    found = Structure("MPEG audio layer III")
    position = _leading_tags(found, source)
    end = _trailing_tags(found, source)
    first = frame_at(source.read(position, 4))
    skipped = 0
    while first is None and skipped < 65536 and position + skipped < end:
        skipped += 1
        first = _sure(source, position + skipped)
    if first is None:
        found.contradiction("no layer III frame was found")
        return found
    if skipped:
        found.note(f"{skipped} bytes that are no frame precede the first one")
    start = position + skipped
    info = _info_frame(found, source, start, first)
    frames, stopped = _walk(found, source, start + (first.size if info else 0), end, first)
    found.facts.update(frames=frames, sample_rate=first.rate, mono=first.mono, mpeg_version=first.version)
    found.facts["channels"] = 1 if first.mono else 2
    head = source.read(start, 4)
    found.habits.update(original_bit=bool(head[3] & 4), copyright_bit=bool(head[3] & 8), private_bit=bool(head[2] & 1))
    found.habits["frame_checksums"] = first.crc
    if info and info.frames and abs(info.frames - frames) > 1:
        found.contradiction(f"the Xing/Info frame counts {info.frames} frames and the file holds {frames}")
    if info and info.bytes and abs(info.bytes - (stopped - start)) > first.size + 4:
        found.contradiction(f"the Xing/Info frame counts {info.bytes} bytes of sound and there are {stopped - start}")
    return found


FFMPEG_SUMMED = 190
"""FFmpeg sums this many bytes of the Info frame, with the sum itself taken as zero."""


@dataclass(frozen=True)
class Info:
    """Counts of the Xing/Info frame, 0 where it has none."""

    frames: int
    bytes: int


def _leading_tags(found: Structure, source: Source) -> int:
    position, tags = 0, 0
    for _ in range(16):
        size = id3_size(source.read(position, 10))
        if not size:
            break
        tags += 1
        found.habits["id3_version"] = number(source.read(position, 10), 3, 1)
        found.part("ID3v2 tag", position, size)
        body = source.read(position, min(size, 65536))
        found.habits["id3_frames"] = " ".join(sorted(set(_id3_frames(body))))
        for name in (b"TSSE", b"TENC"):
            at = body.find(name)
            if at > 0:
                length = min(number(body, at + 4, 4, "big"), 200)
                text = body[at + 11 : at + 10 + length]
                found.encoder(f"ID3 {name.decode()}", text.replace(b"\x00", b"") if body[at + 10 : at + 11] != b"\x01"
                              else text[2:].replace(b"\x00", b""))  # fmt: skip
        position += size
    if position > source.size:
        found.contradiction("the ID3 tag reaches beyond the end of the file")
    if tags > 1:
        found.note(f"{tags} ID3 tags stand one after the other")
    # Some writers pad with zeros between tag and sound.
    for _ in range(64):
        gap = source.read(position, 4096)
        kept = len(gap.lstrip(b"\x00"))
        position += len(gap) - kept
        if kept or not gap:
            break
    return position


def _id3_frames(body: bytes) -> list[str]:
    """Names of the frames of an ID3v2.3 or 2.4 tag."""
    names: list[str] = []
    at = 10
    while at + 10 <= len(body) and len(names) < 60 and body[at : at + 4].isalnum():
        names.append(body[at : at + 4].decode("ascii", "replace"))
        size = number(body, at + 4, 4, "big")
        if body[3] == 4:
            size = sum((body[at + 7 - i] & 0x7F) << 7 * i for i in range(4))
        at += 10 + size
    return names


def _trailing_tags(found: Structure, source: Source) -> int:
    end = source.size
    if source.read(end - 128, 3) == b"TAG":
        end -= 128
        found.part("ID3v1 tag", end, 128)
    footer = source.read(end - 32, 32)
    if footer[:8] == b"APETAGEX":
        size = number(footer, 12, 4) + (32 if number(footer, 20, 4) >> 31 else 0)
        if 32 <= size <= end:
            end -= size
            found.part("APE tag", end, size)
    return end


def _sure(source: Source, position: int) -> Frame | None:
    """A frame header that another one follows."""
    frame = frame_at(source.read(position, 4))
    follows = frame_at(source.read(position + frame.size, 4)) if frame else None
    return frame if frame and follows and follows.rate == frame.rate else None


def _info_frame(found: Structure, source: Source, start: int, first: Frame) -> Info | None:
    body = source.read(start, first.size)
    at = 4 + first.side
    if body[36:40] == b"VBRI":
        found.encoder("VBRI header", "Fraunhofer encoder (VBRI header)")
        return Info(number(body, 50, 4, "big"), 0)
    if body[at : at + 4] not in (b"Xing", b"Info"):
        found.habits["info_frame"] = "none"
        return None
    found.habits["info_frame"] = "Xing/Info"
    flags = number(body, at + 4, 4, "big")
    offset, counts = at + 8, [0, 0]
    for bit, size in ((1, 4), (2, 4), (4, 100), (8, 4)):
        if flags & bit:
            if bit < 4:
                counts[bit - 1] = number(body, offset, 4, "big")
            offset += size
    name = body[offset : offset + 9]
    found.encoder("LAME tag", name)
    if name[:4] in (b"LAME", b"Lavc", b"Lavf", b"L3.9") and len(body) >= offset + 36:
        found.facts["encoder_delay"] = body[offset + 21] << 4 | body[offset + 22] >> 4
        found.facts["encoder_padding"] = (body[offset + 22] & 15) << 8 | body[offset + 23]
        said = number(body, offset + 34, 2, "big")
        found.facts["lame_tag_checksum_set"] = said != 0
        blank = body[: offset + 34] + b"\x00\x00" + body[offset + 36 :]
        summed = {
            "LAME": said == _crc16(body[: offset + 34]),
            "FFmpeg": said == _crc16((blank + bytes(FFMPEG_SUMMED))[:FFMPEG_SUMMED]),
        }
        found.habits["lame_tag_sum"] = next((who for who, fits in summed.items() if said and fits), "other")
        found.habits["lame_tag_method"] = "set" if body[offset + 9] & 15 else "blank"
        found.habits["lame_tag_lowpass"] = "set" if body[offset + 10] else "blank"
        copied = summed["FFmpeg"] and not body[offset + 9] & 15 and not body[offset + 10]
        if name[:4] == b"LAME" and copied:
            # FFmpeg copies the name of the encoder and writes counts and sum anew.
            found.trace("Info frame rewritten by FFmpeg around packets that LAME coded (copied, not re-encoded)")
        elif said and name[:4] == b"LAME" and not summed["LAME"]:
            found.contradiction("the LAME tag does not match its own checksum")
    return Info(counts[0], counts[1])


def _crc16(data: bytes) -> int:
    """CRC-16/ARC, as LAME writes it."""
    register = 0
    for value in data:
        register ^= value
        for _ in range(8):
            register = register >> 1 ^ (0xA001 if register & 1 else 0)
    return register


def _walk(found: Structure, source: Source, start: int, end: int, first: Frame) -> tuple[int, int]:
    """Count frames up to the first byte that is none; look for breaks on the way."""
    position, frames, left = start, 0, -1
    kilobits: set[int] = set()
    window, base = source.read(start, 1 << 20), start
    for _ in range(MOST_FRAMES):
        if position - base + 64 > len(window) and base + len(window) < source.size:
            base, window = position, source.read(position, 1 << 20)
        at = position - base
        frame = frame_at(window[at : at + 4]) if position + 4 <= end else None
        if frame is None:
            if end - position < 1:
                break
            rest = window[at : at + 4096]
            if rest[:3] == b"ID3" and id3_size(rest):
                found.contradiction(f"an ID3 tag stands inside the sound, at byte {position}")
                position += id3_size(rest)
                continue
            again = _resync(source, position, end)
            if again is None:
                if rest.strip(b"\x00"):
                    found.contradiction(f"{end - position} bytes that are no frame follow the last one")
                break
            found.contradiction(f"{again - position} bytes at {position} are no frame")
            position, left = again, -1
            continue
        if (frame.rate, frame.version, frame.mono) != (first.rate, first.version, first.mono):
            found.contradiction(
                f"the format changes to {frame.rate} Hz{' mono' if frame.mono else ''} inside the sound"
            )
        if position + frame.size > end:
            found.note("the last frame is incomplete")
            break
        side = window[at + 4 + 2 * frame.crc : at + 4 + 2 * frame.crc + frame.side]
        if frames and side[:1] == b"\x00" and window[at + 4 + frame.side : at + 8 + frame.side] in (b"Xing", b"Info"):
            found.contradiction(f"a second Xing/Info frame stands inside the sound, at byte {position}")
            left = -1
        else:
            left = _reservoir(found, frame, side, left, frames)
        frames += 1
        kilobits.add(frame.kilobits)
        position += frame.size
    found.facts["bit_rate_pattern"] = "constant" if len(kilobits) == 1 else "variable"
    found.facts["kilobits"] = max(kilobits, default=0)
    return frames, position


def _reservoir(found: Structure, frame: Frame, side: bytes, left: int, index: int) -> int:
    """Bytes of main data that the next frame may still refer to; -1 when that is not known."""
    bits = int.from_bytes(side, "big")
    width = 8 * frame.side
    back = bits >> width - (9 if frame.version == 3 else 8) if len(side) == frame.side else 0
    if 0 <= left < back:
        found.contradiction(f"frame {index} refers to {back} bytes of sound before it, of which {left} can be there")
    if left < 0 and back and not index:
        found.note(f"the first frame refers to {back} bytes of sound before it, which are not in the file")
    channels, granules = 1 if frame.mono else 2, 2 if frame.version == 3 else 1
    if frame.version == 3:
        offset, step = 9 + (5 if frame.mono else 3) + 4 * channels, 59
    else:
        offset, step = 8 + (1 if frame.mono else 2), 63
    used = sum(bits >> width - offset - 12 - step * part & 0xFFF for part in range(channels * granules))
    room = frame.size - 4 - 2 * frame.crc - frame.side
    known = back if left < 0 else min(back, left)
    return min(max(known + room - (used + 7) // 8, 0), 511)


def _resync(source: Source, position: int, end: int) -> int | None:
    """The next believable frame within 64 kB."""
    block = source.read(position, 65536)
    at = block.find(b"\xff", 1)
    while at >= 0 and position + at < end:
        if frame_at(block[at : at + 4]) and _sure(source, position + at):
            return position + at
        at = block.find(b"\xff", at + 1)
    return None
