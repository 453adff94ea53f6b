"""Step 6: fine-tune the whole network, head and encoder, gently, from what the head's step wrote.

    python -m detectors.train.fit --crops CROPS --start RUN/head.safetensors --out RUN --steps 600 \
        [--monitor clips.csv --cache CACHE]

Batches of crops of near-equal length; AdamW, warm-up, cosine; bfloat16 autocast; an exponential moving average of the
weights is what is kept. Writes RUN/state.pt every `--save` steps (the run resumes from it) and RUN/average.safetensors.
`--monitor` prints EER and AUC on neutral clips of the calibration part, never the validation part. A high learning rate
soon learns the pages instead of the machines: watch the monitor, not the loss.
"""

import argparse
import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from detectors.inference import RATE, load_network
from detectors.metrics import auc, eer
from detectors.network import SpeechNetwork, trainable
from detectors.neutral import neutral
from detectors.train.decode import cached, read_clips
from detectors.train.score import chosen


class Crops:
    """All shards of a folder; batches of near-equal length, in a new order every epoch."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.rng = folder, np.random.default_rng(seed)
        self.pieces: list[npt.NDArray[np.int16]] = []
        self.labels: list[bool] = []
        self.seen: set[Path] = set()

    def refresh(self) -> None:
        """Take in the shards that have been written since."""
        for path in sorted(self.folder.glob("[0-9]*.npz")):
            if path.name.endswith(".partial.npz") or path in self.seen:
                continue
            self.seen.add(path)
            shard = np.load(path)
            self.pieces += np.split(shard["samples"], shard["ends"][:-1])
            self.labels += shard["labels"].tolist()

    def batches(self, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Samples [size, time] float32, labels [size] float32, without end."""
        while True:
            self.refresh()
            jitter = self.rng.normal(0, 0.25 * RATE, len(self.pieces))
            order = np.argsort(np.array([p.size for p in self.pieces]) + jitter)
            for start in self.rng.permutation(len(order) // size) * size:
                chosen = order[start : start + size]
                length = min(self.pieces[i].size for i in chosen)
                rows = []
                for i in chosen:
                    at = int(self.rng.integers(0, self.pieces[i].size - length + 1))
                    rows.append(self.pieces[i][at : at + length])
                samples = torch.from_numpy(np.stack(rows).astype(np.float32) / 32768)
                yield samples, torch.tensor([float(self.labels[i]) for i in chosen])


def masked(mel: Tensor, rng: np.random.Generator) -> Tensor:
    """SpecAugment, per clip: up to two bands of 12 mels and one gap of 20 frames at the clip's mean."""
    mel = mel.clone()
    for row in mel:
        fill = row.mean()
        for _ in range(int(rng.integers(0, 3))):
            width, start = int(rng.integers(1, 13)), int(rng.integers(0, mel.shape[2] - 12))
            row[:, start : start + width] = fill
        if rng.random() < 0.4:
            start = int(rng.integers(0, max(1, mel.shape[1] - 20)))
            row[start : start + int(rng.integers(1, 21))] = fill
    return mel


def loss_of(window: Tensor, frames: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of the window logit and, at half weight, of the mean frame logit; labels smoothed by 0.05."""
    target = labels * 0.95 + 0.025
    whole = F.binary_cross_entropy_with_logits(window, target)
    return whole + 0.5 * F.binary_cross_entropy_with_logits(frames.mean(1), target)


@torch.inference_mode()
def monitor(network: SpeechNetwork, sounds: list[tuple[npt.NDArray[np.float32], bool]]) -> str:
    """EER and AUC on whole neutral clips, one by one."""
    network.eval()
    scores = []
    for samples, _ in sounds:
        with torch.autocast("cpu", torch.bfloat16):
            scores.append(float(network(torch.from_numpy(samples)[None])[0]))
    network.train()
    score, label = np.array(scores), np.array([machine for _, machine in sounds])
    return f"eer {eer(score[label], score[~label]):.4f} auc {auc(score[label], score[~label]):.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crops", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True, help="head.safetensors of the step before")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-5, help="learning rate")
    parser.add_argument("--decay", type=float, default=0.99, help="of the moving average, per step")
    parser.add_argument("--save", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--monitor", type=Path, default=None)
    parser.add_argument("--cache", type=Path, default=None)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    arguments.out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(arguments.seed)

    network = trainable(load_network(arguments.start))
    config = network.config
    optimiser = torch.optim.AdamW(network.parameters(), lr=arguments.rate, weight_decay=0.01)
    warm = 50
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda s: min((s + 1) / warm, 0.5 + 0.5 * math.cos(math.pi * min(1.0, s / arguments.steps)) + 0.01),
    )
    average = {k: v.detach().clone() for k, v in network.state_dict().items()}
    step, state_file = 0, arguments.out / "state.pt"
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        average, step = state["average"], int(state["step"])
    sounds = []
    if arguments.monitor is not None:
        for clip in chosen([c for c in read_clips(arguments.monitor) if c["part"] == "calibration"], 25):
            samples = neutral(cached(arguments.cache, clip["id"]), clip["id"])
            if samples.size:
                sounds.append((samples, clip["label"] == "machine"))

    network.train()
    losses: list[float] = []
    began = time.monotonic()
    for sound, labels in Crops(arguments.crops, arguments.seed + step).batches(arguments.batch):
        if step >= arguments.steps:
            break
        with torch.no_grad():
            mel = masked(network.log_mel(sound), rng)
        with torch.autocast("cpu", torch.bfloat16):
            layers = network.encode(mel)
        window, frames = network.head(layers)
        loss = loss_of(window.float(), frames.float(), labels)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        step += 1
        decay = min(arguments.decay, step / (step + 20))
        for key, value in network.state_dict().items():
            average[key].lerp_(value, 1 - decay)
        losses.append(loss.item())
        if step % arguments.save == 0 or step == arguments.steps:
            text = ""
            if sounds:
                kept = {k: v.clone() for k, v in network.state_dict().items()}
                network.load_state_dict(average)
                text = monitor(network, sounds)
                network.load_state_dict(kept)
            torch.save(
                {
                    "network": network.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "schedule": schedule.state_dict(),
                    "average": average,
                    "step": step,
                },
                state_file,
            )
            save_file(average, arguments.out / "average.safetensors", metadata=config.metadata())
            print(f"step {step} loss {np.mean(losses):.4f} {text} {(time.monotonic() - began):.0f} s", flush=True)
            losses.clear()


if __name__ == "__main__":
    main()
