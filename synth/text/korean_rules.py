"""Hangul as written -> hangul as pronounced: the rules of the Standard Pronunciation of Korean.

Liaison, aspiration, palatalisation, neutralisation, nasalisation, lateralisation, tensification.
They work on pairs of syllables, within a word and, but for liaison, across a single space. Where a rule depends on the
class of a word (신고 as a verb is 신꼬, as a noun 신고), short lists of stems decide instead of
a tagger.
Source: 표준 발음법 (표준어 규정 제2부, National Institute of Korean Language); numbers in comments are its articles.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ONSETS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
CODAS = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")
_FIRST, _LAST = 0xAC00, 0xD7A3

_NEUTRAL = dict(
    zip(
        "ㄱㄲㅋㄳㄺㄷㅅㅆㅈㅊㅌㅎㅂㅍㅄㄿㄴㄵㄶㄹㄼㄽㄾㅀㅁㄻㅇ",
        "ㄱㄱㄱㄱㄱㄷㄷㄷㄷㄷㄷㄷㅂㅂㅂㅂㄴㄴㄴㄹㄹㄹㄹㄹㅁㅁㅇ",
        strict=True,
    )
) | {"": ""}
_TENSE = dict(zip("ㄱㄷㅂㅅㅈ", "ㄲㄸㅃㅆㅉ", strict=True))
_ASPIRATED = dict(zip("ㄱㄷㅈㅂ", "ㅋㅌㅊㅍ", strict=True))
_NASAL = {"ㄱ": "ㅇ", "ㄷ": "ㄴ", "ㅂ": "ㅁ"}
_LINK = {
    "ㄳ": ("ㄱ", "ㅆ"), "ㄵ": ("ㄴ", "ㅈ"), "ㄶ": ("", "ㄴ"), "ㄺ": ("ㄹ", "ㄱ"), "ㄻ": ("ㄹ", "ㅁ"),
    "ㄼ": ("ㄹ", "ㅂ"), "ㄽ": ("ㄹ", "ㅆ"), "ㄾ": ("ㄹ", "ㅌ"), "ㄿ": ("ㄹ", "ㅍ"), "ㅀ": ("", "ㄹ"),
    "ㅄ": ("ㅂ", "ㅆ"), "ㅎ": ("", "ㅇ"),
}  # fmt: skip
_WITH_H = {
    "ㄱ": ("", "ㅋ"), "ㄲ": ("", "ㅋ"), "ㅋ": ("", "ㅋ"),
    "ㄳ": ("", "ㅋ"), "ㄺ": ("ㄹ", "ㅋ"), "ㄷ": ("", "ㅌ"), "ㅅ": ("", "ㅌ"), "ㅆ": ("", "ㅌ"),
    "ㅊ": ("", "ㅌ"), "ㅌ": ("", "ㅌ"), "ㅈ": ("", "ㅊ"), "ㄵ": ("ㄴ", "ㅊ"),
    "ㅂ": ("", "ㅍ"), "ㅍ": ("", "ㅍ"), "ㅄ": ("", "ㅍ"), "ㄿ": ("ㄹ", "ㅍ"), "ㄼ": ("ㄹ", "ㅍ"),
}  # fmt: skip
_NOUNS_IN_LG = frozenset("닭흙칡삵슭")
_NO_BLOCK = r"(?![\uac00-\ud7a3])"
_VERB_ENDINGS = rf"(?=고{_NO_BLOCK}|다{_NO_BLOCK}|다[가고는며면]|던\s|지[ 만도는요않못]|더[니라]|습니|거나|게\s|도록)"
_STEM_TENSE = re.compile(
    r"(?:감|남|담|숨|심|넘|품|뿜|다듬|더듬|머금|젊|굶|닮|옮|곪|(?:(?<=발을\s)|(?<=말을\s)|(?<=두를\s)|(?<=화를\s))신)"
    + _VERB_ENDINGS
)
"""Stems in ㄴ and ㅁ that no common noun shares; 신 after 신발, 양말, 구두, 운동화."""
_MODIFIER = re.compile(
    r"(?P<before>(?![을를살날])[\uac00-\ud7a3])\s"
    r"(?=(?:게|데|바|지|적|정도|때|사람|곳|대로|따름)(?![\uac00-\ud7a3]{3}))"
    r"|(?P<surely>(?!를)[\uac00-\ud7a3])\s(?=(?:것|거|걸|겁|건|수|줄|듯)(?![\uac00-\ud7a3]{3}))"
)
_ENDING = re.compile(
    r"(?P<before>[\uac00-\ud7a3])(?=수록|지라도|지언정|진대|걸요?(?![\uac00-\ud7a3])|게요(?![\uac00-\ud7a3]))"
)
_EXCEPTIONS = {
    re.compile(written): said
    for written, said in {
        "십육": "심뉵", "백육": "뱅뉵", "꽃잎": "꼰닙", "나뭇잎": "나문닙", "깻잎": "깬닙", "서울역": "서울력",
        "한여름": "한녀름", "담요": "담뇨", "식용유": "시굥뉴", "맨입": "맨닙", "솜이불": "솜니불", "갈등": "갈뜽",
        "(?<!출)발전": "발쩐", "물질": "물찔", "갈증": "갈쯩", "발달": "발딸", "결정": "결쩡", "열심": "열씸",
        "실수": "실쑤",
        "결석": "결썩", "출석": "출썩", "질서": "질써", "활동": "활똥", "철도": "철또", "출장": "출짱", "팔십": "팔씹",
        "일주일": "일쭈일", "문법": "문뻡", "사건(?!물)": "사껀", "조건": "조껀", "길가": "길까", "눈동자": "눈똥자",
        "손재주": "손째주", "문고리": "문꼬리", "밤길": "밤낄", "성격": "성껵", "의견란": "의견난", "생산량": "생산냥",
        "결단력": "결딴녁", "공권력": "공꿘녁", "이원론": "이원논", "입원료": "이붠뇨", "상견례": "상견녜",
        "맛있": "마싰",
        "멋있": "머싰", 
    }.items()
}  # fmt: skip
"""Compounds in which a sound is added or made tense, which no rule tells from others; and readings in common use."""


_MARKED = re.compile("\0(\\s?)(.)", re.DOTALL)
_AS_LETTER_NAMES = {"ㅈ": "ㅅ", "ㅊ": "ㅅ", "ㅌ": "ㅅ", "ㅎ": "ㅅ", "ㅋ": "ㄱ", "ㅍ": "ㅂ"}


@dataclass
class Syllable:
    """One block of hangul, taken apart; `spaced`: a space stands before it."""

    onset: str
    vowel: str
    coda: str
    spaced: bool = False


def taken_apart(block: str) -> Syllable:
    """One precomposed block as onset, vowel and coda."""
    code = ord(block) - _FIRST
    return Syllable(ONSETS[code // 588], VOWELS[code % 588 // 28], CODAS[code % 28])


def put_together(syllable: Syllable) -> str:
    """The block of a syllable."""
    onset, vowel = ONSETS.index(syllable.onset), VOWELS.index(syllable.vowel)
    return chr(_FIRST + onset * 588 + vowel * 28 + CODAS.index(syllable.coda))


def is_block(letter: str) -> bool:
    """Whether it is a block of hangul."""
    return len(letter) == 1 and _FIRST <= ord(letter) <= _LAST


def pronounced(text: str, *, reference: bool = False) -> str:
    """Hangul respelled as it is pronounced; what is not hangul stays.

    With `reference` also what g2pk2 takes the names of letters for (16): every ㅈ, ㅊ, ㅌ after ㅡ links as ㅅ, so that
    끝이 is 끄시 and 늦어 느서.
    """
    text = _of_stems(text.replace("\0", ""))
    made: list[str] = []
    run: list[Syllable] = []
    spaced = False
    for letter in text:
        if is_block(letter):
            syllable = taken_apart(letter)
            syllable.spaced, spaced = spaced, False
            run.append(syllable)
        elif letter == " " and run and not spaced:
            spaced = True
        else:
            made += _settled(run, spaced, reference)
            made.append(letter)
            run, spaced = [], False
    made += _settled(run, spaced, reference)
    return "".join(made)


def _settled(run: list[Syllable], spaced: bool, reference: bool) -> list[str]:
    for index, syllable in enumerate(run):
        _vowel(syllable)
        following = run[index + 1] if index + 1 < len(run) else None
        if reference and following and following.onset == "ㅇ" and not following.spaced and syllable.vowel == "ㅡ":
            syllable.coda = _AS_LETTER_NAMES.get(syllable.coda, syllable.coda)
    for index, syllable in enumerate(run):
        if index + 1 < len(run):
            _pair(syllable, run[index + 1])
        else:
            syllable.coda = _NEUTRAL[syllable.coda]
    return [*("".join((" " if each.spaced else "") + put_together(each) for each in run)), *([" "] if spaced else [])]


def _vowel(syllable: Syllable) -> None:
    """져 is said as 저 (5.1), 희 as 히 (5.3)."""
    if syllable.onset in "ㅈㅉㅊ" and syllable.vowel == "ㅕ":
        syllable.vowel = "ㅓ"
    if syllable.onset != "ㅇ" and syllable.vowel == "ㅢ":
        syllable.vowel = "ㅣ"


def _pair(left: Syllable, right: Syllable) -> None:
    if right.onset == "ㅇ":
        _before_vowel(left, right)
    elif left.coda in {"ㅎ", "ㄶ", "ㅀ"}:
        _after_h(left, right)
    elif right.onset == "ㅎ" and left.coda in _WITH_H:
        suffix = right.vowel == "ㅣ" or (right.vowel == "ㅕ" and right.coda in {"", "ㅆ"})
        if suffix and left.coda in {"ㄷ", "ㅌ"} and not right.spaced:  # 닫히다, 닫혔다 (17)
            left.coda, right.onset = "", "ㅊ"
            right.vowel = "ㅓ" if right.vowel == "ㅕ" else right.vowel
        else:
            left.coda, right.onset = _WITH_H[left.coda]
    else:
        _before_consonant(left, right)


def _before_vowel(left: Syllable, right: Syllable) -> None:
    """Liaison (13, 14) and palatalisation (17); none across a space."""
    coda = left.coda
    if coda in {"", "ㅇ"}:
        return
    if right.spaced:
        left.coda = _NEUTRAL[coda]
    elif coda in {"ㄷ", "ㅌ", "ㄾ"} and right.vowel in {"ㅣ", "ㅕ"}:
        left.coda, right.onset = "ㄹ" if coda == "ㄾ" else "", "ㅈ" if coda == "ㄷ" else "ㅊ"
    elif coda in _LINK:
        left.coda, right.onset = _LINK[coda]
    else:
        left.coda, right.onset = "", coda


def _after_h(left: Syllable, right: Syllable) -> None:
    """ㅎ aspirates what follows (12.1), doubles ㅅ (12.2), is ㄴ before ㄴ (12.3)."""
    rest = {"ㅎ": "", "ㄶ": "ㄴ", "ㅀ": "ㄹ"}[left.coda]
    if right.onset in "ㄱㄷㅈ":
        right.onset = _ASPIRATED[right.onset]
    elif right.onset == "ㅅ":
        right.onset = "ㅆ"
    elif right.onset == "ㄴ":
        rest = rest or "ㄴ"
        right.onset = "ㄹ" if rest == "ㄹ" else "ㄴ"
    left.coda = rest


def _before_consonant(left: Syllable, right: Syllable) -> None:
    """Neutralised (8-11), then tense (23-25), nasal (18, 19) or lateral (20)."""
    coda, onset = left.coda, right.onset
    block = put_together(Syllable(left.onset, left.vowel, coda))
    if coda == "ㄼ" and (block == "밟" or (block == "넓" and right.vowel in "ㅜㅈ" and onset in "ㅈㄷ")):
        coda = "ㅂ"
    if coda == "ㄺ" and onset in "ㄱㄲ" and block not in _NOUNS_IN_LG and not right.spaced:
        left.coda, right.onset = "ㄹ", "ㄲ"
        return
    tense = coda in {"ㄵ", "ㄾ", "ㄼ"} and block != "덟" and not right.spaced
    plain = _NEUTRAL[coda]
    if plain in _NASAL:
        if onset in "ㄴㅁ":
            plain = _NASAL[plain]
        elif onset == "ㄹ":
            plain, right.onset = _NASAL[plain], "ㄴ"
        else:
            tense = True
    elif (plain, onset) in {("ㄴ", "ㄹ"), ("ㄹ", "ㄴ")}:
        plain, right.onset = "ㄹ", "ㄹ"
    elif plain in {"ㅁ", "ㅇ"} and onset == "ㄹ":
        right.onset = "ㄴ"
    if tense:
        right.onset = _TENSE.get(right.onset, right.onset)
    left.coda = plain


def _of_stems(text: str) -> str:
    for written, said in _EXCEPTIONS.items():
        text = written.sub(said, text)
    text = _STEM_TENSE.sub(lambda match: match[0] + "\0", text)
    for pattern in (_MODIFIER, _ENDING):
        text = pattern.sub(_marked, text)
    return _MARKED.sub(lambda match: match[1] + _made_tense(match[2]), text).replace("\0", "")


def _marked(match: re.Match[str]) -> str:
    before = next(filter(None, match.groups()))
    return match[0] + "\0" if taken_apart(before).coda == "ㄹ" else match[0]


def _made_tense(letter: str) -> str:
    if not is_block(letter):
        return letter
    syllable = taken_apart(letter)
    syllable.onset = _TENSE.get(syllable.onset, syllable.onset)
    return put_together(syllable)
