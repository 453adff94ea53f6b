"""The content student, step 2: the codes of the lite voice, learnt from what Whisper hears, and what reads them.

    python -m synth.train.phone_teacher --data FOLDER [--data ...] --out codes.safetensors

Semantic tokens that are taught what is said, as in Z. Du et al., "CosyVoice" (2024): over the states of Whisper-base's
encoder that `synth/train/student_data.py` has stored, a few convolutions make features at 50 Hz, these 1024 codes at
25 Hz, and from the codes alone a reader (synth/code_reader.py) is to tell the phones of transcribed recordings
(connectionist temporal classification: A. Graves et al., 2006) and, of all recordings, Whisper's states. All is rounded
to 16 bits at the end and then never changes: GPT and SoVITS learn from these codes (`ssl_proj`, `quantizer`: names of
SoVITS), and the student (`synth/train/student.py`) learns the features they are taken from.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from synth.code_reader import PHONES, CodeReader
from synth.sovits import CODES, Quantizer
from synth.spoken_words import edits
from synth.student import ConvBlock
from synth.train.student_speech import TEACHER, VALIDATION_FILES, Speech, order, rate_at

WIDTH = 256
"""Channels of the features."""
LONGEST = 300
"""Frames of 20 ms of a recording that is learnt from."""
STATES_WEIGHT = 1.0
"""Of Whisper's states, foretold from the codes; the rest is in nats a phone."""
Row = dict[str, Tensor]


