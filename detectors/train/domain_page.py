"""What abstention by distance buys on the validation part: risk and coverage with and without it.

    python -m detectors.train.score clips.csv --cache CACHE --weights detectors/weights/speech.safetensors \
        detectors/weights/spectral.safetensors --part validation --domain detectors/weights/domain_card.yaml \
        --out scores-validation.csv
    python -m detectors.train.domain_page --scores scores-validation.csv --weights detectors/weights \
        --out docs/validation/detector-domain.md

Nothing is chosen here: limits, thresholds and LRs are those that ship. The answer is the sign of the fused log10 LR.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from detectors.card import Card
from detectors.domain import SpeechDomain, load_domains
from detectors.figure_table import percent
from detectors.fusion import Fusion, load_fusion
from detectors.judged import Judged, bootstrap, by
from detectors.metrics import auc
from detectors.speech import SpeechDetector
from detectors.train.decode import read_clips
from detectors.train.no_speech import NO_SPEECH, sound
from synth.card import read_card

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Rows = list[dict[str, str]]
LINES = ("speech", "spectral")
COVERAGE = 0.8


def error(llr: FloatArray, machine: BoolArray) -> float:
    """Share of wrong signs of log10 LRs [n], the classes with the same weight; 0 is half an error."""
    wrong = np.where(machine, 0.5 - 0.5 * np.sign(llr), 0.5 + 0.5 * np.sign(llr))
    return float(np.mean([wrong[machine].mean(), wrong[~machine].mean()]))


def kept(sureness: FloatArray, machine: BoolArray, coverage: float = COVERAGE) -> BoolArray:
    """The surest clips [n] that make up this share of the clips, the classes with the same weight."""
    weight = np.where(machine, 0.5 / max(machine.sum(), 1), 0.5 / max((~machine).sum(), 1))
    order = np.argsort(-sureness, kind="stable")
    inside = np.zeros(len(sureness), bool)
    inside[order] = np.cumsum(weight[order]) <= coverage + 1e-9
    return inside


def percentiles(rows: Rows, domains: Mapping[str, SpeechDomain]) -> tuple[FloatArray, BoolArray]:
    """Of every clip: the highest percentile that a line gives it, and whether all lines answer."""
    distance = {name: np.array([float(row[f"{name}.distance"]) for row in rows]) for name in domains}
    shares = np.array([[domains[name].percentile(float(d)) for d in found] for name, found in distance.items()])
    holds = np.array([distance[name] <= domain.facts.limit for name, domain in domains.items()])
    highest: FloatArray = shares.max(0)
    return highest, np.logical_and.reduce(holds)


def figures(llr: FloatArray, machine: BoolArray, share: FloatArray, holds: BoolArray) -> tuple[float, ...]:
    """Errors: of all; at 80 % coverage the surest by |log10 LR|, the nearest, both; where no line abstains."""
    size = np.abs(llr)
    both = np.where(holds, size, -1.0)
    return (
        error(llr, machine),
        *(error(llr[of], machine[of]) for of in (kept(s, machine) for s in (size, -share, both))),
        error(llr[holds], machine[holds]),
    )


def row(name: str, judged: Judged, domains: Mapping[str, SpeechDomain], rounds: int = 300) -> str:
    """One condition; intervals over whole sources, the classes apart."""
    share, holds = percentiles(judged.rows, domains)
    whole = figures(judged.llr, judged.machine, share, holds)
    source = np.array([r["source"] for r in judged.rows])

    def drawn(machine: npt.NDArray[np.intp], human: npt.NDArray[np.intp]) -> tuple[float, ...]:
        at = np.concatenate([machine, human])
        found = figures(judged.llr[at], judged.machine[at], share[at], holds[at])
        return (*found, found[1] / max(found[0], 1e-9), found[3] / max(found[0], 1e-9))

    *ends, sure, both = bootstrap(judged.machine, source, drawn, rounds)
    cells = [f"{percent(v)} [{percent(a)}, {percent(b)}]" for v, (a, b) in zip(whole, ends, strict=True)]
    ratios = [
        f"{value / max(whole[0], 1e-9):.2f} [{low:.2f}, {high:.2f}]"
        for value, (low, high) in ((whole[1], sure), (whole[3], both))
    ]
    away = [percent(float((~holds)[of].mean())) for of in (~judged.machine, judged.machine)]
    counts = f"{(~judged.machine).sum()} | {judged.machine.sum()}"
    return f"| {name} | {counts} | {' | '.join(cells)} | {' | '.join(ratios)} | {away[0]} | {away[1]} |"


def line_rows(judged: Judged, domains: Mapping[str, SpeechDomain], cards: Mapping[str, Card]) -> list[str]:
    """Of each line alone: does distance tell its errors?"""
    rows = []
    for name, domain in domains.items():
        of = Judged.by_line(judged.rows, cards[name])
        distance = np.array([float(r[f"{name}.distance"]) for r in judged.rows])
        wrong = np.where(of.machine, of.llr <= 0, of.llr > 0)
        told, sure = (auc(x[wrong], x[~wrong]) for x in (distance, -np.abs(of.llr)))
        middle = [f"{domain.percentile(float(np.median(distance[mask]))):.0f}" for mask in (~of.machine, of.machine)]
        rows.append(f"| {name} | {told:.3f} | {sure:.3f} | {middle[0]} | {middle[1]} |")
    return rows


def no_speech_rows(detectors: list[SpeechDetector], domains: Mapping[str, SpeechDomain], each: int = 10) -> list[str]:
    """Of every kind of sound that is no speech, a line each: scored, called machine-made without limit, beyond it."""
    rows = []
    for kind in NO_SPEECH:
        cells = []
        for detector in detectors:
            found = [detector.score([sound(kind, seed)]) for seed in range(each)]
            scored = [one for one in found if one.windows]
            called = sum(one.log10_lr_bounds[0] > detector.card.thresholds.machine for one in scored)
            domain = domains[detector.name]
            beyond = sum(not domain.holds(float(domain.distance(one.units))) for one in scored)
            cells.append(f"{len(scored)} | {called} | {beyond}")
        rows.append(f"| {kind} | {' | '.join(cells)} |")
    return rows


def page(
    rows: Rows, cards: Mapping[str, Card], fusion: Fusion, domains: Mapping[str, SpeechDomain], folder: Path
) -> str:
    """The whole page; the weights lie in `folder`."""
    judged = Judged.fused(rows, cards, fusion)
    text = [BEGINS, HEADER, *(row(name, part, domains) for name, part in by(judged, "condition", 20))]
    neutral = judged.where(r["condition"] == "neutral" for r in judged.rows)
    text += [LINE_HEADER, *line_rows(neutral, domains, cards)]
    text += [
        NO_SPEECH_HEADER,
        *no_speech_rows([SpeechDetector.load(folder / card.weights) for card in cards.values()], domains),
    ]
    return "\n".join(text) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scores", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    found = [read_card(arguments.weights / f"{name}.yaml", Card) for name in LINES]
    cards = {card.name: card for card in found}
    fusion = load_fusion(arguments.weights / "fusion.yaml")
    domains = load_domains({c.name: c.sha256 for c in found}, arguments.weights / "domain_card.yaml")
    rows = [r for r in read_clips(arguments.scores) if all(r[f"{name}.distance"] for name in domains)]
    arguments.out.write_text(page(rows, cards, fusion, domains, arguments.weights), encoding="utf-8")


BEGINS = """# Abstention by distance

