"""The speaker LR in an examination: the enrolled voice or another, what cannot be compared, and never the verdict."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from detectors.fusion import load_fusion
from forensics.cli.verify import exit_code, verify
from forensics.contradictions import contradictions
from forensics.examine import examine
from forensics.exhibit import Exhibit
from forensics.method import Method
from forensics.methods.watermark_voiceprint import WatermarkVoiceprint
from forensics.records import Examination, Finding, VoiceComparison, Watermark
from forensics.voice import VoiceExamination
from synth.audio import read
from synth.consent import Consent, revoke_consent
from synth.enrolment import create_consent
from synth.errors import VoxproofError
from synth.issuance import Issuance, register_issuance
from synth.matching import ShippedVoices
from synth.register import Register
from synth.signing import SigningKey
from synth.voiceprint import PROPOSITIONS
from synth.voiceprint_card import voiceprint_card
from synth.watermark import detect as detector
from synth.watermark.detect import Detection
from synth.watermark.keys import new_key
from synth.watermark.payload import Payload

DATA = Path(__file__).parents[1] / "data"
AUSTEN = "sense_and_sensibility_01_austen_64kb-"
ENROLLED, SAME, OTHER, SHORT = (DATA / n for n in (f"{AUSTEN}0870.wav", f"{AUSTEN}0890.wav", "vm-intro.wav", "001.wav"))
NO_MARK = Watermark(outcome="not_found")
FUSION = load_fusion()
KEY = new_key()
PAYLOAD = Payload(0x1A2B3C4D, 0x5E)
FOUND = Detection(9.0, 6.0, "found", KEY.key_id, 0, PAYLOAD, True)


class Line(Method):
    """A trained line of evidence that says what it is told."""

    id = "detector.speech"
    title = purpose = "a line"
    bears_on: ClassVar[Literal["integrity", "origin", "quality"]] = "origin"

    def examine(self, exhibit: Exhibit) -> Finding:
        return self.finding("inconsistent", reasons=(), log10_lr=1.0, log10_lr_bounds=(0.9, 1.1))


@pytest.fixture(scope="module")
def austen() -> VoiceExamination:
    return VoiceExamination([ENROLLED])


def compared(voices: VoiceExamination, path: Path, mark: Watermark = NO_MARK) -> VoiceComparison:
    with Exhibit.open(path) as exhibit:
        (found,) = voices.examine(exhibit, mark)
    return found


def issued(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Register, Consent]:
    """A register with one consent and one issuance under it, and a detector that finds its mark."""
    monkeypatch.setenv("VOXPROOF_ISSUER_KEY", str(folder / "issuer.pem"))
    monkeypatch.setattr(detector, "detect", lambda samples, rate, keys: FOUND)
    register = Register.continued(folder / "register.jsonl", key=SigningKey.generate())
    until = datetime(2099, 1, 1, tzinfo=UTC)
    consent = create_consent(register, "Ada Example", ENROLLED, "research", until, voices=ShippedVoices())
    with register.exclusive():
        register_issuance(
            register,
            Issuance(
                issuance_id=PAYLOAD.hex, kind="synthesised", scope="research", languages=("en",),
                consent_id=consent.consent_id, voiceprint_tag="5e", models={}, text_sha256=None, source_sha256=None,
                scheme=1, key_id=KEY.key_id, epoch=0, payload_carried=True, seconds=3.0, sample_rate=8000, channels=1,
                output_sha256=None, output="samples", score=9.0, threshold=6.0, token_id=None,
            ),
            "tester",
        )  # fmt: skip
    return register, consent


def whole(path: Path, register: Register) -> Examination:
    battery = (WatermarkVoiceprint([KEY], register.path),)
    return examine(path, battery, FUSION, voices=VoiceExamination(register=register.path))


def test_the_enrolled_voice_is_supported_with_bounds_words_and_propositions(austen: VoiceExamination) -> None:
    found = compared(austen, SAME)
    assert found.outcome == "supports_same_voice"
    assert found.log10_lr is not None
    assert found.log10_lr_bounds is not None
    assert 1.0 < found.log10_lr_bounds[0] <= found.log10_lr <= voiceprint_card().calibration.upper
    assert found.words.startswith(f"moderate support for the proposition that {PROPOSITIONS[0]}, rather than")
    assert (found.propositions.h1, found.propositions.h2) == PROPOSITIONS
    assert found.similarity == pytest.approx(0.85, abs=0.05)
    assert found.speech_seconds == pytest.approx(4.8, abs=0.3)
    assert found.in_domain
    assert "AMR-NB 4.75 kbit/s" in found.domain
    assert "clone" in found.reasons[-1]
    assert found.enrolled.path == str(ENROLLED)
    (figure,) = found.figures
    assert all(0 <= at <= 5.3 for at in figure.series[0].x)
    assert all(value is not None and value > 0.5 for value in figure.series[0].y)


def test_another_voice_is_supported_the_other_way(austen: VoiceExamination) -> None:
    found = compared(austen, OTHER)
    assert found.outcome == "supports_other_voice"
    assert found.log10_lr_bounds is not None
    assert found.log10_lr_bounds[1] < -1.0
    assert found.words.startswith(f"moderate support for the proposition that {PROPOSITIONS[1]}, rather than")


def test_what_is_too_short_or_holds_two_voices_is_not_compared(austen: VoiceExamination, tmp_path: Path) -> None:
    short = compared(austen, SHORT)
    assert (short.outcome, short.log10_lr, short.in_domain) == ("could_not_test", None, False)
    assert "s of speech were found; the method needs 1 s" in short.reasons[0]
    both = tmp_path / "both.wav"
    soundfile.write(both, np.concatenate([read(path, rate=8000).mono for path in (SAME, OTHER)]), 8000)
    two = compared(austen, both)
    assert (two.outcome, two.log10_lr, two.similarity) == ("could_not_test", None, None)
    assert "more than one voice" in two.reasons[0]


def test_the_speaker_lr_never_enters_the_verdict(austen: VoiceExamination) -> None:
    alone = examine(SAME, [Line()], FUSION)
    assert alone.voices == ()
    assert alone.verdict.log10_lr
    for path, outcome in ((SAME, "supports_same_voice"), (OTHER, "supports_other_voice")):
        with_voice = examine(path, [Line()], FUSION, voices=austen)
        assert with_voice.voices[0].outcome == outcome
        assert with_voice.verdict == alone.verdict
        assert with_voice.integrity == alone.integrity
        assert with_voice.contradictions == ()
        assert exit_code(with_voice) == exit_code(alone)
    only = examine(SAME, [], FUSION, voices=austen)
    assert (only.verdict.outcome, only.verdict.log10_lr) == ("could_not_test", None)


def test_the_voice_of_the_consent_that_a_mark_leads_to_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register, consent = issued(tmp_path, monkeypatch)
    same = whole(SAME, register)
    (voice,) = same.voices
    assert (voice.enrolled.named_by, voice.enrolled.consent_id) == ("mark", consent.consent_id)
    assert voice.enrolled.sha256 == consent.sha256
    assert voice.outcome == "supports_same_voice"
    assert same.contradictions == ()
    assert "Ada" not in same.json_line()
    other = whole(OTHER, register)
    assert other.voices[0].outcome == "supports_other_voice"
    assert other.verdict == same.verdict
    assert len(other.contradictions) == 1
    assert "supports another voice than the one enrolled" in other.contradictions[0]
    revoke_consent(register, consent.consent_id)
    assert any("revoked at" in reason for reason in whole(SAME, register).voices[0].reasons)
    copy = tmp_path / "consents" / f"{consent.consent_id}.json"
    kept = copy.read_text()
    copy.write_text(kept.replace("Ada", "Eve"))
    assert "changed after it was signed" in whole(SAME, register).voices[0].reasons[0]
    copy.unlink()
    gone = whole(SAME, register).voices[0]
    assert (gone.outcome, gone.reasons) == ("could_not_test", ("No copy of the consent is kept beside the register.",))


def test_a_consent_may_be_named_by_file_or_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register, consent = issued(tmp_path, monkeypatch)
    by_id = compared(VoiceExamination([consent.consent_id], register.path), SAME)
    assert (by_id.outcome, by_id.enrolled.named_by) == ("supports_same_voice", "examiner")
    file = tmp_path / "consent.json"
    file.write_text(consent.text)
    elsewhere = compared(VoiceExamination([file], tmp_path / "none.jsonl"), SAME)
    assert (elsewhere.outcome, elsewhere.enrolled.path) == ("supports_same_voice", str(file))
    assert any("whether it is registered is not known" in reason for reason in elsewhere.reasons)
    file.write_text(consent.text.replace("research", "internal"))
    with pytest.raises(VoxproofError, match="changed after it was signed"):
        VoiceExamination([file], register.path)


@pytest.mark.parametrize(("name", "said"), [(SHORT, "too little speech"), (DATA / "none.wav", "cannot be read")])
def test_a_voice_that_cannot_be_enrolled_is_an_error_at_once(name: Path, said: str) -> None:
    with pytest.raises(VoxproofError, match=said):
        VoiceExamination([name])


def test_a_clip_that_cannot_be_decoded_says_so_of_the_voice_too(austen: VoiceExamination, tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_text("no sound")
    (voice,) = examine(broken, [], FUSION, voices=austen).voices
    assert voice.outcome == "could_not_test"
    assert voice.reasons


def test_a_voice_that_only_the_examiner_named_is_no_contradiction(austen: VoiceExamination) -> None:
    made = examine(OTHER, [], FUSION, voices=austen)
    assert made.voices[0].outcome == "supports_other_voice"
    found = contradictions(made.exhibit, (), made.verdict, made.integrity, made.watermark, made.voices)
    assert found == ()


def test_verify_prints_the_comparison_beside_the_verdict() -> None:
    call = [str(SAME), "--method", "signal.dc-offset", "--compare-voice", str(ENROLLED), "--exit-zero"]
    told = CliRunner().invoke(verify, [*call, "--json"], standalone_mode=False)
    assert told.exception is None
    row = json.loads(told.stdout)
    assert row["verdict"]["outcome"] == "could_not_test"
    (voice,) = row["voices"]
    assert set(voice) == {
        "outcome", "enrolled", "propositions", "log10_lr", "log10_lr_bounds", "words", "similarity", "threshold",
        "speech_seconds", "heard", "domain", "in_domain", "model", "reasons",
    }  # fmt: skip
    assert voice["outcome"] == "supports_same_voice"
    assert Examination.model_validate(row).voices[0].log10_lr == voice["log10_lr"]
    shown = " ".join(CliRunner().invoke(verify, call, standalone_mode=False).stdout.replace("│", " ").split())
    assert "moderate support for the proposition that the speech of the recording has the enrolled voice" in shown
    assert "A clone has the voice too" in shown
