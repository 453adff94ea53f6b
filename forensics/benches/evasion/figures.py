"""From rows to figures: what each manipulation costs a group of clips, and what is left of its evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from detectors.metrics import wilson_interval
from forensics.benches.evasion.gradient import VERDICT
from forensics.benches.evasion.manipulations import NOTHING
from forensics.benches.evasion.material import GROUPS, Group
from forensics.benches.evasion.run import CODES, LINES, Row

Quartiles = tuple[float, float, float]
"""Lower quartile, median, upper quartile; nan without values."""


@dataclass(frozen=True)
class Share:
    """Some of all, with its 95 % Wilson interval; clips count as independent."""

    hits: int
    of: int

    @property
    def rate(self) -> float:
        """nan of nothing."""
        return self.hits / self.of if self.of else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """(0, 1) of nothing."""
        return wilson_interval(self.hits, self.of)


@dataclass(frozen=True)
class Effect:
    """Of one manipulation on one group of clips."""

    group: Group
    manipulation: str
    family: str
    clips: int
    """That it was tried on."""
    untested: int
    """Of them, those on which no line could be tested afterwards, or that could not be made."""
    costs: dict[str, float]
    """Medians by the names of `Cost`; nan where none was measured."""
    lrs: dict[str, Quartiles]
    """log10 LR as reported, by line; of the codes that of our checkpoint against a person."""
    lost: Share
    """Of the clips with the right support before (people: not called machine-made), those without it afterwards."""
    over: Share
    """Of the clips not on the wrong side before, those that the verdict supports there: a machine as a person, or a
    person as a machine."""
    mark_found: Share
    mark_authenticated: Share
    codes_called: Share
    """Of the clips whose codes could be measured, those called our checkpoint's."""
    evidence_left: Share
    """Of machine-made clips, those that the verdict supports as such or whose mark authenticates."""


def effects(rows: Sequence[Row]) -> list[Effect]:
    """In the order of the groups and of the rows."""
    names = list(dict.fromkeys(row.manipulation for row in rows))
    found = []
    for group in GROUPS:
        before = {row.clip: row for row in rows if row.group == group and row.manipulation == NOTHING}
        for name in names:
            after = [row for row in rows if row.group == group and row.manipulation == name]
            if after:
                found.append(_effect(group, [(before[row.clip], row) for row in after]))
    return found


def _effect(group: Group, pairs: Sequence[tuple[Row, Row]]) -> Effect:
    """Rows of the same clips (before, after)."""
    right, wrong = ("human", "machine") if group == "people" else ("machine", "human")
    after = [row for _, row in pairs]

    def said(row: Row) -> str:
        return row.answers[VERDICT].outcome if VERDICT in row.answers else "untested"

    held = [now for then, now in pairs if _holds(said(then), right)]
    sound = [now for then, now in pairs if said(then) != wrong]
    coded = [row for row in after if CODES in row.answers]
    return Effect(
        group,
        after[0].manipulation,
        after[0].family,
        len(after),
        sum(VERDICT not in row.answers for row in after),
        {name: _median(getattr(row.cost, name) for row in after) for name in ("snr_db", "lsd_db", "pesq", "stoi")},
        {line: quartiles(_lrs(after, line)) for line in (*LINES, CODES)},
        Share(sum(not _holds(said(row), right) for row in held), len(held)),
        Share(sum(said(row) == wrong for row in sound), len(sound)),
        Share(sum(row.mark_found for row in after), len(after)),
        Share(sum(row.mark_authenticated for row in after), len(after)),
        Share(sum(row.answers[CODES].outcome == "machine" for row in coded), len(coded)),
        Share(sum(said(row) == "machine" or row.mark_authenticated for row in after), len(after)),
    )


def _holds(said: str, right: str) -> bool:
    """A machine's clip is held while it is supported as such, a person's unless it is called machine-made."""
    return said == "machine" if right == "machine" else said != "machine"


def _lrs(rows: Iterable[Row], line: str) -> list[float]:
    """Of the codes the LR of our checkpoint; of other lines the one reported."""
    return [
        row.answers[line].score if line == CODES else row.answers[line].log10_lr for row in rows if line in row.answers
    ]


def quartiles(values: Sequence[float]) -> Quartiles:
    """nan without values."""
    if not values:
        return float("nan"), float("nan"), float("nan")
    low, middle, high = np.percentile(values, (25, 50, 75)).tolist()
    return low, middle, high


def _median(values: Iterable[float]) -> float:
    known = [value for value in values if value == value]
    return float(np.median(known)) if known else float("nan")