Written by `python -m detectors.train.domain_page` (see docs/training.md); do not edit. Validation part: unseen pages,
generators and speakers. A line abstains on a clip that lies further from its training speech than the share of held-out
clips in its card (`detectors/weights/domain_card.yaml`). The answer is the sign of the log10 LR that both lines give
together; error: share of wrong signs, both classes with the same weight, before any threshold of words. *Surest*: the
80 % with the largest |log10 LR|. *Nearest*: the 80 % with the lowest percentile of distance (the higher of the two
lines). *Both*: the 80 % with the largest |log10 LR| once clips beyond a limit are put last. *Ratio*: that error over
the error of all; the aim was 0.5. Intervals are a bootstrap of whole sources. In `verify` a line beyond its limit is
left out and the other one answers alone; here such a clip counts as not answered.
"""
HEADER = (
    "| | human | machine | error of all % | 80 %: surest | 80 %: nearest | 80 %: both | neither line abstains "
    "| ratio, surest | ratio, both | human abstained % | machine abstained % |\n|" + "---|" * 12
)
NO_SPEECH_HEADER = """
## What is no speech

Ten sounds of each kind, made from seeds (`detectors/train/no_speech.py`): how many a line scores at all, how many it
would call machine-made at its threshold without the limit, and how many lie beyond the limit and are not answered.
`verify` looks for speech first, and most of these never get as far as a line there.

| | speech: scored | called machine | beyond the limit | spectral: scored | called machine | beyond the limit |
|---|---|---|---|---|---|---|"""
LINE_HEADER = """
## Does the distance tell errors? (neutral)

AUC of the distance, and of the smallness of the LR, for telling a line's wrong signs from its right ones (0.5: not at
all), and the percentile at which the median clip lies (50: as held-out clips of the calibration part).

| line | distance: AUC for errors | small LR: AUC for errors | median human clip | median machine clip |
|---|---|---|---|---|"""


if __name__ == "__main__":
    main()
