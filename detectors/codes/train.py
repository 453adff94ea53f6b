"""The code lines from scratch: clones, tables of pairs, reference distributions, calibration, card. One command.

    python -m detectors.codes.train --clips clips.csv --texts sentences.txt --cache DIR [--model DIR] \
        [--leave-out SOURCE ...] [--version 1] [--out detectors/weights]

`clips.csv` has the columns id, path, label, part, source, speaker, language and seconds (a column `text` is used where
there is one); its parts hold different voices. From part "train" come the tables of pairs, from "calibration" the
constants, and on "validation" the figures of the card are measured, once. `--leave-out` names the sources that the
voice model learnt from: their voices are not cloned and not judged, and serve in people's table of pairs only. The
cache holds sound of real voices: keep it outside the repository.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from lir.algorithms.bayeserror import elub

from detectors.calibration import log10_of_count
from detectors.card import WEIGHTS, Bounds
from detectors.codes.card import QUANTILES, CodeLine, CodesCard, Distribution, LineFigure
from detectors.codes.conditions import CONDITIONS, PLAIN
from detectors.codes.hearing import CodeEar, model_name
from detectors.codes.material import RATE, TEMPERATURES, Sound, chosen, make, planned, samples_of
from detectors.codes.measured import Row, measured, table
from detectors.codes.measuring import CodeMeasurer, in_codes
from detectors.codes.statistics import PairModel, save_pairs
from detectors.metrics import auc, cllr
from detectors.train.decode import read_clips
from detectors.train.evidence import logistic
from synth import audio
from synth.card import sha256_of, write_card
from synth.clone import Cloner
from synth.errors import VoxproofError
from synth.measures import speech_frames
from synth.models.lite import lite_folder
from synth.models.loading import ModelSet, load_models

FloatArray = npt.NDArray[np.float64]
Item = TypeVar("Item")

LINES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "codes.statistics": (
        ("human",),
        ("distinct", "mean_run", "surprisal", "surprisal_spread", "gain", "rare", "distance", "distance_spread"),
    ),
    "codes.likelihood": (
        ("human", "control"),
        (
            "free.curvature", "free.over_entropy", "heard.log_probability", "heard.log_rank", "heard.entropy",
            "heard.curvature", "wrong.log_probability", "wrong.log_rank", "wrong.entropy", "wrong.curvature",
        ),
    ),
}  # fmt: skip
"""By method: what stands on the other side, and the measures that are weighed."""
RIDGE = 0.02
"""Of the logistic regression on standard scores: few voices, and measures that move together."""
TABLE_S = 6.0
"""Of every recording, for people's table of pairs."""


def progress(items: Iterable[Item], what: str) -> Iterable[Item]:
    """A bar, where somebody looks."""
    from rich.console import Console
    from rich.progress import track

    some = list(items)
    console = Console(stderr=True)
    return track(some, what, len(some), console=console, disable=not console.is_terminal)


def people_rows(
    clips: Sequence[Mapping[str, str]], most: int, cache: Path, ear: CodeEar, seed: int
) -> list[npt.NDArray[np.int64]]:
    """Codes in speech of the part "train": English recordings of people, as many of every voice as it takes."""
    rows = [r for r in clips if r["part"] == "train" and r["label"] == "human" and r["language"].startswith("en")]
    rows.sort(key=lambda row: hashlib.sha256(f"{seed} {row['id']}".encode()).hexdigest())
    folder = cache / "people"
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for row in progress(rows[:most], "People's codes"):
        path = folder / f"{row['id']}.npy"
        if not path.exists():
            try:
                sound = audio.read(Path(row["path"]), rate=RATE).mono[: round(TABLE_S * RATE)].astype(np.float32)
            except VoxproofError:
                continue
            np.save(path, spoken_codes(sound, ear))
        found.append(np.load(path))
    return found


def spoken_codes(samples: npt.NDArray[np.float32], ear: CodeEar) -> npt.NDArray[np.int64]:
    """Codes from the first that lies in speech to the last."""
    heard = ear.hear(samples)
    spoken = np.flatnonzero(in_codes(speech_frames(samples), len(heard)))
    return heard.codes[spoken[0] : spoken[-1] + 1] if len(spoken) else heard.codes[:0]


