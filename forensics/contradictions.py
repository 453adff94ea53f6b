"""Contradictions between the lines of evidence: each rule names two statements that do not fit together.

A contradiction is reported, never resolved: it tells the examiner where to look.
"""

from __future__ import annotations

from collections.abc import Sequence

from forensics.records import ExhibitFacts, Finding, Integrity, Verdict, VoiceComparison, Watermark

SYNTHESIS_TAGS = (
    "elevenlabs",
    "suno",
    "trainedalgorithmicmedia",
    "text-to-speech",
    "gpt-sovits",
    "piper",
    "espeak",
    "coqui",
)
"""Words in metadata that name a speech generator."""


def contradictions(
    exhibit: ExhibitFacts,
    findings: Sequence[Finding],
    verdict: Verdict,
    integrity: Integrity,
    mark: Watermark,
    voices: Sequence[VoiceComparison] = (),
) -> tuple[str, ...]:
    """All contradictions in full sentences, in a fixed order."""
    found = list(mark.contradictions)
    if mark.issued == "embedded" and verdict.outcome == "supports_machine":
        found.append("The register says that the mark was put on a recording, but the speech supports a machine.")
    found += [
        f"The mark names consent {voice.enrolled.consent_id}, but the speech supports another voice than the one "
        "enrolled there: the mark may come from another clip, or the clone does not have the voice."
        for voice in voices
        if voice.enrolled.named_by == "mark" and voice.outcome == "supports_other_voice"
    ]
    named = [
        f"{key}={value}"
        for key, value in exhibit.tags.items()
        if any(word in f"{key} {value}".lower() for word in SYNTHESIS_TAGS)
    ]
    if named and verdict.outcome == "supports_human":
        found.append(f"The metadata name a speech generator ({'; '.join(named)}), but the speech supports a person.")
    carrying = [f for f in findings if f.log10_lr is not None and f.in_domain]
    machine = [f.method for f in carrying if f.log10_lr_bounds is not None and f.log10_lr_bounds[0] > 0]
    person = [f.method for f in carrying if f.log10_lr_bounds is not None and f.log10_lr_bounds[1] < 0]
    if machine and person:
        found.append(f"{', '.join(machine)} supports a machine, {', '.join(person)} supports a person.")
    if integrity.outcome == "inconsistent" and verdict.outcome == "supports_human":
        found.append(
            "The speech supports a person, but the recording is inconsistent with a continuous one: "
            "passages may come from different recordings of a person."
        )
    return tuple(found)
