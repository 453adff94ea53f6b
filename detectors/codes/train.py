"""The code lines from scratch: clones, tables of pairs, reference distributions, calibration, card. One command.

    python -m detectors.codes.train --clips clips.csv --texts sentences.txt --cache DIR [--train-texts other.txt] \
        [--leave-out SOURCE ...] [--final SOURCE ...] [--model DIR] [--version 1] [--out detectors/weights/codes]

`clips.csv` has the columns id, path, label, part, source, speaker, language and seconds (a column `text` is used where
there is one). A voice belongs to one part here, wherever it is heard: from "train" come the tuned ear and the tables of
pairs, from "calibration" the constants, and on "validation" the figures of the card are measured. `--leave-out` names
the sources that the voice model learnt from: their voices are not cloned and not judged, and serve in people's tables
only. Sources in `--final` serve the figures only. All that is worked out is kept in the cache, so that an interrupted
run goes on; it holds sound of real voices: keep it outside the repository.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from detectors.codes.card import CARD, CodesCard
from detectors.codes.conditions import CONDITIONS, OTHER_LENGTHS
from detectors.codes.fitting import LINES, distributions, figures_of, fitted
from detectors.codes.hearing import CodeEar, Codes, model_name
from detectors.codes.learnt import measurer_of
from detectors.codes.material import PARTS, RATE, TEMPERATURES, UNNAMED, Shelf, Sound, chosen, make, planned
from detectors.codes.measured import measured
from detectors.codes.measuring import in_codes
from detectors.codes.statistics import PairModel, load_pairs, save_pairs
from detectors.codes.tuned import Tuning, decoded_at, guessed, learnt
from detectors.train.decode import read_clips
from synth import audio
from synth.card import sha256_of, write_card
from synth.clone import Cloner
from synth.errors import VoxproofError
from synth.measures import speech_frames
from synth.models.lite import lite_folder
from synth.models.loading import ModelSet, load_models

Item = TypeVar("Item")

TABLE_S = 6.0
"""Of every recording, for people's table of pairs."""


def progress(items: Iterable[Item], what: str) -> Iterable[Item]:
    """A bar, where somebody looks."""
    from rich.console import Console
    from rich.progress import track

    some = list(items)
    console = Console(stderr=True)
    return track(some, what, len(some), console=console, disable=not console.is_terminal)


def people_sounds(
    clips: Sequence[Mapping[str, str]], sounds: Sequence[Sound], most: int, last: Sequence[str], shelf: Shelf, seed: int
) -> list[npt.NDArray[np.float32]]:
    """Samples [time] of people in English for their tables: the recordings of the part "train", then so many others.

    The others are of sources and pages whose voices are not cloned; no voice of another part is among them.
    """
    found = [shelf.samples(s)[: round(TABLE_S * RATE)] for s in sounds if s.part == "train" and s.kind == "human"]
    judged = {sound.speaker for sound in sounds}
    rows = [
        row for row in clips
        if row["label"] == "human" and row["language"].startswith("en") and row["part"] == "train"
        and row["source"] not in last and row["speaker"] not in judged and not row["speaker"].startswith(UNNAMED)
    ]  # fmt: skip
    rows.sort(key=lambda row: hashlib.sha256(f"{seed} {row['id']}".encode()).hexdigest())
    for row in rows[:most]:
        try:
            found.append(audio.read(Path(row["path"]), rate=RATE).mono[: round(TABLE_S * RATE)].astype(np.float32))
        except VoxproofError:  # a page's clip that cannot be decoded
            continue
    return found


def spoken(samples: npt.NDArray[np.float32], codes: Codes) -> Codes:
    """Of the codes [k] of samples [time], those from the first that lies in speech to the last."""
    inside = np.flatnonzero(in_codes(speech_frames(samples), len(codes)))
    return codes[inside[0] : inside[-1] + 1] if len(inside) else codes[:0]


