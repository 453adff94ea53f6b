"""The content student as a source of features: what HuBERT is to the official models, it is to the lite voice."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from synth.code_reader import CodeReader
from synth.content import LONGEST, RATE, SHORTEST
from synth.errors import VoxproofError
from synth.packing import unpacked
from synth.student import Student, StudentConfig, levels

SILENCE = 4_800
"""Zeros appended to a reference, samples: what is to be said begins behind a pause."""
PARTS = ("student.", "ssl_proj.", "quantizer.", "foreteller.reader.")
"""Of the file that `synth/train/student.py` writes."""
EXACT = ("ssl_proj.", "quantizer.")
"""Of these, what is not rounded."""


class StudentContent:
    """Sound to features."""

    width: int

    def __init__(self, student: Student, mark: str) -> None:
        """`mark` tells these weights from others."""
        self.student, self.name, self.width = student.float().eval(), f"student {mark}", student.config.width

    @property
    def device(self) -> torch.device:
        return self.student.stem.weight.device

    @torch.no_grad()
    def __call__(self, samples: Tensor) -> Tensor:
        """Samples [n] at 16 kHz -> features [width, frames at 50 Hz] float32 on the CPU."""
        with torch.autocast(self.device.type, enabled=False):
            found: Tensor = self.student(levels(samples.float().to(self.device)[None]))
        return found[0].cpu()

    def features(self, samples: Tensor, *, bounded: bool = True) -> Tensor:
        """As `synth.content.ContentEncoder.features`: [1, width, frames], with silence behind.

        `bounded`: 3 to 10 seconds, as a reference must be.
        """
        if samples.dim() != 1 or (bounded and not SHORTEST <= len(samples) <= LONGEST):
            raise VoxproofError(
                f"a reference of {samples.numel() / RATE:.1f} s cannot be used",
                cure="Give 3 to 10 seconds of one voice.",
            )
        return self(torch.cat([samples.float(), torch.zeros(SILENCE)]))[None].to(self.device)


def read_student(path: Path) -> tuple[StudentContent, dict[str, Tensor], CodeReader | None]:
    """Of a file of `synth/train/student.py`: the encoder, the token extractor's tensors, and the reader if it is there.

    The tensors have the names of SoVITS: ssl_proj.* and quantizer.*.
    """
    try:
        with safe_open(path, framework="pt") as file:
            config = StudentConfig.from_mapping(file.metadata() or {})
            tensors = unpacked({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 (not a mapping)
        own, read = (
            {name.removeprefix(part): value for name, value in tensors.items() if name.startswith(part)}
            for part in ("student.", "foreteller.reader.")
        )
        student, reader = Student(config), CodeReader(config.width) if read else None
        student.load_state_dict(own)
        if reader is not None:
            reader.load_state_dict(read)
    except (OSError, SafetensorError, RuntimeError, TypeError, ValueError) as error:
        raise VoxproofError(
            f"is no content student ({str(error)[:200]})", path=path, cure="Make one: python -m synth.train.student."
        ) from error
    extractor = {name: value for name, value in tensors.items() if name.startswith(("ssl_proj.", "quantizer."))}
    return StudentContent(student, _mark(tensors)), extractor, None if reader is None else reader.eval()


def _mark(tensors: dict[str, Tensor]) -> str:
    """The first digits of a digest of the encoder."""
    digest = hashlib.sha256()
    for name in sorted(name for name in tensors if name.startswith("student.")):
        digest.update(name.encode() + tensors[name].numpy().tobytes())
    return digest.hexdigest()[:12]
