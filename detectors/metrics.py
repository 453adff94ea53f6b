"""Error rates of scores and likelihood ratios, and the only place where a sign is turned round.

Everywhere in Voxproof a positive score supports H1, "made by a machine". ASVspoof counts the other way round (its
target is the bona fide trial), so `asvspoof` negates, once. Costs are those of ASVspoof 5 (X. Wang et al., "ASVspoof 5:
Crowdsourced Speech Data, Deepfakes, and Adversarial Attacks at Scale", 2024): prior of spoof 0.05, C_miss 1, C_fa 10.
Cllr: N. Brümmer, J. du Preez, "Application-independent evaluation of speaker detection", 2006.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]

PRIOR_SPOOF, COST_MISS, COST_FALSE_ALARM = 0.05, 1.0, 10.0


def asvspoof(log10_lr: FloatArray) -> FloatArray:
    """log10 LR for "machine" -> natural-log LR for "bona fide", the sign and the base of ASVspoof."""
    return -np.asarray(log10_lr, np.float64) * math.log(10)


def rates(machine: FloatArray, human: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Thresholds [n], rate of human scores at or above each [n], rate of machine scores below each [n].

    The first threshold lies below all scores, the last above all.
    """
    machine, human = np.sort(machine), np.sort(human)
    thresholds = np.concatenate([[-np.inf], np.unique(np.concatenate([machine, human])), [np.inf]])
    false_alarms = 1 - np.searchsorted(human, thresholds, "left") / human.size
    misses = np.searchsorted(machine, thresholds, "left") / machine.size
    return thresholds, false_alarms, misses


def eer(machine: FloatArray, human: FloatArray) -> float:
    """Equal error rate: where the two error rates cross, interpolated between the neighbouring thresholds."""
    _, false_alarms, misses = rates(machine, human)
    difference = misses - false_alarms
    after = int(np.argmax(difference >= 0))
    low, high = difference[after - 1], difference[after]
    share = 0.0 if high == low else -low / (high - low)
    return float(misses[after - 1] + share * (misses[after] - misses[after - 1]))


def auc(machine: FloatArray, human: FloatArray) -> float:
    """Probability that a machine clip scores above a human one; ties count half."""
    human = np.sort(human)
    below = np.searchsorted(human, machine, "left") + np.searchsorted(human, machine, "right")
    return float(below.sum() / 2 / (len(machine) * len(human)))


def hits_at(machine: FloatArray, human: FloatArray, false_alarm_rate: float) -> float:
    """Largest share of machine clips that a threshold finds while at most so many human clips lie at or above it."""
    _, false_alarms, misses = rates(machine, human)
    return float(1 - misses[false_alarms <= false_alarm_rate].min())


def cllr(machine: FloatArray, human: FloatArray) -> float:
    """Cost of log-likelihood ratios, bits, from log10 LRs: 0 perfect, 1 as good as saying nothing."""
    scale = math.log(10)
    machine_cost = np.logaddexp(0, -np.asarray(machine, np.float64) * scale).mean()
    human_cost = np.logaddexp(0, np.asarray(human, np.float64) * scale).mean()
    return float((machine_cost + human_cost) / 2 / math.log(2))


def pool_adjacent_violators(machine: FloatArray, human: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Best monotone log10 LRs for these scores: (of the machine scores, of the human scores)."""
    scores = np.concatenate([machine, human]).astype(np.float64)
    order = np.lexsort((np.r_[np.zeros(len(machine)), np.ones(len(human))], scores))  # ties: machine first, so pooled
    is_machine = np.r_[np.ones(len(machine)), np.zeros(len(human))][order]
    sums: list[float] = []
    counts: list[int] = []
    for value in is_machine:
        sums.append(float(value))
        counts.append(1)
        while len(sums) > 1 and sums[-2] * counts[-1] >= sums[-1] * counts[-2]:
            total, count = sums.pop(), counts.pop()
            sums[-1] += total
            counts[-1] += count
    posterior = np.repeat([s / c for s, c in zip(sums, counts, strict=True)], counts)
    with np.errstate(divide="ignore"):
        odds = np.log10(posterior) - np.log10(1 - posterior) - math.log10(len(machine) / len(human))
    back = np.empty_like(odds)
    back[order] = odds
    return back[: len(machine)], back[len(machine) :]


def cllr_min(machine: FloatArray, human: FloatArray) -> float:
    """Cllr after the best monotone calibration on the same data: what discrimination alone costs."""
    return cllr(*pool_adjacent_violators(machine, human))


def _dcf(miss: FloatArray | float, false_alarm: FloatArray | float) -> FloatArray | float:
    """Normalised ASVspoof 5 cost; miss: bona fide rejected, false_alarm: spoof accepted."""
    cost = COST_MISS * (1 - PRIOR_SPOOF) * miss + COST_FALSE_ALARM * PRIOR_SPOOF * false_alarm
    return cost / min(COST_MISS * (1 - PRIOR_SPOOF), COST_FALSE_ALARM * PRIOR_SPOOF)


def min_dcf(machine: FloatArray, human: FloatArray) -> float:
    """Least ASVspoof 5 detection cost over all thresholds on these scores (log10 LR or any monotone score)."""
    spoof, bona_fide = asvspoof(machine), asvspoof(human)
    _, accepted, rejected = rates(bona_fide, spoof)
    return float(np.min(_dcf(rejected, accepted)))


def act_dcf(machine: FloatArray, human: FloatArray) -> float:
    """ASVspoof 5 detection cost at the threshold its costs call for, -0.642 on the natural-log LR; takes log10 LRs."""
    threshold = -math.log(COST_MISS * (1 - PRIOR_SPOOF) / (COST_FALSE_ALARM * PRIOR_SPOOF))
    rejected = float(np.mean(asvspoof(human) < threshold))
    accepted = float(np.mean(asvspoof(machine) >= threshold))
    return float(_dcf(rejected, accepted))


def wilson_interval(hits: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """95 % interval of a rate of `hits` in `n` trials (E. B. Wilson, 1927); (0, 1) without trials."""
    if n == 0:
        return 0.0, 1.0
    rate = hits / n
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return (0.0 if hits == 0 else centre - half), (1.0 if hits == n else centre + half)
