"""The phone tables: size, order, anchors, fingerprints."""

from __future__ import annotations

import pytest

from synth.errors import VoxproofError
from synth.text import symbols
from synth.text.symbols import V1, V2, checked, table_of


def test_sizes_and_v1_is_the_beginning_of_v2() -> None:
    assert (len(V1), len(V2)) == (322, 732)
    assert V2.symbols[:322] == V1.symbols
    assert list(V1.symbols) == sorted(V1.symbols)


def test_anchor_ids() -> None:
    anchors = {
        "!": 0, ",": 1, "-": 2, ".": 3, "?": 4, "AA": 5, "SP": 77, "SP2": 78, "SP3": 79, "UNK": 86, "_": 95, "a1": 97,
        "i2": 167, "n": 227, "…": 321, "[": 322, "]": 323, "ㄱ": 324, "停": 351, "空": 352, "Yaa1": 361,
    }  # fmt: skip
    assert V2.ids(anchors) == tuple(anchors.values())
    assert V2.phones(list(anchors.values())) == tuple(anchors)


def test_fingerprints_are_the_published_ones() -> None:
    assert V1.fingerprint == "f7c3b280b9cc519b0829a6f182fcdd208643a07f1e20c1ab2bf4fc9e8e9a7ca6"
    assert V2.fingerprint == "0771f6cd6f6201e8c2b0de921dc69cc04caf3f346c599d4a41413967d5674da7"


def test_a_table_with_two_symbols_exchanged_is_refused() -> None:
    wrong = list(V1.symbols)
    wrong[5], wrong[6] = wrong[6], wrong[5]
    with pytest.raises(VoxproofError, match="not the published one"):
        checked("v1", wrong)


def test_a_symbol_twice_is_refused() -> None:
    with pytest.raises(VoxproofError, match="twice"):
        symbols.SymbolTable("v1", ("a", "a"))


def test_unknown_phones() -> None:
    assert V1.known(["a1", "[", "ㄱ"]) == ("a1", "UNK", "UNK")
    with pytest.raises(VoxproofError, match="'ㄱ' is not in the symbol table v1"):
        V1.ids(["ㄱ"])
    with pytest.raises(VoxproofError, match="outside"):
        V1.phones([322])


def test_the_table_of_each_model() -> None:
    assert table_of("v1") is V1
    assert {table_of(model) for model in ("v2", "v2Pro", "v2ProPlus", "v3", "v4")} == {V2}
    with pytest.raises(VoxproofError, match="no model version"):
        table_of("v5")
