"""Copies: each does what its method says, and stays where, as long and as loud as the recording was."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from detectors.train.copies.band_steps import cosines
from detectors.train.copies.base import Setting
from detectors.train.copies.checkerboard import Checkerboard
from detectors.train.copies.equal import LEVEL_DB, equalised, lag, moved
from detectors.train.copies.griffin_lim import FastGriffinLim, GriffinLim
from detectors.train.copies.lpc import predictors
from detectors.train.copies.phase_steps import PhaseSteps
from detectors.train.copies.registry import METHODS, chosen
from detectors.train.copies.replicas import Replicas
from detectors.train.copies.spectra import added, framed, istft, minimum_phase, pulses, stft
from synth.audio import read
from synth.errors import VoxproofError
from synth.pitch import pitch_of

RATE = 16_000
DATA = Path(__file__).parents[2] / "data"
FloatArray = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def clip() -> FloatArray:
    """2 s of a reading."""
    whole = read(DATA / "sense_and_sensibility_01_austen_64kb-0870.wav", rate=RATE).mono
    return np.ascontiguousarray(whole[RATE : 3 * RATE], np.float32)


def copied(name: str, clip: FloatArray, seed: int, **changed: Setting) -> FloatArray:
    method, rng = METHODS[name], np.random.default_rng(seed)
    return method(clip, RATE, method.draw(rng) | changed, rng)


@pytest.mark.parametrize("name", METHODS)
def test_a_copy_is_equal_in_time_length_and_level_and_another_waveform(name: str, clip: FloatArray) -> None:
    if METHODS[name].lacks():
        pytest.skip(METHODS[name].lacks())
    made = copied(name, clip, 5)
    assert made.size == clip.size
    assert np.array_equal(made, copied(name, clip, 5))
    original, copy = equalised(clip, made, RATE, np.random.default_rng(1))
    assert original.size == copy.size > 1.7 * RATE
    for one in (original, copy):
        assert 20 * np.log10(np.sqrt(np.mean(one**2))) == pytest.approx(LEVEL_DB, abs=0.05)
    assert abs(lag(original, copy, RATE)) <= 0.002 * RATE
    assert 10 * np.log10(np.mean(original**2) / np.mean((original - copy) ** 2)) < 60


@pytest.mark.parametrize("name", ["world", "griffin-lim", "lpc", "cepstrum", "harmonics", "phase-vocoder"])
def test_the_voice_keeps_its_pitch(name: str, clip: FloatArray) -> None:
    if METHODS[name].lacks():
        pytest.skip(METHODS[name].lacks())
    assert pitch_ratio(clip, copied(name, clip, 2)) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("name", ["psola", "pitch-shift"])
@pytest.mark.parametrize("semitones", [-3.0, 2.5])
def test_the_pitch_moves_as_asked(name: str, semitones: float, clip: FloatArray) -> None:
    moved_by = pitch_ratio(clip, copied(name, clip, 2, semitones=semitones))
    assert moved_by == pytest.approx(2 ** (semitones / 12), rel=0.03)


def pitch_ratio(clip: FloatArray, made: FloatArray) -> float:
    """Median over the frames that both have a voice in."""
    before, after = pitch_of(clip, RATE), pitch_of(made, RATE)
    both = (before > 0) & (after > 0)
    assert both.sum() > 0.6 * (before > 0).sum()
    return float(np.median(after[both] / before[both]))


def test_griffin_lim_comes_nearer_with_every_round_and_faster_with_momentum(clip: FloatArray) -> None:
    fixed: dict[str, Setting] = {"window": 1024, "overlap": 4, "mels": 0, "phases": "random"}
    wanted = np.abs(stft(clip, 1024, 256))

    def distance(method: GriffinLim, rounds: int) -> float:
        made = method(clip, RATE, fixed | {"rounds": rounds}, np.random.default_rng(1))
        return float(np.linalg.norm(np.abs(stft(made, 1024, 256)) - wanted) / np.linalg.norm(wanted))

    classic = [distance(GriffinLim(), rounds) for rounds in (1, 8, 32)]
    assert classic[0] > 1.3 * classic[1]
    assert classic[1] > 1.1 * classic[2]
    assert classic[2] < 0.3
    assert distance(FastGriffinLim(), 32) < 0.9 * classic[2]


def test_phases_in_more_steps_come_nearer_to_the_recording(clip: FloatArray) -> None:
    def snr(steps: int) -> float:
        settings: dict[str, Setting] = {"window": 512, "overlap": 2, "steps": steps}
        made = PhaseSteps()(clip, RATE, settings, np.random.default_rng(1))
        return float(10 * np.log10(np.mean(clip**2) / np.mean((made - clip) ** 2)))

    few, many = snr(3), snr(8)
    assert few < 10
    assert many > few + 5


def test_replicas_lie_where_the_stride_mirrors_the_tone() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    settings: dict[str, Setting] = {"stride": 4, "filter": "repeat", "below_db": 0.0}
    made = Replicas()(tone, RATE, settings, np.random.default_rng(1))
    level = 20 * np.log10(np.abs(np.fft.rfft(made * np.hanning(RATE))) / (RATE / 4) + 1e-9)
    at = np.array([3000, 5000, 7000])
    box = np.sin(np.pi * at / 4000) / (4 * np.sin(np.pi * at / RATE))  # what four equal taps let through
    repeated = dict(zip(at.tolist(), 20 * np.log10(np.abs(box)), strict=True))
    assert {hz: level[hz] for hz in repeated} == pytest.approx(repeated, abs=0.5)
    assert max(level[hz] for hz in (2000, 4000, 6000)) < -60


def test_a_checkerboard_has_the_periods_of_its_strides() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE).astype(np.float32)
    settings: dict[str, Setting] = {"strides": "4x4x4x4", "gain_db": -22.0, "offset_db": -60.0}
    made = Checkerboard()(tone, RATE, settings, np.random.default_rng(1))
    off = (made - tone)[RATE // 10 : -RATE // 10]
    assert 20 * np.log10(off.std() / tone.std()) == pytest.approx(-22, abs=1.5)
    turned = np.abs(np.fft.rfft(made * np.hanning(RATE)))
    lines = np.flatnonzero(turned > 1e-3 * turned.max())
    distance = np.abs((lines - 500) / 62.5 - np.rint((lines - 500) / 62.5)) * 62.5
    assert lines.size > 50
    assert distance.max() <= 2  # nothing but 500 Hz and multiples of 16000 / 256 Hz about it


def test_the_tools_are_exact(clip: FloatArray) -> None:
    assert np.allclose(istft(stft(clip, 800, 200), 800, 200, clip.size), clip, atol=1e-5)
    basis = cosines(320)
    padded = np.pad(clip, (320, 320 + -clip.size % 320))
    pieces = np.lib.stride_tricks.sliding_window_view(padded, 640)[::320]
    assert np.allclose(added(pieces @ basis @ basis.T, 320)[320 : 320 + clip.size], clip, atol=1e-5)
    poles = np.fft.rfft([1.0, -1.2, 0.7], 1024)
    response = np.fft.irfft(minimum_phase(-np.log(np.abs(poles))[None])[0])
    assert response[:4] == pytest.approx([1, 1.2, 0.74, 0.048], abs=1e-6)
    assert framed(clip, 800, 200).shape == (1 + clip.size // 200, 800)
    train = pulses(np.full(RATE, 125.0), RATE)
    assert np.mean(train**2) == pytest.approx(1, abs=0.05)
    assert np.flatnonzero(train > 1).tolist() == list(range(127, RATE, 128))


def test_linear_prediction_finds_the_filter_that_made_a_noise() -> None:
    from scipy.signal import lfilter

    noise = np.random.default_rng(1).standard_normal((6, 8000))
    made = lfilter([0.1], [1, -1.2, 0.7], noise, axis=1)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(8000) / 8000)
    found, gain = predictors((made * window).astype(np.float32), 2)
    assert found.mean(0) == pytest.approx([1, -1.2, 0.7], abs=0.02)
    assert gain.mean() == pytest.approx(0.1, rel=0.05)


def test_a_late_copy_is_brought_back_and_a_wandering_one_refused(clip: FloatArray) -> None:
    assert lag(clip, moved(clip, 100), RATE) == pytest.approx(100, abs=4)
    assert lag(clip, moved(clip, -37), RATE) == pytest.approx(-37, abs=4)
    original, copy = equalised(clip, moved(clip, 200), RATE, np.random.default_rng(1))
    assert np.corrcoef(original[400:-400], copy[400:-400])[0, 1] > 0.8
    with pytest.raises(VoxproofError, match="too little sound"):
        equalised(clip[: RATE // 2 + 100], clip[: RATE // 2 + 100], RATE, np.random.default_rng(1))


@pytest.mark.parametrize("bad", ["short", "stereo", "silent", "nan", "rate"])
def test_what_cannot_be_copied_is_refused(bad: str, clip: FloatArray) -> None:
    sound, rate = clip, RATE
    if bad == "short":
        sound = clip[: RATE // 3]
    elif bad == "stereo":
        sound = np.stack([clip, clip], 1)
    elif bad == "silent":
        sound = np.zeros_like(clip)
    elif bad == "nan":
        sound = np.where(np.arange(clip.size) == 9, np.nan, clip).astype(np.float32)
    else:
        rate = 4000
    with pytest.raises(VoxproofError, match="takes"):
        Checkerboard()(sound, rate, Checkerboard().draw(np.random.default_rng(1)), np.random.default_rng(1))
    with pytest.raises(VoxproofError, match="no method is called straight"):
        chosen(["world", "straight"])
