"""Semantic codes of prepared recordings, from the token extractor of a SoVITS: what the GPT learns to foretell."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from synth.code_reader import PHONES, CodeReader
from synth.errors import VoxproofError
from synth.redrawing import read
from synth.train.forced_alignment import forced_alignment
from synth.train.shards import Prepared, metadata_of, shard_path, write_tensors


class Tokeniser(Protocol):
    """A SoVITS of any version, as far as codes go."""

    @property
    def ssl_proj(self) -> nn.Conv1d:
        """Features at 50 Hz to features at 25 Hz."""
        ...

    @property
    def quantizer(self) -> nn.Module:
        """Those to codes."""
        ...

    def codes(self, ssl: Tensor) -> Tensor:
        """[b, 768, t] -> [b, 1, t // 2]"""
        ...


def tokeniser_hash(model: Tokeniser) -> str:
    """SHA-256 over the weights that decide codes."""
    digest = hashlib.sha256()
    for part in (model.ssl_proj, model.quantizer):
        for name, value in sorted(part.state_dict().items()):
            if name.endswith(("weight", "bias", "embed")):
                digest.update(value.detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()


def extract_codes(
    data: Prepared,
    model: Tokeniser,
    reader: CodeReader | None = None,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> str:
    """Writes the codes of all recordings beside their shards, in float32 on the CPU; gives the tokeniser's hash.

    With what reads phones in the codes, the forced alignment of the phones, too. Shards that have codes of this
    tokeniser, and the alignment if it is wanted, are left as they are.
    """
    mark = tokeniser_hash(model)
    facts = {"tokeniser": mark} | ({} if reader is None else {"alignment": "read in the codes"})
    for number, entries in data.numbered():
        progress(number, int(data.facts["shards"]))
        path = shard_path(data.folder, number, "codes")
        if path.exists() and facts.items() <= metadata_of(path).items():
            continue
        tensors = {}
        for entry in entries:
            features = data.content_of(entry)
            if features.shape[1] < 2:
                raise VoxproofError(
                    f"has {features.shape[1]} frames of features", path=entry.path, cure="Leave it out."
                )
            with torch.no_grad():
                codes = model.codes(features[None].to(model.ssl_proj.weight.device))[0, 0]
                tensors[f"{entry.line}/codes"] = codes
                if reader is not None:
                    scores = read(codes, reader, model.quantizer.decode)  # type: ignore[arg-type]
                    phones = data.tensor(entry, "phones").long().numpy()
                    tensors[f"{entry.line}/alignment"] = torch.from_numpy(forced_alignment(scores, phones, PHONES))
        tensors = {name: value.to("cpu", torch.int16) for name, value in tensors.items()}
        write_tensors(path, tensors, facts)
    data.forget()
    return mark
