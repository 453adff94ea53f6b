"""What copies cost, whether anything trivial tells them from their originals, and how far they move our detectors.

    python -m detectors.train.copies.measure DIR --out TABLE.md [--list INDEX.csv] [--most 40] [--networks NETWORKS]

DIR is what `python -m detectors.train.copies` made. Trivial: a boosted tree on the features of detectors/trivial.py, in
five folds that keep a copy with its original; AUC 0.5 is chance. Detectors: the shipped lines on at most `--most` pairs
of a method, neutral. With `--list`, two copies of every method are made again and timed (processor seconds a second).
"""

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from detectors import trivial
from detectors.calibration import raw_log10_lr
from detectors.card import WEIGHTS
from detectors.metrics import auc
from detectors.neutral import neutral
from detectors.speech import SpeechDetector, raw_scores
from detectors.train.copies.base import Method
from detectors.train.copies.making import read_index
from detectors.train.copies.network import trained
from detectors.train.copies.registry import chosen
from detectors.train.copies.sources import Source, excerpt, order, read_sources
from synth.audio import read
from synth.channels.base import FloatArray
from synth.errors import VoxproofError

LINES = ("speech", "spectral")
Pair = tuple[dict[str, str], dict[str, str]]
"""Rows of an original and of its copy."""


def pairs(rows: Iterable[dict[str, str]]) -> dict[str, list[Pair]]:
    """The pairs of each method, in the order of the index."""
    halves: dict[str, dict[bool, dict[str, str]]] = defaultdict(dict)
    for row in rows:
        halves[row["pair"]][row["generator"] != "human"] = row
    found: dict[str, list[Pair]] = defaultdict(list)
    for both in halves.values():
        if len(both) == 2:
            found[both[True]["generator"]].append((both[False], both[True]))
    return dict(found)


def trivial_auc(originals: Sequence[FloatArray], copies: Sequence[FloatArray], rate: int) -> float:
    """AUC of a tree on trivial features, on clips that it was not fitted on; no pair is divided."""
    from sklearn.model_selection import GroupKFold, cross_val_predict

    both = np.array([trivial.features(one, rate) for one in (*originals, *copies)])
    label = np.repeat([0, 1], len(originals))
    group = np.tile(np.arange(len(originals)), 2)
    folds = GroupKFold(min(5, len(originals)))
    said = cross_val_predict(trivial.tree(len(both)), both, label, groups=group, cv=folds, method="predict_proba")[:, 1]
    return auc(said[label == 1], said[label == 0])


def moves(found: Mapping[str, list[Pair]], most: int) -> Iterator[tuple[str, int, list[tuple[float, float]]]]:
    """Of each method: pairs scored, and of each line AUC of copies over originals and median move of the log10 LR.

    The LR is taken without the bounds of the card, which would hide what moves beyond them.
    """
    detectors = [SpeechDetector.load(WEIGHTS / f"{line}.safetensors") for line in LINES]
    for name, some in found.items():
        scores: list[list[list[float]]] = [[] for _ in LINES]
        for original, copy in some[:most]:
            heard = [neutral(sound_of(row), original["pair"]) for row in (original, copy)]
            if heard[0].size != heard[1].size or not heard[0].size:
                continue
            for detector, said in zip(detectors, scores, strict=True):
                raw = [raw_scores(detector.scorer, [one]) for one in heard]
                if all(one.windows for one in raw):
                    seconds = np.array([one.speech_seconds for one in raw])
                    score = np.array([one.score for one in raw])
                    said.append(raw_log10_lr(detector.card.calibration, score, seconds).tolist())
        told = []
        for said in scores:
            values = np.array(said, np.float64).reshape(-1, 2)
            told.append((auc(values[:, 1], values[:, 0]), float(np.median(values[:, 1] - values[:, 0]))))
        yield name, min(len(said) for said in scores), told


def cost(method: Method, sources: list[Source], rate: int = 16_000) -> float:
    """Processor seconds a second of sound, over two clips (loading left out)."""
    spent = sound = 0.0
    for number, source in enumerate(sources[:3]):
        rng = np.random.default_rng(number)
        clip = excerpt(source, rate, 6.0, rng)
        settings = method.draw(rng)
        began = time.process_time()
        method(clip, rate, settings, rng)
        if number:  # the first loads libraries and weights
            spent, sound = spent + time.process_time() - began, sound + clip.size / rate
    return spent / sound


def sound_of(row: dict[str, str]) -> FloatArray:
    """Samples [time] at 16 kHz of a row."""
    return np.ascontiguousarray(read(Path(row["path"]), rate=16_000).mono, np.float32)


def table(found: Mapping[str, list[Pair]], most: int, costs: Mapping[str, float]) -> str:
    """Markdown, a row for each method."""
    lines = [
        "| method | family | seconds a second | pairs | speech: AUC, move | spectral: AUC, move |",
        "|---|---|---|---|---|---|",
    ]
    for name, count, told in moves(found, most):
        spent = f"{costs[name]:.3f}" if name in costs else "–"
        moved = " | ".join(f"{area:.2f}, {move:+.2f}" for area, move in told)
        lines.append(f"| {name} | {found[name][0][1]['family']} | {spent} | {count} | {moved} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--list", type=Path, default=None)
    parser.add_argument("--networks", type=Path, default=None)
    parser.add_argument("--most", type=int, default=40)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    try:
        found = pairs(read_index(arguments.folder))
        everything = [pair for some in found.values() for pair in some]
        if len(everything) < 5:
            raise VoxproofError("holds fewer than five pairs", path=arguments.folder)
        sounds = [[sound_of(row) for row in side] for side in zip(*everything, strict=True)]
        area = trivial_auc(sounds[0], sounds[1], 16_000)
        said = f"Trivial features, {len(everything)} pairs: AUC {area:.3f}"
        print(said, flush=True)
        costs = {}
        if arguments.list:
            sources = order(read_sources(arguments.list), "cost")
            methods = chosen([], trained(arguments.networks) if arguments.networks else ())
            costs = {one.name: cost(one, sources) for one in methods if not one.lacks()}
            print(costs, flush=True)
        arguments.out.write_text(f"{said}\n\n{table(found, arguments.most, costs)}\n", encoding="utf-8")
    except VoxproofError as error:
        sys.exit(str(error))
    print(arguments.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
