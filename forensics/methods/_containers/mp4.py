"""MP4, MOV and M4A: boxes, sample tables, edit lists, brands and writers.

Sources: ISO/IEC 14496-12 (ISO base media file format); Apple, QuickTime File Format Specification (user data and the
item list with the ©too tag).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from forensics.methods._containers.source import MOST_PARTS, Source, Structure, number, printable

PARENTS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta", b"ilst", b"dinf", b"mvex", b"moof", b"traf"}
DEEPEST = 12
MOST_KEYS = 0xFFFF
"""Highest number of a key by which an item of QuickTime's metadata may be named."""
LONGEST_EDIT_S = 0.3
"""Stored sound that an edit list may skip at the start: priming of the encoder, with room to spare."""
LEAST_PRIMING = 1024
"""Priming of an AAC encoder: at least one frame, samples."""


@dataclass
class Track:
    """What the boxes of one track say."""

    kind: bytes = b""
    timescale: int = 0
    duration: int = 0
    sizes: int | None = None
    timed: int | None = None
    timed_ticks: int = 0
    packet_ticks: int = 0
    entry: bytes = b""
    rate: int = 0
    channels: int = 0
    chunk: int = 0
    language: int = 0
    edits: list[tuple[int, int]] = field(default_factory=list)


@dataclass
class _Walk:
    found: Structure
    source: Source
    tracks: list[Track] = field(default_factory=list)
    movie_timescale: int = 0
    count: int = 0
    tree: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    listing: bool = False


def read_mp4(source: Source) -> Structure:
    """Walk the boxes of a file of the ISO base media family."""
    found = Structure("ISO base media (MP4/MOV)")
    walk = _Walk(found, source)
    top: list[bytes] = []
    _boxes(walk, 0, source.size, 0, top)
    order = [name for name in top if name in (b"moov", b"mdat", b"moof")]
    found.facts["top_level_boxes"] = " ".join(printable(name) for name in top[:40])
    found.facts["index_first"] = bool(order) and order[0] == b"moov"
    if top.count(b"moov") > 1:
        found.contradiction("the file has two movie boxes")
    if b"moov" not in top and b"moof" not in top:
        found.contradiction("the file has no movie box")
    if b"mdat" not in top:
        found.contradiction("the file has no media data box")
    found.habits["tree"] = " ".join(dict.fromkeys(walk.tree))[:1500]
    found.habits["order"] = " ".join(printable(name) for name in dict.fromkeys(top))
    found.habits["items"] = " ".join(sorted(set(walk.items)))[:600]
    found.habits["movie_timescale"] = walk.movie_timescale
    found.habits["video_track"] = any(track.kind == b"vide" for track in walk.tracks)
    for track in walk.tracks:
        if track.kind == b"soun":
            _check(walk, track, fragmented=b"moof" in top)
            _habits(found, track)
    return found


def _boxes(walk: _Walk, start: int, end: int, depth: int, names: list[bytes]) -> None:
    found, source, position = walk.found, walk.source, start
    while position < end:
        walk.count += 1
        head = source.read(position, 16)
        if walk.count > MOST_PARTS or (depth and end - position < 8):
            return
        size, name, lead = number(head, 0, 4, "big"), head[4:8], 8
        if size == 1:
            size, lead = number(head, 8, 8, "big"), 16
        elif size == 0 and not depth:
            size = source.size - position
        if len(head) < 8 or size < lead or not (all(31 < c < 127 or c == 0xA9 for c in name) or _indexed(walk, name)):
            if not depth:
                _trailing(found, source, position)
            elif name not in (b"\x00\x00\x00\x00",):
                found.contradiction(f"bytes that are no box lie at offset {position}")
            return
        if position + size > end:
            whole = "file" if not depth else "box around it"
            found.contradiction(f"the box {printable(name)} reaches {position + size - end} bytes beyond the {whole}")
            size = end - position
        if depth <= 6 and not walk.listing and len(walk.tree) < 400:
            walk.tree.append(f"{depth}{printable(name)}")
        if depth <= 2:
            found.part("  " * depth + printable(name), position, size)
        if not depth:
            names.append(name)
        _box(walk, name, position + lead, position + size, depth)
        position += size


def _indexed(walk: _Walk, name: bytes) -> bool:
    """Whether a box of an item list is named by its number in the table of keys, as QuickTime's metadata are."""
    return walk.listing and 0 < number(name, 0, 4, "big") <= MOST_KEYS


