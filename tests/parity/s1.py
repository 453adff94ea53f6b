"""Our text-to-semantic model behind the functions that the parity tool calls (see its docstring)."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from synth.gpt import GPT, GPTConfig, Utterance
from synth.sampling import Sampling, distribution, penalise, seen_tokens

__all__ = ["make_s1", "probs", "s1_greedy", "s1_logits"]


def make_s1(config: Mapping[str, Any]) -> GPT:
    return GPT(GPTConfig.from_reference(config))


def s1_logits(
    m: GPT, phoneme_ids: Tensor, phoneme_lens: Tensor, semantic_ids: Tensor, semantic_lens: Tensor, bert: Tensor
) -> Tensor:
    """bert [batch, 1024, text], as the reference has it -> [batch, time + 1, 1025]"""
    logits: Tensor = m(phoneme_ids, phoneme_lens, semantic_ids, semantic_lens, bert.transpose(1, 2))
    return logits


def s1_greedy(
    m: GPT, phoneme_ids: Tensor, bert: Tensor, prompt: Tensor | None, repetition_penalty: float, max_new: int
) -> Tensor:
    """The reference's whole history [1, prompt + new]; asked for n it stops once it has *more* than n."""
    empty = phoneme_ids.new_zeros(0)
    utterance = Utterance(phoneme_ids[0], bert[0].T, empty if prompt is None else prompt[0])
    sampling = Sampling(top_k=1, repetition_penalty=repetition_penalty, most=min(max_new + 1, 1500))
    new = m.generate([utterance], sampling)[0].tokens
    return new.new_tensor([*utterance.prompt.tolist(), *new.tolist()])[None]


def probs(logits: Tensor, prev: Tensor, **settings: Any) -> Tensor:
    """One sampling distribution [batch, vocabulary] after the tokens `prev` [batch, time]."""
    sampling = Sampling(**settings)
    seen = seen_tokens(prev, logits.shape[-1])
    return distribution(penalise(logits, seen, sampling.repetition_penalty), sampling)
