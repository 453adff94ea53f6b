"""Trains one small network that copies, on human speech alone.

    python -m detectors.train.copies.fit_network NAME --list INDEX.csv --out NETWORKS [--steps 4000] [--clips 600]

NAME is one of `network_config.NETWORKS`. Slices of 0.6 s, one level, distance of magnitudes and mels (no discriminator:
what a good judge would remove is what these copies are for), AdamW with a falling rate. Every step draws from (seed,
step), so that a run that was stopped goes on to the same weights. Writes NETWORKS/NAME.state.safetensors and
NETWORKS/NAME.safetensors; `--keep N` also keeps NAME at every N steps, as generators of their own.
"""

import argparse
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from detectors.train.copies.network import LEVEL, build, packed
from detectors.train.copies.network_config import NETWORKS, NetworkConfig
from detectors.train.copies.sources import Source, excerpt, order, read_sources
from synth.channels.base import FloatArray
from synth.errors import VoxproofError
from synth.losses import spectral_distance
from synth.mel import MelConfig, mel_spectrogram
from synth.train.shards import write_tensors
from synth.train.state import Position, load_state, save_state

SLICE_S = 0.6
JUDGED = MelConfig(rate=16_000, window=1024, hop=256, mels=80)
"""The mels whose distance is part of the loss."""


class Slices:
    """Clips in memory, and a batch of slices of them for every step."""

    def __init__(self, sources: list[Source], rate: int, seed: int) -> None:
        self.clips: list[FloatArray] = []
        self.licences = Counter[str]()
        for number, source in enumerate(sources):
            clip = excerpt(source, rate, 6.0, np.random.default_rng([seed, number]))
            level = float(np.sqrt(np.mean(clip**2))) if clip.size else 0.0
            if clip.size > SLICE_S * rate and level > 1e-4:
                self.clips.append(clip * np.float32(LEVEL / level))
                self.licences[source.licence] += 1
        if not self.clips:
            raise VoxproofError("no recording of the list can be used")
        self.size = round(SLICE_S * rate)

    def batch(self, rows: int, rng: np.random.Generator) -> Tensor:
        """[rows, samples], most of them loud enough to hold speech."""
        chosen = []
        for _ in range(rows):
            for _ in range(5):
                clip = self.clips[int(rng.integers(len(self.clips)))]
                at = int(rng.integers(0, clip.size - self.size + 1))
                piece = clip[at : at + self.size]
                if float(np.mean(piece**2)) > (0.2 * LEVEL) ** 2:
                    break
            chosen.append(piece)
        return torch.from_numpy(np.stack(chosen))


def distance(made: Tensor, sound: Tensor) -> Tensor:
    """Of magnitudes and of mels, samples [batch, time]."""
    sound = sound[:, : made.shape[1]]
    mels = F.l1_loss(mel_spectrogram(made, JUDGED), mel_spectrogram(sound, JUDGED))
    return mels + spectral_distance(sound[:, None], made[:, None])


def train_step(
    network: nn.Module, optimiser: torch.optim.Optimizer, slices: Slices, step: int, steps: int, rows: int, seed: int
) -> float:
    """One step, the same whenever it is taken; its loss."""
    rng = np.random.default_rng([seed, step])
    torch.manual_seed(int(rng.integers(2**31)))
    for group in optimiser.param_groups:
        group["lr"] = 1e-3 * min(1.0, (step + 1) / 50) * 0.05 ** (step / steps)
    sound = slices.batch(rows, rng)
    made, further = network(sound)
    loss = distance(made, sound) + further
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())


@dataclass(frozen=True)
class Course:
    """How a training goes on."""

    steps: int = 4000
    rows: int = 8
    """Slices a step."""
    seed: int = 1
    save: int = 200
    """Steps from state to state."""
    keep: int = 0
    """Steps from one set of weights that stays to the next; 0: only the last stays."""


def fit(name: str, config: NetworkConfig, slices: Slices, out: Path, course: Course) -> list[float]:
    """Trains from where the folder's state is; the losses of the course.steps taken now."""
    torch.manual_seed(course.seed)
    network = build(config).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, betas=(0.8, 0.99))
    out.mkdir(parents=True, exist_ok=True)
    state, step = out / f"{name}.state.safetensors", 0
    settings = {
        "config": asdict(config),
        "steps": course.steps,
        "rows": course.rows,
        "seed": course.seed,
        "clips": len(slices.clips),
    }
    if state.exists():
        step = load_state(state, settings, {"network": network}, {"adamw": optimiser})[0].step
    losses: list[float] = []
    began = time.process_time()
    while step < course.steps:
        losses.append(train_step(network, optimiser, slices, step, course.steps, course.rows, course.seed))
        step += 1
        if step % course.save == 0 or step == course.steps or (course.keep and step % course.keep == 0):
            save_state(state, Position(step), settings, {"network": network}, {"adamw": optimiser}, {})
            weights, said = network.state_dict(), packed(config, step, dict(slices.licences))
            write_tensors(out / f"{name}.safetensors", weights, said)
            if course.keep and step % course.keep == 0 and step < course.steps:
                write_tensors(out / f"{name}-at-{step}.safetensors", weights, said)
            pace = (time.process_time() - began) / len(losses)
            print(
                f"{name} step {step} loss {np.mean(losses[-course.save :]):.3f} {pace:.2f} processor s a step",
                flush=True,
            )
    return losses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=NETWORKS)
    parser.add_argument("--list", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--clips", type=int, default=600)
    parser.add_argument("--save", type=int, default=200)
    parser.add_argument("--keep", type=int, default=0)
    parser.add_argument("--part", default="train")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    try:
        config = NETWORKS[arguments.name]
        sources = order(read_sources(arguments.list, arguments.part), f"networks {arguments.seed}")
        slices = Slices(sources[: arguments.clips], config.rate, arguments.seed)
        course = Course(arguments.steps, arguments.rows, arguments.seed, arguments.save, arguments.keep)
        fit(arguments.name, config, slices, arguments.out, course)
    except VoxproofError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
