"""Where clauses of a text end: not at every mark, for marks also stand inside numbers, abbreviations and addresses.

A dot behind an abbreviation ends a clause too if the text ends there or a word follows with which sentences begin
("at 5 p.m. We left"); before another capital ("at 5 p.m. Monday", "Plan B. Tomorrow") it is taken as the abbreviation's
only, since a clause too long sounds better than a name or number cut in two.
"""

from __future__ import annotations

import re
from collections.abc import Set

from synth.text import english_tables as tables

_MONTH = "|".join(month[:3] for month in tables.MONTHS)
_SHORT = "|".join(sorted({*tables.TITLES, *tables.ABBREVIATIONS, "st", "dr"}, key=len, reverse=True))
_STARTERS = (
    "The|A|An|It|He|She|We|They|This|That|These|Those|There|Then|But|And|Or|In|On|At|For|I|You|If|So|When|What|Why|How"
    "|Who|Where|My|Our|His|Her|Their|Its|Yes|Not|Please"
)
_CLOSING = r"[\"')\]”’]{0,3}"
_INSIDE = re.compile(
    rf"(?<![\w.])(?:(?i:{_SHORT})|[A-Za-z](?:\.[A-Za-z]){{1,5}}|Ph\.D|[A-HJ-Z])\."
    rf"(?={_CLOSING}[^\S\n]{{0,9}}[^\s\"')\]”’])(?!{_CLOSING}[^\S\n]{{1,9}}(?:{_STARTERS})\b)"  # Mr.  etc.  a.m.  J.
    r"|(?<=\d)[.,:：~](?=\d)"  # 3.14  1,000  10:30
    r"|(?<=[A-Za-z0-9])\.(?=[a-z0-9])"  # example.com  p.m
    r"|(?<![A-Za-z])(?:[A-Za-z]|Ph)\.(?=[A-Za-z](?![A-Za-z]))"  # U.S  Ph.D
    r"|\.(?=[,;?!，；？！])"  # the mark behind the dot ends it
    r"|\bNos?\.(?=\s?\d)"
    rf"|\b(?:{_MONTH})[a-z.]{{0,7}} \d\d?(?:st|nd|rd|th)?,(?= [12]\d{{3}}\b)"  # March 5, 2026
)
_ADDRESS = re.compile(r"(?:https?://|www\.)[!-;=?-~]{1,2000}", re.IGNORECASE)


def clause_ends(text: str, marks: Set[str]) -> list[int]:
    """Places behind those marks of `text` that end a clause, in order."""
    inside: set[int] = set()
    for match in _INSIDE.finditer(text):
        inside.update(range(*match.span()))
    for match in _ADDRESS.finditer(text):
        inside.update(range(match.start(), match.start() + len(match.group().rstrip(".,:;?!~)'\""))))
    return [place + 1 for place, sign in enumerate(text) if sign in marks and place not in inside]
