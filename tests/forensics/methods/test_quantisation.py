"""Grids of codes are named for whole files and located where they change; continuous recordings raise no alarm."""

import numpy as np
import pytest
from method_clips import HUMAN, Examine, Samples, clip, room_noise

from forensics.methods._codes import law_table
from forensics.methods.quantisation import Quantisation

RATE = 16000


def noise(seconds: float, seed: int, level_db: float = -30.0) -> Samples:
    """Noise rounded to 16 bits, as integers."""
    return np.round(room_noise(seconds, RATE, level_db, seed) * 32767)


def companded(codes: Samples, law: str) -> Samples:
    """The nearest values of a law's table."""
    values = np.flatnonzero(law_table(law)) - 32768  # type: ignore[arg-type]
    right = np.clip(np.searchsorted(values, codes), 1, len(values) - 1)
    left = right - 1
    return np.where(codes - values[left] < values[right] - codes, values[left], values[right]).astype(np.float64)


def mixed(first: Samples, other: Samples, start_s: float, end_s: float) -> Samples:
    """A passage of the first replaced by the same passage of the other."""
    out = first.copy()
    out[round(start_s * RATE) : round(end_s * RATE)] = other[round(start_s * RATE) : round(end_s * RATE)]
    return out


@pytest.mark.parametrize("name", HUMAN)
def test_unedited_recordings_have_one_grid(examine: Examine, name: str) -> None:
    finding = examine(Quantisation(), *clip(name))
    assert finding.outcome == "consistent"
    assert finding.measurements["grid_changes"] == 0


def test_tables_of_the_laws_have_the_values_of_the_recommendation() -> None:
    mu, a = law_table("mu-law"), law_table("A-law")
    assert (int(mu.sum()), int(a.sum())) == (255, 256)
    assert mu[32768]
    assert mu[32768 + 8]
    assert mu[32768 + 32124]
    assert not mu[32768 + 32123]
    assert a[32768 + 8]
    assert a[32768 - 32256]
    assert not a[32768]


@pytest.mark.parametrize(
    ("gain", "decibels"), [(10 ** (3 / 20), 3.0), (10 ** (4.5 / 20), 4.5), (10 ** (7.3 / 20), 7.3)]
)
def test_a_digital_gain_is_named_and_measured(examine: Examine, gain: float, decibels: float) -> None:
    finding = examine(Quantisation(), np.round(noise(5.0, 1) * gain) / 32768, RATE)
    assert finding.outcome == "consistent"
    assert finding.measurements["gain_db"] == pytest.approx(decibels, abs=0.02)
    assert finding.measurements["unused_codes_share"] == pytest.approx(1 - 1 / gain, abs=0.02)
    assert "digital gain" in finding.traces[0]


def test_an_attenuation_leaves_a_comb_without_empty_codes(examine: Examine) -> None:
    finding = examine(Quantisation(), np.round(noise(5.0, 2) * 0.708) / 32768, RATE)
    assert finding.measurements["comb_cycles_per_code"] == pytest.approx(1 / 0.708 - 1, abs=0.001)
    assert finding.measurements["unused_codes_share"] == 0
    assert finding.measurements["gain_db"] is None
    assert finding.outcome == "consistent"


@pytest.mark.parametrize(("law", "subtype"), [("mu-law", "PCM_16"), ("A-law", "PCM_24")])
def test_a_companding_law_is_named(examine: Examine, law: str, subtype: str) -> None:
    finding = examine(Quantisation(), companded(noise(4.0, 3, -20.0), law) / 32768, RATE, subtype=subtype)
    assert finding.outcome == "consistent"
    assert finding.measurements["companding_law"] == law
    assert finding.traces == (f"{law} (G.711) coding once, decoded to linear samples",)


@pytest.mark.parametrize(("step", "said"), [(256, "8-bit"), (8, "13-bit"), (16, "12-bit")])
def test_padded_bits_are_named(examine: Examine, step: int, said: str) -> None:
    finding = examine(Quantisation(), np.round(noise(4.0, 4, -20.0) / step) * step / 32768, RATE)
    assert finding.outcome == "consistent"
    assert finding.measurements["bits_used"] == 16 - round(np.log2(step))
    assert said in finding.traces[0]


def test_sixteen_bits_in_twenty_four(examine: Examine) -> None:
    finding = examine(Quantisation(), noise(4.0, 5) / 32768, RATE, subtype="PCM_24")
    assert finding.measurements["bits_used"] == 16
    assert "16-bit sound in a 24-bit file" in finding.traces[0]


@pytest.mark.parametrize("kind", ["gain", "8 bits", "mu-law", "A-law"])
def test_a_passage_on_another_grid_is_located(examine: Examine, kind: str) -> None:
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 0.7 * np.arange(8 * RATE) / RATE)
    own = np.round(noise(8.0, 6, -20.0) * swell)
    other = {
        "gain": lambda: np.round(own * 1.37),
        "8 bits": lambda: np.round(own / 256) * 256,
        "mu-law": lambda: companded(own, "mu-law"),
        "A-law": lambda: companded(own, "A-law"),
    }[kind]()
    finding = examine(Quantisation(), mixed(own, other, 2.6, 5.13) / 32768, RATE)
    assert finding.outcome == "inconsistent"
    assert finding.measurements["grid_changes"] == 2
    centres = [(segment.start_s + segment.end_s) / 2 for segment in finding.segments]
    assert centres == pytest.approx([2.6, 5.13], abs=0.03)


def test_silence_and_a_quiet_stretch_do_not_break_a_comb(examine: Examine) -> None:
    sound = np.round(noise(8.0, 7) * 1.37)
    sound[3 * RATE : 4 * RATE] = 0
    sound[5 * RATE : 6 * RATE] = np.round(np.round(noise(1.0, 8, -84.0)) * 1.37)
    finding = examine(Quantisation(), sound / 32768, RATE)
    assert finding.outcome == "consistent"
    assert finding.traces


def test_lossy_and_floating_point_recordings_are_outside_the_domain(examine: Examine) -> None:
    lossy = examine(Quantisation(), noise(4.0, 9) / 32768, 8000, subtype="ULAW")
    assert lossy.outcome == "could_not_test"
    floating = examine(Quantisation(), noise(4.0, 10) / 32768, RATE, subtype="FLOAT")
    assert floating.outcome == "could_not_test"
    assert "no integers" in floating.reasons[0]


def test_eight_bit_files_are_counted_without_a_comb(examine: Examine) -> None:
    finding = examine(Quantisation(), noise(4.0, 11, -12.0) / 32768, RATE, subtype="PCM_U8")
    assert finding.outcome == "consistent"
    assert finding.measurements["bit_depth"] == 8
    assert finding.traces == ()


def test_channels_are_examined_apart(examine: Examine) -> None:
    own = noise(8.0, 12, -20.0)
    second = mixed(own, np.round(own / 16) * 16, 3.0, 5.0)
    finding = examine(Quantisation(), np.stack([own, second], axis=1) / 32768, RATE)
    assert finding.outcome == "inconsistent"
    assert finding.measurements["grid_changes"] == 2
