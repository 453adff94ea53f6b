"""Step 3: machine-made speech of our own, offline: copy synthesis of training recordings, and packaged engines.

    python -m detectors.train.generate clips.csv TEXTS.txt --cache CACHE --out GENERATED --copies 700 --sentences 150 \
        [--kokoro DIR]

WORLD (pyworld: M. Morise et al., 2016) and Griffin-Lim from mel bands (D. Griffin, J. Lim, 1984) copy human recordings
of the training part: same voice, words, room and band, only the waveform is a machine's. hibari, espeak-ng and flite
read the sentences (one a line). DIR of --kokoro is the output of the data folder's kokoro_english.py. Writes
GENERATED/<id>.npy as the decoding step does (copy them into CACHE), and GENERATED/clips.csv. Needs pyworld, hibari-tts
and the commands espeak-ng and flite; what is missing is said and passed over.
"""

import argparse
import csv
import importlib
import io
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import torch

from detectors.inference import mel_filters
from detectors.neutral import trimmed
from detectors.train.crops import weights
from detectors.train.decode import RATE, cached, read_clips
from detectors.train.lists import COLUMNS
from synth.channels.base import convert

FloatArray = npt.NDArray[np.float32]


def world(samples: FloatArray, rng: np.random.Generator) -> FloatArray:
    """WORLD analysis and synthesis, pitch and aperiodicity untouched: [time] -> [time]."""
    pyworld = importlib.import_module("pyworld")
    x = samples.astype(np.float64)
    f0, times = pyworld.dio(x, RATE, frame_period=float(rng.choice([5.0, 8.0, 10.0])))
    f0 = pyworld.stonemask(x, f0, times, RATE)
    period = round(float(times[1] - times[0]) * 1000, 3)
    envelope, aperiodicity = pyworld.cheaptrick(x, f0, times, RATE), pyworld.d4c(x, f0, times, RATE)
    out: FloatArray = pyworld.synthesize(f0, envelope, aperiodicity, RATE, period).astype(np.float32)
    return out[: samples.size]


