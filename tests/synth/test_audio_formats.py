"""Every promised format: exact samples from lossless ones, the same sound and length from lossy ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soxr

from synth.audio import open_recording, read
from synth.specimens import SPECIMENS, Specimen, make

DATA = Path(__file__).parents[1] / "data"
LOSSLESS = [s for s in SPECIMENS if s.bit_depth is not None]
LOSSY = [s for s in SPECIMENS if s.bit_depth is None]

LEAST_SNR_DB = {
    "wav-alaw": 33.0, "wav-mulaw": 33.0, "wav-gsm": 5.0, "wav-adpcm": 12.0, "au-mulaw": 33.0, "mp3": 8.0, "m4a": 17.0,
    "adts": 17.0, "vorbis": 13.0, "opus": 18.0, "webm": 18.0, "mkv": 17.0, "mp4-video": 17.0, "amr": 1.5, "3gp": 1.5,
    "wma": 16.0, "gsm": 5.0, "alaw": 33.0, "mulaw": 33.0, "g722": 13.0, "ac3": 30.0, "avi": 8.0, "ts": 17.0,
}  # fmt: skip
"""Measured on this clip, with some dB to spare; a wrong decoder or rate gives about 0 dB."""


@pytest.fixture(scope="module")
def clip() -> np.ndarray:
    return read(DATA / "005.wav").mono[:32000]


def snr_db(wanted: np.ndarray, got: np.ndarray, rate: int) -> float:
    """Signal to error after alignment within 0.2 s and a common gain."""
    size = 1 << int(np.ceil(np.log2(len(wanted) + len(got))))
    correlation = np.fft.irfft(np.fft.rfft(got, size) * np.conj(np.fft.rfft(wanted, size)))
    lags = np.arange(size)
    lags[size // 2 :] -= size
    correlation[np.abs(lags) > 0.2 * rate] = -np.inf
    lag = int(lags[np.argmax(correlation)])
    got = np.pad(got, (max(0, -lag), 0))[max(0, lag) :]
    common = min(len(wanted), len(got))
    wanted, got = wanted[:common], got[:common]
    gain = float(wanted @ got / (got @ got))
    return float(10 * np.log10((wanted @ wanted) / np.sum((wanted - gain * got) ** 2)))


def stereo(clip: np.ndarray) -> np.ndarray:
    return np.stack([clip, -0.5 * clip], axis=1)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("specimen", LOSSLESS, ids=lambda s: s.name)
def test_lossless_formats_give_back_every_sample(
    specimen: Specimen, channels: int, clip: np.ndarray, tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    dither = rng.uniform(-(2.0**-16), 2.0**-16, len(clip))
    sound = (clip + dither)[:, None] if channels == 1 else stereo(clip + dither)
    path = make(specimen, sound, 16000, tmp_path)
    with open_recording(path) as recording:
        facts = recording.facts
        got = recording.samples(0, recording.frames).astype(np.float64)
        native = recording.native(0, recording.frames)
    assert (facts.container, facts.codec, facts.bit_depth) == (specimen.container, specimen.codec, specimen.bit_depth)
    assert (facts.sample_rate, facts.channels, facts.lossless) == (16000, channels, True)
    assert facts.header_seconds == pytest.approx(2.0, abs=0.002)
    assert native.shape == (32000, channels)
    assert not facts.notes
    assert specimen.bit_depth is not None
    if specimen.name == "wav-f64":
        assert np.array_equal(native, sound)
    elif specimen.name == "wav-f32":
        assert np.array_equal(native, sound.astype(np.float32))
    else:
        step = 2.0 ** (1 - min(specimen.bit_depth, 24))
        limit = 1.0 if specimen.name == "wav-u8" else 0.5
        assert np.max(np.abs(got - np.clip(sound, -1, 1 - step))) <= limit * step + 2.0**-24
    if specimen.bit_depth == 24:
        whole = np.clip(np.round(sound * 2**23), -(2**23), 2**23 - 1).astype(np.int64)
        assert native.dtype == np.int32
        assert np.array_equal(native.astype(np.int64), whole * 256)
        assert facts.effective_bits == 24
    if specimen.bit_depth == 16:
        whole = np.clip(np.round(sound * 2**15), -(2**15), 2**15 - 1).astype(np.int64)
        assert np.array_equal(native.astype(np.int64), whole)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("specimen", LOSSY, ids=lambda s: s.name)
def test_lossy_formats_give_the_same_sound(specimen: Specimen, channels: int, clip: np.ndarray, tmp_path: Path) -> None:
    if channels > specimen.most_channels:
        pytest.skip("the codec is mono")
    path = make(specimen, clip if channels == 1 else stereo(clip), 16000, tmp_path)
    with open_recording(path) as recording:
        facts = recording.facts
        got = recording.samples(0, recording.frames)
    rate = specimen.rate or 16000
    assert (facts.container, facts.codec, facts.bit_depth) == (specimen.container, specimen.codec, None)
    assert (facts.sample_rate, facts.channels, facts.lossless) == (rate, channels, False)
    assert len(got) / rate == pytest.approx(2.0, abs=0.13)
    if facts.header_seconds is not None:
        assert facts.header_seconds == pytest.approx(len(got) / rate, abs=0.1)
    wanted = clip if rate == 16000 else soxr.resample(clip, 16000, rate)
    assert snr_db(wanted, got[:, 0], rate) > LEAST_SNR_DB[specimen.name]
    if channels == 2:
        assert snr_db(-0.5 * wanted, got[:, 1], rate) > 4.0  # joint stereo gives the quieter channel fewer bits


@pytest.mark.parametrize("name", ["m4a", "opus", "mkv-pcm"])
def test_eight_channels_are_read_each_in_its_place(name: str, clip: np.ndarray, tmp_path: Path) -> None:
    """7.1 surround: the decoder's pointers to eight planes end without a null, which once crashed the child."""
    specimen = next(s for s in SPECIMENS if s.name == name)
    gains = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2])
    with open_recording(make(specimen, clip[:, None] * gains, 16000, tmp_path)) as recording:
        assert recording.facts.channels == 8
        got = recording.samples(0, recording.frames)
    levels = np.sqrt(np.mean(got.astype(np.float64) ** 2, axis=0))
    kept = np.delete(np.arange(8), 3)  # the low-frequency channel of lossy codecs loses most of a voice
    assert levels[kept] / levels[0] == pytest.approx(gains[kept] / 0.9, rel=0.15)


