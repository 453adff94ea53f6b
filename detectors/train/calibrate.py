"""Step 8: from raw scores of the calibration part to the constants, thresholds and bounds of the card and the fusion.

    python -m detectors.train.calibrate --scores scores-calibration.csv --weights RUN/average.safetensors \
        --clips clips.csv [generated/clips.csv] --validation-sources 16 --version 1 --out detectors/weights

Weighted logistic regression (classes equal, groups by the root of their size, conditions equal); covariance over a
bootstrap of whole sources; ELUB by `lir` on the calibrated scores; the cap from the number of sources of the validation
part. The threshold for "machine" is the lowest at which the false-positive rate of human calibration clips is at most
`--false-positives` pooled and in every family of channels; the one for "a person" is the highest at which at most
`--false-negatives` of the machine-made calibration clips lie below, pooled. Writes speech.safetensors (half precision),
speech.yaml and fusion.yaml.
"""

import argparse
import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml
from lir.algorithms.bayeserror import elub
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from detectors.calibration import design, log10_lr, log10_of_count, raw_log10_lr
from detectors.card import Bounds, Calibration, Card, Domain, Source, Thresholds, write_card
from detectors.fusion import Fit, Fusion
from detectors.train.conditions import FAMILIES
from detectors.train.decode import read_clips

FloatArray = npt.NDArray[np.float64]
LN10 = float(np.log(10))


SUMMARY = (
    "Log-mel, convolutional stem and first encoder layer of Whisper-base as they are; a head of four small networks "
    "on their statistics over time, trained to tell machine-made speech from a person's through codecs, telephones, "
    "noise and rooms."
)
ATTRIBUTION = (
    "Stem and encoder layer: Whisper-base by OpenAI (MIT licence, Copyright (c) 2022 OpenAI). Head: trained by "
    "detectors.train, MIT licence."
)


class Table:
    """Columns of a score file as arrays."""

    def __init__(self, rows: list[dict[str, str]]) -> None:
        self.machine = np.array([r["label"] == "machine" for r in rows])
        self.source = np.array([r["source"] for r in rows])
        self.group = np.array([r["generator"] if r["label"] == "machine" else r["source"] for r in rows])
        self.condition = np.array([r["condition"] for r in rows])
        self.id = np.array([r["id"] for r in rows])
        self.score = np.array([float(r["score"]) for r in rows])
        self.frame_score = np.array([float(r["frame_score"]) for r in rows])
        self.seconds = np.array([float(r["speech_seconds"]) for r in rows])

    def weights(self) -> FloatArray:
        """Classes equal; a group (generator or human source) in a condition counts by the root of its size."""
        key = list(zip(self.machine.tolist(), self.group.tolist(), self.condition.tolist(), strict=True))
        size = Counter(key)
        weight = np.array([size[k] ** -0.5 for k in key])
        for label in (True, False):
            weight[self.machine == label] *= 0.5 / weight[self.machine == label].sum()
        return weight


def logistic(x: FloatArray, machine: npt.NDArray[np.bool_], weight: FloatArray, ridge: float = 1e-4) -> FloatArray:
    """Weighted logistic regression by Newton's method: x [n, k] -> constants [k] for the log10 LR (classes equal)."""
    beta = np.zeros(x.shape[1])
    target = machine.astype(np.float64)
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        gradient = x.T @ (weight * (p - target)) + ridge * beta
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x + ridge * np.eye(x.shape[1])
        step = np.linalg.solve(hessian, gradient)
        beta -= step
        if np.abs(step).max() < 1e-9:
            break
    return beta / LN10


def bootstrap(x: FloatArray, table: Table, rounds: int, seed: int) -> FloatArray:
    """Constants refitted on whole sources drawn with replacement, human and machine-made apart: [rounds, k]."""
    rng = np.random.default_rng(seed)
    weight = table.weights()
    fits = []
    for _ in range(rounds):
        times = np.zeros(len(weight))
        for label in (True, False):
            rows = np.flatnonzero(table.machine == label)
            names, index = np.unique(table.source[rows], return_inverse=True)
            drawn = np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))
            times[rows] = drawn[index]
            times[rows] *= 0.5 / max((times[rows] * weight[rows]).sum(), 1e-12)
        fits.append(logistic(x, table.machine, weight * times))
    return np.array(fits)


def robust_covariance(fits: FloatArray) -> FloatArray:
    """Covariance [k, k] of bootstrap fits."""
    return np.atleast_2d(np.cov(fits.T))


def threshold(
    values: FloatArray, families: list[npt.NDArray[np.bool_]], weight: FloatArray, rate: float, largest: float
) -> float:
    """Lowest threshold at which the weighted share of values above it is at most `rate` in every family; >= 0."""
    found = 0.0
    for family in families:
        v, w = values[family], weight[family]
        if v.size == 0:
            continue
        order = np.argsort(-v)
        share = np.cumsum(w[order]) / w.sum()
        beyond = int(np.searchsorted(share, rate, "right"))  # the first that may not lie above
        if beyond < v.size:
            found = max(found, float(v[order][beyond]))
    return min(float(np.ceil(found * 1000) / 1000), largest)


