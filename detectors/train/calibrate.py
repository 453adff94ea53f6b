"""Step 8: from raw scores of the calibration part to the constants, thresholds and bounds of the cards and the fusion.

    python -m detectors.train.calibrate --scores scores-calibration.csv --weights RUN/speech.safetensors \
        RUN/spectral.safetensors --clips clips.csv [generated/clips.csv] --validation-sources 16 --version 2 \
        --out detectors/weights

Weighted logistic regression (classes equal, groups by the root of their size, conditions equal), first each line alone,
then every set of lines jointly on the log10 LRs that the lines report, so that what two lines share counts once.
Covariance over a bootstrap of whole sources; ELUB by `lir` on the calibrated scores; the cap from the number of sources
of the validation part. The threshold for "machine" is the lowest at which the false-positive rate of human calibration
clips is at most `--false-positives` pooled and in every family of channels; the one for "a person" is the highest at
which at most `--false-negatives` of the machine-made calibration clips lie below, pooled. Writes
<line>.safetensors (half precision), <line>.yaml and fusion.yaml.
"""

import argparse
import hashlib
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from lir.algorithms.bayeserror import elub
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from detectors.calibration import design, log10_lr, log10_of_count, raw_log10_lr
from detectors.card import Bounds, Calibration, Card, Domain, Source, Thresholds
from detectors.fusion import Fit, Fusion, write_fusion
from detectors.train.conditions import FAMILIES
from detectors.train.decode import read_clips
from detectors.train.evidence import Table, covariance, joint, logistic, threshold
from detectors.train.score import chosen
from synth.card import write_card

FloatArray = npt.NDArray[np.float64]
DOMAIN = Domain(
    min_speech_seconds=1.5, min_snr_db=10.0, min_band_hz=3300.0,
    channels=("wide band", "MP3", "AAC", "Opus", "Vorbis", "G.711", "G.722", "GSM", "AMR-NB", "noise", "rooms"),
    languages=("en", "zh", "ja"),
)  # fmt: skip
SUMMARY = {
    "detector.speech": (
        "Log-mel, convolutional stem and first encoder layer of Whisper-base as they are; a head of four small "
        "networks on their statistics over time, trained to tell machine-made speech from a person's through codecs, "
        "telephones, noise and rooms."
    ),
    "detector.spectral": (
        "Linear bands, linear-frequency cepstra, fine structure of the spectrum and smoothness of the group delay; a "
        "head of four small networks on their statistics over time, trained like that of detector.speech."
    ),
}
ATTRIBUTION = {
    "detector.speech": (
        "Stem and encoder layer: Whisper-base by OpenAI (MIT licence, Copyright (c) 2022 OpenAI). Head: trained by "
        "detectors.train, MIT licence."
    ),
    "detector.spectral": "Trained by detectors.train, MIT licence.",
}


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


def calibrated(table: Table, name: str, cap: float, rounds: int, seed: int) -> Calibration:
    """From the scores of one line to its log10 LR."""
    weight = table.weights()
    x = design(table.score[name], table.seconds)
    constants = logistic(x, table.machine, weight)
    frame = logistic(np.stack([table.frame_score[name], np.ones(len(weight))], -1), table.machine, weight)
    calibration = Calibration(
        slope=constants[0], slope_per_octave=constants[1], intercept=constants[2],
        covariance=tuple(tuple(float(v) for v in row) for row in covariance(x, table, rounds, seed)),  # type: ignore[misc]
        frame_slope=frame[0], frame_intercept=frame[1], cap=cap, elub=Bounds(lower=-9, upper=9),
        sources=len(set(table.source)), clips=len(set(table.id)),
    )  # fmt: skip
    once = few(table)
    llr = raw_log10_lr(calibration, table.score[name][once], table.seconds[once])
    return calibration.model_copy(update={"elub": bounds_of(llr, table.machine[once])})


def few(table: Table) -> npt.NDArray[np.bool_]:
    """Neutral clips, each once and at most 25 of a generator or source: ELUB counts clips, and one page is no crowd."""
    kept = {row["id"] for row in chosen([r for r in table.rows if r["condition"] == "neutral"], 25)}
    return np.array([r["condition"] == "neutral" and r["id"] in kept for r in table.rows])


def bounds_of(llr: FloatArray, machine: npt.NDArray[np.bool_]) -> Bounds:
    """Empirical lower and upper bound of log10 LRs [n] whose truth is known."""
    low, high = elub(llr.copy(), machine.astype(int), add_misleading=1)
    return Bounds(lower=round(float(low), 2), upper=round(float(high), 2))


def thresholds_of(
    table: Table, lower: FloatArray, upper: FloatArray, limits: Bounds, rates: tuple[float, float]
) -> Thresholds:
    """For the ends [n] of the intervals; `rates` are those of false positives and false negatives."""
    weight, human = table.weights(), ~table.machine
    channels = [np.isin(table.condition, names) & human for names in FAMILIES.values()]
    return Thresholds(
        machine=threshold(lower, [*channels, human], weight, rates[0], limits.upper),
        human=-threshold(-upper, [table.machine], weight, rates[1], -limits.lower),
    )


