"""Step 5: the head of a line, on frames that are not trained: a small network on their statistics over time.

    python -m detectors.train.head speech --crops CROPS --whisper WHISPER/hf/model.safetensors --out RUN \
        [--monitor clips.csv --cache CACHE]
    python -m detectors.train.head spectral --crops CROPS --out RUN [--monitor clips.csv --cache CACHE]

`speech`: the frozen first layers of Whisper-base; `spectral`: the frames of detectors/spectral.py. The statistics of
every shard are kept in RUN/statistics-<line>/NNN.npz, so that more shards or a run that was stopped cost only what is
new. The head is the mean of four networks of 64 hidden units from different seeds, side by side in one; features are
standardised, and the standardisation is folded into the first layer. Writes RUN/<line>.safetensors;
detectors.train.fit can go on from the speech line's. `--monitor` prints EER and AUC on neutral clips of the calibration
part.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from detectors.head import pooled
from detectors.inference import NetworkConfig
from detectors.metrics import auc, eer
from detectors.network import SpeechNetwork, from_whisper
from detectors.neutral import neutral
from detectors.spectral import SpectralConfig, spectral_frames
from detectors.train.decode import cached, read_clips
from detectors.train.score import chosen

FloatArray = npt.NDArray[np.float32]
Front = Callable[[FloatArray], FloatArray]
"""Samples [time] -> what the head sees: [features]."""


def speech_front(network: SpeechNetwork) -> Front:
    """Statistics of the layers of the speech network."""

    @torch.inference_mode()
    def statistics(samples: FloatArray) -> FloatArray:
        mel = network.log_mel(torch.from_numpy(samples)[None])
        with torch.autocast("cpu", torch.bfloat16):
            layers = network.encode(mel)
        row: FloatArray = network.head.pooled(layers)[0].numpy()
        return row

    return statistics


def of_shards(front: Front, crops: Path, folder: Path) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Statistics [crops, features] and labels [crops] of all shards."""
    folder.mkdir(parents=True, exist_ok=True)
    features, labels = [], []
    for path in sorted(p for p in crops.glob("[0-9]*.npz") if "partial" not in p.name):
        kept = folder / path.name
        shard = np.load(path)
        if not kept.exists():
            pieces = np.split(shard["samples"], shard["ends"][:-1])
            rows = [front(piece.astype(np.float32) / np.float32(32768)) for piece in pieces]
            np.savez(kept, features=np.array(rows, np.float32))
            print(path.name, flush=True)
        features.append(np.load(kept)["features"])
        labels.append(shard["labels"])
    return np.concatenate(features), np.concatenate(labels)


class Member(nn.Module):
    """One of the networks averaged: standardised statistics [batch, features] -> logit [batch]."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(features, 64), nn.Linear(64, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = F.dropout(F.gelu(self.hidden(F.dropout(x, 0.3, self.training))), 0.5, self.training)
        logit: Tensor = self.out(y).squeeze(-1)
        return logit


def member(x: Tensor, target: Tensor, seed: int, epochs: int) -> Member:
    """Trained with dropout, weight decay and smoothed labels: statistics [crops, features], labels [crops]."""
    torch.manual_seed(seed)
    network = Member(x.shape[1])
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=1e-2)
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(x)), 128):
            loss = F.binary_cross_entropy_with_logits(network(x[rows]), target[rows] * 0.9 + 0.05)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    return network.eval()


def averaged(members: list[Member], mean: FloatArray, scale: FloatArray) -> dict[str, Tensor]:
    """One head that gives the members' mean logit on features as they come: standardisation folded in."""
    with torch.no_grad():
        weight = torch.cat([m.hidden.weight for m in members]) / torch.from_numpy(scale)
        return {
            "head.hidden.weight": weight,
            "head.hidden.bias": torch.cat([m.hidden.bias for m in members]) - weight @ torch.from_numpy(mean),
            "head.out.weight": torch.cat([m.out.weight for m in members], 1) / len(members),
            "head.out.bias": torch.stack([m.out.bias for m in members]).mean(0),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("line", choices=("speech", "spectral"))
    parser.add_argument("--crops", type=Path, required=True)
    parser.add_argument("--whisper", type=Path, default=None)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="first layer that the head hears; the stem is 0")
    parser.add_argument("--members", type=int, default=4, help="networks averaged, of 64 hidden units each")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--monitor", type=Path, default=None)
    parser.add_argument("--cache", type=Path, default=None)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    state: dict[str, Tensor] = {}
    if arguments.line == "speech":
        if arguments.whisper is None:
            parser.error("the speech line needs --whisper")
        if not 0 <= arguments.first <= arguments.layers:
            parser.error(f"--first must be 0 to {arguments.layers}, the last layer that is kept")
        config = NetworkConfig(layers=arguments.layers, first=arguments.first, hidden=64 * arguments.members)
        network = SpeechNetwork(config).eval()
        network.load_state_dict(from_whisper(load_file(arguments.whisper), config), strict=False)
        state, metadata, front = network.state_dict(), config.metadata(), speech_front(network)
    else:
        spectral = SpectralConfig(hidden=64 * arguments.members)
        metadata = spectral.metadata()
        front = lambda samples: pooled(spectral_frames(samples, spectral))  # noqa: E731
    x, machine = of_shards(front, arguments.crops, arguments.out / f"statistics-{arguments.line}")
    mean, scale = x.mean(0), x.std(0) + 1e-4
    inputs, target = torch.from_numpy((x - mean) / scale), torch.from_numpy(machine.astype(np.float32))
    members = [member(inputs, target, seed, arguments.epochs) for seed in range(arguments.members)]
    if arguments.monitor is not None:
        clips = chosen([c for c in read_clips(arguments.monitor) if c["part"] == "calibration"], 25)
        pieces = [(neutral(cached(arguments.cache, c["id"]), c["id"]), c["label"] == "machine") for c in clips]
        rows = np.array([front(samples) for samples, _ in pieces if samples.size])
        label = np.array([of_machine for samples, of_machine in pieces if samples.size])
        with torch.no_grad():
            watched = torch.from_numpy((rows - mean) / scale)
            score = torch.stack([m(watched) for m in members]).mean(0).numpy()
        print(f"eer {eer(score[label], score[~label]):.4f} auc {auc(score[label], score[~label]):.4f}", flush=True)
    state = {**state, **averaged(members, mean, scale)}
    save_file(
        {k: v.contiguous() for k, v in state.items()},
        arguments.out / f"{arguments.line}.safetensors",
        metadata=metadata,
    )


if __name__ == "__main__":
    main()
