"""Preference of what was said over what was said wrongly, for the text-to-semantic model.

R. Rafailov et al., "Direct Preference Optimization" (2023, arXiv:2305.18290), without a reference model, as GPT-SoVITS
has it as an option: the rejected codes are the recording's with a span said twice or left out, which are the failures
that such models have.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

STRENGTH = 0.2


def rejected(codes: Tensor, generator: torch.Generator) -> Tensor:
    """Codes [time] with a random span said twice or left out, half and half; never empty."""
    if len(codes) < 2:
        return codes.repeat(2)
    first, last = sorted(torch.randint(0, len(codes) + 1, (2,), generator=generator).tolist())
    if first == last:
        first, last = max(first - 1, 0), max(first, 1)
    twice = bool(torch.rand((), generator=generator) < 0.5) or last - first == len(codes)
    middle = codes[first:last].repeat(2) if twice else codes[:0]
    return torch.cat([codes[:first], middle, codes[last:]])


def log_probabilities(logits: Tensor, codes: Tensor, lengths: Tensor) -> Tensor:
    """Of each row's codes and its end: logits [b, time + 1, vocabulary], codes [b, time], lengths [b] -> [b] nats."""
    end = logits.shape[-1] - 1
    columns = torch.arange(logits.shape[1], device=logits.device)
    targets = F.pad(codes, (0, 1), value=end).masked_fill(columns >= lengths[:, None], end)
    each = logits.float().log_softmax(-1).gather(-1, targets[..., None])[..., 0]
    return each.masked_fill(columns > lengths[:, None], 0.0).sum(1)


def preference_loss(chosen: Tensor, other: Tensor) -> Tensor:
    """Log-probabilities [b] of what was said and of the rejected -> mean loss."""
    return -F.logsigmoid(STRENGTH * (chosen - other)).mean()
