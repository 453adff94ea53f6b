"""Every channel: same length, aligned, deterministic, and with the band and the damage its name promises."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import scipy.signal
import soundfile

from synth.channels import (
    CHANNELS,
    G711,
    G722,
    Aac,
    AmrNb,
    Chain,
    Channel,
    Gsm,
    Mp3,
    Noise,
    Opus,
    Resample,
    Room,
    Vorbis,
)
from synth.errors import VoxproofError

FloatArray = npt.NDArray[np.float32]
RATE = 16_000


@pytest.fixture(scope="module")
def voice() -> FloatArray:
    """Three seconds of a reader (pocketsphinx-testdata, see tests/data)."""
    path = Path(__file__).parents[2] / "data" / "sense_and_sensibility_01_austen_64kb-0870.wav"
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == RATE
    return np.ascontiguousarray(0.5 * samples[: 3 * RATE] / np.abs(samples).max())


CODECS = [
    Mp3(32_000), Mp3(64_000), Mp3(128_000), Aac(32_000), Aac(64_000), Opus(12_000), Opus(24_000), Opus(48_000),
    Vorbis(0.2), Vorbis(0.6), G711("a"), G711("mu"), G722(), Gsm(), AmrNb(4_750), AmrNb(12_200),
]  # fmt: skip
NARROW = [G711("a"), G711("mu"), Gsm(), AmrNb(12_200), Resample(8000)]


def band(samples: FloatArray, low: float, high: float, rate: int = RATE) -> FloatArray:
    sos = scipy.signal.butter(4, (low, high), "bandpass", fs=rate, output="sos")
    return scipy.signal.sosfiltfilt(sos, samples)


def level_db(samples: FloatArray) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-20))


@pytest.mark.parametrize("channel", [*CODECS, *NARROW, Noise(), Room(), Chain((Room(), Noise(), Opus()))], ids=str)
@pytest.mark.parametrize("length", [1, 777, 16_001])
def test_length_rate_and_type_stay(channel: Channel, length: int, voice: FloatArray) -> None:
    out, rate = channel(voice[4000 : 4000 + length], RATE, seed=1)
    assert (out.shape, rate, out.dtype) == ((length,), RATE, np.float32)
    assert np.isfinite(out).all()


@pytest.mark.parametrize("channel", CODECS, ids=str)
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_aligned(channel: Channel, rate: int, voice: FloatArray) -> None:
    """The cross-correlation in 500 to 3000 Hz peaks within 0.5 ms of zero."""
    sound = voice if rate == RATE else scipy.signal.resample_poly(voice, 441, 160).astype(np.float32)
    out, _ = channel(sound, rate)
    a, b = band(sound, 500, 3000, rate), band(out, 500, 3000, rate)
    lag = int(np.argmax(scipy.signal.correlate(b, a, "full", method="fft"))) - (a.size - 1)
    assert abs(lag) <= 0.0005 * rate


@pytest.mark.parametrize(
    ("channel", "least", "most"),
    [(G722(), 15, 60), (Mp3(128_000), 20, 80), (Mp3(32_000), 8, 40), (Aac(64_000), 12, 60), (Vorbis(0.6), 8, 60)],
    ids=str,
)
def test_damage_of_wave_form_codecs(channel: Channel, least: float, most: float, voice: FloatArray) -> None:
    out, _ = channel(voice, RATE)
    assert least < level_db(voice) - level_db(out - voice) < most


@pytest.mark.parametrize("channel", NARROW, ids=str)
def test_narrow_band_is_narrow(channel: Channel, voice: FloatArray) -> None:
    """Of a hissing voice, above 4.5 kHz at least 20 dB are gone, between 500 and 3000 Hz less than 3 dB."""
    hiss = np.random.default_rng(1).standard_normal(voice.size) * 0.01
    hissing = ((voice + hiss) * np.hanning(voice.size)).astype(np.float32)
    out, _ = channel(hissing, RATE)
    assert level_db(band(out, 4500, 7500)) < level_db(band(hissing, 4500, 7500)) - 20
    assert abs(level_db(band(out, 500, 3000)) - level_db(band(hissing, 500, 3000))) < 3


def test_telephone_line_has_no_bass() -> None:
    hum = np.sin(2 * np.pi * 100 * np.arange(RATE) / RATE).astype(np.float32) * 0.3
    out, _ = G711()(hum, RATE)
    assert level_db(out) < level_db(hum) - 25


def test_wide_band_stays_wide(voice: FloatArray) -> None:
    for channel in (G722(), Opus(48_000), Mp3(128_000)):
        out, _ = channel(voice, RATE)
        assert abs(level_db(band(out, 4500, 6500)) - level_db(band(voice, 4500, 6500))) < 3, channel.name


@pytest.mark.parametrize("channel", [*CODECS, Noise(), Room(), Chain((Room(), Noise(12.0), AmrNb()))], ids=str)
def test_the_seed_decides(channel: Channel, voice: FloatArray) -> None:
    first, _ = channel(voice, RATE, seed=5)
    again, _ = channel(voice, RATE, seed=5)
    assert np.array_equal(first, again)


def test_other_seeds_give_other_noise(voice: FloatArray) -> None:
    for channel in (Noise(), Room()):
        assert not np.array_equal(channel(voice, RATE, seed=1)[0], channel(voice, RATE, seed=2)[0])


@pytest.mark.parametrize("snr", [0.0, 10.0, 30.0])
@pytest.mark.parametrize("slope", [0.0, -6.0])
def test_noise_has_its_ratio_and_its_slope(snr: float, slope: float, voice: FloatArray) -> None:
    noise = Noise(snr, slope)(voice, RATE, seed=1)[0] - voice
    assert level_db(voice) - level_db(noise) == pytest.approx(snr, abs=0.1)
    octave = level_db(band(noise, 1000, 1400)) - level_db(band(noise, 2000, 2800))
    assert octave == pytest.approx(-3 - slope, abs=1.0)  # twice the width holds 3 dB more


def test_room_decays_as_stated() -> None:
    response = Room(t60_s=0.5, direct_db=0.0).response(RATE, seed=1).astype(np.float64)
    left = 10 * np.log10(np.cumsum(response[::-1] ** 2)[::-1])  # Schroeder's backward integration
    fall = left[int(0.05 * RATE)] - left[int(0.25 * RATE)]
    assert fall == pytest.approx(24.0, abs=1.5)  # 60 dB in 0.5 s: 24 dB in 0.2 s
    assert np.sum(response[1:] ** 2) == pytest.approx(1.0, rel=1e-3)


def test_chain_is_its_steps(voice: FloatArray) -> None:
    chain = Chain((Noise(15.0), G711()))
    by_hand, _ = G711()(Noise(15.0)(voice, RATE, 4)[0], RATE, 5)
    assert np.array_equal(chain(voice, RATE, 4)[0], by_hand)
    assert chain.name == "noise-15dB+g711-a"


def test_silence_stays_silent() -> None:
    silence = np.zeros(8000, np.float32)
    for channel in (*CODECS, Noise(), Room()):
        assert np.abs(channel(silence, RATE)[0]).max() < 2e-3, channel.name


def test_registry_and_frozen_parameters() -> None:
    assert sorted(CHANNELS) == [
        "aac", "amr_nb", "band", "chain", "echo", "g711", "g722", "gain", "gsm", "mp3", "noise", "opus", "pitch",
        "quantise", "resample", "room", "smooth", "vorbis",
    ]  # fmt: skip
    for family, kind in CHANNELS.items():
        assert kind().family == family
    with pytest.raises(FrozenInstanceError):
        Mp3().bit_rate = 1  # type: ignore[misc]


def test_stereo_is_refused() -> None:
    with pytest.raises(VoxproofError, match="mono"):
        Mp3()(np.zeros((100, 2), np.float32), RATE)


def test_empty_stays_empty() -> None:
    assert Opus()(np.zeros(0, np.float32), RATE)[0].size == 0
