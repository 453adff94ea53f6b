"""What our voice model's codes show: the code lines on voices that they never saw (docs/validation/internals.md).

    python -m forensics.benches.internals --clips clips.csv --texts sentences.txt --cache DIR [--out docs/validation]

The clips are those of the part "validation" that `detectors.codes.train` made with the same options, unmarked; the
card must be that of the installed voice. AUC is the chance that a clone lies above another clip, with an interval from
a bootstrap over whole voices. Nothing is chosen here.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detectors.codes.card import CodeLine, CodesCard, codes_card, tables_of
from detectors.codes.conditions import CONDITIONS, PLAIN
from detectors.codes.hearing import CodeEar
from detectors.codes.likelihood import foretold
from detectors.codes.material import TEMPERATURES, samples_of
from detectors.codes.measured import Row, measured, table
from detectors.codes.measuring import WRONG, CodeMeasurer, phones_of
from detectors.codes.statistics import load_pairs
from detectors.codes.train import Prepared, parser, prepared, progress
from detectors.metrics import auc

Texts = tuple[str, int, float, float, float]
"""Kind of clip, clips, and mean log-probabilities under the own text, a wrong one and none."""

ROUNDS = 500
GOALS = {"human": 0.95, "control": 0.80}
"""Issue 8, on 5 s."""


@dataclass(frozen=True)
class Told:
    """How well clones are told from one kind of other clip."""

    what: str
    clones: int
    others: int
    voices: int
    auc: float
    interval: tuple[float, float]
    """95 %, over a bootstrap of whole voices."""


def told(what: str, rows: Sequence[Row], score: Callable[[Row], float], seed: int = 1) -> Told | None:
    """Rows of clones and others with a score; None where one side is empty."""
    scores = np.array([score(row) for row in rows], np.float64)
    kept = np.isfinite(scores)
    clone = np.array([row.sound.kind == "clone" for row in rows], np.bool_)
    if not (kept & clone).any() or not (kept & ~clone).any():
        return None
    voices = np.array([row.sound.speaker for row in rows])
    names = np.unique(voices[kept])
    draw = np.random.default_rng(seed)
    places = {name: np.flatnonzero(kept & (voices == name)) for name in names}
    drawn = []
    for _ in range(ROUNDS):
        some = np.concatenate([places[name] for name in draw.choice(names, len(names))])
        one, other = scores[some][clone[some]], scores[some][~clone[some]]
        if len(one) and len(other):
            drawn.append(auc(one, other))
    low, high = np.quantile(drawn, (0.025, 0.975))
    found = auc(scores[kept & clone], scores[kept & ~clone])
    return Told(what, int((kept & clone).sum()), int((kept & ~clone).sum()), len(names), found, (low, high))


def line_score(line: CodeLine) -> Callable[[Row], float]:
    """The line's sum before its bounds."""

    def score(row: Row) -> float:
        values = line.standard(table([row], line.measures))[0]
        return float(values @ np.array(line.weights) + line.intercept)

    return score


def line_tables(card: CodesCard, rows: Sequence[Row]) -> list[tuple[str, list[Told]]]:
    """For every line, condition and kind of other clip; then by temperature."""
    found = []
    for line in card.lines:
        for kind in ("human", "control"):
            answers = [
                told(condition, [r for r in rows if r.condition == condition and r.sound.kind in ("clone", kind)],
                     line_score(line))
                for condition in CONDITIONS
            ]  # fmt: skip
            plain = [r for r in rows if r.condition == PLAIN and r.sound.kind in ("clone", kind)]
            answers += [
                told(f"{PLAIN}, temperature {one:g}",
                     [r for r in plain if r.sound.kind == kind or r.sound.temperature == one], line_score(line))
                for one in TEMPERATURES
            ]  # fmt: skip
            found.append((f"{line.method}: clones against {kind}", [one for one in answers if one is not None]))
    return found


