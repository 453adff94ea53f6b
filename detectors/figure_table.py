"""Error rates as rows of a Markdown table: the columns that every page of a detector's figures has."""

from __future__ import annotations

from detectors.card import Figure


def percent(value: float) -> str:
    """A rate for a table."""
    return "–" if value != value else f"{100 * value:.1f}"


HEADER = (
    "| | human (sources) | machine (generators) | EER % | AUC | Cllr | Cllr_min | Cllr - Cllr_min | minDCF | actDCF "
    "| FPR % [95 %] | TPR % [95 %] | machine called human % | inconclusive % |\n|" + "---|" * 14
)


def line(f: Figure, title: str = "") -> str:
    """One row of a table."""
    low, high = f.false_positive_interval
    low_t, high_t = f.true_positive_interval
    values = (f.auc, f.cllr, f.cllr_min, f.cllr - f.cllr_min, f.min_dcf, f.act_dcf)
    numbers = " | ".join("–" if v != v else f"{v:.3f}" for v in values)
    return (
        f"| {title or f.condition} | {f.human} ({f.human_sources}) | {f.machine} ({f.generators}) | {percent(f.eer)} "
        f"| {numbers} "
        f"| {percent(f.false_positive_rate)} [{percent(low)}, {percent(high)}] "
        f"| {percent(f.true_positive_rate)} [{percent(low_t)}, {percent(high_t)}] | {percent(f.false_human_rate)} "
        f"| {percent(f.inconclusive_rate)} |"
    )
