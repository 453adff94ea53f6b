"""Which phones a row of codes says: what the quality control of a generated sentence reads (synth/quality_control.py).

A few convolutions over the features of the codes, learnt beside them by connectionist temporal classification (A.
Graves et al., 2006) in `synth/train/student.py`.
"""

from __future__ import annotations

from torch import Tensor, nn

from synth.student import ConvBlock

PHONES = 732
"""Places in the table of phones of v2; the blank follows them."""


class CodeReader(nn.Module):
    """Features of codes [batch, width, time at 25 Hz] -> hidden states and scores of phones at 50 Hz."""

    def __init__(self, width: int = 256) -> None:
        super().__init__()
        self.into = nn.ConvTranspose1d(width, width, 2, stride=2)
        self.blocks = nn.ModuleList(ConvBlock(width, 2 * width, 7, 0.25) for _ in range(3))
        self.phones = nn.Linear(width, PHONES + 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """-> hidden [batch, 2 time, width], scores [batch, 2 time, 733], the last of them the blank's."""
        x = self.into(x).transpose(1, 2)
        for block in self.blocks:
            x = block(x)
        return x, self.phones(x)
