"""Sections on what was received and asked: case, propositions, tool, exhibit, custody."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from reportlab.platypus import Flowable

from reports import wording
from reports.blocks import facts, grid, text
from reports.context import Context
from reports.document import Digest
from reports.numerals import clock, number
from reports.typeface import exact, markup, mono


def utc(moment: datetime | None) -> str:
    """A time of the case record."""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC") if moment else wording.NOT_STATED


def case(context: Context, _: str) -> list[Flowable]:
    """Who asked what, who examined."""
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


def propositions(context: Context, _: str) -> list[Flowable]:
    """The pairs of propositions, before any number."""
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
    pairs = dict.fromkeys(voice.propositions for voice in context.examination.voices)
    rows += [("<b>Enrolled voice</b>", f"<b>H1</b>: {markup(one.h1)}<br/><b>H2</b>: {markup(one.h2)}") for one in pairs]
    return [
        text("The findings are weighed against two competing propositions, stated before any number is given.", "body"),
        facts(rows, context.measure),
        text(markup(wording.LR_MEANS), "body"),
    ]


def tool(context: Context, _: str) -> list[Flowable]:
    """Program, configuration and weights."""
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


def exhibit(context: Context, _: str) -> list[Flowable]:
    """The file: identity, format, tags, irregularities."""
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


def custody(context: Context, _: str) -> list[Flowable]:
    """Hashes and the log of custody."""
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
    rows = [
        (utc(one.time), markup(one.actor), markup(one.action), f'<font size="7">{mono(one.sha256 or "–")}</font>')
        for one in case.custody
    ]
    measure = context.measure
    story.append(text("Each entry's hash covers the entry before it.", "body"))
    return [
        *story,
        grid(("Time", "Actor", "Action", "SHA-256 of the entry"), rows, (106, 80, measure - 106 - 80 - 147, 147)),
    ]
