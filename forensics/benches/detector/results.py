"""All figures of a run: error rates by condition and group, intervals over sources, and other systems beside ours."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from detectors.card import Figure
from detectors.curves import risk_at
from detectors.fusion import Fusion
from detectors.judged import IntArray, Judged, bootstrap, by
from detectors.metrics import auc, cllr, eer
from forensics.benches.detector.added import Added, added
from forensics.benches.detector.clips import Clip
from forensics.benches.detector.compare import NONE, Compared, Interval, Pair, compare
from forensics.benches.detector.conditions import NEUTRAL, ORIGINAL
from forensics.benches.detector.run import VERDICT, Scored

COVERAGES = (1.0, 0.9, 0.8, 0.5)
GROUPS = {
    "page": "page or source", "generator": "generator", "kind": "kind", "channel": "channel, as listed",
    "length": "length", "language": "language", "sex": "sex of the speaker",
}  # fmt: skip
AGAINST_ALL = ("generator", "kind")
"""Groups of machine clips alone, which are set against all human clips."""
LENGTHS = ((2.0, "below 2 s"), (4.0, "2 to 4 s"), (10.0, "4 to 10 s"), (float("inf"), "10 s and longer"))
NOT_KNOWN = "(not known)"


@dataclass(frozen=True)
class Spread:
    """95 % intervals of the verdict's figures over whole sources drawn with replacement, the classes apart."""

    condition: str
    human_sources: int
    machine_sources: int
    eer: Interval
    auc: Interval
    cllr: Interval
    false_positive_rate: Interval
    true_positive_rate: Interval


@dataclass(frozen=True)
class Untested:
    """Clips to which `verify` gives no LR."""

    condition: str
    human: int
    machine: int
    reasons: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Covered:
    """Error rate of the sign of the LR among the clips that are answered, classes weighing the same."""

    condition: str
    risk: Mapping[float, float]
    """By coverage."""


@dataclass
class Results:
    """Everything that the page and the JSON tell."""

    figures: dict[str, list[Figure]] = field(default_factory=dict)
    """By system of ours: one for every condition."""
    groups: dict[str, dict[str, list[Figure]]] = field(default_factory=dict)
    """Of the verdict, by condition and group."""
    spreads: list[Spread] = field(default_factory=list)
    added: list[Added] = field(default_factory=list)
    compared: list[Compared] = field(default_factory=list)
    untested: list[Untested] = field(default_factory=list)
    covered: list[Covered] = field(default_factory=list)
    judged: dict[str, Judged] = field(default_factory=dict)
    """The verdict by condition, for the pictures."""
    pairs: dict[str, dict[str, Pair]] = field(default_factory=dict)
    """Scores of every system by condition: of machine and of human clips."""


Rows = Mapping[str, Sequence[Scored]]
"""By condition."""


def results(
    rows: Rows,
    clips: Mapping[str, Clip],
    source: Mapping[str, str],
    others: Mapping[str, Mapping[str, float]],
    fusion: Fusion,
    seed: int,
    with_baselines: bool = True,
) -> Results:
    """From what was said about each clip; `source` is what counts as one source, `others` scores by system."""
    made = Results()
    for condition, scored in rows.items():
        tested = [row for row in scored if row.answers]
        made.untested.append(_untested(condition, scored, clips))
        if not tested:
            continue
        for system in dict.fromkeys(name for row in tested for name in (VERDICT, *row.answers)):
            judged = judge(tested, system, clips, source)
            made.figures.setdefault(system, []).append(judged.figure(condition))
            if system == VERDICT:
                made.judged[condition] = judged
                made.spreads.append(_spread(judged, condition, seed))
                if judged.machine.any() and not judged.machine.all():
                    risks = {share: risk_at(*_scores(judged), share) for share in COVERAGES}
                    made.covered.append(Covered(condition, risks))
        made.added += added(condition, tested, clips, source, fusion, seed)
        if condition in (ORIGINAL, NEUTRAL):
            made.groups[condition] = _groups(made.judged[condition])
            given = others if condition == ORIGINAL else {}
            found = compare(condition, tested, clips, source, given, seed, with_baselines)
            made.compared += [one for one, _ in found]
            made.pairs[condition] = {one.system: pair for one, pair in found if one.human and one.machine}
    return made


def judge(rows: Sequence[Scored], system: str, clips: Mapping[str, Clip], source: Mapping[str, str]) -> Judged:
    """The rows on which a system answered."""
    answered = [row for row in rows if system in row.answers]
    answers = [row.answers[system] for row in answered]
    return Judged(
        [_facts(row, clips[row.name], source[row.name]) for row in answered],
        np.array([a.score for a in answers], np.float64),
        np.array([a.log10_lr for a in answers], np.float64),
        np.array([a.outcome == "machine" for a in answers], bool),
        np.array([a.outcome == "human" for a in answers], bool),
    )


def _facts(row: Scored, clip: Clip, source: str) -> dict[str, str]:
    """A clip as `Judged` and the groups know it."""
    length = next(name for most, name in LENGTHS if row.seconds < most)
    facts = {
        "page": clip.source,
        "kind": clip.kind,
        "channel": clip.channel,
        "language": clip.language,
        "sex": clip.sex,
    }
    known = {key: value or NOT_KNOWN for key, value in {**facts, "generator": clip.generator}.items()}
    return {**known, "label": clip.label, "source": source, "length": length, "name": clip.name}


def _scores(judged: Judged) -> Pair:
    return judged.score[judged.machine], judged.score[~judged.machine]


def _untested(condition: str, scored: Sequence[Scored], clips: Mapping[str, Clip]) -> Untested:
    left = [row for row in scored if not row.answers]
    machine = sum(clips[row.name].label == "machine" for row in left)
    reasons = Counter(re.sub(r"\d+(\.\d+)?", "…", row.reason, count=1) for row in left).most_common(5)
    return Untested(condition, len(left) - machine, machine, tuple(reasons))


def _groups(judged: Judged) -> dict[str, list[Figure]]:
    """Figures of every group whose members are known and not all the same."""
    found = {}
    for column in GROUPS:
        parts = by(judged.where(judged.machine) if column in AGAINST_ALL else judged, column)
        if len(parts) < 2 and (not parts or parts[0][0] == NOT_KNOWN or column not in AGAINST_ALL):
            continue
        found[column] = [
            (
                judged.where(not m or r[column] == name for r, m in zip(judged.rows, judged.machine, strict=True))
                if column in AGAINST_ALL
                else part
            ).figure(name)
            for name, part in parts
        ]
    return found


def _spread(judged: Judged, condition: str, seed: int) -> Spread:
    source = np.array([r["source"] for r in judged.rows])
    humans, machines = (len(set(source[judged.machine == label].tolist())) for label in (False, True))
    if min(humans, machines) < 2:
        return Spread(condition, humans, machines, NONE, NONE, NONE, NONE, NONE)

    def figures(machine: IntArray, human: IntArray) -> tuple[float, ...]:
        scores = judged.score[machine], judged.score[human]
        said = judged.says_machine
        lrs = judged.llr[machine], judged.llr[human]
        return eer(*scores), auc(*scores), cllr(*lrs), float(said[human].mean()), float(said[machine].mean())

    return Spread(condition, humans, machines, *bootstrap(judged.machine, source, figures, seed=seed))
