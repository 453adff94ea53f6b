"""Sound to the 25 codes a second of the voice model, with how far every frame lies from its code.

The codes are those of the shipped voice: its content student, projection and codebook (synth/student_content.py,
synth/sovits.py); `CodeEar` takes official models with their HuBERT as well. The student attends to all that it is
given, so a long recording is heard in pieces of 20 s that overlap by 4; of every piece only the codes at least 2 s away
from a cut are kept. Where an encoder hears no farther than that, they are those of one go; the student, which hears all
and knows where a frame lies, gave 83 % of the codes of one go in 28 s of a reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synth.code_reader import PHONES, CodeReader
from synth.content import Content
from synth.models.lite import lite_folder
from synth.models.loading import ModelSet, load_models
from synth.redrawing import read
from synth.sovits import Encoders

FloatArray = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]

RATE = 16_000
"""Hz."""
CODE = 640
"""Samples that a code stands for: 40 ms."""
CODES_A_SECOND = RATE // CODE
PIECE, MARGIN = 500, 50
"""Codes heard at once, and those next to a cut that are not kept: 20 s and 2 s."""


@dataclass(frozen=True, eq=False)
class HeardCodes:
    """A stretch of sound as codes."""

    codes: Codes
    """[k], 0 to 1023, 25 a second from the first sample on."""
    distances: FloatArray
    """[k] distance of the projected feature to its code, as a share of the feature's length; 0: it is the code."""

    def __len__(self) -> int:
        return len(self.codes)

    def part(self, first: int, last: int) -> HeardCodes:
        """Codes number `first` up to `last`."""
        return HeardCodes(self.codes[first:last], self.distances[first:last])


class CodeEar:
    """Hears codes; models load once and are given."""

    def __init__(self, content: Content, encoders: Encoders, reader: CodeReader | None = None) -> None:
        """`content` gives the features that `encoders` was trained on; `reader`, if any, reads phones from codes."""
        self.content, self.encoders, self.reader = content, encoders, reader

    @classmethod
    def of(cls, models: ModelSet, content: Content | None = None) -> CodeEar:
        """Of a voice model; `content` where it does not bring its own (HuBERT for official models)."""
        chosen = content or models.content
        if chosen is None:
            raise ValueError("the model has no content encoder of its own: give one")
        return cls(chosen, models.sovits, models.reader)

    def hear(self, samples: FloatArray) -> HeardCodes:
        """Samples [time] at 16 kHz -> codes [time // 640], whatever the length."""
        count = len(samples) // CODE
        codes, distances = np.zeros(count, np.int64), np.zeros(count, np.float32)
        for first, last, keep in pieces(count):
            one = self._piece(samples[first * CODE : last * CODE])
            codes[keep] = one.codes[keep.start - first : keep.stop - first]
            distances[keep] = one.distances[keep.start - first : keep.stop - first]
        return HeardCodes(codes, distances)

    @torch.no_grad()
    def _piece(self, samples: FloatArray) -> HeardCodes:
        sound = torch.from_numpy(np.ascontiguousarray(samples, np.float32))
        if len(sound) < 2 * CODE:  # too short for the encoder: it is heard in front of silence
            sound = torch.cat([sound, torch.zeros(2 * CODE - len(sound))])
        features = self.features(sound)
        projected = self.encoders.ssl_proj(features.to(self.encoders.ssl_proj.weight))  # [1, width, k]
        codes = self.encoders.quantizer.encode(projected)
        apart = (projected - self.encoders.quantizer.decode(codes)).norm(dim=1) / projected.norm(dim=1).clamp(min=1e-9)
        return HeardCodes(codes[0, 0].cpu().numpy(), apart[0].float().cpu().numpy())

    def features(self, sound: Tensor) -> Tensor:
        """Samples [time] at 16 kHz -> [1, width, frames at 50 Hz], without the silence behind a reference."""
        frames = 2 * (len(sound) // CODE)
        return self.content.features(sound, bounded=False)[..., :frames]

    def phones(self, codes: Codes) -> list[int]:
        """Ids of the phones that the model's reader hears in codes [k]; empty without a reader, or where it hears none.

        The likeliest path of its connectionist temporal classification (A. Graves et al., 2006).
        """
        if self.reader is None or not len(codes):
            return []
        best = read(torch.from_numpy(codes), self.reader, self.encoders.quantizer.decode).argmax(-1).tolist()
        return [one for at, one in enumerate(best) if one != PHONES and (at == 0 or best[at - 1] != one)]


def pieces(count: int, size: int = PIECE, margin: int = MARGIN) -> Iterator[tuple[int, int, slice]]:
    """For `count` codes: first and past-the-last code of every piece that is heard, and the codes kept of it."""
    first = kept = 0
    while kept < count:
        last = min(first + size, count)
        until = count if last == count else last - margin
        yield first, last, slice(kept, until)
        kept, first = until, until - margin


@cache
def lite_models() -> ModelSet:
    """The shipped voice, loaded once; VoxproofError where this version of the package has none."""
    return load_models(lite_folder())


def model_name(models: ModelSet) -> str:
    """As the records name the shipped checkpoint: by 8 digits of the SHA-256 of its SoVITS weights."""
    return f"voxproof-lite@{models.hashes['sovits'][:8]}"
