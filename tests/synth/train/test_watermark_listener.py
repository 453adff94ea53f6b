"""Training of the learnt listener: what an example holds, and that a few steps learn something."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from synth.train import watermark_listener as training  # noqa: E402
from synth.watermark.carrier import BANDS, CHIP, CHIPS  # noqa: E402
from synth.watermark.listener import FEATURES, REACH_FRAMES  # noqa: E402


def test_crops_lie_on_the_tiles() -> None:
    """A sound whose level is the sign of its tile gives crops whose middle frame has the sign of the label."""
    rng = np.random.default_rng(2)
    signs = rng.choice([-1.0, 1.0], (BANDS, CHIPS)).astype(np.float32)
    first = 41.0
    frames = np.arange(500) + first
    seen = np.repeat(signs[None][:, :, (frames // CHIP).astype(int) % CHIPS], FEATURES, axis=0)
    one = training.Example(seen.astype(np.float32), first, signs, 1.0)
    for _ in range(5):
        cut, label = training.crop(one, rng)
        assert cut.shape == (FEATURES, BANDS, CHIP * (training.CROP - 1) + 2 * REACH_FRAMES + 1)
        np.testing.assert_array_equal(cut[0, :, REACH_FRAMES::CHIP][:, : training.CROP], label)


def test_every_channel_can_be_drawn() -> None:
    rng = np.random.default_rng(0)
    drawn = [training.drawn_channel(rng) for _ in range(400)]
    assert len({type(channel) for channel, _, _ in drawn}) >= 14
    speeds = [(pitch, tempo) for _, pitch, tempo in drawn if tempo != 1.0]
    assert any(pitch == tempo for pitch, tempo in speeds)
    assert any(pitch == 1.0 for pitch, _ in speeds)
