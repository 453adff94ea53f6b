"""Training of the text-to-semantic model (S1): cross-entropy of the codes and the end, given the codes before.

The recipe is that of GPT-SoVITS: sum over positions, ScaledAdam at a constant learning rate of 0.002 (its warm-up and
cosine are configured there, and overwritten), four batches a step, buckets of two seconds, recordings of at most 54 s
with 3 to 25 phones a second. Two things differ on purpose: a padded position is not counted as one more end, so that a
recording's loss does not depend on its batch, and text is padded on the left where the mask expects it (synth/gpt.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from synth.checkpoint import Checkpoint
from synth.checkpoint.reading import GPT_ROWS
from synth.errors import VoxproofError
from synth.gpt import GPT, TOKENS_PER_SECOND, Score
from synth.train.distributed import Team
from synth.train.dpo import log_probabilities, preference_loss, rejected
from synth.train.precision import Mixed, Precision
from synth.train.recipe import Recipe, mixed_seed, padded
from synth.train.scaled_adam import ScaledAdam
from synth.train.shards import Entry, Prepared

LONGEST_S = 54
_FEWEST_PHONES, _MOST_PHONES = 3, 25  # a second
ACCUMULATION = 4
"""Batches a step."""
EPOCHS, BATCH, EXPORT_EVERY = 15, 8, 5
"""Of fine-tuning; the reference's batch is half the GPU's memory in GB."""


@dataclass(frozen=True)
class S1Config:
    """What may differ from training to training."""

    rate: float = 0.002
    """Of ScaledAdam: the relative change of a tensor in one step."""
    dpo: bool = False
    """Prefer the codes to damaged ones as well; twice the work."""
    precision: Precision = "float32"
    history_noise: float = 0.0
    """Share of the codes heard so far that are replaced by others of the batch; those to be foretold are not.

    In use it goes on from its own draws, faults included (S. Bengio et al., "Scheduled Sampling for Sequence Prediction
    with Recurrent Neural Networks", 2015, arXiv:1506.03099).
    """


class S1Batch(NamedTuple):
    """Recordings, padded on the right."""

    phonemes: Tensor
    """[b, text] int64."""
    phoneme_lens: Tensor
    codes: Tensor
    """[b, time] int64."""
    code_lens: Tensor
    bert: Tensor | None
    """[b, text, 1024]; None: no Chinese in the batch."""


class TextToCodes(Recipe[S1Batch]):
    """The GPT, from prepared recordings that have codes."""

    name = "gpt"

    def __init__(self, model: GPT, data: Prepared, config: S1Config, team: Team) -> None:
        self.data, self.config, self.team = data, config, team
        if data.tokeniser is None:
            raise VoxproofError(
                "has no semantic codes yet", path=data.folder, cure="Make them: voxproof train codes --sovits FILE."
            )
        self.entries = [entry for entry in data.entries if usable(entry)]
        if not self.entries:
            raise VoxproofError(
                f"has no recording with {_FEWEST_PHONES} to {_MOST_PHONES} phones a second", path=data.folder,
                cure="Do texts and recordings belong together?",
            )  # fmt: skip
        data.require_symbols(self.entries, model.config.phonemes)
        self.tokeniser = data.tokeniser
        self.lengths = [entry.seconds for entry in self.entries]
        self.edges = [float(edge) for edge in range(2, LONGEST_S, 2)]
        self.model = model.to(team.device).train()
        self.networks = {"gpt": self.model}
        self.optimisers = {"gpt": ScaledAdam(self.model.parameters(), lr=config.rate)}
        self.mixed = Mixed(config.precision, team.device)
        self._forward: nn.Module = team.wrapped(self.model, idle=True)  # without Chinese, BERT is

    def settings(self) -> dict[str, Any]:
        model = asdict(self.model.config)
        return {"data": self.data.fingerprint, "tokeniser": self.tokeniser, "model": model, **asdict(self.config)}

    def batch(self, indices: Sequence[int]) -> S1Batch:
        entries = [self.entries[i] for i in indices]
        phones = [self.data.tensor(entry, "phones").long() for entry in entries]
        codes = [self.data.codes(entry) for entry in entries]
        bert = None
        if any(self.data.has(entry, "bert") for entry in entries):
            rows = [self._bert(entry, len(p)) for entry, p in zip(entries, phones, strict=True)]
            bert = padded([row.transpose(0, 1) for row in rows]).transpose(1, 2)
        lens = [torch.tensor([len(row) for row in rows]) for rows in (phones, codes)]
        return S1Batch(padded(phones), lens[0], padded(codes), lens[1], bert)

    def step(self, batches: Sequence[S1Batch], seed: int) -> dict[str, float]:
        optimiser = self.optimisers["gpt"]
        optimiser.zero_grad(set_to_none=True)
        nats, positions, hits, preference = 0.0, 0, 0.0, 0.0
        for place, batch in enumerate(batches):
            batch = self._here(batch)
            with self.team.gathering(self._forward, place == len(batches) - 1), self.mixed():
                score, extra = self._losses(batch, mixed_seed(seed, place))
                loss = score.loss if extra is None else score.loss + extra
                self.mixed.backward(loss * self.team.world)  # the sum over processes, of which a mean is taken
            nats += float(score.loss.detach())
            positions += score.positions
            hits += score.top3 * (score.positions - len(batch.codes))
            preference += 0.0 if extra is None else float(extra.detach()) / len(batches)
        self.mixed.apply(optimiser)
        codes = positions - sum(len(batch.codes) for batch in batches)
        values = {"loss": nats / positions, "top3": hits / max(codes, 1)}
        return values | ({"preference": preference} if self.config.dpo else {})

    def validate(self, batch: S1Batch, seed: int) -> dict[str, float]:
        batch = self._here(batch)
        with self.mixed():
            logits = self.model(batch.phonemes, batch.phoneme_lens, batch.codes, batch.code_lens, batch.bert)
        score = self.model.score(logits, batch.codes, batch.code_lens)
        return {"loss": float(score.loss.detach()) / score.positions, "top3": score.top3}

    def checkpoint(self, epoch: int, step: int) -> Checkpoint:
        own = self.model.config
        if own.phonemes not in GPT_ROWS:
            raise VoxproofError(
                f"a model of {own.phonemes} phonemes has no official container", cure="Use 732, or 512 for v1."
            )
        weight = {f"model.{name}": value.detach().half() for name, value in self.model.state_dict().items()}
        sizes = {
            "phoneme_vocab_size": own.phonemes, "vocab_size": own.vocabulary, "EOS": own.end, "head": own.heads,
            "embedding_dim": own.width, "hidden_dim": own.width, "n_layer": own.layers,
            "linear_units": 4 * own.width, "dropout": own.embedding_dropout,
        }  # fmt: skip
        config = {
            "model": sizes, "data": {"max_sec": LONGEST_S}, "text_pipeline": self.data.text_pipeline,
            "tokeniser": self.tokeniser, "content": self.data.content,
        }  # fmt: skip
        return Checkpoint("gpt", GPT_ROWS[own.phonemes], weight, config, f"GPT-e{epoch}")

    def _losses(self, batch: S1Batch, seed: int) -> tuple[Score, Tensor | None]:
        """Cross-entropy, and the preference's loss if it is wanted."""
        text = (batch.phonemes, batch.phoneme_lens)
        generator = torch.Generator().manual_seed(seed)
        heard = misheard(batch.codes, batch.code_lens, self.config.history_noise, generator)
        logits = self._forward(*text, heard, batch.code_lens, batch.bert)
        score = self.model.score(logits, batch.codes, batch.code_lens)
        if not self.config.dpo:
            return score, None
        rows = [
            rejected(row[:length].cpu(), generator)
            for row, length in zip(batch.codes, batch.code_lens.tolist(), strict=True)
        ]
        other = padded(rows).to(batch.codes.device)
        lens = torch.tensor([len(row) for row in rows], device=other.device)
        other_logits = self._forward(*text, other, lens, batch.bert)
        chosen = log_probabilities(logits, batch.codes, batch.code_lens)
        return score, preference_loss(chosen, log_probabilities(other_logits, other, lens))

    def _bert(self, entry: Entry, count: int) -> Tensor:
        """[count, 1024]"""
        if self.data.has(entry, "bert"):
            return self.data.tensor(entry, "bert").float()
        return torch.zeros(count, self.model.config.bert)

    def _here(self, batch: S1Batch) -> S1Batch:
        moved = [part if part is None else part.to(self.team.device, non_blocking=True) for part in batch]
        return S1Batch(*moved)  # type: ignore[arg-type]  # only bert is None, and may be


def misheard(codes: Tensor, lengths: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Codes [b, time] of these lengths [b], a share of them (0 to 1) replaced by codes from anywhere in the batch."""
    if not share:
        return codes
    said = codes[torch.arange(codes.shape[1], device=codes.device) < lengths[:, None]]
    others = said[torch.randint(len(said), codes.shape, generator=generator).to(codes.device)]
    return torch.where((torch.rand(codes.shape, generator=generator) < share).to(codes.device), others, codes)


def usable(entry: Entry) -> bool:
    """Whether a recording's text and length go together."""
    codes = int(entry.seconds * TOKENS_PER_SECOND)
    fits = codes <= LONGEST_S * TOKENS_PER_SECOND and entry.phones <= LONGEST_S * TOKENS_PER_SECOND / 2.5
    return fits and codes >= 2 and _FEWEST_PHONES <= entry.phones / entry.seconds <= _MOST_PHONES
