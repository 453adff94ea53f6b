"""The spectral line: frames of known content, level and silence that say nothing, and weights that separate."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import soxr

from detectors.card import WEIGHTS
from detectors.head import pooled
from detectors.inference import RATE
from detectors.spectral import SpectralConfig, load_spectral, spectral_frames
from detectors.speech import SpeechDetector, raw_scores
from synth.errors import VoxproofError

FloatArray = npt.NDArray[np.float32]
DATA = Path(__file__).parents[1] / "data"
CONFIG = SpectralConfig()
BANDS, CEPSTRA = CONFIG.bands, CONFIG.cepstra
PHASE = BANDS + CEPSTRA + CONFIG.window // 2


@pytest.fixture(scope="module")
def voice() -> FloatArray:
    sound = soundfile.read(DATA / "sense_and_sensibility_01_austen_64kb-0870.wav", dtype="float32")[0]
    return np.ascontiguousarray(sound[: 5 * RATE])


def test_a_tone_lights_its_band_and_its_line() -> None:
    tone = np.sin(2 * np.pi * 2000 * np.arange(RATE) / RATE).astype(np.float32)
    frames = spectral_frames(tone + 1e-3 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32), CONFIG)
    assert frames.shape == (50, CONFIG.channels)
    mean = frames[5:-5].mean(0)
    assert mean[:BANDS].argmax() in (14, 15)  # 133 Hz a band
    fine = mean[BANDS + CEPSTRA : PHASE]
    assert abs(int(fine.argmax()) - 63) <= 1  # 31.25 Hz a bin, the first at 31.25 Hz
    assert fine.max() > 1.5


def test_an_impulse_has_a_smooth_group_delay_and_noise_has_not() -> None:
    impulses = np.zeros(RATE, np.float32)
    impulses[::320] = 1.0
    noise = np.random.default_rng(1).standard_normal(RATE).astype(np.float32)
    assert spectral_frames(impulses, CONFIG)[5:-5, PHASE:].mean() > 0.95
    assert abs(float(spectral_frames(noise, CONFIG)[5:-5, PHASE:].mean())) < 0.6


@pytest.mark.parametrize("gain", [0.02, 0.3, 1.5])
def test_the_level_says_nothing(voice: FloatArray, gain: float) -> None:
    scorer = load_spectral(WEIGHTS / "spectral.safetensors")
    assert scorer(gain * voice)[0] == pytest.approx(scorer(voice)[0], abs=0.02)


def test_what_was_trained_is_what_listens(voice: FloatArray) -> None:
    """The window's logit is the head on the statistics that training saw."""
    scorer = load_spectral(WEIGHTS / "spectral.safetensors")
    features = pooled(spectral_frames(voice, CONFIG))
    assert features.shape == (3 * CONFIG.channels,)
    assert scorer.head._logit(features) == pytest.approx(scorer(voice)[0], abs=1e-4)


def test_silence_gives_numbers() -> None:
    frames = spectral_frames(np.zeros(RATE, np.float32), CONFIG)
    assert np.isfinite(frames).all()


def test_one_score_per_20_ms_and_a_bounded_lr(voice: FloatArray) -> None:
    detector = SpeechDetector.load(WEIGHTS / "spectral.safetensors")
    scores = detector.score([voice])
    assert detector.name == "detector.spectral"
    assert scores.frame_log10_lr.shape == (250,)
    assert scores.log10_lr_bounds[0] <= scores.log10_lr <= scores.log10_lr_bounds[1]
    assert abs(scores.log10_lr) <= detector.card.calibration.cap


def test_machine_made_clips_score_higher_than_people() -> None:
    scorer = load_spectral(WEIGHTS / "spectral.safetensors")

    def score(name: str) -> float:
        sound, rate = soundfile.read(DATA / name, dtype="float32")
        return raw_scores(scorer, [soxr.resample(sound, rate, RATE).astype(np.float32)]).score

    people = [score(name) for name in ("001.wav", "002.wav", "005.wav", "vm-intro.wav", "agent-newlocation.wav")]
    assert min(score("espeak.wav"), score("flite-slt.wav")) > max(people) + 1


def test_other_weights_are_refused() -> None:
    with pytest.raises(VoxproofError, match="spectral detector"):
        load_spectral(WEIGHTS / "speech.safetensors")
    with pytest.raises(VoxproofError, match="no such card"):
        SpeechDetector.load(WEIGHTS / "missing.safetensors")
