"""Each mutator does what it says, on the families of files that it knows; the anatomy that they work on is right."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from synth.anatomy import anatomy, repair_checksum, synchsafe
from synth.mutation import make_specimens
from synth.mutators import MUTATORS, behead, change_magic, extend, flip_bits, truncate
from synth.mutators_structure import (
    all_ones_sizes,
    break_element_sizes,
    break_frames,
    break_pages,
    break_tags,
    lie_about_size,
    lie_in_format,
    lie_in_tables,
    nest,
    reorder_parts,
)

CLIP = Path(__file__).parents[1] / "data" / "001.wav"
MKV_FORMAT = {bytes.fromhex(name) for name in ("2ad7b1", "4489", "b5", "9f", "6264", "56aa", "63a2", "d7", "e7")}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    made = make_specimens(CLIP, tmp_path_factory.mktemp("specimens"))
    return {name: data for name, _, data in made}


def rng(seed: int = 0) -> random.Random:
    return random.Random(seed)  # noqa: S311


def names(data: bytes | bytearray) -> list[bytes]:
    return [part.name for part in anatomy(data)[1]]


@pytest.mark.parametrize("mutator", MUTATORS, ids=lambda m: m.__name__)
def test_every_mutator_takes_anything(mutator: object, files: dict[str, bytes]) -> None:
    assert callable(mutator)
    originals = [*files.values(), b"a", b"RIFF", bytes(11), bytes(50), b"\x1a\x45\xdf\xa3", b"OggS", b"fLaC\x80"]
    for index, original in enumerate(originals):
        for turn in range(5):
            broken = mutator(bytearray(original), rng(turn), originals[index - 1])
            assert len(broken) < 60 * len(original) + 400_000


@pytest.mark.parametrize(
    ("file", "family", "wanted"),
    [
        ("wav-s16", "riff", {b"fmt ", b"data"}),
        ("avi", "riff", {b"LIST", b"avih", b"strh", b"strf", b"idx1"}),
        ("aiff", "aiff", {b"COMM", b"SSND"}),
        ("caf-alac", "caf", {b"desc", b"kuki", b"pakt", b"data"}),
        ("m4a", "iso", {b"ftyp", b"moov", b"mdat", b"trak", b"stsz", b"stts", b"stsc", b"stco", b"stsd", b"elst"}),
        ("mkv", "ebml", {b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75", b"\xa3", b"\xb5", b"\x9f"}),
        ("opus", "ogg", {b"OggS"}),
        ("flac-16", "flac", {b"\x00", b"\x04"}),
        ("wavpack", "wavpack", {b"wvpk"}),
        ("au", "au", set()),
    ],
)
def test_the_parts_of_a_file_are_found_and_lie_within_each_other(
    file: str, family: str, wanted: set[bytes], files: dict[str, bytes]
) -> None:
    data = files[file]
    found, parts = anatomy(data)
    assert found == family
    assert wanted <= {part.name for part in parts}
    spans = {part.start: part for part in parts}
    for part in parts:
        assert 0 <= part.start < part.body <= part.end <= len(data)
        assert part.depth == len(part.around)
        for start in part.around:
            assert spans[start].start <= part.start < part.end <= spans[start].end


def test_wave64_and_asf_objects_are_found(files: dict[str, bytes]) -> None:
    assert {b"fmt ", b"data"} <= {name[:4] for name in names(files["w64"])}
    family, parts = anatomy(files["wma"])
    assert family == "asf"
    assert max(part.depth for part in parts) == 1
    assert len(parts) >= 6


def test_an_id3_tag_and_its_frames_are_found(files: dict[str, bytes]) -> None:
    family, parts = anatomy(files["mp3"])
    assert family == "id3"
    assert parts[0].name == b"ID3"
    assert parts[0].end == 10 + synchsafe(files["mp3"][6:10])
    assert b"TSSE" in [part.name for part in parts]


def test_a_page_with_a_repaired_checksum_is_what_the_writer_wrote(files: dict[str, bytes]) -> None:
    data = bytearray(files["opus"])
    for page in anatomy(data)[1]:
        data[page.start + 22 : page.start + 26] = b"\xff" * 4
        repair_checksum(data, page)
    assert data == files["opus"]


def test_flipped_bits_cuts_and_additions(files: dict[str, bytes]) -> None:
    data = files["wav-s16"]
    flipped = flip_bits(bytearray(data), rng(), b"x")
    assert len(flipped) == len(data)
    assert 1 <= sum((a ^ b).bit_count() for a, b in zip(flipped, data, strict=True)) <= 64
    assert data.startswith(truncate(bytearray(data), rng(), b"x"))
    assert data.endswith(behead(bytearray(data), rng(), b"x"))
    assert extend(bytearray(data), rng(), b"x").startswith(data)
    assert change_magic(bytearray(data), rng(), bytes(20))[:12] != data[:12]


@pytest.mark.parametrize(
    "file", ["wav-s16", "aiff", "caf", "m4a", "mkv", "opus", "flac-16", "wma", "mp3", "w64", "wavpack"]
)
def test_a_lying_size_changes_nothing_but_one_size_field(file: str, files: dict[str, bytes]) -> None:
    data = files[file]
    fields = {(part.size_at, part.size_bytes) for part in anatomy(data)[1]}
    changed = 0
    for seed in range(20):
        broken = lie_about_size(bytearray(data), rng(seed), b"x")
        places = {at for at in range(len(data)) if broken[at] != data[at]}
        assert len(broken) == len(data)
        assert any(places <= set(range(at, at + width)) for at, width in fields)
        changed += bool(places)
    assert changed >= 15


@pytest.mark.parametrize("file", ["wav-s16", "aiff", "caf", "m4a", "mkv", "wma"])
def test_all_sizes_of_a_level_can_be_ones(file: str, files: dict[str, bytes]) -> None:
    broken = all_ones_sizes(bytearray(files[file]), rng(1), b"x")
    tops = [part for part in anatomy(files[file])[1] if part.depth == 0]
    assert all(
        broken[part.size_at : part.size_at + part.size_bytes] == b"\xff" * part.size_bytes for part in tops
    ) or any(part.depth and broken[part.size_at] == 0xFF for part in anatomy(files[file])[1])


@pytest.mark.parametrize("file", ["wav-s16", "avi", "aiff", "caf-alac", "m4a", "mkv", "opus", "flac-16", "wma", "mp3"])
def test_parts_are_reordered_dropped_and_doubled(file: str, files: dict[str, bytes]) -> None:
    data = files[file]
    counts = {"same": 0, "fewer": 0, "more": 0}
    for seed in range(60):
        broken = reorder_parts(bytearray(data), rng(seed), b"x")
        counts["fewer" if len(broken) < len(data) else "more" if len(broken) > len(data) else "same"] += 1
        if len(broken) == len(data):
            assert sorted(broken) == sorted(data)
    assert min(counts.values()) >= 3, counts


def test_sizes_around_a_moved_box_follow_half_of_the_time(files: dict[str, bytes]) -> None:
    data = files["m4a"]
    moov = next(part for part in anatomy(data)[1] if part.name == b"moov")
    size = moov.end - moov.start
    followed = stale = 0
    for seed in range(300):
        broken = reorder_parts(bytearray(data), rng(seed), b"x")
        grown = len(broken) - len(data)
        inner = broken[: moov.start] == data[: moov.start] and broken[moov.start + 4 : moov.start + 8] == b"moov"
        if grown > 0 and inner:
            followed += int.from_bytes(broken[moov.start : moov.start + 4], "big") == size + grown
            stale += int.from_bytes(broken[moov.start : moov.start + 4], "big") == size
    assert followed > 5
    assert stale > 5


@pytest.mark.parametrize("file", ["wav-s16", "avi", "m4a", "mkv", "wma", "mp3", "opus", "caf", "aiff", "flac-16"])
def test_nesting_goes_deep(file: str, files: dict[str, bytes]) -> None:
    data = files[file]
    grown = [len(nest(bytearray(data), rng(seed), b"x")) - len(data) for seed in range(20)]
    assert min(grown) >= 8
    assert max(grown) > 1000


def test_boxes_hold_boxes_to_the_depth_of_the_walk(files: dict[str, bytes]) -> None:
    deepest = max(
        part.depth for seed in range(20) for part in anatomy(nest(bytearray(files["m4a"]), rng(seed), b"x"))[1]
    )
    assert deepest == 24


@pytest.mark.parametrize(
    ("mutator", "file", "parts"),
    [
        (lie_in_format, "wav-s16", {b"fmt "}),
        (lie_in_format, "avi", {b"avih", b"strh", b"strf"}),
        (lie_in_format, "aiff", {b"COMM", b"SSND"}),
        (lie_in_format, "caf-alac", {b"desc", b"kuki"}),
        (lie_in_format, "m4a", {b"mvhd", b"mdhd", b"tkhd", b"stsd", b"hdlr"}),
        (lie_in_format, "mkv", MKV_FORMAT),
        (lie_in_format, "flac-16", {b"\x00"}),
        (lie_in_format, "opus", {b"OggS"}),
        (lie_in_format, "wavpack", {b"wvpk"}),
        (lie_in_tables, "m4a", {b"stsz", b"stts", b"stsc", b"stco", b"elst", b"dref", b"ctts"}),
        (lie_in_tables, "mov-video", {b"stsz", b"stts", b"stsc", b"stco", b"elst", b"dref", b"stss"}),
        (lie_in_tables, "caf-alac", {b"pakt", b"info"}),
        (lie_in_tables, "flac-16", {b"\x03", b"\x04", b"\x06"}),
        (lie_in_tables, "avi", {b"idx1"}),
        (lie_in_tables, "mkv", {b"\xa3", b"\xa1", b"\xf1"}),
    ],
)  # fmt: skip
def test_lies_stand_in_the_bodies_of_the_parts_that_are_meant(
    mutator: object, file: str, parts: set[bytes], files: dict[str, bytes]
) -> None:
    assert callable(mutator)
    data = files[file]
    bodies = [(part.start, part.end) for part in anatomy(data)[1] if part.name in parts]
    touched = set()
    for seed in range(60):
        broken = mutator(bytearray(data), rng(seed), b"x")
        assert len(broken) == len(data)
        for at in range(len(data)):
            if broken[at] != data[at]:
                assert any(start <= at < end for start, end in bodies), at
                touched.add(at)
    assert len(touched) >= 2


@pytest.mark.parametrize("file", ["au", "tta", "wma"])
def test_headers_without_parts_are_lied_in_too(file: str, files: dict[str, bytes]) -> None:
    data = files[file]
    broken = [lie_in_format(bytearray(data), rng(seed), b"x") for seed in range(20)]
    assert sum(each != data for each in broken) >= 15
    assert all(each[64:] == data[64:] for each in broken) or file == "wma"


def test_pages_lie_under_a_checksum_that_fits(files: dict[str, bytes]) -> None:
    data = files["vorbis"]
    fitting = altered = 0
    for seed in range(60):
        broken = break_pages(bytearray(data), rng(seed), b"x")
        assert len(broken) == len(data)
        for page in anatomy(broken)[1]:
            if broken[page.start : page.end] != data[page.start : page.end]:
                altered += 1
                again = bytearray(broken)
                repair_checksum(again, page)
                fitting += again == broken
    assert altered > 60
    assert 0.5 < fitting / altered < 1.0


def test_matroska_times_and_sizes_are_broken(files: dict[str, bytes]) -> None:
    data = files["webm"]
    assert sum(break_pages(bytearray(data), rng(seed), b"x") != data for seed in range(10)) == 10
    widened = [break_element_sizes(bytearray(data), rng(seed), b"x") for seed in range(20)]
    assert all(b"\x01" in each for each in widened)
    assert any(b"\x01\xff\xff\xff\xff\xff\xff\xff" in each[60:] for each in widened)
    assert len({len(each) for each in widened}) > 3


def test_tags_have_sizes_that_id3_does_not_allow(files: dict[str, bytes]) -> None:
    sizes = set()
    for seed in range(40):
        broken = break_tags(bytearray(files["wav-s16"]), rng(seed), b"x")
        assert broken[:3] == b"ID3"
        assert broken.endswith(files["wav-s16"])
        sizes.add(bytes(broken[6:10]))
    assert {b"\xff\xff\xff\xff", b"\x7f\x7f\x7f\x7f"} <= sizes
    replaced = [break_tags(bytearray(files["mp3"]), rng(seed), b"x") for seed in range(20)]
    assert any(len(each) == len(files["mp3"]) for each in replaced)
    assert max(len(each) for each in replaced) > len(files["mp3"]) + 5000


@pytest.mark.parametrize("file", ["mp3", "adts", "ac3", "ts", "amr"])
def test_frame_headers_are_broken_behind_their_sync_words(file: str, files: dict[str, bytes]) -> None:
    data = files[file]
    broken = [break_frames(bytearray(data), rng(seed), b"x") for seed in range(20)]
    assert all(len(each) == len(data) for each in broken)
    assert sum(each != data for each in broken) >= 15


def test_the_classes_of_lies_are_all_there() -> None:
    assert [mutator.__name__ for mutator in MUTATORS] == [
        "flip_bits", "flip_header_bits", "overwrite_run", "truncate", "behead", "extend", "delete_span", "repeat_span",
        "insert_foreign", "splice", "change_magic", "set_extreme",
        "lie_about_size", "all_ones_sizes", "reorder_parts", "nest", "lie_in_format", "lie_in_tables", "break_pages",
        "break_element_sizes", "break_tags", "break_frames",
    ]  # fmt: skip
