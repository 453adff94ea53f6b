"""One-time sentences: what a subject speaks to show that the consent is theirs and was given now.

A sentence is drawn from the system's random source, from lists of words of our own (`challenge_words.yaml`), so that
nobody can have a recording of it; it is two clauses long, some ten seconds of speech, as the comparison of voices needs
them. The register keeps it with a nonce and an expiry until it is used, once.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any

from synth.errors import VoxproofError
from synth.ledger import Entry
from synth.register import Register, member
from synth.utc import stamp, when
from synth.yaml_data import load_yaml

ISSUED = "challenge.issued"
VALID = timedelta(hours=24)
"""How long a challenge may be answered, unless said otherwise."""
CLAUSES = 2
LOWEST, HIGHEST = 13, 99
"""The numbers in the sentences; from thirteen on, so that all are plural and well heard."""
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_TEENS = ("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_UNITS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

Choose = Callable[[int], int]


@dataclass(frozen=True)
class Challenge:
    """A sentence to be spoken once."""

    challenge_id: str
    """16 hexadecimal digits, random: the nonce."""
    language: str
    """en, zh, yue, ja or ko."""
    sentence: str
    """What is to be spoken."""
    issued: str
    """UTC, ISO 8601."""
    until: str
    """UTC, ISO 8601; no answer is accepted after it."""


def languages() -> tuple[str, ...]:
    """The languages that there are sentences in."""
    return tuple(_words())


def new_challenge(register: Register, language: str = "en", valid: timedelta = VALID) -> Challenge:
    """Draw a sentence and note it in the register."""
    if not timedelta(0) < valid <= timedelta(days=31):
        raise VoxproofError("a challenge is valid for more than no time and at most 31 days")
    issued = register.clock()
    made = Challenge(secrets.token_hex(8), language, drawn_sentence(language), stamp(issued), stamp(issued + valid))
    register.append(
        ISSUED,
        {
            "challenge_id": made.challenge_id,
            "language": made.language,
            "sentence": made.sentence,
            "issued": made.issued,
            "until": made.until,
        },
    )
    return made


def open_challenge(register: Register, challenge_id: str) -> Challenge:
    """The challenge of this id, if it can still be answered; raises `VoxproofError` with the reason otherwise.

    To be called inside of `register.exclusive()`, with the entry that uses it written before the lock is given back.
    """
    cure = "`voxproof consent challenge` gives a new sentence."
    entries = register.entries(having=member("challenge_id", challenge_id))
    issued = next((entry for entry in entries if entry.action == ISSUED), None)
    if issued is None:
        raise VoxproofError(f"there is no challenge {challenge_id} in this register", cure=cure)
    used = next((entry for entry in entries if entry.action != ISSUED), None)
    if used is not None:
        raise VoxproofError(f"the challenge {challenge_id} was used already, on {used.time[:10]}", cure=cure)
    challenge = _challenge(issued)
    if register.clock() > when(challenge.until):
        raise VoxproofError(f"the challenge {challenge_id} expired at {challenge.until}", cure=cure)
    return challenge


def drawn_sentence(language: str, choose: Choose = secrets.randbelow) -> str:
    """A random sentence; `choose(n)` gives a number below n."""
    words = _words().get(language)
    if words is None:
        raise VoxproofError(f"there are no sentences in {language!r}", cure=f"Use one of {', '.join(_words())}.")
    clauses = [_clause(words, choose) for _ in range(CLAUSES)]
    text = str(words["joined"]).format(*clauses)
    return text[0].upper() + text[1:]


def bits(language: str) -> float:
    """How many bits of chance a sentence has."""
    words = _words()[language]
    slots = [len(words[name]) for name in _slots(words) if name != "number"]
    return CLAUSES * (math.log2(HIGHEST - LOWEST + 1) + sum(math.log2(size) for size in slots))


def vocabulary(language: str) -> Mapping[str, Sequence[str]]:
    """The words of a language by slot, numbers included, for a recogniser that has to know them."""
    words = _words()[language]
    numbers = [_number(n, words) for n in range(LOWEST, HIGHEST + 1)]
    return {name: numbers if name == "number" else words[name] for name in _slots(words)}


def _clause(words: Mapping[str, Any], choose: Choose) -> str:
    drawn = {name: words[name][choose(len(words[name]))] for name in _slots(words) if name != "number"}
    return str(words["clause"]).format(number=_number(LOWEST + choose(HIGHEST - LOWEST + 1), words), **drawn)


def _slots(words: Mapping[str, Any]) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(words["clause"]) if name]


def _number(value: int, words: Mapping[str, Any]) -> str:
    if words["numbers"] == "digits":
        return str(value)
    if value < 20:
        return _TEENS[value - 13]
    tens, units = _TENS[value // 10 - 2], value % 10
    return f"{tens}-{_UNITS[units - 1]}" if units else tens


@cache
def _words() -> Mapping[str, Mapping[str, Any]]:
    data: dict[str, dict[str, Any]] = load_yaml((files("synth") / "challenge_words.yaml").read_text("utf-8"))
    return data


def _challenge(entry: Entry) -> Challenge:
    told = entry.payload
    return Challenge(*(str(told[name]) for name in ("challenge_id", "language", "sentence", "issued", "until")))
