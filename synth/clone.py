"""A voice from a short recording, saying any text: the whole of GPT-SoVITS behind one class.

    reference ─ HuBERT ─ tokens ─────────────┐ prompt
    reference's text ─ phones ─┐             ├─ GPT ─ tokens ─┐
    text ─ pieces ─ phones, BERT ────────────┘                ├─ SoVITS (synth/voicing.py) ─ sound of the piece
    reference ─ spectrogram (and speaker network) ─ voice ────┘

There is one door to the outside (synth/emission.py): `speak` and `stream` ask for a consent before anything is said,
and what they give is marked, read back and registered. Research inside the package (parity, analysis by resynthesis,
labelled material) calls `Cloner._render` or, chunk by chunk while tokens are still being drawn, `Cloner._stream`
(synth/streaming.py), which write no file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synth.bert import BertFeatures
from synth.consent import ConsentError
from synth.content import CHINESE_HUBERT, Content, ContentEncoder
from synth.emission import Issuer, emit
from synth.emission_stream import StreamEmission
from synth.errors import VoxproofError
from synth.gpt import Spoken
from synth.gpt import Utterance as Prompted
from synth.interventions import Interventions, kept, scaled_heads
from synth.issuance import Issuance, IssuanceRequest
from synth.matching import Heard as HeardVoice
from synth.models.loading import ModelSet, load_models
from synth.observing import GptRecord, chosen_heads, watched_gpt
from synth.quality import Quality
from synth.quality_control import Check
from synth.quantised import quantised
from synth.redrawing import Control, Draw, Draws, read, sampling_of, seed_of
from synth.reference import Reference
from synth.rehearsal import SENTENCE, rehearsed
from synth.sampling import Sampling
from synth.streaming import Chunk, Pace, streamed
from synth.text.pipeline import TextPipeline, Utterance
from synth.text.segment import Mode
from synth.text.split import CLAUSE_MARKS, Cut
from synth.trace import Piece, Trace, Watch
from synth.voicing import Heard, LatentVoicing, Manner, Prompt, voicing
from synth.watermark.tokens import TokenMark


@dataclass(frozen=True)
class Settings:
    """How something is said; the defaults are those of the reference's programming interface."""

    language: Mode = "auto"
    """Of the text."""
    reference_language: Mode | None = None
    """Of the reference's text; None: the same."""
    seed: int = 0
    """The same seed says the same; piece number i draws from `seed + i`, and again from what follows from it."""
    redraws: int = 8
    """How often at most a piece is drawn again that does not say its text, where the model has a reader of its codes;
    never where drawing is greedy, or changed inside."""
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
    watch: Watch | None = None
    """What to record; None: nothing, and there is no trace."""
    interventions: Interventions = field(default_factory=Interventions)
    """What to change inside."""

    def __post_init__(self) -> None:
        if not 0 <= self.redraws <= 100:
            raise VoxproofError(f"{self.redraws} re-draws are not possible", cure="Give 0 to 100.")
        if not (0.1 <= self.speed <= 10 and 0 <= self.noise_scale <= 10 and 0 <= self.pause_seconds <= 60):
            raise VoxproofError(
                f"speed {self.speed}, noise scale {self.noise_scale} and pause {self.pause_seconds} are not possible",
                cure="Speed is 0.1 to 10, noise scale 0 to 10, the pause 0 to 60 s.",
            )

    @property
    def manner(self) -> Manner:
        """Of that, what concerns the way from tokens to sound."""
        return Manner(self.speed, self.noise_scale, self.steps, self.watch, self.interventions)


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
    checks: tuple[Check | None, ...] = ()
    """Of every piece, which of its words are said; None: not checked."""
    quality: Quality | None = None
    """The same in short, without the words, as the issuance has it."""
    issuance: Issuance | None = None
    """As it was registered; None for what did not pass the door (`Cloner._render`)."""


@dataclass(frozen=True, eq=False)
class Emission:
    """A stretch of a stream that passed the door, to be played behind the one before."""

    samples: Tensor
    """[n] float32, marked."""
    rate: int
    """Hz."""
    issuance: Issuance
    """The issuance of the whole stream."""
    codes: tuple[tuple[int, Tensor], ...] = ()
    """Semantic tokens [k] that were drawn since the stretch before, each with the number of its piece of the text."""