@pytest.mark.parametrize("name", ["mp4-video", "mov-video", "mkv-video", "avi"])
def test_the_sound_of_a_video_is_read_and_the_picture_named(name: str, clip: np.ndarray, tmp_path: Path) -> None:
    specimen = next(s for s in SPECIMENS if s.name == name)
    with open_recording(make(specimen, clip, 16000, tmp_path)) as recording:
        assert recording.facts.other_streams == ("video: mpeg4",)


def test_a_padded_24_bit_file_is_known_to_hold_16(clip: np.ndarray, tmp_path: Path) -> None:
    specimen = next(s for s in SPECIMENS if s.name == "flac-24")
    sixteen = np.round(clip * 2**15) / 2**15
    with open_recording(make(specimen, sixteen, 16000, tmp_path)) as recording:
        assert (recording.facts.bit_depth, recording.facts.effective_bits) == (24, 16)


def test_libsndfile_reads_what_ffmpeg_refuses(clip: np.ndarray, tmp_path: Path) -> None:
    import soundfile

    path = tmp_path / "clip.pvf"
    soundfile.write(path, clip, 16000, format="PVF", subtype="PCM_16")
    with open_recording(path) as recording:
        assert recording.facts.decode_path.startswith("libsndfile")
        assert recording.facts.decode_path.endswith("PVF PCM_16")
        assert np.array_equal(recording.native(0, 32000)[:, 0], np.round(clip * 32768).astype(np.int16))


def test_the_decode_path_names_library_and_codec(clip: np.ndarray, tmp_path: Path) -> None:
    specimen = next(s for s in SPECIMENS if s.name == "m4a")
    with open_recording(make(specimen, clip, 16000, tmp_path)) as recording:
        path = recording.facts.decode_path
    assert path.startswith("FFmpeg ")
    assert " via PyAV " in path
    assert path.endswith(": aac")


def test_encoder_tags_are_kept(clip: np.ndarray, tmp_path: Path) -> None:
    specimen = next(s for s in SPECIMENS if s.name == "mp3")
    with open_recording(make(specimen, clip, 16000, tmp_path)) as recording:
        assert recording.facts.tags["encoder"].startswith("Lav")