def fitted(method: str, rows: Sequence[Row], rounds: int, seed: int) -> CodeLine:
    """Constants of one line from the calibration rows; classes, the two kinds of others, and conditions equal."""
    against, names = LINES[method]
    used = [row for row in rows if row.sound.kind in ("clone", *against)]
    values = table(used, names)
    known: npt.NDArray[np.bool_] = np.asarray(np.isfinite(values).all(1))
    used = [row for row, one in zip(used, known.tolist(), strict=True) if one]
    values = values[known]
    machine = np.array([row.sound.kind == "clone" for row in used])
    line = CodeLine(
        method=method, against=against, measures=names, means=_numbers(np.median(values, 0)),
        deviations=_numbers(np.maximum(values.std(0), 1e-6)), weights=(0.0,) * len(names), intercept=0.0,
        covariance=(), bounds=Bounds(lower=-9, upper=9),
    )  # fmt: skip
    x = np.concatenate([line.standard(values), np.ones((len(used), 1))], 1)
    weight = weights_of(used)
    constants = logistic(x, machine, weight, RIDGE)
    voices = np.array([f"{row.sound.source} {row.sound.speaker}" for row in used])
    draw = np.random.default_rng(seed)
    fits = []
    names_of, index = np.unique(voices, return_inverse=True)
    for _ in range(rounds):
        times = np.bincount(draw.integers(0, len(names_of), len(names_of)), minlength=len(names_of))[index] * weight
        for side in (machine, ~machine):
            times[side] *= 0.5 / max(float(times[side].sum()), 1e-12)
        fits.append(logistic(x, machine, times, RIDGE))
    cap = log10_of_count(len(names_of))
    plain = np.array([row.condition == PLAIN for row in used])
    low, high = elub((x @ constants)[plain], machine[plain].astype(int), add_misleading=1)
    return line.model_copy(
        update={
            "weights": _numbers(constants[:-1]),
            "intercept": round(float(constants[-1]), 6),
            "covariance": tuple(_numbers(row) for row in np.cov(np.array(fits).T)),
            "bounds": Bounds(lower=round(max(-cap, float(low)), 2), upper=round(min(cap, float(high)), 2)),
        }
    )


def weights_of(rows: Sequence[Row]) -> FloatArray:
    """Clones one half, the others the other half, shared by their kinds; within a kind every condition equal."""
    kinds = [row.sound.kind for row in rows]
    others = len(set(kinds) - {"clone"})
    groups = [(row.sound.kind, row.condition) for row in rows]
    conditions = {kind: len({g[1] for g in groups if g[0] == kind}) for kind in set(kinds)}
    share = {kind: 0.5 if kind == "clone" else 0.5 / max(others, 1) for kind in set(kinds)}
    return np.array(
        [share[kind] / conditions[kind] / groups.count(group) for kind, group in zip(kinds, groups, strict=True)]
    )


def figures_of(line: CodeLine, rows: Sequence[Row]) -> tuple[LineFigure, ...]:
    """The line on rows of voices that it never saw, by condition and by what the clones are told from."""
    found = []
    for condition in CONDITIONS:
        scores: dict[str, list[float]] = {"human": [], "control": [], "clone": []}
        for row in rows:
            answer = line.log10_lr(row.measures) if row.condition == condition else None
            if answer is not None:
                scores[row.sound.kind].append(answer[0])
        for kind in ("human", "control"):
            if scores["clone"] and scores[kind]:
                one, other = np.array(scores["clone"]), np.array(scores[kind])
                found.append(
                    LineFigure(
                        condition=f"{condition}, against {kind}", clones=len(one), others=len(other),
                        auc=round(auc(*(unbounded(line, rows, condition, one) for one in ("clone", kind))), 3),
                        cllr=round(cllr(one, other), 3),
                    )
                )  # fmt: skip
    return tuple(found)


def unbounded(line: CodeLine, rows: Sequence[Row], condition: str, kind: str) -> FloatArray:
    """The line's sums before the bounds, which order clips: [clips of the kind in the condition]."""
    used = [row for row in rows if row.condition == condition and row.sound.kind == kind]
    values = table(used, line.measures)
    values = values[np.isfinite(values).all(1)]
    return np.asarray(line.standard(values) @ np.array(line.weights) + line.intercept)


def distributions(rows: Sequence[Row]) -> tuple[Distribution, ...]:
    """Of every measure, 5 s undisturbed."""
    plain = [row for row in rows if row.condition == PLAIN]
    names = sorted({name for row in plain for name in row.measures})
    found = []
    for name in names:
        sides = {}
        for kind in ("human", "clone"):
            values = table([row for row in plain if row.sound.kind == kind], [name])[:, 0]
            sides[kind] = _numbers(np.quantile(values[np.isfinite(values)], QUANTILES))
        found.append(Distribution(measure=name, people=sides["human"], clones=sides["clone"]))
    return tuple(found)


def _numbers(values: FloatArray) -> tuple[float, ...]:
    return tuple(round(float(value), 6) for value in values)


