"""The learnt listener: the same in NumPy as in PyTorch, deaf to level, and worth more than the linear filters."""

from pathlib import Path

import numpy as np
import pytest

from synth.audio import read
from synth.channels import Noise
from synth.watermark import listener, masking
from synth.watermark.carrier import BANDS, CHIP, CHIPS, Layout, layout, opened, powers
from synth.watermark.embed import marked_channel
from synth.watermark.keys import DetectionKey
from synth.watermark.listening import answers

DATA = Path(__file__).parents[2] / "data"
RATE = 16_000


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return np.concatenate(
        [read(DATA / f"sense_and_sensibility_01_austen_64kb-{n}.wav", RATE).mono for n in ("0870", "0880")]
    ).astype(np.float32)


@pytest.fixture(scope="module")
def lay() -> Layout:
    return layout(DetectionKey("0" * 16, 0, bytes(32)))


def test_every_frame_and_one_grid_of_tiles_agree(sound: np.ndarray) -> None:
    seen = listener.features(listener.Heard(powers(sound[: 2 * RATE])).levels())
    assert seen.shape[:2] == (listener.FEATURES, BANDS)
    assert np.abs(seen).max() <= 2.5
    whole = listener.everywhere(seen)
    assert whole.shape == seen.shape[1:]
    np.testing.assert_allclose(listener.expected_signs(seen, 1, 60)[:, :56], whole[:, 1::CHIP][:, :56], atol=1e-5)
    assert np.abs(whole).max() < 1
    before = listener.expected_signs(seen, -2, 8)
    assert before.shape == (BANDS, 8)
    assert np.isfinite(before).all()


def test_answers_do_not_depend_on_level(sound: np.ndarray) -> None:
    loud, soft = (listener.Heard(powers(sound[:RATE] * np.float32(g))).signs for g in (1.0, 0.03))
    np.testing.assert_allclose(loud, soft, atol=1e-3)


def test_it_hears_more_than_the_linear_filters(sound: np.ndarray, lay: Layout) -> None:
    marked = marked_channel(sound.astype(np.float64), RATE, lay.signs, lay)[0].astype(np.float32)
    heard = listener.Heard(powers(Noise(10.0)(marked, RATE, 3)[0]))
    chips = heard.signs.shape[1] // CHIP
    signs = np.tile(lay.signs, (1, -(-chips // CHIPS)))[:, :chips]

    def score(answer: np.ndarray) -> float:
        tiles = answer[:, 1::CHIP][:, :chips]
        return float((tiles * signs).sum() / np.sqrt((tiles**2).sum()))

    linear = score(answers(heard.levels()))
    assert linear > 5
    assert score(heard.signs) > 1.2 * linear


def test_numpy_network_is_the_torch_network(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    from synth.train import watermark_listener as training

    torch.manual_seed(1)
    network = training.Network()
    with torch.no_grad():
        for bias in network.biases:
            bias.normal_(0, 0.3)
    monkeypatch.setattr(listener, "weights", network.arrays)
    rng = np.random.default_rng(0)
    one = training.example((0.1 * rng.standard_normal(3 * RATE)).astype(np.float32), rng)
    seen = one.seen[:, :, : 3 * 39 + 15]
    with torch.no_grad():
        odds = network(torch.tensor(seen[None]))[0].numpy()
    ours = listener.expected_signs(seen, listener.REACH_FRAMES, 40)
    np.testing.assert_allclose(ours, np.tanh(odds / 2), atol=1e-5)


def test_loss_follows_the_strength(sound: np.ndarray) -> None:
    """Nothing changed loses nothing, and the loss of an envelope grows with the square of the change."""
    spectra = opened(sound[: 2 * RATE])
    mask = masking.Mask(spectra)
    rng = np.random.default_rng(5)
    gains = mask.gains(rng.choice([-1.0, 1.0], (BANDS, mask.chips)).astype(np.float32))
    power = np.abs(spectra) ** 2
    assert masking.loss(power, power) == pytest.approx(0, abs=1e-5)
    half, whole = (masking.loss(power, power * mask.per_bin(g * gains) ** 2) for g in (np.float32(0.5), np.float32(1)))
    assert 0 < half < whole
    assert whole / half == pytest.approx(4, rel=0.25)
