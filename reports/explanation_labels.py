"""The words of an explanation's page and PDF that stand on every one of them: English and Chinese."""

from __future__ import annotations

from forensics.explain.examples import Reference
from forensics.explain.validated import MapFigures, Mean, Validation
from forensics.explain.words import LAYERS, LINES, TESTS, Language

_WORDS: dict[str, tuple[str, str]] = {
    "title": ("How the answer came about", "结论是如何得出的"),
    "of": ("Explanation of", "说明："),
    "play": ("Listen: the line moves through all pictures", "播放：竖线在所有图中同步移动"),
    "seek": ("Click into a picture to go there.", "点击图中位置可跳转。"),
    "passage": (
        "Explained: {start:.2f} to {end:.2f} s of {whole:.2f} s.",
        "所解释的部分：{start:.2f}–{end:.2f} 秒，全长 {whole:.2f} 秒。",
    ),
    "passage_why": (
        "This is the passage that leans most to where the whole recording leans.",
        "这是与整段录音倾向最一致的部分。",
    ),
    "spectrogram": ("What was heard", "所听到的声音"),
    "spectrogram_note": (
        "Mean power by time and frequency, up to 8 kHz, which is what the detectors hear; darker is louder.",
        "按时间和频率的平均功率，至 8 kHz（检测器所听的范围）；颜色越深声音越大。",
    ),
    "occlusion": ("Taking parts out: {line}", "移除局部：{line}"),
    "occlusion_note": (
        "Each cell is replaced by noise of the level around it; colour shows how much more (or less) the score falls "
        "than for as much sound elsewhere. Strongest colour: {scale:.2f} log-odds.",
        "每个单元以周围电平的噪声替换；颜色表示得分下降比移除别处同样多的声音多（或少）多少。"
        "最深颜色：{scale:.2f} 对数几率。",
    ),
    "gradients": ("Integrated gradients: {line}", "积分梯度：{line}"),
    "gradients_note": (
        "The score shared out over {layer}, compared with the same sound emptied. Strongest colour: {scale:.4f} "
        "log-odds.",
        "把得分分配到{layer}上（与清空后的同一声音相比）。最深颜色：{scale:.4f} 对数几率。",
    ),
    "occlusion_short": ("cells: {line}", "移除：{line}"),
    "gradients_short": ("gradients: {line}", "梯度：{line}"),
    "lr_axis": ("log10 LR (+ machine)", "log10 似然比（+ 机器）"),
    "of_machine": ("machine", "机器"),
    "of_person": ("person", "人声"),
    "machine": ("pulls the score towards a machine", "使得分偏向机器"),
    "person": ("pulls the score towards a person", "使得分偏向人声"),
    "curves": ("Over time", "随时间变化"),
    "relevance": ("Relevance, 0.5 s mean", "相关性（0.5 秒平均）"),
    "relevance_note": (
        "Each curve is drawn to its own largest value: {scales} log-odds every 20 ms.",
        "每条曲线按各自最大值绘制：每 20 毫秒 {scales} 对数几率。",
    ),
    "lr_note": (
        "The detector's own log10 LR over one second, with the thresholds that ship (dashed).",
        "检测器一秒窗口的 log10 似然比及随附阈值（虚线）。",
    ),
    "shares": ("What each line of evidence adds", "各证据线的贡献"),
    "shares_note": (
        "Shapley values, log10 LR; they add up to {total:+.2f}.",
        "沙普利值，log10 似然比；总和为 {total:+.2f}。",
    ),
    "alone": ("alone", "单独"),
    "examples": ("The nearest clips", "最近的片段"),
    "examples_note": (
        "Distance of the reasons for the speech detector's score, in log-odds.",
        "语音检测器得分原因之间的距离（对数几率）。",
    ),
    "human": ("People", "人声"),
    "machines": ("Machines", "机器语音"),
    "unlabelled": ("Unlabelled", "未标注"),
    "tested": ("How far these maps were tested", "这些图的检验情况"),
    "tested_note": (
        "On {human} clips of people and {machine} machine-made ones from {sources} pages and collections, "
        "{seconds:g} s each, {thorough} of them with shuffled weights and noise, and on {partial} partial edits "
        "({command}).",
        "检验材料：来自 {sources} 个来源的 {human} 段人声与 {machine} 段机器语音，各 {seconds:g} 秒，其中 {thorough} "
        "段另作权重打乱与加噪检验；另有 {partial} 段局部篡改录音（{command}）。",
    ),
    "map": ("map", "图"),
    "not_made": ("Not made", "未生成"),
    "what_not": ("What this page does not say", "本页不说明什么"),
    "limits": (
        "It does not say how the recording was made, nor that a coloured place was made by a machine: it says what "
        "moved the scores of these detectors. Detectors err; how often stands in their cards (voxproof models card).",
        "它不说明录音如何制作，也不说明着色处由机器生成：它只说明什么影响了这些检测器的得分。"
        "检测器会出错，错误率见其卡片（voxproof models card）。",
    ),
    "time": ("time (s)", "时间（秒）"),
    "frequency": ("kHz", "kHz"),
    "exhibit": ("Exhibit SHA-256", "检材 SHA-256"),
    "skipped": ("Left out", "略去"),
    "failed": ("failed", "未通过"),
    "chance": ("by chance", "随机"),
    "report": ("explanation", "结论说明"),
}  # fmt: skip


def label(name: str, language: Language, **values: object) -> str:
    """A label with its numbers."""
    return _WORDS[name][language == "zh"].format(**values)


def line_name(line: str, language: Language) -> str:
    """A line of evidence."""
    return LINES.get(line, (line, line))[language == "zh"]


def reference_name(reference: Reference, language: Language) -> str:
    """A clip to compare with."""
    return (reference.name_zh or reference.name) if language == "zh" else reference.name


def short_name(method: str, line: str, language: Language) -> str:
    """A map, in few letters."""
    short = {"detector.speech": ("speech", "语音"), "detector.spectral": ("spectral", "频谱")}
    return label(f"{method}_short", language, line=short.get(line, (line, line))[language == "zh"])


def layer_name(layer: str, language: Language) -> str:
    """A layer of a detector."""
    return LAYERS.get(layer, (layer, layer))[language == "zh"]


def tested_note(validation: Validation, language: Language) -> str:
    """On what the maps were tested."""
    return label("tested_note", language, **validation.model_dump(exclude={"span", "detectors", "tested"}))


def tested_figure(one: MapFigures, test: str, language: Language) -> str:
    """One figure of a test with its interval."""
    value: Mean | None = getattr(one, test)
    if value is None:
        return "-"
    said = f"{value.value:.2f} [{value.lower:.2f}, {value.upper:.2f}]"
    if test == "pointing" and one.by_chance is not None:
        said += f", {label('chance', language)} {one.by_chance.value:.2f}"
    return said


def test_name(test: str, language: Language) -> str:
    """A test of faithfulness."""
    return TESTS[test][language == "zh"]
