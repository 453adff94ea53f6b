"""Occlusion and integrated gradients: evidence whose place is known is found there, and nowhere else."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from detectors.inference import RATE, NetworkConfig, SpeechScorer
from detectors.speech import SpeechDetector, raw_scores
from forensics.explain.clip import Passage, leaning
from forensics.explain.gradients import integrated_gradients
from forensics.explain.masking import Grid, Masking, inverse, transform
from forensics.explain.occlusion import occlusion
from synth.audio import mean_of_channels, read

DATA = Path(__file__).parents[2] / "data"
FloatArray = npt.NDArray[np.float32]


def sound(name: str, seconds: float = 3.0) -> FloatArray:
    return mean_of_channels(read(DATA / name, RATE).samples)[: int(seconds * RATE)]


def band_scorer(low_hz: float, high_hz: float, start_s: float, end_s: float):
    """A detector that hears nothing but the level of one band in one second."""

    def score(samples: FloatArray) -> float:
        piece = samples[int(start_s * RATE) : int(end_s * RATE)]
        power = np.abs(np.fft.rfft(piece)) ** 2
        hz = np.fft.rfftfreq(piece.size, 1 / RATE)
        return float(np.log(power[(hz >= low_hz) & (hz < high_hz)].sum() + 1e-9))

    return score


@pytest.fixture(scope="module")
def passage() -> Passage:
    """Steady noise: no place of it is louder than another."""
    rng = np.random.default_rng(5)
    return Passage.of(0.1 * rng.standard_normal(3 * RATE).astype(np.float32))


@pytest.fixture(scope="module")
def speech() -> SpeechDetector:
    return SpeechDetector.load()


def test_transform_gives_the_sound_back() -> None:
    samples = sound("hibari.wav")
    back = inverse(transform(samples), samples.size)
    np.testing.assert_allclose(back, samples, atol=2e-6)


def test_the_passage_scores_what_the_verdict_was_made_of(speech: SpeechDetector) -> None:
    samples = np.concatenate([sound("hibari.wav", 9), sound("flite-slt.wav", 9)])
    passage = Passage.of(samples)
    assert len(passage.windows) == 2
    assert passage.score(speech.scorer.logit) == pytest.approx(raw_scores(speech.scorer, [samples]).score, abs=1e-6)
    assert sum(w.weight for w in passage.windows) == pytest.approx(1)


def test_silence_cannot_be_explained() -> None:
    assert Passage.of(np.zeros(5 * RATE, np.float32)).windows == ()


def test_of_a_long_recording_the_part_that_leans_most_is_chosen(passage: Passage) -> None:
    rng = np.random.default_rng(1)
    long = 0.05 * rng.standard_normal(40 * RATE).astype(np.float32)
    long[22 * RATE : 24 * RATE] *= 4

    def loud(samples: FloatArray) -> float:
        return float(samples.std() * 100)

    start = leaning(np.array_split(long, 7), [loud], seconds=10.0)
    found = Passage.of(long[int(start * RATE) :][: 10 * RATE], start)
    assert found.start_s <= 22
    assert found.start_s + found.seconds >= 24
    assert found.seconds == pytest.approx(10)
    assert leaning([passage.samples], [loud]) == 0


@pytest.mark.parametrize("place", [(1, 2), (4, 4), (3, 0)])
def test_occlusion_finds_the_one_cell_that_holds_the_evidence(passage: Passage, place: tuple[int, int]) -> None:
    band, column = place
    grid = Grid.over(passage)
    start, end = grid.times_s(passage)[column], grid.times_s(passage)[column + 1]
    low, high = grid.bands_hz[band], grid.bands_hz[band + 1]
    samples = passage.samples.copy()
    at = np.arange(int(start * RATE), int(end * RATE))
    samples[at] += 0.5 * np.sin(2 * np.pi * (low + high) / 2 * at / RATE).astype(np.float32)
    loud = Passage.of(samples)
    found = occlusion(band_scorer(low, high, start, end), "synthetic", loud)
    assert found.strongest() == place
    others = np.delete(found.values.ravel(), np.ravel_multi_index(place, found.values.shape))
    assert found.values[place] > 10 * np.abs(others).max()
    assert found.contrast[place] > 3 * np.abs(np.delete(found.contrast.ravel(), place[0] * 6 + place[1])).max()
    frames = found.contrast_over_time
    assert frames[grid.columns[column] : grid.columns[column + 1]].min() == pytest.approx(frames.max())


def test_occlusion_of_a_detector_that_hears_nothing_is_nothing(passage: Passage) -> None:
    found = occlusion(lambda samples: 0.7, "deaf", passage)
    assert not found.values.any()
    assert found.strongest() is None
    assert found.strongest(-1) is None
    assert found.completeness_error == 0


def test_taking_out_noise_or_silence_changes_next_to_nothing(passage: Passage) -> None:
    grid = Grid.over(passage)
    masking = Masking(passage, grid)
    hidden = np.zeros(grid.shape, bool)
    hidden[2:4, 1:3] = True
    (before,), (after,) = masking.without(np.zeros_like(hidden)), masking.without(hidden)
    np.testing.assert_allclose(before, passage.windows[0].samples, atol=2e-6)
    assert np.abs(after - before).max() > 0.01  # other noise
    power = [np.abs(np.fft.rfft(one)) ** 2 for one in (before, after)]
    assert power[1].sum() / power[0].sum() == pytest.approx(1, abs=0.05)
    quiet = passage.samples.copy()
    quiet[RATE : 2 * RATE] = 0
    made = Masking(Passage.of(quiet), grid)
    hidden[:] = False
    hidden[:, grid.columns[:-1] >= 50] = True
    (emptied,) = made.without(hidden)
    assert emptied[int(1.1 * RATE) : int(1.9 * RATE)].std() < 0.1 * passage.samples.std()  # silence stays quiet


def test_what_any_cell_does_is_left_out_and_silence_says_nothing(speech: SpeechDetector) -> None:
    samples = np.concatenate([sound("hibari.wav"), np.zeros(RATE, np.float32), sound("005.wav")])
    found = occlusion(speech.scorer.logit, "detector.speech", Passage.of(samples))
    silent = (found.times_s[:-1] >= 3.05) & (found.times_s[1:] <= 3.95)
    assert silent.any()
    assert np.abs(found.contrast[:, silent]).max() < 0.15 * np.abs(found.contrast).max()
    assert np.abs(found.contrast).max() > 0.1
    assert found.changes is not None
    assert (found.contrast * found.changes).sum() == pytest.approx(0, abs=1e-3)
    np.testing.assert_allclose(found.contrast_over_time.sum(), found.contrast.sum(), rtol=1e-4)


def test_gradients_of_the_shipped_network_add_up(speech: SpeechDetector) -> None:
    pytest.importorskip("torch")
    passage = Passage.of(sound("hibari.wav"))
    for layer in ("mel", "stem", "encoder"):
        found = integrated_gradients(speech.scorer, "detector.speech", passage, layer)
        assert found.score == pytest.approx(passage.score(speech.scorer.logit), abs=1e-3)
        assert abs(found.completeness_error) < 0.03
        assert abs(found.score - found.baseline) > 0.1
        assert found.over_time.shape == (passage.frames,)
        assert found.values.shape == (80 if layer == "mel" else 1, passage.frames)


def test_gradients_stay_in_the_bands_that_the_network_reads() -> None:
    pytest.importorskip("torch")
    config = NetworkConfig(width=16, heads=2, hidden=8)
    rng = np.random.default_rng(0)
    state = {k: (0.2 * rng.standard_normal(s)).astype(np.float32) for k, s in config.shapes().items()}
    state["stem1.weight"][:, :40] = 0
    state["stem1.weight"][:, 50:] = 0
    passage = Passage.of(sound("flite-slt.wav"))
    found = integrated_gradients(SpeechScorer(config, state), "small", passage)
    assert np.abs(found.values[40:50]).sum() > 0.01
    assert not found.values[:40].any()
    assert not found.values[50:].any()
    assert abs(found.completeness_error) < 0.01 * max(1.0, abs(found.score - found.baseline))
    assert np.diff(found.bands_hz).min() > 0
