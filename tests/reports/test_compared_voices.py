"""The comparison with enrolled voices in the report: its pair, its LR on the scale, its place beside the verdict."""

from __future__ import annotations

import io

from pypdf import PdfReader
from report_samples import person

from forensics.records import EnrolledVoice, Figure, ModelFacts, Propositions, Series, VoiceComparison
from reports.pdf import pdf_bytes
from synth.voiceprint import PROPOSITIONS
from synth.voiceprint_card import voiceprint_card

CARD = voiceprint_card()
FIGURE = Figure(
    kind="time", title="Similarity to the enrolled voice", x_label="time (s)", y_label="cosine",
    series=(Series(label="", x=(1.0, 2.0, 3.0), y=(0.7, 0.6, 0.65), style="points"),), levels=((0.464, "threshold"),),
)  # fmt: skip
SAME = VoiceComparison(
    outcome="supports_same_voice",
    enrolled=EnrolledVoice(source="consent", named_by="mark", consent_id="8e334559fffa5dfe", sha256="ab" * 32),
    propositions=Propositions(h1=PROPOSITIONS[0], h2=PROPOSITIONS[1]),
    log10_lr=1.52, log10_lr_bounds=(1.21, 1.83), similarity=0.71, threshold=0.464, speech_seconds=7.3,
    words="moderate support for the enrolled voice", domain="at least 1 s of speech", in_domain=True,
    model=ModelFacts(name=CARD.name, version=CARD.version, sha256=CARD.sha256), reasons=("Heard.",), figures=(FIGURE,),
)  # fmt: skip
UNTESTED = SAME.model_copy(update={
    "outcome": "could_not_test", "log10_lr": None, "log10_lr_bounds": None, "figures": (),
    "words": "could not be compared", "reasons": ("The recording seems to hold more than one voice.",),
    "enrolled": EnrolledVoice(source="recording", named_by="examiner", path="/a/suspect.wav"),
})  # fmt: skip


def pages(*voices: VoiceComparison) -> list[str]:
    examination = person().model_copy(update={"voices": voices})
    reader = PdfReader(io.BytesIO(pdf_bytes(examination)))
    return [" ".join(page.extract_text().split()) for page in reader.pages]


def test_the_section_has_pair_ratio_words_rates_and_what_was_not_compared() -> None:
    read = pages(SAME, UNTESTED)
    first, whole = read[0], " ".join(read)
    assert "Voice: moderate support for the enrolled voice" in first
    assert "The examiner's report" in read[1]
    for said in (
        "Comparison with enrolled voices",
        f"H1: {PROPOSITIONS[0]}",
        "log10 LR +1.52, 95 % bounds +1.21 to +1.83",
        "the enrolled voice (H1)",
        "Similarity to the enrolled voice",
        "takes no part in the final likelihood ratio",
        "The recording suspect.wav",
        "The recording seems to hold more than one voice.",
        "room + noise + AMR-NB 5.9",
        "names nobody",
        "No part of the ratio above.",
    ):
        assert said in whole, said
    assert "Comparison with the recording suspect.wav" in whole


def test_without_a_voice_the_report_has_no_such_section() -> None:
    assert "enrolled voice" not in " ".join(pages()).lower()
