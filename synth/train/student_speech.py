"""The recordings that the content student learns from, as `synth/train/student_data.py` has prepared them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from synth.student import RATE
from synth.train.recipe import mixed_seed

TEACHER = 512
"""Channels of the teacher's states."""
CROP_S = 4.8
VALIDATION_FILES = 2
"""Of each folder, the first: never learnt from."""
_SAMPLES = round(CROP_S * RATE)
_PER_FRAME = 320


@dataclass
class Batch:
    """Crops of equal length."""

    sound: Tensor
    """[batch, samples], float32."""
    teacher: Tensor
    """[batch, frames at 50 Hz, 512]."""
    real: Tensor
    """[batch, frames]: 1 where there is sound, 0 behind its end."""
    phones: list[Tensor]
    """Of recordings that are heard whole and have a transcript; else empty."""


class Speech:
    """The prepared recordings, in memory as whole numbers."""

    def __init__(self, files: list[Path]) -> None:
        self.rows: list[dict[str, Tensor]] = []
        for path in files:
            with safe_open(path, framework="pt") as file:
                found: dict[str, dict[str, Tensor]] = {}
                for key in file.keys():  # noqa: SIM118 (not a mapping)
                    number, name = key.split("/")
                    found.setdefault(number, {})[name] = file.get_tensor(key)
            self.rows += [found[number] for number in sorted(found, key=int)]

    def batch(self, indices: list[int], rng: np.random.Generator, *, spoilt: bool) -> Batch:
        """Crops drawn by `rng`; `spoilt`: half of them through their channel, and all with gain, noise and band."""
        sound = torch.zeros(len(indices), _SAMPLES)
        frames = _SAMPLES // _PER_FRAME
        teacher, real = torch.zeros(len(indices), frames, TEACHER), torch.zeros(len(indices), frames)
        phones = []
        spares = [max(len(self.rows[index]["teacher"]) - frames, 0) for index in indices]
        starts = [int(rng.integers(spare + 1)) for spare in spares]
        for at, index in enumerate(indices):
            row, start = self.rows[index], starts[at]
            kind = "channel" if spoilt and rng.random() < 0.5 else "clean"
            piece = row[kind][start * _PER_FRAME : start * _PER_FRAME + _SAMPLES].float() / 32768
            states = row["teacher"][start : start + frames].float()
            if spoilt:
                piece = _spoilt(piece, rng)
            sound[at, : len(piece)] = piece
            teacher[at, : len(states)], real[at, : len(states)] = states, 1.0
            heard_whole = "phones" in row and not spares[at]
            phones.append(row["phones"].long() if heard_whole else torch.zeros(0, dtype=torch.long))
        return Batch(sound, teacher, real, phones)


def _spoilt(piece: Tensor, rng: np.random.Generator) -> Tensor:
    """Coloured noise at 5 to 40 dB in half of the cases, a band in a quarter."""
    if rng.random() < 0.5:
        noise = torch.from_numpy(rng.standard_normal(len(piece)).astype(np.float32))
        spectrum = torch.fft.rfft(noise)
        tilt = torch.arange(1, len(spectrum) + 1).float().pow(-float(rng.uniform(0, 0.6)))
        noise = torch.fft.irfft(spectrum * tilt, len(piece))
        ratio = 10 ** (float(rng.uniform(5, 40)) / 20)
        piece = piece + noise * (piece.std() / (ratio * noise.std() + 1e-9))
    if rng.random() < 0.25:
        spectrum = torch.fft.rfft(piece)
        hertz = torch.linspace(0, RATE / 2, len(spectrum))
        low, high = float(rng.choice([0, 150, 300])), float(rng.choice([3400, 4000, 5500, 7000]))
        piece = torch.fft.irfft(spectrum * ((hertz >= low) & (hertz <= high)), len(piece))
    return piece


def order(count: int, size: int, seed: int) -> Iterator[list[int]]:
    """Batches for ever; every recording once an epoch."""
    epoch = 0
    while True:
        places = np.random.default_rng(mixed_seed(seed, epoch)).permutation(count)
        yield from ([int(n) for n in places[at : at + size]] for at in range(0, count - size + 1, size))
        epoch += 1


def rate_at(step: int, steps: int, top: float, warm_up: int = 300) -> float:
    """Warm-up, then down to a fiftieth along a cosine."""
    if step < warm_up:
        return top * (step + 1) / warm_up
    return top * (0.02 + 0.98 * 0.5 * (1 + float(np.cos(np.pi * (step - warm_up) / max(steps - warm_up, 1)))))
