"""Two sentences for everything that is shown: what was seen, and what it means and does not mean. English and Chinese.

Templates with numbers put in: nothing is said that is not in the records. Which words may be said of a likelihood
ratio: forensics/words.py (ENFSI 2015); its bands in Chinese are ours, since no official translation is at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from forensics.explain.examples import Neighbour, Neighbours
from forensics.explain.explanation import Explanation, NotMade
from forensics.explain.fusion_shares import Share, Shares
from forensics.explain.relevance import RelevanceMap
from forensics.explain.validated import MapFigures, Validation
from forensics.records import Verdict
from forensics.words import strength

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")

LINES = {
    "detector.speech": ("trained speech detector", "语音检测器"),
    "detector.spectral": ("trained spectral detector", "频谱检测器"),
    "watermark.voiceprint": ("voiceprint watermark", "声纹水印"),
}
METHOD_NAMES = {
    "occlusion": ("taking parts out", "移除局部"),
    "gradients": ("integrated gradients", "积分梯度"),
    "shares": ("shares of the lines", "各证据线的份额"),
    "examples": ("nearest clips", "最近的片段"),
}
LAYERS = {
    "mel": ("the log-mel spectrum", "对数梅尔谱"),
    "stem": ("the output of its convolutions", "卷积层输出"),
    "encoder": ("the output of its encoder layer", "编码层输出"),
}
TESTS = {
    "deletion": ("deletion", "删除"),
    "insertion": ("insertion", "插入"),
    "shuffled": ("shuffled weights", "权重打乱"),
    "stable": ("stability under noise", "噪声下的稳定性"),
    "pointing": ("pointing at partial edits", "指向局部篡改"),
}
_STRENGTH = {
    "weak": "弱", "moderate": "中等", "moderately strong": "较强", "strong": "强", "very strong": "很强",
    "extremely strong": "极强",
}  # fmt: skip


@dataclass(frozen=True)
class Said:
    """Two sentences in two languages about one thing that is shown."""

    topic: str
    """`answer`, `shares`, `occlusion detector.speech`, …, `examples`."""
    seen: tuple[str, str]
    """What was measured: English, Chinese."""
    means: tuple[str, str]
    """What that means and does not mean: English, Chinese."""

    def text(self, language: Language) -> tuple[str, str]:
        """Both sentences in one language."""
        at = LANGUAGES.index(language)
        return self.seen[at], self.means[at]


def sentences(made: Explanation, validation: Validation) -> Iterator[Said]:
    """All that is said of an explanation, in the order of the page."""
    yield answer(made.examination.verdict)
    if made.shares is not None and made.shares.lines:
        yield of_shares(made.shares)
    for one in made.maps:
        tested = validation.of(one.method, one.line) if one.layer in ("sound", "mel") else None
        yield of_map(one, tested)
    if made.neighbours is not None and made.neighbours.nearest:
        yield of_examples(made.neighbours)


def answer(verdict: Verdict) -> Said:
    """The verdict that is explained."""
    if verdict.log10_lr is None or verdict.log10_lr_bounds is None:
        reason = verdict.reasons[0] if verdict.reasons else verdict.words
        return Said(
            "answer",
            (f"Machine or person could not be tested: {reason}", f"机器或人声：无法检验（{reason}）。"),
            ("There is no answer to explain.", "没有可供解释的结论。"),
        )
    value, (low, high) = verdict.log10_lr, verdict.log10_lr_bounds
    interval = f"{value:+.2f}", f"{low:+.2f}", f"{high:+.2f}"
    en = "log10 LR {}, 95 % interval {} to {}: {}.".format(*interval, verdict.words)
    zh = "log10 似然比 {}，95% 区间 {} 至 {}：{}。".format(*interval, _verdict_zh(verdict))
    return Said(
        "answer",
        (en[0].upper() + en[1:], zh),
        (
            "What follows shows how this answer came about; it adds no evidence, and is not the probability that "
            "either proposition is true.",
            "以下内容说明该结论如何得出；它不增加证据，也不是任一命题为真的概率。",
        ),
    )


def of_shares(shares: Shares) -> Said:
    """What every line adds."""
    en = ", ".join(f"{_line(one.line)[0]} {one.bans:+.2f}" for one in shares.lines)
    zh = "，".join(f"{_line(one.line)[1]} {one.bans:+.2f}" for one in shares.lines)
    return Said(
        "shares",
        (
            f"Of the fused log10 LR of {shares.total:+.2f} the lines of evidence carry: {en}.",
            f"融合后的 log10 似然比为 {shares.total:+.2f}，各证据线的份额：{zh}。",
        ),
        (
            f"A share says what a line added to this sum, not that the line is right{_apart(shares.lines)[0]}.",
            f"份额只说明该证据线对此总和的贡献，不说明该证据线正确{_apart(shares.lines)[1]}。",
        ),
    )


def of_map(one: RelevanceMap, tested: MapFigures | None) -> Said:
    """The strongest cells of a map, and what the map is worth."""
    line = _line(one.line)
    if one.method == "occlusion":
        seen = _occlusion_seen(one, line)
        means = (
            "This is what the detector reacts to when sound is taken out, not who or what made that sound",
            "这表示移除声音后检测器的反应，不表示该声音由谁或由什么产生",
        )
    else:
        seen = _gradients_seen(one, line)
        means = (
            f"This shares out the detector's score over {LAYERS[one.layer][0]}, compared with the same sound emptied; "
            "it does not say who or what made the sound",
            f"这是把检测器得分分配到{LAYERS[one.layer][1]}上（与清空后的同一声音相比），不表示声音由谁或由什么产生",
        )
    worth = _worth(tested)
    return Said(f"{one.method} {one.line}", seen, (f"{means[0]}; {worth[0]}.", f"{means[1]}；{worth[1]}。"))


def of_examples(found: Neighbours) -> Said:
    """The nearest clips."""
    near = [(label, found.of(label)) for label in ("human", "machine", "unlabelled")]
    names = {"human": ("person", "人声"), "machine": ("machine", "机器语音"), "unlabelled": ("unlabelled", "未标注")}
    firsts: list[tuple[tuple[str, str], Neighbour]] = [(names[label], some[0]) for label, some in near if some]
    en = "; ".join(f"{name[0]}, {n.reference.name} at {n.distance:.2f}" for name, n in firsts)
    zh = "；".join(f"{name[1]}：{n.reference.name_zh or n.reference.name}，距离 {n.distance:.2f}" for name, n in firsts)
    usual = ("", "") if found.usual is None else (
        f"; the references are typically {found.usual:.2f} from their nearest other",
        f"；参考片段与其最近片段的距离通常为 {found.usual:.2f}",
    )  # fmt: skip
    count = sum(found.compared.values())
    return Said(
        "examples",
        (f"Nearest among {count} clips: {en}{usual[0]}.", f"在 {count} 个片段中最近的是：{zh}{usual[1]}。"),
        (
            "Near clips get their score for like reasons; which of them is nearer is no evidence of who or what spoke.",
            "距离近表示得分的原因相似；哪一个更近并不能证明说话者是人还是机器。",
        ),
    )


def _occlusion_seen(one: RelevanceMap, line: tuple[str, str]) -> tuple[str, str]:
    scored, place = f"{one.score:+.2f}", one.strongest()
    if place is None:
        return (
            f"No cell changes the score of the {line[0]} ({scored} log-odds) more than as much sound does anywhere.",
            f"没有任何单元对{line[1]}得分（{scored} 对数几率）的影响超过移除同样多声音的平均影响。",
        )
    parts_en, parts_zh = [], []
    for at, en, zh in ((place, "falls most", "下降最多"), (one.strongest(-1), "rises most", "上升最多")):
        if at is None:
            continue
        where, value = _where(one, at), abs(float(one.contrast[at]))
        parts_en.append(f"{en} without {where[0]} (by {value:.2f})")
        parts_zh.append(f"移除 {where[1]}后{zh}（{value:.2f}）")
    return (
        f"Beyond what taking out as much sound does on the average, the score of the {line[0]} ({scored} log-odds) "
        f"{' and '.join(parts_en)}.",
        f"扣除移除同样多声音的平均影响后，{line[1]}得分（{scored} 对数几率）在{'，在'.join(parts_zh)}。",
    )


def _gradients_seen(one: RelevanceMap, line: tuple[str, str]) -> tuple[str, str]:
    gap = one.score - one.baseline
    return (
        f"The relevances for the {line[0]} add up to {one.total:+.2f}; score less baseline is {gap:+.2f}, so that "
        f"{abs(one.completeness_error):.3f} is not accounted for.",
        f"{line[1]}的相关性之和为 {one.total:+.2f}；得分减基线为 {gap:+.2f}，未解释的部分为 "
        f"{abs(one.completeness_error):.3f}。",
    )


def not_made(missing: Iterable[NotMade], language: Language) -> list[str]:
    """A line for everything that could not be had."""
    zh = language == "zh"
    said = []
    for one in missing:
        names = [METHOD_NAMES[one.method][zh] if one.method else "", _line(one.line)[zh] if one.line else ""]
        about = ("，" if zh else ", ").join(filter(None, names))
        reason = (one.reason_zh or one.reason) if zh else one.reason
        said.append(f"{about}：{reason}" if zh else f"{about}: {reason}")
    return said


def _where(one: RelevanceMap, place: tuple[int, int]) -> tuple[str, str]:
    band, column = place
    start, end = one.times_s[column], one.times_s[column + 1]
    low, high = one.bands_hz[band] / 1000, one.bands_hz[band + 1] / 1000
    return (
        f"{start:.2f} to {end:.2f} s, {low:.2f} to {high:.2f} kHz",
        f"{start:.2f}–{end:.2f} 秒、{low:.2f}–{high:.2f} kHz ",
    )


def _worth(tested: MapFigures | None) -> tuple[str, str]:
    """What the tests of faithfulness say of a map."""
    if tested is None:
        return "this kind of map was not tested", "此类图未经检验"
    if not tested.failed:
        return "in validation it passed every test", "在验证中通过了全部检验"
    en = ", ".join(TESTS[name][0] for name in tested.failed)
    zh = "、".join(TESTS[name][1] for name in tested.failed)
    return f"in validation it failed: {en}", f"在验证中未通过：{zh}"


def _apart(lines: tuple[Share, ...]) -> tuple[str, str]:
    """That lines contradict each other."""
    if min(one.bans for one in lines) < 0 < max(one.bans for one in lines):
        return "; here the lines point in different directions", "；此处各证据线方向不一"
    return "", ""


def _line(line: str) -> tuple[str, str]:
    return LINES.get(line, (line, line))


def _verdict_zh(verdict: Verdict) -> str:
    """The verbal equivalent in Chinese, as far as the outcome lets it be said."""
    if verdict.outcome == "inconclusive" or not verdict.log10_lr:
        return "不能得出结论：证据未明确支持任一命题"
    sides = ("至少部分语音由机器生成或转换", "全部语音由人说出")
    favoured, other = sides if verdict.log10_lr > 0 else sides[::-1]
    return f"对“{favoured}”（而非“{other}”）这一命题的支持程度：{_STRENGTH[strength(verdict.log10_lr)]}"
