"""The bank file: what is written is read, and whatever else lies in the file is refused with one known error."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.attribution_bank import DIMENSIONS, LARGEST_BYTES, Bank, Described, Generator, read_bank, write_bank
from synth.errors import VoxproofError

MODEL = "ab" * 32
NAMES = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=30)


def generator(name: str, seed: int = 0) -> Generator:
    vector = np.random.default_rng(seed).standard_normal(DIMENSIONS).astype(np.float32)
    return Generator(
        name=name, family="VITS-like", clips=10, seconds=41.5, spread=0.8, quartile=0.6, source="mine",
        licence="CC0-1.0", embedding=Generator.hexadecimal(vector / np.linalg.norm(vector)),
    )  # fmt: skip


@given(names=st.lists(NAMES, max_size=5, unique=True), seed=st.integers(0, 1000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_is_written_is_read(tmp_path: Path, names: list[str], seed: int) -> None:
    bank = Bank(summary="mine", model=MODEL, generators=tuple(generator(n, seed + i) for i, n in enumerate(names)))
    write_bank(bank, tmp_path / "bank.yaml")
    again = read_bank(tmp_path / "bank.yaml", MODEL)
    assert again == bank
    assert again.sha256 == bank.sha256
    for one in again.generators:
        assert np.linalg.norm(one.vector) == pytest.approx(1, abs=1e-3)


@given(blob=st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes_are_refused_with_one_known_error(tmp_path: Path, blob: bytes) -> None:
    path = tmp_path / "bank.yaml"
    path.write_bytes(blob)
    with pytest.raises(VoxproofError):
        read_bank(path, MODEL)


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.lists(st.integers(), max_size=3)
)


@given(field=st.sampled_from(["name", "family", "clips", "seconds", "spread", "embedding"]), junk=JUNK)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_field_that_holds_something_else_is_refused_or_valid(tmp_path: Path, field: str, junk: object) -> None:
    content = Bank(summary="mine", model=MODEL, generators=(generator("a"),)).model_dump(mode="json", by_alias=True)
    content["generators"][0][field] = junk
    path = tmp_path / "bank.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    try:
        one = read_bank(path, MODEL).generators[0]
    except VoxproofError:
        return
    assert one.name.isprintable()
    assert one.clips >= 1
    assert np.isfinite(one.vector).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": "cd" * 32}, "other constants"),
        ({"schema": "voxproof.generators/2"}, "not a valid bank"),
        ({"sound": "x"}, "not a valid bank"),
    ],
)
def test_another_model_schema_or_field_is_refused(tmp_path: Path, change: dict[str, str], said: str) -> None:
    content = Bank(summary="mine", model=MODEL, generators=(generator("a"),)).model_dump(mode="json", by_alias=True)
    path = tmp_path / "bank.yaml"
    path.write_text(yaml.safe_dump(content | change), "utf-8")
    with pytest.raises(VoxproofError, match=said):
        read_bank(path, MODEL)


def test_a_missing_or_huge_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bank.yaml"
    with pytest.raises(VoxproofError, match="no such bank"):
        read_bank(path, MODEL)
    with path.open("wb") as stream:
        stream.truncate(LARGEST_BYTES + 1)
    with pytest.raises(VoxproofError, match="more than"):
        read_bank(path, MODEL)


def test_what_is_wrong_with_a_bank_is_said_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "bank.yaml"
    path.write_text("schema: voxproof.generators/2\nsound: x\n")
    with pytest.raises(VoxproofError) as caught:
        read_bank(path, MODEL)
    assert "\n" not in f"{caught.value}"
    assert "schema: Input should be 'voxproof.generators/1'" in f"{caught.value}"
    assert "; …" in f"{caught.value}"  # four faults, of which three are said


def test_where_it_cannot_be_written_nothing_is_left_behind(tmp_path: Path) -> None:
    bank = Bank(summary="mine", model=MODEL, generators=(generator("a"),))
    with pytest.raises(VoxproofError, match="could not be written"):
        write_bank(bank, tmp_path / "none" / "bank.yaml")
    folder = tmp_path / "bank.yaml"
    folder.mkdir()
    with pytest.raises(VoxproofError, match="could not be written"):
        write_bank(bank, folder)
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("name", ["", " a", "a\nb", "a\x1b[31m", "x" * 101, "a\u202eb"])
def test_a_name_that_cannot_stand_in_a_bank_is_refused(name: str) -> None:
    with pytest.raises(VoxproofError, match="cannot be enrolled"):
        Described.checked(name)


def test_a_name_is_enrolled_once_and_the_users_goes_first() -> None:
    with pytest.raises(ValueError, match="enrolled twice: a"):
        Bank(summary="", model=MODEL, generators=(generator("a"), generator("a", 1)))
    bank = Bank(summary="", model=MODEL, generators=(generator("a"), generator("b", 1)))
    assert [one.name for one in bank.with_one(generator("aa", 2)).generators] == ["a", "aa", "b"]
    replaced = bank.with_one(generator("b", 3))
    assert replaced.generators[1].embedding == generator("b", 3).embedding
    own = Bank(summary="", model=MODEL, generators=(generator("a", 9),))
    joined = bank.joined(own)
    assert sorted(one.name for one in joined.generators) == ["a", "b"]
    assert joined.matrix.shape == (2, DIMENSIONS)
    assert next(one for one in joined.generators if one.name == "a").embedding == generator("a", 9).embedding
