"""Step 5: the head, on the frozen first layers of Whisper-base: penalised logistic regression on their statistics.

    python -m detectors.train.head --crops CROPS --whisper WHISPER/hf/model.safetensors --out RUN --layers 1 \
        [--monitor clips.csv --cache CACHE]

The statistics of every shard are kept in RUN/statistics-<layers>/NNN.npz, so that more shards, another penalty or a run
that was stopped cost only what is new. Features are standardised, and the standardisation is folded into the head.
Writes RUN/head.safetensors; detectors.train.fit goes on from it. `--monitor` prints EER and AUC on neutral clips of the
calibration part for every penalty; the last one named is kept.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file
from sklearn.linear_model import LogisticRegression

from detectors.metrics import auc, eer
from detectors.network import NetworkConfig, SpeechNetwork, from_whisper
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crops", type=Path, required=True)
    parser.add_argument("--whisper", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument(
        "--penalty", type=float, nargs="+", default=[1e-3], help="scikit-learn's C; smaller is stronger"
    )
    parser.add_argument("--monitor", type=Path, default=None)
    parser.add_argument("--cache", type=Path, default=None)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    config = NetworkConfig(layers=arguments.layers)
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
    for penalty in arguments.penalty:
        model = LogisticRegression(C=penalty, max_iter=300).fit((x - mean) / scale, machine)
        weight = model.coef_[0] / scale
        bias = float(model.intercept_[0] - weight @ mean)
        print(f"penalty {penalty:g}: {model.score((x - mean) / scale, machine):.3f} of the crops right", end=" ")
        if watched:
            score, label = np.array(watched) @ weight + bias, np.array(labels)
            print(f"eer {eer(score[label], score[~label]):.4f} auc {auc(score[label], score[~label]):.4f}", end="")
        print(flush=True)
    with torch.no_grad():
        network.head.linear.weight.copy_(torch.from_numpy(weight.astype(np.float32))[None])
        network.head.linear.bias.fill_(bias)
    save_file(network.state_dict(), arguments.out / "head.safetensors", metadata=config.metadata())


if __name__ == "__main__":
    main()
