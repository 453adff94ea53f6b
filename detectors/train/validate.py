"""Step 9: what the shipped detector does on pages, generators and speakers that no earlier step has seen; run once.

    python -m detectors.train.validate --scores scores-validation.csv [--extra scores-extra.csv] --clips clips.csv \
        --cache CACHE --weights detectors/weights --out docs/validation/detector.md

Reads raw scores (detectors.train.score), the frozen card and fusion; writes the page, its picture and the card's
figures. Nothing is chosen here.
"""

import argparse
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier

from detectors.calibration import log10_lr
from detectors.card import Card, Figure, read_card, write_card
from detectors.fusion import Fusion, load_fusion
from detectors.metrics import act_dcf, auc, cllr, cllr_min, eer, min_dcf, wilson_interval
from detectors.train.conditions import CONDITIONS
from detectors.train.decode import cached, read_clips
from detectors.train.neutral import neutral
from detectors.trivial import features

FloatArray = npt.NDArray[np.float64]
Rows = list[dict[str, str]]


PROTOCOL = (
    "Pages, collections and generator names of the validation part occur in no other part (detectors/train/split.yaml,",
    "fixed before training). Vocoders that are part of another generator's name can recur. Speakers: LJSpeech, VCTK",
    "and LibriSpeech/LibriTTS speakers are recognised by file name, and a row below leaves out human clips whose",
    "speaker is also in training; for recordings whose names tell nothing, two pages may still share a speaker.",
    "*Neutral* is every clip at equal band, level, edges, length law and noise floor (detectors/train/neutral.py);",
    "channels act on the neutral version, of a few clips per generator and source. Wilson intervals treat clips as",
    "independent, which clips of one source are not. Cllr, actDCF and decisions use the LR that `verify` prints;",
    "EER, AUC, Cllr_min and minDCF the raw score.",
)


class Judged:
    """Score rows with what `verify` would say about each: fused log10 LR and decision."""

    def __init__(self, rows: Rows, card: Card, fusion: Fusion) -> None:
        self.rows = rows
        score = np.array([float(r["score"]) for r in rows])
        seconds = np.array([float(r["speech_seconds"]) for r in rows])
        line, _, _ = log10_lr(card.calibration, score, seconds)
        fused = [fusion.fuse({"detector.speech": float(v)}) for v in line]
        self.score = score
        self.llr = np.array([f.log10_lr for f in fused])
        self.says_machine = np.array([f.log10_lr_bounds[0] > fusion.threshold_machine for f in fused], bool)
        self.says_human = np.array([f.log10_lr_bounds[1] < fusion.threshold_human for f in fused], bool)
        self.machine = np.array([r["label"] == "machine" for r in rows], bool)

    def where(self, keep: Iterable[bool]) -> "Judged":
        """The rows chosen."""
        mask = np.array(list(keep), bool)
        part = object.__new__(Judged)
        part.rows = [r for r, k in zip(self.rows, mask, strict=True) if k]
        for name in ("score", "llr", "says_machine", "says_human", "machine"):
            setattr(part, name, getattr(self, name)[mask])
        return part

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


def percent(value: float) -> str:
    """A rate for a table."""
    return "–" if value != value else f"{100 * value:.1f}"


HEADER = (
    "| | human (sources) | machine (generators) | EER % | AUC | Cllr | Cllr_min | minDCF | actDCF "
    "| FPR % [95 %] | TPR % [95 %] | machine called human % | inconclusive % |\n|" + "---|" * 13
)


def line(f: Figure) -> str:
    """One row of a table."""
    low, high = f.false_positive_interval
    low_t, high_t = f.true_positive_interval
    numbers = " | ".join("–" if v != v else f"{v:.3f}" for v in (f.auc, f.cllr, f.cllr_min, f.min_dcf, f.act_dcf))
    return (
        f"| {f.condition} | {f.human} ({f.human_sources}) | {f.machine} ({f.generators}) | {percent(f.eer)} "
        f"| {numbers} "
        f"| {percent(f.false_positive_rate)} [{percent(low)}, {percent(high)}] "
        f"| {percent(f.true_positive_rate)} [{percent(low_t)}, {percent(high_t)}] | {percent(f.false_human_rate)} "
        f"| {percent(f.inconclusive_rate)} |"
    )


def over_sources(judged: Judged, rounds: int = 500) -> tuple[tuple[float, float], tuple[float, float]]:
    """95 % intervals of EER and AUC over a bootstrap of whole sources, the classes apart."""
    rng = np.random.default_rng(1)
    source = np.array([r["source"] for r in judged.rows])
    found = []
    for _ in range(rounds):
        scores = []
        for label in (True, False):
            rows = np.flatnonzero(judged.machine == label)
            names = np.unique(source[rows])
            drawn = rng.choice(names, names.size)
            scores.append(np.concatenate([judged.score[rows[source[rows] == n]] for n in drawn]))
        found.append((eer(*scores), auc(*scores)))
    low, high = np.percentile(np.array(found), [2.5, 97.5], axis=0)
    return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))


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
        tree = HistGradientBoostingClassifier(max_depth=4, max_iter=150, random_state=1).fit(x, y)
        x, y = table("validation", condition)
        score = tree.predict_proba(x)[:, 1]
        found.append((condition, eer(score[y], score[~y]), auc(score[y], score[~y])))
    return found


