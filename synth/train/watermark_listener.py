"""Train the learnt listener: `python -m synth.train.watermark_listener SPEECH... --out watermark.safetensors`.

Every recording is marked with random keys, sent through a randomly drawn channel (noise of 0 to 25 dB, telephone codecs
of every mode, music codecs, filters, rooms, clipping, few bits, changes of speed), and the network learns the sign of
every tile by logistic loss. What ships was made from the first 64 of the recordings that the bench leaves out; the
other 16 showed what it is worth. It came of two goes, 9 minutes on 1,368 examples and 11 minutes on these and 1,026
more whose marks were weighted by level (docs/watermark.md); one go of this command makes another network of the same
kind. The linear filters in the same file stay as they are.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
import soxr
import torch
from safetensors.numpy import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from synth.audio import read
from synth.channels import G711, Aac, AmrNb, Band, Channel, Echo, Gain, Gsm, Mp3, Noise, Opus, Quantise, Room, Smooth
from synth.channels import Vorbis as OggVorbis
from synth.channels.tempo import at_tempo as stretched
from synth.watermark.carrier import BANDS, CHIP, CHIPS, HOP, PERIOD, RATE, Array, layout, powers
from synth.watermark.coding import CODED_BITS
from synth.watermark.embed import marked_channel
from synth.watermark.keys import DetectionKey
from synth.watermark.listener import FEATURES, REACH_BANDS, REACH_FRAMES, features
from synth.watermark.listening import WEIGHTS, at_tempo, band_levels

SECONDS = 8
CHANNELS_OUT = 16
MIDDLE = 3
"""Layers between the first and the last."""
CROP = 96
"""Tiles in time of one example."""
BATCH = 16
AMR_WEIGHT = 2.5
"""How much more often speech after AMR is drawn, which is the hardest."""
AMR_MODES = (4750, 5150, 5900, 6700, 7400, 7950, 10_200, 12_200)


@dataclass(frozen=True)
class Example:
    """A marked recording after a channel."""

    seen: Array
    """[FEATURES, BANDS, frames]"""
    first: float
    """Frame, on the embedded time axis, of the sound's first one."""
    signs: Array
    """[BANDS, CHIPS] of a period."""
    weight: float


def drawn_channel(rng: np.random.Generator) -> tuple[Channel, float, float]:
    """A channel, and by how much it changes pitch and tempo."""
    kind = int(rng.integers(20))
    if kind < 5:
        return Noise(float(rng.uniform(0, 25)), float(rng.choice([0.0, -3.0, -3.0, -6.0]))), 1.0, 1.0
    if kind < 9:
        return AmrNb(int(rng.choice(AMR_MODES))), 1.0, 1.0
    if kind < 18:
        cut = float(rng.uniform(450, 3000)), float(rng.uniform(250, 1600))
        some: tuple[tuple[Channel, ...], ...] = (
            (Gsm(),),
            tuple(Opus(rate) for rate in (6000, 9000, 12_000, 16_000, 24_000)),
            (Mp3(32_000), Mp3(64_000), Aac(32_000), OggVorbis(0.1)),
            (Band(None, cut[0]),),
            (Band(cut[1], None), Band(cut[1], 3400.0)),
            (Quantise(7), Quantise(8), Quantise(8), Quantise(10)),
            (Room(float(rng.uniform(0.2, 0.7))),),
            (Gain(10.0), Gain(30.0), Echo(), Smooth(), G711("mu")),
            (Gain(1.0),),
        )
        chosen = some[kind - 9]
        return chosen[int(rng.integers(len(chosen)))], 1.0, 1.0
    speed = float(np.exp(rng.uniform(-0.22, 0.24)))
    return Gain(1.0), speed if kind == 18 else 1.0, speed if kind == 18 else float(np.exp(rng.uniform(-0.15, 0.15)))