def griffin_lim(samples: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Mel bands, their pseudo-inverse, and 8 to 60 rounds of Griffin-Lim: [time] -> [time]."""
    size = int(rng.choice([800, 1024]))
    hop, bands = size // 4, int(rng.choice([60, 80, 100, 128]))
    window = torch.hann_window(size)
    x = torch.from_numpy(samples)
    magnitude = torch.stft(x, size, hop, window=window, return_complex=True).abs()
    filters = torch.from_numpy(mel_filters(bands, size))
    magnitude = (torch.linalg.pinv(filters) @ (filters @ magnitude)).clamp(min=0)
    phase = torch.from_numpy(rng.uniform(-np.pi, np.pi, tuple(magnitude.shape)).astype(np.float32))
    for _ in range(int(rng.integers(8, 60))):
        wave = torch.istft(torch.polar(magnitude, phase), size, hop, window=window, length=x.numel())
        phase = torch.stft(wave, size, hop, window=window, return_complex=True).angle()
    out: FloatArray = torch.istft(torch.polar(magnitude, phase), size, hop, window=window, length=x.numel()).numpy()
    return out


def copies(
    clips: list[dict[str, str]], cache: Path, count: int, rng: np.random.Generator
) -> Iterator[tuple[dict[str, str], FloatArray]]:
    """Copy syntheses of human training clips, alternately by WORLD and by Griffin-Lim."""
    humans = [c for c in clips if c["label"] == "human" and c["part"] == "train"]
    share = weights(humans)
    for number in range(count):
        clip = humans[int(rng.choice(len(humans), p=share))]
        sound = trimmed(cached(cache, clip["id"]))[: 5 * RATE]
        if sound.size < RATE:
            continue
        name, make = (("WORLD copy", world), ("Griffin-Lim copy", griffin_lim))[number % 2]
        row = dict.fromkeys(COLUMNS, "") | {
            "generator": name, "kind": "vocoder-copy-synthesis", "speaker": clip["speaker"],
            "language": clip["language"], "licence": clip["licence"], "path": clip["path"],
        }  # fmt: skip
        yield row, make(sound, rng)


def spoken(texts: list[str], count: int, rng: np.random.Generator) -> Iterator[tuple[dict[str, str], FloatArray]]:
    """Sentences read by the packaged engines, in several voices."""
    engines = {
        "espeak-ng": ("GPL-3.0 (engine)", ["en-us", "en-gb", "en-gb-scotland", "de", "nl", "es", "pt"]),
        "flite": ("BSD-like", ["awb", "rms", "slt", "kal16"]),
    }
    for engine, (licence, voices) in engines.items():
        if shutil.which(engine) is None:
            print(f"{engine} is not installed: passed over")
            continue
        for number in range(count):
            voice, text = voices[number % len(voices)], texts[int(rng.integers(len(texts)))]
            if engine == "flite":
                command = ["flite", "-voice", voice, "-t", text, "-o", "/dev/stdout"]
            else:
                pitch = str(int(rng.integers(20, 80)))
                command = [
                    "espeak-ng",
                    "-v",
                    voice,
                    "-p",
                    pitch,
                    "-s",
                    str(int(rng.integers(120, 190))),
                    "--stdout",
                    text,
                ]
            wav = bytearray(subprocess.run(command, check=True, capture_output=True).stdout)  # noqa: S603
            wav[4:8], wav[40:44] = (len(wav) - 8).to_bytes(4, "little"), (len(wav) - 44).to_bytes(4, "little")
            samples, rate = soundfile.read(io.BytesIO(bytes(wav)), dtype="float32")
            row = dict.fromkeys(COLUMNS, "") | {
                "generator": engine,
                "kind": "tts",
                "language": "en",
                "licence": licence,
            }
            yield row | {"speaker": f"{engine}:{voice}"}, convert(samples, rate, RATE)
    try:
        hibari = importlib.import_module("hibari").Hibari()
    except ImportError:
        print("hibari-tts is not installed: passed over")
        return
    for number in range(count):
        samples = np.asarray(hibari(texts[int(rng.integers(len(texts)))]), np.float32)
        row = dict.fromkeys(COLUMNS, "") | {"generator": "hibari-tts", "kind": "tts", "language": "en"}
        yield (
            row | {"licence": "Apache-2.0", "speaker": "hibari", "seconds": str(number)},
            convert(samples, int(hibari.sample_rate), RATE),
        )


def kokoro(folder: Path) -> Iterator[tuple[dict[str, str], FloatArray]]:
    """What kokoro_english.py has written."""
    for path in sorted(folder.glob("*.wav")):
        samples, rate = soundfile.read(path, dtype="float32")
        row = dict.fromkeys(COLUMNS, "") | {"generator": "Kokoro-82M", "kind": "tts", "language": "en"}
        yield row | {"licence": "Apache-2.0", "path": str(path)}, convert(samples, rate, RATE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--copies", type=int, default=700)
    parser.add_argument("--sentences", type=int, default=150)
    parser.add_argument("--kokoro", type=Path, default=None)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(arguments.seed)
    texts = [t for t in arguments.texts.read_text("utf-8").splitlines() if t.strip()]
    sources = [
        copies(read_clips(arguments.clips), arguments.cache, arguments.copies, rng),
        spoken(texts, arguments.sentences, rng),
        kokoro(arguments.kokoro) if arguments.kokoro else iter(()),
    ]
    rows: list[dict[str, str]] = []
    for source in sources:
        for row, samples in source:
            name = zlib.crc32(f"{row['generator']} {len(rows)} {arguments.seed}".encode())
            row |= {"id": f"{name:08x}", "label": "machine", "part": "train", "source": "generated"}
            row["seconds"] = f"{samples.size / RATE:.3f}"
            level = samples / max(float(np.abs(samples).max()), 1e-6) * 0.7
            np.save(arguments.out / f"{row['id']}.npy", (level * 32767).astype(np.int16))
            rows.append(row)
    with (arguments.out / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} clips, {sum(float(r['seconds']) for r in rows) / 3600:.2f} h")


if __name__ == "__main__":
    main()
