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

    lite = True
    width: int

    def __init__(self, student: Student, mark: str) -> None:
        """`mark` tells these weights from others."""
        self.student, self.name, self.width = student.float().eval(), f"student {mark}", student.config.width

    @property
    def device(self) -> torch.device:
        return self.student.conv1.weight.device

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
    """Of a file of `synth/train/student.py`: the encoder, and what `read_extractor` gives."""
    tensors, metadata = _read(path)
    try:
        student = Student(StudentConfig.from_mapping(metadata))
        student.load_state_dict(_under("student.", tensors))
    except (RuntimeError, TypeError, ValueError) as error:
        raise _no_student(path, error) from error
    return StudentContent(student, _mark(tensors)), *_extractor(path, tensors)


def read_extractor(path: Path) -> tuple[dict[str, Tensor], CodeReader | None]:
    """The token extractor's tensors, and the reader of its codes if it is there; of a student or a phone teacher.

    The tensors have the names of SoVITS: ssl_proj.* and quantizer.*.
    """
    return _extractor(path, _read(path)[0])


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            return unpacked(tensors), dict(file.metadata() or {})
    except (OSError, SafetensorError, RuntimeError, ValueError) as error:
        raise _no_student(path, error) from error


def _extractor(path: Path, tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], CodeReader | None]:
    read = _under("foreteller.reader.", tensors)
    reader = CodeReader(read["phones.weight"].shape[1]) if "phones.weight" in read else None
    try:
        if reader is not None:
            reader.load_state_dict(read)
    except RuntimeError as error:
        raise _no_student(path, error) from error
    extractor = {name: value for name, value in tensors.items() if name.startswith(EXACT)}
    return extractor, None if reader is None else reader.eval()


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _no_student(path: Path, error: Exception) -> VoxproofError:
    return VoxproofError(
        f"is no content student ({str(error)[:200]})", path=path, cure="Make one: python -m synth.train.student."
    )


def _mark(tensors: dict[str, Tensor]) -> str:
    """The first digits of a digest of the encoder."""
    digest = hashlib.sha256()
    for name in sorted(name for name in tensors if name.startswith("student.")):
        digest.update(name.encode() + tensors[name].numpy().tobytes())
    return digest.hexdigest()[:12]
