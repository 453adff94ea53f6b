"""Joins inside speech are located to the sample; recordings, clicks and joins in noise raise no alarm."""

from pathlib import Path

import numpy as np
import pytest
from method_clips import DATA, HUMAN, OTHER_READING, READING, Examine, Samples, clip, room_noise
from scipy.signal import firwin, lfilter

from forensics.exhibit import Exhibit
from forensics.methods.splice import Splice

EXAMPLES = DATA.parents[1] / "examples"
UNEDITED = [*sorted(DATA.glob("*.wav")), *(EXAMPLES / f"{name}.wav" for name in ("human", "machine", "telephone"))]


@pytest.mark.parametrize("name", HUMAN)
def test_unedited_recordings_have_no_join(examine: Examine, name: str) -> None:
    finding = examine(Splice(), *clip(name))
    assert finding.outcome == "consistent"
    assert finding.measurements["strongest_score"] < 4.5


@pytest.mark.parametrize(("cut", "resume"), [(56686, 37050), (25827, 24677), (82626, 30611)])
def test_a_join_inside_speech_is_located(examine: Examine, cut: int, resume: int) -> None:
    first, rate = clip(READING)
    second, _ = clip(OTHER_READING)
    finding = examine(Splice(), np.concatenate([first[:cut], second[resume:]]), rate)
    assert finding.outcome == "inconsistent"
    assert finding.measurements["joins_at_s"][0] == pytest.approx(cut / rate, abs=0.0005)
    assert finding.segments[0].start_s <= cut / rate <= finding.segments[0].end_s


def test_a_join_of_two_resonances_is_located_at_48_khz_stereo(examine: Examine) -> None:
    rate, cut = 48000, 71111
    rng = np.random.default_rng(5)
    poles = [1.0, -1.96, 0.98]
    left = lfilter([1.0], poles, rng.normal(0, 0.001, 3 * rate))
    right = lfilter([1.0], poles, rng.normal(0, 0.001, 3 * rate))
    mono = np.concatenate([left[:cut], right[cut + 40 :]])
    finding = examine(Splice(), np.stack([mono, 0.5 * mono], axis=1), rate, subtype="PCM_24")
    assert finding.measurements["strongest_at_s"] == pytest.approx(cut / rate, abs=0.001)


@pytest.mark.parametrize("path", UNEDITED, ids=lambda path: path.stem)
def test_no_unedited_file_has_a_peak_in_the_empty_band(path: Path) -> None:
    with Exhibit.open(path) as exhibit:
        finding = Splice().run(exhibit)
    assert finding.outcome == "consistent"
    assert (finding.measurements["highest_band_score_db"] or 0.0) < 11.0


def test_both_joins_of_the_example_show_by_both_evidences() -> None:
    with Exhibit.open(EXAMPLES / "spliced.wav") as exhibit:
        finding = Splice().run(exhibit)
    assert finding.outcome == "inconsistent"
    assert finding.measurements["joins_at_s"] == pytest.approx((4.1, 5.52), abs=0.005)
    assert finding.measurements["joins_by_prediction"] == finding.measurements["joins_by_empty_band"] == 2
    assert finding.measurements["highest_band_score_db"] > 30.0
    assert [figure.title for figure in finding.figures][1] == "Level of the empty band"


def _noise_below(edge_hz: float, rate: int, seed: int, seconds: float = 3.0) -> Samples:
    """Noise of -30 dBFS that a low-pass filter has ended, so that 16 bits leave the band above empty."""
    noise = np.random.default_rng(seed).normal(0.0, 0.04, round(seconds * rate))
    return np.convolve(noise, firwin(401, edge_hz, fs=rate, window=("kaiser", 9.0)), mode="same")


@pytest.mark.parametrize(("rate", "edge_hz"), [(16000, 7300.0), (44100, 19000.0), (48000, 12000.0)])
def test_a_join_in_noise_shows_above_the_band_edge(examine: Examine, rate: int, edge_hz: float) -> None:
    joined = np.concatenate([_noise_below(edge_hz, rate, 1), _noise_below(edge_hz, rate, 2)])
    finding = examine(Splice(), joined, rate)
    assert finding.outcome == "inconsistent"
    assert finding.measurements["joins_at_s"] == pytest.approx((3.0,), abs=0.005)
    assert finding.measurements["empty_band_from_hz"] == pytest.approx(edge_hz, rel=0.2)
    assert "empty band" in finding.reasons[0]


def test_the_same_noise_without_a_join_is_consistent(examine: Examine) -> None:
    finding = examine(Splice(), _noise_below(7300.0, 16000, 3, seconds=20.0), 16000)
    assert finding.outcome == "consistent"
    assert finding.measurements["highest_band_score_db"] < 8.0


def test_a_join_at_the_border_of_two_chunks_is_located_once(examine: Examine) -> None:
    rate = 16000
    for at in (7.99, 7.999, 8.003):
        joined = np.concatenate([_noise_below(7300.0, rate, 4, at), _noise_below(7300.0, rate, 5, 4.0)])
        finding = examine(Splice(), joined, rate)
        assert finding.measurements["joins_at_s"] == pytest.approx((at,), abs=0.005)


def test_a_click_with_energy_below_the_edge_as_well_scores_less(examine: Examine) -> None:
    samples = _noise_below(7300.0, 16000, 6)
    samples[24000:24004] += np.array([0.9, -0.7, 0.6, -0.5])
    finding = examine(Splice(), samples, 16000)
    assert finding.measurements["joins_by_empty_band"] == 0


def test_companded_and_full_band_files_say_that_there_is_no_empty_band(examine: Examine) -> None:
    finding = examine(Splice(), clip("vm-intro.wav")[0], 8000, subtype="ULAW")
    assert finding.measurements["empty_band_from_hz"] is None
    assert "pcm_mulaw" in finding.reasons[-1]
    finding = examine(Splice(), room_noise(3.0, 16000, -30.0, seed=7), 16000)
    assert finding.measurements["highest_band_score_db"] is None
    assert "was not searched" in finding.reasons[-1]


def test_clicks_are_no_joins(examine: Examine) -> None:
    samples, rate = clip(READING)
    for at in (10000, 30000, 50000, 70000):
        samples[at] += 0.2
    finding = examine(Splice(), samples, rate)
    assert finding.measurements["joins"] == 0


def test_a_join_in_noise_is_not_claimed(examine: Examine) -> None:
    rate = 16000
    joined = np.concatenate([room_noise(2.0, rate, -50.0, seed=1), room_noise(2.0, rate, -50.0, seed=2)])
    finding = examine(Splice(), joined, rate)
    assert finding.outcome == "consistent"
    assert "Joins inside silence or noise" in finding.reasons[0]


def test_many_breaks_are_inconclusive(examine: Examine) -> None:
    rng = np.random.default_rng(9)
    rate = 16000
    tone = [np.sin(2 * np.pi * 200 * np.arange(3200) / rate + phase) for phase in rng.uniform(0, 6.28, 20)]
    samples = 0.3 * np.concatenate(tone) + room_noise(4.0, rate, -75.0, seed=3)
    finding = examine(Splice(), samples, rate)
    assert finding.measurements["joins"] > 4
    assert finding.outcome == "inconclusive"


def test_short_recordings_are_outside_the_domain(examine: Examine) -> None:
    assert examine(Splice(), room_noise(0.3, 16000, -30.0, seed=4), 16000).outcome == "could_not_test"
