"""Conversion by tokens: what a recording says, as the model's own codes, through SoVITS in a voice that may be taken.

The recording gives its words and its timing (25 codes a second), and nothing of its voice.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import ClassVar

import numpy as np

from forensics.benches.battery.plan import draw
from forensics.range.base import Item, Kind, Label, Made, Recipe, Rng
from forensics.range.clone import no_clone
from forensics.range.sound import edges
from forensics.range.sources import Material, Source
from forensics.range.studio import Studio

LONGEST_S = 10.0
"""Longer recordings are not converted: a transcript belongs to the whole, seconds."""


class Conversion(Kind):
    """A human recording in another voice."""

    name = "conversion"
    label: ClassVar[Label] = "machine"

    def lacks(self, material: Material) -> str:
        return no_clone(material) or (
            "" if _contents(material) else "no human recording is English, transcribed and at most 10 s long"
        )

    def recipes(self, material: Material, rng: Rng) -> Iterator[Recipe]:
        contents = _contents(material)
        voices = cycle(draw(material.voices, len(material.voices), rng))
        for content in cycle(draw(contents, len(contents), rng)):
            yield Recipe((("content", content), ("voice", next(voices))), "clone", content.text)

    def make(self, item: Item, studio: Studio) -> Made:
        content, voice = item.recipe.source("content"), item.recipe.source("voice")
        whole, steps = studio.converted(content, voice, item.seed)
        first, last = edges(whole, np.random.default_rng(item.seed))
        return Made(
            whole[first:last], (*steps, {"step": "cut", "first": first, "last": last}), ((0, last - first),),
            generator=studio.generator, voice=voice.speaker or voice.label, voice_right=studio.right(voice),
            text=content.text,
        )  # fmt: skip


def _contents(material: Material) -> list[Source]:
    return [one for one in material.humans if one.english and one.text and one.seconds <= LONGEST_S]
