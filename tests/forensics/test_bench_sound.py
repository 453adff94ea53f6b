"""The bench of the measures mixes to the SNR that it says, and counts frames and errors as it says."""

from pathlib import Path

import numpy as np
import pytest

from forensics.benches import sound
from forensics.benches.battery.clips import Clip
from forensics.benches.sound import RATE, Agreement, Clean, SnrRow, agreement, babble, coloured, markdown, mix
from synth.errors import VoxproofError
from synth.measures import Activity

FRAMES, HOP = 200, 320


def clean(seed: int = 1, floor_db: float = -120.0) -> Clean:
    """Four seconds: a tone of 1 kHz with a power of -20 dB in the second and third, silence around."""
    speech = np.zeros(FRAMES, dtype=bool)
    speech[50:150] = True
    tone = np.sqrt(2) * 0.1 * np.sin(2 * np.pi * 1000 * np.arange(FRAMES * HOP) / RATE + seed)
    samples = (tone * np.repeat(speech, HOP)).astype(np.float32)
    activity = Activity(
        rms_db=np.full(FRAMES, -20, np.float32), speech=speech, noise_floor_db=floor_db, speech_level_db=-20.0,
        snr_db=60.0, speech_seconds=2.0, seconds=4.0, silent_fraction=0.0, clipped_fraction=0.0, peak=0.1, dc=(0.0,),
    )  # fmt: skip
    return Clean(samples, activity, Clip(Path(f"{seed}.wav"), "made", f"s{seed}", RATE, 4.0))


def band_db(samples: np.ndarray, low: float, high: float) -> float:
    power = np.abs(np.fft.rfft(samples)) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
    return float(10 * np.log10(power[(hertz >= low) & (hertz < high)].mean()))


@pytest.mark.parametrize("level", [0, 10, 30])
def test_a_mix_has_the_snr_that_was_asked_for(level: int) -> None:
    clip = clean()
    noise = coloured("white", len(clip.samples), np.random.default_rng(3))
    mixed = mix(clip, noise, level)
    gain = 0.9 / np.abs(mixed).max() if np.abs(mixed).max() > 0.9 else 1.0
    rest = mixed[: 40 * HOP] * gain  # before the tone there is only noise; all of it but the hundredth below 80 Hz
    assert 10 * np.log10(np.mean(rest**2)) == pytest.approx(-20 - level, abs=0.3)


def test_the_floor_of_the_recording_counts_as_noise() -> None:
    noise = coloured("white", FRAMES * HOP, np.random.default_rng(3))
    half = mix(clean(floor_db=-40.0103 - 3.0103), noise, 20) - clean().samples
    assert 10 * np.log10(np.mean(half[: 40 * HOP] ** 2)) == pytest.approx(-43.0, abs=0.3)
    assert np.array_equal(mix(clean(floor_db=-30.0), noise, 20), clean().samples)  # more floor than is allowed already


def test_noises_have_their_slopes() -> None:
    rng = np.random.default_rng(2)
    for name, octave in (("white", 0.0), ("pink", -3.01), ("brown", -6.02)):
        noise = coloured(name, 10 * RATE, rng)
        fall = band_db(noise, 2000, 4000) - band_db(noise, 500, 1000)
        assert fall == pytest.approx(2 * octave, abs=0.3), name


def test_babble_holds_eight_voices_of_equal_power() -> None:
    voices = [clean(seed) for seed in range(12)]
    total = babble(voices, 10 * RATE, np.random.default_rng(1))
    assert total.shape == (10 * RATE,)
    again = babble(voices, 10 * RATE, np.random.default_rng(1))
    assert np.array_equal(total, again)
    loud = [Clean(voice.samples * (1 + index), voice.activity, voice.clip) for index, voice in enumerate(voices)]
    assert np.allclose(babble(loud, 10 * RATE, np.random.default_rng(1)), total, atol=1e-4)


def test_recordings_in_which_no_speech_was_found_are_failures() -> None:
    row = SnrRow("pink", 0, (0.5, -2.9, 3.1), 4)
    assert row.within == 0.5
    assert row.mean_error_db == pytest.approx(0.2333, abs=1e-3)


def test_frames_of_two_detectors_are_counted() -> None:
    def theirs(samples: np.ndarray) -> np.ndarray:
        mask = np.zeros(FRAMES, dtype=bool)
        mask[60:180] = True  # ours: 50 to 150
        return mask

    counted = agreement([clean(), clean()], theirs)
    assert counted == Agreement(2, 400, 180, 200, 240)
    assert counted.agree == pytest.approx((2 * (50 + 90 + 20)) / 400)
    rows = [SnrRow(noise, level, (1.0,), 1) for noise in sound.NOISES for level in sound.LEVELS_DB]
    text = markdown([clean()], rows, counted)
    assert "| pink | 100 %, +1.0 | 100 %, +1.0 |" in text
    assert "80.0 % agree; of the frames that we mark, 90.0 % are speech to silero-vad" in text
    assert "of its frames we mark 75.0 %" in text


def test_a_missing_silero_is_said_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(f"No module named '{name}'")

    monkeypatch.setattr(sound, "import_module", missing)
    with pytest.raises(VoxproofError, match="pip install silero-vad"):
        sound.silero()


def test_noisy_recordings_and_too_few_are_refused() -> None:
    data = Path(__file__).parents[1] / "data"
    paths = sorted(data.glob("sense*.wav"))
    clips = [Clip(path, "librivox", "librivox/r", 16000, 5.0) for path in paths]
    with pytest.raises(VoxproofError, match="at least 9 are needed"):
        sound.clean_clips(clips, 60, 1)
