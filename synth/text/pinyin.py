"""A Mandarin syllable in pinyin -> the two phones that the models know: an initial and a final with its tone.

The models' alphabet is that of the OpenCpop singing corpus in its strict form: every syllable has exactly two phones.
Syllables without an initial get a placeholder (`AA`, `EE`, `OO`), `y` and `w` count as initials, the apical vowels of
zi and zhi are `i0` and `ir`, and after j, q, x, y the letter u is the front vowel `v`. Everything follows from the
spelling by rule. Source: the phone set of OpenCpop (Wang et al., Interspeech 2022) as GPT-SoVITS uses it.
"""

from __future__ import annotations

from synth.text.symbols import PINYIN_FINALS, PINYIN_INITIALS

_FINALS = frozenset(PINYIN_FINALS)
_INITIALS = frozenset(PINYIN_INITIALS)
_PLACEHOLDER = {"a": "AA", "e": "EE", "o": "OO"}
_FRONT = {"u": "v", "ue": "ve", "uan": "van", "un": "vn"}
_SPELLINGS = {"uei": "ui", "iou": "iu", "uen": "un", "ü": "v"}
_INTERJECTIONS = {"ê": "ei", "m": "mu", "n": "en", "ng": "en", "hm": "heng", "hng": "heng", "yai": "ya", "r": "er"}
"""Syllables without a vowel, or with one that the alphabet lacks -> the nearest that it has."""


def initial_and_final(syllable: str) -> tuple[str, str]:
    """A toneless syllable in pinyin (`v` for ü) -> its two phones, the final still without tone."""
    letters = _INTERJECTIONS.get(syllable, syllable).replace("ü", "v")
    if letters[:2] in {"zh", "ch", "sh"}:
        initial, final = letters[:2], letters[2:]
    elif letters[:1] in _PLACEHOLDER:
        return _PLACEHOLDER[letters[0]], letters
    else:
        initial, final = letters[:1], letters[1:]
    final = _SPELLINGS.get(final, final)
    if initial in {"j", "q", "x", "y"}:
        final = _FRONT.get(final, final)
    if initial == "y":
        final = {"an": "En", "e": "E"}.get(final, final)
    if final == "i" and initial in {"z", "c", "s"}:
        final = "i0"
    if final == "i" and initial in {"zh", "ch", "sh", "r"}:
        final = "ir"
    return initial, final


def phones_of(syllable: str, tone: int) -> tuple[str, str] | None:
    """The two phones of a syllable, or None for what is no Mandarin syllable; tone 5 is the neutral one."""
    initial, final = initial_and_final(syllable)
    return (initial, f"{final}{tone}") if initial in _INITIALS and final in _FINALS and 1 <= tone <= 5 else None


def split_tone(written: str) -> tuple[str, int]:
    """`zhong4` -> (`zhong`, 4); without a digit the tone is neutral."""
    return (written[:-1], int(written[-1])) if written[-1:] in {"1", "2", "3", "4", "5"} else (written, 5)
