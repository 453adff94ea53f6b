"""Written Mandarin -> spoken Mandarin: dates, times, telephone numbers, money, measures, fractions, signs.

A list of rules, applied in order; each is a pattern and a function that says what it matched. What is left is Chinese
characters and the six marks that the models know. `mandarin_reference` holds the other list, which repeats the
reference's reading, its mistakes included.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from synth.text.mandarin_numbers import cardinal, digits, number

Match = re.Match[str]
NUMBER = r"\d{1,30}(?:\.\d{1,30})?"

MEASURES = (
    "个|位|名|人|次|年|岁|天|周|月|日|号|点|时|分|秒|分钟|小时|世纪|代|届|期|辈|条|只|头|匹|张|把|本|册|页|篇|首|部|辆|台|架|艘|"
    "座|栋|间|层|楼|家|户|所|处|场|回|趟|遍|顿|口|块|元|角|毛|美元|欧元|日元|万|亿|千|百|十|公里|公斤|公分|公顷|平方|立方|米|厘米|"
    "毫米|千米|克|千克|毫克|吨|斤|两|升|毫升|亩|度|倍|层|级|步|圈|种|类|项|件|套|双|对|副|根|支|枝|棵|株|朵|颗|粒|滴|片|面|幅|道|"
    "盏|顶|扇|杯|瓶|碗|盘|盒|箱|袋|包|桶|壶|锅|桌|堂|节|课|门|题|字|句|行|段|章|票|分之|班|队|排|组|批|群|伙|帮|股|笔|封|枚|"
    "秒钟|刻|更|夜|晚|宿|站|路|线|环|寸|尺|丈|里|海里|英里|磅|瓦|千瓦|伏|安|赫兹|像素|字节|分贝|帧|集|季|局|轮|胜|负|平|球|票|席|届|"
    "個|張|條|隻|雙|對|塊|點|號|歲|層|樓|間|輛|臺|頂|頭|顆|頓|種|類|項|門|題|雞|蚊|毫|仙|嚿|樖|萬|億|圓|兩|場|遍|餐|架|點鐘|分鐘|個月|小時"
)
LIANG = "两"
_NOT_LIANG = frozenset(
    {"月", "日", "号", "楼", "层", "班", "届", "期", "级", "两", "环", "号线", "线", "路", "分之", "十", "百"}
)
"""After 2, these measures keep 二: 二月, 二楼, 二班."""

UNITS = {
    "km/h": "千米每小时", "m/s": "米每秒", "kWh": "千瓦时", "km²": "平方千米", "km2": "平方千米", "cm²": "平方厘米",
    "cm2": "平方厘米", "mm²": "平方毫米", "cm³": "立方厘米", "cm3": "立方厘米", "m²": "平方米", "m2": "平方米",
    "m³": "立方米", "m3": "立方米", "km": "千米", "cm": "厘米", "mm": "毫米", "μm": "微米", "nm": "纳米",
    "dm": "分米", "m": "米", "kg": "千克", "mg": "毫克", "μg": "微克", "g": "克", "ml": "毫升", "mL": "毫升",
    "L": "升", "dB": "分贝", "db": "分贝", "kHz": "千赫兹", "MHz": "兆赫兹", "GHz": "吉赫兹", "Hz": "赫兹",
    "kW": "千瓦", "MW": "兆瓦", "W": "瓦", "kV": "千伏", "V": "伏", "mA": "毫安", "A": "安", "ms": "毫秒", "s": "秒",
    "min": "分钟", "h": "小时", "KB": "千字节", "MB": "兆字节", "GB": "吉字节", "TB": "太字节", "rpm": "转每分钟",
    "Pa": "帕", "kPa": "千帕", "mmHg": "毫米汞柱", "‰": "", "㎡": "平方米", "㎏": "千克", "㎝": "厘米", "㎞": "千米",
    "㎜": "毫米",
}  # fmt: skip
CURRENCIES = {
    "¥": "元", "￥": "元", "RMB": "元", "CNY": "元", "$": "美元", "US$": "美元", "USD": "美元", "HK$": "港元",
    "HKD": "港元", "NT$": "新台币", "€": "欧元", "EUR": "欧元", "£": "英镑", "GBP": "英镑", "₩": "韩元",
    "JPY": "日元",
}  # fmt: skip
SIGNS = {
    "+": "加", "×": "乘", "*": "乘", "÷": "除以", "=": "等于", "≈": "约等于", "≠": "不等于", "<": "小于", ">": "大于",
    "≤": "小于等于", "≥": "大于等于", "±": "正负", "℃": "摄氏度", "°": "度", "%": "百分号", "&": "和", "@": "艾特",
    "‰": "千分号", "№": "号", "〇": "零", "○": "零",
}  # fmt: skip
GREEK = {
    "α": "阿尔法", "β": "贝塔", "γ": "伽玛", "δ": "德尔塔", "ε": "艾普西龙", "ζ": "捷塔", "η": "依塔", "θ": "西塔",
    "ι": "艾欧塔", "κ": "喀帕", "λ": "拉姆达", "μ": "缪", "ν": "拗", "ξ": "克西", "ο": "欧米克伦", "π": "派",
    "ρ": "肉", "ς": "西格玛", "σ": "西格玛", "τ": "套", "υ": "宇普西龙", "φ": "服艾", "χ": "器", "ψ": "普赛",
    "ω": "欧米伽",
}  # fmt: skip
_EXPONENTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


@dataclass(frozen=True)
class Rule:
    """One reading: wherever `pattern` matches, `say` gives the words."""

    pattern: re.Pattern[str]
    say: Callable[[Match], str]


def rule(pattern: str, say: Callable[[Match], str]) -> Rule:
    """A rule from the text of its pattern (verbose syntax)."""
    return Rule(re.compile(pattern, re.VERBOSE), say)


def one_of(words: object) -> str:
    """A pattern for any of the words, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))  # type: ignore[call-overload]


