"""What every kind of item shares: the plan's records, and the frame of a kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from forensics.range.sources import Material, Source
from synth.channels.base import FloatArray

if TYPE_CHECKING:
    from forensics.range.studio import Studio

RATE = 16_000
"""Hz, of everything that is made: one for all, or the rate would tell the machine."""
Rng = np.random.Generator
Label = Literal["human", "machine", "partial"]
Role = Literal["clip", "host", "donor", "content", "voice"]
Step = Mapping[str, str | int | float]
"""One step of the processing: its name under `step`, and its parameters."""
Span = tuple[int, int]
"""First sample, and the sample behind the last."""


@dataclass(frozen=True)
class Recipe:
    """What a kind decides of an item."""

    used: tuple[tuple[Role, Source], ...] = ()
    """The recordings that go into it, each with its part."""
    engine: str = ""
    """What speaks: `clone`, a program and its voice such as `espeak-ng/en-us`, or nothing (a recording)."""
    text: str = ""
    """What is to be said, where something is."""
    fade_ms: int = 0
    """Length of each cross-fade."""
    pause: bool = False
    """Whether the cuts look for the quietest place near them."""
    tokens: str = ""
    """Clones: the range key under which the tokens are drawn; empty: by chance."""

    def source(self, role: Role) -> Source:
        """The recording with this part."""
        return next(source for one, source in self.used if one == role)


@dataclass(frozen=True)
class Item:
    """One planned item: three files, unmarked, marked, and marked under another key."""

    name: str
    """Kind and number; also the place of its files."""
    kind: str
    seed: int
    """Decides every draw while it is made."""
    level_db: float
    """Level of its speech, dB below full scale; drawn by number, the same for every kind."""
    chain: str
    """Name in `laundering.CHAINS`; likewise."""
    recipe: Recipe


@dataclass(frozen=True, eq=False)
class Made:
    """An item before its level, marks and laundering."""

    samples: FloatArray
    """[n] at `RATE`."""
    steps: tuple[Step, ...]
    """How it came to be."""
    segments: tuple[Span, ...] = ()
    """Machine-made speech."""
    joins: tuple[Span, ...] = ()
    """Where recordings meet; with a cross-fade the whole of it, else a span of no length."""
    generator: str = ""
    """What made the machine-made speech."""
    voice: str = ""
    """Whose voice that is: a source's speaker, a program's voice."""
    voice_right: str = ""
    """By which right our model speaks in it: `machine` or `consent <id>`; empty where it does not."""
    text: str = ""
    """What the machine says, as far as that is known."""


class Kind(ABC):
    """One kind of item."""

    name: ClassVar[str]
    label: ClassVar[Label]

    @abstractmethod
    def lacks(self, material: Material) -> str:
        """Why none can be made of the material, in words; empty where some can."""

    @abstractmethod
    def recipes(self, material: Material, rng: Rng) -> Iterator[Recipe]:
        """Recipes without end; more of them leave the first ones as they are."""

    @abstractmethod
    def make(self, item: Item, studio: Studio) -> Made:
        """The sound, at `RATE`."""
