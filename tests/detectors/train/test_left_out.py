"""Left-out folds: nothing of a judged page trains, and a habit of pages is not taken for speech."""

import numpy as np
import pytest

from detectors.metrics import auc
from detectors.train.left_out import (
    at_frozen,
    clip_weights,
    differences,
    fold_of_pages,
    is_machine,
    learnable,
    left_out,
    logistic,
    within_pages,
)


def clip(source: str, label: str, generator: str, speaker: str) -> dict[str, str]:
    return {"source": source, "label": label, "generator": generator, "speaker": speaker}


def pages(count: int = 10, each: int = 20) -> list[dict[str, str]]:
    return [
        clip(f"page{p}", label, f"engine{p}" if label == "machine" else "human", f"page:page{p}")
        for p in range(count)
        for label in ("machine", "human")
        for _ in range(each)
    ]


def test_every_page_is_judged_once() -> None:
    clips = [*pages(), clip("generated", "machine", "espeak-ng", "own")]
    place = fold_of_pages(clips, 5, 1)
    assert set(place) == {f"page{p}" for p in range(10)}
    assert set(place.values()) == set(range(5))
    scores, fold = left_out(np.random.default_rng(3).standard_normal((len(clips), 4)), clips, logistic, 5, 1)
    assert np.isfinite(scores[:-1]).all()
    assert np.isnan(scores[-1])
    assert fold[-1] == -1


def test_generators_and_speakers_of_judged_pages_do_not_train() -> None:
    clips = [
        clip("a", "machine", "VITS", "page:a"),
        clip("a", "human", "human", "lj"),
        clip("b", "machine", "VITS", "page:b"),
        clip("b", "machine", "Glow-TTS", "lj"),
        clip("b", "human", "human", "lj"),
        clip("b", "human", "human", "page:b"),
        clip("generated", "machine", "flite", "own"),
    ]
    judged = np.array([c["source"] == "a" for c in clips])
    assert learnable(clips, judged, {"a": 0, "b": 1}, 0).tolist() == [False, False, False, True, False, True, True]


def test_weights_hold_the_classes_equal() -> None:
    clips = [*pages(3, 5), *(clip("big", "human", "human", "x") for _ in range(500))]
    weight, machine = clip_weights(clips), is_machine(clips)
    assert weight[machine].sum() == pytest.approx(weight[~machine].sum())
    assert weight[-1] < weight[~machine][0]


@pytest.mark.parametrize("fit", [logistic, differences])
def test_what_machines_share_is_found_on_new_pages(fit) -> None:  # type: ignore[no-untyped-def]
    clips = pages()
    machine = is_machine(clips)
    x = np.random.default_rng(3).standard_normal((len(clips), 6))
    x[:, 0] += 2.0 * machine
    scores, _ = left_out(x, clips, fit, 5, 1)
    assert auc(scores[machine], scores[~machine]) > 0.85
    assert within_pages(scores, machine, np.array([c["source"] for c in clips])) > 0.85


def test_the_habit_of_a_page_is_worth_nothing_on_another() -> None:
    clips = [c for c in pages(20) if (int(c["source"][4:]) % 2 == 0) == (c["label"] == "machine")]
    machine = is_machine(clips)
    rng = np.random.default_rng(3)
    offset = {f"page{p}": rng.standard_normal(40) * 3 for p in range(20)}
    x = np.array([offset[c["source"]] for c in clips]) + rng.standard_normal((len(clips), 40)) * 0.1
    scores, _ = left_out(x, clips, logistic, 5, 1)
    assert 0.1 < auc(scores[machine], scores[~machine]) < 0.9
    assert auc(*(logistic(x, clips, x)[m] for m in (machine, ~machine))) > 0.95


def test_the_threshold_of_a_fold_comes_from_the_others() -> None:
    scores = np.r_[np.linspace(0, 1, 100), np.linspace(5, 6, 100)]
    fold = np.r_[np.zeros(100, int), np.ones(100, int)]
    false, _ = at_frozen(np.r_[scores, [9.0]], np.r_[np.zeros(200, bool), True], np.r_[fold, 0], 0.02)
    assert false == pytest.approx(0.5)
