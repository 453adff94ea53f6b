"""Full-context labels of Open JTalk -> phones with marks of the pitch accent: `[` rise, `]` fall, `#` phrase border.

A label tells, beside the phone, where its mora stands in the accent phrase (`A:` distance to the accent nucleus,
places from the front and from the back) and how many morae the phrase has (`F:`). The pitch rises after the first
mora, falls after the nucleus, and a phrase ends where the place starts again at one.
Source: Kurihara, Seiyama, Kumano, "Prosodic features control by symbols as input of sequence-to-sequence acoustic
modeling for neural TTS", IEICE Trans. E104-D (2021); the label format is that of the HTS demonstrations for Japanese.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_LABEL = re.compile(r"-(?P<phone>[^-+]+)\+.*?/A:(?P<to_nucleus>xx|-?\d+)\+(?P<front>xx|\d+)\+(?P<back>xx|\d+)/")
_MORAE = re.compile(r"/F:(xx|\d+)_")
_UNKNOWN = -50
_MORA_ENDS = frozenset("aeiouAEIOUN") | {"cl"}
RISE, FALL, BORDER, PAUSE = "[", "]", "#", "_"


def _number(field: str | None) -> int:
    return int(field) if field and field.lstrip("-").isdigit() else _UNKNOWN


def marked_phones(labels: Sequence[str]) -> list[str]:
    """Phones of one utterance with its marks; the silences at both ends are left out, devoiced vowels are voiced."""
    found = [match for match in map(_LABEL.search, labels) if match]
    morae = [_MORAE.search(label) for label in labels]
    made: list[str] = []
    for index, match in enumerate(found):
        phone = match["phone"]
        if phone == "sil":
            continue
        if phone == "pau":
            made.append(PAUSE)
            continue
        made.append(phone.lower() if phone in set("AEIOU") else phone)
        following = _number(found[index + 1]["front"]) if index + 1 < len(found) else _UNKNOWN
        front = _number(match["front"])
        total = _number(morae[index][1] if morae[index] else None)  # type: ignore[index]
        if _number(match["back"]) == 1 and following == 1 and phone in _MORA_ENDS:
            made.append(BORDER)
        elif _number(match["to_nucleus"]) == 0 and following == front + 1 and front != total:
            made.append(FALL)
        elif front == 1 and following == 2:
            made.append(RISE)
    return made
