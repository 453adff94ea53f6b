"""The mark in sound: put on, found again after what sound goes through, and never found where it is not."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import soxr

from synth.channels import AmrNb, Band, Gain, Opus
from synth.channels.tempo import at_tempo
from synth.watermark import keys, synchronise
from synth.watermark.carrier import BANDS, CHIPS, closed, layout, opened
from synth.watermark.coding import CODED_BITS
from synth.watermark.detect import THRESHOLD, Detection, detect
from synth.watermark.embed import MarkError, embed
from synth.watermark.keys import WatermarkKey, at_epoch, rotate
from synth.watermark.payload import Payload

RATE = 16_000
PAYLOAD = Payload(0xC0FFEE42, 77)
DATA = Path(__file__).parents[2] / "data"
Float = npt.NDArray[np.float64]


def speech(seconds: float) -> Float:
    """A reader, [time, 1]."""
    names = [f"sense_and_sensibility_01_austen_64kb-{n}.wav" for n in ("0870", "0880", "0890", "0930")]
    whole = np.concatenate([soundfile.read(DATA / name)[0] for name in names])
    return whole[: int(seconds * RATE), None]


@pytest.fixture(scope="module")
def key() -> WatermarkKey:
    """Always the same key, so that the figures are always the same."""
    return keys._of_root(bytes(range(32)), 0)


@pytest.fixture(scope="module")
def host() -> Float:
    return speech(6.0)


@pytest.fixture(scope="module")
def marked(host: Float, key: WatermarkKey) -> Float:
    made = embed(host, RATE, key, PAYLOAD)
    assert made.payload_carried
    assert 4.5 < made.seconds <= 6.0
    return made.samples


def heard(samples: Float, key: WatermarkKey, rate: int = RATE) -> Detection:
    return detect(samples, rate, [WatermarkKey(key.detection, key.mac_secret)])


def test_spectra_open_and_close_without_loss() -> None:
    sound = speech(1.0)[:, 0].astype(np.float32)
    assert np.abs(closed(opened(sound), sound.size) - sound)[512:].max() < 1e-6


def test_every_coded_bit_has_tiles_in_both_halves_of_the_band(key: WatermarkKey) -> None:
    lay = layout(key.detection)
    for bands in (slice(4, 20), slice(20, BANDS)):
        counts = np.bincount(lay.owner[bands][lay.owner[bands] >= 0], minlength=CODED_BITS)
        assert counts.min() >= (1 if bands.start == 4 else 0)
    assert lay.pilot[:4].all()
    assert 0.3 < lay.pilot.mean() < 0.6
    assert lay.signs.shape == (BANDS, CHIPS)


def test_found_and_authenticated(marked: Float, host: Float, key: WatermarkKey) -> None:
    found = heard(marked, key)
    assert found.outcome == "found"
    assert found.score > 2 * THRESHOLD
    assert found.payload == PAYLOAD
    assert found.authenticated is True
    assert (found.key_id, found.epoch) == (key.key_id, 0)
    assert found.frame_scores.shape == (300,)
    assert np.median(found.frame_scores) > 3
    [segment] = found.segments
    assert segment.start_s < 0.3
    assert segment.end_s > 5.7
    residual = marked - host
    assert 15 < 10 * np.log10(np.mean(host**2) / np.mean(residual**2)) < 30


def test_unmarked_and_other_keys_are_not_found(marked: Float, host: Float, key: WatermarkKey) -> None:
    other = keys._of_root(bytes([2]) * 32, 0)
    for sound, tried in ((host, key), (marked, other), (marked, rotate(key).public)):
        answer = heard(sound, tried)
        assert answer.outcome == "not_found"
        assert answer.score < THRESHOLD
        assert answer.payload is None
        assert answer.authenticated is None
        assert answer.segments == ()


def test_reader_without_the_mac_key_and_earlier_epochs(marked: Float, key: WatermarkKey) -> None:
    answer = detect(marked, RATE, [key.public])
    assert answer.outcome == "found"
    assert answer.authenticated is None
    assert answer.payload == PAYLOAD
    answer = detect(marked[: 5 * RATE], RATE, [at_epoch(key, 1)])
    assert (answer.epoch, answer.authenticated) == (0, True)


def test_a_forged_mac_is_found_but_not_authenticated(key: WatermarkKey) -> None:
    forger = WatermarkKey(key.detection, bytes(32))
    answer = heard(embed(speech(4.5), RATE, forger, PAYLOAD).samples, key)
    assert answer.outcome == "found"
    assert answer.authenticated is False
    assert answer.payload is None
    assert answer.reasons


def test_after_codecs_filters_and_polarity(marked: Float, key: WatermarkKey) -> None:
    sound = marked[:, 0].astype(np.float32)
    for channel in (Opus(24_000), Band(300, 3400), Gain(-0.3)):
        answer = heard(channel(sound, RATE)[0].astype(float), key)
        assert answer.payload == PAYLOAD, channel.name
    for channel in (AmrNb(12_200), Band(1500, None)):
        assert heard(channel(sound, RATE)[0].astype(float), key).outcome == "found", channel.name


def test_after_speed_stretch_and_crop(marked: Float, key: WatermarkKey) -> None:
    sound = marked[:, 0].astype(np.float32)
    answer = heard(soxr.resample(sound, 1.07, 1.0), key)
    assert answer.payload == PAYLOAD
    assert answer.tempo == pytest.approx(1.07, abs=0.01)
    assert answer.pitch == pytest.approx(1.07, abs=0.03)
    answer = heard(at_tempo(sound, RATE, 1 / 1.1), key)
    assert answer.outcome == "found"
    assert answer.tempo == pytest.approx(1 / 1.1, abs=0.01)
    assert heard(sound[12_345:-777], key).payload == PAYLOAD


@pytest.mark.parametrize("rate", [8000, 44_100, 48_000])
def test_rates_channels_and_length_stay(rate: int, key: WatermarkKey) -> None:
    mono = soxr.resample(speech(5.0)[:, 0], RATE, rate)
    stereo = np.stack([mono, 0.5 * mono], axis=1)
    made = embed(stereo, rate, key, PAYLOAD)
    assert made.samples.shape == stereo.shape
    assert made.samples.dtype == np.float64
    answer = heard(made.samples, key, rate)
    assert answer.payload == PAYLOAD
    assert answer.frame_scores.shape == (250,)


def test_silence_stays_silent(key: WatermarkKey) -> None:
    sound = speech(3.0)
    sound[RATE : RATE + 4000] = 0.0
    made = embed(sound, RATE, key, PAYLOAD)
    assert np.all(made.samples[RATE : RATE + 4000] == 0)
    assert np.any(made.samples != sound)
    assert not made.payload_carried


def test_what_cannot_be_marked_or_tested_says_why(key: WatermarkKey) -> None:
    for sound, rate, why in (
        (np.zeros((2 * RATE, 1)), RATE, "loud enough"),
        (speech(0.5), RATE, "too short"),
        (speech(2.0)[:, 0], RATE, "channels"),
        (speech(2.0), 6000, "rate"),
        (np.full((RATE, 1), np.nan), RATE, "finite"),
    ):
        with pytest.raises(MarkError, match=why):
            embed(sound, rate, key, PAYLOAD)
    assert detect(speech(2.0), RATE, []).outcome == "could_not_test"
    assert heard(speech(0.5), key).reasons[0].endswith("from 0.8 s on")
    assert heard(np.zeros((RATE, 1)), key).outcome == "could_not_test"
    assert heard(np.full((RATE, 1), np.inf), key).outcome == "could_not_test"
    with pytest.raises(Exception, match="MAC"):
        embed(speech(2.0), RATE, key.public, PAYLOAD)


def test_a_short_marked_stretch_is_placed(host: Float, key: WatermarkKey) -> None:
    marked = embed(host, RATE, key, PAYLOAD).samples
    mixed = host.copy()
    mixed[int(2.0 * RATE) : int(4.0 * RATE)] = marked[int(2.0 * RATE) : int(4.0 * RATE)]
    answer = heard(mixed, key)
    assert answer.outcome == "found"
    start, end = answer.segments[0].start_s, answer.segments[-1].end_s
    assert abs(start - 2.0) < 0.35
    assert abs(end - 4.0) < 0.35
    assert answer.frame_scores[110:190].mean() > 3 * abs(answer.frame_scores[:80].mean())


def test_blocks_of_silence_neither_break_nor_win_the_search() -> None:
    """They add nothing to the power that a score is held against, or less than nothing, as rounding has it."""
    correlation = np.random.default_rng(3).normal(size=(12, synchronise.PERIOD)) * 1e6
    correlation[4:] = 0
    found = synchronise._lines(correlation, 1.0, 1.0, 12 * synchronise.BLOCK)
    assert all(np.isfinite(one.score) for one in found)
    assert max(one.score for one in found) < 6