def example(sound: Array, rng: np.random.Generator) -> Example:
    """Sound at 16 kHz [time], marked under a new key and changed."""
    lay = layout(DetectionKey("0" * 16, 0, rng.bytes(32)))
    pattern = lay.pattern(rng.integers(0, 2, CODED_BITS))
    marked = marked_channel(sound.astype(np.float64), RATE, pattern, lay)[0].astype(np.float32)
    channel, pitch, tempo = drawn_channel(rng)
    marked = channel(marked * np.float32(10 ** rng.uniform(-0.6, 0.3)), RATE, int(rng.integers(1 << 30)))[0]
    if pitch != 1.0:
        marked = soxr.resample(marked, tempo, 1.0, quality="HQ").astype(np.float32)
    elif tempo != 1.0:
        marked = stretched(marked, RATE, tempo)
    if rng.random() < 0.12:
        marked = Noise(float(rng.uniform(10, 30)))(marked, RATE, int(rng.integers(1 << 30)))[0]
    cut = int(rng.integers(PERIOD * HOP // 8))
    rounded = (np.round(np.clip(marked, -1, 1) * 32767) / 32767).astype(np.float32)
    levels = at_tempo(band_levels(powers(rounded[cut:]), pitch), tempo)
    return Example(features(levels), cut * tempo / HOP, pattern, AMR_WEIGHT if "amr" in channel.name else 1.0)


class Network(nn.Module):
    """The network of `synth.watermark.listener`, in PyTorch; biases differ from band to band."""

    def __init__(self) -> None:
        super().__init__()
        width = 2 * REACH_FRAMES + 1
        self.first = nn.Conv2d(FEATURES, CHANNELS_OUT, (2 * REACH_BANDS + 1, width), stride=(1, CHIP), bias=False)
        self.middle = nn.ModuleList(
            nn.Conv2d(CHANNELS_OUT, CHANNELS_OUT, 3, padding=1, bias=False) for _ in range(MIDDLE)
        )
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(CHANNELS_OUT, BANDS, 1)) for _ in range(MIDDLE + 1))
        self.last = nn.Parameter(0.1 * torch.randn(2 * CHANNELS_OUT))
        self.last_bias = nn.Parameter(torch.zeros(BANDS, 1))

    def forward(self, seen: Tensor) -> Tensor:
        """Features [n, FEATURES, BANDS, CHIP * chips + 12] -> log odds [n, BANDS, chips]."""
        padded = functional.pad(seen, (0, 0, REACH_BANDS, REACH_BANDS), mode="replicate")
        hidden = state = functional.relu(self.first(padded) + self.biases[0])
        for layer, bias in zip(self.middle, list(self.biases)[1:], strict=True):
            state = functional.relu(layer(state) + bias)
        return torch.einsum("c,ncbt->nbt", self.last, torch.cat([hidden, state], dim=1)) + self.last_bias

    def arrays(self) -> dict[str, Array]:
        """As `synth.watermark.listener.weights` has them."""
        known = self.state_dict()
        kernels = {"first": known["first.weight"]} | {f"middle.{n}": known[f"middle.{n}.weight"] for n in range(MIDDLE)}
        out = {name: kernel.numpy().transpose(2, 0, 1, 3) for name, kernel in kernels.items()}
        out = {name: kernel.reshape(*kernel.shape[:2], -1) for name, kernel in out.items()}
        names = ["first_bias", *(f"middle_bias.{n}" for n in range(MIDDLE))]
        out |= {name: bias.detach().numpy()[:, :, 0] for name, bias in zip(names, self.biases, strict=True)}
        out |= {"last": self.last.detach().numpy(), "last_bias": self.last_bias.detach().numpy()}
        return {name: np.ascontiguousarray(array, np.float32) for name, array in out.items()}


def crop(one: Example, rng: np.random.Generator) -> tuple[Array, Array]:
    """Features [FEATURES, BANDS, CHIP * CROP + 12] around CROP tiles in time, and their signs [BANDS, CROP]."""
    width = CHIP * (CROP - 1) + 2 * REACH_FRAMES + 1
    least = int(np.ceil((one.first + REACH_FRAMES - CHIP // 2) / CHIP))
    most = int((one.first + one.seen.shape[2] - width + REACH_FRAMES - CHIP // 2) / CHIP)
    chip = int(rng.integers(least, max(most, least + 1)))
    at = max(round(CHIP * chip + CHIP // 2 - one.first) - REACH_FRAMES, 0)
    signs = one.signs[:, (chip + np.arange(CROP)) % CHIPS]
    return one.seen[:, :, at : at + width], signs


def train(examples: Sequence[Example], minutes: float, seed: int = 0, rate: float = 4e-3) -> Network:
    """The network after so many minutes."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = Network()
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-3, betas=(0.9, 0.98))
    chances: npt.NDArray[np.float64] = np.array([one.weight for one in examples])
    chances /= chances.sum()
    begun = time.monotonic()
    while (passed := (time.monotonic() - begun) / (60 * minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = rate * (0.5 + 0.5 * np.cos(np.pi * passed)) + 1e-5
        picked = [crop(examples[at], rng) for at in rng.choice(len(examples), BATCH, p=chances)]
        seen, signs = (torch.tensor(np.stack(some)) for some in zip(*picked, strict=True))
        loss = functional.softplus(-network(seen) * signs).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
    return network


@click.command()
@click.argument("speech", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--rounds", type=int, default=24, show_default=True, help="Examples of each recording.")
@click.option("--minutes", type=float, default=30, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def main(speech: tuple[Path, ...], out: Path, rounds: int, minutes: float, seed: int) -> None:
    """Train the network of `synth/weights/watermark.safetensors` on recordings of SPEECH."""
    rng = np.random.default_rng(seed)
    sounds = [read(path, RATE).mono[: SECONDS * RATE].astype(np.float32) for path in speech]
    network = train([example(sound, rng) for _ in range(rounds) for sound in sounds], minutes, seed)
    save_file({"filters": load_file(WEIGHTS)["filters"], **network.arrays()}, out)


if __name__ == "__main__":
    main()
