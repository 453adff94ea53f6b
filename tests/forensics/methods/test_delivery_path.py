"""Delivery paths are named from container and codec facts, with their basis; other codecs are not given a path."""

from __future__ import annotations

from pathlib import Path

import pytest
from container_files import VOICE_MEMOS, coded, copied, lame_mp3, with_bext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from method_clips import HUMAN, Examine, clip
from pydantic import ValidationError

from forensics.exemplars import fingerprint
from forensics.exemplars.delivery import Condition, delivery_paths
from forensics.exhibit import Exhibit
from forensics.methods.delivery_path import DeliveryPath
from forensics.records import Finding

MEMO = coded("ipod", "aac", rate=44100, tags={"encoding_tool": VOICE_MEMOS})
VOIP = {"application": "voip", "frame_duration": "60"}


def run(folder: Path, data: bytes, suffix: str = "") -> Finding:
    path = folder / f"exhibit{suffix}"
    path.write_bytes(data)
    with Exhibit.open(path) as exhibit:
        return DeliveryPath().run(exhibit)


@pytest.mark.parametrize(
    ("data", "trace"),
    [
        (coded("ogg", "libopus", rate=16000, bit_rate=16000, options=VOIP), "WhatsApp-like voice note"),
        (coded("ogg", "libopus", rate=48000, bit_rate=32000, options=VOIP), "Telegram-like voice note"),
        (MEMO.replace(b"\x02\x00M4A isomiso2", b"\x00\x00M4A mp42isom", 1), "Voice Memos"),
        (coded("mp3", "libmp3lame", rate=44100), "MP3 from a converter"),
        (coded("amr", "libopencore_amrnb", rate=8000, bit_rate=12200), "call recorder (AMR narrow band)"),
        (copied(coded("amr", "libopencore_amrnb", rate=8000, bit_rate=12200), "3gp"), "call recorder (AMR narrow"),
        (copied(coded("adts", "aac", rate=44100), "ipod"), "AAC without its priming"),
        (with_bext(b"DESK 2"), "Broadcast WAV: by its bext chunk"),
        (coded("wav", "pcm_alaw", rate=8000), "telephone gateway"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_look_alikes_are_named_and_not_held_against_the_file(tmp_path: Path, data: bytes, trace: str) -> None:
    finding = run(tmp_path, data)
    assert finding.outcome == "consistent"
    assert trace in finding.traces[0]
    assert finding.measurements["basis"] in ("measured", "documented")
    assert "The rule is" in finding.reasons[1]


def test_the_vendor_string_makes_the_difference_between_like_and_by(tmp_path: Path) -> None:
    features = {"stream_kind": "Opus", "channels": 1, "opus_input_rate": 16000, "opus_packet_ms": 60.0,
                "opus_mode": "SILK", "bit_rate": 16000, "packets_per_page": "one packet"}  # fmt: skip
    named = {}
    for vendor in ("WhatsApp", "libopus unknown-fixed", "Lavf59.27.100"):
        texts = f"opus vendor: {vendor.lower()}"
        named[vendor] = next(rule.name for rule in delivery_paths() if rule.fits(features | {"texts": texts}))
    assert named["WhatsApp"] == "WhatsApp voice note (Opus in Ogg)"
    assert named["libopus unknown-fixed"] == "Telegram voice note (Opus in Ogg)"
    assert named["Lavf59.27.100"].startswith("WhatsApp-like")


@pytest.mark.parametrize(
    "data",
    [
        coded("mp4", "aac", muxer={"movflags": "frag_keyframe+empty_moov"}),
        coded("ipod", "alac", rate=44100), coded("flac", "flac"), coded("wav", "pcm_s16le"),
        coded("webm", "libopus", rate=48000), coded("aiff", "pcm_s16be"),
        coded("asf", "wmav2", rate=44100, bit_rate=64000),
        lame_mp3(), MEMO, MEMO.replace(b"SoundHandler", b"Core Media A"),
        coded("ogg", "libopus", rate=48000, bit_rate=128000, seconds=3.0), coded("matroska", "aac"),
    ],
)  # fmt: skip
def test_files_of_no_known_path_are_given_none(tmp_path: Path, data: bytes) -> None:
    finding = run(tmp_path, data)
    assert finding.outcome == "inconclusive"
    assert finding.traces == ()
    assert "None of the" in finding.reasons[0]


@pytest.mark.parametrize("name", HUMAN)
def test_plain_recordings_are_given_no_path(examine: Examine, name: str) -> None:
    finding = examine(DeliveryPath(), *clip(name))
    assert (finding.outcome, finding.traces) == ("inconclusive", ())


def test_a_silk_message_is_named_by_its_first_bytes(tmp_path: Path) -> None:
    for start in (b"\x02#!SILK_V3", b"#!SILK_V3"):
        path = tmp_path / "voice.silk"
        path.write_bytes(start + bytes(40))
        found = fingerprint(path)
        assert found is not None
        rule = next(rule for rule in delivery_paths() if rule.fits({"format": found.format}))
        assert rule.name == "WeChat voice message (SILK)"


def test_the_rules_are_whole_and_tell_their_basis() -> None:
    rules = delivery_paths()
    assert len(rules) == len({rule.name for rule in rules}) >= 12
    assert all(rule.source and rule.words for rule in rules)
    assert {rule.basis for rule in rules} == {"measured", "documented"}


def test_a_rule_without_exactly_one_test_is_refused() -> None:
    for row in ({"feature": "codec"}, {"feature": "codec", "is": ["aac"], "below": 3}):
        with pytest.raises(ValidationError, match="exactly one"):
            Condition(**row)


@pytest.mark.parametrize(
    ("row", "value", "holds"),
    [
        ({"is": [1]}, 1, True), ({"is": [1]}, True, False), ({"is": [False]}, 0, False), ({"is": [60]}, 60.0, True),
        ({"is": [1]}, None, False), ({"contains": ["LAVF"]}, "x lavf59", True), ({"contains": ["a"]}, None, False),
        ({"lacks": ["lavf"]}, None, True), ({"lacks": ["lavf"]}, "Lavf", False), ({"below": 5}, 4.9, True),
        ({"below": 5}, 5, False), ({"below": 5}, "4", False), ({"below": 5}, None, False),
    ],
)  # fmt: skip
def test_conditions(row: dict[str, object], value: object, holds: bool) -> None:
    assert Condition(feature="f", **row).holds({"f": value}) is holds


TEXTS = ("", "lavf", "WhatsApp", "M4A ", "é\x00", "60")
FEATURES = sorted({condition.feature for rule in delivery_paths() for condition in rule.when})
VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.sampled_from(TEXTS))


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(FEATURES), VALUES))
def test_any_features_can_be_asked(features: dict[str, object]) -> None:
    for rule in delivery_paths():
        assert 0 <= rule.met(features) <= len(rule.when)
