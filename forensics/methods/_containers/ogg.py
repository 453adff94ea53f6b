"""Ogg: pages, their order, and the writers named in Vorbis, Opus and Speex headers.

Sources: RFC 3533 (Ogg), RFC 7845 (Opus in Ogg), RFC 6716 (Opus packets); Xiph.Org,
Vorbis I specification (comment header, section 5).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from forensics.methods._containers.source import Source, Structure, number

SAMPLED_PAGES = 24
"""Pages of sound whose packets are looked at."""
OPUS_CELT_MS = (2.5, 5.0, 10.0, 20.0)
MOST_PAGES = 500_000
CHECKED_BYTES = 1 << 18
"""Bytes of pages whose checksum is computed, at the start and at the end each."""
POLYNOMIAL = 0x04C11DB7


def _table() -> tuple[int, ...]:
    rows = []
    for value in range(256):
        register = value << 24
        for _ in range(8):
            register = ((register << 1) ^ (POLYNOMIAL if register & 0x80000000 else 0)) & 0xFFFFFFFF
        rows.append(register)
    return tuple(rows)


TABLE = _table()


def checksum(page: bytes) -> int:
    """CRC-32 of a page whose checksum field is taken as zero (RFC 3533)."""
    register = 0
    for value in page[:22] + b"\x00\x00\x00\x00" + page[26:]:
        register = ((register << 8) & 0xFFFFFFFF) ^ TABLE[(register >> 24) ^ value]
    return register


def read_ogg(source: Source) -> Structure:
    """Walk the pages."""
    found = Structure("Ogg")
    position, pages, checked = 0, 0, 0
    sequence: dict[int, int] = {}
    granules: dict[int, int] = {}
    ended: set[int] = set()
    headers: dict[int, bytes] = {}
    audio = _Audio()
    for _ in range(MOST_PAGES):
        head = source.read(position, 282)
        if len(head) < 27 or head[:4] != b"OggS":
            break
        count = head[26]
        size = 27 + count + sum(head[27 : 27 + count])
        serial, number_, flags = number(head, 14, 4), number(head, 18, 4), head[5]
        granule = number(head, 6, 8)
        if position + size > source.size:
            found.contradiction(f"the last page lacks {position + size - source.size} bytes")
            position = source.size
            break
        if checked < CHECKED_BYTES or position > source.size - CHECKED_BYTES:
            checked += size
            if checksum(source.read(position, size)) != number(head, 22, 4):
                found.contradiction(f"the page at byte {position} does not match its checksum")
        if flags & 2:
            if pages and granules and any(value > 0 for value in granules.values()):
                found.contradiction(f"a second stream begins at byte {position}, after sound of the first")
        elif serial not in sequence:
            found.contradiction(f"a stream without a beginning appears at byte {position}")
        elif number_ != (sequence[serial] + 1) & 0xFFFFFFFF:
            found.contradiction(f"page {number_} follows page {sequence[serial]} at byte {position}")
        if serial in ended:
            found.contradiction(f"a stream goes on after its end at byte {position}")
        if granule != 0xFFFFFFFFFFFFFFFF and granule < 1 << 62:
            if granule < granules.get(serial, 0):
                found.contradiction(f"the sample count runs backwards at byte {position}")
            granules[serial] = granule
        if flags & 4:
            ended.add(serial)
        if len(headers.get(serial, b"")) < 8192:
            headers[serial] = headers.get(serial, b"") + source.read(position + 27 + count, min(size, 8192))
        if number_ > 1 and len(audio.pages) < SAMPLED_PAGES:
            audio.page(head[27 : 27 + count], source.read(position + 27 + count, min(size, 65536)), granule)
        sequence[serial] = number_
        pages += 1
        position += size
    found.part("Ogg pages", 0, position)
    found.facts.update(pages=pages, streams=len(sequence), last_sample_count=max(granules.values(), default=0))
    if position < source.size:
        found.contradiction(f"{source.size - position} bytes that are no Ogg page follow byte {position}")
    if sequence and set(sequence) - ended:
        found.note("the last page is not marked as the end of the stream, as a recording that is cut short leaves it")
    for body in headers.values():
        _comments(found, body)
    if found.facts.get("stream_kind") == "Opus":
        found.facts.update(audio.opus_facts())
    found.habits["packets_per_page"] = audio.filling()
    return found


@dataclass
class _Audio:
    """The first pages of sound: how they are filled, and what the packets say of themselves."""

    pages: list[int] = field(default_factory=list)
    """Packets that end on each page."""
    heads: list[int] = field(default_factory=list)
    """First byte of each packet that begins on one of the pages."""
    frames: list[int] = field(default_factory=list)
    """Opus frames in each of these packets."""

    def page(self, lacing: bytes, body: bytes, granule: int) -> None:
        at, begins = 0, True
        for value in lacing:
            if begins and at < len(body) and value:
                self.heads.append(body[at])
                code = body[at] & 3
                self.frames.append((1, 2, 2)[code] if code < 3 else body[at + 1] & 63 if at + 1 < len(body) else 1)
            at, begins = at + value, value < 255
        self.pages.append(sum(value < 255 for value in lacing))

    def filling(self) -> str:
        """How a writer fills its pages; the last page is left out, since it holds what was left over."""
        most = max(self.pages[:-1], default=0)
        return "one packet" if most == 1 else "several packets" if most else "unknown"

    def opus_facts(self) -> dict[str, str | int | float | bool]:
        """RFC 6716, section 3.1: configuration, frame length and count in the first byte of a packet."""
        lengths: list[float] = []
        kinds: list[str] = []
        for head, frames in zip(self.heads, self.frames, strict=True):
            config = head >> 3
            steps = (10.0, 20.0, 40.0, 60.0) if config < 12 else (10.0, 20.0) * 2 if config < 16 else OPUS_CELT_MS
            lengths.append(steps[config & 3] * frames)
            kinds.append("SILK" if config < 12 else "hybrid" if config < 16 else "CELT")
        if not lengths:
            return {}
        return {
            "opus_packet_ms": max(set(lengths), key=lengths.count),
            "opus_mode": max(set(kinds), key=kinds.count),
        }


def _comments(found: Structure, body: bytes) -> None:
    """Vendor string and ENCODER comment of the second header."""
    for codec, marker, before in (("Vorbis", b"\x03vorbis", 7), ("Opus", b"OpusTags", 8)):
        at = body.find(marker)
        if at >= 0:
            found.facts["stream_kind"] = found.habits["stream_kind"] = codec
            length = min(number(body, at + before, 4), 400)
            found.encoder(f"{codec} vendor", body[at + before + 4 : at + before + 4 + length])
            found.facts["comments"] = min(number(body, at + before + 4 + length, 4), 10_000)
    if body[:8] == b"OpusHead":
        found.facts["opus_preskip"] = number(body, 10, 2)
        found.facts["opus_input_rate"] = number(body, 12, 4)
        found.facts["channels"] = number(body, 9, 1)
        found.habits["preskip"] = number(body, 10, 2)
    at = body.lower().find(b"encoder=")
    if at >= 4:
        length = min(number(body, at - 4, 4), 200)
        found.encoder("comment ENCODER", body[at + 8 : at + length])
