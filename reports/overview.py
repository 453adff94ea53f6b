"""The overview: every method that answered as a lane on the one time axis, the others in a line below."""

from __future__ import annotations

from collections.abc import Sequence

from reportlab.platypus import Flowable, PageBreak

from forensics.records import Finding
from reports.blocks import gap, text
from reports.context import Context
from reports.lanes import Strip, lanes
from reports.typeface import markup

_ROW, _NARROW = 15.5, 12.4
"""Height of a lane, and of a lane where that spares a page; points."""
_TALL, _FLAT = 130.0, 56.0
"""Height of the spectrogram where there is room, and at least; points."""


def overview(context: Context, room: float) -> list[Flowable]:
    """The strip on one page where it fits into `room` (points left on the page), else continued on further pages."""
    examination = context.examination
    seconds = examination.exhibit.seconds
    lead = text(
        "Every method answers alone. A disc says consistent with an unedited, person-made recording, a triangle "
        "inconsistent, a diamond inconclusive; bars show where. log10 LR: positive for a machine (H1), negative for a "
        "person (H2).",
        "small-muted",
    )
    untested = _untested(examination.findings)
    if not examination.findings:
        return [text("No method examined this exhibit.", "body")]
    if not seconds:
        return [text("The recording could not be decoded: there is no time axis.", "body"), *untested]
    found = lanes(examination)
    taken = sum(one.wrap(context.measure, 1e6)[1] + one.getSpaceAfter() for one in [lead, *untested]) + 12.0
    story: list[Flowable] = [lead, gap(2)]
    left, first = room - taken, True
    while found or first:
        row = _ROW if _fits(len(found), _ROW, left) or not _fits(len(found), _NARROW, left) else _NARROW
        count = max(min(len(found), int((left - _FLAT - 32.0) / row)), 1)
        up = min(max(left - 32.0 - count * row, _FLAT), _TALL)
        if not first:
            story.append(PageBreak())
        story.append(Strip(examination.spectrogram, seconds, found[:count], up, row=row))
        found, first, left = found[count:], False, context.depth - 8.0
    return [*story, gap(3), *untested]


def _fits(count: int, row: float, left: float) -> bool:
    return count * row + _FLAT + 32.0 <= left


def _untested(findings: Sequence[Finding]) -> list[Flowable]:
    names = [one.title or one.method for one in findings if one.outcome == "could_not_test"]
    if not names:
        return []
    said = (
        f"<b>Could not be tested ({len(names)})</b>: {markup(' · '.join(names))}. The reasons stand in their section."
    )
    return [text(said, "small")]
