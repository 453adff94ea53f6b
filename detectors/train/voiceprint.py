"""Voiceprint, step 3: freeze threshold and calibration on one half of the speakers, judge on the other, write the card.

    python -m detectors.train.voiceprint --data FOLDER --weights RUN/voiceprint.safetensors \
        --resemblyzer PRETRAINED.pt --version 1 --out synth/weights --table voiceprint.md

FOLDER and RUN are those of synth.train.voiceprint_data and synth.train.voiceprint. The threshold lets `--false-alarms`
of the pairs of two voices through, pooled over the channels of the calibration part; the calibration is a logistic
regression on all its conditions (channels and lengths weigh the same), its covariance a bootstrap of speakers, its
bounds the smaller of ELUB (library lir) and log10 of the number of test speakers. Then the test part is looked at,
once. Beside the network stand resemblyzer's weights behind the same ears, and mean and deviation of cepstra.
"""

import argparse
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from lir.algorithms.bayeserror import elub
from safetensors.numpy import load_file

from detectors.calibration import log10_of_count
from detectors.metrics import cllr, cllr_min, eer
from detectors.train.evidence import logistic
from detectors.train.voiceprint_trials import HELD_OUT, Scored, conditions, drawn, resemblyzer, shipped, trivial
from synth.card import write_card
from synth.train.voiceprint_data import CONDITIONS, Clip, powers, read_clips
from synth.voiceprint import LONGEST_S, SHORTEST_S, speaker_log10_lr
from synth.voiceprint_card import (
    Calibration,
    Figure,
    OneVoice,
    Source,
    Threshold,
    VoiceprintCard,
)
from synth.voiceprint_network import FRAMES, VoiceNetwork, likeness_of_halves

FloatArray = npt.NDArray[np.floating]

BESIDE = ("clean", "MP3 32 kbit/s", "Opus 12 kbit/s", "G.711 A-law", "AMR-NB 12.2 kbit/s", "noise 10 dB",
          "room T60 0.5 s", "room + noise + AMR-NB 5.9")  # fmt: skip
"""Channels in which other systems are judged."""
SUMMARY = (
    "Three LSTM layers of 256 on 40 mel bands, the windows' vectors averaged and mapped to 128 numbers in which voices "
    "differ and channels do not; fine-tuned from resemblyzer on telephone and internet codecs, noise and rooms."
)
ATTRIBUTION = (
    "Network and first weights: resemblyzer 0.1.4 by Corentin Jemine, Resemble AI (Apache-2.0), which learnt from "
    "LibriSpeech (other), VoxCeleb1 and VoxCeleb2. Changed: fine-tuned, biases joined, linear map added, half "
    "precision. Licence of these weights: Apache-2.0."
)
LIMITS = (
    "A good clone of a voice sounds like it, and is meant to: a high LR says whose voice it is, not that the person "
    "spoke.",
    "Most pairs of one voice come from one session, with the same microphone and room; pairs of recordings made years "
    "or devices apart were not available and will be missed more often.",
    "Shouting, whispering, singing, illness and disguise were not tested; nor children, nor relatives of the speaker.",
    "English is nearly all of the test part; the error rates of other languages are not known.",
)


def design(cosine: FloatArray, seconds: FloatArray) -> npt.NDArray[np.float64]:
    """What the four constants multiply: [pairs, 4], in the order of `Calibration.covariance`."""
    octaves = np.log2(np.clip(seconds, SHORTEST_S, LONGEST_S) / 4)
    return np.stack([cosine, octaves * cosine, np.ones_like(cosine), octaves], -1).astype(np.float64)


def calibrated(of: list[Scored], cap: float, rounds: int) -> Calibration:
    """The constants of the LR, with their scatter over speakers."""
    x = np.concatenate([design(s.cosine, s.seconds) for s in of])
    same = np.concatenate([s.same for s in of])

    def fit(times: list[FloatArray]) -> FloatArray:
        weight = np.concatenate([
            t * np.where(s.same, 0.5 / max(t[s.same].sum(), 1e-9), 0.5 / max(t[~s.same].sum(), 1e-9)) / len(of)
            for s, t in zip(of, times, strict=True)
        ])  # fmt: skip
        return logistic(x, same, weight)

    best = fit([np.ones(len(s.same)) for s in of])
    fits = []
    for n in range(rounds):
        fits.append(fit([resampled(s, n).astype(np.float64) for s in of]))
    clean = next(s for s in of if s.condition == "clean")
    llr = design(clean.cosine, clean.seconds) @ best
    keep = np.flatnonzero(~clean.same)
    keep = keep[np.random.default_rng(0).permutation(len(keep))[: 10 * int(clean.same.sum())]]
    few = np.concatenate([np.flatnonzero(clean.same), keep])
    low, high = elub(llr[few], clean.same[few].astype(int), add_misleading=1)
    covariance = np.cov(np.array(fits).T)
    return Calibration(
        slope=float(best[0]),
        slope_per_octave=float(best[1]),
        intercept=float(best[2]),
        intercept_per_octave=float(best[3]),
        covariance=tuple(tuple(float(v) for v in row) for row in covariance),  # type: ignore[misc]
        lower=max(-cap, round(float(low), 2)),
        upper=min(cap, round(float(high), 2)),
        speakers=len({name for s in of for name in s.names}),
        pairs=len(x),
    )


