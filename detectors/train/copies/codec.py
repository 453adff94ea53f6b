"""A small codec that learns: strided convolutions, codebooks on what the ones before left, and a generator.

N. Zeghidour et al., "SoundStream: An End-to-End Neural Audio Codec" (2021), small. What codec language models say
has the traces of such a decoder.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from detectors.train.copies.network_config import NetworkConfig
from detectors.train.copies.upsampling import transposed
from synth.sovits import Quantizer

LATENT, CODES = 64, 256
"""Width of the latent, entries of a codebook."""


class Codec(nn.Module):
    """Samples [batch, time] -> samples [batch, time // hop * hop], commitment loss."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        strides = config.strides[::-1]
        widths = [max(config.width >> len(strides) - stage, 8) for stage in range(len(strides) + 1)]
        layers: list[nn.Module] = [nn.Conv1d(1, widths[0], 7, padding=3)]
        for (narrow, wide), stride in zip(pairwise(widths), strides, strict=True):
            layers += [nn.ELU(), nn.Conv1d(narrow, narrow, 3, padding=1)]
            layers += [nn.ELU(), nn.Conv1d(narrow, wide, 2 * stride + stride % 2, stride, padding=(stride + 1) // 2)]
        self.encoder = nn.Sequential(*layers, nn.ELU(), nn.Conv1d(widths[-1], LATENT, 3, padding=1))
        self.quantisers = nn.ModuleList(Quantizer(CODES, LATENT) for _ in range(config.blocks))
        self.generator = transposed(LATENT, config)

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        whole = samples.shape[1] // self.config.hop * self.config.hop
        rest: Tensor = self.encoder(samples[:, None, :whole])
        total, commitment = rest.new_zeros(rest.shape), rest.new_zeros(())
        for quantiser in self.quantisers:
            coded, loss = quantiser(rest)
            total, rest, commitment = total + coded, rest - coded.detach(), commitment + loss
        return self.generator(total)[:, 0], commitment