def _signed(written: str, minus: str = "负") -> str:
    return f"{minus}{number(written[1:], liang=True)}" if written.startswith("-") else number(written, liang=True)


def _date(match: Match) -> str:
    year, month, day = match["year"], match["month"], match["day"]
    return f"{digits(year)}年{cardinal(month)}月" + (f"{cardinal(day)}日" if day else "")


def _year(match: Match) -> str:
    year = match["year"]
    by_digit = len(year) == 4 or match["month"] or year.startswith("0") or (match["more"] or int(year) >= 50)
    return (digits(year) if by_digit else _counted(year, "年")) + "年"


def clock(hour: str, minute: str, second: str | None) -> str:
    """8:05:30 -> 八点零五分三十秒, 8:30 -> 八点半, 8:00 -> 八点."""
    spoken = ("零" if int(hour) == 0 else "两" if int(hour) == 2 else cardinal(hour)) + "点"
    if int(minute) == 30 and not (second and int(second)):
        spoken += "半"
    elif int(minute) or (second and int(second)):
        spoken += _two_figures(minute) + "分"
    return spoken + (f"{_two_figures(second)}秒" if second and int(second) else "")


def _two_figures(written: str) -> str:
    return ("零" if written.startswith("0") and written != "00" else "") + cardinal(written)


def _clock_range(match: Match) -> str:
    return f"{clock(match[1], match[2], match[3])}到{clock(match[4], match[5], match[6])}"


def _money(match: Match) -> str:
    amount, unit = re.sub(r"\.0+$|(?<=\.\d)0+$", "", match["amount"]), CURRENCIES[match["sign"]]
    return f"{number(amount, liang=True)}{match['big'] or ''}{unit}"


def _telephone(match: Match) -> str:
    return "，".join(digits(part, telephone=True) for part in re.findall(r"\d+", match[0]))


def _temperature(match: Match) -> str:
    return f"{_signed(match[1], '零下')}{'摄氏度' if match[2] in {'摄氏度', '℃', '°C'} else '度'}"


def _per(match: Match) -> str:
    base = "百" if match[2] == "%" else "千"
    minus = "负" if match[1].startswith("-") else ""
    return f"{minus}{base}分之{number(match[1].lstrip('-'))}"


def _fraction(match: Match) -> str:
    return f"{'负' if match[1] else ''}{cardinal(match[3])}分之{cardinal(match[2])}"


def _counted(figure: str, measure: str) -> str:
    if figure.strip("0") == "2" and len(figure) == 1 and measure not in _NOT_LIANG:
        return LIANG
    return number(figure, liang=True)


def _quantity(match: Match) -> str:
    more = {"+": "多", None: ""}.get(match[2], match[2])
    return f"{_counted(match[1], match[3])}{more}{match[3]}"


