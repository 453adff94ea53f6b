"""Voiceprint, step 2: fine-tune resemblyzer's network on channels, and learn the linear map behind it.

    python -m synth.train.voiceprint --data FOLDER --resemblyzer PRETRAINED.pt --out RUN --steps 600

FOLDER is what step 1 wrote; PRETRAINED.pt lies in the package resemblyzer (Apache-2.0). Every batch holds 1.6 s of
speech from as many clips, through a channel (step 1) and through a random equaliser, band limit and noise on the mel
powers. The network is drawn towards what the original says of the whole clean clip, and away from the other voices of
the training part (additive-margin softmax, F. Wang et al., arXiv:1801.05599; its class vectors start as the original's
means). An exponential moving average of the weights is kept: every `--save` steps as RUN/average-<step>.safetensors,
and at the end, with the map, as RUN/voiceprint.safetensors. RUN/log.jsonl has a line every 10 steps. Step 3 is
detectors.train.voiceprint.
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file
from torch import Tensor, nn

from synth.train.voiceprint_data import Clip, filter_bank, powers, read_clips
from synth.voiceprint_network import BANDS, FRAMES, LAYERS, STEP, UNITS, VoiceNetwork, starts, unit

FloatArray = npt.NDArray[np.float32]
Voices = Callable[[list[FloatArray]], FloatArray]
"""Mel powers [frames, 40] of several recordings' speech -> a vector each, [recordings, n]."""


class VoiceEncoder(nn.Module):
    """The network in PyTorch; names of tensors as in resemblyzer."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(BANDS, UNITS, LAYERS, batch_first=True)
        self.linear = nn.Linear(UNITS, UNITS)

    def forward(self, mel: Tensor) -> Tensor:
        """Mel powers [batch, time, 40] -> vectors of unit length [batch, 256]."""
        _, (hidden, _) = self.lstm(mel)
        return F.normalize(F.relu(self.linear(hidden[-1])), dim=1, eps=1e-5)

    def tensors(self) -> dict[str, FloatArray]:
        """As `VoiceNetwork` takes them, with the map that changes nothing."""
        state = {name: tensor.detach().numpy().astype(np.float32) for name, tensor in self.state_dict().items()}
        for n in range(LAYERS):
            state[f"lstm.bias_l{n}"] = state.pop(f"lstm.bias_ih_l{n}") + state.pop(f"lstm.bias_hh_l{n}")
        return {
            **state,
            "filters": filter_bank(),
            "mean": np.zeros(UNITS, np.float32),
            "map": np.eye(UNITS, dtype="f4"),
        }


def original(path: Path) -> VoiceEncoder:
    """resemblyzer's weights."""
    encoder = VoiceEncoder()
    state = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
    encoder.load_state_dict({name: tensor for name, tensor in state.items() if name in encoder.state_dict()})
    return encoder


def voices_by(network: VoiceNetwork, batch: int = 64) -> Voices:
    """What the network hears, before the linear map, many windows at a time."""

    def voices(mels: list[FloatArray]) -> FloatArray:
        cuts = [[mel[start : start + FRAMES] for start in starts(len(mel))] for mel in mels]
        flat = [(i, cut) for i, of in enumerate(cuts) for cut in of]
        total = np.zeros((len(mels), UNITS), np.float32)
        for length in sorted({len(cut) for _, cut in flat}):
            alike = [(i, cut) for i, cut in flat if len(cut) == length]
            for first in range(0, len(alike), batch):
                some = alike[first : first + batch]
                np.add.at(total, [i for i, _ in some], network.windows(np.stack([cut for _, cut in some])))
        return unit(total)

    return voices


