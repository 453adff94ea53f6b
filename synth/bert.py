"""What Mandarin means, for its prosody: features of a Chinese BERT, one row for every phone.

RoBERTa-wwm-ext-large (Y. Cui et al., "Pre-Training with Whole Word Masking for Chinese BERT", 2019) through
`transformers`. As in GPT-SoVITS the output of the third layer from the end is taken (layer 22 of 24), without the
marks for beginning and end, and every character's row is repeated for its phones. Characters are looked up one by one,
which for normalised Mandarin gives what the tokenizer gives and keeps characters and rows in step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from synth.errors import VoxproofError
from synth.pretrained import load_pretrained, local_folder

CHINESE_ROBERTA = "hfl/chinese-roberta-wwm-ext-large"
"""The hub's name of the model that GPT-SoVITS was trained with."""
LONGEST = 510
"""Characters; with beginning and end that is all the model reads."""
WIDTH = 1024
"""Channels of the features, and of the zeros for other languages."""
_LAYER = -3


class BertFeatures:
    """Mandarin text to features."""

    def __init__(self, model: nn.Module, vocabulary: Mapping[str, int]) -> None:
        self.model = model.float().eval()
        self.vocabulary = vocabulary
        if missing := [mark for mark in ("[CLS]", "[SEP]", "[UNK]") if mark not in vocabulary]:
            raise VoxproofError(f"the vocabulary has no {missing[0]}", cure="Give the folder of a Chinese BERT.")

    @classmethod
    def load(cls, name: str | Path = CHINESE_ROBERTA, device: torch.device | str = "cpu") -> BertFeatures:
        """From a local folder, or from the Hugging Face hub (in its cache, else fetched)."""
        try:
            from transformers import BertConfig, BertModel
        except ModuleNotFoundError as error:
            raise VoxproofError(
                f"BERT needs {error.name}, which is not installed", cure="Run: pip install 'voxproof[clone]'."
            ) from error

        def build(config: Mapping[str, Any]) -> nn.Module:
            return cast(nn.Module, BertModel(BertConfig(**config), add_pooling_layer=False))

        folder = local_folder(name)
        model = load_pretrained(folder, build, prefix="bert.", dropped=("cls.", "pooler.", "embeddings.position_ids"))
        try:
            words = (folder / "vocab.txt").read_text("utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise VoxproofError("has no vocab.txt", path=folder, cure="Download the whole folder.") from error
        return cls(model.to(device), {word.rstrip("\r"): place for place, word in enumerate(words) if word.strip()})

    @torch.no_grad()
    def features(self, text: str, word2ph: Sequence[int]) -> Tensor:
        """Normalised text and phones per character -> [phones, 1024] float32, on the model's device."""
        if len(word2ph) != len(text) or not 0 < len(text) <= LONGEST:
            raise VoxproofError(
                f"{len(text)} characters with {len(word2ph)} phone counts have no BERT features",
                cure=f"Give 1 to {LONGEST} characters, and a count for each.",
            )
        unknown = self.vocabulary["[UNK]"]
        ids = [self.vocabulary.get(character.lower(), unknown) for character in text]
        device = next(self.model.parameters()).device
        whole = torch.tensor([[self.vocabulary["[CLS]"], *ids, self.vocabulary["[SEP]"]]], device=device)
        hidden: Tensor = self.model(whole, output_hidden_states=True).hidden_states[_LAYER][0, 1:-1]
        return hidden.float().repeat_interleave(torch.tensor(list(word2ph), device=device), dim=0)
