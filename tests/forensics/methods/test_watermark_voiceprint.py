"""The watermark in an examination: what is evidence of a machine, what is none, and what could not be tested."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from math import log10
from pathlib import Path

import numpy as np
import pytest
import soundfile

from detectors.fusion import load_fusion
from detectors.metrics import wilson_interval
from forensics.battery import load_battery
from forensics.cli.verify import exit_code
from forensics.examine import examine
from forensics.exhibit import Exhibit
from forensics.methods import _mark, watermark_voiceprint
from forensics.methods.watermark_voiceprint import WatermarkVoiceprint, equipped, largest_log10_lr
from forensics.records import Examination, Finding, Watermark
from synth.audio import read
from synth.contour import contour_of
from synth.issuance import Issuance, Kind, register_issuance
from synth.register import Register
from synth.signing import SigningKey
from synth.watermark import detect as detector
from synth.watermark.detect import Detection
from synth.watermark.keys import WatermarkKey, new_key
from synth.watermark.payload import MAX_CANDIDATES, Payload
from synth.watermark.places import Segment

KEY = new_key()
BATTERY, FUSION = load_battery(["watermark"]), load_fusion()
PAYLOAD = Payload(0x1A2B3C4D, 0x5E)
SEGMENT = Segment(0.5, 2.0, 9.0)
FOUND = Detection(
    9.0, 6.0, "found", KEY.key_id, 0, PAYLOAD, True,
    frame_scores=np.linspace(0, 9, 150), segments=(SEGMENT,), candidates_tried=3,
)  # fmt: skip
AUTHENTIC = {"authenticated": True}


@pytest.fixture
def exhibit(tmp_path: Path) -> Path:
    path = tmp_path / "noise.wav"
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(3 * 8000), 8000)
    return path


def answered(monkeypatch: pytest.MonkeyPatch, answer: Detection) -> None:
    """Let the detector answer this."""
    monkeypatch.setattr(detector, "detect", lambda samples, rate, keys: answer)


def register(folder: Path, monkeypatch: pytest.MonkeyPatch, **changed: object) -> Path:
    """A register with one issuance."""
    monkeypatch.setenv("VOXPROOF_ISSUER_KEY", str(folder / "issuer.pem"))
    place = folder / "register.jsonl"
    kind: Kind = "synthesised"
    fields: dict[str, object] = {
        "issuance_id": PAYLOAD.hex, "kind": kind, "scope": "research", "languages": ("en",), "consent_id": "c0ffee",
        "voiceprint_tag": "5e", "models": {"gpt": "ab" * 32}, "text_sha256": None, "source_sha256": None, "scheme": 1,
        "key_id": KEY.key_id, "epoch": 0, "payload_carried": True, "seconds": 3.0, "sample_rate": 8000, "channels": 1,
        "output_sha256": None, "output": "samples", "score": 9.0, "threshold": 6.0, "token_id": None,
    } | changed  # fmt: skip
    opened = Register.continued(place, key=SigningKey.generate())
    with opened.exclusive():
        register_issuance(opened, Issuance.model_validate(fields), "tester")
    return place


def found(path: Path, keys: Sequence[WatermarkKey], place: Path | None = None) -> Finding:
    with Exhibit.open(path) as opened:
        return WatermarkVoiceprint(keys, place).run(opened)


def whole(path: Path, keys: Sequence[WatermarkKey], place: Path | None = None) -> Examination:
    return examine(path, equipped(BATTERY, keys, place), FUSION)


def test_without_a_key_it_could_not_be_tested(exhibit: Path) -> None:
    finding = found(exhibit, [])
    assert finding.outcome == "could_not_test"
    assert finding.log10_lr is None
    assert "--key" in finding.reasons[0]
    examination = whole(exhibit, [])
    assert examination.watermark.outcome == "could_not_test"
    assert exit_code(examination) == 30


def test_an_absent_mark_says_nothing(exhibit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answered(monkeypatch, Detection(1.5, 6.0, "not_found"))
    finding = found(exhibit, [KEY])
    assert (finding.outcome, finding.log10_lr, finding.log10_lr_bounds) == ("consistent", 0.0, (0.0, 0.0))
    mark = whole(exhibit, [KEY]).watermark
    assert (mark.outcome, mark.payload, mark.authenticated, mark.score) == ("not_found", None, None, 1.5)


def test_a_registered_synthesis_is_evidence_bounded_by_the_measured_false_alarms(
    exhibit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(monkeypatch, FOUND)
    monkeypatch.setattr(watermark_voiceprint, "UNMARKED", 3000)
    monkeypatch.setattr(watermark_voiceprint, "FALSE_ALARMS", 0)
    place = register(tmp_path, monkeypatch)
    finding = found(exhibit, [KEY], place)
    assert finding.outcome == "inconsistent"
    assert finding.log10_lr == pytest.approx(3.0)
    assert finding.measurements["issuance_id"] == "1a2b3c4d"
    assert [(one.start_s, one.end_s) for one in finding.segments] == [(0.5, 2.0)]
    assert len(finding.figures[0].series[0].x) == 150
    examination = whole(exhibit, [KEY], place)
    mark = examination.watermark
    assert (mark.outcome, mark.authenticated, mark.issued, mark.consent_id) == ("found", True, "synthesised", "c0ffee")
    assert mark.payload is not None
    assert (mark.payload.hex, mark.payload.voiceprint, mark.payload.model_id) == ("1a2b3c4d", "5e", "abababab")
    assert mark.contradictions == examination.contradictions == ()
    assert examination.verdict.outcome == "supports_machine"
    assert examination.verdict.log10_lr == pytest.approx(3.0)
    assert exit_code(examination) == 10
    assert '"contradictions":[]' in examination.json_line()


def test_a_mark_that_was_put_on_a_recording_carries_no_lr(
    exhibit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(monkeypatch, FOUND)
    monkeypatch.setattr(watermark_voiceprint, "UNMARKED", 3000)
    place = register(tmp_path, monkeypatch, kind="embedded", consent_id=None)
    finding = found(exhibit, [KEY], place)
    assert (finding.outcome, finding.log10_lr) == ("consistent", None)
    examination = whole(exhibit, [KEY], place)
    assert examination.watermark.issued == "embedded"
    assert exit_code(examination) == 30


@pytest.mark.parametrize(
    ("answer", "keys"),
    [({"authenticated": None}, [KEY.public]), ({"authenticated": False, "payload": None}, [KEY])],
)
def test_what_is_not_authenticated_is_no_evidence_whatever_the_register_says(
    answer: dict[str, object],
    keys: list[WatermarkKey],
    exhibit: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered(monkeypatch, Detection(**{**FOUND.__dict__, **answer}))  # type: ignore[arg-type]
    examination = whole(exhibit, keys, register(tmp_path, monkeypatch))
    assert examination.findings[0].outcome == "inconclusive"
    assert examination.findings[0].log10_lr is None
    assert examination.watermark.issued is None
    assert not examination.watermark.shows_synthesis
    assert (examination.watermark.payload is None) == (answer["authenticated"] is False)


def test_without_the_register_a_mark_is_read_but_is_no_evidence(exhibit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answered(monkeypatch, FOUND)
    examination = whole(exhibit, [KEY], exhibit.with_name("none.jsonl"))
    assert examination.watermark.authenticated is True
    assert examination.findings[0].log10_lr is None
    assert "there is no issuance register" in examination.watermark.reasons[0]
    assert exit_code(examination) == 30


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"issuance_id": "00000001"}, "no such issuance"),
        ({"voiceprint_tag": "00"}, "names voiceprint 5e, the register 00"),
        ({"epoch": 7}, "another key or epoch"),
    ],
)
def test_mark_and_register_that_do_not_fit_are_a_contradiction(
    changed: dict[str, object], said: str, exhibit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(monkeypatch, FOUND)
    examination = whole(exhibit, [KEY], register(tmp_path, monkeypatch, **changed))
    assert len(examination.contradictions) == 1
    assert said in examination.contradictions[0]


def test_a_detector_that_fails_costs_only_its_own_answer(exhibit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(detector, "detect", broken)
    examination = whole(exhibit, [KEY])
    assert examination.watermark.outcome == "could_not_test"
    assert "RuntimeError" in examination.watermark.reasons[0]
    untested = Detection(0.0, 6.0, "could_not_test", reasons=("the sound is silence",))
    answered(monkeypatch, untested)
    assert found(exhibit, [KEY]).reasons == ("The sound is silence.",)


def test_when_it_is_not_asked_for_the_object_says_so(exhibit: Path) -> None:
    examination = examine(exhibit, load_battery(["signal.dc-offset"]), load_fusion())
    assert examination.watermark.outcome == "could_not_test"
    assert "not asked for" in examination.watermark.reasons[0]


def test_long_recordings_are_read_in_stretches_and_payloads_tried_where_the_score_is_highest(
    exhibit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_mark, "STRETCH_S", 0.5)
    asked: list[bool] = []
    scores = [1.0, 2.0, 7.0, 8.0, 1.0, 1.0]

    def one(samples: np.ndarray, rate: int, keys: Sequence[WatermarkKey]) -> Detection:
        full = keys[0].can_issue
        at = 3 if full else len(asked)
        asked.append(full)
        outcome = "found" if scores[at] >= 6 else "not_found"
        answer = {"payload": PAYLOAD, "authenticated": True} if full else {}
        segments = (Segment(0.1, 0.4, 8.0),) if outcome == "found" else ()
        scored = np.full(25, scores[at])
        return Detection(
            scores[at], 6.0, outcome, KEY.key_id, 0, frame_scores=scored, segments=segments, candidates_tried=9,
            **answer,  # type: ignore[arg-type]
        )  # fmt: skip

    monkeypatch.setattr(detector, "detect", one)
    with Exhibit.open(exhibit) as opened:
        reading = _mark.read_mark(opened.recording, [KEY])
    assert asked == [False] * 6 + [True]
    assert reading.mark.authenticated is True
    assert reading.mark.score == pytest.approx(np.sqrt(64 - 2 * np.log(6)), abs=1e-3)
    assert [(s.start_s, s.end_s) for s in reading.mark.segments] == [(1.1, 1.4), (1.6, 1.9)]
    assert reading.frame_scores is not None
    assert reading.frame_scores.tolist() == list(np.repeat(scores, 25))
    assert reading.candidates <= MAX_CANDIDATES


def test_a_score_that_one_stretch_of_many_has_by_chance_is_not_found(
    exhibit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_mark, "STRETCH_S", 0.1)
    answered(monkeypatch, Detection(6.2, 6.0, "found", KEY.key_id, 0, None, False, candidates_tried=400))
    with Exhibit.open(exhibit) as opened:
        reading = _mark.read_mark(opened.recording, [KEY])
    assert reading.mark.outcome == "not_found"
    assert reading.candidates <= MAX_CANDIDATES


def test_the_largest_lr_is_that_of_three_false_alarms_or_more() -> None:
    assert largest_log10_lr(3000, 0) == pytest.approx(log10(3000 / 3))
    assert largest_log10_lr(3000, 3) == pytest.approx(log10(3000 / 7.753657), abs=1e-4)
    assert largest_log10_lr(0, 0) is None
    assert largest_log10_lr(3, 0) is None
    assert largest_log10_lr(100, 100) is None


def test_the_bound_rests_on_the_false_alarms_that_the_validation_page_states() -> None:
    """Whoever writes the page anew puts its numbers into `UNMARKED` and `FALSE_ALARMS`."""
    page = (Path(__file__).parents[3] / "docs" / "validation" / "watermark.md").read_text(encoding="utf-8")
    line = re.search(r"False alarms pooled: ([0-9.]+) % \[([0-9.]+), ([0-9.]+)\] of ([0-9]+)", page)
    assert line is not None
    unmarked, alarms = watermark_voiceprint.UNMARKED, watermark_voiceprint.FALSE_ALARMS
    low, high = wilson_interval(alarms, unmarked)
    assert int(line[4]) == unmarked
    assert line.groups()[:3] == tuple(f"{100 * share:.3f}" for share in (alarms / unmarked, low, high))
    head, *rows = re.findall(r"^\| attack \| n \|.*(?:\n\|.*)+", page, re.MULTILINE)[0].splitlines()
    at = [cell.strip() for cell in head.split("|")].index("false alarms")
    cells = [[cell.strip() for cell in row.split("|")] for row in rows[1:]]
    counts = [(float(row[at].split(" %")[0]), int(row[at + 1])) for row in cells]
    assert sum(n for _, n in counts) == unmarked
    assert sum(round(share * n / 100) for share, n in counts) == alarms
    assert f"{unmarked} unmarked recordings" in _reason(unmarked, alarms)


def _reason(unmarked: int, alarms: int) -> str:
    """What the finding says of the bound, as the report prints it."""
    mark = Watermark(outcome="found", authenticated=True, issued="synthesised")
    _, lr, reasons = WatermarkVoiceprint()._weighed(_mark.Reading(mark))
    assert lr == pytest.approx(largest_log10_lr(unmarked, alarms), abs=1e-3)
    return reasons[-1]


DATA = Path(__file__).parents[2] / "data"
ISSUED, OTHER = DATA / "sense_and_sensibility_01_austen_64kb-0870.wav", DATA / "vm-intro.wav"


def contoured(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A register whose issuance is the sound of this file, and a detector that finds its mark in any sound."""
    answered(monkeypatch, replace(FOUND, segments=()))
    sound = read(path)
    return register(folder, monkeypatch, contour=contour_of(sound.samples, sound.rate).hex(), seconds=sound.seconds)


