"""Scores of a part with what the product would say about each clip: LRs, decisions and their error rates."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from detectors.calibration import log10_lr, raw_log10_lr
from detectors.card import Card, Figure
from detectors.fusion import Fusion
from detectors.metrics import act_dcf, auc, cllr, cllr_min, eer, min_dcf, wilson_interval

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.intp]
Rows = list[dict[str, str]]


class Judged:
    """Rows of a score table, judged: unbounded score, bounded log10 LR and decision of each."""

    def __init__(self, rows: Rows, score: FloatArray, llr: FloatArray, machine: BoolArray, human: BoolArray) -> None:
        self.rows, self.score, self.llr = rows, score, llr
        self.says_machine, self.says_human = machine, human
        self.machine = np.array([r["label"] == "machine" for r in rows], bool)

    @classmethod
    def by_line(cls, rows: Rows, card: Card) -> "Judged":
        """As the method of one line answers: its own LR and thresholds."""
        score, seconds = columns(rows, card.name)
        llr, lower, upper = log10_lr(card.calibration, score, seconds)
        return cls(rows, score, llr, lower > card.thresholds.machine, upper < card.thresholds.human)

    @classmethod
    def fused(cls, rows: Rows, cards: Mapping[str, Card], fusion: Fusion) -> "Judged":
        """As the verdict answers when all lines are present."""
        lines, raw = {}, {}
        for name, card in cards.items():
            score, seconds = columns(rows, name)
            lines[name] = log10_lr(card.calibration, score, seconds)[0]
            raw[name] = raw_log10_lr(card.calibration, score, seconds)
        fit = next(f for f in fusion.fits if set(f.weights) == set(cards))
        unbounded = sum((weight * raw[name] for name, weight in fit.weights.items()), np.zeros(len(rows)))
        said = [fusion.fuse({name: float(llr[i]) for name, llr in lines.items()}) for i in range(len(rows))]
        ends = np.array([one.log10_lr_bounds for one in said])
        return cls(
            rows,
            unbounded,
            np.array([one.log10_lr for one in said]),
            ends[:, 0] > fusion.threshold_machine,
            ends[:, 1] < fusion.threshold_human,
        )

    def where(self, keep: Iterable[bool]) -> "Judged":
        """The rows chosen."""
        mask = np.array(list(keep), bool)
        rows = [r for r, k in zip(self.rows, mask, strict=True) if k]
        return Judged(rows, self.score[mask], self.llr[mask], self.says_machine[mask], self.says_human[mask])

    def figure(self, condition: str) -> Figure:
        """All error rates of these rows."""
        m, h = self.llr[self.machine], self.llr[~self.machine]
        sm, sh = self.score[self.machine], self.score[~self.machine]
        both = m.size > 0 and h.size > 0
        nan = float("nan")
        false_alarms = int(self.says_machine[~self.machine].sum())
        hits = int(self.says_machine[self.machine].sum())
        return Figure(
            condition=condition,
            human=h.size,
            human_sources=len({r["source"] for r in self.rows if r["label"] == "human"}),
            machine=m.size,
            generators=len({r["generator"] for r in self.rows if r["label"] == "machine"}),
            eer=round(eer(sm, sh), 4) if both else nan,
            auc=round(auc(sm, sh), 4) if both else nan,
            cllr=round(cllr(m, h), 4) if both else nan,
            cllr_min=round(cllr_min(sm, sh), 4) if both else nan,
            min_dcf=round(min_dcf(sm, sh), 4) if both else nan,
            act_dcf=round(act_dcf(m, h), 4) if both else nan,
            false_positive_rate=round(false_alarms / h.size, 4) if h.size else nan,
            false_positive_interval=rounded(wilson_interval(false_alarms, h.size)),
            true_positive_rate=round(hits / m.size, 4) if m.size else nan,
            true_positive_interval=rounded(wilson_interval(hits, m.size)),
            false_human_rate=round(float(self.says_human[self.machine].mean()), 4) if m.size else nan,
            inconclusive_rate=round(float(np.mean(~self.says_machine & ~self.says_human)), 4),
        )


def rounded(pair: tuple[float, float]) -> tuple[float, float]:
    """Four digits."""
    return round(pair[0], 4), round(pair[1], 4)


def columns(rows: Rows, line: str) -> tuple[FloatArray, FloatArray]:
    """Scores [n] of a line, and seconds of speech [n]."""
    return np.array([float(r[line]) for r in rows]), np.array([float(r["speech_seconds"]) for r in rows])


def by(judged: Judged, column: str, least: int = 1) -> list[tuple[str, Judged]]:
    """Rows grouped by a column's value, largest first."""
    names = [n for n, count in Counter(r[column] for r in judged.rows).most_common() if count >= least]
    return [(n, judged.where(r[column] == n for r in judged.rows)) for n in names]


def weak_generators(judged: Judged) -> list[tuple[str, str, int, float, float, float]]:
    """Every generator against all human clips: (name, kind, clips, AUC, TPR, called human), weakest first."""
    human = judged.score[~judged.machine]
    rows = []
    for name, part in by(judged.where(judged.machine), "generator"):
        rows.append(
            (
                name,
                part.rows[0]["kind"],
                len(part.rows),
                auc(part.score, human),
                float(part.says_machine.mean()),
                float(part.says_human.mean()),
            )
        )
    return sorted(rows, key=lambda r: r[3])


def over_sources(judged: Judged, rounds: int = 500) -> tuple[tuple[float, float], tuple[float, float]]:
    """95 % intervals of EER and AUC over a bootstrap of whole sources, the classes apart."""
    source = np.array([r["source"] for r in judged.rows])

    def statistics(machine: IntArray, human: IntArray) -> tuple[float, ...]:
        scores = judged.score[machine], judged.score[human]
        return eer(*scores), auc(*scores)

    of_eer, of_auc = bootstrap(judged.machine, source, statistics, rounds)
    return of_eer, of_auc


def bootstrap(
    machine: BoolArray,
    cluster: npt.NDArray[np.str_],
    statistics: Callable[[IntArray, IntArray], Sequence[float]],
    rounds: int = 500,
    seed: int = 1,
) -> list[tuple[float, float]]:
    """95 % intervals of figures over whole clusters drawn with replacement, machine and human clips apart.

    `statistics` takes the places of the machine clips and of the human ones, [n] each, some several times.
    """
    rng = np.random.default_rng(seed)
    classes = []
    for label in (True, False):
        places = np.flatnonzero(machine == label)
        _, number = np.unique(cluster[places], return_inverse=True)
        size = np.bincount(number)
        classes.append((places[np.argsort(number, kind="stable")], size, np.cumsum(size) - size))
    found = []
    for _ in range(rounds):
        drawn = []
        for places, size, start in classes:
            chosen = rng.integers(0, size.size, size.size)
            length = size[chosen]
            end = np.cumsum(length)
            drawn.append(places[np.arange(end[-1]) + np.repeat(start[chosen] - end + length, length)])
        found.append(statistics(*drawn))
    low, high = np.percentile(np.array(found), [2.5, 97.5], axis=0)
    return [(float(one), float(other)) for one, other in zip(low, high, strict=True)]
