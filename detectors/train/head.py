"""Step 5: the head, on the frozen first layers of Whisper-base: a small network on their statistics over time.

    python -m detectors.train.head --crops CROPS --whisper WHISPER/hf/model.safetensors --out RUN --layers 1 \
        [--monitor clips.csv --cache CACHE]

The statistics of every shard are kept in RUN/statistics-<layers>/NNN.npz, so that more shards or a run that was stopped
cost only what is new. The head is the mean of four networks of 64 hidden units from different seeds, side by side in
one; features are standardised, and the standardisation is folded into the first layer. Writes RUN/head.safetensors;
detectors.train.fit can go on from it. `--monitor` prints EER and AUC on neutral clips of the calibration part.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from detectors.inference import NetworkConfig
from detectors.metrics import auc, eer
from detectors.network import SpeechNetwork, from_whisper
from detectors.train.decode import cached, read_clips
from detectors.train.neutral import neutral
from detectors.train.score import chosen

FloatArray = npt.NDArray[np.float32]


@torch.inference_mode()
def statistics(network: SpeechNetwork, samples: FloatArray) -> FloatArray:
    """Samples [time] -> what the head sees: [features]."""
    mel = network.log_mel(torch.from_numpy(samples)[None])
    with torch.autocast("cpu", torch.bfloat16):
        layers = network.encode(mel)
    row: FloatArray = network.head.pooled(layers)[0].numpy()
    return row


def of_shards(network: SpeechNetwork, crops: Path, folder: Path) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Statistics [crops, features] and labels [crops] of all shards."""
    folder.mkdir(parents=True, exist_ok=True)
    features, labels = [], []
    for path in sorted(p for p in crops.glob("[0-9]*.npz") if "partial" not in p.name):
        kept = folder / path.name
        shard = np.load(path)
        if not kept.exists():
            pieces = np.split(shard["samples"], shard["ends"][:-1])
            rows = [statistics(network, piece.astype(np.float32) / np.float32(32768)) for piece in pieces]
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crops", type=Path, required=True)
    parser.add_argument("--whisper", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--members", type=int, default=4, help="networks averaged, of 64 hidden units each")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--monitor", type=Path, default=None)
    parser.add_argument("--cache", type=Path, default=None)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    config = NetworkConfig(layers=arguments.layers, hidden=64 * arguments.members)
    network = SpeechNetwork(config).eval()
    network.load_state_dict(from_whisper(load_file(arguments.whisper), config), strict=False)
    x, machine = of_shards(network, arguments.crops, arguments.out / f"statistics-{arguments.layers}")
    mean, scale = x.mean(0), x.std(0) + 1e-4
    watched: list[FloatArray] = []
    labels: list[bool] = []
    if arguments.monitor is not None:
        for clip in chosen([c for c in read_clips(arguments.monitor) if c["part"] == "calibration"], 25):
            samples = neutral(cached(arguments.cache, clip["id"]), clip["id"])
            if samples.size:
                watched.append(statistics(network, samples))
                labels.append(clip["label"] == "machine")
    inputs, target = torch.from_numpy((x - mean) / scale), torch.from_numpy(machine.astype(np.float32))
    members = [member(inputs, target, seed, arguments.epochs) for seed in range(arguments.members)]
    hidden, out = network.head.hidden, network.head.out
    with torch.no_grad():
        weight = torch.cat([m.hidden.weight for m in members]) / torch.from_numpy(scale)
        hidden.weight.copy_(weight)
        hidden.bias.copy_(torch.cat([m.hidden.bias for m in members]) - weight @ torch.from_numpy(mean))
        out.weight.copy_(torch.cat([m.out.weight for m in members], 1) / len(members))
        out.bias.copy_(torch.stack([m.out.bias for m in members]).mean(0))
        if watched:
            score, label = network.head.logit(torch.from_numpy(np.array(watched))).numpy(), np.array(labels)
            print(f"eer {eer(score[label], score[~label]):.4f} auc {auc(score[label], score[~label]):.4f}", flush=True)
    save_file(network.state_dict(), arguments.out / "head.safetensors", metadata=config.metadata())


if __name__ == "__main__":
    main()
