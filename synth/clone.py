"""A voice from a short recording, saying any text: the whole of GPT-SoVITS behind one class.

    reference ─ HuBERT ─ tokens ─────────────┐ prompt
    reference's text ─ phones ─┐             ├─ GPT ─ tokens ─┐
    text ─ pieces ─ phones, BERT ────────────┘                ├─ SoVITS (synth/voicing.py) ─ sound of the piece
    reference ─ spectrogram (and speaker network) ─ voice ────┘

There is one door to the outside: everything public here ends in `Cloner._emit`, where every sound has to pass. Research
inside the package (parity, analysis by resynthesis, labelled material) calls `Cloner._render`. Neither writes a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from synth.bert import BertFeatures
from synth.content import CHINESE_HUBERT, ContentEncoder
from synth.errors import VoxproofError
from synth.gpt import Spoken
from synth.gpt import Utterance as Prompted
from synth.interventions import Interventions, kept, scaled_heads
from synth.models.loading import ModelSet, load_models
from synth.observing import GptRecord, chosen_heads, watched_gpt
from synth.reference import Reference
from synth.sampling import Sampling
from synth.text.hashing import require_same
from synth.text.pipeline import TextPipeline, Utterance
from synth.text.segment import MODES, Mode
from synth.text.split import CLAUSE_MARKS, Cut
from synth.trace import Piece, Trace, Watch
from synth.voicing import Heard, Manner, Prompt, voicing


@dataclass(frozen=True)
class Settings:
    """How something is said; the defaults are those of the reference's programming interface."""

    sampling: Sampling = field(default_factory=Sampling)
    """How the GPT draws tokens."""
    speed: float = 1.0
    """Above 1 faster; the pitch stays."""
    noise_scale: float = 0.5
    """How far the latent strays from the most likely one; 0: not at all."""
    pause_seconds: float = 0.3
    """Silence after every piece."""
    cut: Cut = "cut5"
    """How a text is split into pieces."""
    steps: int | None = None
    """v3 and v4: steps of the flow matching; None: 32 and 8."""
    as_reference: bool = False
    """Phones exactly as the reference implementation makes them, its mistakes included."""

    def __post_init__(self) -> None:
        if not (0.1 <= self.speed <= 10 and 0 <= self.noise_scale <= 10 and 0 <= self.pause_seconds <= 60):
            raise VoxproofError(
                f"speed {self.speed}, noise scale {self.noise_scale} and pause {self.pause_seconds} are not possible",
                cure="Speed is 0.1 to 10, noise scale 0 to 10, the pause 0 to 60 s.",
            )


@dataclass(frozen=True, eq=False)
class Clone:
    """What was said."""

    samples: Tensor
    """[n] float32 on the CPU, within -1 to 1."""
    rate: int
    """Hz: 32 000; v3 24 000, v4 48 000."""
    codes: tuple[Tensor, ...]
    """Semantic tokens [k] of every piece."""
    capped: bool
    """Whether any piece was cut off at the longest length allowed."""
    trace: Trace | None = None
    """If it was asked for."""


class TextSide(Protocol):
    """What the cloner needs of `synth.text.pipeline.TextPipeline`."""

    @property
    def hash(self) -> str: ...

    def utterances(self, text: str) -> Iterable[Utterance]: ...

    def read(self, piece: str) -> Utterance: ...


@dataclass(frozen=True, eq=False)
class _Prompt:
    """What is known of the reference."""

    heard: Heard
    said: Prompt
    utterance: Utterance | None
    content: Tensor | None  # [1, 768, frames]


