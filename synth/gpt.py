"""Text to semantic tokens: the GPT of GPT-SoVITS ("S1"), from phonemes to 25 codes a second.

    phonemes [X] ─ embedding ─┐                       prompt codes [P] ─ embedding ─ + position ─┐
    BERT [X, 1024] ─ linear ──┴─ + position ─ [text ; audio] ────────────────────────────────────┘
                                                  │  24 transformer layers: text sees all text,
                                                  │  audio sees all text and the audio up to itself
                                                  └─ linear ─ 1024 codes and the end token

Layers are post-norm (Vaswani et al. 2017, arXiv:1706.03762) with ReLU, positions fixed sines scaled by a learnt number
and counted from 0 for text and audio apart; the family is VALL-E's autoregressive stage (Wang et al. 2023,
arXiv:2301.02111) as SoundStorm-style code bases implement it. Names of parameters and all numbers are those of
RVC-Boss/GPT-SoVITS (MIT), commit 48b1a01, so that its checkpoints load; the code is ours, from a description.

Rows of different length share a batch in one of two layouts, both with the text up against the audio:

    training    .. text | audio ..      text padded on the left, audio on the right
    decoding    ..  text | prompt |     everything up against the first token to be decoded

Neither shows padding to anything that is kept, and positions start at 0 in each row, so a batch gives what each row
gives alone. (The reference trains with a mask that hides real phonemes in ragged batches; we do not follow it there.)
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from synth.errors import VoxproofError
from synth.sampling import Sampling, Source, choose, seen_tokens

if TYPE_CHECKING:
    from synth.compiled import Steps
    from synth.graphed import GraphedSteps

TOKENS_PER_SECOND = 25
_PREFIX = "model."  # of every key in the reference's checkpoints
_REFERENCE_LOOP = 1500  # the reference decodes no further, whatever is asked for


@dataclass(frozen=True)
class GPTConfig:
    """What the weights cannot say about themselves, and what they can; the defaults are v2 (v1: 512 phonemes)."""

    phonemes: int = 732
    """Rows of the phoneme embedding."""
    vocabulary: int = 1025
    """Semantic codes and the end token, which is the last."""
    width: int = 512
    """Channels of the embeddings and layers; the feed-forward part is four times as wide."""
    heads: int = 16
    """Attention heads; `width / heads` channels each."""
    layers: int = 24
    bert: int = 1024
    """Channels of the BERT features that come with the phonemes."""
    dropout: float = 0.1
    """In training: on sums with positions, attention weights and both branches of a layer."""
    embedding_dropout: float = 0.0
    """In training: on the embeddings before the positions are added."""

    @property
    def end(self) -> int:
        """The end token."""
        return self.vocabulary - 1

    @classmethod
    def from_reference(cls, config: Mapping[str, Any]) -> "GPTConfig":
        """From the `config` of a reference checkpoint; its `linear_units` is ignored, as the reference does."""
        try:
            m = config["model"]
            if m["embedding_dim"] != m["hidden_dim"] or m["EOS"] != m["vocab_size"] - 1:
                raise VoxproofError(
                    "the embeddings have another width than the layers, or the end token is not the last",
                    cure="Such a model was never released; check the checkpoint.",
                )
            return cls(
                phonemes=m["phoneme_vocab_size"], vocabulary=m["vocab_size"], width=m["hidden_dim"], heads=m["head"],
                layers=m["n_layer"], embedding_dropout=float(m.get("dropout", 0.0)),
            )  # fmt: skip
        except KeyError as missing:
            raise VoxproofError(
                f"the checkpoint's configuration lacks {missing}", cure="Is it a text-to-semantic model?"
            ) from missing


@dataclass(frozen=True, eq=False)
class Utterance:
    """What is to be said, and the codes of a voice that has begun to speak."""

    phonemes: Tensor
    """[text] int64: the phonemes of the prompt's transcript, then those to be said."""
    bert: Tensor | None = None
    """[text, 1024] features of the same phonemes; None: zeros (all languages but Chinese)."""
    prompt: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.long))
    """[time] int64: codes of the reference recording; empty without a reference."""


@dataclass(frozen=True, eq=False)
class Spoken:
    """Codes decoded for one utterance."""

    tokens: Tensor
    """[time] int64, 25 a second, prompt and end token not included."""
    capped: bool
    """True: cut off at the longest length allowed, the model had not ended."""


