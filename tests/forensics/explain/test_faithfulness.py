"""The tests of the maps, on detectors and maps whose truth is known: what is right passes, what is wrong does not."""

import numpy as np
import numpy.typing as npt
import pytest

from detectors.inference import RATE, SpeechScorer
from detectors.speech import SpeechDetector
from forensics.explain import faithfulness as tests
from forensics.explain.clip import Passage
from forensics.explain.masking import Grid, Masking
from forensics.explain.relevance import RelevanceMap

FloatArray = npt.NDArray[np.float32]
SPOT = (2, 3)


@pytest.fixture(scope="module")
def loud_spot() -> Passage:
    """Three seconds of noise with a tone in one cell."""
    sound = 0.05 * np.random.default_rng(5).standard_normal(3 * RATE).astype(np.float32)
    at = np.arange(int(1.5 * RATE), 2 * RATE)
    sound[at] += 0.5 * np.sin(2 * np.pi * 1350 * at / RATE).astype(np.float32)
    return Passage.of(sound)


def hears_the_tone(samples: FloatArray) -> float:
    power = np.abs(np.fft.rfft(samples)) ** 2
    hz = np.fft.rfftfreq(samples.size, 1 / RATE)
    return float(np.log(power[(hz > 1300) & (hz < 1400)].sum()))


def a_map(values: FloatArray, bands_hz: FloatArray, seconds: float = 3.0) -> RelevanceMap:
    times = np.linspace(0, seconds, values.shape[1] + 1).astype(np.float32)
    return RelevanceMap(
        "gradients", "x", "mel", times, bands_hz, values, 0.0, None, values.sum(0), 0.0, 0.0, 1
    )  # fmt: skip


def test_the_right_order_moves_the_score_and_its_reverse_does_not(loud_spot: Passage) -> None:
    grid = Grid.over(loud_spot)
    masking = Masking(loud_spot, grid)
    cells = np.zeros(grid.shape, np.float32)
    cells[SPOT] = 1
    right = tests.moved(hears_the_tone, masking, tests.first_to_last(cells))
    wrong = tests.moved(hears_the_tone, masking, tests.first_to_last(cells)[::-1])
    assert right.span == pytest.approx(wrong.span)
    assert right.span > 0.5  # the filling has the mean level of the second and a half around
    assert right.deletion == pytest.approx(right.span, rel=0.15)  # the first cell holds it all
    assert right.insertion == pytest.approx(right.span, rel=0.15)
    assert abs(wrong.deletion) < 0.1 * right.span
    assert abs(wrong.insertion) < 0.1 * right.span


def test_finer_maps_are_summed_and_flat_ones_shared_out(loud_spot: Passage) -> None:
    grid = Grid.over(loud_spot)
    fine = np.random.default_rng(1).random((80, 150)).astype(np.float32)
    cells = tests.on_cells(a_map(fine, np.linspace(0, 8000, 81).astype(np.float32)), grid, 0.0)
    assert cells.shape == grid.shape
    assert cells.sum() == pytest.approx(fine.sum(), rel=1e-5)
    assert cells[0, 0] == pytest.approx(fine[:5, :25].sum(), rel=1e-5)  # 0 to 500 Hz, 0 to 0.5 s
    flat = tests.on_cells(a_map(fine[:1], np.array([0, 8000], np.float32)), grid, 0.0)
    np.testing.assert_allclose(flat, np.repeat(flat[:1], len(flat), axis=0))
    assert flat.sum() == pytest.approx(fine[0].sum(), rel=1e-5)


def test_pointing_by_hand() -> None:
    truth = np.zeros(400, bool)
    truth[100:160] = True
    at = np.exp(-(((np.arange(400) - 130) / 30.0) ** 2)).astype(np.float32)
    found = tests.pointing(at, truth, (0, 400))
    assert (found.iou, found.hit) == (1.0, True)
    assert found.by_chance == pytest.approx(0.1, abs=0.06)
    away = tests.pointing(np.roll(at, 150), truth, (0, 400))
    assert (away.iou, away.hit) == (0.0, False)
    half = tests.pointing(np.roll(at, 20), truth, (0, 400))
    assert half.iou == pytest.approx(40 / 80, abs=0.02)  # 40 of 60 frames in common
    cut = tests.pointing(np.roll(at, 150), truth, (50, 250))  # what is not heard does not count
    assert cut.iou == 0.0


def test_frames_of_a_phrase() -> None:
    assert np.flatnonzero(tests.frames_inside(((0.10, 0.16), (0.30, 0.33)), 20)).tolist() == [5, 6, 7, 15]


def test_alike() -> None:
    one = np.random.default_rng(3).random((6, 6)).astype(np.float32)
    assert tests.alike(one, 3 * one + 1) == pytest.approx(1)
    assert tests.alike(one, -one) == pytest.approx(-1)
    assert tests.alike(one, np.zeros_like(one)) == 0
    other = [np.random.default_rng(n).random((6, 6)).astype(np.float32) for n in range(200)]
    assert np.mean([abs(tests.alike(one, two)) for two in other]) == pytest.approx(np.sqrt(2 / np.pi / 35), abs=0.02)


def test_shuffled_weights_are_the_same_numbers_elsewhere() -> None:
    scorer = SpeechDetector.load().scorer
    assert isinstance(scorer, SpeechScorer)
    other = tests.shuffled(scorer)
    assert isinstance(other, SpeechScorer)
    for name, values in scorer.state.items():
        assert np.array_equal(np.sort(values, axis=None), np.sort(other.state[name], axis=None))
    sound = np.random.default_rng(2).standard_normal(2 * RATE).astype(np.float32)
    assert abs(scorer.logit(sound) - other.logit(sound)) > 0.01
