"""How natural clips sound to two networks that were trained on listeners' opinions: DNSMOS P.835 and DistillMOS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from forensics.benches.watermark.quality import dnsmos
from synth.channels.base import FloatArray


@dataclass(frozen=True)
class Opinion:
    """Of one clip or recording, 1 to 5; nan where the network's package is not installed."""

    identity: str
    dnsmos: float
    """Overall quality (Reddy et al., ICASSP 2022); package speechmos."""
    distillmos: float
    """Stahl and Gamper, 2025; package distillmos."""


Judge = Callable[[str, FloatArray], Opinion]


def judge() -> Judge:
    """What asks both networks about samples [time] at 16 kHz."""
    distilled = _distillmos()
    return lambda identity, samples: Opinion(identity, round(dnsmos(samples), 4), round(distilled(samples), 4))


def _distillmos() -> Callable[[FloatArray], float]:
    try:
        package = import_module("distillmos")
    except ImportError:
        return lambda samples: float("nan")
    import torch

    model: Any = package.ConvTransformerSQAModel().eval()

    def asked(samples: FloatArray) -> float:
        with torch.no_grad():
            return float(model(torch.from_numpy(samples[None])))

    return asked
