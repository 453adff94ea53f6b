"""The truth about an edit holds to the sample: outside of the machine's segments a file is its source."""

from __future__ import annotations

from collections import Counter
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from range_material import material

from forensics.range.base import RATE, Item, Made, Recipe
from forensics.range.kinds import KINDS
from forensics.range.laundering import CHAINS, in_turn, laundered
from forensics.range.laundering import steps as chain_steps
from forensics.range.partial_edit import _fades
from forensics.range.sound import PHRASE_S, excerpt, levels, phrase, replaced, speech_power
from forensics.range.sources import Material
from forensics.range.studio import Studio
from synth.audio import read
from synth.channels import CHANNELS
from synth.errors import VoxproofError

DATA = Path(__file__).parents[2] / "data"
READER = DATA / "sense_and_sensibility_01_austen_64kb-0870.wav"


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return material(tmp_path_factory.mktemp("material"))


def made(kind: str, recipe: Recipe, seed: int) -> Made:
    return KINDS[kind].make(Item(f"{kind}/0", kind, seed, -26.0, "none", recipe), Studio(1, lambda *_: "no"))


@pytest.mark.parametrize("engines", ["abc", "ab"])
def test_every_cross_fade_meets_every_engine(engines: str) -> None:
    met = Counter(zip(cycle(engines), islice(_fades(), 18), strict=False))
    assert met == {(engine, fade): 6 // len(engines) for engine in engines for fade in (0, 5, 20)}


def host_of(recipe: Recipe, one: Made) -> np.ndarray:
    """The host as the manifest says that it was read and cut."""
    steps = [step for step in one.steps if "of" not in step]
    assert [step["step"] for step in steps] == ["read", "resample", "cut", "replace"]
    return read(recipe.source("host").path, RATE).mono[steps[2]["first"] : steps[2]["last"]]


@pytest.mark.parametrize("kind", ["partial", "splice"])
def test_a_file_differs_from_its_host_in_the_segment_only(kind: str, some: Material) -> None:
    recipes = list(islice(KINDS[kind].recipes(some, np.random.default_rng(5)), 6))
    assert [recipe.fade_ms for recipe in recipes] == [0, 5, 20, *((5, 20, 0) if kind == "partial" else (0, 5, 20))]
    for seed, recipe in enumerate(recipes):
        one = made(kind, recipe, seed)
        host, step = host_of(recipe, one), one.steps[-1]
        (first, opened), (closed, last) = one.joins
        fade = recipe.fade_ms * RATE // 1000
        assert (opened - first, last - closed, first) == (fade, fade, step["first"])
        np.testing.assert_array_equal(one.samples[:first], host[:first])
        np.testing.assert_array_equal(one.samples[last:], host[step["last"] :])
        within = one.samples[first:last]
        beside = host[first : first + len(within)]
        assert np.mean(np.abs(within[: len(beside)] - beside) > 1e-4) > 0.5
        assert speech_power(within) == pytest.approx(speech_power(host[first : step["last"]]), rel=0.3)
        assert one.segments == (((first, last),) if kind == "partial" else ())
        assert bool(one.generator) == (kind == "partial")


def test_the_other_phrase_of_a_splice_is_the_speakers_and_of_another_place(some: Material) -> None:
    for seed, recipe in enumerate(islice(KINDS["splice"].recipes(some, np.random.default_rng(5)), 6)):
        host, donor = recipe.source("host"), recipe.source("donor")
        assert host.speaker == donor.speaker
        assert (host == donor) == (host.speaker == "people/allison")  # who has one recording only
        one = made("splice", recipe, seed)
        if host == donor:
            given = next(step for step in reversed(one.steps) if step.get("of") == "donor")
            taken = one.steps[-1]
            assert given["last"] <= taken["first"] or given["first"] >= taken["last"]


def test_whole_recordings_have_the_truth_of_their_kind(some: Material) -> None:
    for kind in ("human", "machine"):
        for seed, recipe in enumerate(islice(KINDS[kind].recipes(some, np.random.default_rng(5)), 3)):
            one = made(kind, recipe, seed)
            assert one.segments == (() if kind == "human" else ((0, one.samples.size),))
            assert one.joins == ()
            assert one.generator == recipe.source("clip").generator


@given(
    st.integers(400, 4000), st.floats(0, 1), st.floats(0, 1), st.integers(1, 4000), st.sampled_from([0, 1, 5, 20]),
    st.sampled_from(["power", "linear"]),
)  # fmt: skip
def test_a_phrase_put_for_another_leaves_every_other_sample(
    size: int, start: float, share: float, put: int, fade_ms: int, curve: str
) -> None:
    rng = np.random.default_rng(size)
    host, donor = rng.standard_normal(size).astype(np.float32), rng.standard_normal(put).astype(np.float32)
    first = int(start * (size - 1))
    last = first + 1 + int(share * (size - first - 1))
    fade = round(fade_ms * RATE / 1000)
    if put < 2 * fade or last - first < fade:
        with pytest.raises(VoxproofError, match="too short for cross-fades"):
            replaced(host, (first, last), donor, fade_ms, curve)
        return
    samples, span, joins = replaced(host, (first, last), donor, fade_ms, curve)
    assert span == (first, first + put)
    assert joins == ((first, first + fade), (first + put - fade, first + put))
    np.testing.assert_array_equal(samples[:first], host[:first])
    np.testing.assert_array_equal(samples[first + put :], host[last:])
    np.testing.assert_array_equal(samples[first + fade : first + put - fade], donor[fade : put - fade])


def test_an_excerpt_is_cut_to_the_speech(some: Material) -> None:
    reader = next(one for one in some.humans if one.path.name == READER.name)
    samples, steps = excerpt(reader, np.random.default_rng(1))
    loud = np.flatnonzero(levels(samples) > -35)
    assert loud[0] <= 25
    assert len(levels(samples)) - 1 - loud[-1] <= 26
    np.testing.assert_array_equal(samples, read(READER, RATE).mono[steps[2]["first"] : steps[2]["last"]])


def test_phrases_have_speech_in_them_and_their_cuts_find_the_pauses() -> None:
    samples = read(READER, RATE).mono
    level = np.convolve(samples**2, np.ones(160) / 160, "same")
    places: dict[bool, list[float]] = {True: [], False: []}
    for pause in places:
        for seed in range(10):
            first, last = phrase(samples, np.random.default_rng(seed), pause)
            assert PHRASE_S[0] / 2 <= (last - first) / RATE <= PHRASE_S[1] + 0.31
            assert np.mean(samples[first:last] ** 2) > 0.1 * speech_power(samples)
            places[pause] += [level[first], level[last]]
    assert np.median(places[True]) < 0.2 * np.median(places[False])
    with pytest.raises(VoxproofError, match="too short to take a phrase from"):
        phrase(samples[: RATE // 2], np.random.default_rng(0), pause=False)


@pytest.mark.parametrize(
    "chain", ["voice note", "podcast rip", "call over two networks", "played and recorded again", "pitched a little"]
)
def test_a_chain_keeps_length_and_timing(chain: str) -> None:
    samples = read(READER, RATE).mono[: 2 * RATE]
    out = laundered(samples, chain, 7)
    assert out.shape == samples.shape
    assert not np.array_equal(out, samples)
    envelopes = [np.sqrt(np.convolve(one**2, np.ones(320) / 320, "same"))[::80] for one in (samples, out)]
    fits = [np.corrcoef(envelopes[0][20:-20], np.roll(envelopes[1], lag)[20:-20])[0, 1] for lag in range(-12, 13)]
    assert abs(int(np.argmax(fits)) - 12) * 80 <= 0.02 * RATE


def test_a_chain_is_told_so_that_it_can_be_made_again() -> None:
    for name, chain in CHAINS.items():
        told = [{key: value for key, value in step.items() if key != "of"} for step in chain_steps(name)]
        assert tuple(CHANNELS[str(step.pop("step"))](**step) for step in told) == chain


def test_chains_come_in_turn_and_the_share_is_kept() -> None:
    names = list(islice(in_turn(3, 0.5), 4 * len(CHAINS)))
    assert {name: names.count(name) for name in CHAINS} == dict.fromkeys(CHAINS, 2)
    assert names.count("none") == 2 * len(CHAINS)
    assert set(islice(in_turn(3, 0.0), 20)) == {"none"}
    assert names != list(islice(in_turn(4, 0.5), 4 * len(CHAINS)))