def training_sources(tables: list[Path]) -> tuple[Source, ...]:
    """Everything in the training part, by source and licence."""
    rows = [r for t in tables for r in read_clips(t) if r["part"] == "train"]
    for row in rows:
        if row["source"] == "generated":
            row["source"] = f"generated: {row['generator']}"
    names = sorted(
        {(r["source"], r["licence"] if "copy" not in r["source"] else "as the recordings copied") for r in rows}
    )
    count = Counter((r["source"], r["label"]) for r in rows)
    merged = {}
    for name, licence in names:
        merged[name] = Source(name=name, licence=licence, human=count[name, "human"], machine=count[name, "machine"])
    return tuple(merged.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scores", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--clips", type=Path, nargs="+", required=True)
    parser.add_argument("--validation-sources", type=int, required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--false-positives", type=float, default=0.02)
    parser.add_argument("--false-negatives", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    card_name = "detector.speech"
    table = Table(read_clips(arguments.scores))
    weight = table.weights()

    x = design(table.score, table.seconds)
    constants = logistic(x, table.machine, weight)
    covariance = robust_covariance(bootstrap(x, table, arguments.rounds, arguments.seed))
    frame = logistic(np.stack([table.frame_score, np.ones(len(weight))], -1), table.machine, weight)
    cap = log10_of_count(arguments.validation_sources)
    wide = Bounds(lower=-9, upper=9)
    calibration = Calibration(
        slope=constants[0], slope_per_octave=constants[1], intercept=constants[2],
        covariance=tuple(tuple(float(v) for v in row) for row in covariance),  # type: ignore[misc]
        frame_slope=frame[0], frame_intercept=frame[1], cap=cap, elub=wide,
        sources=len(set(table.source)), clips=len(set(table.id)),
    )  # fmt: skip
    first = table.condition == "neutral"  # every clip once: ELUB counts clips
    llr = raw_log10_lr(calibration, table.score[first], table.seconds[first])
    low, high = elub(llr.copy(), table.machine[first].astype(int), add_misleading=1)
    calibration = calibration.model_copy(
        update={"elub": Bounds(lower=round(float(low), 2), upper=round(float(high), 2))}
    )

    # One line: the fit on its unbounded LR is weight 1 and intercept 0, since that LR is a logistic fit already.
    fit = Fit(
        weights={card_name: 1.0},
        intercept=0.0,
        covariance=tuple(tuple(float(v) for v in row) for row in line_covariance(calibration, table, arguments)),
    )
    limits = Bounds(lower=max(-cap, round(float(low), 2)), upper=min(cap, round(float(high), 2)))
    fusion = Fusion(
        summary=f"Logistic regression on {calibration.clips} clips of {calibration.sources} calibration sources, "
        f"each in several channels. There is one trained line, whose LR is a logistic fit already: its weight is 1.",
        fits=(fit,), bounds=limits, threshold_machine=0.0, threshold_human=0.0, sources=arguments.validation_sources,
    )  # fmt: skip

    families = [np.isin(table.condition, names) for names in FAMILIES.values()] + [np.ones(len(weight), np.bool_)]
    value, lower_end, upper_end = log10_lr(calibration, table.score, table.seconds)
    fused = np.array([fusion.fuse({card_name: v}).log10_lr_bounds for v in value])
    ends = {}
    pairs = {"speech": (lower_end, upper_end), "fusion": (fused[:, 0], fused[:, 1])}
    for name, (lower, upper) in pairs.items():
        ends[name] = (
            threshold(lower, [f & ~table.machine for f in families], weight, arguments.false_positives, limits.upper),
            -threshold(-upper, [table.machine], weight, arguments.false_negatives, -limits.lower),
        )
        for label, mask in (("human", ~table.machine), ("machine", table.machine)):
            says_machine = np.average(lower[mask] > ends[name][0], weights=weight[mask])
            says_human = np.average(upper[mask] < ends[name][1], weights=weight[mask])
            print(f"{name} {label}: machine {says_machine:.3f}, human {says_human:.3f} (weighted, calibration part)")
    fusion = fusion.model_copy(
        update={"threshold_machine": ends["fusion"][0], "threshold_human": ends["fusion"][1], "sha256": ""}
    )
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "speech.safetensors"
    with safe_open(arguments.weights, framework="pt") as file:
        metadata = file.metadata()
    save_file({k: v.half() for k, v in load_file(arguments.weights).items()}, path, metadata=metadata)
    path.chmod(0o644)
    blob = path.read_bytes()
    card = Card(
        name=card_name,
        version=arguments.version,
        summary=SUMMARY,
        attribution=ATTRIBUTION,
        weights=path.name,
        sha256=hashlib.sha256(blob).hexdigest(),
        bytes=len(blob),
        training=training_sources(arguments.clips),
        calibration=calibration,
        thresholds=Thresholds(machine=ends["speech"][0], human=ends["speech"][1]),
        domain=Domain(
            min_speech_seconds=1.5, min_snr_db=10.0, min_band_hz=3300.0,
            channels=("wide band", "MP3", "AAC", "Opus", "Vorbis", "G.711", "G.722", "GSM", "AMR-NB", "noise", "rooms"),
            languages=("en", "zh", "ja"),
        ),
    )  # fmt: skip
    write_card(card, arguments.out / "speech.yaml")
    content = fusion.model_dump(mode="json", exclude={"sha256"})
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
    (arguments.out / "fusion.yaml").write_text(text, "utf-8")
    print(f"slope, slope per octave, intercept: {np.round(constants, 3)}; bounds {limits}; thresholds {ends}")


def line_covariance(calibration: Calibration, table: Table, arguments: argparse.Namespace) -> FloatArray:
    """Bootstrap covariance of (weight, intercept) of one calibrated line: [2, 2]."""
    value = raw_log10_lr(calibration, table.score, table.seconds)
    x = np.stack([value, np.ones(len(value))], -1)
    return robust_covariance(bootstrap(x, table, arguments.rounds, arguments.seed + 1))


if __name__ == "__main__":
    main()
