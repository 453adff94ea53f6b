"""The constants of detectors/voices.py: how a speaker scatters, and how speakers differ.

    python -m detectors.train.voices clips.csv --cache CACHE --out detectors/weights/voices.yaml

Learns from the people of the training and calibration parts. Same-speaker differences are those of
two halves of one clip, different-speaker ones those of halves of clips of two speakers of one source. It prints how
many clips are said to hold two voices by these constants alone. The threshold is 0, even odds, since a place that
reaches it is heard by the network of voiceprints; the likeness at which that names another voice is kept from the file
that ships, and was chosen as docs/methods/speech.md says.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.linalg
import yaml

from detectors.speech import own_speech
from detectors.train.decode import cached, read_clips
from detectors.voices import VoiceModel, difference, log_lr, sums, voice_frames, voice_model

FloatArray = npt.NDArray[np.float64]
LEAST = 160
"""Frames of speech on either side."""


LEFT_OUT = ("sifigan", "rhasspy_kathleen")
"""Singing, where one voice moves further than two speakers differ; and a voice that the method is judged on."""


def of_clip(mono: npt.NDArray[np.float32]) -> FloatArray:
    """Frames of speech of a clip [time], 16 kHz: [time, 16]."""
    speech = own_speech(mono)
    return voice_frames(mono, len(speech))[speech]


def strongest(model: VoiceModel, frames: FloatArray, side: int = 400, step: int = 10) -> float:
    """Largest log LR over all places of a clip, as the method searches."""
    running = sums(frames)
    found = [-9.0]
    for at in range(LEAST, len(frames) - LEAST, step):
        d, n = difference(running, (max(at - side, 0), at), (at, min(at + side, len(frames))))
        found.append(log_lr(model, d, n))
    return max(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--most", type=int, default=300, help="clips of a source")
    parser.add_argument("--rate", type=float, default=0.01)
    parser.add_argument("--dimensions", type=int, default=8)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    rng = np.random.default_rng(1)
    clips: dict[str, list[tuple[str, FloatArray]]] = {}
    licences = set()
    rows = [
        r
        for r in read_clips(arguments.clips)
        if r["label"] == "human" and r["kind"] == "human" and r["source"] not in LEFT_OUT
    ]
    rows = [r for r in rows if r["part"] in ("train", "calibration") and float(r["seconds"]) >= 3.0]
    for i in rng.permutation(len(rows)):
        row = rows[i]
        mine = clips.setdefault(row["source"], [])
        if len(mine) < arguments.most:
            frames = of_clip(cached(arguments.cache, row["id"]))
            if len(frames) >= 2 * LEAST:
                mine.append((row["speaker"], frames))
                licences.add(f"{row['source']}: {row['licence']}")
    same, other, lengths = [], [], []
    for mine in clips.values():
        running = [(speaker, sums(frames), len(frames)) for speaker, frames in mine]
        for speaker, total, count in running:
            d, n = difference(total, (0, count // 2), (count // 2, count))
            same.append(d)
            lengths.append(n)
            for _ in range(6):
                with_whom, others, size = running[int(rng.integers(len(running)))]
                if with_whom != speaker:
                    both = np.concatenate([total[[0, count // 2]], total[count // 2] + others - others[0]])
                    other.append(difference(both, (0, 1), (1, len(both) - 1 - size + size // 2))[0])
    within, across = (np.array([np.where(np.isfinite(d), d, 0.0) for d in rows]) for rows in (same, other))
    scatter = within.T @ within / len(within)
    scatter += 0.02 * np.diag(np.diag(scatter))
    values, vectors = scipy.linalg.eigh(across.T @ across / len(across), scatter)
    order = np.argsort(-values)[: arguments.dimensions]
    model = VoiceModel(
        summary=f"Halves of {len(same)} clips of {', '.join(sorted(clips))}; {len(other)} pairs of two speakers.",
        licences=tuple(sorted(licences)),
        transform=tuple(tuple(round(float(v), 5) for v in row) for row in vectors[:, order]),
        between=tuple(round(float(max(v, 1.01)), 4) for v in values[order]),
        frames=round(float(np.median(lengths)), 1),
        threshold=0.0,
        likeness=voice_model().likeness,
        voiceprint=voice_model().voiceprint,
    )
    peaks = np.array([strongest(model, frames) for mine in clips.values() for _, frames in mine])
    threshold = float(np.quantile(peaks, 1 - arguments.rate))
    pairs = []
    for mine in clips.values():
        for speaker, frames in mine:
            with_whom, others = mine[int(rng.integers(len(mine)))]
            if with_whom != speaker:
                pairs.append(strongest(model, np.concatenate([frames, others])))
    for source, mine in clips.items():
        print(
            source, len(mine), np.round(np.quantile([strongest(model, f) for _, f in mine], [0.5, 0.9, 0.99, 1.0]), 1)
        )
    found = np.mean(np.array(pairs) > threshold)
    print(f"alone: {arguments.rate:.1%} of clips lie above {threshold:.2f}, and {found:.3f} of {len(pairs)} pairs")
    text = yaml.safe_dump(
        model.model_dump(mode="json", exclude={"sha256"}), sort_keys=False, allow_unicode=True, width=110
    )
    arguments.out.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
