"""The content student, step 2: train it and its codes from what `synth/train/student_data.py` has prepared.

    python -m synth.train.student --data FOLDER [--data ...] --out RUN [--steps 12000] [--precision bfloat16]

The student hears a recording as it is or through a channel, with gain, noise and a band drawn anew for every step, and
is to foretell what Whisper-base's encoder makes of the clean sound, and with a transcript the phones (connectionist
temporal classification: A. Graves et al., 2006). From `--codes-from` on it does so through its codes alone: features
at 25 Hz (`ssl_proj`), of 1024 kinds, learnt by moving averages as in SoVITS, whose parameter names they have. What
foretells the teacher from the codes is thrown away; what reads the phones (synth/code_reader.py) is kept.
RUN/log.jsonl has a line every 50 steps, RUN/state.pt lets an interrupted training go on, RUN/student.safetensors holds
the encoder and the reader in 8 bits, as they ship, the projection and the codebook as they are.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from synth.code_reader import PHONES, CodeReader
from synth.packing import packed
from synth.sovits import CODES, Quantizer
from synth.student import RATE, Student, StudentConfig, levels
from synth.student_content import EXACT, PARTS
from synth.train.recipe import mixed_seed

TEACHER = 512
CROP_S = 4.8
VALIDATION_FILES = 2
"""Of each folder, the first."""
_SAMPLES = round(CROP_S * RATE)
_PER_FRAME = 320


class Foreteller(nn.Module):
    """Codes' features [batch, width, frames at 25 Hz] -> the teacher's states at 50 Hz, and scores of the phones."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.reader = CodeReader(width)
        self.teacher = nn.Linear(width, TEACHER)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden, phones = self.reader(x)
        return self.teacher(hidden), phones


