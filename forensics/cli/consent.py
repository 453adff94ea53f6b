"""`voxproof consent`: a sentence to be spoken, a signed consent, what it says, and its revocation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from forensics.cli.issuer import (
    AS_JSON,
    REGISTER,
    TOKEN,
    authorised,
    continued,
    plain_errors,
    print_json,
    print_rows,
)

if TYPE_CHECKING:
    from synth.consent import Consent
    from synth.register import Register


@click.group()
def consent() -> None:
    """Whose voice may be cloned, for what, until when: signed records of consent.

    \b
    voxproof consent challenge                          a one-time sentence for the subject to speak
    voxproof consent create --subject NAME --recording REF.wav --scope SCOPE --until DATE -o consent.json
    voxproof consent show consent.json
    voxproof consent revoke consent.json
    """


@consent.command()
@click.option("--language", default="en", show_default=True, help="Language of the sentence: en, zh, yue, ja or ko.")
@click.option("--hours", default=24.0, show_default=True, help="How long it may be answered.")
@REGISTER
@TOKEN
@AS_JSON
@plain_errors
def challenge(language: str, hours: float, place: Path | None, token_file: Path | None, as_json: bool) -> None:
    """Print a one-time sentence for the subject to speak, and keep it until it is used, once.

    The first call opens the issuance register and makes the issuer's key.
    """
    from dataclasses import asdict
    from datetime import timedelta

    from synth.challenge import new_challenge
    from synth.errors import VoxproofError

    if not 0 < hours <= 24 * 31:
        raise VoxproofError("a challenge is valid for more than 0 and at most 744 hours")
    register = continued(place)
    authorised(register, token_file, "consent", "research")
    made = new_challenge(register, language, timedelta(hours=hours))
    if as_json:
        print_json({"schema": "voxproof.challenge/1", **asdict(made)})
        return
    click.echo(made.sentence)
    click.echo()
    click.echo(f"Challenge {made.challenge_id}, to be spoken before {made.until}, once. Record it, then:")
    click.echo(f"  voxproof consent create … --challenge {made.challenge_id} --spoken SPOKEN.wav -o consent.json")


@consent.command()
@click.option("--subject", required=True, metavar="NAME", help="Whose voice it is.")
@click.option(
    "--recording", required=True, metavar="REF.wav", type=click.Path(path_type=Path),
    help="The recording of the voice that is consented to, of the subject alone.",
)  # fmt: skip
@click.option(
    "--scope", required=True, help="The widest use: research, internal or commercial; each contains those before it."
)
@click.option("--until", required=True, metavar="DATE", help="Last day of its validity (UTC), e.g. 2027-03-31.")
@click.option(
    "--language", "languages", multiple=True, metavar="CODE",
    help="A language the voice may speak (en, zh, yue, ja, ko, …); repeatable. Without it: any.",
)  # fmt: skip
@click.option("--challenge", "challenge_id", metavar="ID", help="The challenge that was spoken; needs --spoken.")
@click.option("--spoken", metavar="SPOKEN.wav", type=click.Path(path_type=Path), help="The recording of it.")
@click.option("-o", "--out", required=True, metavar="FILE", type=click.Path(path_type=Path), help="The consent file.")
@REGISTER
@TOKEN
@AS_JSON
@plain_errors
def create(
    subject: str, recording: Path, scope: str, until: str, languages: tuple[str, ...], challenge_id: str | None,
    spoken: Path | None, out: Path, place: Path | None, token_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Make a signed consent: reference recording, voiceprint, spoken sentence, scope, languages, expiry.

    With --challenge and --spoken the sentence must be the same voice as the reference and, where a recogniser is
    installed, the words of the challenge. Without them the consent says that no sentence was spoken.
    """
    from synth.consent import widest_scope
    from synth.enrolment import create_consent
    from synth.errors import VoxproofError
    from synth.ledger_file import replace_file
    from synth.matching import ShippedVoices
    from synth.utc import end_of

    widest, end = widest_scope(scope), end_of(until)
    if out.exists():
        raise VoxproofError(
            "there is a file of this name", path=out, cure="A consent is never replaced; choose another."
        )
    if not out.parent.is_dir():
        raise VoxproofError("its folder does not exist", path=out)
    register = continued(place)
    authorised(register, token_file, "consent", widest)
    made = create_consent(
        register, subject, recording, scope, end, languages=languages, challenge_id=challenge_id, spoken=spoken,
        voices=ShippedVoices(),
    )  # fmt: skip
    try:
        replace_file(out, made.text.encode(), 0o600)
    except OSError as error:
        cure = f"The consent {made.consent_id} was made; its copy is in {register.path.parent / 'consents'}."
        raise VoxproofError(f"it cannot be written ({error.strerror})", path=out, cure=cure) from None
    if as_json:
        print_json(made.as_json())
        return
    _show(made, register)
    click.echo(f"Written to {out}; registered in {register.path}.")


