"""Sound that went through MP3 or AAC is named with coder and frame offset; sound that never did is not."""

import numpy as np
import pytest
from method_clips import Examine, clip, room_noise

from forensics.methods import _mdct
from forensics.methods.compression_history import CompressionHistory
from synth.channels.aac import Aac
from synth.channels.base import convert
from synth.channels.mp3 import Mp3
from synth.channels.opus import Opus
from synth.channels.resample import Resample

NEVER_CODED = ("001.wav", "002.wav", "003.wav", "004.wav", "005.wav", "vm-intro.wav", "vm-goodbye.wav")
RATE = 16000


def speech(name: str = "005.wav", seconds: float = 4.0) -> np.ndarray:
    """A spoken card, repeated to the length, at 16 kHz."""
    samples, rate = clip(name)
    assert rate == RATE
    return np.resize(samples, round(seconds * rate)).astype(np.float32)


@pytest.mark.parametrize("name", NEVER_CODED)
def test_sound_that_was_never_coded_has_no_grid(examine: Examine, name: str) -> None:
    finding = examine(CompressionHistory(), *clip(name))
    assert finding.outcome in ("consistent", "could_not_test")
    assert finding.traces == ()
    if finding.outcome == "consistent":
        assert finding.measurements["strength_sd"] < 6.0


def test_noise_has_no_grid(examine: Examine) -> None:
    for seed, rate in ((1, 8000), (2, 16000), (3, 48000)):
        finding = examine(CompressionHistory(), room_noise(4.0, rate, -30.0, seed), rate)
        assert finding.outcome == "consistent"
        assert finding.traces == ()


@pytest.mark.parametrize(
    ("channel", "coder", "hop"),
    [(Mp3(32_000), "MP3", 576), (Mp3(48_000), "MP3", 576), (Aac(24_000), "AAC", 1024), (Aac(40_000), "AAC", 1024)],
)
def test_decoded_sound_is_named_with_its_grid(examine: Examine, channel: Mp3 | Aac, coder: str, hop: int) -> None:
    sound, _ = channel(speech(), RATE)
    offsets = []
    for cut in (0, 333):
        finding = examine(CompressionHistory(), sound[cut:], RATE)
        assert finding.outcome == "consistent"
        assert finding.measurements["earlier_coder"] == coder
        assert finding.measurements["frame_hop_samples"] == hop
        assert f"coded as {coder} earlier" in finding.traces[0]
        assert finding.measurements["strength_sd"] > 10.0
        offsets.append(finding.measurements["frame_offset_samples"])
    assert (offsets[0] - offsets[1]) % hop == 333 % hop


def test_a_change_of_level_leaves_the_grid_and_a_change_of_rate_removes_it(examine: Examine) -> None:
    sound, _ = Mp3(32_000)(speech(), RATE)
    assert examine(CompressionHistory(), 0.7 * sound, RATE).measurements["earlier_coder"] == "MP3"
    through, _ = Resample(11025)(sound, RATE)
    assert examine(CompressionHistory(), through, RATE).measurements["earlier_coder"] == "MP3"  # the rate came back
    finding = examine(CompressionHistory(), convert(sound, RATE, 22050), 22050)
    assert finding.traces == ()  # 16 kHz is not among the rates that are tried
    assert "change of the sample rate" in finding.reasons[0]


@pytest.mark.parametrize(("coded", "now"), [(44100, 16000), (44100, 24000), (48000, 16000)])
def test_mp3_that_was_resampled_is_named_with_the_rate_of_the_coding(examine: Examine, coded: int, now: int) -> None:
    decoded, _ = Mp3(64_000)(convert(speech(seconds=5.0), RATE, coded), coded)
    sound = convert(decoded, coded, now)
    cut = 1600
    offsets = []
    for start in (0, cut):
        finding = examine(CompressionHistory(), sound[start:], now)
        assert finding.outcome == "consistent"
        assert finding.measurements["earlier_sample_rate_hz"] == coded
        assert finding.measurements["resampled_strength_sd"] > 8.0
        assert len(finding.traces) == 1
        assert f"MP3 at {coded / 1000:g} kHz earlier" in finding.traces[0]
        offsets.append(finding.measurements["frame_offset_samples"])
    moved = cut * coded / now
    assert min((offsets[0] - offsets[1] - moved) % 576, (offsets[1] - offsets[0] + moved) % 576) <= 1.5


def test_a_change_of_the_rate_alone_leaves_no_grid(examine: Examine) -> None:
    for now in (8000, 22050, 48000):
        finding = examine(CompressionHistory(), convert(speech("001.wav"), RATE, now), now)
        assert finding.traces == ()
        assert finding.measurements["earlier_sample_rate_hz"] is None
        assert finding.measurements["resampled_strength_sd"] < 4.5
    voice, rate = clip("vm-goodbye.wav")
    assert examine(CompressionHistory(), np.resize(voice, 4 * rate), rate).traces == ()


def test_rates_that_hardly_meet_those_of_coders_are_not_searched(examine: Examine) -> None:
    finding = examine(CompressionHistory(), convert(speech(), RATE, 16001), 16001)
    assert finding.traces == ()
    assert finding.measurements["resampled_strength_sd"] is None


def test_other_coders_are_not_taken_for_mp3_or_aac(examine: Examine) -> None:
    sound, _ = Opus()(speech(), RATE)
    assert examine(CompressionHistory(), sound, RATE).traces == ()


def test_the_files_own_coding_is_not_an_earlier_one(examine: Examine) -> None:
    finding = examine(CompressionHistory(), speech(), RATE, subtype="MPEG_LAYER_III", suffix=".mp3")
    assert finding.outcome == "consistent"
    assert finding.traces == ()


def test_too_quiet_and_too_short_sound_is_not_tested(examine: Examine) -> None:
    quiet = examine(CompressionHistory(), np.zeros(4 * RATE), RATE)
    assert quiet.outcome == "could_not_test"
    assert "rounding noise" in quiet.reasons[0]
    short = examine(CompressionHistory(), speech(seconds=0.5), RATE)
    assert not short.in_domain


def test_the_layer_iii_bank_keeps_energy() -> None:
    rows = _mdct.MP3.rows(np.arange(576))
    assert (rows.astype(np.float64) ** 2).sum() / 576 == pytest.approx(1.0, abs=1e-4)
    overlap = rows[36:400].astype(np.float64) @ rows[36:400].T
    assert np.abs(overlap - np.diag(np.diag(overlap))).max() < 0.02


def test_the_aac_banks_are_orthonormal() -> None:
    for coder in (_mdct.AAC_KBD, _mdct.AAC_SINE):
        rows = coder.rows(np.arange(100, 200)).astype(np.float64)
        assert np.abs(rows @ rows.T - np.eye(100)).max() < 1e-4