class Foreteller(nn.Module):
    """Codes' features [batch, width, frames at 25 Hz] -> Whisper's states and scores of the phones, both at 50 Hz."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.reader = CodeReader(width)
        self.teacher = nn.Linear(width, TEACHER)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden, phones = self.reader(x)
        return self.teacher(hidden), phones


class PhoneTeacher(nn.Module):
    """Whisper's states [batch, time, 512] -> features [batch, 256, time], and from these the codes."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(TEACHER, elementwise_affine=False)
        self.into = nn.Linear(TEACHER, width)
        self.blocks = nn.ModuleList(ConvBlock(width, 2 * width, 7, 0.25) for _ in range(2))
        self.norm_post = nn.LayerNorm(width, elementwise_affine=False)
        self.phones = nn.Linear(width, PHONES + 1)
        self.ssl_proj = nn.Conv1d(width, width, 2, stride=2)
        self.quantizer = Quantizer(CODES, width)
        self.foreteller = Foreteller(width)

    @classmethod
    def read(cls, path: Path) -> PhoneTeacher:
        """As `main` wrote it."""
        teacher = cls()
        teacher.load_state_dict({name: value.float() for name, value in load_file(path).items()})
        return teacher.eval()

    def features(self, states: Tensor) -> Tensor:
        """[batch, time, 512] -> [batch, 256, time]: what the student is to hear."""
        x = self.into(self.norm(states))
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.norm_post(x).transpose(1, 2)
        return out

    def scores(self, features: Tensor) -> Tensor:
        """Features -> scores of the phones [batch, time, 733], the last the blank's."""
        out: Tensor = self.phones(features.transpose(1, 2))
        return out

    def forward(self, states: Tensor, *, coded: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """-> scores of the phones, the same from the codes, Whisper's states as the codes tell them, commitment.

        All at 50 Hz, one frame fewer where their number is odd; without `coded` the codes are passed by.
        """
        features = self.features(states[:, : states.shape[1] // 2 * 2])
        projected = self.ssl_proj(features).float()
        quantised, lost = self.quantizer(projected) if coded else (projected, projected.new_zeros(()))
        told, scores = self.foreteller(quantised)
        return self.scores(features), scores, told, lost


def losses(teacher: PhoneTeacher, rows: Sequence[Row], *, coded: bool) -> tuple[dict[str, Tensor], Tensor]:
    """By name, and the scores of the phones from the codes.

    `phones`, `read`: nats a phone, from the features and from the codes; `states`: mean of 1 - cosine of normalised
    states; `commitment`.
    """
    lengths = torch.tensor([len(row["teacher"]) // 2 * 2 for row in rows])
    states = torch.zeros(len(rows), int(lengths.max()), TEACHER)
    for place, row in enumerate(rows):
        states[place, : lengths[place]] = row["teacher"][: lengths[place]].float()
    with torch.autocast("cpu", torch.bfloat16):
        heard, read, told, lost = teacher(states, coded=coded)
    real = (torch.arange(states.shape[1]) < lengths[:, None]).float()
    near = 1 - F.cosine_similarity(told.float(), teacher.norm(states), dim=-1)
    out = {"states": (near * real).sum() / real.sum(), "commitment": lost}
    have = [place for place, row in enumerate(rows) if len(row.get("phones", ()))]
    if have:
        phones = [rows[place]["phones"].long() for place in have]
        sizes = torch.tensor([len(one) for one in phones])
        for name, scores in (("phones", heard), ("read", read)):
            said = scores[have].float().log_softmax(-1).transpose(0, 1)
            out[name] = F.ctc_loss(said, torch.cat(phones), lengths[have], sizes, blank=PHONES, zero_infinity=True)
    return out, read.float()


def read_out(scores: Tensor) -> list[int]:
    """The likeliest phones of a recording [time, 733]."""
    best = scores.argmax(-1).tolist()
    return [one for at, one in enumerate(best) if one != PHONES and (at == 0 or best[at - 1] != one)]


@torch.no_grad()
def shortened(teacher: PhoneTeacher) -> None:
    """Rounds everything to 16 bits, so that the codes can be kept exactly in a small file."""
    for value in teacher.state_dict().values():
        value.copy_(value.half())


@torch.no_grad()
def validated(teacher: PhoneTeacher, rows: Sequence[Row]) -> dict[str, float]:
    """Losses, phone errors as read in the codes, and use of the codes, of recordings that were never learnt from."""
    teacher.eval()
    sums: dict[str, list[float]] = {}
    wrong, count, used = 0, 0, torch.zeros(CODES)
    for first in range(0, len(rows), 16):
        some = rows[first : first + 16]
        found, scores = losses(teacher, some, coded=True)
        for name, value in found.items():
            sums.setdefault(name, []).append(float(value))
        for row, one in zip(some, scores, strict=True):
            codes = teacher.quantizer.encode(teacher.ssl_proj(teacher.features(row["teacher"].float()[None])))
            used += torch.bincount(codes.flatten(), minlength=CODES)
            if len(row.get("phones", ())):
                wrong += edits(row["phones"].tolist(), read_out(one[: len(row["teacher"])]))
                count += len(row["phones"])
    share = used / used.sum()
    out = {name: float(np.mean(values)) for name, values in sums.items() if name != "commitment"}
    out |= {
        "phone errors": wrong / max(count, 1),
        "codes in use": float((used > 0).float().mean()),
        "perplexity": float(torch.exp(-(share * (share + 1e-12).log()).sum())),
    }
    return {name: round(value, 4) for name, value in out.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, action="append", help="may be repeated")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--codes-from", type=int, default=200, help="step from which codes are in between")
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    folders = [sorted(folder.glob("speech-*.safetensors")) for folder in arguments.data]

    def short(files: list[Path]) -> list[Row]:
        return [row for row in Speech(files).rows if len(row["teacher"]) <= LONGEST]

    unheard = short([path for files in folders for path in files[:VALIDATION_FILES]])
    rows = short([path for files in folders for path in files[VALIDATION_FILES:]])
    teacher = PhoneTeacher()
    optimiser = torch.optim.AdamW(teacher.parameters(), arguments.rate, betas=(0.9, 0.98))
    batches, began = order(len(rows), arguments.batch, arguments.seed), time.perf_counter()
    weights = {"states": STATES_WEIGHT, "commitment": 0.25}
    for step in range(arguments.steps):
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step, arguments.steps, arguments.rate, warm_up=50)
        coded = step >= arguments.codes_from
        found, _ = losses(teacher, [rows[place] for place in next(batches)], coded=coded)
        optimiser.zero_grad()
        loss = torch.stack([weights.get(name, 1.0) * value for name, value in found.items()]).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(teacher.parameters(), 1.0)
        optimiser.step()
        if (step + 1) % 50 == 0:
            line = {"step": step + 1, **{name: round(float(value.detach()), 3) for name, value in found.items()}}
            print(json.dumps(line | {"seconds": round(time.perf_counter() - began)}), flush=True)
    shortened(teacher)
    print(json.dumps({"unheard": validated(teacher, unheard)}), flush=True)
    save_file({name: value.half() for name, value in teacher.state_dict().items()}, arguments.out)


if __name__ == "__main__":
    main()