def _serial(match: Match) -> str:
    figure = match[0]
    if figure.endswith("00") and not figure.startswith("0") and len(figure) <= 12:
        return cardinal(figure, liang=True)
    return digits(figure, telephone=True)


_TIME = r"(?<![\d:])([01]?\d|2[0-3]) : ([0-5]\d) (?: : ([0-5]\d) )? (?![\d:])"
_HEAT = "°C|℃|摄氏度|度(?!假)|°"
_UNIT = f"(?:{one_of(UNITS)})(?![A-Za-z0-9])"
LONG = rule(r"\d{31,}", lambda match: digits(match[0], telephone=True))
"""No number has so many digits; said first, so that no later pattern meets a long run and takes long over it."""
RULES = (
    LONG,
    rule(r"(?<![\d,])\d{1,3} (?:,\d{3}){1,9} (?![\d,]*\d)", lambda match: match[0].replace(",", "")),
    rule(r"(?<!\d)(?P<year>\d{4}) ([-/.]) (?P<month>0?[1-9]|1[0-2]) \2 (?P<day>0?[1-9]|[12]\d|3[01]) (?!\d)", _date),
    rule(
        r"(?<![\d.])(?P<year>\d{4}|\d{2}) 年 (?: (?=(?P<month>\d{1,2}月)) | (?=(?P<more>[初底末春夏秋冬度级款版代])))?",
        _year,
    ),
    rule(
        r"(?<![\d.])(0?[1-9]|1[0-2]) 月 (?:(0?[1-9]|[12]\d|3[01])([日号]))?(?!份?[\d])",
        lambda match: f"{cardinal(match[1])}月" + (f"{cardinal(match[2])}{match[3]}" if match[2] else ""),
    ),
    rule(_TIME.replace("(?![\\d:])", "") + r" \s*[-~—–至到]+\s* " + _TIME.replace("(?<![\\d:])", ""), _clock_range),
    rule(_TIME, lambda match: clock(match[1], match[2], match[3])),
    rule(
        r"(?<![\d.])(?: \+?86[ -]? )? 1[3-9]\d [ -]? \d{4} [ -]? \d{4} (?![\d.])",
        lambda match: "，".join(
            filter(
                None,
                [
                    digits(match[0].lstrip("+")[:2], telephone=True) if match[0].lstrip("+").startswith("86") else "",
                    digits(re.sub(r"\D", "", match[0])[-11:], telephone=True),
                ],
            )
        ),
    ),
    rule(r"(?<![\d.]) 0(?:10|2\d|[3-9]\d{2}) -? [1-9]\d{6,7} (?![\d.])", lambda match: _split_area(match[0])),
    rule(r"(?<![\d.]) [48]00 - \d{3} - ?\d{4} (?![\d.])", _telephone),
    rule(r"(?<=\d) \s+ (?=\d)", lambda _: ","),
    rule(f"(?P<sign>{one_of(CURRENCIES)}) \\s? (?P<amount>{NUMBER}) (?P<big>[万亿千百])? 元?", _money),
    rule(
        f"({NUMBER}) \\s? ({_HEAT}|{_UNIT}|%|‰)? \\s? [~–—] \\s? (?=-?{NUMBER})",
        lambda match: f"{match[1]}{match[2] or ''}到",
    ),
    rule(f"({NUMBER}) ({_HEAT}|{_UNIT}|%) - (?={NUMBER})", lambda match: f"{match[1]}{match[2]}到"),
    rule(f"(?<![\\d.A-Za-z=+×÷*-]) ({NUMBER}) - (?={NUMBER}(?![\\d.]*[-=+×÷*\\d]))", lambda match: f"{match[1]}到"),
    rule(f"(?<![\\d.A-Za-z]) (-?{NUMBER}) \\s? ({_HEAT})", _temperature),
    rule(
        f"((?<![\\d)])-)?({NUMBER}) \\s? ({_UNIT})",
        lambda match: (
            f"{'负' if match[1] else ''}{_counted(match[2], '米')}{UNITS[match[3]]}" if UNITS[match[3]] else match[0]
        ),
    ),
    rule(f"((?:(?<![\\d)])-)?{NUMBER}) \\s? ([%‰])", _per),
    rule(r"(?<![\d/.])(-)?(\d{1,9}) / (\d{1,9})(?![\d/.])", _fraction),
    rule(r"(?<![\d:.])(\d{1,4}) : (\d{1,4})(?![\d:.])", lambda match: f"{number(match[1])}比{number(match[2])}"),
    rule(f"(?<=[\\d)a-zA-Z⁰¹²³⁴⁵⁶⁷⁸⁹]) \\s? - \\s? (?={NUMBER}\\s?[=＝])", lambda _: "减"),
    rule(f"(?<=[=+×÷*]) - (?={NUMBER})", lambda _: "负"),
    rule(
        r"([⁰¹²³⁴⁵⁶⁷⁸⁹]{1,9})",
        lambda match: (
            ({"2": "平方", "3": "立方"}.get(power := match[1].translate(_EXPONENTS)) or f"{cardinal(power)}次方")
            if match.start() and match.string[match.start() - 1].isalnum()
            else cardinal(match[1].translate(_EXPONENTS))
        ),
    ),
    rule(r"\d{1,9} (?:\.\d{1,9}){2,9}", lambda match: "点".join(digits(part) for part in match[0].split("."))),
    rule(f"(?<![\\d.A-Za-z)]) - ({NUMBER})", lambda match: f"负{number(match[1], liang=True)}"),
    rule(r"第 (\d{1,12})", lambda match: f"第{cardinal(match[1])}"),
    rule(r"([5-9]0) 后", lambda match: f"{digits(match[1])}后"),
    rule(r"公元前? (\d{3,4}) 年", lambda match: match[0].replace(match[1], digits(match[1]))),
    rule(f"(?<![\\d.A-Za-z])({NUMBER}) (\\+|多|余|几)? (" + one_of(set(MEASURES.split("|"))) + ")", _quantity),
    rule(r"(\d{1,30}\.\d{1,30}) | (?<!\d)(\.\d{1,30})", lambda match: number(match[0])),
    rule(r"\d{3,}", _serial),
    rule(r"0\d", lambda match: digits(match[0])),
    rule(r"\d{1,2}", lambda match: cardinal(match[0])),
    rule("[①-⑳]", lambda match: cardinal(str(ord(match[0]) - 0x245F))),
    rule("[㈠-㈩]", lambda match: "一二三四五六七八九十"[ord(match[0]) - 0x3220]),
    rule(f"[{''.join(GREEK)}]", lambda match: GREEK[match[0]]),
)
"""The order matters: what needs more context comes first."""


