"""Sections that weigh the findings: contradictions, fusion, limitations, what was not tested, alternatives."""

from __future__ import annotations

from typing import Any

from reportlab.platypus import Flowable

from reports import wording
from reports.blocks import bullets, facts, grid, text
from reports.context import Context
from reports.numerals import between, signed
from reports.typeface import markup
from reports.voices import voice_words


def contradictions(context: Context, _: str) -> list[Flowable]:
    """Contradictions between findings."""
    said = context.examination.contradictions
    return (
        list(bullets(markup(one) for one in said))
        if said
        else [text("No contradictions between findings were found.", "body")]
    )


def fusion(context: Context, _: str) -> list[Flowable]:
    """The lines of evidence, their fusion, and every answer with its reasons."""
    examination = context.examination
    verdict, integrity = examination.verdict, examination.integrity
    lr = "none: could not be tested" if verdict.log10_lr is None else f"log10 LR {signed(verdict.log10_lr)}"
    if verdict.log10_lr_bounds:
        lr += f", 95 % bounds {signed(verdict.log10_lr_bounds[0])} to {signed(verdict.log10_lr_bounds[1])}"
    lines = [one for one in examination.findings if one.log10_lr is not None]
    story: list[Flowable] = []
    if lines:
        rows = [
            (
                markup(one.title or one.method),
                markup(signed(one.log10_lr or 0.0)),
                markup(
                    f"{signed(one.log10_lr_bounds[0])} to {signed(one.log10_lr_bounds[1])}"
                    if one.log10_lr_bounds
                    else "–"
                ),
            )
            for one in lines
        ]
        measure = context.measure
        story.append(
            grid(
                ("Line of evidence", "log10 LR", "95 % bounds"),
                rows,
                (measure * 0.6, measure * 0.15, measure * 0.25),
                right=(1, 2),
            )
        )
    segments = ", ".join(between(one, examination.exhibit.seconds or 0.0) for one in integrity.segments[:40])
    if len(integrity.segments) > 40:
        segments += f" and {len(integrity.segments) - 40} more in the machine twin"
    also = wording.also_recognised(examination)
    rows2: list[tuple[str, Any]] = [
        ("Final likelihood ratio", markup(lr)),
        ("In words", f"<b>{markup(wording.capital(verdict.words))}</b>"),
        ("Answer", markup(wording.VERDICT_WORDS[verdict.outcome])),
        ("Reasons", markup(" ".join(verdict.reasons) or wording.NOT_STATED)),
        ("Continuity", f"<b>{markup(wording.INTEGRITY_WORDS[integrity.outcome])}</b>"),
        ("Where", markup(segments or "–")),
        ("Reasons", markup(" ".join(integrity.reasons) or wording.NOT_STATED)),
        (
            "Also recognised",
            markup(f"No sign of tampering by itself: {also}." if also else "Nothing beyond the findings."),
        ),
        ("Watermark", markup(wording.watermark_words(examination))),
        ("Attribution", markup(wording.attribution_words(examination))),
    ]
    if examination.voices:
        rows2.append(("Enrolled voices", markup(f"No part of the ratio above. {voice_words(examination)}")))
    story += [
        facts(rows2, context.measure),
        text(
            "Verbal equivalents (ENFSI 2015); an edge belongs to the lower band; below 1 the propositions swap.", "h4"
        ),
        grid(("LR", "log10 LR", "Words"), wording.ENFSI_BANDS, (150, 90, context.measure - 240)),
    ]
    return story


def limitations(context: Context, _: str) -> list[Flowable]:
    """What this examination cannot say."""
    limits = [*wording.LIMITS, *([wording.VOICE_LIMIT] if context.examination.voices else [])]
    return list(bullets(markup(one) for one in limits))


def untested(context: Context, _: str) -> list[Flowable]:
    """Everything that was not tested, with the reason."""
    rows = [(markup(" · ".join(names)), markup(why)) for names, why in wording.could_not_test(context.examination)]
    if not rows:
        return [text("Every method of the battery could be applied.", "body")]
    return [grid(("What", "Why"), rows, (context.measure * 0.5, context.measure * 0.5))]


def alternatives(context: Context, _: str) -> list[Flowable]:
    """Other explanations."""
    lead = text(
        "Explanations other than the propositions that can produce such findings, to be weighed with the case:", "body"
    )
    return [lead, *bullets(markup(one) for one in wording.alternatives(context.examination))]
