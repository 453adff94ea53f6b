"""Partial edits: a phrase of a human recording replaced by a machine's, at the level of what was there.

Joins are butt joins or cross-fades of 5 and 20 ms, at drawn places or at the quietest near them. `splice.py` makes the
same of one person's recordings: only who speaks the phrase differs.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, cycle
from typing import ClassVar

import numpy as np

from forensics.benches.battery.plan import draw
from forensics.range.base import RATE, Item, Kind, Label, Made, Recipe, Rng, Role, Step
from forensics.range.engines import no_others, others, spoken, words
from forensics.range.sound import PHRASE_S, edges, excerpt, gain_to, phrase, replaced, speech_power
from forensics.range.sources import Material, Source
from forensics.range.studio import Studio
from synth.channels.base import FloatArray

FADES_MS = (0, 5, 20)
HOST_S = 3.0
"""Shortest recording that is edited, seconds."""
WORDS = 5
"""Most words of a phrase that is spoken for the purpose."""
CURVES = ("power", "linear")


class PartialEdit(Kind):
    """A machine's phrase in a person's recording."""

    name = "partial"
    label: ClassVar[Label] = "partial"

    def lacks(self, material: Material) -> str:
        return no_others(material) or ("" if hosts(material) else f"no human recording lasts {HOST_S:g} s")

    def recipes(self, material: Material, rng: Rng) -> Iterator[Recipe]:
        some = hosts(material)
        engines = others(material, rng, ours=True)
        for host, fade_ms in zip(cycle(draw(some, len(some), rng)), _fades(), strict=False):
            engine, donor = next(engines)
            used: list[tuple[Role, Source]] = [("host", host)]
            if engine == "clone":
                voice = _voice_for(host, material, rng)
                engine, donor = (engine, None) if voice else next(others(material, rng))
                used += [("voice", voice)] if voice else []
            used += [("donor", donor)] if donor else []
            text = words(material.texts, rng, WORDS) if engine else ""
            yield Recipe(tuple(used), engine, text, fade_ms, bool(rng.random() < 0.5))

    def make(self, item: Item, studio: Studio) -> Made:
        rng, recipe = np.random.default_rng(item.seed), item.recipe
        host, steps = excerpt(recipe.source("host"), rng)
        right = ""
        if recipe.engine == "clone":
            voice = recipe.source("voice")
            whole, how = studio.said(recipe.text, voice, item.seed)
            generator, name, right = studio.generator, voice.speaker or voice.label, studio.right(voice)
        elif recipe.engine:
            whole, how = spoken(recipe.engine, recipe.text, rng)
            generator, name = recipe.engine.split("/", 1)
        else:
            donor = recipe.source("donor")
            whole, how = excerpt(donor, rng)
            generator, name = donor.generator, donor.speaker
        piece, cut = _short(whole, rng, recipe)
        samples, segment, joins, put = edited(host, piece, recipe, rng)
        return Made(
            samples, (*steps, *({**one, "of": "donor"} for one in (*how, cut)), put), (segment,), joins,
            generator=generator, voice=name, voice_right=right, text=recipe.text,
        )  # fmt: skip


def _fades() -> Iterator[int]:
    """Cross-fades in turn, ms, one further in every round: so each meets each engine, whose turns are as long."""
    for n in count():
        yield FADES_MS[(n + n // len(FADES_MS)) % len(FADES_MS)]


def hosts(material: Material) -> list[Source]:
    """The human recordings that are long enough to be edited; English ones if there are, as the machines speak it."""
    long = [one for one in material.humans if one.seconds >= HOST_S]
    return [one for one in long if one.english] or long


def edited(
    host: FloatArray, piece: FloatArray, recipe: Recipe, rng: Rng, taken: tuple[int, int] | None = None
) -> tuple[FloatArray, tuple[int, int], tuple[tuple[int, int], ...], Step]:
    """The host with the piece for a phrase: samples, span of the piece, joins, and the step for the manifest."""
    first, last = taken or phrase(host, rng, recipe.pause)
    gain = gain_to(piece, speech_power(host[first:last]))
    curve = CURVES[int(rng.integers(len(CURVES)))]
    samples, segment, joins = replaced(host, (first, last), gain * piece, recipe.fade_ms, curve)
    step: Step = {
        "step": "replace", "first": first, "last": last, "put": piece.size, "gain_db": round(20 * np.log10(gain), 3),
        "fade_ms": recipe.fade_ms, "curve": curve if recipe.fade_ms else "none",
        "cuts": "pause" if recipe.pause else "anywhere",
    }  # fmt: skip
    return samples, segment, joins, step


def _short(whole: FloatArray, rng: Rng, recipe: Recipe) -> tuple[FloatArray, Step]:
    """A phrase that was spoken for the purpose as a whole, of a recording a part."""
    longest = round(1.5 * PHRASE_S[1] * RATE)
    if recipe.engine:
        first, last = edges(whole, rng)
        last = min(last, first + longest)
    else:
        first, last = phrase(whole, rng, recipe.pause)
    return whole[first:last], {"step": "cut", "first": first, "last": last}


def _voice_for(host: Source, material: Material, rng: Rng) -> Source | None:
    """The host's own voice where that is consented to, or else a voice of nobody's; never another person's."""
    own = [one for one in material.voices if one.consent and one.speaker and one.speaker == host.speaker]
    fit = own or [one for one in material.voices if one.nobodys and not one.consent]
    return fit[int(rng.integers(len(fit)))] if fit else None
