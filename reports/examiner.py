"""The examiner's report after page 1: every section that forensic practice requires, in order.

Source of the contents: `forensic-practice`, "The examiner's report: required contents", after ENFSI (2015, FSA-BPM-002)
and SWGDE.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reportlab.platypus import CondPageBreak, Flowable, PageBreak

from forensics.records import Examination
from reports import theme, wording
from reports.axes import clock, number, signed
from reports.blocks import Heading, Sign, bullets, facts, gap, grid, text
from reports.card import card_facts, card_of, figure_rows
from reports.case_facts import CaseFacts
from reports.document import Digest, PageNumber, SignatureBox
from reports.measurements import shown
from reports.method_blocks import method_block
from reports.page_one import lanes
from reports.plots import FigureBlock, Strip, between
from reports.theme import Sheet
from reports.twin import FILE_NAME, sha256
from reports.typeface import exact, markup, mono


@dataclass(frozen=True)
class _Context:
    """What every section may need."""

    examination: Examination
    case: CaseFacts
    measure: float
    twin: bytes


Section = Callable[[_Context, str], list[Flowable]]


def examiner_report(examination: Examination, case: CaseFacts, sheet: Sheet, twin: bytes) -> list[Flowable]:
    """All sections, the contents first."""
    context = _Context(examination, case, sheet.measure, twin)
    story: list[Flowable] = [*_contents(sheet.measure)]
    for index, (title, section) in enumerate(_SECTIONS, 1):
        if section in (_methods, _appendix, _signature):
            story.append(PageBreak() if section is not _signature else CondPageBreak(230))
        else:
            story.append(CondPageBreak(110))
        story.append(Heading(title, 1, f"section-{index}", title, f"{index}"))
        story += section(context, f"{index}")
        story.append(gap(9))
    return story


def _contents(measure: float) -> list[Flowable]:
    rows = [
        (
            f'<font color="{theme.FAINT}">{index}</font>',
            f'<a href="#section-{index}">{title}</a>',
            PageNumber(f"section-{index}"),
        )
        for index, (title, _) in enumerate(_SECTIONS, 1)
    ]
    return [
        text("The examiner's report", "h1"),
        gap(10),
        grid(("", "Contents", ""), rows, (24, measure - 74, 50)),
        gap(8),
        text(
            markup(
                "Page 1 is a summary for readers in a hurry; where it is shorter than this report, this report holds."
            ),
            "muted",
        ),
    ]


def utc(moment: datetime | None) -> str:
    """A time of the case record."""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC") if moment else wording.NOT_STATED


def _case(context: _Context, _: str) -> list[Flowable]:
    case = context.case

    def said(value: str | None) -> str:
        return markup(value) if value else wording.NOT_STATED

    examiner = ", ".join(part for part in (case.examiner, case.qualifications) if part)
    rows = [
        ("Case", said(case.case_id)),
        ("Exhibit", said(case.exhibit_id)),
        ("Requested by", said(case.requester)),
        ("Question put", said(case.question)),
        ("Question examined", markup(wording.QUESTION)),
        ("Examiner", said(examiner)),
        ("Received", utc(case.received)),
        ("Examined", utc(case.examined)),
        ("Acquisition", said(case.acquisition)),
    ]
    return [facts(rows, context.measure)]


def _propositions(context: _Context, _: str) -> list[Flowable]:
    verdict, integrity = context.examination.verdict, context.examination.integrity
    rows = [
        (
            "<b>Machine or person</b>",
            f"<b>H1</b>: {markup(verdict.propositions.h1)}<br/><b>H2</b>: {markup(verdict.propositions.h2)}",
        ),
        (
            "<b>Continuity</b>",
            f"<b>H1</b>: {markup(integrity.propositions.h1)}<br/><b>H2</b>: {markup(integrity.propositions.h2)}",
        ),
    ]
    return [
        text("The findings are weighed against two competing propositions, stated before any number is given.", "body"),
        facts(rows, context.measure),
        text(markup(wording.LR_MEANS), "body"),
    ]


def _tool(context: _Context, _: str) -> list[Flowable]:
    tool = context.examination.tool
    rows: list[tuple[str, Any]] = [
        ("Program", markup(f"{tool.name} {tool.version}")),
        ("Configuration", f"SHA-256 {mono(tool.config_sha256)}"),
    ]
    for model in tool.models:
        rows.append((f"Model {markup(model.name)}", f"version {markup(model.version)}, SHA-256 {mono(model.sha256)}"))
    if not tool.models:
        rows.append(("Models", "no trained model took part"))
    return [
        facts(rows, context.measure),
        text(
            "The same exhibit, configuration and models give the same findings, and the same bytes of this report.",
            "muted",
        ),
    ]


def _exhibit(context: _Context, _: str) -> list[Flowable]:
    exhibit = context.examination.exhibit

    def count(value: int | None, unit: str) -> str:
        return f"{number(value)} {unit}" if value is not None else "not known"

    length = (
        f"{exhibit.seconds:.3f} s ({clock(exhibit.seconds, 3600, 2)})" if exhibit.seconds is not None else "not known"
    )
    declared = f"{exhibit.header_seconds:.3f} s" if exhibit.header_seconds is not None else "not declared"
    lossless = {None: "not known", True: "yes", False: "no"}[exhibit.lossless]
    rows: list[tuple[str, Any]] = [
        ("File", exact(exhibit.path)),
        ("Size", markup(count(exhibit.bytes, "bytes"))),
        ("SHA-256 of the file", Digest("ExhibitSHA256", exhibit.sha256 or "not known")),
        ("Container, codec", markup(f"{exhibit.container or 'not known'}, {exhibit.codec or 'not known'}")),
        ("Lossless coding", lossless),
        ("Duration, decoded", length),
        ("Duration, declared", declared),
        ("Sample rate", markup(count(exhibit.sample_rate, "Hz"))),
        ("Channels", markup(f"{exhibit.channels}" if exhibit.channels is not None else "not known")),
        ("Bit depth", markup(count(exhibit.bit_depth, "bits")) if exhibit.bit_depth else "none (lossy) or not known"),
        ("Decoder", markup(exhibit.decode_path or "none: the file was not decoded")),
        ("SHA-256 of the samples", mono(exhibit.stream_sha256) if exhibit.stream_sha256 else "not known"),
    ]
    rows += [(f"Tag {markup(name[:40])}", markup(value[:400])) for name, value in sorted(exhibit.tags.items())[:40]]
    rows += [("Met while decoding", markup(note)) for note in exhibit.notes]
    return [facts(rows, context.measure), text(markup(wording.HASH_PROVES), "body")]


def _custody(context: _Context, _: str) -> list[Flowable]:
    case, exhibit = context.case, context.examination.exhibit
    story: list[Flowable] = []
    if case.working_copy_sha256 is None:
        if exhibit.seconds is not None:
            story.append(
                text("The file was hashed before and after it was decoded; both hashes are the exhibit's.", "body")
            )
        story.append(text("Hash of a separate working copy: not stated.", "body"))
    elif case.working_copy_sha256 == exhibit.sha256:
        story.append(text(f"The working copy has the exhibit's hash: {mono(case.working_copy_sha256)}.", "body"))
    else:
        said = f"<b>The working copy's hash is not the exhibit's</b>: {mono(case.working_copy_sha256)}."
        story.append(text(said, "body"))
    if not case.custody:
        return [*story, text("Custody log: not stated. This examination was made outside of a case record.", "body")]
    rows = [(utc(one.time), markup(one.actor), markup(one.action), mono(one.sha256 or "–")) for one in case.custody]
    measure = context.measure
    story.append(text("Each entry's hash covers the entry before it.", "body"))
    return [
        *story,
        grid(("Time", "Actor", "Action", "SHA-256 of the entry"), rows, (92, 84, measure - 92 - 84 - 150, 150)),
    ]


def _overview(context: _Context, _: str) -> list[Flowable]:
    examination = context.examination
    seconds = examination.exhibit.seconds
    head = ("Method", "Finding", "log10 LR", "Where")
    rows = [
        (
            markup(one.title or one.method),
            Sign(one.outcome, 7.2),
            markup(signed(one.log10_lr)) if one.log10_lr is not None else "–",
            markup(_where(one.segments, seconds)),
        )
        for one in examination.findings
    ]
    measure = context.measure
    story: list[Flowable] = []
    if rows:
        story.append(grid(head, rows, (measure * 0.38, 100, 52, measure * 0.62 - 152), right=(2,)))
    else:
        story.append(text("No method examined this exhibit.", "body"))
    if not seconds:
        return [*story, text("The recording could not be decoded: there is no time axis.", "body")]
    found = lanes(examination)
    most = 24
    rest = f"and {len(found) - most} more methods, in their own sections" if len(found) > most else ""
    story += [gap(6), Strip(examination.spectrogram, seconds, found[:most], 120, rest), gap(6)]
    panels = [(one, figure) for one in examination.findings for figure in one.figures if figure.kind == "time"]
    for index, (one, figure) in enumerate(panels[:16]):
        title = f"{one.title or one.method}: {figure.title}"
        last = index == min(len(panels), 16) - 1
        story.append(FigureBlock(figure, seconds, 46, title, last, one.segments))
    if len(panels) > 16:
        story.append(
            text(
                f"{len(panels) - 16} more figures over time stand with their methods, on the same axis.", "small-muted"
            )
        )
    return story


def _where(segments: tuple[Any, ...], seconds: float | None) -> str:
    if not segments or not seconds:
        return "–"
    words = ", ".join(between(one, seconds) for one in segments[:2])
    return words + (f" and {len(segments) - 2} more" if len(segments) > 2 else "")


def _methods(context: _Context, number_: str) -> list[Flowable]:
    story: list[Flowable] = [
        text(
            "Each method answers alone: consistent or inconsistent with an unedited, person-made recording, "
            "inconclusive, "
            "or could not be tested. Trained lines of evidence carry a likelihood ratio instead of leaning on "
            "the word.",
            "body",
        )
    ]
    for index, finding in enumerate(context.examination.findings, 1):
        story += method_block(finding, context.examination, f"{number_}.{index}", context.measure)
    if not context.examination.findings:
        story.append(text("No method examined this exhibit.", "body"))
    return story


def _models(context: _Context, _: str) -> list[Flowable]:
    story: list[Flowable] = []
    measure = context.measure
    for model in context.examination.tool.models:
        card = card_of(model.sha256)
        story.append(text(f"<b>{markup(model.name)}</b>, version {markup(model.version)}", "body"))
        if card is None:
            story.append(
                text("The card of this model is not at hand: its hash is that of no model installed here.", "body")
            )
            continue
        story.append(facts([(markup(name), markup(words)) for name, words in card_facts(card)], measure))
        rows = [tuple(markup(cell) for cell in row) for row in figure_rows(card)]
        if rows:
            head = ("Measured on", "People + machines", "EER", "False positives (95 %)", "True positives (95 %)")
            story.append(
                grid(head, rows, (measure * 0.24, measure * 0.26, measure * 0.1, measure * 0.2, measure * 0.2))
            )
        else:
            story.append(text("The card states no measured error rates.", "body"))
    return story or [text("No trained model took part in this examination.", "body")]


def _contradictions(context: _Context, _: str) -> list[Flowable]:
    said = context.examination.contradictions
    return (
        list(bullets(markup(one) for one in said))
        if said
        else [text("No contradictions between findings were found.", "body")]
    )


def _fusion(context: _Context, _: str) -> list[Flowable]:
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
    rows2: list[tuple[str, Any]] = [
        ("Final likelihood ratio", markup(lr)),
        ("In words", f"<b>{markup(wording.capital(verdict.words))}</b>"),
        ("Answer", markup(wording.VERDICT_WORDS[verdict.outcome])),
        ("Reasons", markup(" ".join(verdict.reasons) or wording.NOT_STATED)),
        ("Continuity", f"<b>{markup(wording.INTEGRITY_WORDS[integrity.outcome])}</b>"),
        ("Where", markup(segments or "–")),
        ("Reasons", markup(" ".join(integrity.reasons) or wording.NOT_STATED)),
        ("Watermark", markup(wording.watermark_words(examination))),
        ("Attribution", markup(wording.attribution_words(examination))),
    ]
    story += [
        facts(rows2, context.measure),
        text(
            "Verbal equivalents (ENFSI 2015); an edge belongs to the lower band; below 1 the propositions swap.", "h4"
        ),
        grid(("LR", "log10 LR", "Words"), wording.ENFSI_BANDS, (150, 90, context.measure - 240)),
    ]
    return story


def _limitations(context: _Context, _: str) -> list[Flowable]:
    return list(bullets(markup(one) for one in wording.LIMITS))


def _untested(context: _Context, _: str) -> list[Flowable]:
    rows = [(markup(what), markup(why)) for what, why in wording.could_not_test(context.examination)]
    if not rows:
        return [text("Every method of the battery could be applied.", "body")]
    return [grid(("What", "Why"), rows, (context.measure * 0.32, context.measure * 0.68))]


def _alternatives(context: _Context, _: str) -> list[Flowable]:
    lead = text(
        "Explanations other than the propositions that can produce such findings, to be weighed with the case:", "body"
    )
    return [lead, *bullets(markup(one) for one in wording.alternatives(context.examination))]


def _glossary(context: _Context, _: str) -> list[Flowable]:
    return [facts([(f"<b>{markup(word)}</b>", markup(meaning)) for word, meaning in wording.GLOSSARY], context.measure)]


def _standards(context: _Context, _: str) -> list[Flowable]:
    lead = text("Contents and wording of this report follow these documents; no accreditation is claimed.", "body")
    return [lead, *bullets(markup(one) for one in wording.STANDARDS)]


def _signature(context: _Context, _: str) -> list[Flowable]:
    case = context.case
    rows = [
        ("Examiner", markup(case.examiner) if case.examiner else wording.NOT_STATED),
        ("Qualifications", markup(case.qualifications) if case.qualifications else wording.NOT_STATED),
        ("Date", utc(case.examined)),
    ]
    return [
        facts(rows, context.measure),
        text("An electronic signature (PAdES), where one was made, appears in this box. A self-made certificate shows that the "  # noqa: E501
             "file was not changed since it was signed, not who signed it.", "small-muted"),
        gap(4),
        SignatureBox(),
        gap(5),
        text(f"Check signature, machine twin and exhibit with {mono('voxproof report check FILE.pdf --exhibit RECORDING')}", "small-muted"),  # noqa: E501
    ]  # fmt: skip


def _appendix(context: _Context, _: str) -> list[Flowable]:
    measure = context.measure
    story: list[Flowable] = [
        text(f"This PDF carries the whole examination as data: the attachment {mono(FILE_NAME)}. Its SHA-256:", "body"),
        Digest("TwinSHA256", sha256(context.twin)),
        gap(6),
    ]
    for finding in context.examination.findings:
        if not finding.measurements:
            continue
        rows = [(mono(name), mono(shown(value, 24, 500))) for name, value in finding.measurements.items()]
        story += [grid((f"Raw measurements: {finding.method}", "Value"), rows, (measure * 0.4, measure * 0.6))]
    return story


_SECTIONS: tuple[tuple[str, Section], ...] = (
    ("Case and question", _case),
    ("Propositions", _propositions),
    ("Tool and models", _tool),
    ("Items received", _exhibit),
    ("Custody", _custody),
    ("Overview on one time axis", _overview),
    ("Methods and findings", _methods),
    ("Trained models", _models),
    ("Contradictions between findings", _contradictions),
    ("Fusion and final likelihood ratio", _fusion),
    ("Limitations", _limitations),
    ("What could not be tested", _untested),
    ("Alternative explanations considered", _alternatives),
    ("Glossary", _glossary),
    ("Standards followed", _standards),
    ("Signature", _signature),
    ("Appendix: raw measurements and machine twin", _appendix),
)
