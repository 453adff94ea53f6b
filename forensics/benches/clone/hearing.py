"""Whisper-base as the recogniser of the bench: a local folder of `transformers`, greedy, in English.

A. Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022. The clip is padded to 30 s as
the model expects it; nothing of the wanted text is given to it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch

from forensics.benches.clone.material import RATE
from synth.channels.base import FloatArray
from synth.errors import VoxproofError

PROMPT = ("<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>")
END = "<|endoftext|>"
BLANK = 220
"""A space alone, with which Whisper never begins."""
MOST = 96
"""Tokens of a transcript."""


class Whisper:
    """Speech to text."""

    def __init__(self, folder: Path) -> None:
        """`folder` has model.safetensors, or has it in `hf`; tokenizer.json lies beside it or in `ct2`."""
        try:
            from tokenizers import Tokenizer
            from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration
        except ModuleNotFoundError as error:
            raise VoxproofError(
                f"Whisper needs {error.name}, which is not installed", cure="Run: pip install 'voxproof[clone]'."
            ) from error
        places = [folder, folder / "hf", folder / "ct2", folder.parent / "ct2"]
        weights = next((one for one in places if (one / "model.safetensors").is_file()), None)
        words = next((one for one in places if (one / "tokenizer.json").is_file()), None)
        if weights is None or words is None:
            lacking = "model.safetensors" if weights is None else "tokenizer.json"
            raise VoxproofError(f"holds no {lacking}", path=folder, cure="Give a folder of Whisper-base.")
        self._tokens = Tokenizer.from_file(str(words / "tokenizer.json"))
        self._model = cast(Any, WhisperForConditionalGeneration.from_pretrained(weights)).eval()
        self._bands = cast(Any, WhisperFeatureExtractor)(feature_size=80)
        numbers = [self._tokens.token_to_id(one) for one in (*PROMPT, END)]
        known = [one for one in numbers if one is not None]
        if len(known) < len(numbers):
            raise VoxproofError("is not the tokenizer of Whisper", path=words, cure="Give a folder of Whisper-base.")
        self._prompt, self._end = known[:-1], known[-1]

    @torch.no_grad()
    def __call__(self, samples: FloatArray) -> str:
        bands = self._bands(samples, sampling_rate=RATE, return_tensors="pt").input_features
        with torch.autocast("cpu", torch.bfloat16):
            heard = self._model.model.encoder(bands).last_hidden_state
        states, kept, tokens = heard.float(), None, torch.tensor([self._prompt])
        said: list[int] = []
        while len(said) < MOST:
            out = self._model.model.decoder(
                input_ids=tokens, encoder_hidden_states=states, past_key_values=kept, use_cache=True
            )
            kept = out.past_key_values
            scores = self._model.proj_out(out.last_hidden_state[0, -1])
            scores[self._end + 1 :] = -torch.inf
            if not said:
                scores[[BLANK, self._end]] = -torch.inf
            best = int(scores.argmax())
            if best == self._end:
                break
            said.append(best)
            tokens = torch.tensor([[best]])
        return str(self._tokens.decode(said)).strip()
