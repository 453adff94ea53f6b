"""What our voice model's codes show: the code lines on voices that they never saw (docs/validation/internals.md).

    voxproof bench internals --clips clips.csv --texts sentences.txt --cache DIR [--out docs/validation]

The clips are those of the part "validation" that `detectors.codes.train` made with the same options, unmarked; the
card must be that of the installed voice. AUC is the chance that a clone lies above another clip, with an interval from
a bootstrap over whole voices. Nothing is chosen here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from detectors.codes.card import CodeLine, CodesCard, codes_card, tables_of
from detectors.codes.conditions import CONDITIONS, MARKED, PLAIN
from detectors.codes.learnt import measurer_of
from detectors.codes.likelihood import foretold
from detectors.codes.material import TEMPERATURES, Sound, make, other_machines
from detectors.codes.measured import Row, measured, table
from detectors.codes.measuring import WRONG, CodeMeasurer, phones_of
from detectors.codes.train import Plan, Prepared, prepared, progress
from detectors.codes.tuned import decoded_at, framed
from detectors.metrics import auc

ROUNDS = 500
GOALS = {"human": 0.95, "control": 0.80}
"""AUC aimed at on 5 s, by kind of other clip."""


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
    return lambda row: float(line.sums(table([row], line.measures))[0])


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
            marked = [r for r in rows if r.condition == MARKED and r.sound.kind == kind]
            answers.append(
                told(f"{PLAIN}, the others under our mark, the clones not",
                     [*(r for r in plain if r.sound.kind == "clone"), *marked], line_score(line))
            )  # fmt: skip
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


def kept_voice_tables(card: CodesCard, rows: Sequence[Row], final: Sequence[str]) -> list[tuple[str, list[Told]]]:
    """5 s of the sources that serve the figures only, against themselves."""
    found = []
    for source in final:
        for line in card.lines:
            some = [row for row in rows if row.condition == PLAIN and row.sound.source == source]
            answers = [
                told(f"against {kind}", [r for r in some if r.sound.kind in ("clone", kind)], line_score(line))
                for kind in ("human", "control")
            ]
            found.append((f"{line.method}: the voice {source}, never trained on", [one for one in answers if one]))
    return found


def others_table(
    card: CodesCard, begun: Prepared, clips: Sequence[dict[str, str]], measurer: CodeMeasurer, people: Sequence[Row]
) -> list[str]:
    """Other generators' clips of 5 s: AUC against the people of the figures, and clips called ours, by line."""
    wanted = other_machines(clips)
    sounds = [Sound(r["id"], "machine", "validation", r["generator"], r["generator"], "", 0.0) for r in wanted]
    made = make(sounds, wanted, begun.shelf, begun.cloner, begun.ear)
    rows = measured(made, [PLAIN], begun.shelf, measurer, lambda some: progress(some, "Other generators"))
    heads = " | ".join(f"{line.method}: AUC | called ours" for line in card.lines)
    lines = [
        "## Other generators, 5 s", "",
        "AUC: the chance that the generator's clip lies above a person's. Called ours: the whole interval of the LR is "
        "above 0.", "", f"| generator | clips | {heads} |", "|---" * (2 + 2 * len(card.lines)) + "|",
    ]  # fmt: skip
    for name in ["(people)", *sorted({row.sound.source for row in rows})]:
        some = [r for r in people if r.condition == PLAIN] if name == "(people)" else [
            row for row in rows if row.sound.source == name
        ]  # fmt: skip
        cells = []
        for line in card.lines:
            score = line_score(line)
            one = np.array([score(row) for row in some])
            other = np.array([score(row) for row in people if row.condition == PLAIN])
            called = [answer for row in some if (answer := line.log10_lr(row.measures)) and answer[1][0] > 0]
            cells += [f"{auc(one, other):.2f}", f"{len(called)} of {len(some)}"]
        lines.append(f"| {name} | {len(some)} | {' | '.join(cells)} |")
    return [*lines, ""]


