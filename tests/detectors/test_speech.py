"""The detector that ships: one time axis, nothing trivial moves it, and it separates what it was made to separate."""

import csv
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import torch

from detectors.card import WEIGHTS
from detectors.inference import FRAME, NetworkConfig, SpeechScorer, load_network, mel_filters
from detectors.metrics import auc
from detectors.network import SpeechNetwork, trainable
from detectors.speech import WINDOW, SpeechDetector, own_speech, raw_scores, windows

FloatArray = npt.NDArray[np.float32]
DATA = Path(__file__).parents[1] / "data"
CORE = Path(__file__).parents[3] / "shared" / "data" / "core"
RATE = 16_000


@pytest.fixture(scope="module")
def detector() -> SpeechDetector:
    torch.set_num_threads(1)
    return SpeechDetector.load()


@pytest.fixture(scope="module")
def voice() -> FloatArray:
    """Twelve seconds of a reader (pocketsphinx-testdata)."""
    names = ("0870", "0880", "0890", "0930")
    paths = [DATA / f"sense_and_sensibility_01_austen_64kb-{name}.wav" for name in names]
    sound = np.concatenate([soundfile.read(p, dtype="float32")[0] for p in paths])
    return np.ascontiguousarray(sound[: 12 * RATE])


def cut(samples: FloatArray, size: int) -> Iterator[FloatArray]:
    for start in range(0, samples.size, size):
        yield samples[start : start + size]


