"""Figures of attribution from clips on pages that were left out, with intervals over a bootstrap of whole pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.attribution import FamilyFigure
from detectors.metrics import auc
from detectors.train.attribution_fit import Clips
from detectors.train.attribution_folds import Doubles, FewShot, Left, fpr_at_tpr, interval, macro_f1, resampled

ROUNDS = 300
"""Of the bootstrap."""
LEAST_PAGES = 3
"""Pages that a family needs before anything is validated of it."""
LEAST_F1 = 0.45
"""And its F1, at the lower end of the interval."""


@dataclass(frozen=True)
class Measured:
    """A figure with its interval over a bootstrap of whole pages."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def measured(statistic: Callable[[npt.NDArray[np.int_]], float], pages: npt.NDArray[np.str_], seed: int) -> Measured:
    """A statistic of rows with its interval."""
    low, high = interval([statistic(rows) for rows in resampled(pages, ROUNDS, seed)])
    return Measured(statistic(np.arange(len(pages))), low, high, len(pages))


def families_of(clips: Clips, left: Left, seed: int) -> tuple[FamilyFigure, ...]:
    """What was measured of every family."""
    truth, said, page = np.array(left.family), np.array(left.said), np.array(left.page)
    asked = (truth != "") & judged(page)
    rows = []
    for one in sorted(set(clips.family) - {""}):
        mine = clips.family == one
        of = asked & (truth == one)
        pages = len(set(page[of]))
        right = int((of & (said == one)).sum())

        def f1(drawn: npt.NDArray[np.int_], one: str = one) -> float:
            return macro_f1(truth[asked][drawn], said[asked][drawn], [one])[0]

        chance = float(of.sum() / max(asked.sum(), 1))
        low = measured(f1, page[asked], seed).low if pages else 0.0
        rows.append(
            FamilyFigure(
                family=one,
                generators=len(set(clips.generator[mine])),
                pages=pages,
                clips=int(of.sum()),
                precision=round(right / max(int((asked & (said == one)).sum()), 1), 3),
                recall=round(right / max(int(of.sum()), 1), 3),
                validated=pages >= LEAST_PAGES and low > 2 * chance / (1 + chance) and low > LEAST_F1,
            )
        )
    return tuple(rows)


def judged(page: npt.NDArray[np.str_]) -> npt.NDArray[np.bool_]:
    """Pages that count in figures: an engine that we ran ourselves is its own page and stands for no other."""
    return ~np.char.startswith(page, "generated")


def figures_of(left: Left, few: FewShot, seed: int) -> dict[str, Measured]:
    """Every figure of the page, by name."""
    page, truth, said = np.array(left.page), np.array(left.family), np.array(left.said)
    by_page, largest, known = np.array(left.said_by_page), np.array(left.largest), np.array(left.known)
    right = np.array(left.nearest) == np.array(left.generator)
    asked = (truth != "") & judged(page)
    families = [f for f in sorted(set(truth[asked])) if len(set(page[asked & (truth == f)])) > 1]
    asked &= np.isin(truth, families)
    found: dict[str, Measured] = {}

    shuffled = said.copy()
    shuffled[asked] = np.random.default_rng(seed).permutation(said[asked])
    found["families"] = measured(_macro(truth[asked], said[asked], families), page[asked], seed)
    found["families by page"] = measured(_macro(truth[asked], by_page[asked], families), page[asked], seed)
    found["families by chance"] = measured(_macro(truth[asked], shuffled[asked], families), page[asked], seed)
    counted = judged(page)
    value, there, pages = largest[counted], known[counted], page[counted]
    found["unseen auroc"] = measured(lambda r: _auc(value[r][there[r]], value[r][~there[r]]), pages, seed)
    found["unseen fpr"] = measured(lambda r: _fpr(value[r][there[r]], value[r][~there[r]]), pages, seed)
    found["name"] = measured(
        lambda r: float(right[counted][r][there[r]].mean()) if there[r].any() else np.nan, pages, seed
    )
    easy, easy_page = np.array([c for c, _ in left.easy]), np.array([p for _, p in left.easy])
    both = np.concatenate([easy, value[~there]])
    is_easy = np.arange(len(both)) < len(easy)
    both_page = np.concatenate([easy_page, pages[~there]])
    found["same page auroc"] = measured(lambda r: _auc(both[r][is_easy[r]], both[r][~is_easy[r]]), both_page, seed)
    found["same page fpr"] = measured(lambda r: _fpr(both[r][is_easy[r]], both[r][~is_easy[r]]), both_page, seed)
    hit = np.array(left.easy_right, float)
    found["same page name"] = measured(lambda r: float(hit[r].mean()), easy_page, seed)
    of_few, few_page = np.array(few.auc_page), np.array(few.page)
    found["few-shot auroc, same page"] = measured(
        lambda r: float(np.nanmean(of_few[r])) if np.isfinite(of_few[r]).any() else np.nan, few_page, seed
    )
    elsewhere = np.array(few.auc_elsewhere)
    found["few-shot auroc, other pages"] = measured(lambda r: float(np.nanmean(elsewhere[r])), few_page, seed)
    return found


@dataclass(frozen=True)
class Changed:
    """The same clips in another condition and as they were learnt from."""

    clips: int
    """On pages that count, of a known family."""
    families: Measured
    """Macro F1 in the condition."""
    families_before: Measured
    """Macro F1 of the same clips as neutral pieces."""
    none_known: float
    """Share of clips of generators enrolled from other pages that lie below the threshold of "none of these"."""
    none_unseen: float
    """The same of clips of generators that are not enrolled."""


def changed_of(left: Left, then: Left, none_below: float, seed: int) -> Changed:
    """What a condition changes; families with at least two pages among its clips count."""
    place = {one: n for n, one in enumerate(left.id)}
    rows = np.array([n for n, one in enumerate(then.id) if one in place and then.family[n]], int)
    rows = rows[judged(np.array(then.page)[rows])]
    truth, page, said = (np.array(x)[rows] for x in (then.family, then.page, then.said))
    before = np.array([left.said[place[then.id[n]]] for n in rows])
    families = [f for f in sorted(set(truth)) if len(set(page[truth == f])) > 1]
    of = np.isin(truth, families)
    known, below = np.array(then.known), np.array(then.largest) < none_below
    return Changed(
        clips=int(of.sum()),
        families=measured(_macro(truth[of], said[of], families), page[of], seed),
        families_before=measured(_macro(truth[of], before[of], families), page[of], seed),
        none_known=share(below[known]), none_unseen=share(below[~known]),
    )  # fmt: skip


def share(of: npt.NDArray[np.bool_]) -> float:
    """Share that is true; nan of none."""
    return float(of.mean()) if len(of) else float("nan")


def _macro(
    truth: npt.NDArray[np.str_], said: npt.NDArray[np.str_], families: list[str]
) -> Callable[[npt.NDArray[np.int_]], float]:
    """Macro F1 over the families that occur among rows."""

    def statistic(rows: npt.NDArray[np.int_]) -> float:
        here = [f for f in families if (truth[rows] == f).any()]
        return macro_f1(truth[rows], said[rows], here)[0]

    return statistic


def _auc(known: Doubles, unseen: Doubles) -> float:
    return auc(known, unseen) if len(known) and len(unseen) else float("nan")


def _fpr(known: Doubles, unseen: Doubles) -> float:
    return fpr_at_tpr(known, unseen) if len(known) and len(unseen) else float("nan")
