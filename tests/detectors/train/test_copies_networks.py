"""Small networks that copy: trained in steps that can be interrupted, and used as methods."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from detectors.train.copies.base import Family
from detectors.train.copies.fit_network import Course, Slices, fit
from detectors.train.copies.network import Network, build, trained
from detectors.train.copies.network_config import NETWORKS, NetworkConfig
from detectors.train.copies.registry import chosen
from detectors.train.copies.sources import Source
from synth.errors import VoxproofError

DATA = Path(__file__).parents[2] / "data"
TINY = {
    "fourier": NetworkConfig("fourier", (200,), 16, 1, mels=20, window=400),
    "transposed": NetworkConfig("transposed", (5, 8, 5), 16, 0, mels=20, window=400),
    "repeated": NetworkConfig("repeated", (5, 8, 5), 16, 0, mels=20, window=400),
    "codec": NetworkConfig("codec", (5, 8, 5), 16, 2),
}


@pytest.fixture(scope="module")
def slices() -> Slices:
    path = DATA / "sense_and_sensibility_01_austen_64kb-0870.wav"
    return Slices([Source(path, path.name, "austen", "reader", "en", "CC0-1.0", "train")], 16_000, 1)


@pytest.mark.parametrize("kind", TINY)
def test_a_stopped_training_goes_on_to_the_same_weights(kind: str, slices: Slices, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    whole = Course(steps=4, rows=2, save=4)
    straight = fit(kind, TINY[kind], slices, tmp_path / "a", whole)
    first = Course(steps=4, rows=2, save=2, keep=2)
    fit(kind, TINY[kind], slices, tmp_path / "b", first)
    (tmp_path / "b" / f"{kind}.safetensors").unlink()
    assert fit(kind, TINY[kind], slices, tmp_path / "b", first) == []  # all steps are done
    assert len(straight) == 4
    kept = Network(tmp_path / "b" / f"{kind}-at-2.safetensors")
    assert kept.step == 2

    half = tmp_path / "c"

    class StoppedError(Exception):
        pass

    original = slices.batch

    def stopping(rows: int, rng: np.random.Generator) -> torch.Tensor:
        if calls.append(1) or len(calls) > 2:
            raise StoppedError
        return original(rows, rng)

    calls: list[int] = []
    slices.batch = stopping  # type: ignore[method-assign]
    try:
        with pytest.raises(StoppedError):
            fit(kind, TINY[kind], slices, half, Course(steps=4, rows=2, save=2))
    finally:
        slices.batch = original  # type: ignore[method-assign]
    rest = fit(kind, TINY[kind], slices, half, Course(steps=4, rows=2, save=2))
    assert rest == pytest.approx(straight[2:], rel=1e-5)
    one, other = (load_file(folder / f"{kind}.safetensors") for folder in (tmp_path / "a", half))
    assert all(np.allclose(one[key], other[key], atol=1e-6) for key in one)

    network = trained(half)[0]
    assert (network.name, network.family, network.step) == (kind, Family.NETWORK, 4)
    clip = slices.clips[0][:20_123]
    made = network(clip, 16_000, network.draw(np.random.default_rng(1)), np.random.default_rng(1))
    assert made.size == clip.size
    assert np.array_equal(made, network(clip, 16_000, {}, np.random.default_rng(2)))
    assert [method.name for method in chosen([kind, "lpc"], [network])] == [kind, "lpc"]


def test_a_fourier_head_learns_the_magnitudes_of_one_clip(slices: Slices, tmp_path: Path) -> None:
    losses = fit("fourier", TINY["fourier"], slices, tmp_path, Course(steps=100, rows=2, save=100))
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:5])


def test_the_planned_networks_keep_the_time(slices: Slices) -> None:
    sound = torch.from_numpy(slices.clips[0][None, :6400])
    for name, config in NETWORKS.items():
        assert name.endswith(str(config.hop))
        with torch.inference_mode():
            assert build(config).eval()(sound)[0].shape == (1, 6400 // config.hop * config.hop)


def test_other_files_and_settings_are_refused(slices: Slices, tmp_path: Path) -> None:
    with pytest.raises(VoxproofError, match="holds no weights"):
        trained(tmp_path)
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(VoxproofError, match="is no network that copies"):
        trained(tmp_path)
    with pytest.raises(VoxproofError, match="no network is of the kind wave"):
        build(NetworkConfig("wave", (2,), 8, 1))
    fit("fourier", TINY["fourier"], slices, tmp_path / "a", Course(steps=1, rows=1, save=1))
    with pytest.raises(VoxproofError, match="steps was 1 and is now 2"):
        fit("fourier", TINY["fourier"], slices, tmp_path / "a", Course(steps=2, rows=1, save=1))