TOGETHER = 8
"""Pieces of a text whose tokens are drawn side by side."""
Told = Callable[[int, int], None]
"""Hears how far the work is: steps done, of how many."""


class TextSide(Protocol):
    """What the cloner needs of `synth.text.pipeline.TextPipeline`."""

    @property
    def hash(self) -> str: ...

    def utterances(self, text: str) -> Iterable[Utterance]: ...

    def read(self, piece: str) -> Utterance: ...

    def require(self, recorded: str) -> None: ...


@dataclass(frozen=True, eq=False)
class _Prompt:
    """What is known of the reference."""

    heard: Heard
    said: Prompt
    utterance: Utterance | None
    content: Tensor | None  # [1, 768, frames]


@dataclass(frozen=True, eq=False)
class _Task:
    """What is to be said and by whom, read and heard."""

    side: TextSide
    said: list[Utterance]
    references: list[Reference]
    prompt: _Prompt


class Cloner:
    """Models and front ends, ready to speak in any voice. Not for several threads at once while it is watched."""

    def __init__(
        self,
        models: ModelSet,
        content: Content | None = None,
        bert: BertFeatures | None = None,
        text_side: Callable[[Mode, Settings], TextSide] | None = None,
    ) -> None:
        """`content` is needed for references with their text, `bert` for Mandarin."""
        self.models, self.content, self.bert = models, content, bert
        self.reader = models.reader
        """Reads phones from codes, for the quality control; None: nothing is checked."""
        self._text_side = text_side or self._pipeline
        self._voicing = voicing(models)
        self._last: tuple[list[tuple[int, bytes]], Heard] | None = None

    @classmethod
    def load(
        cls,
        folder: str | Path,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        *,
        hubert: str | Path | None = CHINESE_HUBERT,
        bert: str | Path | None = None,
        eight_bits: bool = False,
    ) -> Cloner:
        """Models of a folder (see `load_models`), HuBERT and, for Mandarin, BERT (local folders or the hub's names).

        `hubert` is needed for references that come with their text; None: it is not loaded. Models that bring a
        content encoder of their own need none.
        `eight_bits`: on a processor, the GPT reads weights of 8 bits, three times as fast and not quite as exact.
        """
        models = load_models(folder, device, dtype)
        if eight_bits:
            models = replace(models, gpt=quantised(models.gpt))
        features = None if bert is None else BertFeatures.load(bert, device)
        content: Content | None = models.content
        if content is None and hubert is not None:
            content = ContentEncoder.load(hubert, device)
        return cls(models, content, features)

    def settings(self, **changes: Any) -> Settings:
        """`Settings` of these fields, and of the sampling of this model unless another is given."""
        given: dict[str, Any] = {"sampling": self.models.sampling} | changes
        return Settings(**given)

    def speak(
        self,
        text: str,
        reference: Reference | Sequence[Reference],
        reference_text: str = "",
        settings: Settings | None = None,
        *,
        issuer: Issuer | None = None,
        out: str | Path | None = None,
        told: Told | None = None,
    ) -> Clone:
        """Says `text` in the voice of the reference, or the mean voice of several, of which the first is the prompt.

        With `reference_text`, what the (first) reference says, the GPT goes on from it and takes over its manner;
        without, and always with the lite voice, only the voice is taken over. `issuer` holds the consent, the key and
        the register, without which nothing is said; `out` is a file to be written, too; `told` hears of the progress.
        """
        settings = settings or self.settings()
        task = self._task(text, reference, reference_text, settings)
        issuer, request = self._admitted(text, task, issuer)
        clone = self._rendered(task, _marked(settings, issuer), told)
        emitted = emit(
            clone.samples.numpy(), clone.rate, replace(request, quality=clone.quality), issuer.key, issuer.register,
            voices=issuer.voices, out=None if out is None else Path(out),
        )  # fmt: skip
        return replace(clone, samples=_tensor(emitted.samples), issuance=emitted.issuance)

    def stream(
        self,
        text: str,
        reference: Reference | Sequence[Reference],
        reference_text: str = "",
        settings: Settings | None = None,
        *,
        issuer: Issuer | None = None,
        pace: Pace | None = None,
    ) -> Iterator[Emission]:
        """As `speak`, but given piece by piece while it is being said, from a first window on.

        Refused at once or not at all. Whoever stops reading ends the stream, and the register says so. Where the model
        has a reader of its codes, a piece is drawn whole and checked before any of it sounds.
        """
        settings = settings or self.settings()
        task = self._task(text, reference, reference_text, settings)
        issuer, request = self._admitted(text, task, issuer)
        rate = self._voicing.rate
        door = StreamEmission(rate, 1, request, issuer.key, issuer.register, issuer.voices)
        control = self._control(settings)
        return _emissions(door, self._streamed(task, _marked(settings, issuer), pace, control), rate, control)

    def _admitted(self, text: str, task: _Task, issuer: Issuer | None) -> tuple[Issuer, IssuanceRequest]:
        """The gate, asked before anything is said."""
        if issuer is None:
            raise ConsentError(
                "no voice is cloned without a consent", cure="Give an Issuer with a consent, a key and a register."
            )
        languages = {part.language for utterance in task.said for part in utterance.parts}
        heard = [HeardVoice(one.samples.numpy(), one.rate) for one in task.references]
        return issuer, issuer.request(text, languages, heard, self.models.hashes)

    def _render(
        self,
        text: str,
        reference: Reference | Sequence[Reference],
        reference_text: str = "",
        settings: Settings | None = None,
    ) -> Clone:
        """What `speak` does but for the door; for research inside the package only."""
        settings = settings or self.settings()
        return self._rendered(self._task(text, reference, reference_text, settings), settings)

    @torch.no_grad()
    def _rendered(self, task: _Task, settings: Settings, told: Told | None = None) -> Clone:
        prompt, watch, changes = task.prompt, settings.watch, settings.interventions
        berts = [self._bert(utterance) for utterance in task.said]
        prompted = [self._prompted(utterance, bert, prompt) for utterance, bert in zip(task.said, berts, strict=True)]
        told, control = told or _untold, self._control(settings)
        spoken, records = control.drawn(self._draw(prompted, settings, told), dict(enumerate(task.said)))
        rate = self._voicing.rate
        pause = _pause(settings, rate)
        sounds, pieces = [], []
        at = 0
        for i, (utterance, one) in enumerate(zip(task.said, spoken, strict=True)):
            codes = self._changed_codes(one.tokens, changes, i)
            piece, sound = _piece(utterance, berts[i], codes, one.capped), torch.zeros(0)
            if len(codes):
                sound, piece = self._sound(piece, i, prompt, settings)
            piece = replace(piece, samples=(at, at + len(sound)))
            at += len(sound) + len(pause)
            sounds += [sound, pause]
            pieces.append(self._recorded(piece, prompt, prompted[i], one, records[i], watch))
            told(len(spoken) + i + 1, 2 * len(spoken))
        trace = None if watch is None else self._trace(pieces, prompt, task.side)
        return Clone(
            torch.cat(sounds), rate, tuple(piece.codes for piece in pieces), any(one.capped for one in spoken), trace,
            tuple(control.checks), control.quality,
        )  # fmt: skip

    def _stream(
        self,
        text: str,
        reference: Reference | Sequence[Reference],
        reference_text: str,
        settings: Settings,
        pace: Pace | None = None,
    ) -> Iterator[Chunk]:
        """The same tokens as `_render`, their sound given as early as `pace` allows (see `synth.streaming`).

        Not through the door, so for the inside of the package only. v3 and v4 give a piece at a time.
        """
        task = self._task(text, reference, reference_text, settings)
        yield from self._streamed(task, settings, pace, self._control(settings))

    @torch.no_grad()
    def _streamed(self, task: _Task, settings: Settings, pace: Pace | None, control: Control) -> Iterator[Chunk]:
        if settings.watch is not None or settings.interventions != Interventions():
            raise VoxproofError("a stream is neither watched nor changed inside", cure="Say it in one go.")
        voicing, rate = self._voicing, self._voicing.rate
        for i, utterance in enumerate(task.said):
            bert, seed = self._bert(utterance), settings.seed + i
            prompted = self._prompted(utterance, bert, task.prompt)
            if isinstance(voicing, LatentVoicing) and self.reader is None:
                control.passed()
                drawn: Iterable[Tensor] = self.models.gpt.stream(prompted, settings.sampling, seed, chunk=1)
            else:
                (one,), _ = control.drawn(self._draw({i: prompted}, settings, _untold), {i: utterance})
                drawn = [one.tokens]
            if isinstance(voicing, LatentVoicing):
                heard, manner = task.prompt.heard, settings.manner
                chunks = streamed(drawn, _ids(utterance.ids), heard, voicing, manner, seed, pace or Pace())
                for sound, codes in chunks:
                    yield Chunk(sound, rate, i, codes, ends=False)
            elif len(one.tokens):
                piece = _piece(utterance, bert, one.tokens, one.capped)
                yield Chunk(self._sound(piece, i, task.prompt, settings)[0], rate, i, one.tokens, ends=False)
            yield Chunk(_pause(settings, rate), rate, i, _ids(()), ends=True)

    # --- text and reference -----------------------------------------------------------------------------------------

    @torch.no_grad()
    def _task(
        self, text: str, reference: Reference | Sequence[Reference], reference_text: str, settings: Settings
    ) -> _Task:
        side = self._text_side(settings.language, settings)
        if self.models.text_pipeline is not None:
            side.require(self.models.text_pipeline)
        said = list(side.utterances(text))
        if not said:
            raise VoxproofError("the text has nothing that can be spoken", cure="Give at least one word.")
        references = [reference] if isinstance(reference, Reference) else list(reference)
        return _Task(side, said, references, self._prompt(references, reference_text, settings))

    def _pipeline(self, mode: Mode, settings: Settings) -> TextSide:
        return TextPipeline(mode, self.models.version, settings.cut, settings.as_reference)

    def _prompt(self, references: Sequence[Reference], text: str, settings: Settings) -> _Prompt:
        """The voice, and with the text also the prompt's tokens and phones."""
        mode = settings.reference_language or settings.language
        if not references:
            raise VoxproofError("there is no reference", cure="Give a recording of the voice.")
        heard, none = self._hear(references), torch.zeros(0, dtype=torch.long)
        if not text.strip() or not self.models.goes_on:
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

    @torch.no_grad()
    def _hear(self, references: Sequence[Reference]) -> Heard:
        """The voice of the references, that of the last call kept; the lite voice rehearses it."""
        key = [(one.rate, sha256(one.samples.numpy().tobytes()).digest()) for one in references]
        if self._last is None or self._last[0] != key:
            heard = self._voicing.hear(references)
            if isinstance(self._voicing, LatentVoicing) and self._voicing.sovits.config.voiceprint:
                heard = rehearsed(self._voicing, heard, references, self._rehearsal)
            self._last = key, heard
        return self._last[1]

    @cached_property
    def _rehearsal(self) -> Prompt:
        """Tokens and phones of the sentence that the lite voice says to itself; the GPT knows nothing of the voice."""
        settings = self.settings(language="en")
        utterance = self._text_side("en", settings).read(SENTENCE)
        prompted = Prompted(_ids(utterance.ids), self._bert(utterance).to(self.models.gpt.bert_proj.weight), _ids(()))
        (spoken,) = self.models.gpt.generate([prompted], settings.sampling, [settings.seed])
        return Prompt(spoken.tokens, _ids(utterance.ids))

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

    def _control(self, settings: Settings) -> Control:
        """What checks the draws of one call, and how often it may ask for others."""
        fixed = settings.sampling.greedy or settings.interventions != Interventions()
        reader, features = self.reader, self.models.sovits.quantizer.decode
        reads = None if reader is None else partial(read, reader=reader, features=features)
        return Control(reads, 0 if fixed else settings.redraws)

    def _draw(self, prompted: Sequence[Prompted] | Mapping[int, Prompted], settings: Settings, told: Told) -> Draw:
        """Draws the pieces of these numbers for the first or a further time."""

        def draw(numbers: Sequence[int], attempt: int, wrong_from: Sequence[int]) -> Draws:
            seeds = [seed_of(settings.seed, number, attempt) for number in numbers]
            if attempt == 0:
                return self._tokens([prompted[number] for number in numbers], seeds, settings, told)
            spoken, records = [], []
            for number, seed, token in zip(numbers, seeds, wrong_from, strict=True):
                again = replace(settings, sampling=sampling_of(settings.sampling, attempt, token))
                (one,), (record,) = self._tokens([prompted[number]], [seed], again, _untold)
                spoken.append(one)
                records.append(record)
            return spoken, records

        return draw

    def _tokens(self, prompted: list[Prompted], seeds: list[int], settings: Settings, told: Told) -> Draws:
        """Some pieces at once; watched, one after the other. A piece draws the same tokens either way."""
        gpt, watch = self.models.gpt, settings.watch
        spoken: list[Spoken] = []
        records: list[GptRecord | None] = []
        with scaled_heads(gpt, settings.interventions.heads):
            if watch is None or not (watch.logits or watch.attention):
                for at in range(0, len(prompted), TOGETHER):
                    some = slice(at, at + TOGETHER)
                    spoken += gpt.generate(prompted[some], settings.sampling, seeds[some])
                    told(len(spoken), 2 * len(prompted))
                return spoken, [None] * len(prompted)
            for one, seed in zip(prompted, seeds, strict=True):
                with watched_gpt(gpt, watch.attention, watch.logits) as record:
                    spoken += gpt.generate([one], settings.sampling, [seed])
                records.append(record)
                told(len(spoken), 2 * len(prompted))
            return spoken, records

    def _sound(self, piece: Piece, number: int, prompt: _Prompt, settings: Settings) -> tuple[Tensor, Piece]:
        """Samples [n] within -1 to 1 of a piece that has codes, and the piece with what was watched."""
        sound, piece = self._voicing.sound(
            piece, number, prompt.heard, prompt.said, settings.manner, settings.seed + number
        )
        return sound / sound.abs().max().clamp(min=1), piece

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
            self.models.text_pipeline or side.hash,
            self.models.hashes,
        )


