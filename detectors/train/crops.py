"""Step 4: training crops. Both classes, drawn alike, through the same channels with the same probabilities.

    python -m detectors.train.crops clips.csv [generated/clips.csv] --cache CACHE --out CROPS --shards 12
    python -m detectors.train.crops clips.csv --cache CACHE --out PIECES --shards 6 --neutral

A crop is 1 to 5 s of one clip, its silent edges cut, at a random place with a random number of samples, through a
random chain of `synth.channels` (rooms, resampling, real codecs) and audiomentations (noise of any colour, equaliser,
filters, overdrive, level), over a noise floor: what tells the classes apart is speech. With `--neutral` it is a random
neutral piece instead (detectors/neutral.py), through no channel.
Writes CROPS/NNN.npz (samples int16 [all], ends, labels, generators, sources, ids), seeded by the shard's number; skips
shards that are there. Machine-made clips are drawn by generator (square root of the number of clips), human ones by
source likewise, so that no page rules.
"""

import argparse
import random
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
from audiomentations import AddColorNoise, ClippingDistortion, Compose, Gain, LowPassFilter, SevenBandParametricEQ

from detectors.neutral import neutral, trimmed
from detectors.train.decode import RATE, cached, read_clips
from synth.channels import G711, G722, Aac, AmrNb, Channel, Gsm, Mp3, Opus, Resample, Room, Vorbis

FloatArray = npt.NDArray[np.float32]


BEFORE = Compose([AddColorNoise(min_snr_db=8, max_snr_db=35, p=0.35)])
"""Where the voice was recorded."""
AFTER = Compose(
    [
        SevenBandParametricEQ(min_gain_db=-9, max_gain_db=9, p=0.5),
        LowPassFilter(min_cutoff_freq=4500, max_cutoff_freq=7600, min_rolloff=24, max_rolloff=96, p=0.3),
        ClippingDistortion(max_percentile_threshold=4, p=0.1),
        Gain(min_gain_db=-15, max_gain_db=3, p=1.0),
    ]
)
"""What happens to a file afterwards."""


def random_steps(rng: np.random.Generator) -> list[Channel | Compose]:
    """What one crop passes: perhaps a room, noise, a band limit, none, one or two codecs, and what follows them."""
    steps: list[Channel | Compose] = [BEFORE]
    if rng.random() < 0.35:
        steps.append(Resample(inner_rate=int(rng.choice([8000, 11025, 12000, 13000, 14000, 15000]))))
    if rng.random() < 0.5:
        steps.append(random_codec(rng))
        if rng.random() < 0.15:
            steps.append(random_codec(rng))
    if rng.random() < 0.15:
        steps.insert(0, Room(t60_s=float(rng.uniform(0.15, 0.8)), direct_db=float(rng.uniform(-2, 10))))
    return [*steps, AFTER]


def random_codec(rng: np.random.Generator) -> Channel:
    """One codec of any family at a random rate; narrow-band telephony one time in three."""
    kind = rng.choice(
        ["mp3", "aac", "opus", "vorbis", "g722", "g711", "gsm", "amr"], p=[0.2, 0.14, 0.2, 0.08, 0.08, 0.12, 0.06, 0.12]
    )
    if kind == "mp3":
        return Mp3(bit_rate=int(rng.choice([24_000, 32_000, 48_000, 64_000, 96_000, 128_000])))
    if kind == "aac":
        return Aac(bit_rate=int(rng.choice([16_000, 24_000, 32_000, 48_000, 64_000])))
    if kind == "opus":
        return Opus(bit_rate=int(rng.choice([8_000, 12_000, 16_000, 24_000, 32_000, 48_000])))
    if kind == "vorbis":
        return Vorbis(quality=float(rng.choice([0.0, 0.2, 0.4, 0.6])))
    if kind == "g711":
        return G711(law=str(rng.choice(["a", "mu"])))
    if kind == "amr":
        return AmrNb(bit_rate=int(rng.choice([4750, 5900, 7400, 10200, 12200])))
    return G722() if kind == "g722" else Gsm()


