"""Roles, tokens and the gate: the whole matrix, every reason for a refusal, and that all of them are logged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from consent_material import RATE, Clock, Tones, consented, recorded, register_at, tone

from synth import access
from synth.access import (
    COMMANDS,
    PERMISSIONS,
    ROLES,
    AccessError,
    Role,
    authorise,
    create_token,
    given_token,
    permitted,
    revoke_token,
    tokens,
)
from synth.consent import SCOPES, Consent, ConsentError, revoke_consent
from synth.errors import VoxproofError
from synth.gate import admit, still_admitted
from synth.issuance import IssuanceRequest
from synth.matching import Heard
from synth.register import Register

UNTIL = datetime(2026, 4, 1, tzinfo=UTC)
ALLOWED = """
    researcher     clone r, embed r
    producer       clone ri, embed ri, read ri
    publisher      clone ric, embed ric, read ric
    registrar      consent ric, revoke ric, read ric
    auditor        read ric
    administrator  revoke ric, read ric, access ric
"""
"""The matrix once more, written out by hand; r, i and c are the scopes."""


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("VOXPROOF_ACTOR", "Ada")
    monkeypatch.delenv("VOXPROOF_TOKEN", raising=False)


@pytest.fixture
def register(tmp_path: Path) -> Register:
    return register_at(tmp_path, Clock())


@pytest.fixture
def consent(register: Register, tmp_path: Path) -> Consent:
    return consented(register, recorded(tmp_path / "ada.wav"))


def clock_of(register: Register) -> Clock:
    assert isinstance(register.clock, Clock)
    return register.clock


# Roles and tokens


def written_out() -> set[tuple[str, str, str]]:
    found = set()
    for line in ALLOWED.strip().splitlines():
        role, rest = line.split(maxsplit=1)
        for part in rest.split(","):
            command, letters = part.split()
            found |= {(role, scope, command) for scope in SCOPES if scope[0] in letters}
    return found


def test_the_matrix_is_the_one_written_out() -> None:
    every = set(product(ROLES, SCOPES, COMMANDS))
    assert len(every) == 6 * 3 * 6
    assert {one for one in every if permitted(*one)} == written_out()
    assert set(PERMISSIONS) == set(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_a_token_opens_what_its_role_may_and_nothing_else(role: Role, register: Register) -> None:
    text, token = create_token(register, "Robot", role, UNTIL)
    refused = 0
    for scope, command in product(SCOPES, COMMANDS):
        if (role, scope, command) in written_out():
            operator = authorise(register, text, command, scope)
            assert (operator.name, operator.token_id, operator.role) == ("Robot", token.token_id, role)
            continue
        refused += 1
        with pytest.raises(AccessError, match=f"the role {role} may not use {command} under the scope {scope}"):
            authorise(register, text, command, scope)
        entry = register.entries(access.REFUSED)[-1]
        assert (entry.actor, len(register.entries(access.REFUSED))) == ("Robot", refused)
        assert dict(entry.payload) == {
            "command": command, "scope": scope, "token_id": token.token_id,
            "reason": f"the role {role} may not use {command} under the scope {scope}",
        }  # fmt: skip
    assert refused == 18 - sum(one[0] == role for one in written_out())


def test_without_tokens_the_keys_holder_acts_and_with_one_everybody_needs_one(register: Register) -> None:
    operator = authorise(register, None, "clone", "commercial")
    assert (operator.name, operator.token_id, operator.role) == ("Ada", None, None)
    create_token(register, "Robot", "auditor", UNTIL)
    with pytest.raises(AccessError, match=r"has access tokens, and none was given\. Ask the register's administrator"):
        authorise(register, None, "clone", "research")


def test_the_token_is_kept_as_its_hash_only(register: Register) -> None:
    text, token = create_token(register, "Robot", "producer", UNTIL)
    secret = text.rpartition("_")[2] if text.count("_") == 2 else text[13:]
    log = register.path.read_text("utf-8")
    assert text not in log
    assert secret[:20] not in log
    assert token.sha256 in log
    assert len(text) >= 13 + 43


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
        lambda text: text + "A",
        lambda text: text[:-1],
        lambda text: "",
        lambda text: text.replace("vxp_", "vxp_0", 1)[: len(text)],
        lambda text: "vxp_00000000_" + text[13:],
        lambda text: "\udc80",
    ],
)
def test_another_token_is_none(register: Register, change: Callable[[str], str]) -> None:
    text, _ = create_token(register, "Robot", "publisher", UNTIL)
    with pytest.raises(AccessError, match="is not one of this register's"):
        authorise(register, change(text), "clone", "research")
    told = register.entries(access.REFUSED)[-1]
    assert (told.actor, told.payload["token_id"]) == ("Ada", None)


def test_tokens_expire_and_are_revoked(register: Register) -> None:
    text, token = create_token(register, "Robot", "publisher", UNTIL)
    other, second = create_token(register, "Second", "publisher", datetime(2027, 1, 1, tzinfo=UTC))
    assert [state for _, state in tokens(register)] == ["valid", "valid"]
    clock_of(register).moment = UNTIL
    authorise(register, text, "clone", "commercial")
    clock_of(register).forward(seconds=1)
    with pytest.raises(AccessError, match=f"the access token {token.token_id} is expired"):
        authorise(register, text, "clone", "commercial")
    revoke_token(register, second.token_id)
    with pytest.raises(AccessError, match=f"the access token {second.token_id} is revoked"):
        authorise(register, other, "clone", "commercial")
    assert [state for _, state in tokens(register)] == ["expired", "revoked"]
    for wrong, why in (("00000000", "there is no token"), (second.token_id, "was revoked already")):
        with pytest.raises(VoxproofError, match=why):
            revoke_token(register, wrong)
    with pytest.raises(VoxproofError, match=r"'boss' is no role\. Use one of researcher, "):
        create_token(register, "Robot", "boss", datetime(2027, 1, 1, tzinfo=UTC))
    with pytest.raises(VoxproofError, match="has expired already"):
        create_token(register, "Robot", "auditor", UNTIL)
    with pytest.raises(VoxproofError, match="needs a name"):
        create_token(register, " ", "auditor", datetime(2027, 1, 1, tzinfo=UTC))


def test_a_token_comes_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert given_token() is None
    monkeypatch.setenv("VOXPROOF_TOKEN", " abc\n")
    (tmp_path / "token").write_text("def\n")
    assert (given_token(), given_token(tmp_path / "token")) == ("abc", "def")
    with pytest.raises(VoxproofError, match="the token cannot be read"):
        given_token(tmp_path / "none")


# The gate


def request(consent: Consent | None, *references: Heard, **changes: Any) -> IssuanceRequest:
    facts: dict[str, Any] = {"scope": "internal", "languages": ("en",), "text_sha256": "cd" * 32}
    return IssuanceRequest("synthesised", consent=consent, references=references, **{**facts, **changes})


def heard(hertz: float, seed: int = 0) -> Heard:
    return Heard(tone(hertz, seed=seed), RATE)


def refused(register: Register, asked: IssuanceRequest, why: str) -> None:
    """It is refused for this reason, and the refusal is the last entry."""
    before = len(register.entries())
    with pytest.raises((ConsentError, AccessError), match=why) as error:
        admit(register, asked, Tones())
    entries = register.entries()
    assert len(entries) == before + 1
    assert entries[-1].action in ("issuance.refused", "access.refused")
    assert entries[-1].payload["reason"] == error.value.cause
    assert entries[-1].payload["scope"] == asked.scope


def test_what_the_consent_covers_passes(register: Register, consent: Consent, tmp_path: Path) -> None:
    same, lossless = Heard.read(tmp_path / "ada.wav"), replace(Heard.read(tmp_path / "ada.wav"), file_sha256=None)
    for scope, languages in product(("research", "internal"), (("en",), ("zh",), ("en", "zh"))):
        asked = request(consent, same, lossless, heard(300, seed=9), scope=scope, languages=languages)
        assert admit(register, asked, Tones()).matched == ("hash", "hash", "voice")
    assert len(register.entries()) == 2


def test_what_it_does_not_cover_is_refused_and_logged(register: Register, consent: Consent) -> None:
    voice = heard(300, seed=9)
    refused(register, request(None, voice), "no voice is cloned without a consent")
    refused(register, request(consent, voice, scope="commercial"), "is for internal use, not commercial")
    refused(register, request(consent, voice, languages=("en", "ja")), "is for en, zh, not ja")
    refused(register, request(consent, voice, languages=()), "has to say in which languages it speaks")
    refused(register, request(consent), "has to say from which recordings the voice is taken")
    refused(
        register,
        request(consent, heard(2000)),
        r"is not the voice of the consent \w+ \(similarity 0\.0\d, at least 0\.80",
    )
    refused(register, request(consent, voice, heard(2000)), "is not the voice of the consent")
    forged = consent.model_copy(update={"scope": "commercial"})
    refused(register, request(forged, voice, scope="commercial"), "was changed after it was signed")
    clock_of(register).moment = datetime(2026, 6, 30, tzinfo=UTC)
    admit(register, request(consent, voice), Tones())
    clock_of(register).forward(seconds=1)
    refused(register, request(consent, voice), "expired at 2026-06-30T00:00:00Z")


def test_a_revoked_consent_and_one_of_another_register_are_refused(register: Register, consent: Consent) -> None:
    voice = heard(300, seed=9)
    revoke_consent(register, consent.consent_id)
    refused(register, request(consent, voice), "was revoked at")
    with pytest.raises(ConsentError, match="was revoked at"):
        still_admitted(register, request(consent, voice))
    other = register_at(register.path.parent / "home", Clock())
    refused(other, request(consent, voice), "is not in this register")


def test_another_speaker_model_cannot_compare(register: Register, consent: Consent, tmp_path: Path) -> None:
    class Newer(Tones):
        model = "cd" * 32

    for voices in (Newer(), None):
        with pytest.raises(ConsentError, match="the consent was made with another speaker model"):
            admit(register, request(consent, heard(300, seed=9)), voices)
        assert admit(register, request(consent, Heard.read(tmp_path / "ada.wav")), voices).matched == ("hash",)


def test_a_mark_on_a_recording_needs_no_consent_but_a_given_one_must_cover_it(
    register: Register, consent: Consent
) -> None:
    assert admit(register, IssuanceRequest("embedded"), None).matched == ()
    assert admit(register, IssuanceRequest("embedded", consent=consent, scope="internal"), None).matched == ()
    asked = IssuanceRequest("embedded", consent=consent, scope="commercial")
    refused(register, asked, "is for internal use, not commercial")


def test_role_consent_and_scope_have_to_agree(register: Register, consent: Consent) -> None:
    for role in ROLES:
        text, token = create_token(register, "Robot", role, UNTIL)
        for scope in SCOPES:
            asked = request(consent, heard(300, seed=9), scope=scope, token=text)
            if (role, scope, "clone") not in written_out():
                refused(register, asked, f"the role {role} may not use clone under the scope {scope}")
            elif scope == "commercial":
                refused(register, asked, "is for internal use, not commercial")
                assert register.entries()[-1].payload["token_id"] == token.token_id
            else:
                assert admit(register, asked, Tones()).operator.token_id == token.token_id


def test_no_secret_is_in_what_is_printed(register: Register) -> None:
    text, _ = create_token(register, "Robot", "publisher", UNTIL)
    asked = IssuanceRequest("embedded", token=text)
    assert text[13:] not in repr(asked)
