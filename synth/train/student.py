"""The content student, step 3: train it to hear what `synth/train/phone_teacher.py` makes of Whisper's states.

    python -m synth.train.student --data FOLDER [--data ...] --phone-teacher codes.safetensors --whisper DIR --out RUN

The student hears a recording as it is or through a channel, with gain, noise and a band drawn anew for every step, and
is to give the features that the phone teacher has for the clean sound, and the same codes. It begins as the first
layers of Whisper-base's encoder. Projection, codebook and what reads the codes (synth/code_reader.py) are the phone
teacher's and stay as they are. RUN/log.jsonl has a line every 50 steps, RUN/state.pt lets an interrupted training go
on, RUN/student.safetensors holds the encoder and the reader in 8 bits, as they ship, projection and codebook exactly.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from synth.packing import packed
from synth.sovits import CODES
from synth.student import Student, StudentConfig, levels
from synth.student_content import EXACT, PARTS
from synth.train.mutual_information import nearest_phones, phone_normalised_mutual_information
from synth.train.phone_teacher import PhoneTeacher
from synth.train.recipe import mixed_seed
from synth.train.student_speech import VALIDATION_FILES, Batch, Speech, order, rate_at

WHISPERS = ("conv", "layers.")
"""Parameters of the student that begin as Whisper's."""
FRESH, WARM_UP = 4.0, 100
"""How much faster the others learn; steps until the full rate."""


def from_whisper(student: Student, folder: Path) -> None:
    """Gives the student the stem and the first layers of Whisper-base's encoder, of whose inner units the strongest."""
    with safe_open(folder / "model.safetensors", framework="pt") as file:

        def theirs(name: str) -> Tensor:
            return cast(
                Tensor, file.get_tensor("model.encoder." + re.sub(r"([qkv]|out)_proj", r"self_attn.\1_proj", name))
            )

        for name, parameter in student.named_parameters():
            if name.startswith(WHISPERS):
                value = theirs(name)
                if ".fc" in name and value.shape != parameter.shape:
                    layer = name.split(".fc")[0]
                    into, out = theirs(f"{layer}.fc1.weight"), theirs(f"{layer}.fc2.weight")
                    strong = (into.norm(dim=1) * out.norm(dim=0)).topk(student.config.inner).indices.sort().values
                    value = value[:, strong] if name.endswith("fc2.weight") else value[strong]
                parameter.data.copy_(value)


