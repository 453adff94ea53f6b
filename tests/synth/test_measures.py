"""Speech activity, SNR, levels and band edge on constructed sounds with known answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soxr
from scipy import signal

from synth.audio import open_recording, read, write
from synth.measures import (
    FRAME_S,
    SILENCE_DB,
    Activity,
    BandEdge,
    band_edge,
    frame_levels,
    long_term_spectrum,
    measure_activity,
)

DATA = Path(__file__).parents[1] / "data"
SPOKEN = [
    "005.wav", "004.wav", "sense_and_sensibility_01_austen_64kb-0870.wav",
    "sense_and_sensibility_01_austen_64kb-0890.wav", "sense_and_sensibility_01_austen_64kb-0930.wav",
    "agent-newlocation.wav", "espeak.wav", "flite-slt.wav", "hibari.wav",
]  # fmt: skip


def activity(tmp_path: Path, samples: np.ndarray, rate: int = 16000, subtype: str = "FLOAT") -> Activity:
    write(tmp_path / "sound.wav", samples, rate, subtype)
    with open_recording(tmp_path / "sound.wav") as recording:
        return measure_activity(recording)


def edge(tmp_path: Path, samples: np.ndarray, rate: int) -> BandEdge:
    write(tmp_path / "sound.wav", samples, rate, "PCM_16")
    with open_recording(tmp_path / "sound.wav") as recording:
        return band_edge(recording)


def coloured(kind: str, count: int, rng: np.random.Generator) -> np.ndarray:
    """White, pink or brown noise of unit power."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    hertz = np.maximum(np.fft.rfftfreq(count, 1 / 16000), 30.0)
    noise = np.fft.irfft(spectrum / hertz ** {"white": 0.0, "pink": 0.5, "brown": 1.0}[kind], count)
    return noise / np.sqrt(np.mean(noise**2))


def test_levels_of_a_sine_and_of_silence(tmp_path: Path) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    result = activity(tmp_path, np.concatenate([tone, np.zeros(16000)]))
    assert len(result.rms_db) == len(result.speech) == 100
    assert result.rms_db[:50] == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=1e-3)
    assert (result.rms_db[50:] == SILENCE_DB).all()
    assert result.silent_fraction == 0.5
    assert result.peak == pytest.approx(0.5, abs=1e-6)
    assert result.seconds == 2.0


def test_frame_levels_take_blocks_of_any_length() -> None:
    sound = np.random.default_rng(0).standard_normal(3200).astype(np.float32) * 0.1
    whole = frame_levels([sound])
    parts = frame_levels(np.split(sound, [1, 100, 1700, 1701]))
    assert whole.shape == (10,)
    assert np.array_equal(whole, parts)
    assert whole == pytest.approx(-20.0, abs=1.0)
    assert frame_levels([]).shape == (0,)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_the_grid_is_20_ms_at_every_rate(rate: int, tmp_path: Path) -> None:
    clip = read(DATA / "005.wav", rate=rate).mono
    result = activity(tmp_path, clip, rate)
    assert len(result.rms_db) == round(len(clip) / rate / FRAME_S + 0.499)
    start, end = result.segments()[0][0], result.segments()[-1][1]
    assert start == pytest.approx(0.18, abs=0.041)
    assert end == pytest.approx(3.0, abs=0.061)
    assert result.snr_db == pytest.approx(40.4, abs=2.5)