def test_a_mark_on_the_issued_sound_says_that_the_sound_agrees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    examination = whole(ISSUED, [KEY], contoured(ISSUED, tmp_path, monkeypatch))
    sound = examination.watermark.sound
    assert sound is not None
    assert (sound.outcome, sound.speed) == ("agrees", 1.0)
    assert sound.correlation is not None
    assert sound.correlation > 0.85
    assert examination.contradictions == ()
    assert examination.watermark.shows_synthesis
    assert examination.findings[0].log10_lr


def test_a_mark_on_another_sound_than_the_issued_one_is_a_contradiction_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examination = whole(OTHER, [KEY], contoured(ISSUED, tmp_path, monkeypatch))
    assert examination.watermark.sound is not None
    assert examination.watermark.sound.outcome == "differs"
    assert examination.watermark.authenticated
    assert examination.watermark.shows_synthesis
    assert examination.findings[0].outcome == "inconsistent"
    assert exit_code(examination) == 10
    assert len(examination.contradictions) == 1
    assert "the mark may have been copied here" in examination.contradictions[0]


@pytest.mark.parametrize(
    ("changed", "said"), [({}, "no contour"), ({"contour": "01ffff"}, "not of a form"), ({"contour": "xy"}, "hex")]
)
def test_without_a_contour_to_read_the_sound_is_not_compared_and_the_mark_counts(
    changed: dict[str, object], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(monkeypatch, replace(FOUND, segments=()))
    mark = whole(OTHER, [KEY], register(tmp_path, monkeypatch, **changed)).watermark
    assert mark.sound is not None
    assert mark.sound.outcome == "could_not_test"
    assert said in mark.sound.reasons[0]
    assert mark.shows_synthesis
