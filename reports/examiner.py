"""The examiner's report after page 1: every section that forensic practice requires, in order.

Source of the contents: `forensic-practice`, "The examiner's report: required contents", after ENFSI (2015, FSA-BPM-002)
and SWGDE.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reportlab.platypus import CondPageBreak, Flowable

from forensics.records import Examination
from reports import theme, wording
from reports.blocks import Heading, bullets, facts, gap, grid, side_by_side, text
from reports.card import card_facts, card_of, figure_rows, join_facts, voice_facts
from reports.case_facts import CaseFacts
from reports.context import Context
from reports.document import Digest, PageNumber, SignatureBox
from reports.measurements import shown
from reports.method_blocks import method_block, untested_methods
from reports.overview import overview
from reports.pairs import pairs
from reports.received import case, custody, exhibit, propositions, tool, utc
from reports.theme import Sheet
from reports.twin import FILE_NAME, sha256
from reports.typeface import markup, mono
from reports.voices import voices
from reports.weighing import alternatives, contradictions, fusion, limitations, untested

Section = Callable[[Context, str], list[Flowable]]


def examiner_report(examination: Examination, case_: CaseFacts, sheet: Sheet, twin: bytes) -> list[Flowable]:
    """All sections; the contents and the overview of all methods first."""
    context = Context(examination, case_, sheet.measure, sheet.depth, twin)
    sections = [one for one in _SECTIONS if one[1] is not voices or examination.voices]
    story = _contents(sheet.measure, [title for title, _ in sections])
    heading = _heading(1, "Overview on one time axis")
    used = sum(
        one.wrap(sheet.measure, 1e6)[1] + one.getSpaceBefore() + one.getSpaceAfter() for one in [*story, heading]
    )
    story += [heading, *overview(context, sheet.depth - used), gap(9)]
    for index, (title, section) in enumerate(sections, 2):
        heading = _heading(index, title)
        if section in _FLOWING:
            heading.keepWithNext = 0
        story += [
            CondPageBreak(_NEEDS.get(section, 110)),
            heading,
            *section(context, f"{index}"),
            gap(9),
        ]
    return story


def _heading(index: int, title: str) -> Heading:
    return Heading(title, 1, f"section-{index}", title, f"{index}")


def _contents(measure: float, sections: Sequence[str]) -> list[Flowable]:
    """The list of sections in two columns."""
    titles = ["Overview on one time axis", *sections]
    column = (measure - 22.0) / 2
    rows = [
        (
            f'<font color="{theme.FAINT}">{index}</font>',
            f'<a href="#section-{index}">{title}</a>',
            PageNumber(f"section-{index}"),
        )
        for index, title in enumerate(titles, 1)
    ]
    half = (len(rows) + 1) // 2
    halves = [grid(("", "Contents", ""), part, (22, column - 56, 34)) for part in (rows[:half], rows[half:])]
    said = "Page 1 is a summary for readers in a hurry; where it is shorter than this report, this report holds."
    return [
        text("The examiner's report", "h1"),
        gap(6),
        side_by_side([halves[0]], [halves[1]], measure, 22.0),
        gap(5),
        text(markup(said), "small-muted"),
        gap(6),
    ]


def _methods(context: Context, number: str) -> list[Flowable]:
    examination = context.examination
    findings = [one for one in examination.findings if one.outcome != "could_not_test"]
    story: list[Flowable] = [
        text(
            "Each method answers alone: consistent or inconsistent with an unedited, person-made recording, "
            "inconclusive, or could not be tested. Trained lines of evidence carry a likelihood ratio instead of "
            "leaning on the word.",
            "body",
        )
    ]
    for index, finding in enumerate(findings, 1):
        story += method_block(finding, examination, f"{number}.{index}", context.measure)
    story += untested_methods(examination, f"{number}.{len(findings) + 1}", context.measure)
    if not examination.findings:
        story.append(text("No method examined this exhibit.", "body"))
    return story


def _models(context: Context, _: str) -> list[Flowable]:
    story: list[Flowable] = []
    measure = context.measure
    for model in context.examination.tool.models:
        card = card_of(model.sha256)
        anchor = f'<a name="model-{markup(model.name)}"/>'
        name = text(f"{anchor}{markup(model.name)}, version {markup(model.version)}", "h3")
        name.keepWithNext = 0  # the table below may break; room for its first rows is asked for instead
        story += [CondPageBreak(110), name]
        small = voice_facts(model.sha256) or join_facts(model.sha256)
        if small is not None:
            story.append(facts([(markup(name), markup(words)) for name, words in small], measure))
            continue
        if card is None:
            said = "The card of this model is not at hand: its hash is that of no model installed here."
            story.append(text(said, "body"))
            continue
        story.append(facts([(markup(name), markup(words)) for name, words in card_facts(card)], measure))
        rows = [tuple(markup(cell) for cell in row) for row in figure_rows(card)]
        if rows:
            head = (
                "Known error rates: material", "People + machines", "EER",
                "False alarms (95 %)", "Machines found (95 %)",
            )  # fmt: skip
            shares = (0.24, 0.32, 0.08, 0.18, 0.18)
            story.append(grid(head, rows, [measure * share for share in shares]))
        else:
            story.append(text("The card states no measured error rates.", "body"))
    return story or [text("No trained model took part in this examination.", "body")]


def _glossary(context: Context, _: str) -> list[Flowable]:
    return [facts([(f"<b>{markup(word)}</b>", markup(meaning)) for word, meaning in wording.GLOSSARY], context.measure)]


def _standards(context: Context, _: str) -> list[Flowable]:
    lead = text("Contents and wording of this report follow these documents; no accreditation is claimed.", "body")
    return [lead, *bullets(markup(one) for one in wording.STANDARDS)]


def _signature(context: Context, _: str) -> list[Flowable]:
    facts_ = context.case
    rows = [
        ("Examiner", markup(facts_.examiner) if facts_.examiner else wording.NOT_STATED),
        ("Qualifications", markup(facts_.qualifications) if facts_.qualifications else wording.NOT_STATED),
        ("Date", utc(facts_.examined)),
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


def _appendix(context: Context, _: str) -> list[Flowable]:
    measure = context.measure
    story: list[Flowable] = [
        text(f"This PDF carries the whole examination as data: the attachment {mono(FILE_NAME)}. Its SHA-256:", "body"),
        Digest("TwinSHA256", sha256(context.twin)),
        gap(6),
    ]
    for finding in context.examination.findings:
        if not finding.measurements:
            continue
        rows = [(name, shown(value, 24, 500)) for name, value in finding.measurements.items()]
        story += [text(mono(finding.method), "h4"), pairs(("Name", "Value"), rows, measure, dress=mono, letters=20)]
    return story


_SECTIONS: tuple[tuple[str, Section], ...] = (
    ("Case and question", case),
    ("Propositions", propositions),
    ("Tool and models", tool),
    ("Items received", exhibit),
    ("Custody", custody),
    ("Methods and findings", _methods),
    ("Comparison with enrolled voices", voices),
    ("Trained models", _models),
    ("Contradictions between findings", contradictions),
    ("Fusion and final likelihood ratio", fusion),
    ("Limitations", limitations),
    ("What could not be tested", untested),
    ("Alternative explanations considered", alternatives),
    ("Glossary", _glossary),
    ("Standards followed", _standards),
    ("Signature", _signature),
    ("Appendix: raw measurements and machine twin", _appendix),
)
_NEEDS: dict[Section, float] = {_signature: 240.0, _methods: 260.0, fusion: 150.0, custody: 165.0, propositions: 165.0}
"""Room that a section asks for on the page it starts on, points."""
_FLOWING: tuple[Section, ...] = (case, tool, exhibit, _models, _glossary)
"""Sections that begin with a table which may break across pages: it need not move to the next page as a whole."""