def test_the_mean_of_each_channel_is_its_offset(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sound = 0.01 * rng.standard_normal((48000, 2)) + [0.002, -0.005]
    result = activity(tmp_path, sound)
    assert result.dc == pytest.approx((0.002, -0.005), abs=2e-4)


def test_only_runs_at_full_scale_count_as_clipped(tmp_path: Path) -> None:
    sound = np.full(32000, 0.1)
    sound[100:110] = 1.0
    sound[15998:16003] = -1.0
    sound[20000:20002] = 1.0
    result = activity(tmp_path, sound)
    assert result.clipped_fraction == pytest.approx(15 / 32000)
    assert result.peak == 1.0
    assert activity(tmp_path, 0.998 * np.ones(32000)).clipped_fraction == 0.0
    clipped = activity(tmp_path, np.clip(3 * np.sin(2 * np.pi * 50 * np.arange(32000) / 16000), -1, 1))
    assert clipped.clipped_fraction == pytest.approx(1 - 2 / np.pi * np.arcsin(1 / 3), abs=0.01)


@pytest.mark.parametrize("name", SPOKEN)
def test_speech_is_found_between_silences(name: str, tmp_path: Path) -> None:
    clip = read(DATA / name, rate=16000).mono
    floor = 1e-4 * np.random.default_rng(0).standard_normal(len(clip) + 32000)
    sound = floor.copy()
    sound[16000:-16000] += clip
    result = activity(tmp_path, sound)
    inside = result.speech[50:-50]
    assert inside.mean() > 0.45
    assert result.speech[:47].sum() == 0
    assert result.speech[-47:].sum() == 0
    assert result.speech_seconds == pytest.approx(result.speech.sum() * FRAME_S)


@pytest.mark.parametrize("kind", ["white", "pink", "brown"])
@pytest.mark.parametrize("level", [1e-4, 0.01, 0.2])
def test_noise_is_no_speech(kind: str, level: float, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    result = activity(tmp_path, level * coloured(kind, 160_000, rng))
    assert result.speech_seconds == 0.0
    assert result.snr_db is None
    assert result.speech_level_db is None
    below_80_hz = 8.0 if kind == "brown" else 1.5 if kind == "pink" else 0.0
    assert result.noise_floor_db == pytest.approx(20 * np.log10(level) - below_80_hz, abs=1.0)


def test_clicks_and_silence_are_no_speech(tmp_path: Path) -> None:
    sound = np.zeros(80_000)
    sound[::8000] = 0.9
    assert activity(tmp_path, sound).speech_seconds == 0.0
    silent = activity(tmp_path, np.zeros(80_000))
    assert (silent.speech_seconds, silent.silent_fraction, silent.peak) == (0.0, 1.0, 0.0)
    assert silent.noise_floor_db == SILENCE_DB


def test_digital_silence_between_words_does_not_lower_the_noise(tmp_path: Path) -> None:
    """A gate or discontinuous transmission puts zeros between passages of a noisy recording."""
    clip = read(DATA / "sense_and_sensibility_01_austen_64kb-0870.wav").mono
    noise = 0.01 * np.random.default_rng(2).standard_normal(len(clip) + 16000)
    noise[8000:-8000] += clip
    plain = activity(tmp_path, noise)
    gated = activity(tmp_path, np.concatenate([noise, np.zeros(48_000), noise]))
    assert plain.snr_db is not None
    assert gated.snr_db == pytest.approx(plain.snr_db, abs=1.0)
    assert gated.speech_seconds == pytest.approx(2 * plain.speech_seconds, rel=0.05)
    assert not gated.speech[440:560].any()


@pytest.mark.parametrize("kind", ["white", "pink", "brown"])
@pytest.mark.parametrize("wanted", [5, 10, 15, 20, 25, 30])
def test_snr_of_constructed_mixes_is_within_three_decibels(kind: str, wanted: int, tmp_path: Path) -> None:
    """Speech power over its own frames against noise power, both above 80 Hz, at known ratios."""
    errors = []
    highpass = signal.butter(4, 80, "highpass", fs=16000, output="sos")
    for number, name in enumerate(SPOKEN):
        clip = np.pad(read(DATA / name, rate=16000).mono, 8000)
        clean = activity(tmp_path, clip + 1e-5 * np.random.default_rng(0).standard_normal(len(clip)))
        frames = np.repeat(clean.speech, 320)[: len(clip)]
        speech_power = np.mean(signal.sosfiltfilt(highpass, clip)[frames] ** 2)
        noise = coloured(kind, len(clip), np.random.default_rng(number))
        noise_power = np.mean(signal.sosfiltfilt(highpass, noise) ** 2)
        mix = clip + noise * np.sqrt(speech_power / noise_power / 10 ** (wanted / 10))
        result = activity(tmp_path, 0.5 * mix / np.max(np.abs(mix)))
        assert result.snr_db is not None, name
        errors.append(result.snr_db - wanted)
    assert np.mean(np.abs(errors) <= 3.0) >= 8 / 9
    assert np.max(np.abs(errors)) <= 5.0


def test_snr_at_zero_decibels(tmp_path: Path) -> None:
    clip = np.pad(read(DATA / "sense_and_sensibility_01_austen_64kb-0870.wav").mono, 8000)
    clean = activity(tmp_path, clip)
    power = np.mean(clip[np.repeat(clean.speech, 320)[: len(clip)]] ** 2)
    noise = coloured("white", len(clip), np.random.default_rng(0)) * np.sqrt(power)
    result = activity(tmp_path, 0.3 * (clip + noise) / np.max(np.abs(clip + noise)))
    assert result.snr_db == pytest.approx(0.0, abs=3.0)


def test_loudness_does_not_change_the_judgement(tmp_path: Path) -> None:
    clip = read(DATA / "005.wav").mono
    loud, quiet = activity(tmp_path, clip), activity(tmp_path, 0.03 * clip)
    assert np.mean(loud.speech == quiet.speech) > 0.99
    assert loud.snr_db == pytest.approx(quiet.snr_db, abs=0.2)
    assert loud.speech_level_db is not None
    assert quiet.speech_level_db == pytest.approx(loud.speech_level_db + 20 * np.log10(0.03), abs=0.1)


@pytest.mark.parametrize("count", [1, 100, 319, 320, 321, 5000])
def test_very_short_recordings(count: int, tmp_path: Path) -> None:
    result = activity(tmp_path, 0.1 * np.ones(count))
    assert len(result.rms_db) == len(result.speech) == -(-count // 320)
    assert result.speech_seconds == 0.0
    with open_recording(tmp_path / "sound.wav") as recording:
        assert band_edge(recording).hz <= 8000


@pytest.mark.parametrize("cut", [3400, 4000, 5500, 7000, 11025])
def test_the_band_edge_of_upsampled_sound(cut: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    narrow = 0.1 * rng.standard_normal(2 * cut * 8)
    wide = soxr.resample(narrow, 2 * cut, 44100) + 1e-4 * rng.standard_normal(44100 * 8)
    found = edge(tmp_path, wide, 44100)
    assert found.hz == pytest.approx(cut, abs=0.06 * cut)
    assert found.step_db > 25
    assert found.nyquist_hz == 22050


def test_the_band_edge_of_telephone_speech_and_of_mp3(tmp_path: Path) -> None:
    speech = read(DATA / "agent-newlocation.wav", rate=16000).mono
    assert edge(tmp_path, speech, 16000).hz == pytest.approx(3950, abs=200)
    from synth.specimens import SPECIMENS, make

    mp3 = next(specimen for specimen in SPECIMENS if specimen.name == "mp3")
    full = 0.1 * np.random.default_rng(0).standard_normal(44100 * 4)
    with open_recording(make(mp3, full, 44100, tmp_path)) as recording:
        found = band_edge(recording)
    assert 14_000 < found.hz < 20_500
    assert found.step_db > 20


def test_full_band_noise_has_no_edge(tmp_path: Path) -> None:
    for kind in ("white", "pink"):
        found = edge(tmp_path, 0.1 * coloured(kind, 64_000, np.random.default_rng(0)), 16000)
        assert (found.hz, found.step_db) == (8000.0, 0.0)


def test_the_spectrum_of_a_tone_peaks_where_it_is(tmp_path: Path) -> None:
    write(tmp_path / "tone.wav", 0.5 * np.sin(2 * np.pi * 1234 * np.arange(48000) / 16000), 16000)
    with open_recording(tmp_path / "tone.wav") as recording:
        hertz, levels = long_term_spectrum(recording)
    assert hertz[np.argmax(levels)] == pytest.approx(1234, abs=16)
