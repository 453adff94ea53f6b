"""Fit the boundary detector on what `boundary_joins` made, choose its threshold, write weights and card.

    python -m detectors.train.boundary HUMAN/index.csv --made MADE --out detectors/weights --version 1

Of every stretch of 0.3 s the network says where in it a join lies, or that there is none (softmax over the instants and
"none"), so that the hardest instants of unedited speech weigh most. The 80 ms around a join but its nearest 15 ms on
either side count as neither. The threshold is the least at which at most one place is named in `--rate` minutes of the
held-out unedited clips, all channels together, plus `--margin`; the figures are of the same held-out part.
"""

import argparse
import hashlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file
from scipy.ndimage import maximum_filter1d
from torch import nn

from detectors.boundary import FARTHEST, BoundaryConfig, BoundaryScorer, load_boundary
from detectors.boundary_card import BoundaryCard, JoinFigure
from detectors.card import Source
from detectors.train.boundary_joins import parts
from synth.card import write_card

FloatArray = npt.NDArray[np.float32]
Parts = dict[str, list[dict[str, str]]]
CELL = 60
"""Instants among which a join is looked for."""
EDGE = 40
"""Instants at both ends of a clip that are not judged."""
REACH = 50
"""Instants from a join within which a place counts as found."""


class Network(nn.Module):
    """`detectors.boundary.BoundaryScorer` in PyTorch, unpadded: [batch, channels, time] -> [batch, time - 124]."""

    def __init__(self, config: BoundaryConfig) -> None:
        super().__init__()
        self.margins = [config.taps // 2 * 2**n for n in range(config.layers)]
        self.layers = nn.ModuleList(
            nn.Conv1d(config.width if n else config.channels, config.width, config.taps, dilation=2**n)
            for n in range(config.layers)
        )
        self.out = nn.Conv1d(config.width, 1, 1)
        nn.init.constant_(self.out.bias, -5.0)  # type: ignore[arg-type]
        for layer in list(self.layers)[1:]:
            nn.init.normal_(layer.weight, 0.0, 0.5 / np.sqrt(config.width * config.taps))  # type: ignore[arg-type]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for n, (layer, margin) in enumerate(zip(self.layers, self.margins, strict=True)):
            y = F.dropout(F.relu(layer(x)), 0.08, self.training)
            x = x[:, :, margin:-margin] + y if n else y
        return torch.as_tensor(self.out(x)[:, 0])


@dataclass(frozen=True)
class Material:
    """All training files in a row."""

    frames: npt.NDArray[np.float16]
    joins: npt.NDArray[np.int64]
    near: npt.NDArray[np.bool_]
    """Instants that count as a join."""
    used: npt.NDArray[np.bool_]
    """Instants that count as a join or as none."""

    @classmethod
    def read(cls, folder: Path) -> "Material":
        frames, joins, ends = [], [], [np.zeros(1, dtype=np.int64)]
        total = 0
        for path in sorted(folder.glob("train-*.npz")):
            with np.load(path) as made:
                frames.append(made["frames"])
                joins.append(made["joins"] + total)
                ends.append(made["ends"] + total)
            total += len(frames[-1])
        places = np.round(np.concatenate(joins)).astype(np.int64)
        near, used = np.zeros(total, dtype=np.bool_), np.ones(total, dtype=np.bool_)
        for by in range(-16, 17):
            used[np.clip(places + by, 0, total - 1)] = False
        for by in range(-3, 4):
            near[np.clip(places + by, 0, total - 1)] = used[np.clip(places + by, 0, total - 1)] = True
        for end in np.concatenate(ends):
            used[max(end - 50, 0) : end + 50] = False
        return cls(np.concatenate(frames), places[used[places]], near & used, used)


def fitted(material: Material, config: BoundaryConfig, steps: int, seed: int) -> dict[str, FloatArray]:
    """Weights after `steps` batches of 64 stretches, 24 of them with a join."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    sample = material.frames[::37].astype(np.float32)
    mean, scale = sample.mean(0), 1 / (sample.std(0) + 1e-3)
    network = Network(config)
    margin = sum(network.margins)
    length = CELL + 2 * margin
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3, weight_decay=3e-3)
    centre, unit = torch.from_numpy(mean), torch.from_numpy(scale)
    losses: list[float] = []
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 3e-3 * min(1.0, (step + 1) / 30) * (0.5 + 0.5 * np.cos(np.pi * step / steps))
        chosen = rng.choice(material.joins, 24) - margin - rng.integers(5, CELL - 5, 24)
        starts = np.concatenate([chosen, rng.integers(0, len(material.frames) - length, 40)])
        rows = np.clip(starts, 0, len(material.frames) - length)[:, None] + np.arange(length)
        x = (torch.from_numpy(material.frames[rows].astype(np.float32)) - centre) * unit
        scores = network(x.clamp(-FARTHEST, FARTHEST).transpose(1, 2).contiguous())
        inner = rows[:, margin : margin + CELL]
        near = torch.from_numpy(material.near[inner])
        scores = scores.masked_fill(~torch.from_numpy(material.used[inner]), -30.0)
        none = torch.zeros(len(scores), 1)
        loss = torch.logsumexp(torch.cat([scores, none], 1), 1).sum()
        loss = loss - torch.logsumexp(scores.masked_fill(~near, -1e4), 1)[near.any(1)].sum()
        optimiser.zero_grad()
        (loss / len(scores)).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item() / len(scores))
        if step % 50 == 49:
            print(f"{step + 1} {np.mean(losses[-50:]):.4f}", flush=True)
    state = {key: value.detach().numpy() for key, value in network.state_dict().items()}
    state["out.weight"] = state["out.weight"][:, :, 0]
    return {k: np.ascontiguousarray(v, dtype=np.float32) for k, v in (state | {"mean": mean, "scale": scale}).items()}


@dataclass(frozen=True)
class Judged:
    """Scores of one held-out sound."""

    channel: str
    fade: str
    """In ms, or "unedited"."""
    source: str
    join: float
    scores: FloatArray

    def peaks(self) -> FloatArray:
        """Scores of all places, the highest within 0.15 s on either side."""
        kept = self.scores[EDGE:-EDGE]
        return np.asarray(kept[kept == maximum_filter1d(kept, 61)]) if len(kept) else kept

    def at_join(self) -> float:
        """Highest score within reach of the join."""
        first = int(self.join)
        return float(self.scores[max(first - REACH, 0) : first + REACH + 1].max())


def judged(path: Path, scorer: BoundaryScorer) -> list[Judged]:
    """Scores of all held-out sounds."""
    with np.load(path) as made:
        frames, ends, names, joins = (made[key] for key in ("frames", "ends", "names", "joins"))
    starts = np.concatenate([[0], ends[:-1]])
    found = []
    for start, end, name, join in zip(starts, ends, names, joins, strict=True):
        channel, fade, source = str(name).split("/")
        found.append(Judged(channel, fade, source, float(join), scorer.forward(frames[start:end].astype(np.float32))))
    return found


def least_threshold(sounds: list[Judged], minutes: float) -> float:
    """Score that unedited sound exceeds at most once in so many minutes."""
    unedited = [sound for sound in sounds if sound.fade == "unedited"]
    total = sum(len(sound.scores) for sound in unedited) / 12_000
    tops = np.sort(np.concatenate([sound.peaks() for sound in unedited]))[::-1]
    return float(tops[min(int(total / minutes), len(tops) - 1)])


def figures(sounds: list[Judged], threshold: float) -> tuple[JoinFigure, ...]:
    """Counts by channel and fade."""
    alarms: dict[str, list[bool]] = defaultdict(list)
    hits: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for sound in sounds:
        if sound.fade == "unedited":
            alarms[sound.channel].append(bool((sound.peaks() >= threshold).any()))
        else:
            hits[sound.channel, sound.fade].append(sound.at_join() >= threshold)
    return tuple(
        JoinFigure(
            condition=f"{fade} ms, {channel}",
            joins=len(found),
            found=sum(found),
            unedited=len(alarms[channel]),
            alarms=sum(alarms[channel]),
        )
        for (channel, fade), found in sorted(hits.items())
    )


def sources(rows: Parts) -> tuple[Source, ...]:
    """The collections that clips were drawn from, with the number of clips to draw from."""
    return tuple(
        Source(name=name, licence=clips[0]["licence"], human=len(clips), machine=0) for name, clips in rows.items()
    )


def card_of(
    weights: Path,
    config: BoundaryConfig,
    material: Material,
    sounds: list[Judged],
    threshold: float,
    rows: tuple[Parts, Parts],
    version: str,
) -> BoundaryCard:
    """The card of freshly written weights; `rows` as `boundary_joins.parts` gives them."""
    minutes = len(material.frames) / 12_000
    counted = figures(sounds, threshold)
    return BoundaryCard(
        name="signal.splice-trained",
        version=version,
        summary=f"{config.layers} dilated convolutions of {config.width} channels over features of every 5 ms "
        f"(detectors/boundary.py), trained on {len(material.joins)} joins of one speaker and session and on unedited "
        f"speech, {minutes:.0f} minutes in all, clean and through MP3, AMR-NB, Opus and noise "
        "(detectors/train/boundary.py). The threshold was chosen on held-out speakers.",
        attribution="Trained from random initialisation; MIT, as the program. LibriSpeech: V. Panayotov et al., 2015.",
        weights=weights.name,
        sha256=hashlib.sha256(weights.read_bytes()).hexdigest(),
        bytes=weights.stat().st_size,
        training=sources(rows[0]),
        held_out=sources(rows[1]),
        threshold=threshold,
        doubt=round(threshold - 1.0, 1),
        figures=counted,
        limits=(
            "Not naming a join says little: found are, at the threshold, "
            + "; ".join(f"{f.found} of {f.joins} ({f.condition})" for f in counted)
            + ".",
            "The threshold was chosen on the held-out sounds that the figures are of, so the figures are not blind.",
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("--made", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--rate", type=float, default=20.0, help="minutes of unedited sound for one false place")
    parser.add_argument("--margin", type=float, default=1.6)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    config = BoundaryConfig(width=arguments.width)
    material = Material.read(arguments.made)
    weights = arguments.out / "boundary.safetensors"
    save_file(fitted(material, config, arguments.steps, arguments.seed), weights, metadata=config.metadata())
    sounds = judged(arguments.made / "held-out.npz", load_boundary(weights))
    threshold = round(least_threshold(sounds, arguments.rate) + arguments.margin, 1)
    card = card_of(weights, config, material, sounds, threshold, parts(arguments.index), arguments.version)
    write_card(card, arguments.out / "boundary_card.yaml")


if __name__ == "__main__":
    main()
