"""From the lines of evidence to one verdict on origin: fused log10 LR, bounds, ENFSI words, abstention with reasons.

The weights of the lines were learnt jointly on development data (detectors/weights/fusion.yaml), so that lines that
see the same thing do not count twice. Outside the validated domain a line is could_not_test and takes no part.
"""

from __future__ import annotations

from collections.abc import Sequence

from detectors.fusion import Fusion
from forensics.records import Finding, Verdict
from forensics.words import support


def judge_origin(findings: Sequence[Finding], fusion: Fusion) -> Verdict:
    """The verdict from the findings that carry an LR; `supports_*` only if the whole interval is past the threshold."""
    lines = {f.method: f.log10_lr for f in findings if f.log10_lr is not None and f.in_domain}
    untested = tuple(
        f"{f.title} ({f.method}) could not be tested: {' '.join(f.reasons)}"
        for f in findings
        if f.outcome == "could_not_test"
    )
    said = tuple(reason for f in findings if f.method in lines for reason in f.reasons)
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
    stated = support(fused.log10_lr)
    if lower > fusion.threshold_machine:
        return Verdict(
            outcome="supports_machine",
            log10_lr=fused.log10_lr,
            log10_lr_bounds=(lower, upper),
            words=stated,
            reasons=(
                f"The whole interval lies above the shipped threshold of {fusion.threshold_machine:+.2f}.",
                *untested,
            ),
        )
    if upper < fusion.threshold_human:
        return Verdict(
            outcome="supports_human",
            log10_lr=fused.log10_lr,
            log10_lr_bounds=(lower, upper),
            words=stated,
            reasons=(
                f"The whole interval lies below the shipped threshold of {fusion.threshold_human:+.2f}.",
                *untested,
            ),
        )
    return Verdict(
        outcome="inconclusive",
        log10_lr=fused.log10_lr,
        log10_lr_bounds=(lower, upper),
        words="inconclusive: the evidence does not clearly support either proposition over the other",
        reasons=(
            f"The interval from {lower:+.2f} to {upper:+.2f} does not lie wholly beyond a shipped threshold "
            f"({fusion.threshold_human:+.2f} for a person, {fusion.threshold_machine:+.2f} for a machine).",
            *untested,
        ),
    )
