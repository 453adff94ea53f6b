"""The ear tuned to our own decoder: from which codes was this sound made, if it was made by us?

The content student was taught to hear people as its teacher hears them. What our decoder makes of a code it hears as
that code in one case of three, and as a neighbour otherwise. For sound whose codes are known (our own clones), a linear
map from four frames of 20 ms to the codebook's space, and the codes' own places in it, are learnt by the cross-entropy
of the code that was decoded; they begin as the model's projection and codebook. It answers with a distribution over the
codes, so that a doubt stays a doubt.

Codes last 40 ms, and nobody knows where a clip was cut: all four grids, 10 ms apart, are heard, of people as of clones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from detectors.codes.hearing import CODE, CodeEar, Codes

FloatArray = npt.NDArray[np.float32]

BEFORE, FRAMES = 1, 4
"""Frames of 20 ms that are heard: one before the code, its two, and one after."""
SHIFTS = (0, CODE // 4)
"""Samples, 0 and 10 ms; with the odd and the even frames that makes four grids."""
GRIDS = 2 * len(SHIFTS)
SCALE, BEGUN = -4.6, -6.2
"""Of a squared distance, as a logarithm: of the plain ear, and where learning begins."""
ROUNDS, BATCH, DROPPED = 5, 256, 0.1
RATES: Mapping[str, float] = {"weight": 1e-3, "bias": 0.03, "book": 0.1, "scale": 0.02, "prior": 0.01}
"""Of AdamW; by a search on the voices of the part "train", judged on those of "calibration"."""


@dataclass(frozen=True, eq=False)
class Tuning:
    """What was learnt."""

    weight: Tensor
    """[256, 4 * width] from four frames to the codebook's space."""
    bias: Tensor
    """[256]."""
    book: Tensor
    """[1024, 256] places of the codes."""
    scale: Tensor
    """[] logarithm of what multiplies squared distances."""
    prior: Tensor
    """[1024] nats; added."""

    def logs(self, frames: Tensor) -> Tensor:
        """Frames [k, 4 * width] -> log-probabilities of the codes [k, 1024]."""
        found = frames @ self.weight.T + self.bias
        distance = found.square().sum(1, keepdim=True) - 2 * found @ self.book.T + self.book.square().sum(1)
        return (self.prior - distance * self.scale.exp()).log_softmax(-1)

    def tensors(self) -> dict[str, npt.NDArray[np.float32]]:
        """For a file, rounded to half precision but for the scale."""
        return {
            f"tuned.{name}": (value if value.dim() == 0 else value.half()).detach().numpy()
            for name, value in vars(self).items()
        }

    @classmethod
    def of(cls, tensors: Mapping[str, npt.NDArray[np.generic]]) -> Tuning:
        """From what `tensors` gave; KeyError where one is missing."""
        return cls(**{name: torch.from_numpy(np.array(tensors[f"tuned.{name}"], np.float32)) for name in RATES})


def framed(features: Tensor, first: npt.NDArray[np.int64]) -> Tensor:
    """Features [1, width, frames] and the first frames of codes [k] -> [k, 4 * width]."""
    rows = torch.nn.functional.pad(features[0].T.float(), (0, 0, BEFORE, FRAMES - BEFORE))
    return torch.stack([rows[first + step] for step in range(FRAMES)], 1).flatten(1)


@torch.no_grad()
def guessed(ear: CodeEar, tunings: Sequence[Tuning], samples: FloatArray) -> tuple[FloatArray, ...]:
    """Samples [time] at 16 kHz, some seconds -> of every tuning log-probabilities of the codes [4, k, 1024].

    k is time // 640 - 1; the grids begin 0, 20, 10 and 30 ms after the first sample.
    """
    count = max(len(samples) // CODE - 1, 0)
    found: list[list[FloatArray]] = [
        [np.zeros((0, len(t.book)), np.float32)] * (0 if count else GRIDS) for t in tunings
    ]
    for shift in SHIFTS if count else ():
        features = ear.features(torch.from_numpy(np.ascontiguousarray(samples[shift:], np.float32)))
        for odd in (0, 1):
            frames = framed(features, 2 * np.arange(count) + odd)
            for kept, tuning in zip(found, tunings, strict=True):
                kept.append(tuning.logs(frames).numpy())
    return tuple(np.stack(kept) for kept in found)


def plain(ear: CodeEar) -> Tuning:
    """What the ear hears without having been tuned: its projection and codebook, and a doubt about near codes."""
    projection = ear.encoders.ssl_proj
    begun = torch.zeros(projection.weight.shape[0], FRAMES, projection.weight.shape[1])
    begun[:, BEFORE : BEFORE + 2] = projection.weight.detach().float().permute(0, 2, 1)
    book = ear.encoders.quantizer.codebook.embed.detach().float()
    return Tuning(begun.flatten(1), _of(projection.bias), book, torch.tensor(SCALE), torch.zeros(len(book)))


def decoded_at(said: Codes) -> tuple[npt.NDArray[np.int64], Codes]:
    """Of codes on the grid of 20 ms, -1 in pauses (`Shelf.said`): first frames [k] and the codes there [k]."""
    first, at = [], 0
    while at < len(said) - 1:
        if said[at] >= 0:
            first.append(at)
        at += 2 if said[at] >= 0 else 1
    return np.array(first, np.int64), said[np.array(first, np.int64)]


def learnt(ear: CodeEar, clips: Iterable[tuple[FloatArray, Codes]], seed: int = 0) -> Tuning:
    """From sound [time] at 16 kHz and what the decoder was given, `Shelf.said`."""
    rows, wanted = [], []
    with torch.no_grad():
        for samples, said in clips:
            features = ear.features(torch.from_numpy(samples))
            first, codes = decoded_at(said[: features.shape[-1]])
            rows.append(framed(features, first))
            wanted.append(torch.from_numpy(codes))
    x, y = torch.cat(rows), torch.cat(wanted)
    base = replace(plain(ear), scale=torch.tensor(BEGUN))
    # What is learnt is the change: decay draws it back to the model's own projection and codebook.
    change = {name: torch.zeros_like(value, requires_grad=True) for name, value in vars(base).items()}
    optimiser = torch.optim.AdamW([{"params": [change[n]], "lr": rate} for n, rate in RATES.items()], weight_decay=0.01)
    draw = torch.Generator().manual_seed(seed)
    for _ in range(ROUNDS):
        for some in torch.split(torch.randperm(len(x), generator=draw), BATCH):
            kept = (torch.rand(len(some), x.shape[1], generator=draw) >= DROPPED) / (1 - DROPPED)
            logs = _moved(base, change).logs(x[some] * kept)
            optimiser.zero_grad()
            torch.nn.functional.nll_loss(logs, y[some]).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    with torch.no_grad():
        return Tuning(**{name: value.detach() for name, value in vars(_moved(base, change)).items()})


def _moved(base: Tuning, change: Mapping[str, Tensor]) -> Tuning:
    return Tuning(**{name: value + change[name] for name, value in vars(base).items()})


def _of(value: Tensor | None) -> Tensor:
    assert value is not None  # noqa: S101 (the projection of every version has one)
    return value.detach().float()