class Learner(nn.Module):
    """All that learns."""

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        self.student = Student(config)
        self.ssl_proj = nn.Conv1d(config.width, config.width, 2, stride=2)
        self.quantizer = Quantizer(CODES, config.width)
        self.foreteller = Foreteller(config.width)
        self.norm = nn.LayerNorm(TEACHER, elementwise_affine=False)

    def forward(self, bands: Tensor, *, coded: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Bands -> the teacher's states [b, t, 512], scores of the phones [b, t, 733], commitment."""
        features = self.ssl_proj(self.student(bands)).float()
        lost = features.new_zeros(())
        if coded:
            features, lost = self.quantizer(features)
        return (*self.foreteller(features), lost)


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


def losses(learner: Learner, batch: Batch, *, coded: bool, precision: str) -> dict[str, Tensor]:
    """`teacher`: mean of (1 - cosine) of normalised states; `phones`: per phone; `commitment`."""
    bands = levels(batch.sound)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        states, scores, lost = learner(bands, coded=coded)
    wanted = learner.norm(batch.teacher)
    states, scores = states.float(), scores.float()
    near = 1 - F.cosine_similarity(states, wanted, dim=-1)
    out = {"teacher": (near * batch.real).sum() / batch.real.sum(), "commitment": lost}
    have = [n for n, phones in enumerate(batch.phones) if len(phones)]
    if have:
        targets = [batch.phones[n] for n in have]
        out["phones"] = F.ctc_loss(
            scores[have].log_softmax(-1).transpose(0, 1),
            torch.cat(targets),
            batch.real[have].sum(1).long(),
            torch.tensor([len(phones) for phones in targets]),
            blank=PHONES,
            zero_infinity=True,
        )
    return out


def order(count: int, size: int, seed: int) -> Iterator[list[int]]:
    """Batches for ever; every recording once an epoch."""
    epoch = 0
    while True:
        places = np.random.default_rng(mixed_seed(seed, epoch)).permutation(count)
        yield from ([int(n) for n in places[at : at + size]] for at in range(0, count - size + 1, size))
        epoch += 1


def rate_at(step: int, steps: int, top: float) -> float:
    """Warm-up over 300 steps, then down to a fiftieth along a cosine."""
    if step < 300:
        return top * (step + 1) / 300
    return top * (0.02 + 0.98 * 0.5 * (1 + float(np.cos(np.pi * (step - 300) / max(steps - 300, 1)))))


@torch.no_grad()
def validated(learner: Learner, speech: Speech, *, coded: bool, precision: str) -> dict[str, float]:
    """Losses on recordings that were never trained on, clean and spoilt; how alike the codes of both are, and usage."""
    learner.eval()
    sums: dict[str, list[float]] = {}
    used = torch.zeros(CODES)
    agreed: list[float] = []
    for first in range(0, len(speech.rows) - 15, 16):
        indices = list(range(first, first + 16))
        codes = []
        for spoilt in (False, True):
            batch = speech.batch(indices, np.random.default_rng(first), spoilt=spoilt)
            for name, value in losses(learner, batch, coded=coded, precision=precision).items():
                sums.setdefault(f"{name} {'spoilt' if spoilt else 'clean'}", []).append(float(value))
            if coded:
                codes.append(learner.quantizer.encode(learner.ssl_proj(learner.student(levels(batch.sound))))[:, 0])
        if coded:
            real = batch.real[:, ::2].bool()
            used += torch.bincount(codes[0][real], minlength=CODES)
            agreed.append(float((codes[0] == codes[1])[real].float().mean()))
    learner.train()
    out = {name: float(np.mean(values)) for name, values in sums.items()}
    if coded:
        share = used / used.sum()
        out["codes that noise and channels leave"] = float(np.mean(agreed))
        out["codes in use"] = float((used > 0).float().mean())
        out["perplexity"] = float(torch.exp(-(share * (share + 1e-12).log()).sum()))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, action="append", help="may be repeated")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=12_000)
    parser.add_argument("--codes-from", type=int, default=2_500, help="step from which codes are in between")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=8e-4)
    parser.add_argument("--phones", type=float, default=0.1, help="weight of the phones")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="bfloat16")
    parser.add_argument("--compile", action="store_true", help="compile the networks first: half as fast again")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--until", type=int, help="stop at this step; a later run goes on")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(arguments.seed)
    folders = [sorted(folder.glob("speech-*.safetensors")) for folder in arguments.data]
    unheard = Speech([path for files in folders for path in files[:VALIDATION_FILES]])
    speech = Speech([path for files in folders for path in files[VALIDATION_FILES:]])
    learner = Learner(StudentConfig())
    if arguments.compile:
        learner.student.compile()
        learner.foreteller.compile()
    optimiser = torch.optim.AdamW(learner.parameters(), arguments.rate, betas=(0.9, 0.98), weight_decay=0.01)
    state, first = arguments.out / "state.pt", 0
    if state.exists():
        kept = cast(Any, torch.load(state, weights_only=True))
        learner.load_state_dict(kept["learner"])
        optimiser.load_state_dict(kept["optimiser"])
        first = int(kept["step"])
    batches = order(len(speech.rows), arguments.batch, arguments.seed)
    for _ in range(first):
        next(batches)
    began, last = time.perf_counter(), arguments.until or arguments.steps
    sums: dict[str, float] = {}
    for step in range(first, last):
        coded = step >= arguments.codes_from
        batch = speech.batch(next(batches), np.random.default_rng(mixed_seed(arguments.seed, step, 1)), spoilt=True)
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step, arguments.steps, arguments.rate)
        found = losses(learner, batch, coded=coded, precision=arguments.precision)
        phones = arguments.phones * found.get("phones", torch.zeros(()))
        loss = found["teacher"] + 0.25 * found["commitment"] + phones
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimiser.step()
        for name, value in found.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach()) / 50
        if (step + 1) % 50 == 0:
            line: dict[str, Any] = {"step": step + 1, **{name: round(value, 4) for name, value in sums.items()}}
            line["seconds"] = round(time.perf_counter() - began, 1)
            if (step + 1) % 500 == 0 or step + 1 == last:
                found_there = validated(learner, unheard, coded=coded, precision=arguments.precision)
                line["unheard"] = {name: round(value, 4) for name, value in found_there.items()}
                torch.save(
                    {"learner": learner.state_dict(), "optimiser": optimiser.state_dict(), "step": step + 1},
                    state.with_suffix(".part"),
                )
                state.with_suffix(".part").replace(state)
            with (arguments.out / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")
            sums = {}
    state_dict = {name: value for name, value in learner.state_dict().items() if name.startswith(PARTS)}
    config = {name: str(value) for name, value in learner.student.config.to_mapping().items()}
    save_file(packed(state_dict, EXACT), arguments.out / "student.safetensors", metadata=config)


if __name__ == "__main__":
    main()
