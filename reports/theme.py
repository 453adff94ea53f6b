"""The report's small design system: page, grid, type scale, colours and the marks of the four outcomes.

Two accents (a deep teal for "consistent" and H2, a vermilion for "inconsistent" and H1) stay apart for colour-blind
readers and in grey print; every colour is doubled by a shape or a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from forensics.records import Outcome

PageSize = Literal["a4", "letter"]

PAGES: dict[str, tuple[float, float]] = {"a4": (595.2756, 841.8898), "letter": (612.0, 792.0)}
"""Width and height in points."""

INK = "#16202B"
MUTED = "#55626F"
FAINT = "#8793A0"
RULE = "#D3DAE0"
GRID = "#E4E9ED"
WASH = "#F3F6F8"
TEAL = "#0B5C7A"
TEAL_WASH = "#E3EEF3"
VERMILION = "#C2410C"
VERMILION_WASH = "#FBEADF"
STONE = "#6B7280"
WHITE = "#FFFFFF"

OUTCOME_COLOUR: dict[str, str] = {
    "consistent": TEAL,
    "inconsistent": VERMILION,
    "inconclusive": STONE,
    "could_not_test": FAINT,
    "supports_machine": VERMILION,
    "supports_human": TEAL,
}

OUTCOME_WORD: dict[Outcome, str] = {
    "consistent": "consistent",
    "inconsistent": "inconsistent",
    "inconclusive": "inconclusive",
    "could_not_test": "could not be tested",
}

FINE, SMALL, BODY, LEAD, H3, H2, H1 = 6.8, 7.8, 9.0, 10.4, 11.0, 14.5, 19.0
"""Type scale in points."""

TICK = 6.2
"""Letters in figures, points."""

GUTTER = 44.0
"""Room left of every time axis for labels, points: the same everywhere, so that all time axes align."""
MARGIN = 6.0
"""Room right of every time axis for half a tick label, points."""


@dataclass(frozen=True)
class Sheet:
    """One page format with its margins; all lengths in points."""

    name: PageSize
    width: float
    height: float
    left: float = 54.0
    right: float = 54.0
    top: float = 58.0
    bottom: float = 56.0

    @property
    def measure(self) -> float:
        """Width of the text block."""
        return self.width - self.left - self.right

    @property
    def depth(self) -> float:
        """Height of the text block."""
        return self.height - self.top - self.bottom


def sheet(page: PageSize) -> Sheet:
    """The page format by name."""
    width, height = PAGES[page]
    return Sheet(page, width, height)
