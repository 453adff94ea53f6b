"""The plan: what is made of what, decided by the material and one seed before anything is made.

Level and laundering go by an item's number, alike for every kind, so that neither tells a kind.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from forensics.range.base import Item, Recipe
from forensics.range.kinds import KINDS
from forensics.range.laundering import in_turn
from forensics.range.sources import Material
from synth import __version__
from synth.canonical import canonical
from synth.errors import VoxproofError

SCHEMA = "voxproof.range-plan/1"
LEVELS_DB = (-30.0, -20.0)
"""Level of the speech, drawn, dB below full scale."""


@dataclass(frozen=True)
class Config:
    """What is wanted."""

    count: int = 60
    """Items in all, three files each."""
    seed: int = 2026
    laundered: float = 0.5
    """Share of the items that go through a chain."""
    kinds: tuple[str, ...] = ()
    """Names in `KINDS`; empty: all that can be made."""


@dataclass(frozen=True)
class Plan:
    """What will be made."""

    config: Config
    items: tuple[Item, ...]
    model: str
    left_out: tuple[str, ...]
    """In words: recordings and kinds that are left out, and why."""

    @property
    def text(self) -> str:
        """The frozen plan: the same for the same material, options and version."""
        return canonical(
            {
                "schema": SCHEMA, "tool": __version__, "seed": self.config.seed, "count": self.config.count,
                "kinds": list(self.config.kinds), "laundered": self.config.laundered, "model": self.model,
                "left_out": list(self.left_out), "items": [_told(item) for item in self.items],
            }
        )  # fmt: skip


def plan(material: Material, config: Config) -> Plan:
    """Items of all kinds in turn. A kind that was asked for and cannot be made is an error, else it is left out."""
    unknown = [name for name in config.kinds if name not in KINDS]
    if unknown:
        raise VoxproofError(f"there is no kind {unknown[0]}", cure=f"Kinds: {', '.join(KINDS)}.")
    if not 0 <= config.laundered < 1 or config.count < 1:
        raise VoxproofError("at least one item, and a share of laundered ones from 0 to below 1, can be planned")
    reasons = {name: KINDS[name].lacks(material) for name in config.kinds or KINDS}
    lacking = {name: reason for name, reason in reasons.items() if reason}
    if config.kinds and lacking:
        name, reason = next(iter(lacking.items()))
        raise VoxproofError(f"no item of the kind {name} can be made: {reason}")
    kinds = [name for name in reasons if name not in lacking]
    if not kinds:
        raise VoxproofError("nothing can be made", cure="Give a folder of recordings with an index.csv (--human).")
    items: list[Item] = []
    for place, kind in enumerate(kinds):
        count = config.count // len(kinds) + (place < config.count % len(kinds))
        items += _items(kind, count, material, config)
    items.sort(key=lambda item: (item.name.rpartition("/")[2], kinds.index(item.kind)))
    left_out = (*material.left_out, *(f"no item of the kind {name}: {reason}" for name, reason in lacking.items()))
    return Plan(config, tuple(items), material.model, left_out)


def _items(kind: str, count: int, material: Material, config: Config) -> list[Item]:
    levels = np.random.default_rng([config.seed, 3]).uniform(*LEVELS_DB, count)
    recipes = KINDS[kind].recipes(material, np.random.default_rng([config.seed, zlib.crc32(kind.encode())]))
    chains = in_turn(config.seed, config.laundered)
    return [
        Item(
            f"{kind}/{number:05d}",
            kind,
            zlib.crc32(f"{config.seed}/{kind}/{number}".encode()),
            round(float(levels[number]), 2),
            next(chains),
            recipe,
        )
        for number, recipe in enumerate(islice(recipes, count))
    ]


def _told(item: Item) -> dict[str, object]:
    recipe: Recipe = item.recipe
    return {
        "name": item.name, "kind": item.kind, "seed": item.seed, "level_db": item.level_db, "chain": item.chain,
        "used": [[role, source.label] for role, source in recipe.used], "engine": recipe.engine, "text": recipe.text,
        "fade_ms": recipe.fade_ms, "pause": recipe.pause, "tokens": recipe.tokens,
    }  # fmt: skip


def counted(plan: Plan) -> Sequence[tuple[str, int]]:
    """Kinds, and how many items of each."""
    names = list(dict.fromkeys(item.kind for item in plan.items))
    return [(name, sum(item.kind == name for item in plan.items)) for name in names]
