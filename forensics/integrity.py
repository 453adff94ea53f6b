"""Continuous or edited: what the methods that bear on continuity say together.

Every method was set to a false-alarm rate of at most 1 % on unedited recordings, so one in-domain *inconsistent* is
reported; it is named with its method, never hidden by a majority. A place that a method could not decide makes the
answer inconclusive. *Consistent* needs at least three methods that
could test the exhibit and found nothing; fewer make it inconclusive.
"""

from __future__ import annotations

from collections.abc import Sequence

from forensics.records import Finding, Integrity, on_grid

MIN_TESTED = 3
"""Fewest methods that must have tested the exhibit before it is called consistent with a continuous recording."""


def judge_integrity(findings: Sequence[Finding], seconds: float) -> Integrity:
    """Integrity from the findings of the methods that bear on it."""
    tested = [f for f in findings if f.outcome != "could_not_test" and f.in_domain]
    against = [f for f in tested if f.outcome == "inconsistent"]
    if against:
        reasons = tuple(f"{f.title} ({f.method}): {' '.join(f.reasons)}" for f in against)
        return Integrity(
            outcome="inconsistent",
            segments=on_grid((s for f in against for s in f.segments), seconds),
            reasons=reasons,
        )
    if not tested:
        return Integrity(outcome="could_not_test", reasons=("No method of the battery could test the exhibit.",))
    doubtful = [f for f in tested if f.outcome == "inconclusive" and f.segments]
    if doubtful:
        return Integrity(
            outcome="inconclusive",
            segments=on_grid((s for f in doubtful for s in f.segments), seconds),
            reasons=tuple(f"{f.title} ({f.method}): {' '.join(f.reasons)}" for f in doubtful),
        )
    clear = [f for f in tested if f.outcome == "consistent"]
    if len(clear) < MIN_TESTED:
        said = f"{len(clear)} methods gave a clear answer; at least {MIN_TESTED} are needed."
        return Integrity(outcome="inconclusive", reasons=(said, *(r for f in tested for r in f.reasons)))
    names = ", ".join(f.method for f in clear)
    said = f"No sign of editing was found by {len(clear)} methods ({names}); edits without such traces remain possible."
    return Integrity(outcome="consistent", reasons=(said,))