@consent.command()
@click.argument("what", metavar="FILE|ID")
@REGISTER
@AS_JSON
@plain_errors
def show(what: str, place: Path | None, as_json: bool) -> None:
    """Check a consent's signature and show what it says, and whether it is registered, expired or revoked.

    ID shows the copy kept beside the register.
    """
    register = _register_if_any(place)
    found = _named(what, register)
    if as_json:
        print_json({"consent": found.as_json(), "state": _state(found, register)})
    else:
        _show(found, register)


@consent.command()
@click.argument("what", metavar="FILE|ID")
@click.option("--reason", default="", help="Why, for the register.")
@REGISTER
@TOKEN
@AS_JSON
@plain_errors
def revoke(what: str, reason: str, place: Path | None, token_file: Path | None, as_json: bool) -> None:
    """Revoke a consent for good. What was issued before stays marked and registered."""
    from synth.consent import revoke_consent
    from synth.register import Register

    Register.open(place)
    register = continued(place)
    consent_id = what if _is_id(what) else _named(what, register).consent_id
    authorised(register, token_file, "revoke", "research")
    revoke_consent(register, consent_id, reason)
    if as_json:
        print_json({"schema": "voxproof.revocation/1", "consent_id": consent_id, "reason": reason})
    else:
        click.echo(f"The consent {consent_id} is revoked: no voice is cloned with it any more.")


def _register_if_any(place: Path | None) -> Register | None:
    from synth.register import Register, register_path

    return Register.open(place) if place is not None or register_path().exists() else None


def _is_id(what: str) -> bool:
    return len(what) == 16 and all(sign in "0123456789abcdef" for sign in what)


def _named(what: str, register: Register | None) -> Consent:
    """The consent of a file or an id."""
    from synth.consent import ConsentError, kept_copy, read_consent

    if not _is_id(what) or Path(what).exists():
        return read_consent(what)
    found = None if register is None else kept_copy(register, what)
    if found is None:
        raise ConsentError(f"no copy of the consent {what} is kept beside the register", cure="Give its file.")
    return found


def _state(found: Consent, register: Register | None) -> dict[str, Any]:
    """What time and the register say of it."""
    from synth.consent import consent_state
    from synth.ledger import same_digest
    from synth.register import now

    state = None if register is None else consent_state(register, found.consent_id)
    known = state is not None and state.sha256 is not None and same_digest(state.sha256, found.sha256)
    revoked = state.revoked if state is not None and known else None
    expired = found.expired(now() if register is None else register.clock())
    return {
        "signature": "valid",
        "registered": known,
        "expired": expired,
        "revoked": revoked,
        "reason": state.reason if state is not None and known else "",
        "usable": known and not expired and revoked is None,
    }


def _show(found: Consent, register: Register | None) -> None:
    state, spoken = _state(found, register), found.spoken
    words = "" if spoken is None else spoken.words.detail
    if spoken is not None and not spoken.words.checked:
        words = f"not checked: {words}"
    standing = (
        f"revoked at {state['revoked']}" if state["revoked"]
        else "expired" if state["expired"]
        else "valid" if state["registered"]
        else "signed, but not in this register"
    )  # fmt: skip
    print_rows(
        [
            ("consent", found.consent_id),
            ("state", standing),
            ("reason", state["reason"]),
            ("subject", found.subject),
            ("scope", found.scope),
            ("languages", ", ".join(found.languages)),
            ("made", found.created),
            ("until", found.until),
            ("reference", f"{found.reference.name}, {found.reference.seconds:.2f} s, SHA-256 {found.reference.sha256}"),
            ("voiceprint", f"{found.voiceprint.quantised[:16]}…, model {found.voiceprint.model[:16]}…"),
            ("spoken", f'"{spoken.sentence}"' if spoken else "no sentence was spoken: the subject was not identified"),
            (
                "same voice",
                f"similarity {spoken.similarity:.2f}, at least {found.voiceprint.threshold:.2f}" if spoken else None,
            ),
            ("words", words),
            ("signed by", found.key_id),
        ]
    )
