"""The reference's reading of written Mandarin, for exact parity with GPT-SoVITS, its mistakes included.

Known mistakes kept here and mended in `mandarin_normalise`: blanks vanish before numbers are read ("3 4" is 34);
brackets and dashes vanish without a pause; "2月" is 两月; a comma in 1,234 ends a sentence; units are replaced inside
other words; two figures before 年 are always read one by one; 3:2 loses its colon; 12:30 after a range ending in half
past is wrong. Source: read from RVC-Boss/GPT-SoVITS (MIT), whose rules follow PaddleSpeech (Apache 2.0); own code.
"""

from __future__ import annotations

import re

from synth.text.mandarin_normalise import GREEK, LONG, Match, Rule, one_of, rule
from synth.text.mandarin_numbers import cardinal, digits, number

_DROPPED = re.compile(r"[——《》【】<>{}()（）#&@“”^_|\\]")
_DROPPED_AT_THE_END = re.compile(r"[-——《》【】<=>{}()（）#&@“”^_|\\]")
_ENDS = re.compile(r"([：、，；。？！,;?!][”’]?)")
_WIDE = {code: code - 0xFEE0 for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))}
_UNITS = {
    "cm2": "平方厘米", "cm²": "平方厘米", "cm3": "立方厘米", "cm³": "立方厘米", "cm": "厘米", "db": "分贝",
    "ds": "毫秒", "kg": "千克", "km": "千米", "m2": "平方米", "m²": "平方米", "m³": "立方米", "m3": "立方米",
    "ml": "毫升", "m": "米", "mm": "毫米", "s": "秒",
}  # fmt: skip
_SMALL = "⁰¹²³⁴⁵⁶⁷⁸⁹ˣʸⁿ"
_POWERS = str.maketrans(_SMALL, "0123456789xyn")
_MEASURES = (
    "处|台|架|枚|趟|幅|平|方|堵|间|床|株|批|项|例|列|篇|栋|注|亩|封|艘|把|目|套|段|人|所|朵|匹|张|座|回|场|尾|条|个|首|阙|阵|网|炮|顶|丘|棵|"
    "只|支|袭|辆|挑|担|颗|壳|窠|曲|墙|群|腔|砣|客|贯|扎|捆|刀|令|打|手|罗|坡|山|岭|江|溪|钟|队|单|双|对|出|口|头|脚|板|跳|枝|件|贴|针|线|管|"
    "名|位|身|堂|课|本|页|家|户|层|丝|毫|厘|分|钱|两|斤|铢|石|钧|锱|忽|千克|毫克|微克|公分|寸|尺|丈|里|寻|常|铺|程|千米|分米|厘米|毫米|微米|"
    "米|撮|勺|合|升|斗|盘|碗|碟|叠|桶|笼|盆|盒|杯|斛|锅|簋|篮|罐|瓶|壶|卮|盏|箩|箱|煲|啖|袋|钵|年|月|日|季|刻|时|周|天|秒|小时|旬|纪|岁|世|"
    "更|夜|春|夏|秋|冬|代|伏|辈|丸|泡|粒|幢|堆|根|道|面|片|块|元|亿|千万|百万|万|千|百|吨|角|毛"
)


def _figure(match: Match, group: int) -> str:
    return f"{'负' if match[group].startswith('-') else ''}{number(match[group].lstrip('-'))}"


def _date(match: Match) -> str:
    said = f"{digits(match[1])}年"
    said += f"{cardinal(match[2])}月" if match[2] else ""
    return said + (f"{cardinal(match[3])}{match[4] or ''}" if match[3] else "")


def _short(figures: str) -> str:
    return ("零" if figures.startswith("0") else "") + cardinal(figures.lstrip("0") or "0")


def _moment(hour: str, minute: str, second: str | None, half: bool) -> str:
    said = f"{cardinal(hour)}点"
    if minute.lstrip("0"):
        said += "半" if half else f"{_short(minute)}分"
    return said + (f"{_short(second)}秒" if second and second.lstrip("0") else "")


def _time(match: Match) -> str:
    return _moment(match[1], match[2], match[3], int(match[2]) == 30)


def _time_range(match: Match) -> str:
    half = int(match[2]) == 30  # of the first time, for both
    return f"{_moment(match[1], match[2], match[3], half)}至{_moment(match[4], match[5], match[6], half)}"


def _measure(match: Match) -> str:
    said = cardinal(match[1])
    more = "多" if match[2] == "+" else match[2] or ""
    return f"{'两' if said == '二' else said}{more}{match[3]}"


def _spoken_range(match: Match) -> str:
    return f"{_figure(match, 1)}到{_figure(match, 2)}"


def _parts(match: Match) -> str:
    return "，".join(digits(part, telephone=True) for part in match[0].strip("+").replace("-", " ").split())


