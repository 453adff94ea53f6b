"""The constants of attribution on constructed pages: generators are found across them, and pages are told from them."""

from dataclasses import replace

import numpy as np
import pytest

from detectors.attribution import BANK, attributor
from detectors.attribution_bank import DIMENSIONS, read_bank
from detectors.train.attribution import FAMILIES, read_families
from detectors.train.attribution_figures import changed_of
from detectors.train.attribution_fit import Clips, enrolled, learn, principal, scatter
from detectors.train.attribution_folds import FOLDS, folds, fpr_at_tpr, interval, judge, macro_f1, resampled
from detectors.train.attribution_sound import CHANNELS as SHARED
from detectors.train.attribution_sound import channel_of, in_condition
from synth.yaml_data import load_yaml

CHANNELS = 300


def constructed(of_generator: float, of_page: float, seed: int = 0) -> Clips:
    """24 pages of 3 of 8 generators each, 8 clips of each, and 10 clips of people: both leave their own direction."""
    rng = np.random.default_rng(seed)
    marks = of_generator * rng.standard_normal((8, CHANNELS))
    rooms = of_page * rng.standard_normal((24, CHANNELS))
    rows: list[tuple[np.ndarray, str, str, str, bool]] = []
    for page in range(24):
        for n in range(3):
            g = (page + n * 3) % 8
            for _ in range(8):
                value = marks[g] + rooms[page] + rng.standard_normal(CHANNELS)
                rows.append((value, f"g{g}", f"p{page}", f"f{g % 4}", False))
        for _ in range(10):
            rows.append((rooms[page] + rng.standard_normal(CHANNELS), "human", f"p{page}", "", True))
    values, generator, page_, family, human = zip(*rows, strict=True)
    return Clips(
        id=np.array([f"{n * 2654435761 % 2**32:08x}" for n in range(len(rows))]),
        values=np.stack(values).astype(np.float32), generator=np.array(generator), page=np.array(page_),
        licence=np.array(["CC0-1.0"] * len(rows)), family=np.array(family), human=np.array(human),
        usable=np.ones(len(rows), bool),
    )  # fmt: skip


def test_generators_are_found_on_pages_left_out_where_there_is_something_to_find() -> None:
    left, few, none = judge(constructed(1.0, 1.0), (200, 100), 1, say=lambda text: None)
    truth, said = np.array(left.family), np.array(left.said)
    assert macro_f1(truth, said, ["f0", "f1", "f2", "f3"])[0] > 0.9
    assert np.mean(np.array(left.nearest) == np.array(left.generator)) > 0.9
    assert none == {}
    assert not few.generator  # no page has 15 clips of one generator


def test_and_not_where_only_pages_differ() -> None:
    left, _, _ = judge(constructed(0.0, 1.0), (200, 100), 1, say=lambda text: None)
    truth, said = np.array(left.family), np.array(left.said)
    assert macro_f1(truth, said, ["f0", "f1", "f2", "f3"])[0] < 0.4


def test_every_generator_has_one_family_and_the_shipped_bank_uses_them() -> None:
    table = load_yaml(FAMILIES.read_text("utf-8"))
    names = [name for generators in table.values() for name in generators]
    assert len(set(names)) == len(names)
    assert all(isinstance(source, str) and source for generators in table.values() for source in generators.values())
    bank = read_bank(BANK, attributor().card.sha256)
    family = read_families()
    assert all(one.family == family.get(one.name.split("@")[0], "") for one in bank.generators)


