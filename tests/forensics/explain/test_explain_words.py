"""The sentences say the numbers, in both languages, and no more than the numbers."""

import re

import numpy as np
import pytest

from forensics.explain.examples import Neighbour, Neighbours, Reference
from forensics.explain.fusion_shares import Share, Shares
from forensics.explain.relevance import RelevanceMap
from forensics.explain.validated import MapFigures, Mean
from forensics.explain.words import Said, answer, of_examples, of_map, of_shares
from forensics.records import Verdict

FORBIDDEN = re.compile(r"\bfake|authentic|genuine|prov(?:es|ed)|certain|伪造|真实|证实", re.IGNORECASE)
NUMBER = re.compile(r"[-+]?\d+\.\d+")


def numbers(text: str) -> list[str]:
    return NUMBER.findall(text)


def checked(said: Said) -> Said:
    for en, zh in (said.seen, said.means):
        assert sorted(numbers(en)) == sorted(numbers(zh))
        assert not FORBIDDEN.search(en)
        assert not FORBIDDEN.search(zh)
        assert en.endswith(".")
        assert zh.endswith("。")
        assert en.count(". ") == 0  # one sentence
    return said


def verdict(outcome: str, value: float | None, words: str = "inconclusive: nothing clear") -> Verdict:
    bounds = None if value is None else (value - 0.3, value + 0.2)
    return Verdict(outcome=outcome, log10_lr=value, log10_lr_bounds=bounds, words=words, reasons=("Too short.",))


def a_map(values: list[list[float]], method: str = "occlusion") -> RelevanceMap:
    cells = np.array(values, np.float32)
    bands, columns = cells.shape
    return RelevanceMap(
        method, "detector.speech", "sound" if method == "occlusion" else "mel",
        np.arange(columns + 1, dtype=np.float32) / 2, np.linspace(0, 8000, bands + 1).astype(np.float32), cells,
        0.0, np.ones_like(cells) if method == "occlusion" else None, cells.sum(0), 1.25, 0.5, 4,
    )  # fmt: skip


def figures(deletion: float = 0.2, shuffled: float = 0.1, iou: float = 0.5) -> MapFigures:
    def mean(value: float) -> Mean:
        return Mean(value=value, lower=value - 0.05, upper=value + 0.05, n=9)

    return MapFigures(
        method="occlusion", line="detector.speech", deletion=mean(deletion), insertion=mean(0.3),
        shuffled=mean(shuffled), stable=mean(0.9), pointing=mean(iou), by_chance=mean(0.2), hits=mean(0.5),
        splices=mean(0.3), splices_by_chance=mean(0.2),
    )  # fmt: skip


def test_the_answer_is_said_with_its_interval() -> None:
    said = checked(answer(verdict("supports_machine", 0.85, "weak support for the proposition that …")))
    assert numbers(said.seen[0]) == ["+0.85", "+0.55", "+1.05"]
    assert "支持程度：弱" in said.seen[1]
    assert "不能得出结论" in checked(answer(verdict("inconclusive", 0.2))).seen[1]
    assert "由人说出”（而非" in answer(verdict("supports_human", -0.7, "weak support")).seen[1]


def test_what_could_not_be_tested_has_no_explanation() -> None:
    said = checked(answer(verdict("could_not_test", None)))
    assert "Too short." in said.seen[0]
    assert said.means[0] == "There is no answer to explain."


def test_shares_are_said_and_that_they_contradict() -> None:
    lines = (Share("detector.speech", "a", 0.5, 0.6), Share("detector.spectral", "b", -0.1, -0.1))
    said = checked(of_shares(Shares(0.4, lines)))
    assert numbers(said.seen[0]) == ["+0.40", "+0.50", "-0.10"]
    assert "different directions" in said.means[0]
    assert "different directions" not in of_shares(Shares(0.5, lines[:1])).means[0]


def test_a_map_names_its_strongest_cell() -> None:
    said = checked(of_map(a_map([[0.1, 0.1, 0.1], [0.1, 0.1, 0.8]]), figures()))
    assert (
        "falls most without 1.00 to 1.50 s, 4.00 to 8.00 kHz (by 0.58) and rises most without 0.00 to 0.50 s"
        in (said.seen[0])
    )
    assert numbers(said.seen[0])[-1] == "0.12"  # 0.1 less the mean of the six cells
    assert "passed every test" in said.means[0]
    assert "No cell" in checked(of_map(a_map([[0.0, 0.0]]), None)).seen[0]
    assert "was not tested" in of_map(a_map([[0.0, 0.0]]), None).means[0]


def test_a_map_that_failed_is_said_to_have_failed() -> None:
    found = figures(deletion=0.02, shuffled=0.8, iou=0.3)
    assert found.failed == ("deletion", "shuffled", "pointing")
    said = checked(of_map(a_map([[0.1, 0.4]]), found))
    assert "it failed: deletion, shuffled weights, pointing at partial edits" in said.means[0]
    assert "未通过：删除、权重打乱、指向局部篡改" in said.means[1]


def test_gradients_say_what_is_not_accounted_for() -> None:
    said = checked(of_map(a_map([[0.4, 0.3]], "gradients"), None))
    assert numbers(said.seen[0]) == ["+0.70", "+0.75", "0.050"]


@pytest.mark.parametrize("usual", [0.13, None])
def test_examples_are_no_evidence(usual: float | None) -> None:
    person = Reference("a reader", "human", "x", np.zeros(2, np.float32))
    machine = Reference("a program", "machine", "y", np.zeros(2, np.float32))
    found = Neighbours((Neighbour(person, 0.31), Neighbour(machine, 0.2)), {"human": 8, "machine": 4}, usual)
    said = checked(of_examples(found))
    assert numbers(said.seen[0]) == ["0.31", "0.20"] + ([] if usual is None else ["0.13"])
    assert "no evidence" in said.means[0]