def bound_table(begun: Prepared, measurer: CodeMeasurer) -> list[str]:
    """What the lines could tell if the drawn codes were heard without a mistake, and how many are heard."""
    likely: dict[tuple[str, str], list[float]] = {}
    again: dict[str, list[float]] = {}
    for sound in begun.judged("validation"):
        if sound.kind not in ("clone", "control"):
            continue
        first, codes = decoded_at(begun.shelf.said(sound))
        texts = [measurer.ear.phones(codes) or phones_of("."), phones_of(WRONG), phones_of(".")]
        for name, row in zip(("heard", "wrong", "free"), foretold(begun.models.gpt, codes[:125], texts), strict=True):
            likely.setdefault((name, sound.kind), []).append(row.measures()["log_probability"])
        if sound.kind == "clone" and measurer.tuning is not None:
            features = begun.ear.features(torch.from_numpy(begun.shelf.samples(sound)))
            inside = first + 2 <= features.shape[-1]
            with torch.no_grad():
                for name, tuning in (("plain", measurer.plain), ("tuned", measurer.tuning)):
                    found = tuning.logs(framed(features, first[inside])).argmax(-1).numpy()
                    again.setdefault(name, []).append(float((found == codes[inside]).mean()))
    lines = [
        "## If every code were heard", "",
        f"Of the codes that were drawn, the plain ear hears {np.mean(again['plain']):.0%} again and the tuned ear "
        f"{np.mean(again['tuned']):.0%} (the grid of codes known).",
        "Mean log-probability of the codes themselves, first 5 s, clones against control: AUC "
        + ", ".join(
            f"{name} {auc(np.array(likely[name, 'clone']), np.array(likely[name, 'control'])):.2f}"
            for name in ("heard", "wrong", "free")
        ) + " by text.", "",
    ]  # fmt: skip
    return lines


def page(
    card: CodesCard, tables: Sequence[tuple[str, list[Told]]], more: Sequence[str], command: str, final: Sequence[str]
) -> str:
    """Markdown."""
    lines = [
        "# What the codes show",
        "",
        f"Made by `{command}`.",
        "",
        f"For {card.checkpoint} and no other generator. Voices and sentences are none of the calibration's; clones",
        f"carry no mark. A piece begins at any sample of its clip. Sources left out, since the voice learnt from them: "
        f"{', '.join(card.left_out) or 'none'}. Sources kept for these figures: {', '.join(final) or 'none'}.",
        "AUC: the chance that a clone lies above another clip, [95 % over whole voices]. `control`: people's codes",
        "through our decoder in the same voice, where nothing was drawn. Aims on 5 s: "
        f"{GOALS['human']:.2f} against human, {GOALS['control']:.2f} against control, for the code likelihood.",
        "Cllr in bits: below 1, the LRs as they are given tell more than none.",
        "",
        "| method | condition | clones | others | AUC | Cllr |",
        "|---|---|---|---|---|---|",
        *(
            f"| {line.method} | {one.condition} | {one.clones} | {one.others} | {one.auc:.2f} | {one.cllr:.2f} |"
            for line in card.lines
            for one in line.figures
        ),
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
    return "\n".join([*lines, *more]).rstrip() + "\n"


def measure(plan: Plan, card_file: Path | None = None) -> str:
    """The page, of the clips that the training with this plan made; by the card that ships, or another."""
    begun = prepared(plan)
    card = codes_card(card_file)
    card.require(begun.models.hashes)
    measurer = measurer_of(tables_of(card, card_file), begun.ear, begun.models.gpt)
    rows = measured(
        begun.judged("validation"), CONDITIONS, begun.shelf, measurer, lambda some: progress(some, "Measures")
    )
    others = [one for one in begun.judged("validation") if one.kind != "clone"]
    rows += measured(others, (MARKED,), begun.shelf, measurer, lambda some: progress(some, "Marked"))
    tables = line_tables(card, rows) + kept_voice_tables(card, rows, plan.final) + single_tables(card, rows)
    people = [row for row in rows if row.sound.kind == "human"]
    more = others_table(card, begun, begun.clips, measurer, people) + bound_table(begun, measurer)
    command = (
        "voxproof bench internals --clips … --texts … --train-texts … --cache …"
        + "".join(f" --leave-out {one}" for one in plan.leave_out)
        + "".join(f" --final {one}" for one in plan.final)
        + " --out docs/validation"
    )
    return page(card, tables, more, command, plan.final)
