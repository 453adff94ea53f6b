"""`explanation_html`: an Explanation as one HTML file that needs nothing else, its sound playing in step with its maps.

Pictures and sounds are inside the file; no script but its own, nothing is fetched (its own policy forbids it).
"""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import wave
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import PurePath

import numpy as np
import numpy.typing as npt

from detectors.inference import RATE
from forensics.explain.examples import Neighbour
from forensics.explain.explanation import Explanation
from forensics.explain.faithfulness import smoothed
from forensics.explain.relevance import RelevanceMap
from forensics.explain.validated import MapFigures, Validation
from forensics.explain.words import TESTS, Language, Said, not_made, sentences
from forensics.records import GRID_S
from reports import theme
from reports.explanation_labels import (
    label,
    layer_name,
    line_name,
    reference_name,
    short_name,
    test_name,
    tested_figure,
    tested_note,
)
from reports.explanation_pictures import background, scale, tinted
from reports.explanation_plots import Plots, data_uri
from reports.explanation_style import SCRIPT, STYLE
from reports.typeface import plain
from synth import audio
from synth.errors import VoxproofError

_OWN = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; media-src data:; "
    f"style-src 'unsafe-inline'; script-src 'sha256-{_OWN}'"
)
"""What a browser lets the page do: show and play what is inside it, run this one script, fetch nothing."""
PREVIEW_S = 8.0
"""Seconds of the user's own references that are put into the page."""


def explanation_html(made: Explanation, validation: Validation, language: Language = "en") -> str:
    """The page."""
    page = _Page(made, validation, language)
    return "".join(page.parts())


