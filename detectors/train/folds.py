"""Cross-validation with whole pages and generators left out: what a front end is worth before anything is built on it.

    python -m detectors.train.folds clips.csv [GENERATED/clips.csv] --cache CACHE --features FEATURES \
        --whisper WHISPER/hf/model.safetensors --out docs/validation/detector-folds.md [--more NAME=FILE.npz]

How pages are left out: detectors/train/left_out.py. The pages of the validation part are not read unless `--parts` says
so: this is what choices are made by. Clips of our own making (no page) only train. Features are kept in
FEATURES/<condition>-<front>.npz, block by block; `--more` adds a front end that another program has run on the neutral
clips: `ids` [n], `features` [n, channels].
"""

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file

from detectors.head import pooled
from detectors.inference import NetworkConfig
from detectors.judged import bootstrap
from detectors.metrics import auc, eer
from detectors.network import SpeechNetwork, from_whisper
from detectors.spectral import SpectralConfig, spectral_frames
from detectors.train.conditions import CONDITIONS
from detectors.train.decode import cached, read_clips
from detectors.train.head import speech_front
from detectors.train.left_out import (
    OWN,
    Fit,
    Rows,
    at_frozen,
    balanced_auc,
    boosted,
    differences,
    is_machine,
    left_out,
    logistic,
    within_pages,
)
from detectors.train.score import chosen
from detectors.trivial import features as trivial_features

FloatArray = npt.NDArray[np.floating]

NOT_SPEECH_OF_MACHINES = ("codec-dsp", "partial-edit", "watermark")
LAYERS = 3


def table_row(
    name: str, runs: FloatArray, folds: npt.NDArray[np.intp], clips: Rows, reference: FloatArray | None
) -> str:
    """One row: mean over the seeds, intervals over whole pages; runs and folds [seeds, clips]."""
    machine, source = is_machine(clips), np.array([c["source"] for c in clips])

    def statistics(m: npt.NDArray[np.intp], h: npt.NDArray[np.intp]) -> Sequence[float]:
        areas = np.mean([auc(s[m], s[h]) for s in runs])
        other = areas if reference is None else np.mean([auc(s[m], s[h]) for s in reference])
        return float(np.mean([eer(s[m], s[h]) for s in runs])), float(areas), float(areas - other)

    whole = statistics(np.flatnonzero(machine), np.flatnonzero(~machine))
    of_eer, of_auc, of_gain = bootstrap(machine, source, statistics, 200)
    inside = np.mean([within_pages(s, machine, source) for s in runs])
    balanced = np.mean([balanced_auc(s, machine, source) for s in runs])
    false, true = np.mean([at_frozen(s, machine, f, 0.02) for s, f in zip(runs, folds, strict=True)], axis=0)
    gain = "–" if reference is None else f"{whole[2]:+.3f} [{of_gain[0]:+.3f}, {of_gain[1]:+.3f}]"
    return (
        f"| {name} | {100 * whole[0]:.1f} [{100 * of_eer[0]:.1f}, {100 * of_eer[1]:.1f}] "
        f"| {whole[1]:.3f} [{of_auc[0]:.3f}, {of_auc[1]:.3f}] | {gain} | {balanced:.3f} | {inside:.3f} "
        f"| {100 * false:.1f} | {100 * true:.1f} |"
    )


HEADER = (
    "| | EER % [95 %] | AUC [95 %] | AUC against the first [95 %] | AUC, pages alike | AUC within pages "
    "| FPR % | TPR % |\n|" + "---|" * 8
)


def front_ends(whisper: Path | None) -> dict[str, Callable[[FloatArray], FloatArray]]:
    """Samples [time] -> statistics, by name."""
    spectral = SpectralConfig()
    fronts: dict[str, Any] = {"spectral": lambda samples: pooled(spectral_frames(samples, spectral))}
    if whisper is not None:
        config = NetworkConfig(layers=LAYERS)
        network = SpeechNetwork(config).eval()
        network.load_state_dict(from_whisper(load_file(whisper), config), strict=False)
        fronts["whisper"] = speech_front(network)
    return fronts


