"""The gate for references on real recordings: what passes, what is advised, what is refused, what may be accepted."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from consent_material import register_at

from synth.audio import read, write
from synth.channels import Noise
from synth.errors import VoxproofError
from synth.issuance import MADE, Issuance, find, register_issuance
from synth.matching import Heard
from synth.measures import Activity
from synth.reference_findings import ReferenceFindings
from synth.reference_gate import (
    LEAST_SNR_DB,
    LONGEST_S,
    MARGIN_S,
    PAUSE_S,
    SHORTEST_S,
    Passage,
    UnfitReferenceError,
    fit_reference,
    passages,
)
from synth.register_audit import verify_register

DATA = Path(__file__).parents[1] / "data"
RATE = 16_000
AUSTEN = DATA / "sense_and_sensibility_01_austen_64kb-0870.wav"
LONG = [DATA / f"sense_and_sensibility_01_austen_64kb-{n}.wav" for n in ("0870", "0880", "0890", "0930")]
Sound = np.ndarray[Any, np.dtype[np.float32]]


def sound(path: Path) -> Sound:
    return read(path, rate=RATE).mono


def judged(folder: Path, samples: Sound, **how: Any) -> Passage:
    write(folder / "reference.wav", samples, RATE)
    return fit_reference(folder / "reference.wav", **how)


def refused(folder: Path, samples: Sound, **how: Any) -> str:
    with pytest.raises(UnfitReferenceError) as caught:
        judged(folder, samples, **how)
    return str(caught.value).removeprefix(f"{folder / 'reference.wav'}: cannot be the reference: ")


def test_a_clean_recording_of_one_voice_is_taken_whole() -> None:
    passage = fit_reference(AUSTEN, whole=True)
    found = passage.findings
    assert (passage.remarks, found.advice, found.accepted) == ((), (), ())
    assert (found.start_s, found.end_s, found.file_seconds) == (0.0, 7.1, 7.1)
    assert found.snr_db == pytest.approx(31.0, abs=0.1)
    assert found.speech_seconds == pytest.approx(6.56, abs=0.1)
    assert found.likeness is not None
    assert found.likeness > 0.6
    heard = Heard.read(AUSTEN)
    assert (found.file_sha256, found.samples_sha256) == (heard.file_sha256, heard.samples_sha256)
    assert np.array_equal(passage.heard.samples, heard.samples)
    assert passage.heard.file_sha256 == heard.file_sha256


def test_noise_is_advised_then_refused_then_accepted_on_request(tmp_path: Path) -> None:
    advised = judged(tmp_path, Noise(18.0).transmit(sound(AUSTEN), RATE, 1))
    assert (advised.findings.advice, advised.findings.accepted) == (("noise",), ())
    assert advised.findings.snr_db == pytest.approx(18, abs=1)
    (remark,) = advised.remarks
    assert remark.cause == f"its speech is {advised.findings.snr_db} dB above the noise (20 dB or more are better)"
    noisy = Noise(12.0).transmit(sound(AUSTEN), RATE, 1)
    why = refused(tmp_path, noisy)
    assert why.startswith(
        "its speech is 12.0 dB above the noise (at least 15 dB are needed). Record it in a quiet room"
    )
    assert "--accept-noise; the issuance will say so." in why
    accepted = judged(tmp_path, noisy, accept=("noise",)).findings
    assert (accepted.advice, accepted.accepted) == ((), ("noise",))
    assert accepted.snr_db is not None
    assert accepted.snr_db < LEAST_SNR_DB


def test_clipping_is_advised_and_much_of_it_refused(tmp_path: Path) -> None:
    little = judged(tmp_path, np.clip(3 * sound(AUSTEN), -1, 1)).findings
    assert little.advice == ("clipping",)
    assert 1e-4 < little.clipped_fraction < 0.01
    much = np.clip(8 * sound(AUSTEN), -1, 1)
    assert refused(tmp_path, much).startswith("5.57% of its samples are clipped (at most 1% is allowed). Record it at")
    assert judged(tmp_path, much, accept=("clipping",)).findings.accepted == ("clipping",)


def test_a_second_voice_is_refused_whatever_is_accepted(tmp_path: Path) -> None:
    man = np.concatenate([sound(DATA / f"00{n}.wav") for n in range(1, 6)])
    both = np.concatenate([sound(DATA / "vm-intro.wav")[: 5 * RATE], man[: round(4.9 * RATE)]])
    why = refused(tmp_path, both, accept=("noise", "clipping"))
    assert why.startswith("it seems to hold more than one voice (likeness -0.")
    with pytest.raises(VoxproofError, match="only clipping and noise of a reference can be accepted"):
        judged(tmp_path, both, accept=("voices",))


def test_too_short_or_without_speech_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, sound(DATA / "002.wav")) == (
        "it is 2.0 s long (3 to 10 s are needed). Record some sentences more."
    )
    assert refused(tmp_path, np.zeros(5 * RATE, np.float32)).startswith("it holds 0.0 s of speech (at least 1 s are")


def test_of_a_longer_recording_the_best_passage_is_taken_unless_its_text_is_given(tmp_path: Path) -> None:
    parts = [sound(path) for path in LONG]
    parts[0] = Noise(8.0).transmit(parts[0], RATE, 1)
    passage = judged(tmp_path, np.concatenate(parts))
    found = passage.findings
    assert found.start_s > 6.5  # behind the noise
    assert SHORTEST_S <= found.end_s - found.start_s <= LONGEST_S
    assert (found.advice, found.accepted) == ((), ())
    assert found.snr_db is not None
    assert found.snr_db > 30
    whole = read(tmp_path / "reference.wav").mono
    start = round(found.start_s * RATE)
    assert np.array_equal(passage.heard.samples, whole[start : start + len(passage.heard.samples)])
    assert passage.heard.file_sha256 is None
    assert passage.heard.samples_sha256 == found.samples_sha256
    why = refused(tmp_path, np.concatenate(parts), whole=True)
    assert why.startswith(f"it is {len(whole) / RATE:.1f} s long (3 to 10 s are needed). Cut recording and text to one")
    drowned = Noise(8.0).transmit(np.concatenate(parts), RATE, 1)
    assert " s, its best passage, its speech is " in refused(tmp_path, drowned)


def activity(speech: list[tuple[float, float]], seconds: float) -> Activity:
    mask = np.zeros(round(seconds / 0.02), bool)
    for start, end in speech:
        mask[round(start / 0.02) : round(end / 0.02)] = True
    return Activity(mask * 0.0, mask, -60.0, -20.0, 40.0, mask.sum() * 0.02, seconds, 0.0, 0.0, 0.5, (0.0,))


def test_passages_lie_between_pauses_and_never_twice() -> None:
    turns = [(i + 0.5, i + 1.2) for i in range(60)]
    found = passages(activity(turns, 61.0))
    assert len(found) == 7
    for start, end in found:
        assert SHORTEST_S <= end - start <= LONGEST_S
        assert all(start <= a - 0.14 or start > b for a, b in turns)
        assert all(end >= b + 0.14 or end < a for a, b in turns)
    ordered = sorted(found)
    assert all(a[1] <= b[0] for a, b in pairwise(ordered))
    talk = passages(activity([(2.0, 40.0)], 41.0))
    assert talk == [(2.0 - MARGIN_S, 12.0 - MARGIN_S)]
    assert passages(activity([], 30.0)) == [(0.0, LONGEST_S)]
    assert PAUSE_S < 0.3


FINDINGS = ReferenceFindings(
    file_sha256="ab" * 32, samples_sha256="cd" * 32, start_s=0.0, end_s=7.1, file_seconds=7.1, speech_seconds=6.5,
    snr_db=12.0, clipped_fraction=0.0, likeness=0.7, accepted=("noise",),
)  # fmt: skip


def test_the_register_keeps_what_was_accepted_and_reads_entries_from_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    made: dict[str, Any] = {
        "issuance_id": "00000001", "kind": "embedded", "scope": "internal", "languages": ("en",),
        "consent_id": None, "voiceprint_tag": None, "models": {}, "text_sha256": None, "source_sha256": None,
        "scheme": 1, "key_id": "12" * 8, "epoch": 0, "payload_carried": True, "seconds": 2.5, "sample_rate": 32000,
        "channels": 1, "output_sha256": None, "output": "samples", "score": 9.5, "threshold": 4.0, "token_id": None,
    }  # fmt: skip
    register = register_at(tmp_path)
    register.append(MADE, {**made, "languages": ["en"], "notes": [], "contour": None}, "Ada")  # as it was written once
    register_issuance(register, Issuance(**{**made, "issuance_id": "00000002"}, reference_findings=(FINDINGS,)), "Ada")
    before, after = find(register)
    assert before.issuance.reference_findings == ()
    assert after.issuance.reference_findings == (FINDINGS,)
    assert verify_register(register).problems == ()