def _trailing(found: Structure, source: Source, position: int) -> None:
    rest = source.read(position, 4096)
    if rest.strip(b"\x00"):
        found.contradiction(f"{source.size - position} bytes that are no box follow the last box")
    elif rest:
        found.note(f"{source.size - position} bytes of padding follow the last box")


def _box(walk: _Walk, name: bytes, start: int, end: int, depth: int) -> None:
    found, body = walk.found, walk.source.read(start, min(end - start, 1024))
    track = walk.tracks[-1] if walk.tracks else Track()
    wide = body[:1] == b"\x01"
    if name == b"ftyp":
        found.facts["brand"] = found.habits["brand"] = printable(body[:4])
        found.habits["minor_version"] = number(body, 4, 4, "big")
        found.habits["compatible"] = " ".join(
            printable(body[i : i + 4]) for i in range(8, min(len(body) - 3, end - start - 3, 72), 4)
        )
        found.facts["compatible_brands"] = " ".join(
            printable(body[i : i + 4]) for i in range(8, min(len(body) - 3, 72), 4)
        )
    elif name == b"mvhd":
        walk.movie_timescale = number(body, 20 if wide else 12, 4, "big")
        created, changed = (number(body, 4 + i * (8 if wide else 4), 8 if wide else 4, "big") for i in (0, 1))
        found.facts["creation_time_set"] = bool(created)
        if created and changed and changed < created:
            found.contradiction("the movie header was changed before it was created")
    elif name == b"mdhd":
        track.timescale = number(body, 20 if wide else 12, 4, "big")
        track.duration = number(body, 24 if wide else 16, 8 if wide else 4, "big")
        track.language = number(body, 32 if wide else 20, 2, "big")
    elif name == b"hdlr":
        if not track.kind or body[8:12] in (b"soun", b"vide"):
            track.kind = body[8:12]
        if body[8:12] in (b"soun", b"vide"):
            # QuickTime writes a length byte first.
            found.encoder(f"handler name ({printable(body[8:12])})", body[24:].lstrip(bytes(range(1, 32))))
    elif name == b"stsz":
        track.sizes = number(body, 8, 4, "big")
    elif name == b"stsd":
        track.entry, track.channels = body[12:16], number(body, 32, 2, "big")
        track.rate = number(body, 40, 2, "big")
    elif name == b"stsc":
        track.chunk = number(body, 12, 4, "big")
    elif name == b"stts":
        track.packet_ticks = number(body, 12, 4, "big")
        _times(walk, track, start, end)
    elif name == b"elst":
        _edits(track, body)
    elif name == b"\xa9too":
        found.encoder("©too", body[16:])
    elif name in (b"\xa9swr", b"\xa9enc", b"\xa9mak", b"\xa9mod"):
        found.encoder(printable(name), body[16:] if body[4:8] == b"data" else body[4:])
    elif name == b"keys":
        walk.keys = _keys(body)
        walk.items.extend(walk.keys)
    elif _indexed(walk, name) and walk.keys[number(name, 0, 4, "big") - 1 :][:1] == ["encoder"]:
        found.encoder("key encoder", body[16:])
    if walk.listing and name not in (b"data", b"mean", b"----") and not _indexed(walk, name):
        walk.items.append(_shown(body[4:60]) if name == b"name" else _shown(name.replace(b"\xa9", b"(c)")))
    if name == b"trak" and depth < DEEPEST:
        walk.tracks.append(Track())
    if (name in PARENTS or name == b"----") and depth < DEEPEST:
        walk.listing = walk.listing or name == b"ilst"
        _boxes(walk, start, end, depth + 1, [])
        walk.listing = walk.listing and name != b"ilst"
    elif name == b"meta" and depth < DEEPEST:
        # A full box in MP4 (4 bytes of version and flags), a plain one in QuickTime.
        _boxes(walk, start + (0 if body[4:8] in (b"hdlr", b"keys", b"ilst") else 4), end, depth + 1, [])


def _shown(text: bytes) -> str:
    """A name as one word of printable ASCII."""
    return "".join(chr(c) for c in text if 32 < c < 127)[:60] or "?"


def _keys(body: bytes) -> list[str]:
    """Names of a QuickTime metadata key table."""
    names, at = [], 8
    for _ in range(min(number(body, 4, 4, "big"), 60)):
        size = number(body, at, 4, "big")
        if size < 9:
            break
        names.append(_shown(body[at + 8 : at + min(size, 80)]))
        at += size
    return names