def random_crop(
    samples: FloatArray, rng: np.random.Generator, shortest_s: float = 1.0, longest_s: float = 5.0
) -> FloatArray:
    """One augmented crop [time] at 16 kHz from a whole clip [time]; empty when nothing in it is loud enough."""
    sound = trimmed(samples)
    wanted = int(rng.uniform(shortest_s, longest_s) * RATE) - int(rng.integers(0, 400))
    length = min(sound.size, wanted)
    if length < RATE // 2:
        return sound[:0]
    start = int(rng.integers(0, sound.size - length + 1))
    crop = sound[start : start + length]
    crop = crop * np.float32(0.08 / max(float(np.sqrt(np.mean(crop**2))), 1e-6))
    seed = int(rng.integers(2**31))
    random.seed(seed)  # audiomentations draws from the global generators
    np.random.seed(seed)
    for number, step in enumerate(random_steps(rng)):
        crop = np.clip(crop, -1, 1)
        crop = step(crop, RATE) if isinstance(step, Compose) else step(crop, RATE, seed + number)[0]
    floor = 10 ** (rng.uniform(-85, -60) / 20)
    noisy: FloatArray = np.clip(crop + floor * rng.standard_normal(crop.size), -1, 1).astype(np.float32)
    return noisy


def neutral_piece(samples: FloatArray, rng: np.random.Generator) -> FloatArray:
    """One neutral piece [time] at 16 kHz from a whole clip [time]; empty when too little of it is loud enough."""
    return neutral(samples, str(rng.integers(2**31)))


def weights(clips: list[dict[str, str]]) -> npt.NDArray[np.float64]:
    """Probability of drawing each clip: classes equal; in a class, a group's share goes with the root of its size."""
    group = [(c["label"], c["generator"] if c["label"] == "machine" else c["source"]) for c in clips]
    size = Counter(group)
    share = np.array([size[g] ** -0.5 for g in group])
    for label in ("human", "machine"):
        chosen = np.array([c["label"] == label for c in clips])
        share[chosen] /= 2 * share[chosen].sum()
    total: npt.NDArray[np.float64] = share / share.sum()
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--part", nargs="+", default=["train"])
    parser.add_argument("--shards", type=int, default=12)
    parser.add_argument("--first", type=int, default=0, help="shard to begin with, to share the work")
    parser.add_argument("--per-shard", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--neutral", action="store_true", help="neutral pieces instead of augmented crops")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    clips = [c for table in arguments.clips for c in read_clips(table) if c["part"] in arguments.part]
    clips = [c for c in clips if (arguments.cache / f"{c['id']}.npy").exists()]
    probability = weights(clips)
    draw = neutral_piece if arguments.neutral else random_crop
    for shard in range(arguments.first, arguments.shards):
        target = arguments.out / f"{shard:03d}.npz"
        if target.exists():
            continue
        rng = np.random.default_rng([arguments.seed, shard])
        crops: list[npt.NDArray[np.int16]] = []
        drawn: list[dict[str, str]] = []
        while len(crops) < arguments.per_shard:
            clip = clips[int(rng.choice(len(clips), p=probability))]
            crop = draw(cached(arguments.cache, clip["id"]), rng)
            if crop.size:
                crops.append((crop * 32767).astype(np.int16))
                drawn.append(clip)
        partial = target.with_suffix(".partial.npz")
        np.savez(
            partial,
            samples=np.concatenate(crops),
            ends=np.cumsum([c.size for c in crops]),
            labels=np.array([c["label"] == "machine" for c in drawn]),
            generators=np.array([c["generator"] for c in drawn]),
            sources=np.array([c["source"] for c in drawn]),
            ids=np.array([c["id"] for c in drawn]),
        )
        partial.rename(target)
        print(f"shard {shard}: {sum(c.size for c in crops) / RATE / 60:.0f} min", flush=True)


if __name__ == "__main__":
    main()