class Material:
    """The training part in memory: stored mel powers of all variants, and what the original says of each clip."""

    def __init__(self, clips: list[Clip], folder: Path, teacher: VoiceNetwork, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.variants: list[list[npt.NDArray[np.float16]]] = []
        self.clips: list[Clip] = []
        wholes = []
        for clip in clips:
            path = folder / f"{clip.id}.npz"
            if clip.part != "train" or not path.exists():
                continue
            with np.load(path) as stored:
                variants = [stored[name] for name in stored.files if len(stored[name]) >= FRAMES]
                whole = stored["0"]
            if len(whole) < FRAMES or not variants:
                continue
            self.variants.append(variants)
            self.clips.append(clip)
            wholes.append(powers(whole))
        self.said = voices_by(teacher)(wholes)
        names = sorted({clip.speaker for clip in self.clips if clip.speaker})
        self.speaker = np.array([names.index(c.speaker) if c.speaker else -1 for c in self.clips])
        self.classes = np.stack([unit(self.said[self.speaker == n].mean(axis=0)) for n in range(len(names))])
        by_speaker = defaultdict(list)
        for i, clip in enumerate(self.clips):
            by_speaker[clip.speaker or clip.source].append(i)
        self.groups = list(by_speaker.values())
        self.group_weights = np.array([1.0 if self.speaker[g[0]] >= 0 else 25.0 for g in self.groups])

    def batch(self, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """Mel powers [size, 160, 40], what the original says of the clip [size, 256], class or -1 [size]."""
        share = self.group_weights / self.group_weights.sum()
        groups = self.rng.choice(len(self.groups), size, p=share)
        chosen = [int(self.rng.choice(self.groups[g])) for g in groups]
        mel = np.stack([self.crop(i) for i in chosen])
        return torch.from_numpy(mel), torch.from_numpy(self.said[chosen]), torch.from_numpy(self.speaker[chosen])

    def crop(self, clip: int) -> FloatArray:
        """1.6 s of one variant of a clip, disturbed."""
        stored = self.variants[clip][self.rng.integers(len(self.variants[clip]))]
        start = self.rng.integers(len(stored) - FRAMES + 1)
        return disturbed(powers(stored[start : start + FRAMES]), self.rng)


def disturbed(mel: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Mel powers [time, 40] through a smooth equaliser, at times a band limit and noise, and at another level."""
    level = float(mel.mean())
    knots = rng.normal(0.0, 3.0, 6)
    gain = 10 ** (np.interp(np.linspace(0, 5, BANDS), np.arange(6), knots) / 10)
    if rng.random() < 0.25:
        low, high = rng.integers(0, 5), rng.integers(26, BANDS + 1)
        gain[:low] *= 0.03
        gain[high:] *= 0.001
    if rng.random() < 0.3:
        tilt = 10 ** (-rng.uniform(0.0, 3.0) * np.linspace(0, 1, BANDS))
        scale = level * 10 ** (-rng.uniform(5, 30) / 10) / tilt.mean()
        mel = mel + (scale * tilt * rng.gamma(2.0, 0.5, mel.shape)).astype(np.float32)
    mel = mel * gain.astype(np.float32)
    return np.asarray(mel * (level / max(float(mel.mean()), 1e-12) * 10 ** rng.normal(0.0, 0.2)), np.float32)


def within_map(
    network: VoiceNetwork, clips: list[Clip], folder: Path, dimensions: int, shrink: float
) -> tuple[FloatArray, FloatArray]:
    """Mean [256] and map [dimensions, 256] of the clips' vectors: whitens what varies within a voice and its channels,
    then keeps the directions in which voices differ most."""
    by_class: dict[str, list[FloatArray]] = defaultdict(list)
    rng = np.random.default_rng(1)
    names: list[str] = []
    mels: list[FloatArray] = []
    for clip in clips:
        path = folder / f"{clip.id}.npz"
        if clip.part != "train" or not clip.speaker or not path.exists():
            continue
        with np.load(path) as stored:
            for name in stored.files:
                mel = powers(stored[name])
                middle = len(mel) // 2
                cuts = [mel[:middle], mel[middle:]] if middle >= 2 * FRAMES else [mel]
                mels += [cut[: FRAMES + STEP] for cut in cuts if len(cut) >= FRAMES]
                names += [clip.speaker] * (len(mels) - len(names))
    for name, vector in zip(names, voices_by(network)(mels), strict=True):
        by_class[name].append(vector)
    several = {name: np.stack(vectors) for name, vectors in by_class.items() if len(vectors) > 1}
    capped = [v[rng.permutation(len(v))[:40]] for v in several.values()]
    means = np.stack([v.mean(axis=0) for v in capped]).astype(np.float64)
    within = np.mean([np.cov(v.T, bias=True) for v in capped], axis=0)
    between = np.cov(means.T)
    size = len(within)
    within = (1 - shrink) * within + shrink * np.trace(within) / size * np.eye(size)
    values, vectors = np.linalg.eigh(within)
    whiten = (vectors / np.sqrt(values)) @ vectors.T
    spread, directions = np.linalg.eigh(whiten @ between @ whiten)
    kept = directions[:, np.argsort(spread)[::-1][:dimensions]]
    return means.mean(axis=0).astype(np.float32), (kept.T @ whiten).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--resemblyzer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--until", type=int, help="stop here, before the learning rate of --steps has come down")
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--save", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dimensions", type=int, default=128)
    parser.add_argument("--shrink", type=float, default=0.9)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    clips = read_clips(arguments.data / "clips.csv")
    encoder, average = original(arguments.resemblyzer), original(arguments.resemblyzer)
    material = Material(clips, arguments.data, VoiceNetwork(encoder.tensors()), arguments.seed)
    print(f"{len(material.clips)} clips, {len(material.classes)} voices", flush=True)
    classes = nn.Parameter(torch.from_numpy(material.classes))
    optimiser = torch.optim.AdamW(
        [{"params": encoder.parameters()}, {"params": [classes], "lr": 5 * arguments.rate}], arguments.rate
    )
    began = time.monotonic()
    with (arguments.out / "log.jsonl").open("w", encoding="utf-8") as log:
        for step in range(1, (arguments.until or arguments.steps) + 1):
            warm = min(1.0, step / 30)
            for group, rate in zip(optimiser.param_groups, (arguments.rate, 5 * arguments.rate), strict=True):
                group["lr"] = rate * warm * (0.05 + 0.95 * 0.5 * (1 + np.cos(np.pi * step / arguments.steps)))
            mel, said, speaker = material.batch(arguments.batch)
            voice = encoder(mel)
            known = speaker >= 0
            near = voice[known] @ F.normalize(classes, dim=1).T
            margin = 0.1 * F.one_hot(speaker[known], near.shape[1])
            apart = F.cross_entropy(25.0 * (near - margin), speaker[known], reduction="sum") / max(int(known.sum()), 1)
            alike = (1 - (voice * said).sum(1)).mean()
            loss = apart + 4.0 * alike
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(encoder.parameters(), 3.0)
            optimiser.step()
            keep = min(0.98, step / (step + 10))
            with torch.no_grad():
                for slow, fast in zip(average.parameters(), encoder.parameters(), strict=True):
                    slow.lerp_(fast, 1 - keep)
            line = {"step": step, "apart": round(apart.item(), 4), "alike": round(alike.item(), 4)}
            if step % arguments.save == 0:
                save_file(average.tensors(), arguments.out / f"average-{step}.safetensors")
            if step % 10 == 0:
                log.write(json.dumps(line) + "\n")
                log.flush()
                print(round(time.monotonic() - began), line, flush=True)
    tensors = average.tensors()
    tensors["mean"], tensors["map"] = within_map(
        VoiceNetwork(tensors), clips, arguments.data, arguments.dimensions, arguments.shrink
    )
    save_file(
        {name: tensor.astype(np.float16) for name, tensor in tensors.items()}, arguments.out / "voiceprint.safetensors"
    )


if __name__ == "__main__":
    main()
