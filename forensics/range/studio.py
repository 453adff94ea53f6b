"""Our model at work for the range: it speaks and converts in the process, in voices that the gate lets it take.

It goes around the one door on purpose (`Cloner._render`): what it makes is labelled material, written into the range's
folder and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from forensics.range.base import RATE, Step
from forensics.range.engines import installed
from forensics.range.marking import range_key
from forensics.range.sources import Gate, Material, Source, gather
from synth.channels.base import FloatArray, convert
from synth.choosing import LITE, model_folder
from synth.errors import VoxproofError

if TYPE_CHECKING:
    from synth.clone import Clone, Cloner, Settings

CODES_A_SECOND = 25


@dataclass(eq=False)
class Studio:
    """What the kinds need beside their recipe."""

    seed: int
    """Of the range."""
    gate: Gate
    """Asked again before every clone of a consented voice."""
    cloner: Cloner | None = None
    generator: str = ""
    """Name of our model, as in a record: `voxproof-lite@` and 8 digits."""
    settings: Settings | None = None
    """How it speaks; None: as for a user."""

    def said(self, text: str, voice: Source, seed: int, tokens: str = "") -> tuple[FloatArray, tuple[Step, ...]]:
        """A text in a voice -> samples [n] at `RATE`, and how; `tokens` names the range key they are drawn under."""
        from synth.watermark.tokens import TokenMark

        settings = replace(self.settings or self._model().settings(), language="en", seed=seed % (1 << 31))
        if tokens:
            mark = TokenMark.of(range_key(self.seed, tokens), settings.seed)
            settings = replace(settings, sampling=replace(settings.sampling, mark=mark))
        clone = self._rendered(text, voice, voice.text if voice.english else "", settings)
        step: dict[str, str | int | float] = {
            "step": "clone", "model": self.generator, "seed": settings.seed, "tokens": tokens or "by chance"
        }  # fmt: skip
        if clone.quality is not None and clone.quality.checked:
            step |= {"redraws": clone.quality.redraws, "faults": len(clone.quality.faults)}
        return self._sound(clone, settings), (step, {"step": "resample", "rate": RATE})

    def converted(self, content: Source, voice: Source, seed: int) -> tuple[FloatArray, tuple[Step, ...]]:
        """What a recording says, in a voice -> samples [n] at `RATE`, and how."""
        from synth.clone import Settings
        from synth.interventions import Interventions
        from synth.reference import Reference
        from synth.sampling import Sampling

        cloner = self._model()
        if cloner.content is None:
            raise VoxproofError("a conversion needs the model's content encoder", cure="Name its folder (--hubert).")
        heard = Reference.read(content.path)
        features = cloner.content.features(heard.for_content(), bounded=False)
        codes = cloner.models.sovits.codes(features.to(cloner.models.device))[0, 0].cpu()
        codes = codes[: max(round(len(heard.samples) / heard.rate * CODES_A_SECOND), 1)]  # not what zeros behind it say
        settings = Settings(
            language="en", cut="cut0", seed=seed % (1 << 31), sampling=Sampling(least=1, most=2),
            interventions=Interventions(codes=lambda drawn, piece: codes),
        )  # fmt: skip
        clone = self._rendered(content.text, voice, "", settings)
        if len(clone.codes) != 1:
            raise VoxproofError("the transcript is not one piece of text")
        step: Step = {"step": "conversion", "model": self.generator, "seed": settings.seed, "codes": len(codes)}
        return self._sound(clone, settings), (step, {"step": "resample", "rate": RATE})

    def right(self, voice: Source) -> str:
        """By which right the voice is taken."""
        from synth.consent import read_consent

        return f"consent {read_consent(voice.consent).consent_id}" if voice.consent else "machine"

    def _rendered(self, text: str, voice: Source, voice_text: str, settings: Settings) -> Clone:
        from synth.reference import Reference

        refused = self.gate(voice.path, voice.consent) if voice.consent else "" if voice.nobodys else "no right to it"
        if refused:
            raise VoxproofError(f"the voice is not cloned: {refused}", path=voice.path)
        cloner = self._model()
        return cloner._render(text, Reference.read(voice.path), voice_text if cloner.content else "", settings)

    def _model(self) -> Cloner:
        if self.cloner is None:
            raise VoxproofError("there is no clone model (--model)")
        return self.cloner

    def _sound(self, clone: Clone, settings: Settings) -> FloatArray:
        """Without the pause at the end, whose zeros would tell a machine."""
        end = len(clone.samples) - int(settings.pause_seconds * clone.rate)
        return convert(np.ascontiguousarray(clone.samples[:end].numpy(), np.float32), clone.rate, RATE)


def loaded(model: str, hubert: str | None = None) -> tuple[Cloner, str]:
    """The model `lite` or that of a folder, and its name in records."""
    try:
        from synth.clone import Cloner
    except ModuleNotFoundError as error:
        raise VoxproofError(
            f"the clone model needs {error.name}, which is not installed", cure="Run: pip install 'voxproof[clone]'."
        ) from None
    cloner = Cloner.load(model_folder(model), hubert=hubert)
    family = LITE if model == LITE else cloner.models.version
    return cloner, f"voxproof-{family}@{cloner.models.hashes['sovits'][:8]}"


def prepared(
    human: Sequence[Path],
    machine: Sequence[Path],
    reference: Sequence[Path],
    texts: Path | None,
    gate: Gate,
    seed: int,
    model: str | None = None,
    hubert: str | None = None,
) -> tuple[Material, Studio]:
    """What there is to draw from, and our model at work where a voice may be cloned.

    A model that was asked for and cannot be loaded is an error; the one that ships is used where it is.
    """
    material, out = gather(human, machine, reference, gate)
    said = texts.read_text("utf-8").splitlines() if texts else [one.text for one in material.humans if one.english]
    cloner, name = None, ""
    if material.voices:
        try:
            cloner, name = loaded(model or "lite", hubert)
        except VoxproofError as error:
            if model is not None:
                raise
            out[f"clones: {error.cause}"] += 1
    left_out = tuple(f"{count} × {why}" for why, count in sorted(out.items()))
    sentences = tuple(dict.fromkeys(line.strip() for line in said if line.strip()))
    material = replace(material, texts=sentences, engines=installed(), model=name, left_out=left_out)
    return material, Studio(seed, gate, cloner, name)