@pytest.mark.parametrize("size", [1, 7, 399, RATE // 2, RATE, WINDOW, WINDOW + 1, 20 * RATE])
@pytest.mark.parametrize("seconds", [0.3, 4.0, 5.0, 9.0, 9.3, 17.7])
def test_windows_depend_on_the_sound_alone(size: int, seconds: float) -> None:
    sound = np.arange(int(seconds * RATE), dtype=np.float32)
    blocks = cut(sound, size) if size > 100 else iter([*cut(sound[:1000], size), sound[1000:]])
    found = list(windows(blocks))
    assert [f for f, _ in found[:-1]] == [i * WINDOW // FRAME for i in range(len(found) - 1)]
    for first, window in found:
        assert np.array_equal(window, sound[first * FRAME : first * FRAME + window.size])
    assert found[-1][0] * FRAME + found[-1][1].size == sound.size
    assert max(w.size for _, w in found) <= WINDOW
    covered = np.zeros(sound.size, bool)
    for first, window in found:
        covered[first * FRAME : first * FRAME + window.size] = True
    assert covered.all()


def test_one_score_per_20_ms(detector: SpeechDetector, voice: FloatArray) -> None:
    scores = detector.score([voice])
    assert scores.frame_log10_lr.shape == (600,)
    assert scores.frame_log10_lr.dtype == np.float32
    low, high = detector.card.calibration.elub.lower, detector.card.calibration.elub.upper
    assert np.nanmin(scores.frame_log10_lr) >= low - 1e-6
    assert np.nanmax(scores.frame_log10_lr) <= high + 1e-6
    assert scores.log10_lr_bounds[0] <= scores.log10_lr <= scores.log10_lr_bounds[1]
    assert scores.windows == 3
    assert 8 < scores.speech_seconds <= 12


def test_block_size_changes_nothing(detector: SpeechDetector, voice: FloatArray) -> None:
    whole = detector.score([voice])
    for size in (160, 5000, RATE):
        parts = detector.score(cut(voice, size))
        assert parts.log10_lr == whole.log10_lr
        assert np.array_equal(parts.frame_log10_lr, whole.frame_log10_lr, equal_nan=True)


def test_twice_is_the_same(detector: SpeechDetector, voice: FloatArray) -> None:
    again = SpeechDetector.load()
    assert again.score([voice]).log10_lr == detector.score([voice]).log10_lr


@pytest.mark.parametrize("gain", [0.05, 0.3, 1.5])
def test_level_says_nothing(detector: SpeechDetector, voice: FloatArray, gain: float) -> None:
    sound = 0.5 * voice
    assert raw_scores(detector.scorer, [gain * sound]).score == pytest.approx(
        raw_scores(detector.scorer, [sound]).score, abs=0.03
    )


def test_silence_around_the_speech_says_nothing(detector: SpeechDetector, voice: FloatArray) -> None:
    clip = voice[: 4 * RATE]
    plain = raw_scores(detector.scorer, [clip])
    for lead, trail in ((8000, 0), (0, 8000)):
        padded = np.concatenate([np.zeros(lead, np.float32), clip, np.zeros(trail, np.float32)])
        assert raw_scores(detector.scorer, [padded]).score == pytest.approx(plain.score, abs=0.15)


def test_silence_and_too_little_are_not_scored(detector: SpeechDetector, voice: FloatArray) -> None:
    for blocks in ([], [np.zeros(0, np.float32)], [np.zeros(10 * RATE, np.float32)], [voice[8000:12000]]):
        scores = detector.score(blocks)
        assert scores.windows == 0
        assert np.isnan(scores.log10_lr)
        assert np.isnan(scores.frame_log10_lr).all()
        assert scores.frame_log10_lr.size == -(-sum(b.size for b in blocks) // FRAME)


def test_a_mask_decides_where_to_listen(detector: SpeechDetector, voice: FloatArray) -> None:
    mask = np.zeros(600, np.bool_)
    mask[100:200] = True
    scores = detector.score([voice], mask)
    assert np.isfinite(scores.frame_log10_lr[100:200]).all()
    assert np.isnan(scores.frame_log10_lr[300:]).all()
    assert scores.speech_seconds == pytest.approx(2.0)


def test_own_speech_follows_the_loud_part() -> None:
    rng = np.random.default_rng(1)
    sound = np.concatenate([np.zeros(RATE), 0.1 * rng.standard_normal(RATE), np.full(RATE, 1e-4)]).astype(np.float32)
    assert np.flatnonzero(own_speech(sound)).tolist() == list(range(50, 100))


def test_mel_filters_are_triangles_of_equal_area() -> None:
    filters = mel_filters(80, 400)
    assert filters.shape == (80, 201)
    assert filters.min() == 0
    peaks = filters.argmax(1)
    assert (np.diff(peaks) >= 0).all()
    assert (peaks[0], peaks[-1]) == (1, 192)
    assert filters[60:].sum(1) * 40 == pytest.approx(np.ones(20), abs=0.03)  # 40 Hz a bin


def test_network_shapes() -> None:
    network = SpeechNetwork(NetworkConfig(layers=1)).eval()
    with torch.inference_mode():
        window, frames = network(torch.randn(2, 16_000))
    assert window.shape == (2,)
    assert frames.shape == (2, 50)


def test_the_network_that_listens_is_the_one_that_was_trained(voice: FloatArray) -> None:
    scorer = load_network(WEIGHTS / "speech.safetensors")
    network = trainable(scorer).eval()
    for piece in (voice[: 5 * RATE], voice[3 * RATE : 4 * RATE + 333], voice[RATE : RATE + 8000]):
        logit, frames, _ = scorer(piece)
        with torch.inference_mode():
            expected, expected_frames = network(torch.from_numpy(piece.copy())[None])
        assert logit == pytest.approx(float(expected[0]), abs=2e-3)
        assert frames[::2] == pytest.approx(expected_frames[0].numpy()[::2], abs=5e-3)
        assert len(frames) == len(expected_frames[0])


@pytest.mark.parametrize(("layers", "first"), [(0, 0), (1, 0), (2, 0), (2, 1)])
def test_shapes_are_those_of_the_trained_network(layers: int, first: int) -> None:
    config = NetworkConfig(layers=layers, first=first, width=64, heads=4, hidden=16)
    network = SpeechNetwork(config)
    assert {key: tuple(value.shape) for key, value in network.state_dict().items()} == config.shapes()
    scorer = SpeechScorer(config, {key: value.numpy() for key, value in network.state_dict().items()})
    sound = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    assert len(scorer.encode(scorer.log_mel(sound))) == layers + 1 - first == config.channels // 64
    logit, frames, _ = scorer(sound)
    with torch.inference_mode():
        expected, expected_frames = network.eval()(torch.from_numpy(sound)[None])
    assert logit == pytest.approx(float(expected[0]), abs=1e-4)
    assert frames[::2] == pytest.approx(expected_frames[0].numpy()[::2], abs=1e-4)


def test_listening_needs_no_torch() -> None:
    code = "import sys, detectors.speech as s; s.SpeechDetector.load(); print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_config_travels_as_strings() -> None:
    config = NetworkConfig(layers=2, first=1, floor=6.5)
    assert NetworkConfig.from_metadata({**config.metadata(), "format": "pt"}) == config


@pytest.mark.skipif(not CORE.exists(), reason="needs ../shared/data/core beside the repository")
def test_machine_made_clips_score_higher(detector: SpeechDetector) -> None:
    """On pages of the calibration part, never trained on."""
    with (CORE / "index.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    wanted = {"spoof": ("diffgantts_keon",), "bonafide": ("tortoise", "languagecodec")}
    scores: dict[str, list[float]] = {"spoof": [], "bonafide": []}
    for row in rows:
        if row["source"] in wanted[row["label"]] and len(scores[row["label"]]) < 14 and float(row["seconds"]) > 1.5:
            samples, rate = soundfile.read(CORE / row["path"], dtype="float32")
            if rate != RATE:
                from synth.channels.base import convert

                samples = convert(samples, rate, RATE)
            scores[row["label"]].append(raw_scores(detector.scorer, [samples[: 5 * RATE]]).score)
    assert auc(np.array(scores["spoof"]), np.array(scores["bonafide"])) > 0.85
