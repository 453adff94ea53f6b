"""The negatives of the partial edits: a phrase of a person's recording replaced by another of the same person.

The same joins, levels and lengths, and no machine in it. The other phrase comes from another recording of the speaker
where the index knows one, else from another place of the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import ClassVar

import numpy as np

from forensics.benches.battery.plan import draw
from forensics.range.base import Item, Kind, Label, Made, Recipe, Rng, Step
from forensics.range.partial_edit import FADES_MS, HOST_S, edited, hosts
from forensics.range.sound import excerpt, phrase
from forensics.range.sources import Material
from forensics.range.studio import Studio
from synth.errors import VoxproofError


class Splice(Kind):
    """A person's phrase in the same person's recording."""

    name = "splice"
    label: ClassVar[Label] = "human"

    def lacks(self, material: Material) -> str:
        return "" if hosts(material) else f"no human recording lasts {HOST_S:g} s"

    def recipes(self, material: Material, rng: Rng) -> Iterator[Recipe]:
        some, fades = hosts(material), cycle(FADES_MS)
        by_speaker: dict[str, list[int]] = {}
        for place, one in enumerate(some):
            by_speaker.setdefault(one.speaker, []).append(place)
        by_speaker.pop("", None)
        for host in cycle(draw(some, len(some), rng)):
            same = [place for place in by_speaker.get(host.speaker, ()) if some[place].path != host.path]
            donor = some[same[int(rng.integers(len(same)))]] if same else host
            yield Recipe((("host", host), ("donor", donor)), fade_ms=next(fades), pause=bool(rng.random() < 0.5))

    def make(self, item: Item, studio: Studio) -> Made:
        rng, recipe = np.random.default_rng(item.seed), item.recipe
        host, steps = excerpt(recipe.source("host"), rng)
        alone = recipe.source("donor") == recipe.source("host")
        other, how = (host, steps) if alone else excerpt(recipe.source("donor"), rng)
        for _ in range(30):
            taken, given = phrase(host, rng, recipe.pause), phrase(other, rng, recipe.pause)
            if not alone or given[1] <= taken[0] or given[0] >= taken[1]:
                break
        else:
            raise VoxproofError("the recording has no two phrases apart from each other")
        samples, _, joins, put = edited(host, other[slice(*given)], recipe, rng, taken)
        cut: Step = {"step": "cut", "first": given[0], "last": given[1]}
        return Made(samples, (*steps, *({**one, "of": "donor"} for one in (*how, cut)), put), joins=joins)
