"""Recordings as they are: of people, and of machines that others made or let speak."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import ClassVar

import numpy as np

from forensics.benches.battery.plan import draw
from forensics.range.base import Item, Kind, Label, Made, Recipe, Rng
from forensics.range.engines import no_others, others, spoken, words
from forensics.range.sound import edges, excerpt
from forensics.range.sources import Material
from forensics.range.studio import Studio


class Human(Kind):
    """A person's recording, unedited: an excerpt of it."""

    name = "human"
    label: ClassVar[Label] = "human"

    def lacks(self, material: Material) -> str:
        return "" if material.humans else "there are no human recordings (--human)"

    def recipes(self, material: Material, rng: Rng) -> Iterator[Recipe]:
        for clip in cycle(draw(material.humans, len(material.humans), rng)):
            yield Recipe((("clip", clip),))

    def make(self, item: Item, studio: Studio) -> Made:
        return Made(*excerpt(item.recipe.source("clip"), np.random.default_rng(item.seed)))


class Machine(Kind):
    """Machine-made speech of others, an excerpt of it: from a list, or spoken by an installed program."""

    name = "machine"
    label: ClassVar[Label] = "machine"

    def lacks(self, material: Material) -> str:
        return no_others(material)

    def recipes(self, material: Material, rng: Rng) -> Iterator[Recipe]:
        for engine, clip in others(material, rng):
            text = words(material.texts, rng) if clip is None else clip.text
            yield Recipe(() if clip is None else (("clip", clip),), engine, text)

    def make(self, item: Item, studio: Studio) -> Made:
        rng, recipe = np.random.default_rng(item.seed), item.recipe
        if recipe.engine:
            whole, steps = spoken(recipe.engine, recipe.text, rng)
            first, last = edges(whole, rng)
            samples, steps = whole[first:last], (*steps, {"step": "cut", "first": first, "last": last})
            generator, voice = recipe.engine.split("/", 1)
        else:
            clip = recipe.source("clip")
            samples, steps = excerpt(clip, rng)
            generator, voice = clip.generator, clip.speaker
        return Made(samples, steps, ((0, samples.size),), generator=generator, voice=voice, text=recipe.text)