class Cloner:
    """Models and front ends, ready to speak in any voice. Not for several threads at once while it is watched."""

    def __init__(
        self,
        models: ModelSet,
        content: ContentEncoder | None = None,
        bert: BertFeatures | None = None,
        text_side: Callable[[Mode, Settings], TextSide] | None = None,
    ) -> None:
        """`content` is needed for references with their text, `bert` for Mandarin."""
        self.models, self.content, self.bert = models, content, bert
        self._text_side = text_side or self._pipeline
        self._voicing = voicing(models)

    @classmethod
    def load(
        cls,
        folder: str | Path,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        *,
        hubert: str | Path = CHINESE_HUBERT,
        bert: str | Path | None = None,
    ) -> Cloner:
        """Models of a folder (see `load_models`), HuBERT and, for Mandarin, BERT (local folders or the hub's names)."""
        models = load_models(folder, device, dtype)
        features = None if bert is None else BertFeatures.load(bert, device)
        return cls(models, ContentEncoder.load(hubert, device), features)

    def speak(
        self,
        text: str,
        reference: Reference | Sequence[Reference],
        reference_text: str = "",
        *,
        language: Mode = "auto",
        reference_language: Mode | None = None,
        settings: Settings | None = None,
        seed: int = 0,
        watch: Watch | None = None,
        interventions: Interventions | None = None,
    ) -> Clone:
        """Says `text` in the voice of the reference, or the mean voice of several, of which the first is the prompt.

        With `reference_text`, what the (first) reference says, the GPT goes on from it and takes over its manner;
        without, only the voice is taken over. The same seed says the same. `watch` asks for a trace.
        """
        clone = self._render(
            text, reference, reference_text, language=language, reference_language=reference_language,
            settings=settings, seed=seed, watch=watch, interventions=interventions,
        )  # fmt: skip
        return self._emit(clone)

    def _emit(self, clone: Clone) -> Clone:
        """The one door. Whatever every sound that leaves has to carry is put on here, and nowhere else."""
        return clone

    @torch.no_grad()
    def _render(
        self,
        text: str,
        reference: Reference | Sequence[Reference],
        reference_text: str = "",
        *,
        language: Mode = "auto",
        reference_language: Mode | None = None,
        settings: Settings | None = None,
        seed: int = 0,
        watch: Watch | None = None,
        interventions: Interventions | None = None,
    ) -> Clone:
        """What `speak` does but for the door; for research inside the package only."""
        settings, changes = settings or Settings(), interventions or Interventions()
        side = self._text_side(language, settings)
        self._require_text_side(side, settings)
        said = list(side.utterances(text))
        if not said:
            raise VoxproofError("the text has nothing that can be spoken", cure="Give at least one word.")
        references = [reference] if isinstance(reference, Reference) else list(reference)
        prompt = self._prompt(references, reference_text, reference_language or language, settings)
        berts = [self._bert(utterance) for utterance in said]
        prompted = [self._prompted(utterance, bert, prompt) for utterance, bert in zip(said, berts, strict=True)]
        spoken, records = self._tokens(prompted, settings.sampling, seed, watch, changes)
        manner = Manner(settings.speed, settings.noise_scale, settings.steps, watch, changes)
        rate = self._voicing.rate
        pause = torch.zeros(int(settings.pause_seconds * rate))
        sounds, pieces = [], []
        at = 0
        for i, (utterance, one) in enumerate(zip(said, spoken, strict=True)):
            piece = Piece(
                utterance.text, utterance.normalised, utterance.phones, _ids(utterance.ids), kept(berts[i]),
                kept(self._changed_codes(one.tokens, changes, i)), one.capped,
            )  # fmt: skip
            sound = torch.zeros(0)
            if len(piece.codes):
                sound, piece = self._voicing.sound(piece, i, prompt.heard, prompt.said, manner, seed + i)
                sound = sound / sound.abs().max().clamp(min=1)
            piece = replace(piece, samples=(at, at + len(sound)))
            at += len(sound) + len(pause)
            sounds += [sound, pause]
            pieces.append(self._recorded(piece, prompt, prompted[i], one, records[i], watch))
        trace = None if watch is None else self._trace(pieces, prompt, side)
        return Clone(
            torch.cat(sounds), rate, tuple(piece.codes for piece in pieces), any(one.capped for one in spoken), trace
        )

    # --- text and reference -----------------------------------------------------------------------------------------

    def _pipeline(self, mode: Mode, settings: Settings) -> TextSide:
        return TextPipeline(mode, self.models.version, settings.cut, settings.as_reference)

    def _require_text_side(self, side: TextSide, settings: Settings) -> None:
        """An error unless the front ends that the models were trained with are still the same.

        The hash of a training is that of its languages together, which may be others than those of this text.
        """
        recorded = self.models.text_pipeline
        if recorded is None or recorded == _hash_of(side):
            return
        if any(recorded == _hash_of(self._text_side(mode, settings)) for mode in MODES):
            return
        require_same(recorded, side.hash)

    def _prompt(self, references: Sequence[Reference], text: str, mode: Mode, settings: Settings) -> _Prompt:
        """The voice, and with the text also the prompt's tokens and phones."""
        if not references:
            raise VoxproofError("there is no reference", cure="Give a recording of the voice.")
        heard, none = self._voicing.hear(references), torch.zeros(0, dtype=torch.long)
        if not text.strip():
            if self._voicing.needs_text:
                raise VoxproofError(f"SoVITS {self.models.version} needs the reference's text", cure="Give it.")
            return _Prompt(heard, Prompt(none, none), None, None)
        if self.content is None:
            raise VoxproofError(
                "a reference with its text needs HuBERT",
                cure="Give the cloner a ContentEncoder, or leave the text out.",
            )
        text = text.strip()
        if text[-1] not in CLAUSE_MARKS:
            text += "." if mode == "en" else "。"
        content = self.content.features(references[0].for_content())
        codes = self.models.sovits.codes(content.to(self.models.device))[0, 0].cpu()
        utterance = self._text_side(mode, settings).read(text)
        return _Prompt(heard, Prompt(codes, _ids(utterance.ids)), utterance, content)

    def _bert(self, utterance: Utterance) -> Tensor:
        """[phones, 1024]: features of Mandarin, zeros for every other language."""
        rows, width = [], self.models.gpt.config.bert
        for part in utterance.parts:
            if part.language == "zh" and part.ids:
                if self.bert is None or part.word2ph is None:
                    raise VoxproofError(
                        "Mandarin needs BERT features", cure="Load the cloner with bert=, the Chinese RoBERTa's folder."
                    )
                rows.append(self.bert.features(part.text, part.word2ph).to(self.models.device))
            else:
                rows.append(torch.zeros(len(part.ids), width, device=self.models.device))
        return torch.cat([*rows, torch.zeros(0, width, device=self.models.device)])

    def _prompted(self, utterance: Utterance, bert: Tensor, prompt: _Prompt) -> Prompted:
        """What the GPT is given: the prompt's phones and the piece's, and the prompt's tokens."""
        ids, like = list(utterance.ids), self.models.gpt.bert_proj.weight
        if prompt.utterance is not None:
            ids = [*prompt.utterance.ids, *ids]
            bert = torch.cat([self._bert(prompt.utterance), bert])
        return Prompted(_ids(ids), bert.to(like), prompt.said.codes)

    # --- tokens and sound -------------------------------------------------------------------------------------------

    def _tokens(
        self,
        prompted: list[Prompted],
        sampling: Sampling,
        seed: int,
        watch: Watch | None,
        changes: Interventions,
    ) -> tuple[list[Spoken], list[GptRecord | None]]:
        """All pieces at once; watched, one after the other. A piece draws the same tokens either way."""
        gpt = self.models.gpt
        with scaled_heads(gpt, changes.heads):
            if watch is None or not (watch.logits or watch.attention):
                seeds = [seed + i for i in range(len(prompted))]
                return gpt.generate(prompted, sampling, seeds), [None] * len(prompted)
            spoken: list[Spoken] = []
            records: list[GptRecord | None] = []
            for i, one in enumerate(prompted):
                with watched_gpt(gpt, watch.attention, watch.logits) as record:
                    spoken += gpt.generate([one], sampling, [seed + i])
                records.append(record)
            return spoken, records

    def _changed_codes(self, codes: Tensor, changes: Interventions, piece: int) -> Tensor:
        if changes.codes is None:
            return codes
        made = changes.codes(codes.clone(), piece)
        if not isinstance(made, Tensor) or made.dim() != 1 or made.is_floating_point() or not len(made):
            raise VoxproofError("the intervention on codes gave no codes", cure="Return whole numbers [k], k above 0.")
        return made.long()

    # --- trace ------------------------------------------------------------------------------------------------------

    def _recorded(
        self, piece: Piece, prompt: _Prompt, prompted: Prompted, spoken: Spoken, record: GptRecord | None,
        watch: Watch | None,
    ) -> Piece:  # fmt: skip
        """The piece with what was heard of the GPT."""
        text, codes = len(prompted.phonemes), len(prompt.said.codes)
        piece = replace(piece, text_length=text, prompt_length=codes)
        if record is None or watch is None:
            return piece
        logits = torch.stack(record.logits) if record.logits else None
        return replace(
            piece,
            logits=logits,
            entropies=None if logits is None else entropy_bits(logits),
            attention=record.attention(text + codes + len(spoken.tokens)),
            heads={layer: chosen_heads(self.models.gpt, layer, heads) for layer, heads in watch.attention.items()},
        )

    def _trace(self, pieces: Sequence[Piece], prompt: _Prompt, side: TextSide) -> Trace:
        return Trace(
            tuple(pieces),
            kept(prompt.heard.voice[0, :, 0]),
            kept(prompt.said.codes),
            () if prompt.utterance is None else prompt.utterance.phones,
            None if prompt.content is None else kept(prompt.content[0]),
            _hash_of(side) or "",
            self.models.hashes,
        )


def entropy_bits(logits: Tensor) -> Tensor:
    """Scores [steps, vocabulary] -> entropy of their softmax, bits [steps]."""
    logs = logits.double().log_softmax(-1)
    return (-(logs.exp() * logs).nan_to_num(0.0).sum(-1) / torch.log(torch.tensor(2.0).double())).float()


def _hash_of(side: TextSide) -> str | None:
    """None where a front end that the mode could ask for is not installed."""
    with suppress(VoxproofError):
        return side.hash
    return None


def _ids(ids: Sequence[int]) -> Tensor:
    """[n] int64, also where there are none."""
    return torch.tensor(ids, dtype=torch.long)
