"""A map of the codebook: near codes lie near each other, coloured by how the phones that they say are made.

    python -m forensics.benches.code_map CLIP [CLIP ...] --out map.png

Two figures side by side from the same map (L. van der Maaten, G. Hinton, "Visualizing Data using t-SNE", 2008): manner
of articulation, with voiced codes filled and voiceless ones hollow, and the path of the first clip over it. A code's
phone is the one that the model's own reader hears most often where the code occurs in the clips; the reader reads the
codes themselves, so that the mutual information printed below says how firmly it takes a code for a phone, and is no
measurement against an independent alignment. Codes that do not occur in the clips are grey.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from detectors.codes.hearing import CodeEar, Codes, lite_models
from synth import audio
from synth.errors import VoxproofError
from synth.redrawing import read
from synth.text.symbols import V2
from synth.train.mutual_information import nearest_phones, phone_normalised_mutual_information

FloatArray = npt.NDArray[np.float32]

MANNERS = {
    "vowel": "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW",
    "stop": "B D G K P T",
    "affricate": "CH JH",
    "fricative": "DH F HH S SH TH V Z ZH",
    "nasal": "M N NG",
    "approximant": "L R W Y",
}
"""Of the phones of CMUdict, without stress; anything else is a pause."""
VOICELESS = frozenset(["K", "P", "T", "CH", "F", "HH", "S", "SH", "TH"])
COLOURS = ("#d62728", "#1f77b4", "#17becf", "#9467bd", "#2ca02c", "#ff7f0e", "#7f7f7f")
SEED = 1


def manner_of(phone: str) -> str:
    """Of a phone as the table of phones spells it."""
    plain = phone.rstrip("012")
    return next((name for name, phones in MANNERS.items() if plain in phones.split()), "pause")


def phones_of_codes(ear: CodeEar, rows: Sequence[Codes]) -> tuple[dict[int, str], float]:
    """The phone of every code that occurs, and the share of the phones' entropy that the codes know."""
    if ear.reader is None:
        raise VoxproofError("the model has no reader of its codes", cure="Use the voice that ships.")
    codes, phones = [], []
    with torch.no_grad():
        for row in rows:
            scores = read(torch.from_numpy(row), ear.reader, ear.encoders.quantizer.decode)
            codes.append(row)
            phones.append(nearest_phones(torch.from_numpy(scores))[::2][: len(row)])
    every, heard = np.concatenate(codes), np.concatenate(phones)
    known = heard < len(V2)
    every, heard = every[known], heard[known]
    found = {int(code): V2.symbols[int(np.bincount(heard[every == code]).argmax())] for code in np.unique(every)}
    return found, phone_normalised_mutual_information(every, heard)


def placed(book: FloatArray) -> FloatArray:
    """Codes [1024, width] -> places on the map [1024, 2]."""
    from sklearn.manifold import TSNE

    return np.asarray(TSNE(2, perplexity=30, init="pca", random_state=SEED).fit_transform(book), np.float32)


def draw(places: FloatArray, phones: dict[int, str], path: Codes, title: str, out: Path) -> None:
    """The two figures in one file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 7), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        axes.scatter(*places.T, s=6, c="#dddddd", linewidths=0)
        axes.set_xlabel("t-SNE, first dimension (no unit)")
        axes.set_ylabel("t-SNE, second dimension (no unit)")
    for manner, colour in zip((*MANNERS, "pause"), COLOURS, strict=True):
        for voiced in (True, False):
            some = [
                c for c, p in phones.items() if manner_of(p) == manner and (p.rstrip("012") not in VOICELESS) == voiced
            ]
            if some:
                label = manner if manner in ("vowel", "nasal", "approximant", "pause") else (
                    f"{manner}, {'voiced' if voiced else 'voiceless'}"
                )  # fmt: skip
                face = colour if voiced else "none"
                left.scatter(*places[some].T, s=18, facecolors=face, edgecolors=colour, linewidths=0.9, label=label)
    left.legend(fontsize=8)
    left.set_title(title)
    way = places[path]
    right.plot(*way.T, color="#bbbbbb", linewidth=0.5)
    marks = right.scatter(*way.T, s=14, c=np.arange(len(path)) / 25, cmap="viridis")
    figure.colorbar(marks, ax=right, label="time (s)")
    right.set_title("The path of the clip")
    figure.savefig(out, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    ear = CodeEar.of(lite_models())
    rows = [ear.hear(audio.read(clip, rate=16_000).mono.astype(np.float32)).codes for clip in arguments.clips]
    rows = [row for row in rows if len(row)]
    if not rows:
        raise VoxproofError("the clips hold no code, 40 ms", cure="Give longer clips.")
    phones, known = phones_of_codes(ear, rows)
    title = f"{len(phones)} of 1024 codes occur; by the reader they know {known:.0%} of the phones"
    draw(placed(ear.encoders.quantizer.codebook.embed.numpy()), phones, rows[0], title, arguments.out)
    print(title)


if __name__ == "__main__":
    main()