def tippett(judged: Judged, path: Path) -> None:
    """Cumulative shares of human and machine-made clips over the log10 LR, with the thresholds' outcome readable."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 3.6), dpi=120)
    for mask, name, colour in ((judged.machine, "machine-made", "#b3402a"), (~judged.machine, "human", "#2a5db3")):
        values = np.sort(judged.llr[mask])
        axes.step(values, 1 - np.arange(values.size) / values.size, label=name, color=colour, where="post")
    axes.set_xlabel("log10 LR (positive: machine)")
    axes.set_ylabel("share of clips at or above")
    axes.axvline(0, color="0.7", lw=0.8)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scores", type=Path, required=True)
    parser.add_argument("--extra", type=Path, default=None)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="folder of speech.yaml and fusion.yaml")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    card, fusion = read_card(arguments.weights / "speech.yaml"), load_fusion(arguments.weights / "fusion.yaml")
    clips = read_clips(arguments.clips)
    judged = Judged(read_clips(arguments.scores), card, fusion)
    trained = {c["speaker"] for c in clips if c["part"] == "train" and c["label"] == "human"}
    conditions = dict(by(judged, "condition"))
    neutral_part = conditions["neutral"]
    unheard = neutral_part.where(r["label"] == "machine" or r["speaker"] not in trained for r in neutral_part.rows)

    figures = [conditions[name].figure(name) for name in CONDITIONS if name in conditions]
    figures.append(unheard.figure("neutral, speakers surely not in training"))
    for column in ("language", "kind"):
        for name, part in by(neutral_part, column, 5):
            if column == "kind":
                if name == "human":
                    continue
                part = neutral_part.where(r["label"] == "human" or r["kind"] == name for r in neutral_part.rows)
            figures.append(part.figure(f"neutral, {column} {name}"))
    if arguments.extra is not None:
        extra = Judged(read_clips(arguments.extra), card, fusion)
        figures += [part.figure(f"YourTTS page (not in training), {name}") for name, part in by(extra, "condition")]
    generators = weak_generators(neutral_part)
    sources = [(n, p) for n, p in by(neutral_part.where(~neutral_part.machine), "source")]
    (eer_low, eer_high), (auc_low, auc_high) = over_sources(neutral_part)
    baseline = trivial_baseline(clips, arguments.cache)
    limits = limits_of(figures, generators, sources)
    write_card(
        card.model_copy(update={"figures": tuple(f for f in figures if f.eer == f.eer), "limits": tuple(limits)}),
        arguments.weights / "speech.yaml",
    )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    picture = arguments.out.with_name("detector-tippett.png")
    tippett(neutral_part, picture)

    whole = next(f for f in figures if f.condition == "neutral")
    text = [
        "# Validation of `detector.speech`",
        "",
        "Written by `python -m detectors.train.validate` (see docs/training.md); do not edit. Weights "
        f"`{card.sha256[:16]}…`, version {card.version}. Thresholds were frozen on the calibration part: support for "
        f'"machine" when the lower bound lies above {fusion.threshold_machine:+.2f}, for "a person" when the upper '
        f"bound lies below {fusion.threshold_human:+.2f}; no log10 LR leaves [{fusion.bounds.lower:+.2f}, "
        f"{fusion.bounds.upper:+.2f}].",
        "",
        f"**In one line:** on unseen pages and generators, neutral clips, EER {percent(whole.eer)} % "
        f"[{percent(eer_low)}, {percent(eer_high)}], AUC {whole.auc:.3f} [{auc_low:.3f}, {auc_high:.3f}] (intervals: "
        f"bootstrap of whole sources); at the shipped threshold {percent(whole.false_positive_rate)} % of human clips "
        f"are called machine-made, {percent(whole.true_positive_rate)} % of machine-made clips are, "
        f"{percent(whole.inconclusive_rate)} % of all stay inconclusive.",
        "",
        "## What fails",
        "",
        *(f"- {limit}" for limit in limits),
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
        "| | trivial: EER % | trivial: AUC | detector: EER % | detector: AUC |\n|---|---|---|---|---|",
        *(
            f"| {name} | {percent(e)} | {a:.3f} | {percent(conditions[name].figure(name).eer)} | "
            f"{conditions[name].figure(name).auc:.3f} |"
            for name, e, a in baseline
        ),
        "",
        "## By channel, length, language and kind",
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
            for name, kind, n, a, hit, miss in generators
        ),
        "",
    ]
    arguments.out.write_text("\n".join(text), "utf-8")
    print(text[4])


def limits_of(
    figures: list[Figure],
    generators: list[tuple[str, str, int, float, float, float]],
    sources: list[tuple[str, Judged]],
) -> list[str]:
    """What the figures show to fail, in words."""
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
