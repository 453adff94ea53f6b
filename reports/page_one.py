"""Page 1: question, answer, bounds, continuity, where in the clip, what was not tested, what to do next.

It always fits on one page: the most detailed of several layouts that fits is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.platypus import Flowable

from forensics.records import Examination
from reports import theme, wording
from reports.blocks import Rule, bullets, gap, label, panel, side_by_side, text
from reports.case_facts import CaseFacts
from reports.lanes import Strip, lanes
from reports.lr_scale import LrScale
from reports.numerals import between, clock, signed
from reports.tagging import mark
from reports.theme import Sheet
from reports.typeface import BOLD, MONO, exact, markup, shorten, width
from reports.voices import voice_words


class Banner(Flowable):  # type: ignore[misc]
    """The head of page 1."""

    def __init__(self, left: str, right: str) -> None:
        super().__init__()
        self.left, self.right = left, right

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        self.across = available_width
        return available_width, 34.0

    def draw(self) -> None:
        canvas = self.canv
        with mark(canvas, "H1"):
            canvas.bookmarkHorizontal("summary", 0, 60)
            canvas.addOutlineEntry("Summary", "summary", level=0, closed=False)
            label(canvas, 0, 14, "Voxproof", theme.H1, theme.INK, font=BOLD)
            label(canvas, width("Voxproof", theme.H1, BOLD) + 9, 14, self.left, theme.H1, theme.MUTED)
        with mark(canvas, "P"):
            label(
                canvas,
                self.across,
                14,
                shorten(self.right, theme.SMALL, self.across * 0.38),
                theme.SMALL,
                align="right",
            )
        with canvas.tagger.artifact(canvas):
            canvas.setStrokeColor(HexColor(theme.INK))
            canvas.setLineWidth(1.1)
            canvas.line(0, 4, self.across, 4)


def page_one(examination: Examination, case: CaseFacts, sheet: Sheet) -> list[Flowable]:
    """The flowables of page 1, as detailed as the page allows."""
    made: list[Flowable] = []
    for detail in range(7, -1, -1):
        made = _layout(examination, case, sheet, detail)
        if _height(made, sheet.measure) <= sheet.depth - 1:
            break
    return made


def _height(story: Sequence[Flowable], measure: float) -> float:
    total, before = 0.0, 0.0
    for index, flowable in enumerate(story):
        if index:
            total += max(before, flowable.getSpaceBefore())
        total += flowable.wrap(measure, 1e6)[1]
        before = flowable.getSpaceAfter()
    return total


def _clip(sentence: str, most: int) -> str:
    """At most so many letters, cut at a word."""
    if len(sentence) <= most:
        return sentence
    return sentence[:most].rsplit(" ", 1)[0].rstrip(",;:. ") + " …"


def _layout(examination: Examination, case: CaseFacts, sheet: Sheet, detail: int) -> list[Flowable]:
    """Detail 7 is the fullest; 0 shows one line of everything."""
    measure = sheet.measure
    ids = " · ".join(
        part
        for part in (case.case_id and f"Case {case.case_id}", case.exhibit_id and f"Exhibit {case.exhibit_id}")
        if part
    )
    story: list[Flowable] = [Banner("Examination of a voice recording", ids), gap(4)]
    story += _exhibit(examination, detail)
    story += [
        gap(9),
        text("THE QUESTION", "label"),
        text(markup(_clip(case.question or wording.QUESTION, 320)), "lead"),
        gap(5),
    ]
    story += _answers(examination, measure, detail)
    story += _where(examination, detail)
    story += [
        gap(8),
        side_by_side(_untested(examination, detail), _next_steps(examination, detail), measure, 22.0),
        gap(6),
    ]
    story.append(Rule(after=4))
    story.append(text(markup(f"{wording.LR_MEANS} {wording.HASH_PROVES}"), "fine"))
    return story


def _exhibit(examination: Examination, detail: int) -> list[Flowable]:
    exhibit = examination.exhibit
    name = PurePath(exhibit.path.replace("\\", "/")).name or exhibit.path
    if detail < 7 and len(name) > 110:
        name = name[:60] + "…" + name[-45:]
    parts = []
    if exhibit.seconds is not None:
        parts.append(f"{clock(exhibit.seconds, max(exhibit.seconds, 0.01), 2)}{' s' if exhibit.seconds < 60 else ''}")
    if exhibit.codec or exhibit.container:
        parts.append(" in ".join(part for part in (exhibit.codec, exhibit.container) if part))
    if exhibit.sample_rate:
        parts.append(f"{exhibit.sample_rate:,}".replace(",", "\u00a0") + " Hz")
    if exhibit.channels:
        parts.append({1: "mono", 2: "stereo"}.get(exhibit.channels, f"{exhibit.channels} channels"))
    if exhibit.bytes is not None:
        parts.append(f"{exhibit.bytes:,}".replace(",", "\u00a0") + " bytes")
    facts = markup(" · ".join(parts) or "nothing is known of its content")
    digest = (
        f'SHA-256 <font name="{MONO}" size="7.2">{exhibit.sha256}</font>' if exhibit.sha256 else "SHA-256 not known"
    )
    return [text(f'<font name="{BOLD}">{exact(name)}</font>', "lead"), text(f"{facts}<br/>{digest}", "small-muted")]


def _answers(examination: Examination, measure: float, detail: int) -> list[Flowable]:
    verdict, integrity = examination.verdict, examination.integrity
    inner = measure - 20
    colour = theme.OUTCOME_COLOUR[verdict.outcome]
    answer: list[Flowable] = [
        text("THE ANSWER: MACHINE OR PERSON", "label"),
        gap(3),
        text(markup(wording.capital(verdict.words)), "answer" if len(verdict.words) < 150 else "answer-small"),
        gap(3),
    ]
    if verdict.log10_lr is not None:
        bounds = ""
        if verdict.log10_lr_bounds is not None:
            low, high = verdict.log10_lr_bounds
            bounds = f", 95 % bounds {signed(low)} to {signed(high)}"
        line = f'<font name="{BOLD}">log10 LR {signed(verdict.log10_lr)}</font>{markup(bounds)}. '
    else:
        line = "No likelihood ratio is given. "
    answer.append(text(line + markup(wording.VERDICT_WORDS[verdict.outcome] + "."), "tight"))
    for reason in verdict.reasons[: max(detail - 4, 1)]:
        answer.append(text(markup(_clip(reason, 260)), "small-muted"))
    answer += [
        gap(5),
        LrScale(verdict.log10_lr, verdict.log10_lr_bounds, ("spoken by a person (H2)", "made by a machine (H1)")),
    ]
    hypotheses = f"<b>H1</b> {markup(verdict.propositions.h1)}. <b>H2</b> {markup(verdict.propositions.h2)}."
    answer.append(text(hypotheses, "fine"))
    story: list[Flowable] = [panel(answer, measure, edge=colour), gap(6)]

    shade = theme.OUTCOME_COLOUR[integrity.outcome]
    seconds = examination.exhibit.seconds or 0.0
    whole: list[Flowable] = [
        text("CONTINUITY OF THE RECORDING", "label"),
        gap(2),
        text(markup(wording.INTEGRITY_WORDS[integrity.outcome]), "answer-small"),
    ]
    if integrity.segments:
        most = max(detail - 2, 2)
        spans = ", ".join(between(span, seconds) for span in integrity.segments[:most])
        rest = len(integrity.segments) - most
        whole.append(text(markup(f"At {spans}" + (f" and {rest} more stretches" if rest > 0 else "")), "small"))
    whole += [text(markup(_clip(reason, 200)), "small-muted") for reason in integrity.reasons[: max(detail - 4, 1)]]
    if also := wording.also_recognised(examination):
        said = f"Also recognised (no sign of tampering by itself): {also}."
        whole.append(text(markup(_clip(said, 60 + 30 * max(detail, 2))), "small"))
    other: list[Flowable] = [
        text("MARK AND GENERATOR", "label"),
        gap(2),
        text(markup(_clip(wording.watermark_words(examination), 170)), "small"),
        gap(2),
        text(markup(_clip(wording.attribution_words(examination), 170)), "small"),
    ]
    if examination.voices:
        other += [gap(2), text(markup(_clip(voice_words(examination), 290)), "small")]
    story.append(panel([side_by_side(whole, other, inner, 18.0)], measure, edge=shade, pad=8.0))
    return story


def _where(examination: Examination, detail: int) -> list[Flowable]:
    story: list[Flowable] = [gap(9), text("WHERE IN THE RECORDING", "label"), gap(3)]
    seconds = examination.exhibit.seconds
    if not seconds:
        story.append(text("The recording could not be decoded: there is no time axis to show.", "muted"))
        return story
    found = [one for one in lanes(examination) if one.segments]
    most = min(max(detail - 1, 1), 5)
    rest = len(found) - most
    more = f"and {rest} more methods with marked stretches, in the overview further on" if rest > 0 else ""
    if rest == 1:
        more = "and one more method with marked stretches, in the overview further on"
    story.append(Strip(examination.spectrogram, seconds, found[:most], 44.0 + 6 * detail, more))
    if not found:
        story.append(text("No method marked a stretch of the recording.", "small-muted"))
    return story


def _untested(examination: Examination, detail: int) -> list[Flowable]:
    rows = wording.could_not_test(examination)
    story: list[Flowable] = [text("WHAT WAS NOT TESTED", "label"), gap(3)]
    if not rows:
        story.append(text("Every method of the battery could be applied. Limitations stand further on.", "small"))
        return story
    most = detail + 1
    room = 110 if detail >= 5 else 80 if detail >= 3 else 60
    said = []
    for names, why in rows[:most]:
        more = f" and {len(names) - 2} more" if len(names) > 2 else ""
        what = " · ".join(_clip(name, 60 if len(names) == 1 else 32) for name in names[:2]) + more
        said.append(f"<b>{markup(what)}</b>: {markup(_clip(why, room))}")
    story += bullets(said, "bullet-small")
    rest = sum(len(names) for names, _ in rows[most:])
    if rest:
        story.append(text(f"and {rest} more, in the section “What could not be tested”.", "small-muted"))
    return story


def _next_steps(examination: Examination, detail: int) -> list[Flowable]:
    steps: Any = wording.advice(examination)[: max(detail, 3)]
    return [text("WHAT TO DO NEXT", "label"), gap(3), *bullets([markup(step) for step in steps], "bullet-small")]