def surest(ear: CodeEar, tuning: Tuning, samples: npt.NDArray[np.float32]) -> Codes:
    """The likeliest codes [k] of the grid on which the tuned ear is surest."""
    (logs,) = guessed(ear, [tuning], samples)
    return np.asarray(logs[int(logs.max(-1).mean(-1).argmax())].argmax(-1), np.int64)


@dataclass(frozen=True)
class Plan:
    """From which clips and sentences, with which models; what the command's options say."""

    clips: Path
    """The table of clips."""
    texts: Path
    """Sentences, one on each line."""
    cache: Path
    train_texts: Path | None = None
    """Others for the part "train"; None: a third of `texts`."""
    model: Path | None = None
    """Folder of a voice; None: the one that ships."""
    hubert: str | None = None
    leave_out: tuple[str, ...] = ()
    """Sources that the voice model learnt from."""
    final: tuple[str, ...] = ()
    """Sources for the final figures only."""
    each: int = 2
    """Recordings of a voice, at most."""
    seed: int = 1


@dataclass(frozen=True, eq=False)
class Prepared:
    """What both the training and the bench begin with."""

    models: ModelSet
    ear: CodeEar
    sounds: list[Sound]
    clips: list[dict[str, str]]
    shelf: Shelf
    cloner: Cloner

    def judged(self, part: str) -> list[Sound]:
        """Clips of a part."""
        return [sound for sound in self.sounds if sound.part == part]


def prepared(plan: Plan) -> Prepared:
    """Models, and the clips of the cache, made where they are not there.

    Clones are drawn from weights of 8 bits, three times as fast; what is measured is measured with those that ship.
    """
    folder = plan.model or lite_folder()
    models = load_models(folder)
    cloner = Cloner.load(folder, hubert=plan.hubert, eight_bits=True)
    ear = CodeEar.of(models, cloner.content)
    clips = read_clips(plan.clips)
    shelf = Shelf.of(plan.cache, models.hashes)
    rows = chosen(clips, plan.leave_out, plan.final, plan.each, plan.seed)
    # Controls of the part "train" serve nothing.
    planned_here = planned(rows, texts_by_part(plan.texts, plan.train_texts))
    wanted = [sound for sound in planned_here if (sound.part, sound.kind) != ("train", "control")]
    made = make(wanted, rows, shelf, cloner, ear, lambda some: progress(some, "Clips"))
    return Prepared(models, ear, made, clips, shelf, cloner)


TABLES = ("people", "generator", "people_tuned", "drawn")
"""Of pairs: as the plain ear hears people and our clones, as the tuned ear hears people, and as they were drawn."""


