"""`explanation_pdf`: the figures of an explanation's page as pages of a PDF, drawn as the examination report is."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any

import numpy as np
from reportlab.platypus import Flowable, KeepTogether

from forensics.explain.explanation import Explanation
from forensics.explain.faithfulness import smoothed
from forensics.explain.relevance import RelevanceMap
from forensics.explain.validated import MapFigures, Validation
from forensics.explain.words import TESTS, Language, Said, not_made, sentences
from forensics.records import Figure, Series
from reports import theme
from reports.blocks import Heading, bullets, gap, grid, panel, text
from reports.document import Digest, Furniture, build, epoch_date
from reports.enclosed import Attachment
from reports.explanation_flowables import Bar, Key, Picture
from reports.explanation_labels import label as word
from reports.explanation_labels import (
    layer_name,
    line_name,
    reference_name,
    short_name,
    test_name,
    tested_figure,
    tested_note,
)
from reports.explanation_pictures import Pixels, background, scale, tinted
from reports.page_one import Banner
from reports.plots import FigureBlock
from reports.theme import PageSize, sheet
from reports.typeface import markup, plain


def explanation_pdf(
    made: Explanation, validation: Validation, language: Language = "en", page: PageSize = "a4"
) -> bytes:
    """The file; the same explanation gives the same bytes (as `reports.pdf.pdf_bytes`)."""
    facts = made.examination.exhibit
    name = plain(PurePath(facts.path.replace("\\", "/")).name or facts.path)
    paper = sheet(page)
    data = json.dumps(made.told(), ensure_ascii=False, indent=1).encode()
    furniture = Furniture(
        title=f"{word('of', language)} {name}",
        running=name,
        exhibit_sha256=facts.sha256,
        author=f"{made.examination.tool.name} {made.examination.tool.version}",
        made=epoch_date(),
        attachments=(Attachment("explanation.json", data, "application/json", "The explanation as data"),),
        kind=word("report", language),
        language="zh-CN" if language == "zh" else "en",
    )
    return build(_Story(made, validation, language, paper.measure).flowables(name), paper, furniture)


class _Story:
    def __init__(self, made: Explanation, validation: Validation, language: Language, measure: float) -> None:
        self.made, self.validation, self.language, self.measure = made, validation, language, measure
        self.said: dict[str, Said] = {one.topic: one for one in sentences(made, validation)}
        self.sections = 0

    def word(self, name: str, **values: object) -> str:
        return word(name, self.language, **values)

    def flowables(self, name: str) -> list[Flowable]:
        """All of it, in the order of the page."""
        verdict, facts = self.made.examination.verdict, self.made.examination.exhibit
        story: list[Any] = [Banner(self.word("title"), name), text(markup(self.word("exhibit")), "fine")]
        story += [Digest("VoxproofExhibit", facts.sha256 or "-"), gap(8)]
        edge = theme.OUTCOME_COLOUR[verdict.outcome]
        story += [panel(self.two("answer", "lead"), self.measure, edge=edge), gap(6)]
        if self.made.passage.windows:
            story += self.passage()
        for one in self.made.maps:
            story += self.map(one)
        if self.made.maps:
            story += self.curves()
        story += [*self.shares(), *self.examples(), *self.tested(), *self.not_made()]
        story += [*self.heading("what_not"), text(markup(self.word("limits")))]
        return story

    def heading(self, name: str, **values: object) -> list[Any]:
        self.sections += 1
        title = self.word(name, **values)
        return [Heading(markup(title), 2, f"explain-{self.sections}", plain(title))]

    def two(self, topic: str, first: str = "body") -> list[Any]:
        """The two sentences about something."""
        if topic not in self.said:
            return []
        seen, means = self.said[topic].text(self.language)
        return [text(markup(seen), first), text(markup(means), "muted")]

    def passage(self) -> list[Any]:
        """What was heard, and which part of a long recording."""
        passage, whole = self.made.passage, self.made.examination.exhibit.seconds or 0.0
        story = self.heading("spectrogram")
        if passage.seconds < whole - 0.05:
            end = passage.start_s + passage.seconds
            said = self.word("passage", start=passage.start_s, end=end, whole=whole)
            story.append(text(markup(f"{said} {self.word('passage_why')}"), "small"))
        note = self.word("spectrogram_note")
        picture = background(self.made.picture, washed=False)
        return [*story, text(markup(note), "fine"), self.picture(picture, note, 96.0)]

    def map(self, one: RelevanceMap) -> list[Any]:
        """One map with its sentences, on one page."""
        values = {"scale": scale(one), "layer": layer_name(one.layer, self.language)}
        note = self.word(f"{one.method}_note", **values)
        topic = f"{one.method} {one.line}"
        seen = plain(self.said[topic].text(self.language)[0])
        drawn = self.picture(tinted(one, self.made.picture), seen, 112.0)
        head = self.heading(one.method, line=line_name(one.line, self.language))
        return [KeepTogether([*head, *self.two(topic), text(markup(note), "fine"), self.key(), drawn])]

    def key(self) -> Flowable:
        return Key(((self.word("machine"), theme.VERMILION), (self.word("person"), theme.TEAL)))

    def picture(self, pixels: Pixels, alt: str, up: float) -> Flowable:
        passage = self.made.passage
        names = self.word("time"), self.word("frequency")
        return Picture(pixels, passage.start_s, passage.seconds, up, alt, names)

    def curves(self) -> list[Any]:
        """The detectors' own curves, and the maps over time."""
        start, end = self.made.passage.start_s, self.made.passage.start_s + self.made.passage.seconds
        story: list[Any] = self.heading("curves")
        for finding in self.made.examination.findings:
            for figure in finding.figures[:1]:
                title = f"{line_name(finding.method, self.language)} · {self.word('lr_note')}"
                names = {"machine": self.word("of_machine"), "person": self.word("of_person")}
                axes = {
                    "x_label": self.word("time"), "y_label": self.word("lr_axis"), "title": title, "kind": "chart",
                    "spans": (), "levels": tuple((value, names.get(said, said)) for value, said in figure.levels),
                }  # fmt: skip
                story.append(FigureBlock(_cut(figure, start, end).model_copy(update=axes), None, up=62.0))
        series, scales = [], []
        for one in self.made.maps:
            values = smoothed(one.contrast_over_time)
            top = float(np.abs(values).max()) or 1.0
            scales.append(f"{top:.4f}")
            times = start + (np.arange(values.size) + 0.5) * 0.02
            name = short_name(one.method, one.line, self.language)
            series.append(Series(label=name, x=tuple(times.tolist()), y=tuple((values / top).tolist())))
        figure = Figure(
            kind="chart", title=self.word("relevance"), x_label=self.word("time"), y_label="", series=tuple(series),
            levels=((0.0, ""),),
        )  # fmt: skip
        figure = _cut(figure, start, end)
        note = self.word("relevance_note", scales=", ".join(scales))
        return [*story, KeepTogether([FigureBlock(figure, None, up=70.0), text(markup(note), "fine")])]

    def shares(self) -> list[Any]:
        """What every line adds."""
        shares = self.made.shares
        if shares is None or not shares.lines:
            return []
        widest = max(abs(one.bans) for one in shares.lines) or 1.0
        rows = [
            (markup(line_name(one.line, self.language)), f"{one.bans:+.2f}", Bar(one, widest), f"{one.alone:+.2f}")
            for one in shares.lines
        ]
        head = ("", "log10 LR", "", markup(self.word("alone")))
        table = grid(head, rows, (150, 60, self.measure - 270, 60), right=(1, 3))
        note = text(markup(self.word("shares_note", total=shares.total)), "fine")
        return [KeepTogether([*self.heading("shares"), *self.two("shares"), note, table])]

    def examples(self) -> list[Any]:
        """The nearest clips."""
        found = self.made.neighbours
        if found is None or not found.nearest:
            return []
        names = {"human": "human", "machine": "machines", "unlabelled": "unlabelled"}
        rows = [
            (
                markup(self.word(names[one.reference.label])),
                markup(reference_name(one.reference, self.language)),
                f"{one.distance:.2f}",
                markup(one.reference.source),
            )
            for one in found.nearest
        ]
        table = grid(("", "", "", ""), rows, (60, 150, 44, self.measure - 254), right=(2,))
        left_out = [text(markup(f"{self.word('skipped')}: {one}"), "fine") for one in found.skipped[:20]]
        note = text(markup(self.word("examples_note")), "fine")
        return [KeepTogether([*self.heading("examples"), *self.two("examples"), note, table]), *left_out]

    def tested(self) -> list[Any]:
        """The tests of the maps that are shown."""
        shown = [self.validation.of(one.method, one.line) for one in self.made.maps]
        rows = [
            [markup(self.word(one.method, line=line_name(one.line, self.language))), *self.figures(one)]
            for one in shown
            if one is not None
        ]
        if not rows:
            return []
        head = [markup(self.word("map")), *(markup(test_name(one, self.language)) for one in TESTS)]
        across = (self.measure - 110) / len(TESTS)
        note = text(markup(tested_note(self.validation, self.language)), "fine")
        return [KeepTogether([*self.heading("tested"), note, grid(head, rows, (110, *[across] * len(TESTS)))])]

    def figures(self, one: MapFigures) -> list[str]:
        """One row's figures; what was not passed says so."""
        failed = f' <font color="{theme.VERMILION}">{markup(self.word("failed"))}</font>'
        return [
            markup(tested_figure(one, test, self.language)) + (failed if test in one.failed else "") for test in TESTS
        ]

    def not_made(self) -> list[Any]:
        """What was asked for and could not be had."""
        if not self.made.not_made:
            return []
        return [*self.heading("not_made"), *bullets(map(markup, not_made(self.made.not_made, self.language)))]


def _cut(figure: Figure, start: float, end: float) -> Figure:
    """The curves of a figure between two instants, which become the ends of its axis."""
    series = []
    for one in figure.series:
        inside = [(x, y) for x, y in zip(one.x, one.y, strict=False) if start <= x <= end]
        kept = [(start, None), *inside, (end, None)]
        series.append(one.model_copy(update={"x": tuple(x for x, _ in kept), "y": tuple(y for _, y in kept)}))
    return figure.model_copy(update={"series": tuple(series)})
