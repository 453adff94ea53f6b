"""Clips of the voice that ships, unmarked, so that the bank of generators knows it.

    python -m detectors.train.own_voice clips.csv TEXTS.txt --out OWN [--clips 25]

Each sentence (one a line) in the voice of another reader of LibriSpeech, chosen by chance from those of the table;
nobody of a demo page is cloned. Writes OWN/<id>.npy (int16 [time], 16 kHz) and OWN/clips.csv as
detectors.train.generate does. It goes around the one door on purpose (`Cloner._render`): neither sound nor tokens are
marked, since the mark must not be what tells our generator; so OWN is for training and belongs to no user. The
generator's name holds 8 digits of the weights' hash: other weights are another generator, to be made and enrolled anew.
"""

import argparse
import csv
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from detectors.codes.hearing import model_name
from detectors.train.decode import RATE, read_clips
from detectors.train.lists import COLUMNS
from synth.channels.base import convert
from synth.clone import Cloner
from synth.errors import VoxproofError
from synth.models.lite import lite_folder
from synth.reference import Reference

FloatArray = npt.NDArray[np.float32]
VOICES = "librispeech_tc100"
"""Source of the voices: readers whose recordings the licence lets us build on."""
SHORTEST_S = 3.5
"""Of a recording that gives a voice."""


def voices(rows: list[dict[str, str]], count: int, rng: np.random.Generator) -> list[dict[str, str]]:
    """So many recordings, each of another speaker; fewer only if there are not as many speakers."""
    some = [row for row in rows if row["source"] == VOICES and float(row["seconds"]) >= SHORTEST_S]
    order = rng.permutation(len(some))
    by_speaker = {some[int(n)]["speaker"]: some[int(n)] for n in order}
    return list(by_speaker.values())[:count]


def spoken(
    cloner: Cloner, chosen: list[dict[str, str]], texts: list[str], seed: int
) -> Iterator[tuple[dict[str, str], FloatArray]]:
    """A row of the table and samples [time] at 16 kHz for every voice; voices that cannot be read are passed over."""
    name = model_name(cloner.models)
    for number, voice in enumerate(chosen):
        try:
            reference = Reference.read(voice["path"])
            settings = cloner.settings(language="en", seed=seed + number)
            clone = cloner._render(texts[number % len(texts)], reference, settings=settings)
        except VoxproofError as error:
            print(error)
            continue
        samples = convert(clone.samples.numpy(), clone.rate, RATE)
        yield dict.fromkeys(COLUMNS, "") | {
            "id": f"{zlib.crc32(f'{name} {number} {seed}'.encode()):08x}", "label": "machine", "part": "train",
            "source": "generated", "generator": name, "kind": "zero-shot clone", "speaker": voice["speaker"],
            "language": "en", "licence": "ours; voice CC-BY-4.0", "seconds": f"{samples.size / RATE:.3f}",
        }, samples  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=25, dest="count")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    texts = [t for t in arguments.texts.read_text("utf-8").splitlines() if t.strip()]
    chosen = voices(read_clips(arguments.clips), arguments.count, np.random.default_rng(arguments.seed))
    if not texts or not chosen:
        raise SystemExit(f"no sentences, or no recording of {VOICES} in the table")
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for row, samples in spoken(Cloner.load(lite_folder(), hubert=None), chosen, texts, arguments.seed):
        level = samples / max(float(np.abs(samples).max()), 1e-6) * 0.7
        np.save(arguments.out / f"{row['id']}.npy", (level * 32767).astype(np.int16))
        rows.append(row)
    with (arguments.out / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} clips, {sum(float(r['seconds']) for r in rows):.0f} s")


if __name__ == "__main__":
    main()
