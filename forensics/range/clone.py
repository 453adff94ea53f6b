"""Clones: a text in a voice that may be taken, said by our model as it says it for a user, but for the door.

Of three clones one has its tokens drawn under each range key, as what leaves the door has (`synth.watermark.tokens`),
and one by chance, so that neither half of the mark says machine by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import ClassVar

import numpy as np

from forensics.benches.battery.plan import draw
from forensics.range.base import Item, Kind, Label, Made, Recipe, Rng
from forensics.range.engines import can_clone, words
from forensics.range.sound import edges
from forensics.range.sources import Material
from forensics.range.studio import Studio

TOKENS = ("", "marked", "other")
"""Under which range key the tokens are drawn, in turn."""


class CloneKind(Kind):
    """A whole clip of our model."""

    name = "clone"
    label: ClassVar[Label] = "machine"

    def lacks(self, material: Material) -> str:
        return no_clone(material)

    def recipes(self, material: Material, rng: Rng) -> Iterator[Recipe]:
        tokens = cycle(TOKENS)
        for voice in cycle(draw(material.voices, len(material.voices), rng)):
            yield Recipe((("voice", voice),), "clone", words(material.texts, rng), tokens=next(tokens))

    def make(self, item: Item, studio: Studio) -> Made:
        recipe = item.recipe
        voice = recipe.source("voice")
        whole, steps = studio.said(recipe.text, voice, item.seed, recipe.tokens)
        first, last = edges(whole, np.random.default_rng(item.seed))
        return Made(
            whole[first:last], (*steps, {"step": "cut", "first": first, "last": last}), ((0, last - first),),
            generator=studio.generator, voice=voice.speaker or voice.label, voice_right=studio.right(voice),
            text=recipe.text,
        )  # fmt: skip


def no_clone(material: Material) -> str:
    """Why nothing can be cloned; empty where something can."""
    if can_clone(material):
        return ""
    if not material.voices:
        return "there is no voice that may be cloned (--reference: a machine's voice, or one with a consent)"
    if not material.model:
        return "there is no clone model (--model)"
    return "there is nothing to say (--texts, or transcripts in the human index)"
