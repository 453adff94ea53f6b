"""Human recordings and their copies by many methods, equal in all that is no speech.

    python -m detectors.train.copies --list INDEX.csv --out DIR [--methods world griffin-lim ...] [--each 200] \
        [--seed 1] [--networks DIR]

INDEX.csv is what the data folder's `materialise.py` writes, or the table of `detectors.train.lists`. Of every method
the same number of copies is made, in turns; collections are drawn by the root of their size. Writes DIR/original and
DIR/copy, and DIR/index.csv with the columns of the table of clips, so that `detectors.train.decode` and
`detectors.train.crops` take it. What is there already is skipped; the same list and seed give the same files.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

import torch

from detectors.train.copies.making import Plan, make_all, read_index
from detectors.train.copies.network import trained
from detectors.train.copies.registry import METHODS, chosen
from detectors.train.copies.sources import read_sources
from synth.errors import VoxproofError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", type=Path, required=True, help="index of human recordings")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--methods", nargs="+", default=[], help=f"of {', '.join(METHODS)}, and of those of --networks")
    parser.add_argument("--each", type=int, default=200, help="copies of every method")
    parser.add_argument("--part", default="train")
    parser.add_argument("--networks", type=Path, default=None, help="weights by detectors.train.copies.fit_network")
    parser.add_argument("--rate", type=int, default=16_000)
    parser.add_argument("--longest", type=float, default=6.0, help="seconds")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    try:
        methods = chosen(arguments.methods, trained(arguments.networks) if arguments.networks else ())
        sources = read_sources(arguments.list, arguments.part)
        plan = Plan(arguments.each, arguments.rate, arguments.longest, arguments.seed)
        for said in make_all(sources, methods, arguments.out, plan):
            print(said, flush=True)
        rows = read_index(arguments.out)
    except VoxproofError as error:
        sys.exit(str(error))
    copies = [row for row in rows if row["generator"] != "human"]
    for name, count in sorted(Counter(row["generator"] for row in copies).items()):
        print(f"{name}: {count}")
    print(f"{len(copies)} copies, {sum(float(row['seconds']) for row in copies) / 3600:.2f} h")


if __name__ == "__main__":
    main()