def _habits(found: Structure, track: Track) -> None:
    """Settings and fixed fields of the first track of sound."""
    if "sample_entry" in found.habits:
        return
    found.facts.update(sample_rate=track.rate, channels=track.channels)
    found.habits["sample_entry"] = printable(track.entry)
    found.habits["timescale_is_rate"] = track.timescale == track.rate
    found.habits["packet_ticks"] = track.packet_ticks
    found.habits["language"] = "".join(chr((track.language >> shift & 31) + 96) for shift in (10, 5, 0))
    skips = found.facts.get("edit_list_skips_s")
    found.facts["priming_samples"] = round(skips * track.timescale) if isinstance(skips, float) else -1


def _times(walk: _Walk, track: Track, start: int, end: int) -> None:
    declared = number(walk.source.read(start, 8), 4, 4, "big")
    count = min(declared, (end - start - 8) // 8, 1 << 17)
    room = max((end - start - 8) // 8, 0)
    if declared > room:
        walk.found.contradiction(f"the time table declares {declared} entries and has room for {room}")
    table = walk.source.read(start + 8, 8 * max(count, 0))
    track.timed = sum(number(table, 8 * i, 4, "big") for i in range(len(table) // 8))
    track.timed_ticks = sum(
        number(table, 8 * i, 4, "big") * number(table, 8 * i + 4, 4, "big") for i in range(len(table) // 8)
    )


def _edits(track: Track, body: bytes) -> None:
    wide = body[:1] == b"\x01"
    step, width = (20, 8) if wide else (12, 4)
    for index in range(min(number(body, 4, 4, "big"), (len(body) - 8) // step)):
        at = 8 + index * step
        raw = body[at + width : at + 2 * width]
        track.edits.append((number(body, at, width, "big"), int.from_bytes(raw, "big", signed=True)))


def _stretches(walk: _Walk, track: Track) -> list[tuple[int, int]]:
    """Length (movie ticks) and start (media ticks) of what the edit list plays; entries that go on count as one."""
    played: list[tuple[int, int]] = []
    for length, at in track.edits:
        if at < 0:
            continue
        if played and walk.movie_timescale and track.timescale:
            before, start = played[-1]
            gap = (at - start) / track.timescale - before / walk.movie_timescale
            if abs(gap) <= 2.0 / walk.movie_timescale:
                played[-1] = (before + length, start)
                continue
        played.append((length, at))
    return played


def _check(walk: _Walk, track: Track, fragmented: bool) -> None:
    found = walk.found
    if track.sizes is not None and track.timed is not None and track.sizes != track.timed and not fragmented:
        found.contradiction(
            f"the size table counts {track.sizes} packets of sound and the time table counts {track.timed}"
        )
    if track.timescale and track.timed_ticks and not fragmented:
        stored, said = track.timed_ticks / track.timescale, track.duration / track.timescale
        found.facts["stored_s"] = round(stored, 3)
        if abs(stored - said) > 0.2:
            found.contradiction(f"the media header declares {said:.2f} s and the time table adds up to {stored:.2f} s")
    played = _stretches(walk, track)
    found.facts["edit_list_entries"] = len(track.edits)
    if not track.timescale or not played:
        return
    skipped = played[0][1] / track.timescale
    found.facts["edit_list_skips_s"] = round(skipped, 6)
    if len(played) > 1:
        found.contradiction(f"the edit list plays {len(played)} stretches of the stored sound, not one")
        return
    if skipped > LONGEST_EDIT_S:
        found.trace(f"start trimmed by the edit list: the first {skipped:.2f} s are stored and not played")
    elif 0 < played[0][1] < LEAST_PRIMING and track.packet_ticks == 1024 and track.entry == b"mp4a":
        found.trace(
            "start trimmed by copying packets: the edit list skips part of one AAC frame "
            f"({played[0][1]} samples), less than an encoder's priming"
        )
    if walk.movie_timescale and track.timed_ticks and not fragmented and played[0][0]:
        left = track.timed_ticks / track.timescale - skipped - played[0][0] / walk.movie_timescale
        if left > LONGEST_EDIT_S:
            found.trace(f"end trimmed by the edit list: the last {left:.2f} s are stored and not played")