def single_tables(card: CodesCard, rows: Sequence[Row]) -> list[tuple[str, list[Told]]]:
    """Each measure by itself on 5 s, higher or lower as the line has it."""
    found = []
    for line in card.lines:
        for kind in ("human", "control"):
            plain = [r for r in rows if r.condition == PLAIN and r.sound.kind in ("clone", kind)]
            answers = [
                told(f"{name} ({'more' if weight >= 0 else 'less'} is clone)", plain,
                     lambda row, name=name, sign=1 if weight >= 0 else -1:  # type: ignore[misc]
                     sign * row.measures.get(name, np.nan))
                for name, weight in zip(line.measures, line.weights, strict=True)
            ]  # fmt: skip
            found.append((f"{line.method}, {PLAIN}, one measure: against {kind}", [a for a in answers if a]))
    return found


def text_table(begun: Prepared, ear: CodeEar) -> list[Texts]:
    """Clones whose text is known, whole: mean log-probability of a code under the text, a wrong one and none.

    Of their first 10 s.
    """
    found: dict[str, list[tuple[float, float, float]]] = {}
    for sound in begun.sounds:
        if sound.part != "validation" or not sound.text:
            continue
        codes = ear.hear(samples_of(sound, begun.cache)).codes[:250]
        rows = foretold(begun.models.gpt, codes, [phones_of(sound.text), phones_of(WRONG), phones_of(".")])
        found.setdefault(sound.kind, []).append(tuple(r.measures()["log_probability"] for r in rows))  # type: ignore[arg-type]
    return [
        (kind, len(values), *(float(v) for v in np.mean(values, 0)))  # type: ignore[misc]
        for kind, values in sorted(found.items())
    ]


def page(card: CodesCard, tables: Sequence[tuple[str, list[Told]]], texts: Sequence[Texts], command: str) -> str:
    """Markdown."""
    lines = [
        "# What the codes show",
        "",
        f"Made by `{command}`.",
        "",
        f"For {card.checkpoint} and no other generator. Voices and sentences are none of the calibration's; clones",
        f"carry no mark. A piece begins at any sample of its clip. Sources left out, since the voice learnt from them: "
        f"{', '.join(card.left_out) or 'none'}.",
        "AUC: the chance that a clone lies above another clip, [95 % over whole voices]. `control`: people's codes",
        "through our decoder in the same voice, where nothing was drawn. Aims on 5 s (issue 8): "
        f"{GOALS['human']:.2f} against human, {GOALS['control']:.2f} against control, for the code likelihood.",
        "",
    ]
    for title, rows in tables:
        lines += [f"## {title}", "", "| condition | clones | others | voices | AUC |", "|---|---|---|---|---|"]
        lines += [
            f"| {one.what} | {one.clones} | {one.others} | {one.voices} | "
            f"{one.auc:.2f} [{one.interval[0]:.2f}, {one.interval[1]:.2f}] |"
            for one in rows
        ]
        lines.append("")
    lines += [
        "## The text, known and wrong",
        "",
        "Mean log-probability of a code, nats, of the first 10 s of whole clips whose text is known.",
        "",
        "| clips | n | its own text | a wrong text | no text |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {kind} | {n} | {own:.2f} | {wrong:.2f} | {none:.2f} |" for kind, n, own, wrong, none in texts]
    return "\n".join(lines) + "\n"


def measure(arguments: argparse.Namespace) -> str:
    """The page."""
    begun = prepared(arguments)
    card = codes_card(arguments.card)
    card.require(begun.models.hashes)
    pairs = load_pairs(tables_of(card, arguments.card))
    measurer = CodeMeasurer(begun.ear, pairs["people"], pairs["generator"], begun.models.gpt)
    judged = [sound for sound in begun.sounds if sound.part == "validation"]
    rows = measured(judged, arguments.conditions, begun.cache, measurer, lambda some: progress(some, "Measures"))
    tables = line_tables(card, rows) + single_tables(card, rows)
    numbers = " ".join(map(str, arguments.numbers))
    heard = " ".join(f"'{one}'" for one in arguments.conditions)
    command = (
        f"python -m forensics.benches.internals --clips … --texts … --cache … --numbers {numbers} "
        f"--leave-out {' '.join(arguments.leave_out)} --conditions {heard}"
        + (" --card …" if arguments.card else "")
        + " --out docs/validation"
    )
    return page(card, tables, text_table(begun, begun.ear), command)


def main() -> None:
    options = parser()
    options.description = __doc__
    options.set_defaults(out=None)
    options.add_argument("--card", type=Path, help="another than the one that ships")
    arguments = options.parse_args()
    text = measure(arguments)
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "internals.md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