def resampled(of: Scored, number: int) -> npt.NDArray[np.int64]:
    """How often each pair counts in one round of the bootstrap; conditions draw the same speakers where they can."""
    return drawn(of, np.random.default_rng(1000 + number))


def threshold(of: list[Scored], rate: float) -> Threshold:
    """The cosine that this share of pairs of two voices reaches, pooled over the channels."""
    channels = [s for s in of if s.condition in CONDITIONS]
    others = np.concatenate([s.other for s in channels])
    targets = np.concatenate([s.target for s in channels])
    cosine = round(float(np.quantile(others, 1 - rate)), 3)
    return Threshold(
        cosine=cosine,
        false_alarms=round(float((others >= cosine).mean()), 4),
        misses=round(float((targets < cosine).mean()), 4),
    )


def figure(system: str, of: Scored, card: VoiceprintCard | None, rounds: int = 150) -> Figure:
    """Errors of one system in one condition."""
    draws = [resampled(of, n) for n in range(rounds)]

    def interval(value: Callable[[npt.NDArray[np.int64]], float]) -> tuple[float, float]:
        low, high = np.nanquantile([value(times) for times in draws], [0.025, 0.975])
        return round(float(low), 4), round(float(high), 4)

    def rate(wrong: npt.NDArray[np.bool_], rows: npt.NDArray[np.bool_]) -> Callable[[npt.NDArray[np.int64]], float]:
        return lambda times: float((times * wrong)[rows].sum() / max(times[rows].sum(), 1))

    once = np.ones(len(of.same), np.int64)

    def equal(times: npt.NDArray[np.int64]) -> float:
        return eer(np.repeat(of.target, times[of.same]), np.repeat(of.other, times[~of.same]))

    found = Figure(
        system=system,
        condition=of.condition,
        speakers=len(of.names),
        target_pairs=int(of.same.sum()),
        other_pairs=int((~of.same).sum()),
        eer=round(equal(once), 4),
        eer_interval=interval(equal),
    )
    if card is None:
        return found
    above = of.cosine >= card.threshold.cosine
    missed, alarmed = rate(~above, of.same), rate(above, ~of.same)
    rows = zip(of.cosine.tolist(), of.seconds.tolist(), strict=True)
    llr = np.array([speaker_log10_lr(card.calibration, cosine, seconds)[0] for cosine, seconds in rows])
    return found.model_copy(
        update={
            "false_alarms": round(alarmed(once), 4),
            "false_alarms_interval": interval(alarmed),
            "misses": round(missed(once), 4),
            "misses_interval": interval(missed),
            "cllr": round(cllr(llr[of.same], llr[~of.same]), 4),
            "cllr_min": round(cllr_min(llr[of.same], llr[~of.same]), 4),
        }
    )


def halves(clips: Sequence[Clip], folder: Path, network: VoiceNetwork) -> tuple[FloatArray, FloatArray]:
    """Likeness of the halves of recordings of one voice (clean, telephone), and of two voices one after another."""
    mels: list[tuple[Clip, FloatArray]] = []
    one: list[float | None] = []
    for clip in clips:
        if not (folder / f"{clip.id}.npz").exists():
            continue
        with np.load(folder / f"{clip.id}.npz") as stored:
            for name in ("enrolled", "AMR-NB 12.2 kbit/s"):
                one.append(likeness(network, powers(stored[name])[:1000]))
            mels.append((clip, powers(stored["enrolled"])))
    two = [
        likeness(network, np.concatenate([a[:300], b[:300]]))
        for (first, a), (second, b) in zip(mels, mels[1:] + mels[:1], strict=True)
        if first.speaker != second.speaker and first.corpus == second.corpus and min(len(a), len(b)) >= 300
    ]
    return np.array([v for v in one if v is not None]), np.array([v for v in two if v is not None])


