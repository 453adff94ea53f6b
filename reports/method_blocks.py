"""One block per examination method: what it is, where it is valid, its error rates, what it measured and found."""

from __future__ import annotations

from typing import Any

from reportlab.platypus import CondPageBreak, Flowable

from detectors.metrics import wilson_interval
from forensics.records import ErrorRate, Examination, Finding
from reports import theme, wording
from reports.blocks import Heading, Sign, facts, gap, grid, side_by_side, text
from reports.card import states_rates_of
from reports.measurements import measured, parameters
from reports.numerals import between, number, signed
from reports.pairs import pairs
from reports.plots import FigureBlock
from reports.typeface import markup, mono

SEGMENTS = 12
"""Stretches listed in a method's block; the rest stands in the appendix's data."""


def rate(hits: int, n: int) -> str:
    """A rate as share with its 95 % Wilson interval."""
    if n == 0:
        return "not measured"
    low, high = wilson_interval(hits, n)
    return f"{hits} of {n} ({number(100 * hits / n, 3)} %; {number(100 * low, 3)}–{number(100 * high, 3)} %)"


def _in_words(one: ErrorRate) -> str:
    return (
        f"{one.condition}: found {rate(one.hits, one.positives)}, false alarms {rate(one.false_alarms, one.negatives)}"
    )


def _in_the_card(finding: Finding) -> str:
    """Where the rates of a trained detector stand: with its card, so that they are printed once."""
    said = f"all {len(finding.error_rates)} conditions with the model"
    return f'<a href="#model-{markup(finding.method)}">{said}</a>, in the section “Trained models”'


def error_table(rates: tuple[ErrorRate, ...], measure: float) -> Flowable:
    """Known error rates with intervals and numbers."""
    rows = [
        (markup(one.condition), markup(rate(one.hits, one.positives)), markup(rate(one.false_alarms, one.negatives)))
        for one in rates
    ]
    head = ("Known error rates: material", "Trace found (95 % interval)", "False alarms (95 % interval)")
    return grid(head, rows, (measure * 0.42, measure * 0.29, measure * 0.29))


def method_block(finding: Finding, examination: Examination, number_: str, measure: float) -> list[Flowable]:
    """Everything about one finding, in the order an examiner reads it."""
    seconds = examination.exhibit.seconds
    title = finding.title or finding.method
    story: list[Flowable] = [
        CondPageBreak(130),
        Heading(markup(title), 2, f"method-{number_}", markup_plain(title), number_),
        side_by_side(
            [Sign(finding.outcome, theme.BODY)],
            [text(f"{mono(finding.method)} &nbsp; version {markup(finding.version)}", "small-muted")],
            measure, 10, 0.21,
        ),
        gap(3),
    ]  # fmt: skip
    if finding.purpose:
        story.append(text(markup(finding.purpose), "body"))
    inside = (
        "This exhibit lies inside."
        if finding.in_domain
        else "This exhibit lies outside, or the method did not get to answer."
    )
    rows: list[tuple[str, Any]] = [
        ("Validity domain", markup(f"{wording.capital(finding.domain) or wording.NOT_STATED}. {inside}")),
        ("Parameters", markup(parameters(finding.parameters))),
    ]
    models = [one for one in examination.tool.models if one.name in (finding.method, finding.method.split(".")[-1])]
    rows += [
        ("Model", f"{markup(one.name)}, version {markup(one.version)}, SHA-256 {mono(one.sha256)}") for one in models
    ]
    if finding.traces:
        said = f"{'; '.join(finding.traces)}. No sign of tampering by itself."
        rows.append(("Also recognised", markup(wording.capital(said))))
    elsewhere = states_rates_of(finding, examination)
    if elsewhere:
        rows.append(("Known error rates", markup(f"{_in_words(finding.error_rates[0])}; ") + _in_the_card(finding)))
    elif not finding.error_rates:
        rows.append(("Known error rates", "Not measured for this version of the method."))
    story.append(facts(rows, measure, 92))
    if finding.error_rates and not elsewhere:
        story.append(error_table(finding.error_rates, measure))
    if finding.measurements:
        rows_ = [measured(name, value) for name, value in finding.measurements.items()]
        story.append(pairs(("Measurement", "Value"), rows_, measure))
    for figure in finding.figures:
        story += [gap(3), FigureBlock(figure, seconds, segments=finding.segments if figure.kind == "time" else ())]
    if finding.log10_lr is not None:
        said = f"log10 LR {signed(finding.log10_lr)}"
        if finding.log10_lr_bounds is not None:
            said += f", 95 % bounds {signed(finding.log10_lr_bounds[0])} to {signed(finding.log10_lr_bounds[1])}"
        words = f"<b>Finding.</b> {markup(said)} (positive: machine). {markup(wording.FINDING_WORDS[finding.outcome])} "
    else:
        words = f"<b>Finding.</b> {markup(wording.FINDING_WORDS[finding.outcome])} "
    story += [gap(2), text(words + " ".join(markup(reason) for reason in finding.reasons), "body")]
    if finding.segments and seconds:
        story.append(_segments(finding, seconds, measure))
    story.append(gap(8))
    return story


def untested_methods(examination: Examination, number_: str, measure: float) -> list[Flowable]:
    """The methods that could not be tested, gathered in one table; the same reason is printed once."""
    found = [one for one in examination.findings if one.outcome == "could_not_test"]
    if not found:
        return []
    rows = []
    for one in found:
        name = f"<b>{markup(one.title or one.method)}</b><br/>{mono(one.method)}, version {markup(one.version)}"
        if states_rates_of(one, examination):
            rates = _in_the_card(one)
        else:
            rates = "<br/>".join(["", *(f"• {markup(_in_words(row))}" for row in one.error_rates)]) or "not measured"
        details = (
            f"{one.purpose} Valid for: {one.domain or wording.NOT_STATED}. Parameters: {parameters(one.parameters)}."
        )
        said = f"{markup(details)} Known error rates: {rates}"
        rows.append((name, f'{markup(" ".join(one.reasons))}<br/><font color="{theme.MUTED}">{said}</font>'))
    title = "Methods that could not be tested"
    return [
        CondPageBreak(200),
        Heading(title, 2, f"method-{number_}", title, number_),
        text("These methods did not get to answer; nothing follows from that, for or against the recording.", "body"),
        grid(("Method", "Why it was not tested, and what it is"), rows, (measure * 0.29, measure * 0.71)),
    ]


def markup_plain(title: str) -> str:
    """A title for the bookmarks."""
    return " ".join(title.split())


def _segments(finding: Finding, seconds: float, measure: float) -> Flowable:
    rows = [
        (
            markup(between(span, seconds)),
            markup(f"{span.end_s - span.start_s:.2f} s"),
            markup(signed(span.log10_lr)) if span.log10_lr is not None else "–",
            markup((span.note or "")[:300]),
        )
        for span in finding.segments[:SEGMENTS]
    ]
    rest = len(finding.segments) - SEGMENTS
    if rest > 0:
        rows.append((f"and {rest} more", "", "", "in the machine twin"))
    head = ("Where", "Length", "log10 LR", "What")
    return grid(head, rows, (measure * 0.24, measure * 0.14, measure * 0.14, measure * 0.48), right=(1, 2))
