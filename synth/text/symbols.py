"""The phone tables of GPT-SoVITS: v1 (322 symbols) and v2 (732), built from the sets of each language.

A symbol's id is its place in the list, and the list is rows of an embedding in every checkpoint, so one symbol out of
place would give wrong speech without any error. The tables are therefore built from the sets, sorted by code point,
and checked against their fingerprints when this file is imported.
Source: the public tables of GPT-SoVITS (RVC-Boss/GPT-SoVITS, MIT); v1 is a prefix of v2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from synth.errors import VoxproofError


def listed(words: str) -> list[str]:
    """The words of a table written as one text."""
    return words.split()


PAD = "_"
PUNCTUATION = ("!", "?", "…", ",", ".", "-")
"""The marks that the models hear as pauses or as a tune."""
UNKNOWN = "UNK"
PAUSES = ("SP", "SP2", "SP3")

PINYIN_INITIALS = listed("AA EE OO b c ch d f g h j k l m n p q r s sh t w x y z zh")
PINYIN_FINALS = listed(
    "E En a ai an ang ao e ei en eng er i i0 ia ian iang iao ie in ing iong ir iu o ong ou u ua uai uan uang ui un "
    "uo v van ve vn"
)
PINYIN_TONES = "12345"
JAPANESE = listed("I N U a b by ch cl d dy e f g gy h hy i j k ky m my n ny o p py r ry s sh t ts u v w y z")
JAPANESE_PITCH = ("[", "]")
"""Rise and fall of the pitch accent; not in v1."""
ARPABET_VOWELS = listed("AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW")
ARPABET_CONSONANTS = listed("B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH")
ARPABET = (
    [vowel + stress for vowel in ARPABET_VOWELS for stress in "012"] + ["ER", "IH"] + ARPABET_CONSONANTS
)  # ER and IH also without stress
KOREAN = [*"ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎㄲㄸㅃㅆㅉㅏㅓㅗㅜㅡㅣㅐㅔ", "空", "停"]
CANTONESE_BARE = listed("a aa ai ak au b c d e f g gw h j k kw l m n ng o oi ok on ou p s t uk w z")
CANTONESE_TONED = listed(
    "a aa aai aak aam aan aang aap aat aau ai ak am an ang ap at au e ei ek eng eoi eon eot g i ik im in ing ip it "
    "iu k m n o oe oek oeng oi ok on ong ot ou p t u ui uk un ung ut yu yun yut"
)
CANTONESE_TONES = "123456"
CANTONESE = [f"Y{part}" for part in CANTONESE_BARE] + [f"Y{f}{t}" for f in CANTONESE_TONED for t in CANTONESE_TONES]

FINGERPRINTS = {
    "v1": "f7c3b280b9cc519b0829a6f182fcdd208643a07f1e20c1ab2bf4fc9e8e9a7ca6",
    "v2": "0771f6cd6f6201e8c2b0de921dc69cc04caf3f346c599d4a41413967d5674da7",
}
"""SHA-256 of the symbols joined with line feeds."""


@dataclass(frozen=True)
class SymbolTable:
    """An ordered list of symbols; the id of a symbol is its place."""

    version: str
    """"v1" or "v2"."""
    symbols: tuple[str, ...]
    """All symbols in the order of their ids."""
    _index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", {symbol: place for place, symbol in enumerate(self.symbols)})
        if len(self._index) != len(self.symbols):
            raise VoxproofError(f"a symbol stands twice in the table {self.version}")

    def __len__(self) -> int:
        return len(self.symbols)

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._index

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of the symbols joined with line feeds."""
        return hashlib.sha256("\n".join(self.symbols).encode()).hexdigest()

    def known(self, phones: Iterable[str]) -> tuple[str, ...]:
        """The phones with those that the table lacks replaced by `UNK`, as the reference does."""
        return tuple(phone if phone in self._index else UNKNOWN for phone in phones)

    def ids(self, phones: Iterable[str]) -> tuple[int, ...]:
        """Ids of phones; a phone that the table lacks is an error (see `known`)."""
        try:
            return tuple(self._index[phone] for phone in phones)
        except KeyError as error:
            raise VoxproofError(f"the phone {error.args[0]!r} is not in the symbol table {self.version}") from None

    def phones(self, ids: Sequence[int]) -> tuple[str, ...]:
        """Phones of ids."""
        if any(not 0 <= place < len(self.symbols) for place in ids):
            raise VoxproofError(f"an id lies outside the {len(self)} symbols of table {self.version}")
        return tuple(self.symbols[place] for place in ids)


def checked(version: str, symbols: Sequence[str]) -> SymbolTable:
    """A table whose fingerprint is the published one; otherwise an error."""
    table = SymbolTable(version, tuple(symbols))
    if table.fingerprint != FINGERPRINTS[version]:
        raise VoxproofError(
            f"the symbol table {version} is not the published one ({len(table)} symbols, {table.fingerprint[:12]})",
            cure="Phone ids would be wrong everywhere; reinstall voxproof.",
        )
    return table


def _v1() -> list[str]:
    finals = [final + tone for final in PINYIN_FINALS for tone in PINYIN_TONES]
    return sorted({PAD, *PINYIN_INITIALS, *finals, *JAPANESE, *PUNCTUATION, *PAUSES, UNKNOWN, *ARPABET})


V1 = checked("v1", _v1())
V2 = checked("v2", [*V1.symbols, *JAPANESE_PITCH, *sorted(KOREAN), *sorted(CANTONESE)])

MODELS = {"v1": V1, "v2": V2, "v2Pro": V2, "v2ProPlus": V2, "v3": V2, "v4": V2}
"""The table of each version of the model."""


def table_of(model: str) -> SymbolTable:
    """The table of a version of the model ("v1", "v2", "v2Pro", "v2ProPlus", "v3", "v4")."""
    try:
        return MODELS[model]
    except KeyError:
        raise VoxproofError(f"no model version {model!r}", cure=f"Use one of {', '.join(MODELS)}.") from None