def texts_by_part(path: Path, parts: Sequence[str]) -> dict[str, list[str]]:
    """Lines of a file, so many in a row for every part: no sentence serves two."""
    lines = [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    edges = np.ceil(np.linspace(0, len(lines), len(parts) + 1)).astype(int)
    return {part: lines[a:b] for part, a, b in zip(parts, edges, edges[1:], strict=False)}


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--clips", type=Path, required=True)
    made.add_argument("--texts", type=Path, required=True)
    made.add_argument("--cache", type=Path, required=True)
    made.add_argument("--model", type=Path)
    made.add_argument("--hubert")
    made.add_argument("--leave-out", nargs="*", default=[])
    made.add_argument("--numbers", type=int, nargs=3, default=(36, 40, 28), metavar=("TRAIN", "CALIBRATION", "VALID"))
    made.add_argument("--each", type=int, default=3, help="recordings of a voice, at most")
    made.add_argument("--table-clips", type=int, default=800, help="recordings for people's table of pairs")
    made.add_argument("--conditions", nargs="+", default=CONDITIONS, choices=CONDITIONS, help="for a small run")
    made.add_argument("--rounds", type=int, default=200)
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--version", default="1")
    made.add_argument("--out", type=Path, default=WEIGHTS)
    return made


@dataclass(frozen=True, eq=False)
class Prepared:
    """What both the training and the bench begin with."""

    models: ModelSet
    ear: CodeEar
    sounds: list[Sound]
    clips: list[dict[str, str]]
    cache: Path
    """Folder of these models in the cache."""
    mark: str
    """Tells these models from others."""


def prepared(arguments: Any) -> Prepared:
    """Models, and the clips of the cache, made where they are not there.

    Clones are drawn from weights of 8 bits, three times as fast; what is measured is measured with those that ship.
    """
    folder = arguments.model or lite_folder()
    models = load_models(folder)
    cloner = Cloner.load(folder, hubert=arguments.hubert, eight_bits=True)
    ear = CodeEar.of(models, cloner.content)
    clips = read_clips(arguments.clips)
    mark = hashlib.sha256("".join(sorted(models.hashes.values())).encode()).hexdigest()[:12]
    cache = arguments.cache / mark
    parts = ("train", "calibration", "validation")
    rows = chosen(clips, dict(zip(parts, arguments.numbers, strict=True)), arguments.leave_out, arguments.each,
                  arguments.seed)  # fmt: skip
    sounds = list(planned(rows, texts_by_part(arguments.texts, parts)))
    made = make(sounds, rows, cache, cloner, ear, lambda some: progress(some, "Clips"))
    return Prepared(models, ear, made, clips, cache, mark)


def main() -> None:
    arguments = parser().parse_args()
    torch.set_num_threads(1)
    begun = prepared(arguments)
    models, ear = begun.models, begun.ear
    people = PairModel.learn(people_rows(begun.clips, arguments.table_clips, begun.cache, ear, arguments.seed))
    own = [sound for sound in begun.sounds if sound.part == "train" and sound.kind == "clone"]
    generator = PairModel.learn(
        spoken_codes(samples_of(sound, begun.cache), ear) for sound in progress(own, "The generator's codes")
    )
    path = arguments.out / "codes.safetensors"
    arguments.out.mkdir(parents=True, exist_ok=True)
    save_pairs({"people": people, "generator": generator}, path)
    path.chmod(0o644)
    measurer = CodeMeasurer(ear, people, generator, models.gpt)
    judged = [sound for sound in begun.sounds if sound.part != "train"]
    rows = measured(judged, arguments.conditions, begun.cache, measurer, lambda some: progress(some, "Measures"))
    calibration = [row for row in rows if row.sound.part == "calibration"]
    validation = [row for row in rows if row.sound.part == "validation"]
    lines = []
    for method in LINES:
        line = fitted(method, calibration, arguments.rounds, arguments.seed)
        line = line.model_copy(update={"figures": figures_of(line, validation)})
        lines.append(line)
        print(method, line.bounds, *line.figures, sep="\n  ")
    voices = {(row.sound.source, row.sound.speaker) for row in calibration}
    card = CodesCard(
        name="codes", version=arguments.version,
        summary=f"How speech uses the codes of {model_name(models)}, and how well its GPT foretells them: tables of "
        f"pairs of codes ({len(people.pairs)} of people, {len(generator.pairs)} of its clones), reference "
        f"distributions and two calibrated lines. Clones were made without a mark.",
        attribution="Learnt by detectors.codes.train from counts of codes; MIT licence.",
        weights=path.name, sha256=sha256_of(path), bytes=path.stat().st_size,
        checkpoint=model_name(models), models=dict(models.hashes), temperatures=TEMPERATURES, voices=len(voices),
        left_out=tuple(arguments.leave_out), channels=tuple(arguments.conditions), languages=("en",),
        min_speech_seconds=1.5, min_band_hz=3300.0, min_snr_db=10.0, lines=tuple(lines),
        distributions=distributions(calibration),
    )  # fmt: skip
    write_card(card, path.with_suffix(".yaml"))


if __name__ == "__main__":
    main()
