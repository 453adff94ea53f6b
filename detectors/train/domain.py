"""The domain of the lines: where the speech lies that they learnt from, and how far held-out clips lie from it.

    python -m detectors.train.domain clips.csv [GENERATED/clips.csv] --crops CROPS --heard HEARD --version 1 \
        --weights detectors/weights/speech.safetensors detectors/weights/spectral.safetensors --out detectors/weights

CROPS are those of `detectors.train.crops --part train calibration`: a Gaussian is fitted to the head's hidden units of
the crops of the training part, and the percentiles are those of the crops of the calibration part, classes equal. The
code that listens in the product hears them; what it heard is kept in HEARD, so that a run that was stopped goes on.
Writes domain.safetensors (half precision) and domain_card.yaml.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from detectors.card import Card
from detectors.domain import SpeechDomain, distances
from detectors.domain_card import DomainCard, LineDomain
from detectors.speech import SCORERS, Scorer, raw_scores
from detectors.train.decode import read_clips
from synth.card import read_card, sha256_of, write_card

FloatArray = npt.NDArray[np.float32]
Rows = list[dict[str, str]]
PERCENTILES = (0.0, 1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 97.5, 99.0, 99.9, 100.0)
SUMMARY = (
    "Mean and covariance of the hidden units that each trained line shows on augmented crops of its training part, and "
    "how far crops of the calibration part lie from them. A clip beyond the limit is not answered."
)
LIMITS = (
    "The distance says that a clip is unlike what was learnt from, not that the answer is wrong: among ordinary speech "
    "it hardly tells errors from right answers (docs/validation/detector-domain.md).",
    "A generator that sounds like the training speech lies near, however new it is.",
)


def gaussian(units: FloatArray, components: int) -> tuple[FloatArray, FloatArray]:
    """Mean [units] and whitening [units, components] along the directions in which the rows [n, units] scatter most."""
    mean = units.mean(0)
    values, vectors = np.linalg.eigh(np.cov((units - mean).astype(np.float64).T))
    whitening = vectors[:, ::-1][:, :components] / np.sqrt(np.maximum(values[::-1][:components], 1e-8))
    return mean.astype(np.float32), whitening.astype(np.float32)


def percentiles_of(
    distance: npt.NDArray[np.float64], machine: npt.NDArray[np.bool_], shares: tuple[float, ...] = PERCENTILES
) -> tuple[float, ...]:
    """Distances [n] at these percentiles, both classes with the same weight."""
    order = np.argsort(distance)
    weight = np.where(machine, 0.5 / max(machine.sum(), 1), 0.5 / max((~machine).sum(), 1))[order]
    middle = 100 * (np.cumsum(weight) - weight / 2) / weight.sum()
    return tuple(round(float(value), 4) for value in np.interp(shares, middle, distance[order]))


def heard_units(scorer: Scorer, crops: Path, folder: Path) -> tuple[npt.NDArray[np.str_], FloatArray]:
    """Clip ids [crops] and hidden units [crops, units] of all shards; rows without a window are nan."""
    folder.mkdir(parents=True, exist_ok=True)
    ids, units = [], []
    for path in sorted(p for p in crops.glob("[0-9]*.npz") if "partial" not in p.name):
        kept, shard = folder / path.name, np.load(path)
        if not kept.exists():
            pieces = np.split(shard["samples"], shard["ends"][:-1])
            found = [raw_scores(scorer, [piece.astype(np.float32) / np.float32(32768)]).units for piece in pieces]
            width = max(row.size for row in found)
            np.savez(kept, units=np.array([row if row.size else np.full(width, np.nan) for row in found], np.float32))
            print(path.name, flush=True)
        ids.append(shard["ids"])
        units.append(np.load(kept)["units"])
    return np.concatenate(ids), np.concatenate(units)


def learnt(
    card: Card, ids: npt.NDArray[np.str_], units: FloatArray, clips: Rows, components: int, share: float
) -> SpeechDomain:
    """Gaussian of the training part's crops, percentiles of the calibration part's."""
    rows = {clip["id"]: clip for clip in clips}
    scored = np.isfinite(units).all(1)
    part = np.array([rows[key]["part"] for key in ids.tolist()])
    train, held = scored & (part == "train"), scored & (part == "calibration")
    mean, whitening = (array.astype(np.float16).astype(np.float32) for array in gaussian(units[train], components))
    judged = [rows[key] for key in ids[held].tolist()]
    machine = np.array([row["label"] == "machine" for row in judged], bool)
    distance = distances(units[held], mean, whitening)
    facts = LineDomain(
        line=card.name,
        sha256=card.sha256,
        percentiles=PERCENTILES,
        distances=percentiles_of(distance, machine),
        limit_percentile=share,
        limit=percentiles_of(distance, machine, (share,))[0],
        crops=int(train.sum()),
        human=len({row["id"] for row in judged if row["label"] == "human"}),
        machine=len({row["id"] for row in judged if row["label"] == "machine"}),
        sources=len({row["source"] for row in judged}),
    )
    return SpeechDomain(mean, whitening, facts, sha256="")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--crops", type=Path, required=True)
    parser.add_argument("--heard", type=Path, required=True)
    parser.add_argument("--weights", type=Path, nargs="+", required=True)
    parser.add_argument("--components", type=int, default=64)
    parser.add_argument("--limit", type=float, default=99.9, help="percentile of held-out clips that are answered")
    parser.add_argument("--version", required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    clips = [c for table in arguments.clips for c in read_clips(table)]
    state, lines = {}, []
    for weights in arguments.weights:
        card = read_card(weights.with_suffix(".yaml"), Card)
        ids, units = heard_units(SCORERS[card.name](weights), arguments.crops, arguments.heard / card.name)
        domain = learnt(card, ids, units, clips, arguments.components, arguments.limit)
        state[f"{card.name}.mean"] = domain.mean.astype(np.float16)
        state[f"{card.name}.whitening"] = np.ascontiguousarray(domain.whitening.astype(np.float16))
        lines.append(domain.facts)
        print(domain.facts, flush=True)
    path = arguments.out / "domain.safetensors"
    save_file(state, path)
    path.chmod(0o644)
    write_card(
        DomainCard(
            name="detector.domain",
            version=arguments.version,
            summary=SUMMARY,
            attribution="Trained by detectors.train.domain, MIT licence.",
            weights=path.name,
            sha256=sha256_of(path),
            bytes=path.stat().st_size,
            lines=tuple(lines),
            limits=LIMITS,
        ),
        arguments.out / "domain_card.yaml",
    )


if __name__ == "__main__":
    main()
