"""What each source of data, the augmentation and each front end bought: one row for each thing taken away.

    python -m detectors.train.ablation clips.csv [GENERATED/clips.csv] --features FEATURES --crops CROPS \
        --statistics STATISTICS --whisper WHISPER/hf/model.safetensors --out docs/validation/detector-ablation.md

Judged as by detectors.train.folds, whose FEATURES of the neutral clips it reads (run that first): whole pages left out,
logistic regression, validation part untouched. CROPS are those of `detectors.train.crops --part train calibration` on
the same tables; their statistics are kept in STATISTICS.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from detectors.train.decode import read_clips
from detectors.train.folds import HEADER, front_ends, layer, table_row
from detectors.train.head import of_shards
from detectors.train.left_out import OWN, fold_of_pages, is_machine, learnable, logistic

FloatArray = npt.NDArray[np.floating]
BoolArray = npt.NDArray[np.bool_]
Rows = list[dict[str, str]]
Keep = Callable[[dict[str, str]], bool]
"""Whether a clip may train."""

COLLECTIONS = ("librispeech", "picovoice", "rhasspy", "ohf", "pmatthes", "aishell")
"""Beginnings of the names of human collections; everything else is a demo page."""
SHIPPED, CANDIDATE = (0, 1), (1, 2)
"""Layers heard: what ships (the stem is 0), and the best of the folds."""


@dataclass(frozen=True)
class Variant:
    """One row."""

    name: str
    front: str = "whisper"
    layers: tuple[int, ...] = SHIPPED
    augmented: bool = True
    """Whether crops train, or the neutral clips themselves."""
    keep: Keep = lambda clip: True


def of_collection(clip: dict[str, str]) -> bool:
    """Whether a human recording comes from no demo page."""
    return clip["label"] == "human" and clip["source"].lower().startswith(COLLECTIONS)


def without_kind(kind: str) -> Keep:
    """Everything but the machine-made clips of one kind that pages have."""
    return lambda clip: clip["kind"] != kind or clip["source"] == OWN or clip["label"] == "human"


def variants(kinds: list[str]) -> list[Variant]:
    """All rows; the first is what the others are held to."""
    whole = Variant("everything: stem and layer 1, augmented crops")
    return [
        whole,
        Variant("no augmentation: the neutral clips train", augmented=False),
        Variant("without speech of our own making", keep=lambda clip: clip["source"] != OWN),
        Variant("without human collections: people of demo pages only", keep=lambda clip: not of_collection(clip)),
        Variant(
            "without people of demo pages: collections only",
            keep=lambda clip: clip["label"] == "machine" or of_collection(clip),
        ),
        *(Variant(f"without kind {kind}", keep=without_kind(kind)) for kind in kinds),
        Variant("front end: layer 2", layers=(2,)),
        Variant("front end: layers 1 and 2", layers=CANDIDATE),
        Variant("front end: layers 1 and 2, no augmentation", layers=CANDIDATE, augmented=False),
        Variant("front end: spectral", front="spectral"),
    ]


@dataclass(frozen=True)
class Material:
    """Neutral clips, which are judged, and crops, which only train."""

    clips: Rows
    features: dict[str, FloatArray]
    crops: Rows
    statistics: dict[str, FloatArray]


def scores_of(variant: Variant, of: Material, folds: int, seed: int) -> tuple[FloatArray, npt.NDArray[np.intp], int]:
    """Score and fold of every judged clip, from fits that saw neither its page, generator nor known speaker.

    Also how many rows trained, on average over the folds.
    """
    place = fold_of_pages(of.clips, folds, seed)
    number = np.array([place.get(c["source"], -1) for c in of.clips])
    judged_x, train_x, rows = of.features[variant.front], of.features[variant.front], of.clips
    if variant.augmented:
        train_x, rows = of.statistics[variant.front], of.crops
    if variant.front == "whisper":
        judged_x, train_x = layer(judged_x, variant.layers), layer(train_x, variant.layers)
    kept = np.array([variant.keep(c) for c in rows], bool)
    scores, trained = np.full(len(of.clips), np.nan), []
    for fold in range(folds):
        judged = number == fold
        heard = [c for c, inside in zip(of.clips, judged, strict=True) if inside]
        both = [*heard, *rows]
        may = learnable(both, np.arange(len(both)) < len(heard), place, fold)[len(heard) :] & kept
        scores[judged] = logistic(train_x[may], [c for c, m in zip(rows, may, strict=True) if m], judged_x[judged])
        trained.append(int(may.sum()))
    return scores, number, round(float(np.mean(trained)))


def compared(of: Material, folds: int, seeds: int) -> list[str]:
    """Rows of the table."""
    own = np.array([c["source"] == OWN for c in of.clips])
    judged = [c for c, mine in zip(of.clips, own, strict=True) if not mine]
    kinds = sorted({c["kind"] for c in judged if c["label"] == "machine"})
    rows: list[str] = []
    reference: FloatArray | None = None
    for variant in variants(kinds):
        runs = [scores_of(variant, of, folds, seed) for seed in range(seeds)]
        scores = np.array([s[~own] for s, _, _ in runs])
        text = table_row(variant.name, scores, np.array([n[~own] for _, n, _ in runs]), judged, reference)
        rows.append(f"{text} {round(float(np.mean([t for _, _, t in runs])))} |")
        reference = scores if reference is None else reference
        print(rows[-1], flush=True)
    return rows


def kept_features(path: Path) -> dict[str, FloatArray]:
    """By clip id, as detectors.train.folds keeps them."""
    stored = np.load(path)
    return dict(zip(stored["ids"].tolist(), stored["features"], strict=True))


def material(tables: list[Path], features: Path, crops: Path, statistics: Path, whisper: Path) -> Material:
    """Everything that is judged and trains, heard by all front ends."""
    clips = {c["id"]: c for table in tables for c in read_clips(table)}
    fronts = front_ends(whisper)
    known = {name: kept_features(features / f"neutral-{name}.npz") for name in fronts}
    judged = [c for c in clips.values() if all(c["id"] in table for table in known.values())]
    shards = sorted(p for p in crops.glob("[0-9]*.npz") if "partial" not in p.name)
    drawn = [clips[key] for path in shards for key in np.load(path)["ids"].tolist()]
    heard = {name: of_shards(front, crops, statistics / name)[0] for name, front in fronts.items()}
    return Material(judged, {n: np.array([t[c["id"]] for c in judged]) for n, t in known.items()}, drawn, heard)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("--crops", type=Path, required=True)
    parser.add_argument("--statistics", type=Path, required=True)
    parser.add_argument("--whisper", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    of = material(arguments.clips, arguments.features, arguments.crops, arguments.statistics, arguments.whisper)
    rows = compared(of, arguments.folds, arguments.seeds)
    human = sum(c["label"] == "human" and c["source"] != OWN for c in of.clips)
    machine = int(is_machine([c for c in of.clips if c["source"] != OWN]).sum())
    counts = (
        f"{human} human and {machine} machine-made neutral clips are judged; {len(of.crops)} augmented crops; "
        f"{arguments.folds} folds, {arguments.seeds} divisions into folds.\n"
    )
    header, dashes = HEADER.split("\n")
    page = [BEGINS, counts, f"{header} rows that train |", f"{dashes}---|", *rows]
    arguments.out.write_text("\n".join(page) + "\n", encoding="utf-8")


BEGINS = """# What each part of the training bought

Written by `python -m detectors.train.ablation` (see docs/training.md); do not edit. Whole pages of the training and
calibration parts are left out in turn as in [detector-folds.md](detector-folds.md), and judged on their neutral clips;
columns are explained there. The head is a logistic regression, and few crops train: these are comparisons, not figures
of what ships. Leaving something out also leaves fewer rows to train on (last column).
"""


if __name__ == "__main__":
    main()