def likeness(network: VoiceNetwork, mel: npt.NDArray[np.float32]) -> float | None:
    """As `synth.voiceprint` asks it."""
    return likeness_of_halves(network.embedding(network.heard(mel))) if len(mel) >= FRAMES else None


def sources(clips: Sequence[Clip], folder: Path) -> tuple[Source, ...]:
    """Everything that was learnt from or measured on."""
    there = [c for c in clips if c.speed == 1.0 and (folder / f"{c.id}.npz").exists()]
    count = Counter((c.source, c.licence, c.part) for c in there)
    uses = {"train": "training", "calibration": "calibration", "test": "test"}
    return tuple(
        Source(
            name=name,
            licence=licence,
            clips=n,
            speakers=len({c.speaker for c in there if (c.source, c.part) == (name, part) and c.speaker}) or None,
            used_for=uses[part],
        )
        for (name, licence, part), n in sorted(count.items(), key=lambda item: (list(uses).index(item[0][2]), item[0]))
    )


def table(figures: Sequence[Figure]) -> str:
    """The figures in Markdown."""

    def percent(value: float | None, ends: tuple[float, float] | None) -> str:
        return (
            "" if value is None or ends is None else f"{100 * value:.1f} ({100 * ends[0]:.1f} to {100 * ends[1]:.1f})"
        )

    lines = [
        "| system | questioned recording | speakers | pairs of one voice, of two | EER % | false alarms % | misses % "
        "| Cllr (min) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for f in figures:
        cost = "" if f.cllr is None else f"{f.cllr:.3f} ({f.cllr_min:.3f})"
        lines.append(
            f"| {f.system} | {f.condition} | {f.speakers} | {f.target_pairs}, {f.other_pairs} "
            f"| {percent(f.eer, f.eer_interval)} | {percent(f.false_alarms, f.false_alarms_interval)} "
            f"| {percent(f.misses, f.misses_interval)} | {cost} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--resemblyzer", type=Path, required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--false-alarms", type=float, default=0.01)
    parser.add_argument("--least-speech", type=float, default=1.0)
    parser.add_argument("--least-enrolled", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=200)
    arguments = parser.parse_args()
    blob = arguments.weights.read_bytes()
    network = VoiceNetwork(load_file(arguments.weights))
    clips = read_clips(arguments.data / "clips.csv")
    own = shipped(arguments.weights)
    learnt = conditions(own, clips, arguments.data, "calibration")
    one, _ = halves([c for c in clips if c.part == "calibration"], arguments.data, network)
    frozen = threshold(learnt, arguments.false_alarms)
    least = round(float(np.quantile(one, arguments.false_alarms)), 3)
    tested = [
        c for c in clips if c.part == "test" and c.source != HELD_OUT and (arguments.data / f"{c.id}.npz").exists()
    ]
    judged = conditions(own, clips, arguments.data, "test")
    cap = log10_of_count(max(len(of.names) for of in judged))
    calibration = calibrated(learnt, cap, arguments.rounds)
    print(frozen, calibration, least)
    one, two = halves(tested, arguments.data, network)
    card = VoiceprintCard(
        name="voiceprint",
        version=arguments.version,
        summary=SUMMARY,
        attribution=ATTRIBUTION,
        weights="voiceprint.safetensors",
        sha256=hashlib.sha256(blob).hexdigest(),
        bytes=len(blob),
        dimensions=len(load_file(arguments.weights)["map"]),
        min_speech_seconds=arguments.least_speech,
        min_enrolled_seconds=arguments.least_enrolled,
        channels=tuple(CONDITIONS),
        languages=tuple(sorted({c.language[:2] for c in tested})),
        threshold=frozen,
        calibration=calibration,
        one_voice=OneVoice(
            cosine=least,
            recordings=len(one),
            false_alarms=round(float((one < least).mean()), 4),
            joined=len(two),
            found=round(float((two < least).mean()), 4),
        ),
        sources=sources(clips, arguments.data),
        limits=LIMITS,
    )
    figures = [figure(own.name, of, card) for of in judged]
    for system in (resemblyzer(arguments.resemblyzer), trivial(clips, arguments.data)):
        others = conditions(system, clips, arguments.data, "test", BESIDE, (2.0,))
        figures += [figure(system.name, of, None) for of in others]
    card = card.model_copy(update={"figures": tuple(figures)})
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / card.weights).write_bytes(blob)
    (arguments.out / card.weights).chmod(0o644)
    write_card(card, arguments.out / "voiceprint.yaml")
    arguments.table.write_text(table(figures), "utf-8")


if __name__ == "__main__":
    main()