@dataclass(frozen=True, eq=False)
class Score:
    """How well the model foretells given codes."""

    loss: Tensor
    """Cross-entropy in nats, summed over the positions counted; a scalar with gradient."""
    positions: int
    """Codes counted, one end token per row included."""
    top3: float
    """Share of codes (end tokens left out) that are among the three likeliest; nan without codes."""


class Slot(NamedTuple):
    """One layer's part of the cache."""

    keys: Tensor  # [batch, heads, capacity, channels]
    values: Tensor  # [batch, heads, capacity, channels]
    filled: int


class Linear(NamedTuple):
    """Weight and bias of a linear layer that is no module of its own."""

    weight: Tensor
    bias: Tensor


class Cache:
    """Keys and values of all layers, allocated once for prompt and longest answer; nothing grows while decoding."""

    def __init__(self, config: GPTConfig, rows: int, capacity: int, like: Tensor) -> None:
        shape = (config.layers, 2, rows, config.heads, capacity, config.width // config.heads)
        if like.device.type == "cpu" and like.dtype == torch.float32:
            self.memory = torch.from_numpy(np.empty(shape, np.float32))  # NumPy's comes in large pages
        else:
            self.memory = torch.empty(shape, dtype=like.dtype, device=like.device)
        self.filled = 0

    def slot(self, layer: int) -> Slot:
        return Slot(self.memory[layer, 0], self.memory[layer, 1], self.filled)

    def keep(self, rows: Tensor) -> None:
        """Only these rows [rows] go on; they move to the front of the same memory."""
        self.memory[:, :, : len(rows), :, : self.filled] = self.memory[:, :, rows, :, : self.filled]
        self.memory = self.memory[:, :, : len(rows)]


class Attention(nn.Module):
    """Multi-head self-attention with query, key and value packed in one matrix."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.dropout = config.dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * config.width, config.width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * config.width))
        self.projection: nn.Module | None = None  # in place of the packed matrix, where it is quantised
        self.out_proj = nn.Linear(config.width, config.width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    @property
    def packed(self) -> "nn.Module | Linear":
        """The matrix that makes query, key and value."""
        return self.projection or Linear(self.in_proj_weight, self.in_proj_bias)

    def project(self, x: Tensor) -> Tensor:
        """[batch, time, channels] -> query, key and value [batch, time, 3 * channels]"""
        if self.projection is not None:
            out: Tensor = self.projection(x)
            return out
        return F.linear(x, self.in_proj_weight, self.in_proj_bias)

    def forward(self, x: Tensor, allowed: Tensor | None, slot: Slot | None = None) -> Tensor:
        """x [batch, time, channels], allowed [batch, 1, time, keys] bool -> [batch, time, channels].

        With a slot, keys and values of `x` are written behind what is there, and all of it is attended to.
        """
        batch, time, width = x.shape
        packed = self.project(x)
        q, k, v = packed.view(batch, time, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        if slot is not None:
            stop = slot.filled + time
            slot.keys[:, :, slot.filled : stop] = k
            slot.values[:, :, slot.filled : stop] = v
            k, v = slot.keys[:, :, :stop], slot.values[:, :, :stop]
        dropout = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed, dropout_p=dropout)
        out: Tensor = self.out_proj(y.transpose(1, 2).reshape(batch, time, width))
        return out


class Layer(nn.Module):
    """Attention and feed-forward, each added to its input and normalised after."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.self_attn = Attention(config)
        self.linear1 = nn.Linear(config.width, 4 * config.width)
        self.linear2 = nn.Linear(4 * config.width, config.width)
        self.norm1 = nn.LayerNorm(config.width)
        self.norm2 = nn.LayerNorm(config.width)
        self.drop = nn.Dropout(config.dropout)

    @property
    def matrices(self) -> "tuple[nn.Module | Linear, ...]":
        """The linear layers, in the order in which they are used."""
        return self.self_attn.packed, self.self_attn.out_proj, self.linear1, self.linear2

    def forward(self, x: Tensor, allowed: Tensor | None, slot: Slot | None = None) -> Tensor:
        """[batch, time, channels] -> [batch, time, channels]"""
        x = self.norm1(x + self.drop(self.self_attn(x, allowed, slot)))
        x = self.norm2(x + self.drop(self.linear2(self.drop(F.relu(self.linear1(x))))))
        return x


class Layers(nn.Module):
    """The stack; a module of its own for the sake of the keys."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))

    def forward(self, x: Tensor, allowed: Tensor | None, cache: Cache | None = None) -> Tensor:
        """[batch, time, channels] -> [batch, time, channels]"""
        for index, layer in enumerate(self.layers):
            x = layer(x, allowed, None if cache is None else cache.slot(index))
        if cache is not None:
            cache.filled += x.shape[1]
        return x


class Embedding(nn.Module):
    """Token ids [...] -> [..., channels]."""

    def __init__(self, rows: int, config: GPTConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(rows, config.width)
        self.drop = nn.Dropout(config.embedding_dropout)

    def forward(self, ids: Tensor) -> Tensor:
        out: Tensor = self.drop(self.word_embeddings(ids))
        return out


class Position(nn.Module):
    """Adds sines, scaled by one learnt number."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1))
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, sines: Tensor) -> Tensor:
        """x [..., time, channels], sines [..., time, channels] -> the same shape"""
        out: Tensor = self.drop(x + self.alpha * sines)
        return out


