"""Weights in 8 bits: how exact they are, what stays as it is, what is refused."""

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from synth.errors import VoxproofError  # noqa: E402
from synth.packing import SCALE, SMALLEST, STEPS, packed, unpacked  # noqa: E402


@given(st.integers(0, 2**31 - 1), st.floats(1e-6, 1e6), st.sampled_from([(64, 64), (3, 700), (64, 8, 5)]))
def test_every_number_is_within_half_a_step_of_its_row(seed: int, size: float, shape: tuple[int, ...]) -> None:
    value = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * size
    again = unpacked(packed({"w": value}))["w"]
    step = value.abs().flatten(1).amax(1) / 127
    assert bool(((again - value).abs().flatten(1) <= 0.501 * step[:, None] + 1e-8).all())


def test_what_is_rounded_and_what_is_not() -> None:
    wide, bias, small = torch.randn(64, 64), torch.randn(5000), torch.randn(4, 4)
    state = {"a.weight": wide, "a.bias": bias, "small": small, "exact.weight": wide, "count": torch.arange(5)}
    made = packed(state, ("exact.",))
    assert made.keys() == {"a.weight" + STEPS, "a.weight" + SCALE, "a.bias", "small", "exact.weight", "count"}
    assert made["a.weight" + STEPS].dtype == torch.int8
    assert made["a.bias"].dtype == made["small"].dtype == torch.float16
    again = unpacked(made)
    assert again.keys() == state.keys()
    assert torch.equal(again["exact.weight"], wide)
    assert torch.equal(again["count"], torch.arange(5))
    assert wide.numel() > SMALLEST > small.numel()


def test_what_must_be_exact_takes_16_bits_where_they_hold_it() -> None:
    short, long = torch.randn(8, 8).half().float(), torch.randn(8, 8)
    made = packed({"exact.a": short, "exact.b": long}, ("exact.",))
    assert (made["exact.a"].dtype, made["exact.b"].dtype) == (torch.float16, torch.float32)
    again = unpacked(made)
    assert torch.equal(again["exact.a"], short)
    assert torch.equal(again["exact.b"], long)
    assert again["exact.a"].dtype == torch.float32


def test_zeros_stay_zeros() -> None:
    assert torch.equal(unpacked(packed({"w": torch.zeros(64, 64)}))["w"], torch.zeros(64, 64))


@pytest.mark.parametrize("broken", ["steps alone", "scale alone", "scale too long"])
def test_steps_and_scales_that_do_not_go_together_are_refused(broken: str) -> None:
    made = packed({"w": torch.randn(64, 64)})
    if broken == "steps alone":
        del made["w" + SCALE]
    elif broken == "scale alone":
        del made["w" + STEPS]
    else:
        made["w" + SCALE] = torch.ones(65)
    with pytest.raises(VoxproofError, match="scale"):
        unpacked(made)
