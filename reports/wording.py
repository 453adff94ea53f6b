"""What the report says in words, and only in the words that forensic practice allows.

Sources: ENFSI Guideline for Evaluative Reporting in Forensic Science (2015); ENFSI FSA-BPM-002 (2022); SWGDE. The
report never prints a percentage probability of a proposition, a score, or a verdict about genuineness.
"""

from __future__ import annotations

from typing import Any

from forensics.records import Examination, Finding, Outcome
from forensics.words import named

QUESTION = (
    "Was the speech in this recording spoken by a person, or was at least part of it made or converted by a machine? "
    "And is the recording continuous?"
)
NOT_STATED = "not stated"
HASH_PROVES = "A hash proves only that data have not changed since it was first computed."
LR_MEANS = (
    "The likelihood ratio says how much more probable the findings are if the first proposition is true than if the "
    "second is true. It is not the probability of either proposition: that also depends on everything else "
    "known in the "
    "case, which is for the reader to weigh."
)

FINDING_WORDS: dict[Outcome, str] = {
    "consistent": "The recording is consistent with an unedited, person-made recording in this respect.",
    "inconsistent": "The recording is inconsistent with an unedited, person-made recording in this respect.",
    "inconclusive": "This examination is inconclusive.",
    "could_not_test": "This could not be tested.",
}
INTEGRITY_WORDS: dict[Outcome, str] = {
    "consistent": "Consistent with a continuous recording",
    "inconsistent": "Inconsistent with a continuous recording",
    "inconclusive": "Inconclusive",
    "could_not_test": "Could not be tested",
}
VERDICT_WORDS = {
    "supports_machine": "The findings support the proposition that a machine made or converted at least part of "
    "the speech",
    "supports_human": "The findings support the proposition that a person spoke all of it",
    "inconclusive": "Inconclusive: the findings do not settle the question either way",
    "could_not_test": "Could not be tested",
}


def capital(sentence: str) -> str:
    """With a capital first letter, the rest untouched."""
    return sentence[:1].upper() + sentence[1:]


def watermark_words(examination: Examination) -> str:
    """The watermark's answer in one sentence."""
    mark = examination.watermark
    if mark.outcome == "could_not_test":
        return "Watermark: could not be tested. " + " ".join(mark.reasons)
    if mark.outcome == "not_found":
        return "Watermark: not found. Its absence says nothing about machines that leave no such mark."
    known = {
        True: "and authenticates under the issuer's key",
        False: "but does not authenticate under the issuer's key",
        None: "without authentication, for which the issuer's key is needed",
    }[mark.authenticated]
    issued = f" (issuance {mark.payload.issuance_id})" if mark.payload and mark.payload.issuance_id else ""
    return f"Watermark: found {known}{issued}. " + " ".join(mark.reasons)


def attribution_words(examination: Examination) -> str:
    """The attribution's answer in one sentence."""
    made = examination.attribution
    said = {
        "attributed": f"Generator: the findings point to {made.best}.",
        "none_of_these": "Generator: none of those enrolled.",
        "inconclusive": "Generator: inconclusive.",
        "could_not_test": "Generator: could not be tested.",
    }[made.outcome]
    return " ".join([said, *made.reasons])


def advice(examination: Examination) -> tuple[str, ...]:
    """What to do next: sensible steps for this outcome, the most urgent first."""
    verdict, steps = examination.verdict.outcome, []
    if verdict == "could_not_test":
        steps += [
            "Draw no conclusion from this file: it was not examined for the question put.",
            "Ask for the recording again, as the original file with its hash, and examine that.",
            "The reasons stand under “What was not tested”; where a longer or cleaner passage exists, send it.",
        ]
    elif verdict == "supports_machine":
        steps += [
            "Do not act on what the voice says before it is confirmed through another channel that you already know.",
            "Secure the original file from the first device or account, with its hash and delivery history.",
            "Obtain undisputed recordings of the claimed speaker, made on a similar device, for comparison.",
        ]
    elif verdict == "supports_human":
        steps += [
            "A person's voice can still be cut, staged or imitated: read the integrity answer and check who sent it.",
            "Before anything weighty rests on it, ask for the original file and its hash.",
        ]
    else:
        steps += [
            "Draw no conclusion either way from this clip alone.",
            "Ask for better material: the original file rather than a forwarded copy, and a longer passage.",
            "Confirm the content through another channel that you already know.",
        ]
    if examination.integrity.outcome == "inconsistent":
        where = "the marked passages" if examination.integrity.segments else "the findings that say so"
        steps.insert(1, f"Listen to {where} first, and ask how the recording was made and handled.")
    if examination.watermark.outcome == "found":
        steps.insert(0, "Look up the issuance in the register of the watermark's issuer.")
    if examination.contradictions:
        steps.append("Findings contradict each other: let an examiner read the section on contradictions.")
    if verdict != "could_not_test":
        steps.append("For use in proceedings, let a qualified examiner review the full report.")
    return tuple(steps)


def could_not_test(examination: Examination) -> tuple[tuple[tuple[str, ...], str], ...]:
    """Everything that was not tested, as (names, why); what has the same reason stands together."""
    answers: tuple[tuple[str, Any], ...] = (
        ("Machine or person", examination.verdict),
        ("Continuity of the recording", examination.integrity),
        ("Voiceprint watermark", examination.watermark),
        ("Generator of the speech", examination.attribution),
        *((f"Comparison with {named(one.enrolled)}", one) for one in examination.voices),
        *((one.title or one.method, one) for one in examination.findings),
    )
    found: dict[str, list[str]] = {}
    for name, answer in answers:
        if answer.outcome == "could_not_test":
            names = found.setdefault(" ".join(answer.reasons) or "No reason is recorded.", [])
            if name not in names:
                names.append(name)
    return tuple((tuple(names), why) for why, names in found.items())