def _emissions(door: StreamEmission, chunks: Iterable[Chunk], rate: int, control: Control) -> Iterator[Emission]:
    """What the door lets out of the chunks; closed with the generator."""
    drawn: list[tuple[int, Tensor]] = []
    with door:
        for chunk in chunks:
            if len(chunk.codes):
                drawn.append((chunk.piece, chunk.codes))
            door.quality = control.quality
            sound = door.push(chunk.samples.numpy())
            if len(sound) and door.issuance is not None:
                yield Emission(_tensor(sound), rate, door.issuance, tuple(drawn))
                drawn.clear()
        rest = door.finish()
        if len(rest) and door.issuance is not None:
            yield Emission(_tensor(rest), rate, door.issuance, tuple(drawn))


def _untold(done: int, steps: int) -> None:
    """Nobody listens."""


def _tensor(samples: NDArray[np.float64]) -> Tensor:
    """[frames, 1] -> [frames] float32"""
    return torch.from_numpy(samples[:, 0].astype(np.float32))


def entropy_bits(logits: Tensor) -> Tensor:
    """Scores [steps, vocabulary] -> entropy of their softmax, bits [steps]."""
    logs = logits.double().log_softmax(-1)
    return (-(logs.exp() * logs).nan_to_num(0.0).sum(-1) / torch.log(torch.tensor(2.0).double())).float()


def _piece(utterance: Utterance, bert: Tensor, codes: Tensor, capped: bool) -> Piece:
    """What is known before it sounds."""
    return Piece(
        utterance.text, utterance.normalised, utterance.phones, _ids(utterance.ids), kept(bert), kept(codes), capped
    )


def _marked(settings: Settings, issuer: Issuer) -> Settings:
    """The same, with tokens drawn under the issuer's key: the layer of the mark that is in what is said."""
    return replace(settings, sampling=replace(settings.sampling, mark=TokenMark.of(issuer.key, settings.seed)))


def _pause(settings: Settings, rate: int) -> Tensor:
    """Silence [n] after a piece."""
    return torch.zeros(int(settings.pause_seconds * rate))


def _ids(ids: Sequence[int]) -> Tensor:
    """[n] int64, also where there are none."""
    return torch.tensor(ids, dtype=torch.long)
