"""Attribution judged with whole pages left out: families, unseen generators, pages themselves, few-shot enrolment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from detectors.attribution import quartile_of, unit
from detectors.metrics import auc
from detectors.train.attribution_fit import Clips, FloatArray, Names, enrolled, learn

Doubles = npt.NDArray[np.float64]
FOLDS = 10
FEW = 10
"""Clips of a few-shot enrolment."""
LEAST_TESTED = 5
"""Clips of a generator that must remain to test it with."""


@dataclass
class Left:
    """Clips on pages that were left out, and what was said of them; lists grow fold by fold."""

    id: list[str] = field(default_factory=list)
    family: list[str] = field(default_factory=list)
    """Empty: of none that is known."""
    said: list[str] = field(default_factory=list)
    """Family of the nearest enrolled generator."""
    said_by_page: list[str] = field(default_factory=list)
    """Family that prevails on the nearest page: what recognising pages alone would say."""
    page: list[str] = field(default_factory=list)
    generator: list[str] = field(default_factory=list)
    nearest: list[str] = field(default_factory=list)
    """Nearest enrolled generator."""
    largest: list[float] = field(default_factory=list)
    """Its cosine."""
    second: list[float] = field(default_factory=list)
    """Cosine of the next generator."""
    known: list[bool] = field(default_factory=list)
    """Whether the clip's generator is enrolled, from another page."""
    same: list[tuple[float, str]] = field(default_factory=list)
    """Cosine to the clip's own generator, enrolled from other pages, and the page."""
    other: list[tuple[float, str]] = field(default_factory=list)
    """Cosines to other generators, and the page."""
    easy: list[tuple[float, str]] = field(default_factory=list)
    """Largest cosine of clips whose page and generator are enrolled, from other clips."""
    easy_right: list[bool] = field(default_factory=list)
    """And whether it is that generator's."""


@dataclass
class FewShot:
    """Generators enrolled from ten clips of a page that nothing was learnt from."""

    generator: list[str] = field(default_factory=list)
    page: list[str] = field(default_factory=list)
    auc_page: list[float] = field(default_factory=list)
    """Against other generators of the same page; nan where there is none."""
    auc_elsewhere: list[float] = field(default_factory=list)
    """Against generators of other pages."""
    quartile: list[float] = field(default_factory=list)
    """Lower quartile of the cosines of the ten to each other."""
    hits: list[Doubles] = field(default_factory=list)
    """Cosines of its other clips."""
    others: list[Doubles] = field(default_factory=list)
    """Cosines of clips of other generators on other pages."""


def folds(pages: Names, seed: int) -> dict[str, int]:
    """A fold for every page."""
    order = np.random.default_rng(seed).permutation(np.unique(pages))
    return {str(page): n % FOLDS for n, page in enumerate(order)}


def judge(
    clips: Clips, blocks: Sequence[int], seed: int, changed: Mapping[str, Clips] | None = None,
    say: Callable[[str], None] = print,
) -> tuple[Left, FewShot, dict[str, Left]]:  # fmt: skip
    """Every page left out once; constants and bank from the other folds' pages.

    `changed` are the same clips, or some, heard in other conditions, by name: only asked about, and answered for in the
    last of the three.
    """
    fold = folds(clips.page, seed)
    elsewhere = {name: Left() for name in changed or {}}
    at = np.array([fold[str(page)] for page in clips.page])
    left, few = Left(), FewShot()
    for k in range(FOLDS):
        train, test = clips.at((at != k) & clips.usable), clips.at((at == k) & ~clips.human)
        train_made = ~train.human
        constants = learn(train, train.generator, blocks, seed)
        heard, asked = constants.embed(train.values[train_made]), constants.embed(test.values)
        made = train.at(train_made)
        bank = _Bank.of(made, heard)
        bank.ask(left, test, asked)
        for name, clips_then in (changed or {}).items():
            then = clips_then.at(np.array([fold.get(str(p)) == k for p in clips_then.page]) & ~clips_then.human)
            bank.ask(elsewhere[name], then, constants.embed(then.values))
        by_page = learn(train, train.page, blocks, seed)
        pages, means = enrolled(by_page.embed(made.values), made.page, made.page)
        nearest = pages[(by_page.embed(test.values) @ means.T).argmax(1)]
        prevailing = {str(page): _prevailing(made.family[made.page == page]) for page in pages}
        left.said_by_page += [prevailing[str(page)] for page in nearest]
        _easy(left, train, blocks, seed)
        _few_shot(few, test, asked, seed)
        say(f"fold {k + 1} of {FOLDS}")
    return left, few, elsewhere


