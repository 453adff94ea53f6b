"""Find the listener's filters: `python -m synth.train.watermark SPEECH... --out watermark.safetensors`.

By least squares: every recording (6 s of it) is marked with random signs, sent through codecs and noise, and the sign
of each tile is regressed on the levels around it; the pooled normal equations give one filter for each part of the
band. What ships was made from the first 16 recordings of LibriSpeech train-clean-100 that the bench leaves out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from synth.audio import read
from synth.channels import AmrNb, Channel, Gain, Noise, Opus
from synth.watermark.carrier import BANDS, CHIP, RATE, Array, closed, opened, powers
from synth.watermark.embed import wished
from synth.watermark.listening import GROUP, REACH_BANDS, REACH_FRAMES, band_levels
from synth.watermark.masking import Mask

SECONDS = 6
RIDGE = 3e-3
CHANNELS: tuple[Channel, ...] = (
    *(Gain(1.0), AmrNb(12_200), AmrNb(5900), Opus(12_000)),
    *(Noise(10.0, -3.0), Noise(10.0)),
)
SHAPE = (2 * REACH_BANDS + 1, 2 * REACH_FRAMES + 1)


def filters(recordings: Sequence[Array], seed: int = 0) -> Array:
    """Recordings at 16 kHz, each [time] -> filters [groups, *SHAPE]."""
    rng = np.random.default_rng(seed)
    groups, size = int(GROUP.max()) + 1, SHAPE[0] * SHAPE[1]
    squares, products = np.zeros((groups, size, size)), np.zeros((groups, size))
    for sound in recordings:
        spectra = opened(sound)
        mask = Mask(spectra)
        signs = rng.choice([-1.0, 1.0], (BANDS, mask.chips)).astype(np.float32)
        factor = mask.per_bin(mask.gains(wished(signs, mask.chips)))
        marked = sound + closed((spectra * (factor - 1)).astype(np.complex64), sound.size)
        for channel in CHANNELS:
            around = _neighbourhoods(channel(marked, RATE, 1)[0])
            for group in range(groups):
                inside = group == GROUP
                rows = around[inside].reshape(-1, size)
                squares[group] += rows.T @ rows
                products[group] += rows.T @ signs[inside, : around.shape[1]].reshape(-1)
    ridge = RIDGE * np.trace(squares, axis1=1, axis2=2)[:, None, None] / size * np.eye(size)
    solved: NDArray[np.float64] = np.linalg.solve(squares + ridge, products[..., None])
    return solved.reshape(groups, *SHAPE).astype(np.float32)


def _neighbourhoods(sound: Array) -> Array:
    """Levels around the centre of each tile: [time] -> [BANDS, chips, *SHAPE]."""
    excess = band_levels(powers(sound)).excess
    padded = np.pad(excess, ((REACH_BANDS, REACH_BANDS), (REACH_FRAMES, REACH_FRAMES)), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, SHAPE)[:, CHIP // 2 :: CHIP]


@click.command()
@click.argument("speech", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--seed", type=int, default=0, show_default=True)
def main(speech: tuple[Path, ...], out: Path, seed: int) -> None:
    """Make the filters of `synth/weights/watermark.safetensors` from recordings of SPEECH."""
    save_file({"filters": filters([read(path, RATE).mono[: SECONDS * RATE] for path in speech], seed)}, out)


if __name__ == "__main__":
    main()
