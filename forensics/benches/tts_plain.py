"""A plain decoding loop, as GPT-SoVITS has it, for `voxproof bench tts` to be measured against.

The same weights and the same choice of tokens; but each layer's keys and values are concatenated anew for every token,
the tokens seen so far are collected anew, and nothing is allocated beforehand. Behaviour after RVC-Boss/GPT-SoVITS,
commit 48b1a01; the code is ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from synth.gpt import GPT, Layer, Utterance
from synth.sampling import Sampling, choose, seen_tokens


@torch.inference_mode()
def plain_decode(model: GPT, utterance: Utterance, sampling: Sampling) -> list[int]:
    """Tokens of one utterance with a prompt, in evaluation, drawn by torch's own generator."""
    device = model.sines.device
    bert = None if utterance.bert is None else utterance.bert.to(device)[None]
    text = model._text(utterance.phonemes.to(device)[None], bert)
    tokens = utterance.prompt.to(device)[None]
    x = torch.cat([text, model._audio(tokens)], dim=1)
    size, border = x.shape[1], text.shape[1]
    columns = torch.arange(size, device=device)
    allowed = (columns < border) | ((columns <= columns[:, None]) & (columns[:, None] >= border))
    caches: list[tuple[Tensor, Tensor] | None] = [None] * model.config.layers
    said: list[int] = []
    mask: Tensor | None = allowed[None, None]
    for step in range(sampling.most):
        for index, layer in enumerate(cast(Iterable[Layer], model.h.layers)):
            x, caches[index] = _layer(layer, x, mask, caches[index])
        mask = None
        logits = model.ar_predict_layer(x[:, -1])
        choice = choose(logits, seen_tokens(tokens, model.config.vocabulary), step, sampling)
        if bool(choice.ended):
            break
        said.append(int(choice.tokens))
        tokens = torch.cat([tokens, choice.tokens[:, None]], dim=1)
        place = tokens.shape[1] - 1
        x = model.ar_audio_position(
            model.ar_audio_embedding(tokens[:, -1:]), model._sines(place + 1)[place : place + 1]
        )
    return said


def _layer(
    layer: Layer, x: Tensor, mask: Tensor | None, cache: tuple[Tensor, Tensor] | None
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    attention = layer.self_attn
    batch, time, width = x.shape
    q, k, v = F.linear(x, attention.in_proj_weight, attention.in_proj_bias).chunk(3, dim=-1)
    if cache is not None:
        k, v = torch.cat([cache[0], k], dim=1), torch.cat([cache[1], v], dim=1)
    one, two, three = (part.view(batch, part.shape[1], attention.heads, -1).transpose(1, 2) for part in (q, k, v))
    attended = F.scaled_dot_product_attention(one, two, three, attn_mask=mask)
    x = layer.norm1(x + attention.out_proj(attended.transpose(1, 2).reshape(batch, time, width)))
    return layer.norm2(x + layer.linear2(F.relu(layer.linear1(x)))), (k, v)