def test_another_condition_is_asked_about_with_the_same_folds_and_never_learnt_from() -> None:
    clips = constructed(1.0, 1.0)
    some = clips.at(~clips.human & (np.arange(len(clips.id)) % 3 == 0))
    lost = replace(some, values=np.random.default_rng(1).standard_normal(some.values.shape).astype(np.float32))
    left, _, elsewhere = judge(clips, (200, 100), 1, {"same": some, "lost": lost}, say=lambda text: None)
    place = {one: n for n, one in enumerate(left.id)}
    then = elsewhere["same"]
    assert sorted(then.id) == sorted(some.id)
    assert [left.nearest[place[one]] for one in then.id] == then.nearest
    same, gone = (changed_of(left, elsewhere[name], 0.3, 1) for name in ("same", "lost"))
    assert same.clips == gone.clips == len(some.id)
    assert same.families.value == same.families_before.value == gone.families_before.value > 0.9
    assert gone.families.value < 0.4
    assert gone.none_known > 0.5 > same.none_known
    assert np.isnan(same.none_unseen)  # every generator is on several pages


def test_every_page_is_in_one_fold() -> None:
    pages = np.array([f"p{n % 24}" for n in range(500)])
    fold = folds(pages, 1)
    assert set(fold) == set(pages)
    assert set(fold.values()) == set(range(FOLDS))
    assert fold == folds(pages[::-1], 1)


def test_same_seed_same_constants() -> None:
    clips = constructed(1.0, 1.0)
    one, two = (learn(clips, clips.generator, (200, 100), 3) for _ in range(2))
    assert np.array_equal(one.projection, two.projection)
    embeddings = one.embed(clips.values)
    assert embeddings.shape == (len(clips.id), DIMENSIONS)
    assert np.linalg.norm(embeddings, axis=1) == pytest.approx(1, abs=1e-4)


def test_principal_directions_are_those_of_the_decomposition() -> None:
    rng = np.random.default_rng(2)
    x = (rng.standard_normal((80, 5)) * [9, 7, 5, 3, 2] @ rng.standard_normal((5, 60))).astype(np.float32)
    found = principal(x, 5, np.random.default_rng(0))
    assert np.linalg.norm(x - x @ found @ found.T) < 1e-3 * np.linalg.norm(x)


def test_scatter_within_and_pages_that_count_alike() -> None:
    x = np.array([[0.0, 1], [0, -1], [5, 2], [5, -2]])
    within, means = scatter(x, np.array(["a", "a", "b", "b"]))
    assert means.tolist() == [[0, 0], [5, 0]]
    assert within == pytest.approx(np.array([[0, 0], [0, 2.5]]))
    embeddings = np.eye(3, dtype=np.float32)[[0, 0, 0, 1, 2]]
    names, mean = enrolled(embeddings, np.array(list("aaaab")), np.array(list("ppqqp")))
    assert names.tolist() == ["a", "b"]
    assert mean[0] == pytest.approx(np.array([1.5, 0.5, 0]) / np.hypot(1.5, 0.5))


def test_figures_of_small_tables() -> None:
    value, each = macro_f1(np.array(list("aabb")), np.array(list("abbb")), ["a", "b"])
    assert each == pytest.approx([2 / 3, 0.8])
    assert value == pytest.approx((2 / 3 + 0.8) / 2)
    assert fpr_at_tpr(np.arange(1.0, 101.0), np.array([0.0, 3.0, 5.0, 50.0])) == pytest.approx(0.25)
    assert interval([0.0, float("nan"), 1.0]) == pytest.approx((0.025, 0.975))
    drawn = list(resampled(np.array(list("aab")), 50, 0))
    assert all(np.isin([0, 1], rows).sum() in (0, 2) for rows in drawn)


def test_every_clip_goes_through_one_channel_and_the_same_one_again() -> None:
    assert {channel_of(f"{n:08x}") for n in range(200)} == set(SHARED)
    sound = (0.1 * np.random.default_rng(6).standard_normal(48_000)).astype(np.float32)
    neutral, noisy = (in_condition(sound, "0000000c", one) for one in ("neutral", "channel"))
    assert np.array_equal(noisy, in_condition(sound, "0000000c", "channel"))
    assert not np.array_equal(noisy[: len(neutral)], neutral[: len(noisy)])
    assert np.array_equal(in_condition(sound, "0000000c", "original"), sound)