class _Page:
    def __init__(self, made: Explanation, validation: Validation, language: Language) -> None:
        self.made, self.validation, self.language = made, validation, language
        self.said = {one.topic: one for one in sentences(made, validation)}
        self.start, self.seconds = made.passage.start_s, made.passage.seconds
        self.plots = Plots(self.start, self.seconds, self.word("frequency"))

    def parts(self) -> Iterator[str]:
        """All of the file, in order."""
        facts, verdict = self.made.examination.exhibit, self.made.examination.verdict
        name = escape(plain(PurePath(facts.path.replace("\\", "/")).name or facts.path))
        title = f"{self.word('of')} {name}" if self.language == "en" else f"{self.word('of')}{name}"
        yield (
            f'<!doctype html><html lang="{"zh-CN" if self.language == "zh" else "en"}"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width,initial-scale=1">'
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><title>{title}</title>'
            f'<style>{STYLE}</style></head><body data-start="{self.start:.3f}" data-seconds="{self.seconds:.3f}">'
            f'<header><h1>{self.word("title")}</h1><p class="file">{name}</p>'
            f'<p class="hash">{self.word("exhibit")} {facts.sha256 or "-"}</p>'
        )
        colour = theme.OUTCOME_COLOUR[verdict.outcome]
        yield f'<section class="answer" style="--edge:{colour}">{self.words("answer")}</section></header>'
        if self.made.passage.windows:
            yield self.player()
        yield "<main>"
        if self.made.passage.windows:
            yield self.spectrogram()
        yield from (self.map(one) for one in self.made.maps)
        if self.made.maps:
            yield self.curves()
        yield self.shares()
        yield self.examples()
        yield self.tested()
        yield self.not_made()
        yield (
            f"<h2>{self.word('what_not')}</h2><p>{self.word('limits')}</p></main>"
            f"<footer>{escape(self.made.examination.tool.name)} {escape(self.made.examination.tool.version)} · "
            f"{self.made.examination.tool.config_sha256[:16]}</footer><script>{SCRIPT}</script></body></html>\n"
        )

    def word(self, name: str, **values: object) -> str:
        """A label, escaped."""
        return escape(label(name, self.language, **values))

    def colon(self) -> str:
        """Between a name and what is said of it."""
        return "：" if self.language == "zh" else ". "

    def words(self, topic: str) -> str:
        """The two sentences about something."""
        said: Said | None = self.said.get(topic)
        if said is None:
            return ""
        seen, means = (escape(plain(one)) for one in said.text(self.language))
        return f'<p class="seen">{seen}</p><p class="means">{means}</p>'

    def player(self) -> str:
        """The sound, which stays in sight."""
        whole = self.made.examination.exhibit.seconds or self.seconds
        said = ""
        if self.seconds < whole - 0.05:
            said = self.word("passage", start=self.start, end=self.start + self.seconds, whole=whole)
            said = f"<span>{said} {self.word('passage_why')}</span>"
        return (
            f'<div class="bar"><div><audio id="sound" controls preload="auto" aria-label="{self.word("play")}" '
            f'src="{_wav(self.made.passage.samples)}"></audio><output id="now" aria-live="off"></output>'
            f"<span>{self.word('seek')}</span>{said}</div></div>"
        )

    def spectrogram(self) -> str:
        """What was heard."""
        picture = background(self.made.picture, washed=False)
        shown = self.plots.picture(picture, self.word("spectrogram_note"), 190)
        note = f'<p class="note">{self.word("spectrogram_note")}</p>'
        return f"<section><h2>{self.word('spectrogram')}</h2>{note}{shown}</section>"

    def map(self, one: RelevanceMap) -> str:
        """One map with its sentences."""
        title = self.word(one.method, line=line_name(one.line, self.language))
        note = self.word(f"{one.method}_note", scale=scale(one), layer=layer_name(one.layer, self.language))
        cells = self.plots.cells(one) if one.method == "occlusion" else ""
        keys = "".join(
            f'<span class="key"><i style="background:{colour}"></i>{self.word(name)}</span>'
            for name, colour in (("machine", theme.VERMILION), ("person", theme.TEAL))
        )
        topic = f"{one.method} {one.line}"
        alt = plain(self.said[topic].text(self.language)[0]) if topic in self.said else title
        return (
            f"<section><h2>{title}</h2>{self.words(topic)}"
            f'<p class="note">{note}</p><p>{keys}</p>'
            f"{self.plots.picture(tinted(one, self.made.picture), escape(alt), 230, cells)}</section>"
        )

    def curves(self) -> str:
        """The detectors' own curves, and what the maps say over time."""
        parts = [f"<section><h2>{self.word('curves')}</h2>"]
        for finding in self.made.examination.findings:
            figure = next((one for one in finding.figures if one.kind == "time"), None)
            if finding.log10_lr is None or figure is None or not figure.series:
                continue
            series = figure.series[0]
            values = np.array([np.nan if y is None else y for y in series.y])
            levels = [value for value, _ in figure.levels]
            name = escape(line_name(finding.method, self.language))
            parts.append(f'<p class="note"><b>{name}</b>{self.colon()}{self.word("lr_note")}</p>')
            parts.append(self.plots.curves([(np.array(series.x, np.float64), values)], levels, name))
        drawn, keys, scales = [], [], []
        for n, one in enumerate(self.made.maps):
            values = smoothed(one.contrast_over_time)
            top = float(np.abs(values).max()) or 1.0
            times = np.asarray(self.start + (np.arange(values.size) + 0.5) * GRID_S, np.float64)
            drawn.append((times, np.asarray(values / top, np.float64)))
            scales.append(f"{top:.4f}")
            name = escape(short_name(one.method, one.line, self.language))
            keys.append(self.plots.key(n, name))
        note = self.word("relevance_note", scales=", ".join(scales))
        parts.append(f'<p class="note"><b>{self.word("relevance")}</b>{self.colon()}{note}</p><p>{"".join(keys)}</p>')
        parts.append(self.plots.curves(drawn, [0.0], self.word("relevance")))
        return "".join(parts) + "</section>"

    def shares(self) -> str:
        """What every line adds, as bars."""
        shares = self.made.shares
        if shares is None or not shares.lines:
            return ""
        widest = max(abs(one.bans) for one in shares.lines) or 1.0
        rows = []
        for one in shares.lines:
            wide = 50 * abs(one.bans) / widest
            left = 50 if one.bans >= 0 else 50 - wide
            colour = theme.VERMILION if one.bans > 0 else theme.TEAL
            rows.append(
                f'<tr><td>{escape(line_name(one.line, self.language))}</td><td class="n">{one.bans:+.2f}</td>'
                f'<td class="b"><div class="share"><i style="left:{left:.1f}%;width:{wide:.1f}%;background:{colour}">'
                f'</i><b></b></div></td><td class="n"><small>{self.word("alone")} {one.alone:+.2f}</small></td></tr>'
            )
        note = self.word("shares_note", total=shares.total)
        return (
            f"<section><h2>{self.word('shares')}</h2>{self.words('shares')}"
            f'<p class="note">{note}</p><table class="shares">{"".join(rows)}</table></section>'
        )

    def examples(self) -> str:
        """The nearest clips, playable."""
        found = self.made.neighbours
        if found is None or not found.nearest:
            return ""
        lists = []
        for name, title in (("human", "human"), ("machine", "machines"), ("unlabelled", "unlabelled")):
            near = [one for one in found.nearest if one.reference.label == name]
            if near:
                lists.append(f"<div><h3>{self.word(title)}</h3><ol>{''.join(map(self.near, near))}</ol></div>")
        skipped = "".join(f"<li>{escape(plain(one))}</li>" for one in found.skipped)
        more = f'<p class="note">{self.word("skipped")}:</p><ul class="note">{skipped}</ul>' if skipped else ""
        return (
            f"<section><h2>{self.word('examples')}</h2>{self.words('examples')}"
            f'<p class="note">{self.word("examples_note")}</p><div class="near">{"".join(lists)}</div>{more}</section>'
        )

    def near(self, one: Neighbour) -> str:
        """One clip."""
        reference = one.reference
        name = escape(plain(reference_name(reference, self.language)))
        source = escape(plain(reference.source))
        return (
            f"<li>{name}, {one.distance:.2f}<br><small>{source}</small>"
            f'<audio controls preload="none" aria-label="{name}" src="{_sound(one)}"></audio></li>'
        )

    def tested(self) -> str:
        """The tests of the maps that are shown."""
        shown = [self.validation.of(one.method, one.line) for one in self.made.maps]
        rows = [one for one in shown if one is not None]
        if not rows:
            return ""
        head = "".join(f"<th>{escape(test_name(one, self.language))}</th>" for one in TESTS)
        note = escape(tested_note(self.validation, self.language))
        body = "".join(
            f"<tr><td>{self.word(one.method, line=line_name(one.line, self.language))}</td>"
            f"{''.join(self.figure(one, name) for name in TESTS)}</tr>"
            for one in rows
        )
        return (
            f'<section><h2>{self.word("tested")}</h2><p class="note">{note}</p>'
            f'<div class="scroll"><table><tr><th>{self.word("map")}</th>{head}</tr>{body}</table></div></section>'
        )

    def figure(self, one: MapFigures, test: str) -> str:
        """One figure of a test."""
        said = escape(tested_figure(one, test, self.language)).replace("], ", "]<br>")
        if test in one.failed:
            return f'<td class="n no">{said}<br>✕ {self.word("failed")}</td>'
        return f'<td class="n">{said}</td>'

    def not_made(self) -> str:
        """What was asked for and could not be had, and why."""
        if not self.made.not_made:
            return ""
        items = "".join(f"<li>{escape(plain(one))}</li>" for one in not_made(self.made.not_made, self.language))
        return f'<section><h2>{self.word("not_made")}</h2><ul class="note">{items}</ul></section>'


def _wav(samples: npt.NDArray[np.float32]) -> str:
    """Samples [time], 16 kHz, as a WAV file in a URI."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return data_uri("audio/wav", out.getvalue())


def _sound(one: Neighbour) -> str:
    """A reference's sound in a URI; nothing where its file is gone."""
    reference = one.reference
    if reference.mp3:
        return data_uri("audio/mpeg", reference.mp3)
    if reference.path is None:
        return ""
    try:
        with audio.open_recording(reference.path) as recording:
            blocks: Iterable[npt.NDArray[np.float32]] = itertools.islice(recording.resampled(RATE), int(PREVIEW_S))
            return _wav(np.concatenate(list(blocks)))
    except VoxproofError:
        return ""