@dataclass
class _Decoding:
    """What goes on from token to token, for the rows that have not ended."""

    rows: list[int]
    cache: Cache
    starts: Tensor  # [batch] first column of the cache that is not padding
    padded: bool  # any row is
    positions: Tensor  # [batch] of the token to come, counted from the row's first code
    seen: Tensor  # [batch, vocabulary] bool
    logits: Tensor  # [batch, vocabulary]
    quick: "Steps | GraphedSteps | None"  # takes a token through the layers with fewer calls
    sources: list[Source] | None  # what each row draws from


class GPT(nn.Module):
    """The text-to-semantic model."""

    sines: Tensor

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.bert_proj = nn.Linear(config.bert, config.width)
        self.ar_text_embedding = Embedding(config.phonemes, config)
        self.ar_text_position = Position(config)
        self.ar_audio_embedding = Embedding(config.vocabulary, config)
        self.ar_audio_position = Position(config)
        self.h = Layers(config)
        self.ar_predict_layer = nn.Linear(config.width, config.vocabulary, bias=False)
        self.register_buffer("sines", sines(4000, config.width), persistent=False)
        self.fuse = False
        """On a GPU, join operations by torch.compile before decoding: seconds to start, for long work."""

    # --- training ---------------------------------------------------------------------------------------------------

    def forward(
        self,
        phonemes: Tensor,
        phoneme_lens: Tensor,
        semantic: Tensor,
        semantic_lens: Tensor,
        bert: Tensor | None = None,
    ) -> Tensor:
        """Scores of every code and of the end, given the codes before (teacher forcing).

        phonemes [batch, text] int64, semantic [batch, time] int64 and bert [batch, text, 1024], all padded on the right
        with anything; lens [batch] -> [batch, time + 1, vocabulary]. Column t foretells code t; the first is foretold
        from the text alone. Columns beyond a row's length + 1 mean nothing.
        """
        text, time = phonemes.shape[1], semantic.shape[1]
        columns = torch.arange(text, device=phonemes.device)
        shift = text - phoneme_lens.to(phonemes.device)
        x = self._text(phonemes, bert)
        source = (columns - shift[:, None]).clamp(min=0)  # moves each text to the right, up against the audio
        x = x.gather(1, source[..., None].expand_as(x))
        lens = semantic_lens.to(semantic.device)[:, None]
        inside = torch.arange(time, device=semantic.device) < lens
        y = self._audio(semantic.masked_fill(~inside, self.config.end))
        border = torch.full_like(shift, text)
        allowed = _allowed(shift, border, border + lens[:, 0], text + time)
        z = self.h(torch.cat([x, y], 1), allowed)
        out: Tensor = self.ar_predict_layer(z[:, text - 1 :])
        return out

    def score(self, logits: Tensor, semantic: Tensor, semantic_lens: Tensor, count_padding: bool = False) -> Score:
        """Cross-entropy sum and top-3 accuracy of the codes [batch, time] under `forward`'s logits.

        Each row counts its codes and one end token. `count_padding` (the reference's loss): every padded position
        counts as one more end token, so that the loss of a row depends on the longest row of its batch.
        """
        end = self.config.end
        columns = torch.arange(semantic.shape[1] + 1, device=semantic.device)
        lens = semantic_lens.to(semantic.device)[:, None]
        targets = F.pad(semantic, (0, 1), value=end).masked_fill(columns >= lens, end)
        counted = (columns <= lens) | count_padding
        logits, targets = logits[counted].float(), targets[counted]
        codes = targets != end
        hits = (logits.detach().topk(3, -1).indices == targets[:, None]).any(-1)[codes]
        loss = F.cross_entropy(logits, targets, reduction="sum")
        return Score(loss, len(targets), float(hits.float().mean()))

    # --- decoding ---------------------------------------------------------------------------------------------------

    def generate(
        self,
        utterances: Sequence[Utterance],
        sampling: Sampling | None = None,
        seeds: Sequence[int] | None = None,
        reference_cap: bool = False,
    ) -> list[Spoken]:
        """Decode all utterances together, each until it ends or is `sampling.most` long.

        Texts and prompts may differ in length, or lack. A row draws the same codes in any batch if it has the same
        seed; without seeds torch's own generator draws. Cut off at `most`, the first `most` codes are kept.

        `reference_cap` is for comparisons only, and for single utterances: with a prompt, the reference decodes one
        code more than asked for (but never more than 1500) and then loses the *first*; without a prompt it keeps all.
        """
        sampling = sampling or Sampling()
        limit = sampling.most
        parity = reference_cap and len(utterances) == 1
        if parity:
            limit = min(limit + 1, _REFERENCE_LOOP)
        said: list[list[int]] = [[] for _ in utterances]
        for step in self._steps(utterances, sampling, limit, seeds):
            for row, token in step:
                said[row].append(token)
        capped = [len(tokens) == limit for tokens in said]
        if parity and capped[0] and len(utterances[0].prompt):
            said[0].pop(0)
        return [Spoken(torch.tensor(t, dtype=torch.long), c) for t, c in zip(said, capped, strict=True)]

    def stream(
        self, utterance: Utterance, sampling: Sampling | None = None, seed: int | None = None, chunk: int = 16
    ) -> Iterator[Tensor]:
        """Codes as they are decoded, [chunk] int64 at a time; the last piece may be shorter, and is never empty.

        Joined, the pieces are what `generate` gives for the same seed. Each caller has a state of its own, so several
        streams may run from one model.
        """
        if chunk < 1:
            raise VoxproofError(f"a chunk of {chunk} codes is not possible", cure="Ask for at least one.")
        sampling = sampling or Sampling()
        waiting: list[int] = []
        for step in self._steps([utterance], sampling, sampling.most, None if seed is None else [seed]):
            waiting += [token for _, token in step]
            if len(waiting) == chunk:
                yield torch.tensor(waiting, dtype=torch.long)
                waiting = []
        if waiting:
            yield torch.tensor(waiting, dtype=torch.long)

    def _steps(
        self, utterances: Sequence[Utterance], sampling: Sampling, limit: int, seeds: Sequence[int] | None
    ) -> Iterator[list[tuple[int, int]]]:
        """Per step the (row, code) of the rows that have not ended; at most `limit` steps."""
        if not utterances:
            return
        state = self._begin(utterances, limit, seeds, sampling)
        for step in range(limit):
            kept, tokens = self._choose(state, step, sampling)
            yield list(zip(state.rows, tokens.tolist(), strict=True))
            if not kept or step + 1 == limit:
                return
            self._advance(state, tokens)

    @torch.inference_mode()
    def _begin(
        self,
        utterances: Sequence[Utterance],
        limit: int,
        seeds: Sequence[int] | None,
        sampling: Sampling | None = None,
    ) -> _Decoding:
        """Text and prompt of all rows through the layers, right-aligned; the scores of the first code."""
        if self.training:
            raise VoxproofError("the model is set to training, where dropout is on", cure="Call eval() first.")
        if seeds is not None and len(seeds) != len(utterances):
            raise VoxproofError(f"{len(seeds)} seeds for {len(utterances)} utterances", cure="Give one for each.")
        device = self.sines.device
        embedded, prompts = [], []
        for utterance in utterances:
            self._check(utterance)
            prompt = utterance.prompt.to(device)
            bert = None if utterance.bert is None else utterance.bert.to(device)[None]
            text = self._text(utterance.phonemes.to(device)[None], bert)[0]
            embedded.append(torch.cat([text, self._audio(prompt[None])[0]]))
            prompts.append(prompt)
        size = max(len(row) for row in embedded)
        x = torch.stack([F.pad(row, (0, 0, size - len(row), 0)) for row in embedded])
        starts = torch.tensor([size - len(row) for row in embedded], device=device)
        positions = torch.tensor([len(p) for p in prompts], device=device)
        self._sines(max(len(p) for p in prompts) + limit)  # no need to look again while decoding
        allowed = _allowed(starts, size - positions, torch.full_like(starts, size), size)
        cache = Cache(self.config, len(embedded), size + limit, x)
        return _Decoding(
            rows=list(range(len(embedded))),
            cache=cache,
            starts=starts,
            padded=bool(starts.any()),
            positions=positions,
            seen=torch.cat([seen_tokens(p[None], self.config.vocabulary) for p in prompts]),
            logits=self.ar_predict_layer(self.h(x, allowed, cache)[:, -1]),
            quick=self._quick(cache),
            sources=(sampling or Sampling()).sources(seeds, prompts, device),
        )

    @torch.inference_mode()
    def _choose(self, state: _Decoding, step: int, sampling: Sampling) -> tuple[bool, Tensor]:
        """Draw; rows that end leave the state. Returns whether any goes on, and the codes [batch] of those that do."""
        chosen = choose if state.quick is None else state.quick.choose
        choice = chosen(state.logits, state.seen, step, sampling, state.sources)
        going = [i for i, ended in enumerate(choice.ended.tolist()) if not ended]
        if len(going) == len(state.rows):
            return True, choice.tokens
        index = torch.tensor(going, dtype=torch.long, device=state.starts.device)
        state.rows = [state.rows[i] for i in going]
        if state.sources is not None:
            state.sources = [state.sources[i] for i in going]
        state.starts, state.positions, state.seen = state.starts[index], state.positions[index], state.seen[index]
        state.cache.keep(index)
        return bool(going), choice.tokens[index]

    @torch.inference_mode()
    def _advance(self, state: _Decoding, tokens: Tensor) -> None:
        """Append the codes [batch] and compute the scores of the next."""
        state.seen.scatter_(1, tokens[:, None], True)
        positions, state.positions = state.positions, state.positions + 1
        if state.quick is not None:
            state.logits = state.quick(tokens, positions, state.starts, state.cache.filled)
            state.cache.filled += 1
            return
        x = self.ar_audio_embedding(tokens[:, None])
        x = self.ar_audio_position(x, self.sines[positions][:, None])
        allowed = None
        if state.padded:
            columns = torch.arange(state.cache.filled + 1, device=x.device)
            allowed = (columns >= state.starts[:, None])[:, None, None]
        state.logits = self.ar_predict_layer(self.h(x, allowed, state.cache)[:, -1])

    def _quick(self, cache: Cache) -> "Steps | GraphedSteps | None":
        """The layers as machine code or as one graph of the GPU, where nobody listens to them or changes them."""
        memory = cache.memory
        if any(m._forward_hooks or m._forward_pre_hooks for m in (*self.h.modules(), self.ar_predict_layer)):
            return None
        if memory.device.type == "cuda":
            from synth.graphed import GraphedSteps

            return GraphedSteps(self, memory, cache.filled, self.fuse)
        if memory.device.type != "cpu" or memory.dtype != torch.float32:
            return None
        try:
            from synth.compiled import Steps
        except ModuleNotFoundError as error:
            logging.getLogger(__name__).warning("decoding is slower without %s", error.name)
            return None
        return Steps(self, memory)

    def _check(self, utterance: Utterance) -> None:
        text = len(utterance.phonemes)
        if text == 0:
            raise VoxproofError("an utterance has no phonemes", cure="Leave empty sentences out.")
        if utterance.bert is not None and tuple(utterance.bert.shape) != (text, self.config.bert):
            raise VoxproofError(
                f"BERT features have the shape {tuple(utterance.bert.shape)} for {text} phonemes",
                cure=f"They must be [{text}, {self.config.bert}]: one row per phoneme.",
            )
        phonemes, codes = utterance.phonemes, utterance.prompt
        for name, ids, size in (("phoneme", phonemes, self.config.phonemes), ("code", codes, self.config.end)):
            if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < size:
                raise VoxproofError(
                    f"a {name} is outside 0 to {size - 1}",
                    cure="The text or the reference was prepared for another version of the model.",
                )

    # --- both -------------------------------------------------------------------------------------------------------

    def _text(self, phonemes: Tensor, bert: Tensor | None) -> Tensor:
        """phonemes [batch, text], bert [batch, text, 1024] -> [batch, text, channels] with positions"""
        features = self.bert_proj.bias if bert is None else self.bert_proj(bert)
        x = self.ar_text_embedding(phonemes) + features
        out: Tensor = self.ar_text_position(x, self._sines(phonemes.shape[1])[: phonemes.shape[1]])
        return out

    def _audio(self, codes: Tensor) -> Tensor:
        """codes [batch, time] -> [batch, time, channels] with positions from 0"""
        y = self.ar_audio_embedding(codes)
        out: Tensor = self.ar_audio_position(y, self._sines(codes.shape[1])[: codes.shape[1]])
        return out

    def _sines(self, length: int) -> Tensor:
        """The table of positions, at least `length` long: [positions, channels]"""
        if length > len(self.sines):
            with torch.inference_mode(False):  # so that a table grown while decoding serves training too
                self.sines = sines(2 * length, self.config.width).to(self.sines)
        return self.sines

    # --- files ------------------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Weights and configuration in one safetensors file."""
        weights = {name: value.detach().contiguous().cpu() for name, value in self.state_dict().items()}
        save_file(weights, path, metadata={"gpt": json.dumps(asdict(self.config))})

    @classmethod
    def load(cls, path: str | Path) -> "GPT":
        """What `save` wrote, in float32, set to evaluation."""
        try:
            with safe_open(path, framework="pt") as file:
                config = GPTConfig(**json.loads((file.metadata() or {})["gpt"]))
                weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise VoxproofError(
                f"not a text-to-semantic model of ours: {error}",
                path=path,
                cure="Official checkpoints have to be imported first.",
            ) from error
        return cls._filled(config, weights, path)

    @classmethod
    def from_reference(cls, checkpoint: Mapping[str, Any], path: str | Path | None = None) -> "GPT":
        """From the contents of a reference `.ckpt`: `weight` (keys begin with "model.") and `config`.

        The file itself is a pickle; reading it safely is the importer's business. `path` is for messages.
        """
        try:
            config = GPTConfig.from_reference(checkpoint["config"])
            weights = {name.removeprefix(_PREFIX): value for name, value in checkpoint["weight"].items()}
        except KeyError as missing:
            raise VoxproofError(
                f"the checkpoint lacks {missing}", path=path, cure="Only the exported form for inference is accepted."
            ) from missing
        return cls._filled(config, weights, path)

    @classmethod
    def _filled(cls, config: GPTConfig, weights: Mapping[str, Tensor], path: str | Path | None) -> "GPT":
        model = cls(config)
        want = {name: tuple(value.shape) for name, value in model.state_dict().items()}
        have = {name: tuple(value.shape) for name, value in weights.items()}
        wrong = sorted(name for name in want.keys() | have.keys() if want.get(name) != have.get(name))
        if wrong:
            first = wrong[0]
            raise VoxproofError(
                f"{len(wrong)} weights do not fit the configuration, first {first}: "
                f"{have.get(first, 'missing')} in the file, {want.get(first, 'unknown')} in the model",
                path=path,
                cure="The file is damaged, or of another kind of model.",
            )
        model.load_state_dict({name: value.float() for name, value in weights.items()})
        return model.eval()


def sines(length: int, width: int) -> Tensor:
    """Sine in even and cosine in odd channels, wavelengths from 2 pi to 10000 · 2 pi: [length, width] float32."""
    angles = torch.arange(length, dtype=torch.float32)[:, None] * torch.exp(
        torch.arange(0, width, 2, dtype=torch.float32) * -(torch.log(torch.tensor(10000.0)) / width)
    )
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)


def _allowed(starts: Tensor, borders: Tensor, ends: Tensor, size: int) -> Tensor:
    """Who may look at whom, for rows laid out as padding | text | audio | padding.

    Text begins at column `starts`, audio at `borders` and the padding behind it at `ends` (each [batch]) ->
    [batch, 1, size, size] bool: text for all, audio for audio that is not earlier.
    """
    columns = torch.arange(size, device=starts.device)
    text = (columns >= starts[:, None]) & (columns < borders[:, None])
    after = columns >= borders[:, None]
    audio = after & (columns < ends[:, None])
    causal = columns <= columns[:, None]
    return (text[:, None, :] | (after[:, :, None] & audio[:, None, :] & causal))[:, None]