def also_recognised(examination: Examination) -> str:
    """Facts and processing that the methods named without holding them against the recording; empty without any."""
    named = examination.integrity.processing or tuple(
        dict.fromkeys(trace for one in examination.findings for trace in one.traces)
    )
    return "; ".join(named)


LIMITS = (
    "Only the file named in this report was examined: nothing is said about other copies or about what was said.",
    "The report does not identify the speaker.",
    "Methods speak for the material on which they were validated; outside of it they do not answer. New generators "
    "and new ways of editing may leave none of the traces that were looked for.",
    "That a trace was not found does not show that nothing was done: careful work, or a later lossy copy, can "
    "remove it.",
    "Clips of one page, speaker or generator are not independent: the size of a likelihood ratio from trained "
    "detectors is limited by the number of independent sources on which they were validated.",
)

VOICE_LIMIT = (
    "A comparison with an enrolled voice names nobody: voices resemble each other, relatives' most, a clone has the "
    "voice that it was made from, and a cold, a mood or a microphone changes a voice."
)

_ALTERNATIVES = {
    "container": (
        "a messaging service, editor or converter that rewrote the file without touching the speech would leave "
        "the same "
        "traces in the container"
    ),
    "silence": "noise suppression, a voice gate, muting or a telephone line can produce runs of digital silence",
    "dc-offset": "a change of microphone, gain or device within one sitting shifts the offset as a splice does",
    "spectrum": "lossy coding, a telephone channel or an inexpensive microphone narrows the spectrum as "
    "upsampling does",
    "splice": "a pause button, a lost packet or a bump of the microphone produces steps that look like a joint",
    "level": "automatic gain control or a moving speaker changes the level",
    "duration": "a recorder that was interrupted writes a header that does not agree with the sound",
    "header": "a recorder that was interrupted writes a header that does not agree with the sound",
    "watermark": (
        "whoever holds the issuer's key can mark any recording and register it as synthesised; marked speech can be "
        "mixed with, or cut into, a recording of a person"
    ),
    "detector": (
        "strong noise suppression, telephone coding or playback of a machine voice through a loudspeaker can resemble "
        "what the detector learnt"
    ),
}


def alternatives(examination: Examination) -> tuple[str, ...]:
    """Alternative explanations: those that every case must weigh, and those that the findings call for."""
    out = []
    for finding in examination.findings:
        moved = finding.log10_lr is not None and abs(finding.log10_lr) > 1e-9
        if finding.outcome != "inconsistent" and not moved:
            continue
        said = [words for key, words in _ALTERNATIVES.items() if key in finding.method]
        name = finding.title or finding.method
        out += [f"{name}: {words}." for words in said] or [
            f"{name}: a harmless cause in recording, transmission or storage was not excluded by this method."
        ]
    out.append("A person who imitates another voice is a person: such speech falls under the second proposition.")
    out.append(
        "Speech made by a machine and recorded again through the air falls under the first proposition, "
        "but loses many of the traces that were looked for."
    )
    return tuple(dict.fromkeys(out))


GLOSSARY = (
    ("Bona fide / spoof", "Speech of a person into a microphone / speech made or converted by a machine."),
    ("Bounds (95 %)", "Interval that allows for the limited validation data; the answer is given only if all of it agrees."),  # noqa: E501
    ("Codec, container", "The coding of the sound / the file format that holds it; a lossy codec discards part of the sound."),  # noqa: E501
    ("dBFS", "Level in decibels relative to the largest value the file can hold."),
    ("Exhibit", "The file that was submitted, identified by its SHA-256."),
    ("Finding", "What one method says: consistent, inconsistent, inconclusive, or could not be tested."),
    ("Likelihood ratio (LR)", "Probability of the findings under the first proposition divided by that under the second; "  # noqa: E501
     "log10 LR of 1 means ten times more probable, −1 ten times less."),
    ("Machine twin", "The same examination as data (JSON), attached to this PDF for other programs."),
    ("PAdES", "The standard form of an electronic signature in a PDF."),
    ("SHA-256", "Fingerprint of data, 64 hexadecimal digits. " + HASH_PROVES),
    ("SNR", "Signal-to-noise ratio: how far speech stands above the background, in decibels."),
    ("Validity domain", "The kind of recording on which a method was validated; outside of it the method does not answer."),  # noqa: E501
)  # fmt: skip

STANDARDS = (
    "ENFSI Guideline for Evaluative Reporting in Forensic Science (2015)",
    "ENFSI Best Practice Manual for Digital Audio Authenticity Analysis, FSA-BPM-002 (2022)",
    "SWGDE Best Practices for Digital Audio Authentication",
    "SWGDE Best Practices for Forensic Audio",
    "ISO/IEC 27037 Guidelines for identification, collection, acquisition and preservation of digital evidence",
    "ISO/IEC 27042 Guidelines for the analysis and interpretation of digital evidence",
    "ISO 21043 Forensic sciences",
    "AES27 and AES43 (managing and authenticating recorded audio for forensic purposes)",
)

ENFSI_BANDS = (
    ("1", "0", "no support for either"),
    ("1 to 10", "0 to 1", "weak support"),
    ("10 to 100", "1 to 2", "moderate support"),
    ("100 to 1 000", "2 to 3", "moderately strong support"),
    ("1 000 to 10 000", "3 to 4", "strong support"),
    ("10 000 to 1 000 000", "4 to 6", "very strong support"),
    ("above 1 000 000", "above 6", "extremely strong support"),
)
"""LR, log10 LR, words; an edge belongs to the lower band."""


def carries_lr(finding: Finding) -> bool:
    """Whether the finding is a trained line of evidence with a likelihood ratio of its own."""
    return finding.log10_lr is not None