def learn(begun: Prepared, plan: Plan, table_clips: int) -> Path:
    """Tables and tuned ear from the part "train", written to a file on the shelf unless it is there.

    `table_clips`: recordings more for people's tables of pairs, at most.
    """
    path = begun.shelf.folder / "learnt.safetensors"
    if path.exists():
        return path
    ear, shelf = begun.ear, begun.shelf
    own = [sound for sound in begun.sounds if sound.part == "train" and sound.kind == "clone"]
    people = people_sounds(begun.clips, begun.sounds, table_clips, plan.final, shelf, plan.seed)
    tuning = learnt(ear, ((shelf.samples(sound), shelf.said(sound)) for sound in progress(own, "The tuned ear")))
    tuning = Tuning.of(tuning.tensors())  # as it ships, in half precision
    rows: dict[str, list[Codes]] = {name: [] for name in TABLES}
    for samples in progress(people, "People's codes"):
        rows["people"].append(spoken(samples, ear.hear(samples).codes))
        rows["people_tuned"].append(spoken(samples, surest(ear, tuning, samples)))
    for sound in progress(own, "The generator's codes"):
        samples = shelf.samples(sound)
        rows["generator"].append(spoken(samples, ear.hear(samples).codes))
        rows["drawn"].append(decoded_at(shelf.said(sound))[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    save_pairs({name: PairModel.learn(some) for name, some in rows.items()}, unfinished, tuning.tensors())
    unfinished.replace(path)
    return path


def texts_by_part(path: Path, training: Path | None = None) -> dict[str, list[str]]:
    """Lines of a file, so many in a row for every part: no sentence serves two. `training`: a file for "train"."""
    parts = tuple(PARTS)[1:] if training else tuple(PARTS)
    lines = _lines(path)
    edges = np.ceil(np.linspace(0, len(lines), len(parts) + 1)).astype(int)
    found = {part: lines[a:b] for part, a, b in zip(parts, edges, edges[1:], strict=False)}
    judged = {line for some in found.values() for line in some}
    return found | ({"train": [line for line in _lines(training) if line not in judged]} if training else {})


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--texts", type=Path, required=True, help="sentences, one on each line")
    parser.add_argument("--train-texts", type=Path, help="others for the part train; by default a third of --texts")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--hubert")
    parser.add_argument("--leave-out", nargs="*", default=[], help="sources the voice model learnt from")
    parser.add_argument("--final", nargs="*", default=[], help="sources for the final figures only")
    parser.add_argument("--each", type=int, default=2, help="recordings of a voice, at most")
    parser.add_argument("--table-clips", type=int, default=150, help="more recordings for people's tables of pairs")
    parser.add_argument("--conditions", nargs="+", default=CONDITIONS, choices=CONDITIONS, help="for a small run")
    parser.add_argument("--measure-only", choices=("calibration", "validation"), help="for two runs side by side")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--version", default="1")
    parser.add_argument("--out", type=Path, default=CARD.parent)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    plan = Plan(
        arguments.clips, arguments.texts, arguments.cache, arguments.train_texts, arguments.model, arguments.hubert,
        tuple(arguments.leave_out), tuple(arguments.final), arguments.each, arguments.seed,
    )  # fmt: skip
    begun = prepared(plan)
    file = learn(begun, plan, arguments.table_clips)
    measurer = measurer_of(file, begun.ear, begun.models.gpt)
    rows = {}
    for part in [arguments.measure_only] if arguments.measure_only else ["calibration", "validation"]:
        # Other lengths are for the figures; what is weighed is learnt on 5 s.
        conditions = [one for one in arguments.conditions if part == "validation" or one not in OTHER_LENGTHS]
        rows[part] = measured(
            begun.judged(part), conditions, begun.shelf, measurer, lambda some: progress(some, "Measures")
        )
    if arguments.measure_only:
        return
    lines = []
    for method in LINES:
        line = fitted(method, rows["calibration"], arguments.rounds, arguments.seed)
        line = line.model_copy(update={"figures": figures_of(line, rows["validation"])})
        lines.append(line)
        print(method, line.bounds, *line.figures, sep="\n  ")
    path = arguments.out / "codes.safetensors"
    arguments.out.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.read_bytes())
    path.chmod(0o644)
    pairs = load_pairs(path)
    models = begun.models
    card = CodesCard(
        name="codes", version=arguments.version,
        summary=f"How speech uses the codes of {model_name(models)}, and how well its GPT foretells them: tables of "
        f"pairs of codes ({len(pairs['people'].pairs)} of people, {len(pairs['generator'].pairs)} of its clones), an "
        "ear tuned to its decoder, reference distributions and two calibrated lines. Clones were made without a mark.",
        attribution="Learnt by detectors.codes.train from counts of codes and from our own clones; MIT licence.",
        weights=path.name, sha256=sha256_of(path), bytes=path.stat().st_size,
        checkpoint=model_name(models), models=dict(models.hashes), temperatures=TEMPERATURES,
        voices=len({row.sound.speaker for row in rows["calibration"]}),
        left_out=plan.leave_out, channels=tuple(o for o in arguments.conditions if o not in OTHER_LENGTHS),
        languages=("en",), min_speech_seconds=1.5, min_band_hz=3300.0, min_snr_db=10.0, lines=tuple(lines),
        distributions=distributions(rows["calibration"]),
    )  # fmt: skip
    write_card(card, path.with_suffix(".yaml"))


if __name__ == "__main__":
    main()
