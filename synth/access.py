"""Access tokens: who may do what under which scope, until when; what is refused is logged.

`PERMISSIONS` is the whole of it: role x command -> the widest scope. Nothing that is not in it is allowed. A token is
random, shown once, and kept in the register as its SHA-256 only (it has 256 bits of chance: nothing is gained by a slow
hash). As long as a register has no token, whoever holds the issuer's key acts; from the first token on, every command
that issues needs one. Creating and revoking tokens always needs the issuer's key, which stands above all roles.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

from synth.consent import SCOPES, Scope
from synth.errors import VoxproofError
from synth.ledger import same_digest
from synth.places import actor_name
from synth.record import Record
from synth.register import Register, member
from synth.utc import stamp, when

VARIABLE = "VOXPROOF_TOKEN"
CREATED, REVOKED, REFUSED = "token.created", "token.revoked", "access.refused"
_TOKEN = re.compile(r"vxp_([0-9a-f]{8})_[A-Za-z0-9_-]{43}")

Role = Literal["researcher", "producer", "publisher", "registrar", "auditor", "administrator"]
Command = Literal["clone", "embed", "consent", "revoke", "read", "access"]
ROLES: tuple[Role, ...] = get_args(Role)
COMMANDS: Mapping[Command, str] = {
    "clone": "speak in a consented voice",
    "embed": "mark a recording",
    "consent": "make a challenge or a consent",
    "revoke": "revoke a consent",
    "read": "look consents and issuances up through a service",
    "access": "create and revoke tokens through a service",
}
PERMISSIONS: Mapping[Role, Mapping[Command, Scope]] = {
    "researcher": {"clone": "research", "embed": "research"},
    "producer": {"clone": "internal", "embed": "internal", "read": "internal"},
    "publisher": {"clone": "commercial", "embed": "commercial", "read": "commercial"},
    "registrar": {"consent": "commercial", "revoke": "commercial", "read": "commercial"},
    "auditor": {"read": "commercial"},
    "administrator": {"revoke": "commercial", "read": "commercial", "access": "commercial"},
}
"""The widest scope of each command for each role; each scope contains those before it in `SCOPES`."""


class AccessError(VoxproofError):
    """Something that somebody may not do; the register has it too."""


class Token(Record):
    """What the register knows of a token; never the token."""

    token_id: str
    """8 hexadecimal digits, the second part of the token."""
    name: str
    """Whose it is: the actor of what is done with it."""
    role: Role
    until: str
    """UTC, ISO 8601."""
    sha256: str
    """Of the whole token."""


@dataclass(frozen=True)
class Operator:
    """Who was allowed to do something."""

    name: str
    """The token's name, or the user who holds the issuer's key."""
    token_id: str | None = None
    role: Role | None = None
    """None: the holder of the issuer's key, in a register without tokens."""


def permitted(role: Role, scope: Scope, command: Command) -> bool:
    """Whether the matrix allows it."""
    widest = PERMISSIONS[role].get(command)
    return widest is not None and SCOPES.index(scope) <= SCOPES.index(widest)


def create_token(register: Register, name: str, role: str, until: datetime) -> tuple[str, Token]:
    """A new token (to be shown once) and what the register keeps of it."""
    if role not in ROLES:
        raise VoxproofError(f"{role!r} is no role", cure=f"Use one of {', '.join(ROLES)}.")
    if not name.strip() or len(name) > 200 or not name.isprintable():
        raise VoxproofError("a token needs a name of at most 200 printable letters")
    if until <= register.clock():
        raise VoxproofError(f"a token until {stamp(until)} has expired already", cure="Give a date to come.")
    with register.exclusive():
        taken = {str(entry.payload["token_id"]) for entry in register.entries(CREATED)}
        token_id = next(made for made in iter(lambda: secrets.token_hex(4), "") if made not in taken)
        text = f"vxp_{token_id}_{secrets.token_urlsafe(32)}"
        token = Token(token_id=token_id, name=name.strip(), role=role, until=stamp(until), sha256=_hash(text))
        register.append(CREATED, token.model_dump(mode="json"))
    return text, token


def revoke_token(register: Register, token_id: str) -> None:
    """From now on it opens nothing."""
    with register.exclusive():
        entries = register.entries(CREATED, REVOKED, having=member("token_id", token_id))
        if not entries:
            raise VoxproofError(f"there is no token {token_id} in this register")
        if any(entry.action == REVOKED for entry in entries):
            raise VoxproofError(f"the token {token_id} was revoked already")
        register.append(REVOKED, {"token_id": token_id})


def tokens(register: Register) -> list[tuple[Token, str]]:
    """All tokens, oldest first, with what can be done with them: valid, expired or revoked."""
    made, moment = register.entries(CREATED, REVOKED), register.clock()
    revoked = {entry.payload["token_id"] for entry in made if entry.action == REVOKED}
    known = [Token.model_validate(entry.payload) for entry in made if entry.action == CREATED]
    return [(token, _state(token, moment, token.token_id in revoked)) for token in known]


def authorise(register: Register, token: str | None, command: Command, scope: Scope) -> Operator:
    """Who acts, if they may; raises `AccessError`, after the refusal was logged, if not."""
    operator, why = _judged(register, token, command, scope)
    if why:
        told = {"command": command, "scope": scope, "token_id": operator.token_id, "reason": why}
        register.append(REFUSED, told, operator.name)
        raise AccessError(why, cure="Ask the register's administrator for a token (`voxproof access create`).")
    return operator


def given_token(path: str | Path | None = None) -> str | None:
    """The token in a file, or else in VOXPROOF_TOKEN; None without either."""
    if path is None:
        return os.environ.get(VARIABLE, "").strip() or None
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text"
        raise VoxproofError(f"the token cannot be read ({why})", path=path) from None


def _judged(register: Register, token: str | None, command: Command, scope: Scope) -> tuple[Operator, str]:
    """The operator, as far as known, and the reason of a refusal or nothing."""
    known = tokens(register)
    if token is None:
        needed = "this register has access tokens, and none was given" if known else ""
        return Operator(actor_name()), needed
    shape = _TOKEN.fullmatch(token)
    found = next((one for one in known if shape and one[0].token_id == shape[1]), None)
    if found is None or not same_digest(found[0].sha256, _hash(token)):
        return Operator(actor_name()), "the access token is not one of this register's"
    operator = Operator(found[0].name, found[0].token_id, found[0].role)
    if found[1] != "valid":
        return operator, f"the access token {operator.token_id} is {found[1]}"
    if not permitted(found[0].role, scope, command):
        return operator, f"the role {found[0].role} may not use {command} under the scope {scope}"
    return operator, ""


def _state(token: Token, moment: datetime, revoked: bool) -> str:
    return "revoked" if revoked else "expired" if moment > when(token.until) else "valid"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
