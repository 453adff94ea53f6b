"""Step 9: what the shipped detectors do on pages, generators and speakers that no earlier step has seen; run once.

    python -m detectors.train.validate --scores scores-validation.csv [--extra scores-extra.csv] --clips clips.csv \
        --cache CACHE --weights detectors/weights --out docs/validation/detector.md

Reads raw scores (detectors.train.score), the frozen cards and the fusion; writes the page, its picture, the figures of
every line into its card and those of the fused verdict into fusion.yaml. Nothing is chosen here.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

from detectors.card import Card, Figure
from detectors.figure_table import HEADER, line, percent
from detectors.fusion import load_fusion, write_fusion
from detectors.judged import Judged, by, over_sources, weak_generators
from detectors.metrics import auc, eer, wilson_interval
from detectors.neutral import neutral
from detectors.plots import tippett
from detectors.train.conditions import CONDITIONS
from detectors.train.decode import cached, read_clips
from detectors.trivial import features, tree
from synth.card import read_card, write_card

FloatArray = npt.NDArray[np.float64]
Rows = list[dict[str, str]]


PROTOCOL = (
    "Pages, collections and generator names of the validation part occur in no other part (detectors/train/split.yaml,",
    "fixed before training). Vocoders that are part of another generator's name can recur. Speakers: LJSpeech, VCTK",
    "and LibriSpeech/LibriTTS speakers are recognised by file name, and a row below leaves out human clips whose",
    "speaker is also in training; for recordings whose names tell nothing, two pages may still share a speaker.",
    "*Neutral* is every clip at equal band, level, edges, length law and noise floor (detectors/neutral.py);",
    "channels act on the neutral version, of a few clips per generator and source. Wilson intervals treat clips as",
    "independent, which clips of one source are not. Cllr, actDCF and decisions use the LR that `verify` prints;",
    "EER, AUC, Cllr_min and minDCF the unbounded LR. The scores come from the code and the half-precision weights that",
    "ship.",
)


def trivial_baseline(clips: Rows, cache: Path) -> list[tuple[str, float, float]]:
    """A boosted tree on trivial features of the training part: (condition, EER, AUC) on the validation part."""

    def table(part: str, condition: str) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        rows, labels = [], []
        for clip in clips:
            if clip["part"] != part:
                continue
            samples = cached(cache, clip["id"])
            if condition == "neutral":
                samples = neutral(samples, clip["id"])
            if samples.size:
                rows.append(features(samples, 16_000 if condition == "neutral" else int(float(clip["sample_rate"]))))
                labels.append(clip["label"] == "machine")
        return np.array(rows), np.array(labels)

    found = []
    for condition in ("original", "neutral"):
        x, y = table("train", condition)
        fitted = tree(len(x)).fit(x, y)
        x, y = table("validation", condition)
        score = fitted.predict_proba(x)[:, 1]
        found.append((condition, eer(score[y], score[~y]), auc(score[y], score[~y])))
    return found


def figures_of(judged: Judged, extra: Judged | None, trained: set[str]) -> list[Figure]:
    """Error rates by channel, length, language and kind of generator."""
    conditions = dict(by(judged, "condition"))
    whole = conditions["neutral"]
    unheard = whole.where(r["label"] == "machine" or r["speaker"] not in trained for r in whole.rows)
    figures = [conditions[name].figure(name) for name in CONDITIONS if name in conditions]
    figures.append(unheard.figure("neutral, speakers surely not in training"))
    for name, part in by(whole, "language", 5):
        figures.append(part.figure(f"neutral, language {name}"))
    for name, _ in by(whole, "kind", 5):
        if name != "human":
            part = whole.where(r["label"] == "human" or r["kind"] == name for r in whole.rows)
            figures.append(part.figure(f"neutral, kind {name}"))
    if extra is not None:
        figures += [part.figure(f"YourTTS page (not in training), {name}") for name, part in by(extra, "condition")]
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scores", type=Path, required=True)
    parser.add_argument("--extra", type=Path, default=None)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="folder of the cards and of fusion.yaml")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    fusion = load_fusion(arguments.weights / "fusion.yaml")
    paths = {name: arguments.weights / f"{name.removeprefix('detector.')}.yaml" for name in sorted(fusion.lines)}
    cards = {name: read_card(path, Card) for name, path in paths.items()}
    clips, rows = read_clips(arguments.clips), read_clips(arguments.scores)
    more = read_clips(arguments.extra) if arguments.extra is not None else None
    trained = {c["speaker"] for c in clips if c["part"] == "train" and c["label"] == "human"}

    alone: dict[str, list[Figure]] = {}
    for name, card in cards.items():
        judged = Judged.by_line(rows, card)
        alone[name] = figures_of(judged, Judged.by_line(more, card) if more else None, trained)
        neutral_part = dict(by(judged, "condition"))["neutral"]
        limits = limits_of(alone[name], neutral_part)
        kept = tuple(f for f in alone[name] if f.eer == f.eer)
        write_card(card.model_copy(update={"figures": kept, "limits": tuple(limits)}), paths[name])

    judged = Judged.fused(rows, cards, fusion)
    figures = figures_of(judged, Judged.fused(more, cards, fusion) if more else None, trained)
    write_fusion(
        fusion.model_copy(update={"figures": tuple(f for f in figures if f.eer == f.eer)}),
        arguments.weights / "fusion.yaml",
    )
    neutral_part = dict(by(judged, "condition"))["neutral"]
    picture = arguments.out.with_name("detector-tippett.png")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    tippett(neutral_part.llr[neutral_part.machine], neutral_part.llr[~neutral_part.machine], picture)
    baseline = trivial_baseline(clips, arguments.cache)
    text = page(cards, alone, figures, neutral_part, baseline, (fusion.threshold_machine, fusion.threshold_human))
    arguments.out.write_text("\n".join(text), "utf-8")
    print(text[4])


def page(
    cards: dict[str, Card],
    alone: dict[str, list[Figure]],
    figures: list[Figure],
    neutral_part: Judged,
    baseline: list[tuple[str, float, float]],
    thresholds: tuple[float, float],
) -> list[str]:
    """Lines of docs/validation/detector.md."""
    (eer_low, eer_high), (auc_low, auc_high) = over_sources(neutral_part)
    whole = next(f for f in figures if f.condition == "neutral")
    named = {f.condition: f for f in figures}
    files = ", ".join(f"`{card.weights}` {card.sha256[:16]}…, version {card.version}" for card in cards.values())
    sources = by(neutral_part.where(~neutral_part.machine), "source")
    shown = (
        "original",
        "neutral",
        "Opus 12 kbit/s",
        "GSM full rate",
        "room T60 0.5 s",
        "neutral, kind zero-shot clone",
    )
    return [
        "# Validation of the trained detectors",
        "",
        f"Written by `python -m detectors.train.validate` (see docs/training.md); do not edit. Weights: {files}. "
        "Thresholds were frozen on the calibration part: the verdict supports a machine when the lower bound lies "
        f"above {thresholds[0]:+.2f}, a person when the upper bound lies below {thresholds[1]:+.2f}.",
        "",
        f"**In one line:** on unseen pages and generators, neutral clips, EER {percent(whole.eer)} % "
        f"[{percent(eer_low)}, {percent(eer_high)}], AUC {whole.auc:.3f} [{auc_low:.3f}, {auc_high:.3f}] (intervals: "
        f"bootstrap of whole sources); at the shipped threshold {percent(whole.false_positive_rate)} % of human clips "
        f"are called machine-made, {percent(whole.true_positive_rate)} % of machine-made clips are, "
        f"{percent(whole.inconclusive_rate)} % of all stay inconclusive.",
        "",
        "## What fails",
        "",
        *(f"- {limit}" for limit in limits_of(figures, neutral_part)),
        "",
        "## Protocol",
        "",
        *PROTOCOL,
        "",
        "## Trivial features alone",
        "",
        "A boosted tree on length and hop multiples, silent edges, digital zeros, level, band edge and sample rate, "
        "trained on the training part:",
        "",
        "| | trivial: EER % | trivial: AUC | verdict: EER % | verdict: AUC |\n|---|---|---|---|---|",
        *(
            f"| {name} | {percent(e)} | {a:.3f} | {percent(named[name].eer)} | {named[name].auc:.3f} |"
            for name, e, a in baseline
        ),
        "",
        "## Each line alone, and together",
        "",
        "Fusion weights were learnt on the calibration part (`detectors/weights/fusion.yaml`).",
        "",
        HEADER,
        *(
            line(f, f"{name}: {f.condition}")
            for condition in shown
            for name, some in (*alone.items(), ("together", figures))
            for f in some
            if f.condition == condition
        ),
        "",
        "## The verdict by channel, length, language and kind",
        "",
        HEADER,
        *(line(f) for f in figures),
        "",
        "![Tippett plot of the neutral clips](detector-tippett.png)",
        "",
        "## Human sources (neutral)",
        "",
        "| source | clips | called machine-made % [95 %] | called human % |\n|---|---|---|---|",
        *(
            f"| {name} | {len(p.rows)} | {percent(float(p.says_machine.mean()))} "
            f"[{', '.join(percent(v) for v in wilson_interval(int(p.says_machine.sum()), len(p.rows)))}] "
            f"| {percent(float(p.says_human.mean()))} |"
            for name, p in sources
        ),
        "",
        "## Generators (neutral, against all human clips), weakest first",
        "",
        "| generator | kind | clips | AUC | called machine-made % | called human % |\n|---|---|---|---|---|---|",
        *(
            f"| {name} | {kind} | {n} | {a:.3f} | {percent(hit)} | {percent(miss)} |"
            for name, kind, n, a, hit, miss in weak_generators(neutral_part)
        ),
        "",
    ]


def limits_of(figures: list[Figure], neutral_part: Judged) -> list[str]:
    """What the figures show to fail, in words."""
    generators = weak_generators(neutral_part)
    sources = by(neutral_part.where(~neutral_part.machine), "source")
    whole = next(f for f in figures if f.condition == "neutral")
    limits = [
        f"At the shipped threshold {percent(whole.true_positive_rate)} % of machine-made clips are called so. "
        "Not being called machine-made says nothing.",
    ]
    limits.append(
        f"{percent(whole.false_human_rate)} % of machine-made clips are given (weak) support for a person, the rate "
        "aimed at on the calibration part being 5 %: such support must never stand alone."
    )
    fooled = [name for name, _, n, _, _, miss in generators if n >= 5 and miss > 0.25]
    if fooled:
        limits.append(f"Taken for a person in more than a quarter of their clips: {', '.join(fooled)}.")
    missed = [name for name, _, n, a, _, _ in generators if n >= 5 and a < 0.65]
    if missed:
        limits.append(f"Near chance (AUC below 0.65) on: {', '.join(missed)}.")
    loud = [f for f in figures if f.human >= 30 and f.false_positive_rate > 0.03]
    if loud:
        limits.append(
            "False positives above 3 % in: "
            + ", ".join(f"{f.condition} ({percent(f.false_positive_rate)} %)" for f in loud)
            + "."
        )
    wrong = [(n, float(p.says_machine.mean())) for n, p in sources if len(p.rows) >= 5 and p.says_machine.mean() > 0.03]
    if wrong:
        limits.append(
            "Human sources with more than 3 % called machine-made: "
            + ", ".join(f"{name} ({percent(rate)} %)" for name, rate in wrong)
            + "."
        )
    weak = [f for f in figures if f.eer == f.eer and f.eer > 0.35 and f.human >= 30]
    if weak:
        limits.append("EER above 35 % in: " + ", ".join(f"{f.condition} ({percent(f.eer)} %)" for f in weak) + ".")
    return limits


if __name__ == "__main__":
    main()