@dataclass(frozen=True)
class _Bank:
    """The generators of a fold's training pages."""

    names: Names
    means: FloatArray
    """[generators, DIMENSIONS]."""
    family: Mapping[str, str]
    """By generator; empty: of none that is known."""

    @classmethod
    def of(cls, made: Clips, heard: FloatArray) -> _Bank:
        """Of machine-made clips and their embeddings [n, DIMENSIONS]."""
        names, means = enrolled(heard, made.generator, made.page)
        return cls(names, means, {str(g): str(f) for g, f in zip(made.generator, made.family, strict=True)})

    def ask(self, left: Left, test: Clips, asked: FloatArray) -> None:
        """Answers for clips with the embeddings [n, DIMENSIONS] go into `left`."""
        of_known = np.array([bool(self.family[str(name)]) for name in self.names])
        cosines = asked @ self.means.T
        order = np.argsort(-cosines, axis=1)
        for n in range(len(asked)):
            mine = self.names == test.generator[n]
            left.id.append(str(test.id[n]))
            left.family.append(str(test.family[n]))
            left.said.append(self.family[str(self.names[of_known][cosines[n][of_known].argmax()])])
            left.page.append(str(test.page[n]))
            left.generator.append(str(test.generator[n]))
            left.nearest.append(str(self.names[order[n, 0]]))
            left.largest.append(float(cosines[n, order[n, 0]]))
            left.second.append(float(cosines[n, order[n, 1]]))
            left.known.append(bool(mine.any()))
            left.same += [(float(c), str(test.page[n])) for c in cosines[n][mine]]
            left.other += [(float(c), str(test.page[n])) for c in cosines[n][~mine]]


def _easy(left: Left, train: Clips, blocks: Sequence[int], seed: int) -> None:
    """Half of the clips of the learnt pages enrolled, the other half asked: page and generator are both known."""
    half = np.array([int(one, 16) % 2 == 0 for one in train.id])
    constants = learn(train.at(half), train.generator[half], blocks, seed)
    learnt, rest = train.at(half & ~train.human), train.at(~half & ~train.human)
    names, bank = enrolled(constants.embed(learnt.values), learnt.generator, learnt.page)
    cosines = constants.embed(rest.values) @ bank.T
    there = np.isin(rest.generator, names)
    left.easy += [(float(c), str(p)) for c, p in zip(cosines.max(1)[there], rest.page[there], strict=True)]
    left.easy_right += (names[cosines.argmax(1)][there] == rest.generator[there]).tolist()


def _few_shot(few: FewShot, test: Clips, asked: FloatArray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for name, page in sorted({(str(g), str(p)) for g, p in zip(test.generator, test.page, strict=True)}):
        mine = np.flatnonzero((test.generator == name) & (test.page == page))
        if len(mine) < FEW + LEAST_TESTED:
            continue
        mine = rng.permutation(mine)
        cosines = asked @ unit(asked[mine[:FEW]].mean(0))
        hits = cosines[mine[FEW:]].astype(np.float64)
        neighbours = cosines[(test.page == page) & (test.generator != name)]
        elsewhere = cosines[(test.page != page) & (test.generator != name)].astype(np.float64)
        few.generator.append(name)
        few.page.append(page)
        few.auc_page.append(auc(hits, neighbours) if len(neighbours) >= LEAST_TESTED else float("nan"))
        few.auc_elsewhere.append(auc(hits, elsewhere) if len(elsewhere) else float("nan"))
        few.quartile.append(quartile_of(asked[mine[:FEW]]))
        few.hits.append(hits)
        few.others.append(elsewhere)


def _prevailing(families: Names) -> str:
    """The commonest family, the first by name of several; empty where none is known."""
    known, count = np.unique(families[families != ""], return_counts=True)
    return str(known[count.argmax()]) if len(known) else ""


def macro_f1(truth: Names, said: Names, families: Sequence[str]) -> tuple[float, Doubles]:
    """Mean F1 over families, and each."""
    each = []
    for one in families:
        right = int(((truth == one) & (said == one)).sum())
        each.append(2 * right / max(int((truth == one).sum() + (said == one).sum()), 1))
    return float(np.mean(each)), np.array(each)


def fpr_at_tpr(known: Doubles, unseen: Doubles, rate: float = 0.95) -> float:
    """Share of unseen clips that pass the threshold which this share of the known ones reach."""
    return float(np.mean(unseen >= np.quantile(known, 1 - rate)))


def resampled(pages: Names, rounds: int, seed: int) -> Iterator[npt.NDArray[np.int_]]:
    """Rows of whole pages drawn with replacement."""
    rng = np.random.default_rng(seed)
    names, index = np.unique(pages, return_inverse=True)
    rows = [np.flatnonzero(index == n) for n in range(len(names))]
    for _ in range(rounds):
        yield np.concatenate([rows[n] for n in rng.integers(0, len(names), len(names))])


def interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % of them, whatever is nan left out."""
    low, high = np.nanquantile(np.array(values, np.float64), [0.025, 0.975])
    return float(low), float(high)
