"""Our own watermark: found under the keys given, read, authenticated and looked up in the register of issuances.

A mark is evidence of a machine only when its payload authenticates and the register says that the sound was
synthesised. Its LR is then bounded by what was measured: of `UNMARKED` unmarked recordings, `FALSE_ALARMS` were called
marked (docs/validation/watermark.md), so the probability of a mark in the speech of a person is taken as the upper 95 %
end of that rate (n recordings without a false alarm: 3 / n, Hanley and Lippman-Hand 1983), and the chance of an
authentic payload, below 1e-9, is not used. A mark that was put on a recording carries no LR, an absent one says
nothing (0).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log10
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from forensics.exhibit import Exhibit
from forensics.fusion import WATERMARK
from forensics.method import Method
from forensics.methods._frames import curve
from forensics.methods._mark import NAME, Reading, read_mark
from forensics.records import GRID_S, ErrorRate, Figure, Finding, Outcome, Scalar, Segment
from synth.watermark.keys import WatermarkKey, all_readable

UNMARKED, FALSE_ALARMS = 11248, 0
"""Unmarked recordings examined at the frozen threshold under all attacks of the bench, and those called marked.

They are the line "False alarms pooled" of docs/validation/watermark.md, written by `voxproof bench watermark`: whoever
writes that page anew puts its numbers here (a test compares them). Every attacked copy of a clip counts; copies of one
clip are not independent of each other, which this bound does not allow for.
"""


def largest_log10_lr(unmarked: int, false_alarms: int) -> float | None:
    """The largest log10 LR that so many unmarked recordings allow; None if it would be no support at all."""
    from scipy.special import gammaincinv

    if not unmarked:
        return None
    at_most = max(float(gammaincinv(false_alarms + 1, 0.95)), 3.0)
    return log10(unmarked / at_most) if at_most < unmarked else None


class WatermarkVoiceprint(Method):
    """Reads the voiceprint watermark."""

    id = WATERMARK
    title = "Voiceprint watermark"
    purpose = (
        "Looks for the keyed mark that everything issued by Voxproof carries, and reads which issuance it names; "
        "found, it also tells whether a recording was marked or the speech synthesised."
    )
    bears_on: ClassVar[Literal["integrity", "origin", "quality"]] = "origin"

    def __init__(self, keys: Sequence[WatermarkKey] = (), register: Path | None = None) -> None:
        self.keys = tuple(keys)
        self.register = register

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        tried = ", ".join(f"{key.key_id}/{key.epoch}" for key in all_readable(self.keys))
        cap = largest_log10_lr(UNMARKED, FALSE_ALARMS)
        return {"scheme": NAME, "keys": tried, "largest_log10_lr": None if cap is None else round(cap, 2)}

    def examine(self, exhibit: Exhibit) -> Finding:
        """Presence, payload and issuance; LR positive for a machine."""
        reading = read_mark(exhibit.recording, self.keys, self.register)
        mark = reading.mark
        if mark.outcome == "could_not_test":
            return self.finding("could_not_test", reasons=mark.reasons, in_domain=False, mark=mark)
        outcome, lr, reasons = self._weighed(reading)
        traces = [f"voiceprint watermark of key {mark.key_id}"] if mark.outcome == "found" else []
        return self.finding(
            outcome,
            reasons=reasons,
            exhibit=exhibit,
            measurements={
                "score": mark.score,
                "threshold": mark.threshold,
                "candidates_tried": reading.candidates,
                "issuance_id": mark.payload.issuance_id if mark.payload else None,
            },
            segments=[(one.start_s, one.end_s) for one in mark.segments],
            traces=traces,
            figures=_figures(reading),
            log10_lr=lr,
            log10_lr_bounds=None if lr is None else (lr, lr),
            mark=mark,
        )

    def _weighed(self, reading: Reading) -> tuple[Outcome, float | None, tuple[str, ...]]:
        mark = reading.mark
        if mark.outcome == "not_found":
            return (
                "consistent",
                0.0,
                (*mark.reasons, "Its absence says nothing about machines that leave no such mark."),
            )
        if mark.shows_synthesis:
            cap = largest_log10_lr(UNMARKED, FALSE_ALARMS)
            if cap is None:
                why = "No LR is given: too few unmarked recordings were measured."
            else:
                why = f"The LR is bounded by {FALSE_ALARMS} false alarms in {UNMARKED} unmarked recordings."
            return "inconsistent", None if cap is None else round(cap, 4), (*mark.reasons, why)
        if mark.issued == "embedded":
            return "consistent", None, (*mark.reasons, "A mark on a recording says nothing about a machine.")
        return "inconclusive", None, mark.reasons

    def finding(self, *arguments: object, **named: object) -> Finding:
        """As every method's, with the error rate that bounds the LR."""
        made: Finding = super().finding(*arguments, **named)  # type: ignore[arg-type]
        if not UNMARKED:
            return made
        rate = ErrorRate(
            condition="unmarked speech, the frozen threshold",
            positives=0,
            hits=0,
            negatives=UNMARKED,
            false_alarms=FALSE_ALARMS,
        )
        return made.model_copy(update={"error_rates": (rate,)})


def equipped(battery: Sequence[Method], keys: Sequence[WatermarkKey], register: Path | None) -> tuple[Method, ...]:
    """The battery, its watermark methods with these keys and this register."""
    return tuple(WatermarkVoiceprint(keys, register) if isinstance(m, WatermarkVoiceprint) else m for m in battery)


def _figures(reading: Reading) -> list[Figure]:
    scores = reading.frame_scores
    if scores is None or not np.isfinite(scores).any():
        return []
    return [
        Figure(
            kind="time",
            title="Voiceprint watermark, score every 20 ms",
            x_label="time (s)",
            y_label="score",
            series=(curve("", np.arange(len(scores)) * GRID_S, np.asarray(scores)),),
            spans=tuple(Segment(start_s=one.start_s, end_s=one.end_s) for one in reading.mark.segments),
        )
    ]