_TIME = r"([0-1]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?"
_TERM = rf"(?:-?\d+(?:\.\d+)?[{_SMALL}]*|\.\d+[{_SMALL}]*|[A-Za-z][{_SMALL}]*)"
_HEAT = r"(?:%|°C|℃|度|摄氏度|cm2|cm²|cm3|cm³|cm|db|ds|kg|km|m2|m²|m³|m3|ml|m|mm|s)"
_BEFORE_UNITS = (
    LONG,
    rule(
        r"(\d{4}|\d{2})年(?:(0?[1-9]|1[0-2])月)?(?:((?:0?[1-9])|(?:[12][0-9])|30|31)([日号]))?", _date
    ),
    rule(r"(?P<y>\d{4})(?P<s>[-\ /.])(?P<m>0[1-9]|1[012])(?P=s)(?P<d>0[1-9]|[12][0-9]|3[01])", lambda match: (
        f"{digits(match['y'])}年{cardinal(match['m'])}月{cardinal(match['d'])}日"
    )),
    rule(f"{_TIME}[~-]{_TIME}", _time_range),
    rule(_TIME, _time),
    rule(rf"((?:-?\d+(?:\.\d+)?|\.\d+){_HEAT})~(?=(?:-?\d+(?:\.\d+)?|\.\d+){_HEAT})", lambda match: f"{match[1]}至"),
    rule(r"(-?)(\d+(?:\.\d+)?)(°C|℃|度|摄氏度)", lambda match: (
        f"{'零下' if match[1] else ''}{number(match[2])}{'摄氏度' if match[3] == '摄氏度' else '度'}"
    )),
)  # fmt: skip
_SUM = re.compile(rf"({_TERM})([+\-×÷=])(?={_TERM})")
_AFTER_SUMS = (
    rule(f"[{_SMALL}]+", lambda match: f"的{match[0].translate(_POWERS)}次方"),
    rule(r"(-?)(\d+)/(\d+)", lambda match: f"{'负' if match[1] else ''}{cardinal(match[3])}分之{cardinal(match[2])}"),
    rule(r"(-?)(\d+(?:\.\d+)?)%", lambda match: f"{'负' if match[1] else ''}百分之{number(match[2])}"),
    rule(r"(?<!\d)(?:\+?86\ ?)?1(?:[38]\d|5[0-35-9]|7[678]|9[89])\d{8}(?!\d)", _parts),
    rule(r"(?<!\d)(?:0(?:10|2[1-3]|[3-9]\d{2})-?)?[1-9]\d{6,7}(?!\d)", _parts),
    rule(r"400-?\d{3}-?\d{4}", _parts),
    rule(r"(?<![\d+\-×÷=])(-?\d+(?:\.\d+)?)[-~](-?\d+(?:\.\d+)?)(?![\d+\-×÷=])", _spoken_range),
    rule(r"-(\d+)", lambda match: f"负{cardinal(match[1])}"),
    rule(r"\d+\.\d+(?:\.\d+)?(?:\.\d+)+", lambda match: "".join(
        "点" if letter == "." else digits(letter) for letter in match[0]
    )),
    rule(r"-?\d+\.\d+|\.\d+", lambda match: number(match[0]) if match[0][0] == "." else _figure(match, 0)),
    rule(rf"(\d+)([多余几+])?({one_of(set(_MEASURES.split('|')))})", _measure),
    rule(r"\d{3}\d*", lambda match: digits(match[0], telephone=True)),
    rule(r"-?\d+", lambda match: _figure(match, 0)),
)  # fmt: skip
_WORDS = {"/": "每", "+": "加", "-": "减", "×": "乘", "÷": "除", "=": "等"}
_WORDS |= {chr(0x2460 + n): "一二三四五六七八九十"[n] for n in range(10)} | GREEK
_WORDS |= {big: GREEK[big.lower()] for big in "ΓΔΘΛΞΠΣΦΨΩ"}


def _sentence(text: str) -> str:
    text = text.translate(_WIDE)
    text = _apply(_BEFORE_UNITS, text)
    for unit, word in _UNITS.items():
        text = text.replace(unit, word)
    text = _SUM.sub(lambda match: match[1] + {"+": "加", "-": "减", "×": "乘", "÷": "除", "=": "等于"}[match[2]], text)
    text = "".join(_WORDS.get(letter, letter) for letter in _apply(_AFTER_SUMS, text))
    return _DROPPED_AT_THE_END.sub("", text)


def _apply(rules: tuple[Rule, ...], text: str) -> str:
    for each in rules:
        text = each.pattern.sub(each.say, text)
    return text


def spoken(text: str) -> str:
    """The text in words, as the reference says them."""
    text = _ENDS.sub("\\1\n", _DROPPED.sub("", text.replace(" ", ""))).strip()
    return "".join(_sentence(sentence.strip()) for sentence in re.split(r"\n+", text))


_MARKS = {
    "：": ",", "；": ",", "，": ",", "。": ".", "！": "!", "？": "?", "\n": ".", "·": ",", "、": ",", "$": ".",
    "/": ",", "—": "-", "~": "…", "～": "…",
}  # fmt: skip
_RUN = re.compile(r"([!?…,.\-])[!?…,.\-]+")


def punctuated(text: str, *, shorten: bool = True) -> str:
    """The six marks of the models for those of the text; Cantonese keeps runs of marks."""
    text = "".join(_MARKS.get(letter, letter) for letter in text.replace("...", "…"))
    return _RUN.sub(r"\1", text) if shorten else text
