"""Statistics of codes: hand-worked sequences, and properties of the table of pairs."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")

from detectors.codes.hearing import HeardCodes
from detectors.codes.statistics import (
    DISCOUNT,
    FLOOR,
    SIZE,
    PairModel,
    code_statistics,
    load_pairs,
    run_lengths,
    save_pairs,
    usage_entropy,
)
from synth.errors import VoxproofError

rows_of_codes = st.lists(st.lists(st.integers(0, SIZE - 1), min_size=2, max_size=30), min_size=1, max_size=5)


def codes(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def test_entropy_of_two_codes_used_alike_is_one_bit_and_the_correction() -> None:
    row = codes(*[3, 7] * 50)
    assert usage_entropy(row) == pytest.approx(1 + 1 / 200 / np.log(2))
    assert usage_entropy(codes(*[5] * 40)) == 0


def test_runs() -> None:
    row = codes(1, 1, 1, 2, 3, 3)
    assert run_lengths(row).tolist() == [3, 1, 2]
    kept = np.array([True, True, False, True, True, True])
    assert run_lengths(row, kept).tolist() == [1, 2]  # the first run ends where it is not kept


def test_surprisal_is_kneser_neys_worked_by_hand() -> None:
    """0 0 1 0: pairs 00 once, 01 once, 10 once; 0 comes after two codes, 1 after one."""
    model = PairModel.learn([codes(0, 0, 1, 0)])
    lower = {0: (1 - FLOOR) * 2 / 3 + FLOOR / SIZE, 1: (1 - FLOOR) / 3 + FLOOR / SIZE, 9: FLOOR / SIZE}
    after_0 = {b: (1 - DISCOUNT) / 2 * (b in (0, 1)) + DISCOUNT * 2 / 2 * lower[b] for b in lower}
    bits = model.surprisal(codes(0, 0, 1))
    assert np.isnan(bits[0])
    assert bits[1:] == pytest.approx([-np.log2(after_0[0]), -np.log2(after_0[1])])
    assert model.surprisal(codes(0, 9))[1] == pytest.approx(-np.log2(after_0[9]))
    assert model.surprisal(codes(9, 0))[1] == pytest.approx(-np.log2(lower[0]))  # nothing ever followed 9


@given(rows_of_codes, st.integers(0, SIZE - 1))
def test_what_follows_a_code_sums_to_one(rows: list[list[int]], before: int) -> None:
    model = PairModel.learn([codes(*row) for row in rows])
    there_and_back = np.stack([np.full(SIZE, before), np.arange(SIZE)], 1).ravel()
    assert (2.0 ** -model.surprisal(there_and_back)[1::2]).sum() == pytest.approx(1, abs=1e-6)


@given(rows_of_codes)
def test_a_table_survives_its_file(rows: list[list[int]]) -> None:
    from tempfile import TemporaryDirectory

    model = PairModel.learn([codes(*row) for row in rows])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "codes.safetensors"
        save_pairs({"people": model, "generator": PairModel.learn([])}, path)
        again = load_pairs(path)
    row = codes(*[code for row in rows for code in row])
    assert np.array_equal(again["people"].surprisal(row), model.surprisal(row), equal_nan=True)
    assert np.allclose(again["generator"].surprisal(row)[1:], np.log2(SIZE))


def test_what_was_learnt_is_foretold_better_and_rare_codes_are_named() -> None:
    people = PairModel.learn([codes(*list(range(100)) * 10, 500), codes(*[30, 31] * 1000)])
    generator = PairModel.learn([codes(*list(range(99, -1, -1)) * 10)])
    assert people.rare[500]
    assert not people.rare[30:32].any()
    assert people.usage[people.rare].sum() <= 0.05 * people.usage.sum()
    heard = HeardCodes(codes(*range(40, 100)), np.full(60, 0.5, np.float32))
    found = code_statistics(heard, people, generator)
    assert found is not None
    assert (found.codes, found.distinct, found.mean_run, found.longest_run) == (60, 1.0, 1.0, 1)
    assert found.gain < -3
    assert found.surprisal + 3 < found.own_surprisal
    assert found.rare == people.rare[40:100].mean()
    assert (found.distance, found.distance_spread) == (0.5, 0)


def test_codes_outside_speech_do_not_count() -> None:
    people = PairModel.learn([codes(*range(100))])
    row = codes(*range(40), *[77] * 40)
    where = np.arange(80) < 40
    heard = HeardCodes(row, np.where(where, 0.2, 0.9).astype(np.float32))
    found = code_statistics(heard, people, people, where)
    assert found is not None
    assert found.codes == 40
    assert found.distance == pytest.approx(0.2)
    assert found.longest_run == 1
    assert code_statistics(heard, people, people, np.arange(80) < 24) is None


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    (tmp_path / "a.safetensors").write_bytes(b"nothing")
    with pytest.raises(VoxproofError, match="no tables"):
        load_pairs(tmp_path / "a.safetensors")
    save_file({"x.pairs": np.array([SIZE * SIZE], np.int32), "x.counts": np.ones(1, np.int32)}, tmp_path / "b")
    with pytest.raises(VoxproofError, match="that there are not"):
        load_pairs(tmp_path / "b")