def shipped(weights: Path, out: Path) -> Path:
    """The weights in half precision under the name that ships; a file that holds them already is left as it is.

    (safetensors writes its metadata in no fixed order, so that the same weights can have another hash.)
    """
    path = out / weights.name
    with safe_open(weights, framework="pt") as file:
        metadata = file.metadata()
    state = {k: v.half() for k, v in load_file(weights).items()}
    if path.exists():
        there = load_file(path)
        if there.keys() == state.keys() and all(torch.equal(there[k], v) for k, v in state.items()):
            return path
    save_file(state, path, metadata=metadata)
    path.chmod(0o644)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scores", type=Path, required=True)
    parser.add_argument("--weights", type=Path, nargs="+", required=True)
    parser.add_argument("--clips", type=Path, nargs="+", required=True)
    parser.add_argument("--validation-sources", type=int, required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--false-positives", type=float, default=0.01)
    parser.add_argument("--false-negatives", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    files = {f"detector.{path.stem}": path for path in arguments.weights}
    table = Table(read_clips(arguments.scores), tuple(files))
    cap = log10_of_count(arguments.validation_sources)
    rates = (arguments.false_positives, arguments.false_negatives)
    lines: dict[str, FloatArray] = {}
    for name, weights in files.items():
        calibration = calibrated(table, name, cap, arguments.rounds, arguments.seed)
        lines[name], lower, upper = log10_lr(calibration, table.score[name], table.seconds)
        limits = Bounds(lower=max(-cap, calibration.elub.lower), upper=min(cap, calibration.elub.upper))
        thresholds = thresholds_of(table, lower, upper, limits, rates)
        path = shipped(weights, arguments.out)
        blob = path.read_bytes()
        card = Card(
            name=name,
            version=arguments.version,
            summary=SUMMARY[name],
            attribution=ATTRIBUTION[name],
            weights=path.name,
            sha256=hashlib.sha256(blob).hexdigest(),
            bytes=len(blob),
            training=training_sources(arguments.clips),
            calibration=calibration,
            thresholds=thresholds,
            domain=DOMAIN,
        )
        write_card(card, path.with_suffix(".yaml"))
        print(f"{name}: slope {calibration.slope:.3f}, bounds {limits}, {thresholds}")

    fits = []
    for count in range(1, len(lines) + 1):
        for names in combinations(lines, count):
            x = np.stack([*(lines[name] for name in names), np.ones(len(table.id))], -1)
            constants, spread = joint(x, table, arguments.rounds, arguments.seed)
            weights_of = {name: float(c) for name, c in zip(names, constants, strict=False)}
            rows = tuple(tuple(float(v) for v in row) for row in spread)
            fits.append(Fit(weights=weights_of, intercept=float(constants[-1]), covariance=rows))
            print(f"fusion of {', '.join(names)}: {np.round(constants, 3)}")
    fusion = Fusion(
        summary=f"Logistic regression on {len(set(table.id))} clips of {len(set(table.source))} calibration sources, "
        "each in several channels; one fit for every set of lines that may be present, no weight negative.",
        fits=tuple(fits), bounds=Bounds(lower=-cap, upper=cap), threshold_machine=0.0, threshold_human=0.0,
        sources=arguments.validation_sources,
    )  # fmt: skip
    once = few(table)
    places = np.flatnonzero(once)
    together = np.array([fusion.fuse({name: float(v[i]) for name, v in lines.items()}).log10_lr for i in places])
    found = bounds_of(together, table.machine[once])
    limits = Bounds(lower=max(-cap, found.lower), upper=min(cap, found.upper))
    fusion = fusion.model_copy(update={"bounds": limits})
    strictest = Thresholds(machine=0.0, human=0.0)
    for fit in fits:
        ends = [
            fusion.fuse({name: float(lines[name][i]) for name in fit.weights}).log10_lr_bounds
            for i in range(len(table.id))
        ]
        lower, upper = np.array(ends).T
        one = thresholds_of(table, lower, upper, limits, rates)
        strictest = Thresholds(machine=max(strictest.machine, one.machine), human=min(strictest.human, one.human))
        print(f"thresholds of {', '.join(fit.weights)}: {one}")
    weight = table.weights()
    for label, mask in (("human", ~table.machine), ("machine", table.machine)):
        says_machine = np.average(lower[mask] > strictest.machine, weights=weight[mask])
        says_human = np.average(upper[mask] < strictest.human, weights=weight[mask])
        print(f"all lines, {label}: machine {says_machine:.3f}, human {says_human:.3f} (weighted, calibration part)")
    fusion = fusion.model_copy(update={"threshold_machine": strictest.machine, "threshold_human": strictest.human})
    write_fusion(fusion, arguments.out / "fusion.yaml")


if __name__ == "__main__":
    main()
