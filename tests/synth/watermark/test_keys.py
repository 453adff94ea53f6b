"""Keys of the watermark: derivation, files and what they never show."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import numpy as np
import pytest

from synth.errors import VoxproofError
from synth.watermark.keys import (
    EARLIER_EPOCHS,
    SCHEMA,
    VARIABLE,
    DetectionKey,
    WatermarkKey,
    all_readable,
    at_epoch,
    key_ids,
    new_key,
    read_key,
    read_keys,
    rotate,
    write_key,
)

FIXED = DetectionKey("0" * 16, 0, bytes(range(32)))


def written(folder: Path, key: WatermarkKey, name: str = "key.json", public: bool = False) -> Path:
    path = folder / name
    write_key(key, path, public)
    return path


def test_a_key_comes_back_from_its_file_which_only_its_owner_can_read(tmp_path: Path) -> None:
    key = rotate(new_key())
    path = written(tmp_path, key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_key(path) == key
    assert json.loads(path.read_text())["schema"] == SCHEMA
    with pytest.raises(VoxproofError, match="never replaced"):
        write_key(new_key(), path)
    assert read_key(path) == key
    assert [entry.name for entry in tmp_path.iterdir()] == ["key.json"]


def test_a_public_file_holds_the_detection_half_of_one_epoch_only(tmp_path: Path) -> None:
    key = rotate(rotate(new_key()))
    path = written(tmp_path, key, public=True)
    assert set(json.loads(path.read_text())) == {"schema", "key_id", "epoch", "detection"}
    path.chmod(0o644)  # for a public detector
    public = read_key(path)
    assert public.detection == key.detection
    assert not public.can_issue
    assert public.readable == (public,)
    for other in (rotate(key), at_epoch(key, 0)):
        assert other.detection.secret.hex() not in path.read_text()
    with pytest.raises(VoxproofError, match="cannot be rotated"):
        rotate(public)


def test_epochs_differ_in_every_secret_and_all_come_from_the_root() -> None:
    key = new_key()
    epochs = [key]
    for _ in range(5):
        epochs.append(rotate(epochs[-1]))
    assert [epoch.epoch for epoch in epochs] == list(range(6))
    assert len({epoch.key_id for epoch in epochs}) == 1
    secrets = {epoch.detection.secret for epoch in epochs} | {epoch.mac_secret for epoch in epochs}
    assert len(secrets) == 12
    assert key.root not in secrets
    assert at_epoch(epochs[-1], 2) == epochs[2]
    assert [held.epoch for held in epochs[5].readable] == [5, 4, 3, 2]
    assert len(epochs[5].readable) == 1 + EARLIER_EPOCHS
    assert [held.epoch for held in epochs[1].readable] == [1, 0]


def test_keys_to_try_are_each_once_and_the_file_that_authenticates_wins() -> None:
    key = rotate(new_key())
    issuer = WatermarkKey(key.detection, key.mac_secret)
    tried = all_readable([key.public, issuer.public, key, rotate(key)])
    assert [(held.epoch, held.can_issue) for held in tried] == [(1, True), (0, True), (2, True)]
    assert all_readable([key.public]) == (key.public,)
    assert key.detection.secret.hex() not in key_ids(tried)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_an_issuers_file_that_others_can_read_is_refused_with_the_cure(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path, new_key())
    path.chmod(mode)
    with pytest.raises(VoxproofError, match="chmod 600"):
        read_key(path)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "voxproof.watermark-key/9"},
        {"key_id": "SECRET"},
        {"epoch": -1},
        {"epoch": True},
        {"epoch": "1"},
        {"epoch": 1 << 16},
        {"detection": None},
        {"detection": "SECRET" * 8},
        {"mac": "SECRET"},
        {"root": 5},
        {"root": "00" * 32},
        {"epoch": 1},
        {"mac": None},
        {"key_id": "0" * 16},
    ],
)
def test_a_damaged_file_is_refused_and_the_error_shows_nothing_of_it(tmp_path: Path, change: dict[str, object]) -> None:
    path = written(tmp_path, new_key())
    members = json.loads(path.read_text()) | change
    path.write_text(json.dumps(members))
    with pytest.raises(VoxproofError) as caught:
        read_key(path)
    shown = str(caught.value)
    assert "SECRET" not in shown
    assert not any(value in shown for value in members.values() if isinstance(value, str) and len(value) == 64)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"schema": 1}', b"\xff\xfe", b"null", b'{"a":1,"a":2}'])
def test_what_is_no_key_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "key.json"
    path.write_bytes(data)
    with pytest.raises(VoxproofError, match="no watermark key"):
        read_key(path)


def test_a_missing_file_is_an_error_that_says_how_to_make_a_key(tmp_path: Path) -> None:
    with pytest.raises(VoxproofError, match="keygen"):
        read_key(tmp_path / "none.json")


def test_keys_are_named_on_the_command_line_or_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = new_key(), new_key()
    paths = [written(tmp_path, first, "a.json"), written(tmp_path, second, "b.json")]
    monkeypatch.delenv(VARIABLE, raising=False)
    assert read_keys() == ()
    monkeypatch.setenv(VARIABLE, f"{paths[0]}:{paths[1]}:")
    assert read_keys() == (first, second)
    assert read_keys([]) == (first, second)
    assert read_keys([paths[1], paths[1]]) == (second,)


def test_secrets_are_in_no_text_of_a_key() -> None:
    key = new_key()
    text = f"{key!r} {key} {key.detection!r} {[key]}"
    for secret in (key.detection.secret, key.mac_secret, key.root):
        assert secret is not None
        assert secret.hex() not in text
        assert repr(secret) not in text
        assert repr(secret)[2:10] not in text


def test_what_is_drawn_from_a_key_never_changes() -> None:
    assert "".join(map(str, FIXED.bits("test", 24))) == "000100010101000101010101"
    assert FIXED.stream("test", 8).hex() == "115155ff4f5b5c9d"
    assert FIXED.permutation("test", 8).tolist() == [4, 2, 1, 0, 3, 5, 6, 7]
    assert np.allclose(FIXED.uniform("test", 2), [0.6146905, 0.51580579])


def test_draws_are_fair_and_depend_on_key_and_purpose() -> None:
    bits = FIXED.bits("a", 20_000)
    assert abs(bits.mean() - 0.5) < 0.02
    other = DetectionKey("0" * 16, 0, bytes(32))
    for rival in (FIXED.bits("b", 20_000), other.bits("a", 20_000)):
        assert abs((bits ^ rival).mean() - 0.5) < 0.02
    assert FIXED.bits("a", 7).tolist() == bits[:7].tolist()
    assert FIXED.bits("a", 0).shape == (0,)
    uniform = FIXED.uniform(b"\x00", 5_000)
    assert abs(uniform.mean() - 0.5) < 0.02
    assert 0 < uniform.min() < uniform.max() < 1
    assert sorted(FIXED.permutation("p", 100).tolist()) == list(range(100))
    assert FIXED.generator("g").random() == FIXED.generator("g").random() != FIXED.generator("h").random()
