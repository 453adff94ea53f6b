"""From the lines of evidence to one verdict on origin: fused log10 LR, bounds, ENFSI words, abstention with reasons.

The weights of the lines were learnt jointly on development data (detectors/weights/fusion.yaml), so that lines that
see the same thing do not count twice. Outside the validated domain a line is could_not_test and takes no part.
"""

from __future__ import annotations

from collections.abc import Sequence

from detectors.fusion import Fusion
from forensics.records import Finding, Verdict, VerdictOutcome
from forensics.words import mistakes, support


def judge_origin(findings: Sequence[Finding], fusion: Fusion) -> Verdict:
    """The verdict from the findings that carry an LR; `supports_*` only if the whole interval is past the threshold."""
    lines = {f.method: f.log10_lr for f in findings if f.log10_lr is not None and f.in_domain}
    untested = tuple(
        f"{f.title} ({f.method}) could not be tested: {' '.join(f.reasons)}"
        for f in findings
        if f.outcome == "could_not_test"
    )
    usable = {method: value for method, value in lines.items() if method in fusion.lines}
    if not usable:
        reasons = untested or ("No trained line of evidence examined the exhibit.",)
        return Verdict(
            outcome="could_not_test",
            log10_lr=None,
            log10_lr_bounds=None,
            words="could not be tested",
            reasons=reasons,
        )
    fused = fusion.fuse(usable)
    lower, upper = fused.log10_lr_bounds
    above, below = lower > fusion.threshold_machine, upper < fusion.threshold_human
    outcome: VerdictOutcome
    if above or below:
        outcome = "supports_machine" if above else "supports_human"
        threshold = fusion.threshold_machine if above else fusion.threshold_human
        words = support(fused.log10_lr)
        decided = f"The whole interval lies {'above' if above else 'below'} the shipped threshold of {threshold:+.2f}."
        cautions = tuple(mistakes(fusion.figures, outcome))
    else:
        outcome = "inconclusive"
        words = "inconclusive: the evidence does not clearly support either proposition over the other"
        decided = (
            f"The interval from {lower:+.2f} to {upper:+.2f} does not lie wholly beyond a shipped threshold "
            f"({fusion.threshold_human:+.2f} for a person, {fusion.threshold_machine:+.2f} for a machine)."
        )
        cautions = ()
    return Verdict(
        outcome=outcome,
        log10_lr=fused.log10_lr,
        log10_lr_bounds=(lower, upper),
        words=words,
        reasons=(decided, *cautions, *untested),
    )
