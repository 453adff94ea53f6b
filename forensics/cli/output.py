"""What `verify` shows on a terminal: progress while it works, then one calm panel per clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, Group
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from forensics.records import Examination, VoiceComparison, Watermark
from forensics.words import named

COLOURS = {
    "supports_machine": "magenta",
    "supports_human": "cyan",
    "inconsistent": "magenta",
    "consistent": "cyan",
    "inconclusive": "yellow",
    "could_not_test": "yellow",
}
INTEGRITY = {
    "consistent": "consistent with a continuous recording",
    "inconsistent": "inconsistent with a continuous recording",
    "inconclusive": "inconclusive",
    "could_not_test": "could not be tested",
}


class Steps:
    """Progress of a call: clips times methods."""

    def __init__(self, bar: Progress, clips: int, methods: int) -> None:
        self.bar, self.methods = bar, methods
        self.task = bar.add_task("", total=clips * (methods + 2))
        self.done = 0
        self.clip = ""

    def begin(self, clip: Path) -> None:
        """The next clip."""
        self.clip = clip.name
        self.bar.update(self.task, completed=self.done * (self.methods + 2))
        self.done += 1

    def step(self, title: str) -> None:
        """The next step of the clip."""
        self.bar.update(self.task, advance=1, description=f"{self.clip}: {title}")


class Terminal:
    """Progress on stderr, panels on stdout; without colours and bars when piped."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.out = Console(highlight=False)
        self.err = Console(stderr=True)

    @contextmanager
    def progress(self, clips: int, methods: int) -> Iterator[Steps]:
        """A progress bar that vanishes at the end; nothing at all when stderr is no terminal."""
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
        visible = self.err.is_terminal
        with Progress(*columns, console=self.err, transient=True, disable=not visible) as bar:
            yield Steps(bar, clips, methods)

    def show(self, examination: Examination, written: Sequence[Path]) -> None:
        """The panel of one clip."""
        verdict, integrity, facts = examination.verdict, examination.integrity, examination.exhibit
        lines: list[Text | Table] = [Text(_sentence(verdict.words), style=f"bold {COLOURS[verdict.outcome]}")]
        if verdict.log10_lr is not None and verdict.log10_lr_bounds is not None:
            low, high = verdict.log10_lr_bounds
            lines.append(
                Text(f"log10 LR {verdict.log10_lr:+.2f}, 95 % interval {low:+.2f} to {high:+.2f}", style="dim")
            )
        line = Text("Recording: ")
        line.append(INTEGRITY[integrity.outcome], style=COLOURS[integrity.outcome])
        if integrity.segments:
            line.append(" at " + ", ".join(f"{s.start_s:.2f}-{s.end_s:.2f} s" for s in integrity.segments[:6]))
            line.append(" …" if len(integrity.segments) > 6 else "")
        lines.append(line)
        if examination.watermark.outcome == "found":
            lines.append(Text(_marked(examination.watermark), style="bold"))
        if examination.attribution.outcome != "could_not_test":
            lines.append(Text("Generator: " + examination.attribution.reasons[0]))
        lines += [Text(_compared(voice)) for voice in examination.voices]
        lines += [Text(f"- {reason}", style="dim") for reason in verdict.reasons]
        lines += [Text(f"Contradiction: {text}", style="yellow") for text in examination.contradictions]
        if examination.findings and facts.seconds is not None:
            lines.append(_findings(examination))
        lines += [Text(f"Wrote {path}", style="dim") for path in written]
        title = Text(facts.path)
        if facts.seconds is not None:
            title.append(f"  {facts.seconds:.2f} s {facts.codec} {facts.sample_rate} Hz", style="dim")
        self.out.print(Panel(Group(*lines), title=title, title_align="left", border_style="dim"))


def _findings(examination: Examination) -> Table:
    """A row for each finding that needs a look, with its first sentence; the consistent ones together in one row."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for finding in examination.findings:
        if finding.outcome != "consistent":
            word = Text(finding.outcome.replace("_", " "), style=COLOURS[finding.outcome])
            table.add_row(word, Text(finding.title), Text(_first_sentence(finding.reasons), style="dim"))
    calm = [finding.title for finding in examination.findings if finding.outcome == "consistent"]
    if calm:
        table.add_row(
            Text("consistent", style=COLOURS["consistent"]),
            Text(f"{len(calm)} methods"),
            Text(", ".join(calm), style="dim"),
        )
    return table


def _marked(mark: Watermark) -> str:
    """What a watermark says, in one line."""
    if not mark.authenticated or mark.payload is None:
        return f"Watermark: found, key {mark.key_id}; not authenticated"
    what = {"synthesised": "synthesised", "embedded": "a mark on a recording", None: "not in the register at hand"}
    return f"Watermark: issuance {mark.payload.hex}, authenticated; {what[mark.issued]}"


def _compared(voice: VoiceComparison) -> str:
    """A comparison with an enrolled voice, in one line."""
    said = f"Voice, compared with {named(voice.enrolled)}: {voice.words}"
    if voice.log10_lr is None or voice.log10_lr_bounds is None:
        return f"{said}: {_first_sentence(voice.reasons)}"
    low, high = voice.log10_lr_bounds
    return (
        f"{said} (log10 LR {voice.log10_lr:+.2f}, 95 % interval {low:+.2f} to {high:+.2f}). "
        "A clone has the voice too: this is no part of the answer above."
    )


def _sentence(words: str) -> str:
    """Words as a sentence."""
    return f"{words[:1].upper()}{words[1:]}."


def _first_sentence(reasons: Sequence[str]) -> str:
    """The first sentence of the first reason."""
    return reasons[0].split(". ")[0].rstrip(".") + "." if reasons else ""