def nearness(teacher: PhoneTeacher, features: Tensor, spread: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Features [b, 256, t] -> log-probabilities of the codes [b, t // 2, 1024], and the spread about the codebook.

    A mixture of one normal about each code; `spread` is their variance, by default that of these features.
    """
    projected = teacher.ssl_proj(features.float()).transpose(1, 2)
    book = teacher.quantizer.codebook.embed
    distance = projected.square().sum(-1, keepdim=True) - 2 * projected @ book.t() + book.square().sum(1)
    spread = distance.amin(-1).mean().detach() if spread is None else spread
    return (-distance / spread).log_softmax(-1), spread


def losses(student: Student, teacher: PhoneTeacher, batch: Batch, *, precision: str) -> dict[str, Tensor]:
    """By name: `features`, their mean squared distance (of variance 1); `codes`, nats a code."""
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        heard = student(levels(batch.sound)).float()
        with torch.no_grad():
            wanted = teacher.features(batch.teacher).float()
    real = batch.real[:, None]
    away = ((heard - wanted).square() * real).sum() / (real.sum() * heard.shape[1])
    with torch.no_grad():
        sure, spread = nearness(teacher, wanted)
    guessed, _ = nearness(teacher, heard, spread)
    each = -guessed.gather(2, sure.argmax(-1, keepdim=True))[..., 0]
    whole = batch.real[:, 1::2]
    return {"features": away, "codes": (each * whole).sum() / whole.sum()}


@torch.no_grad()
def validated(student: Student, teacher: PhoneTeacher, speech: Speech, *, precision: str) -> dict[str, float]:
    """Losses on recordings that were never trained on, clean and spoilt; codes: agreement, usage, what they know."""
    student.eval()
    sums: dict[str, list[float]] = {}
    used = torch.zeros(CODES)
    known: list[NDArray[np.int64]] = []
    phones: list[NDArray[np.int64]] = []
    for first in range(0, len(speech.rows) - 15, 16):
        codes = []
        for spoilt in (False, True):
            batch = speech.batch(list(range(first, first + 16)), np.random.default_rng(first), spoilt=spoilt)
            for name, value in losses(student, teacher, batch, precision=precision).items():
                sums.setdefault(f"{name} {'spoilt' if spoilt else 'clean'}", []).append(float(value))
            codes.append(teacher.quantizer.encode(teacher.ssl_proj(student(levels(batch.sound))))[:, 0])
        features = teacher.features(batch.teacher)
        wanted = teacher.quantizer.encode(teacher.ssl_proj(features))[:, 0]
        real = batch.real[:, 1::2].bool()
        used += torch.bincount(codes[0][real], minlength=CODES)
        for name, one in (("the teacher's codes, clean", 0), ("the teacher's codes, spoilt", 1)):
            sums.setdefault(name, []).append(float((codes[one] == wanted)[real].float().mean()))
        kept = (codes[0] == codes[1])[real].float().mean()
        sums.setdefault("codes that noise and channels leave", []).append(float(kept))
        known.append(codes[0][real].numpy())
        said = np.stack([nearest_phones(scores)[::2] for scores in teacher.scores(features)])
        phones.append(said[real.numpy()])
    student.train()
    share = used / used.sum()
    return {name: float(np.mean(values)) for name, values in sums.items()} | {
        "codes in use": float((used > 0).float().mean()),
        "perplexity": float(torch.exp(-(share * (share + 1e-12).log()).sum())),
        "phone-normalised mutual information": phone_normalised_mutual_information(
            np.concatenate(known), np.concatenate(phones)
        ),
    }


def tensors_of(student: Student, teacher: PhoneTeacher) -> dict[str, Tensor]:
    """What `synth.student_content` reads: the encoder, the token extractor, the reader of codes."""
    own = {f"student.{name}": value for name, value in student.state_dict().items()}
    return own | {name: value for name, value in teacher.state_dict().items() if name.startswith(PARTS)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, action="append", help="may be repeated")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=4_000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=4e-4, help="of what begins as Whisper's")
    parser.add_argument("--codes", type=float, default=0.2, help="weight of a nat a code")
    parser.add_argument("--whisper", type=Path, help="folder of Whisper-base, whose first layers are the beginning")
    parser.add_argument("--phone-teacher", type=Path, required=True, help="what `synth/train/phone_teacher.py` wrote")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="bfloat16")
    parser.add_argument("--compile", action="store_true", help="compile the network first: half as fast again")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--until", type=int, help="stop at this step; a later run goes on")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(arguments.seed)
    folders = [sorted(folder.glob("speech-*.safetensors")) for folder in arguments.data]
    unheard = Speech([path for files in folders for path in files[:VALIDATION_FILES]])
    speech = Speech([path for files in folders for path in files[VALIDATION_FILES:]])
    teacher = PhoneTeacher.read(arguments.phone_teacher).requires_grad_(False)
    student = Student(StudentConfig())
    if arguments.whisper:
        from_whisper(student, arguments.whisper)
    if arguments.compile:
        student.compile()
    known = [p for name, p in student.named_parameters() if name.startswith(WHISPERS)]
    fresh = [p for p in student.parameters() if all(p is not one for one in known)]
    groups: list[dict[str, Any]] = [{"params": known, "share": 1.0}, {"params": fresh, "share": FRESH}]
    optimiser = torch.optim.AdamW(groups, arguments.rate, betas=(0.9, 0.98), weight_decay=0.01)
    state, first = arguments.out / "state.pt", 0
    if state.exists():
        kept = cast(Any, torch.load(state, weights_only=True))
        student.load_state_dict(kept["student"])
        optimiser.load_state_dict(kept["optimiser"])
        first = int(kept["step"])
    batches = order(len(speech.rows), arguments.batch, arguments.seed)
    for _ in range(first):
        next(batches)
    began, last = time.perf_counter(), arguments.until or arguments.steps
    sums: dict[str, float] = {}
    for step in range(first, last):
        batch = speech.batch(next(batches), np.random.default_rng(mixed_seed(arguments.seed, step, 1)), spoilt=True)
        for group in optimiser.param_groups:
            group["lr"] = group["share"] * rate_at(step, arguments.steps, arguments.rate, WARM_UP)
        found = losses(student, teacher, batch, precision=arguments.precision)
        optimiser.zero_grad()
        (found["features"] + arguments.codes * found["codes"]).backward()
        nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimiser.step()
        for name, value in found.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach()) / 50
        if (step + 1) % 50 == 0:
            line: dict[str, Any] = {"step": step + 1, **{name: round(value, 4) for name, value in sums.items()}}
            line["seconds"] = round(time.perf_counter() - began, 1)
            if (step + 1) % 500 == 0 or step + 1 == last:
                found_there = validated(student, teacher, unheard, precision=arguments.precision)
                line["unheard"] = {name: round(value, 4) for name, value in found_there.items()}
                torch.save(
                    {"student": student.state_dict(), "optimiser": optimiser.state_dict(), "step": step + 1},
                    state.with_suffix(".part"),
                )
                state.with_suffix(".part").replace(state)
            with (arguments.out / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")
            sums = {}
    config = {name: str(value) for name, value in student.config.to_mapping().items()}
    save_file(packed(tensors_of(student, teacher), EXACT), arguments.out / "student.safetensors", metadata=config)


if __name__ == "__main__":
    main()
