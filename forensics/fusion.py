"""From the lines of evidence to one verdict on origin: fused log10 LR, bounds, ENFSI words, abstention with reasons.

The weights of the lines were learnt jointly on development data (detectors/weights/fusion.yaml), so that lines that
see the same thing do not count twice. Outside the validated domain a line is could_not_test and takes no part.

A voiceprint watermark that authenticates and is registered as synthesised is evidence of another kind: it errs by the
chance of a keyed pattern, not by what the speech sounds like, so its bounded LR is added to that of the trained lines.
"""

from __future__ import annotations

from collections.abc import Sequence

from detectors.fusion import Fusion
from forensics.records import Finding, Verdict, VerdictOutcome
from forensics.words import UNDECIDED, mistakes, support

WATERMARK = "watermark.voiceprint"
"""The method that reads our own mark."""


def judge_origin(findings: Sequence[Finding], fusion: Fusion) -> Verdict:
    """The verdict from the findings that carry an LR; `supports_*` only if the whole interval is past the threshold."""
    untested = tuple(
        f"{f.title} ({f.method}) could not be tested: {' '.join(f.reasons)}"
        for f in findings
        if f.outcome == "could_not_test"
    )
    usable = usable_lines(findings, fusion)
    mark = next((f for f in findings if f.method == WATERMARK and f.log10_lr), None)
    if not usable and mark is None:
        reasons = untested or ("No trained line of evidence examined the exhibit.",)
        return Verdict(
            outcome="could_not_test",
            log10_lr=None,
            log10_lr_bounds=None,
            words="could not be tested",
            reasons=reasons,
        )
    value, (lower, upper) = 0.0, (0.0, 0.0)
    if usable:
        fused = fusion.fuse(usable)
        value, (lower, upper) = fused.log10_lr, fused.log10_lr_bounds
    if mark is not None and mark.log10_lr is not None:
        at_least, at_most = mark.log10_lr_bounds or (mark.log10_lr, mark.log10_lr)
        value, lower, upper = value + mark.log10_lr, lower + at_least, upper + at_most
    above, below = lower > fusion.threshold_machine, upper < fusion.threshold_human
    outcome: VerdictOutcome
    if above or below:
        outcome = "supports_machine" if above else "supports_human"
        threshold = fusion.threshold_machine if above else fusion.threshold_human
        words = support(value)
        decided = f"The whole interval lies {'above' if above else 'below'} the shipped threshold of {threshold:+.2f}."
        cautions = tuple(mistakes(fusion.figures, outcome)) if usable else ()
    else:
        outcome = "inconclusive"
        words = UNDECIDED
        decided = (
            f"The interval from {lower:+.2f} to {upper:+.2f} does not lie wholly beyond a shipped threshold "
            f"({fusion.threshold_human:+.2f} for a person, {fusion.threshold_machine:+.2f} for a machine)."
        )
        cautions = ()
    marked = (
        () if mark is None else (f"A watermark registered as synthesised adds {mark.log10_lr:+.2f} to the log10 LR.",)
    )
    return Verdict(
        outcome=outcome,
        log10_lr=value,
        log10_lr_bounds=(lower, upper),
        words=words,
        reasons=(decided, *marked, *cautions, *untested),
    )


def usable_lines(findings: Sequence[Finding], fusion: Fusion) -> dict[str, float]:
    """The trained lines that take part in the fusion, by method id, with their log10 LRs."""
    lines = {f.method: f.log10_lr for f in findings if f.log10_lr is not None and f.in_domain}
    return {method: value for method, value in lines.items() if method in fusion.lines}