def _split_area(written: str) -> str:
    figures = written.replace("-", "")
    area = 3 if figures[1] in "12" else 4
    return f"{digits(figures[:area], telephone=True)}，{digits(figures[area:], telephone=True)}"


_MARKS = {
    ":": ",", "：": ",", ";": ",", "；": ",", "，": ",", "、": ",", "·": ",", "(": ",", ")": ",", "（": ",", "）": ",",
    "【": ",", "】": ",", "[": ",", "]": ",", "〔": ",", "〕": ",", "—": ",", "―": ",", "–": "-", "/": ",", "|": ",",
    "。": ".", "｡": ".", "\n": ".", "\r": ".", "$": ".", "！": "!", "？": "?", "⋯": "…", "~": "…", "～": "…",
    "‼": "!", "⁇": "?",
}  # fmt: skip
"""Marks that a reader pauses at; brackets and dashes are pauses too, quotation marks and book titles are not."""
_ELLIPSIS = re.compile(r"\.{3,}|。{2,}|…+")
_RUN = re.compile(r"([!?…,.\-])[!?…,.\-]+")


_INFIX = frozenset("*<>&@%")
"""Signs that are read only between two words; elsewhere they are decoration."""
_SIGNS = re.compile(
    f"(?<=[\\w)])\\s?([{re.escape(''.join(_INFIX))}])(?=\\s?[\\w(])|([{re.escape(''.join(set(SIGNS) - _INFIX))}])"
)


def spoken(text: str) -> str:
    """The text in words, with marks still as they were written."""
    text = _ELLIPSIS.sub("…", text.translate(_FULL_WIDTH))
    for each in RULES:
        text = each.pattern.sub(each.say, text)
    text = _SIGNS.sub(lambda match: SIGNS[match[1] or match[2]], text)
    return text.replace("〇", "零")


def punctuated(text: str) -> str:
    """The six marks of the models for those of the text, runs of marks shortened to their first."""
    return _RUN.sub(r"\1", "".join(_MARKS.get(letter, letter) for letter in text))
