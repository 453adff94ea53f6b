"""SoVITS and its spectrograms as the parity tool calls them; see `adapter.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from synth import mel
from synth.sovits import Sovits, SovitsConfig, Version


def make_s2(config: Mapping[str, Any], version: Version) -> Sovits:
    return Sovits(SovitsConfig.from_mapping(config, version))


def s2_codes(model: Sovits, ssl: Tensor) -> Tensor:
    """[b, 768, t] -> [b, 1, t // 2]."""
    return model.codes(ssl)


def s2_ge(model: Sovits, spectrum: Tensor) -> Tensor:
    """[1, 1025, t] -> [1, gin, 1], without the speaker embedding."""
    return model.style(spectrum)


def s2_decode(
    model: Sovits,
    codes: Tensor,
    text: Tensor,
    references: Sequence[Tensor],
    speakers: Sequence[Tensor] | None,
    speed: float,
    noise_scale: float,
    noise: Tensor | None,
) -> Tensor:
    """-> samples [1, 1, n]."""
    return model.decode(codes, text, references, speakers, speed=speed, noise_scale=noise_scale, noise=noise)


def spectrogram(samples: Tensor) -> Tensor:
    return mel.spectrogram(samples)


def mel128(spectrum: Tensor) -> Tensor:
    return mel.log_mel(spectrum)
