"""Consents: every field is signed, words are checked where that is possible, revocation is for good."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from consent_material import ISSUER, Clock, consented, recorded, register_at
from hypothesis import given
from hypothesis import strategies as st

from synth import spoken_words
from synth.canonical import canonical
from synth.challenge import new_challenge
from synth.consent import (
    SCOPES,
    Consent,
    ConsentError,
    consent_state,
    kept_copy,
    known_languages,
    parsed_consent,
    read_consent,
    require_registered,
    revoke_consent,
    signed_message,
    widest_scope,
)
from synth.errors import VoxproofError
from synth.ledger import LedgerError
from synth.signing import SigningKey
from synth.spoken_words import edits, split
from synth.utc import end_of, stamp, when


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def spoken(tmp_path: Path) -> Consent:
    """One with a spoken sentence, whose words a recogniser heard."""
    register = register_at(tmp_path)
    made = new_challenge(register)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            spoken_words, "recognisers", lambda: [("toy", lambda samples, rate, sentence, language: sentence)]
        )
        return consented(
            register, recorded(tmp_path / "ada.wav"), challenge_id=made.challenge_id,
            spoken=recorded(tmp_path / "said.wav", seed=3),
        )  # fmt: skip


def test_a_consent_holds_what_was_found(spoken: Consent, tmp_path: Path) -> None:
    assert (spoken.subject, spoken.scope, spoken.languages) == ("Ada Example", "internal", ("en", "zh"))
    assert (spoken.created, spoken.until) == ("2026-03-01T09:00:00Z", "2026-06-30T00:00:00Z")
    assert (spoken.reference.name, spoken.reference.seconds, spoken.reference.sample_rate) == ("ada.wav", 1.0, 8000)
    assert (spoken.voiceprint.model, spoken.voiceprint.threshold) == ("ab" * 32, 0.8)
    assert len(bytes.fromhex(spoken.voiceprint.quantised)) == 32
    assert spoken.spoken is not None
    assert spoken.spoken.words.model_dump() == {
        "checked": True, "recogniser": "toy", "agreement": 1.0, "right": True,
        "detail": f"100% of {len(split(spoken.spoken.sentence))} words as wanted",
    }  # fmt: skip
    (tmp_path / "c.json").write_text(spoken.text, "utf-8")
    assert read_consent(tmp_path / "c.json") == spoken


# Tampering


def places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every member and item, containers included."""
    if at:
        yield at
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*at, key))


def changed(value: Any) -> list[Any]:
    """Other values than this one, of the same type and of others."""
    if isinstance(value, bool):
        return [not value, None]
    if isinstance(value, int | float):
        return [value + 1, value - 0.001, 0, None, str(value)]
    if isinstance(value, str):
        return [value + "x", value[:-1], "", None, value.upper() if value.upper() != value else value.lower() + " "]
    if isinstance(value, list):
        return [value + value, value[:-1], [], ["any"], list(reversed(value))]
    return [{}, None, {**value, "further": 1}]


def test_every_change_of_every_field_is_found(spoken: Consent) -> None:
    fields = spoken.as_json()
    tried = 0
    for at in places(fields):
        *way, last = at
        original: Any = fields
        for step in at:
            original = original[step]
        for value in changed(original):
            if value == original and type(value) is type(original):
                continue
            forged = copy.deepcopy(fields)
            inner: Any = forged
            for step in way:
                inner = inner[step]
            inner[last] = value
            with pytest.raises(ConsentError, match=r"this is no consent|was changed after it was signed"):
                parsed_consent(canonical(forged).encode())
            tried += 1
        forged = copy.deepcopy(fields)
        inner = forged
        for step in way:
            inner = inner[step]
        del inner[last]
        with pytest.raises(ConsentError):
            parsed_consent(canonical(forged).encode())
        tried += 1
    assert tried > 150


def test_a_consent_signed_with_another_key_is_not_in_the_register(tmp_path: Path, spoken: Consent) -> None:
    register = register_at(tmp_path)
    thief = SigningKey.generate()
    fields = {**spoken.as_json(), "scope": "commercial", "key_id": thief.key_id, "public_key": thief.public.hex}
    forged = parsed_consent(canonical({**fields, "signature": thief.sign(signed_message(fields))}).encode())
    with pytest.raises(ConsentError, match="is another than the one registered"):
        require_registered(register, forged)
    require_registered(register, spoken)
    with pytest.raises(ConsentError, match="is not in this register"):
        require_registered(register_at(tmp_path / "home"), spoken)


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{}", "{", '{"schema":"voxproof.consent/1"}', '{"schema":"x","schema":"x"}', "\ud800"]
)
def test_other_files_are_no_consents(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ConsentError, match="this is no consent"):
        read_consent(tmp_path / "c.json")
    with pytest.raises(ConsentError, match=r"cannot be read .*`voxproof consent create` makes one"):
        read_consent(tmp_path / "none.json")


# Words


def test_other_words_are_refused_and_the_challenge_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register = register_at(tmp_path)
    made = new_challenge(register)
    voice, said = recorded(tmp_path / "a.wav"), recorded(tmp_path / "said.wav", seed=3)
    monkeypatch.setattr(spoken_words, "recognisers", lambda: [("toy", lambda *_: "good morning to all of you")])
    with pytest.raises(
        ConsentError, match=r"other words were spoken than the challenge's \(0% of \d\d words as wanted\)"
    ):
        consented(register, voice, challenge_id=made.challenge_id, spoken=said)

    def fails(*_: object) -> str:
        raise RuntimeError("no model")

    for found, why in (
        ([("toy", fails)], "the recogniser toy failed (RuntimeError)"),
        ([], "no recogniser is installed"),
    ):
        monkeypatch.setattr(spoken_words, "recognisers", lambda found=found: found)
        consent = consented(register, voice, challenge_id=made.challenge_id, spoken=said)
        assert consent.spoken is not None
        assert (consent.spoken.words.checked, consent.spoken.words.detail) == (False, why)
        made = new_challenge(register)


