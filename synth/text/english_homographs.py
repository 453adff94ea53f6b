"""Words that sound by what they do in the sentence: "the record", "to record".

No tagger is trained or loaded: a few words to either side decide whether a homograph is a verb. Where they do not, the
commoner reading stands. Tables: `data/english_homographs.txt` (verb and else); what needs another question is here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Literal

from synth.text.symbols import listed

Role = Literal["verb", "past", "participle", "noun", "adjective"]
Pronunciation = tuple[str, ...]

_DETERMINERS = frozenset(
    listed(
        "the a an this these those my your his its our their no some any every each another which what whose "
        "such both several many few much more most one two three four five six seven eight nine ten first "
        "second third last next own same other only new old good great big small little long"
    )
)
_PREPOSITIONS = frozenset(
    listed(
        "of in on at by for with from into about between under over without against during through after "
        "before within per via as than like across behind beyond"
    )
)
_MODALS = frozenset(
    listed(
        "to can could will would shall should may might must do does did don't doesn't didn't won't can't "
        "cannot couldn't wouldn't shouldn't let's please let help helped make makes made i'll you'll we'll "
        "they'll he'll she'll it'll i'd you'd we'd they'd he'd she'd"
    )
)
_SUBJECTS = frozenset(listed("i you we they who"))
_THIRD = frozenset(listed("he she it who which that everyone someone nobody"))
_BE = frozenset(
    listed(
        "is are was were be been being am i'm you're we're they're he's she's it's isn't aren't wasn't weren't get got"
    )
)
_HAVE = frozenset(listed("have has had having i've you've we've they've haven't hasn't hadn't he'd"))
_ADVERBS = frozenset(
    listed("never always often still also then now not just ever even really usually sometimes soon both all")
)
_OBJECTS = frozenset(
    listed(
        "the a an this these those my your his her its our their me you him us them it that what all every "
        "each some any no to up down out off away how why whether himself herself themselves"
    )
)
_MARKS = frozenset(",.!?…-")
_MOSTLY_VERBS = frozenset(
    listed(
        "affect impress produce refuse recall resume reject convert combine discard insert extract permit "
        "compress torment consummate implement separate precipitate regenerate rewrite use"
    )
)
_PAST_TIMES = frozenset(listed("yesterday ago last once already was were had did earlier before when after then"))


def role(words: Sequence[str], place: int) -> Role | None:
    """What the word at `place` does, by its neighbours; None where they do not tell. Words in lower case."""
    word = words[place]
    back = place - 1
    while back >= 0 and (words[back] in _ADVERBS or (words[back].endswith("ly") and len(words[back]) > 4)):
        back -= 1
    before = words[back] if back >= 0 and words[back] not in _MARKS else ""
    after = words[place + 1] if place + 1 < len(words) and words[place + 1] not in _MARKS else ""
    has_s = word.endswith("s") and not word.endswith("ss")
    if before in _HAVE:
        return "participle"
    if before in _BE:
        return "adjective"
    if before == "to" and after in ("of", "in") and not has_s:
        return None
    if before in _MODALS:
        return "noun" if has_s and before in ("to", "make", "made", "help") else "verb"
    if before in _SUBJECTS or (has_s and before in _THIRD - {"that"}):
        return "verb"
    if before in ("he", "she", "it"):
        return "past"
    if before == "her" or before in _DETERMINERS or before.endswith("'s"):
        return "noun"
    if before in _PREPOSITIONS:
        return "noun"
    if before == "that":
        return "verb" if has_s and after in _OBJECTS else None
    if not before and not has_s:
        return "verb" if after in _OBJECTS else None
    if before in ("and", "or", "but"):
        return "verb" if after in _OBJECTS - {"to", "that"} else None
    if before and after in _OBJECTS - {"to", "that", "you", "all", "up", "out", "down", "off"}:
        return "verb" if has_s != before.endswith("s") or not has_s else None
    return None


def sound(words: Sequence[str], place: int) -> Pronunciation | None:
    """Phones of a homograph, or None if the word is none; `words` in lower case, marks among them."""
    word = words[place]
    if word in _SPECIAL:
        chosen, other, question = _SPECIAL[word]
        return tuple((chosen if question(words, place) else other).split(" "))
    found = _pairs().get(word)
    if found is None:
        return None
    said = role(words, place)
    is_verb = said in ("verb", "participle", "past") if said else word in _MOSTLY_VERBS
    if said == "adjective" and word in _MOSTLY_VERBS - {"separate", "use"}:
        is_verb = True
    return found[0] if is_verb else found[1]


@cache
def _pairs() -> dict[str, tuple[Pronunciation, Pronunciation]]:
    pairs = {}
    for line in table("english_homographs.txt"):
        word, verb, other = line.split("|")
        pairs[word] = (tuple(verb.split(" ")), tuple(other.split(" ")))
    return pairs


def table(name: str) -> list[str]:
    """Lines of a table in `data/`, comments left out."""
    content = files("synth.text").joinpath(f"data/{name}").read_text(encoding="utf-8")
    return [line for line in content.splitlines() if line and not line.startswith("#")]


# -- words with a question of their own --------------------------------------------------------------------------------


def _near(words: Sequence[str], place: int, wanted: str, reach: int = 2) -> bool:
    around = [*words[max(0, place - reach) : place], *words[place + 1 : place + 1 + reach]]
    return any(re.fullmatch(wanted, word) for word in around)


def _read_past(words: Sequence[str], place: int) -> bool:
    said = role(words, place)
    if said in ("participle", "adjective", "past"):
        return True
    if said == "noun" or (said == "verb" and words[place - 1 : place] != [] and words[place - 1] in _MODALS):
        return False
    if place == 0 or words[place - 1] in _MARKS:
        return False
    return bool(_PAST_TIMES & set(words)) or said is None


def _live_adjective(words: Sequence[str], place: int) -> bool:
    after = words[place + 1] if place + 1 < len(words) else ""
    return bool(
        re.fullmatch("music|broadcasts?|concerts?|streams?|shows?|performances?|audience|animals?|tv|television|recordings?|"
                     "event|events|updates?|wires?|ammunition|video|coverage|chat|bait|album|feed|demo", after)
    ) or (role(words, place) == "adjective") or _near(words, place, "broadcast|streamed|aired", 1)  # fmt: skip


def _lead_metal(words: Sequence[str], place: int) -> bool:
    if words[max(0, place - 2) : place] == ["made", "of"]:
        return True
    return _near(words, place, "pipes?|paint|poisoning|pencil|metal|bullets?|heavy|molten|mercury|zinc|tin|gasoline", 1)


def _wind_turns(words: Sequence[str], place: int) -> bool:
    return (
        role(words, place) == "verb"
        or words[place + 1 : place + 2] in (["up"], ["down"])
        or (_near(words, place, "clock|road|path|river", 2) and role(words, place) is None)
    )


def _close_verb(words: Sequence[str], place: int) -> bool:
    after = words[place + 1] if place + 1 < len(words) else ""
    return (
        after not in ("to", "by", "enough", "friend", "friends", "call", "look", "together", "up")
        and role(words, place) == "verb"
    )


def _minute_tiny(words: Sequence[str], place: int) -> bool:
    after = words[place + 1] if place + 1 < len(words) else ""
    return bool(re.fullmatch("details?|differences?|particles?|amounts?|traces?|changes|quantities|grains?", after))


def _content_adjective(words: Sequence[str], place: int) -> bool:
    after = words[place + 1] if place + 1 < len(words) else ""
    return role(words, place) == "adjective" or after in ("with", "to")


def _used_to(words: Sequence[str], place: int) -> bool:
    after = words[place + 1] if place + 1 < len(words) else ""
    return (
        after == "to"
        and role(words, place) != "participle"
        and not _near(words, place, "is|are|was|were|be|been|being", 1)
    )


def _wound_turned(words: Sequence[str], place: int) -> bool:
    after = words[place + 1] if place + 1 < len(words) else ""
    return after in ("up", "down", "around", "its", "through", "back") or words[place - 1 : place] in (
        ["road"],
        ["path"],
        ["clock"],
    )


def _bass_fish(words: Sequence[str], place: int) -> bool:
    return _near(words, place, "fish|fishing|caught|catch|sea|lake|striped|largemouth|grilled", 2)


def _dove_jumped(words: Sequence[str], place: int) -> bool:
    return (
        words[place + 1 : place + 2] in (["into"], ["in"], ["off"], ["under"], ["down"], ["for"])
        or role(words, place) == "past"
    )


def _bow_bends(words: Sequence[str], place: int) -> bool:
    return (
        role(words, place) == "verb"
        or _near(words, place, "ship|boat|ship's", 3)
        or words[place + 1 : place + 2] == ["down"]
    )


def _lives_verb(words: Sequence[str], place: int) -> bool:
    after = words[place + 1] if place + 1 < len(words) else ""
    return role(words, place) == "verb" or (
        role(words, place) is None
        and after in ("in", "on", "at", "with", "by", "near", "here", "there", "alone", "under")
    )


def _invalid_person(words: Sequence[str], place: int) -> bool:
    after = words[place + 1] if place + 1 < len(words) else "."
    return role(words, place) == "noun" and (
        after in _MARKS or after in _BE or after in _PREPOSITIONS or after in _MODALS
    )


_SPECIAL = {
    "invalid": ("IH1 N V AH0 L AH0 D", "IH0 N V AE1 L AH0 D", _invalid_person),
    "lives": ("L IH1 V Z", "L AY1 V Z", _lives_verb),
    "read": ("R EH1 D", "R IY1 D", _read_past),
    "live": ("L AY1 V", "L IH1 V", _live_adjective),
    "lead": ("L EH1 D", "L IY1 D", _lead_metal),
    "wind": ("W AY1 N D", "W IH1 N D", _wind_turns),
    "close": ("K L OW1 Z", "K L OW1 S", _close_verb),
    "minute": ("M AY0 N UW1 T", "M IH1 N AH0 T", _minute_tiny),
    "content": ("K AH0 N T EH1 N T", "K AA1 N T EH0 N T", _content_adjective),
    "used": ("Y UW1 S T", "Y UW1 Z D", _used_to),
    "wound": ("W AW1 N D", "W UW1 N D", _wound_turned),
    "bass": ("B AE1 S", "B EY1 S", _bass_fish),
    "dove": ("D OW1 V", "D AH1 V", _dove_jumped),
    "bow": ("B AW1", "B OW1", _bow_bends),
}
"""Word -> phones if the answer is yes, phones if no, question."""
