"""The features that the content student learns to give, as a source of features: what GPT and SoVITS learn from.

So both can be trained before, or beside, the student; it takes this place when they speak.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import Tensor

from synth.train.phone_teacher import PhoneTeacher
from synth.train.student_data import Teacher


class TeacherContent:
    """Whisper-base's encoder and the phone teacher."""

    lite = True

    def __init__(self, whisper: Path, phone_teacher: Path) -> None:
        """Folder of Whisper-base for transformers; what `synth/train/phone_teacher.py` wrote."""
        self.whisper, self.teacher = Teacher(whisper), PhoneTeacher.read(phone_teacher)
        self.name = f"phone teacher {hashlib.sha256(phone_teacher.read_bytes()).hexdigest()[:12]}"

    @torch.no_grad()
    def __call__(self, samples: Tensor) -> Tensor:
        """Samples [n] at 16 kHz -> features [256, frames at 50 Hz] float32."""
        return self.teacher.features(self.whisper(samples.numpy())[None])[0].float()