def test_words_are_split_and_compared() -> None:
    assert split("Twenty-one QUIET painters; Été!") == ["twenty", "one", "quiet", "painters", "été"]
    assert split("76位好奇的") == ["76", "位", "好", "奇", "的"]
    assert edits("kitten", "sitting") == 3
    assert edits("", "abc") == edits("abc", "") == 3


@given(st.text("ab", max_size=6), st.text("ab", max_size=6), st.text("ab", max_size=6))
def test_edits_are_a_distance(a: str, b: str, c: str) -> None:
    assert edits(a, b) == edits(b, a)
    assert (edits(a, b) == 0) == (a == b)
    assert edits(a, c) <= edits(a, b) + edits(b, c)
    assert abs(len(a) - len(b)) <= edits(a, b) <= max(len(a), len(b))


# Scope, languages, time


def test_scopes_contain_one_another(spoken: Consent) -> None:
    assert SCOPES == ("research", "internal", "commercial")
    assert [spoken.allows_scope(scope) for scope in SCOPES] == [True, True, False]
    assert widest_scope(" Internal, research") == "internal"
    assert widest_scope("commercial") == "commercial"
    for wrong in ("", "all", "internal,secret"):
        with pytest.raises(ConsentError, match=r"is no scope\. Use one of research, internal, commercial"):
            widest_scope(wrong)


def test_languages_are_codes_or_any(spoken: Consent) -> None:
    assert [spoken.allows_language(one) for one in ("en", "zh", "ja", "any")] == [True, True, False, False]
    assert known_languages([]) == ("any",)
    assert known_languages(["zh,EN", "en"]) == ("en", "zh")
    for wrong in (["english"], ["en", "any"], ["e"], [""]):
        with pytest.raises(ConsentError, match="is no language"):
            known_languages(wrong)
    everything = spoken.model_copy(update={"languages": ("any",)})
    assert everything.allows_language("ja")


def test_a_consent_ends_with_its_date(spoken: Consent, tmp_path: Path) -> None:
    assert not spoken.expired(datetime(2026, 6, 30, tzinfo=UTC))
    assert spoken.expired(datetime(2026, 6, 30, 0, 0, 1, tzinfo=UTC))
    assert stamp(end_of("2026-06-30")) == "2026-06-30T23:59:59Z"
    assert stamp(end_of("2026-06-30T12:00:00+02:00")) == "2026-06-30T10:00:00Z"
    assert stamp(end_of("2026-06-30T12:00")) == "2026-06-30T12:00:00Z"
    assert when("2026-06-30T10:00:00Z") == datetime(2026, 6, 30, 10, tzinfo=UTC)
    for wrong in ("tomorrow", "2026-02-30", "", "9999-12-31T23:59:59-10:00"):
        with pytest.raises(VoxproofError, match="is no date"):
            end_of(wrong)
    for wrong in ("2026-06-30T10:00:00", "2026-6-30T10:00:00Z", "x"):
        with pytest.raises(VoxproofError, match="is no time"):
            when(wrong)
    with pytest.raises(ConsentError, match="has expired already"):
        consented(register_at(tmp_path), tmp_path / "ada.wav", until=datetime(2026, 3, 1, 9, tzinfo=UTC))


def test_the_subject_has_a_name_and_enough_speech(tmp_path: Path) -> None:
    register = register_at(tmp_path)
    with pytest.raises(VoxproofError, match="too little speech"):
        consented(register, recorded(tmp_path / "short.wav", seconds=0.2))
    assert len(register.entries()) == 1


# Register


def test_revocation_is_for_good(spoken: Consent, tmp_path: Path) -> None:
    clock = Clock()
    register = register_at(tmp_path, clock)
    assert kept_copy(register, spoken.consent_id) == spoken
    clock.forward(days=1)
    revoke_consent(register, spoken.consent_id, "she asked for it")
    state = consent_state(register, spoken.consent_id)
    assert state.created is not None
    assert state.created.startswith("2026-03-01")
    assert state.revoked is not None
    assert state.revoked.startswith("2026-03-02")
    assert state.reason == "she asked for it"
    with pytest.raises(ConsentError, match="was revoked at 2026-03-02"):
        require_registered(register, spoken)
    with pytest.raises(ConsentError, match="was revoked already"):
        revoke_consent(register, spoken.consent_id)
    with pytest.raises(ConsentError, match="there is no consent 0000000000000000"):
        revoke_consent(register, "0" * 16)
    lines = register.path.read_bytes().splitlines(keepends=True)
    register.path.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(LedgerError):
        require_registered(register, spoken)


def test_the_register_holds_no_name(spoken: Consent, tmp_path: Path) -> None:
    register = register_at(tmp_path)
    assert "Ada Example" not in register.path.read_text("utf-8")
    (copy_,) = (tmp_path / "consents").iterdir()
    assert copy_.stat().st_mode & 0o777 == 0o600
    copy_.unlink()
    assert kept_copy(register, spoken.consent_id) is None
    assert json.loads(spoken.text)["key_id"] == ISSUER.key_id