def extracted(
    clips: Rows, condition: str, name: str, front: Callable[[FloatArray], FloatArray] | None, cache: Path, folder: Path
) -> dict[str, FloatArray]:
    """Statistics by clip id, kept in `folder`; without a front end, trivial features at the file's own rate."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{condition}-{name}.npz"
    known: dict[str, FloatArray] = {}
    if kept.exists():
        stored = np.load(kept)
        known = dict(zip(stored["ids"].tolist(), stored["features"], strict=True))
    missing = [c for c in clips if c["id"] not in known and (cache / f"{c['id']}.npy").exists()]
    for start in range(0, len(missing), 200):
        for clip in missing[start : start + 200]:
            samples = CONDITIONS[condition](cached(cache, clip["id"]), clip["id"])
            if samples.size >= 8000:
                rate = int(float(clip["sample_rate"])) if condition == "original" else 16_000
                known[clip["id"]] = trivial_features(samples, rate) if front is None else front(samples)
        np.savez(kept, ids=np.array(list(known)), features=np.array(list(known.values()), np.float32))
        print(condition, name, len(known), flush=True)
    return known


def layer(x: FloatArray, which: Sequence[int]) -> FloatArray:
    """Of the statistics of stem and layers [clips, 3 * (LAYERS + 1) * width], those of the layers named."""
    return x.reshape(len(x), 3, LAYERS + 1, -1)[:, :, list(which)].reshape(len(x), -1)


def systems(found: dict[str, FloatArray], more: Sequence[str]) -> dict[str, list[tuple[FloatArray, Fit]]]:
    """What is compared: name -> features and fits whose scores are added. The first is what the others are held to."""
    out: dict[str, list[tuple[FloatArray, Fit]]] = {}
    if "whisper" in found:
        shipped = layer(found["whisper"], (0, 1))
        out["Whisper-base stem and layer 1, logistic"] = [(shipped, logistic)]
        out["the same, differences within pages"] = [(shipped, differences)]
        for i in range(LAYERS + 1):
            out[f"Whisper-base {f'layer {i}' if i else 'stem'}"] = [(layer(found["whisper"], (i,)), logistic)]
        out["Whisper-base stem to layer 3"] = [(found["whisper"], logistic)]
        out["stem and layer 1 + spectral, scores added"] = [(shipped, logistic), (found["spectral"], logistic)]
    out["spectral"] = [(found["spectral"], logistic)]
    for name in more:
        out[name] = [(found[name], logistic)]
        out[f"{name}, differences within pages"] = [(found[name], differences)]
        if "whisper" in found:
            out[f"stem and layer 1 + {name}, scores added"] = [(shipped, logistic), (found[name], logistic)]
    out["trivial features, tree"] = [(found["trivial"], boosted)]
    return out


def compared(
    clips: Rows, found: dict[str, FloatArray], more: Sequence[str], folds: int, seeds: int
) -> tuple[list[str], dict[str, FloatArray]]:
    """Rows of the table, and the scores [seeds, clips] of every system; clips without a page have no score."""
    own = np.array([c["source"] == OWN for c in clips])
    judged = [c for c, of in zip(clips, own, strict=True) if not of]
    rows, scores = [], {}
    reference: FloatArray | None = None
    known: dict[tuple[int, Fit, int], tuple[FloatArray, npt.NDArray[np.intp]]] = {}
    together = systems(found, more)
    for name, parts in together.items():
        runs, numbers = [], []
        for seed in range(seeds):
            each = []
            for x, fit in parts:
                key = (id(x), fit, seed)
                if key not in known:
                    known[key] = left_out(x, clips, fit, folds, seed)
                each.append(known[key])
            runs.append(np.sum([s for s, _ in each], axis=0)[~own])
            numbers.append(each[0][1][~own])
        scores[name] = np.array(runs)
        rows.append(table_row(name, scores[name], np.array(numbers), judged, reference))
        print(rows[-1], flush=True)
        reference = scores[name] if reference is None else reference
    return rows, scores


def by_group(scores: dict[str, FloatArray], clips: Rows, column: str) -> list[str]:
    """AUC of the machine clips of each kind or page, against all human clips, a column for each system."""
    machine = is_machine(clips)
    lines = ["| | clips | " + " | ".join(scores) + " |", "|" + "---|" * (len(scores) + 2)]
    for value, count in Counter(c[column] for c in clips if c["label"] == "machine").most_common():
        of = machine & np.array([c[column] == value for c in clips])
        numbers = [f"{np.mean([auc(s[of], s[~machine]) for s in runs]):.3f}" for runs in scores.values()]
        lines.append(f"| {value} | {count} | " + " | ".join(numbers) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--whisper", type=Path, default=None)
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--parts", nargs="+", default=["train", "calibration"])
    parser.add_argument("--leave-out", nargs="*", default=["rhasspy_kathleen", "yourtts"], help="pages not used")
    parser.add_argument("--most", type=int, default=10, help="clips of a generator on a page")
    parser.add_argument("--most-human", type=int, default=30, help="clips of a human source")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--more", nargs="*", default=[], metavar="NAME=FILE.npz")
    parser.add_argument("--conditions", nargs="+", default=["neutral", "original"])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    clips = [c for table in arguments.clips for c in read_clips(table) if c["part"] in arguments.parts]
    clips = [c for c in clips if c["kind"] not in NOT_SPEECH_OF_MACHINES and c["source"] not in arguments.leave_out]
    own = [c for c in clips if c["source"] == OWN]
    clips = [*chosen([c for c in clips if c["source"] != OWN], arguments.most, arguments.most_human), *own]
    more = dict(item.split("=", 1) for item in arguments.more)
    page = [PAGE_BEGINS]
    for condition in arguments.conditions:
        known = {"trivial": extracted(clips, condition, "trivial", None, arguments.cache, arguments.features)}
        for name, front in front_ends(arguments.whisper).items():
            known[name] = extracted(clips, condition, name, front, arguments.cache, arguments.features)
        added = list(more) if condition == "neutral" else []
        for name in added:
            stored = np.load(more[name])
            known[name] = dict(zip(stored["ids"].tolist(), stored["features"].astype(np.float32), strict=True))
        usable = [c for c in clips if all(c["id"] in table for table in known.values())]
        found = {name: np.array([table[c["id"]] for c in usable]) for name, table in known.items()}
        rows, scores = compared(usable, found, added, arguments.folds, arguments.seeds)
        judged = [c for c in usable if c["source"] != OWN]
        machine = is_machine(judged)
        page += [
            f"\n## {condition.capitalize()} clips\n",
            f"{(~machine).sum()} human clips of {len({c['source'] for c in judged if c['label'] == 'human'})} sources, "
            f"{machine.sum()} machine-made of {len({c['generator'] for c in judged if c['label'] == 'machine'})} "
            f"generators on {len({c['source'] for c in judged if c['label'] == 'machine'})} pages, and "
            f"{len(usable) - len(judged)} of our own making that only train; {arguments.folds} folds, "
            f"{arguments.seeds} divisions into folds.\n",
            HEADER,
            *rows,
        ]
        if condition == "neutral":
            detailed = ("spectral", "trivial features, tree", *(f"Whisper-base layer {i}" for i in (1, 2, 3)), *added)
            told = {n: s for i, (n, s) in enumerate(scores.items()) if i == 0 or n in detailed}
            page += ["\n### By kind: AUC against all human clips\n", *by_group(told, judged, "kind")]
            page += ["\n### By page: AUC against all human clips\n", *by_group(told, judged, "source")]
    arguments.out.write_text("\n".join(page) + "\n", encoding="utf-8")


PAGE_BEGINS = """# Pages and generators left out in turn

Written by `python -m detectors.train.folds` (see docs/training.md); do not edit. Whole pages are left out, and with
them every clip of their generators and of their known speakers; everything fitted is fitted on the other folds. These
are comparisons of front ends on clips without augmentation, not figures of what ships, which
[detector.md](detector.md) has: its pages are not among these. Figures are means over the divisions; intervals are a
bootstrap of whole pages; the difference to the first row is of the same draw. *Pages alike*: every pair of a machine
page and a human source counts the same. *Within pages*: mean of the AUCs of pages that have both classes, which no
habit of a page can raise. FPR and TPR: above the threshold that 2 % of the human clips of the other folds exceed."""


if __name__ == "__main__":
    main()
