"""Loss curves of a training as a figure and a table, and how far a resumed training is from an uninterrupted one.

    python -m synth.train.curves RUN --out docs/clone/s2 [--resumed OTHER_RUN]

Writes docs/clone/s2.png and docs/clone/s2.csv, and prints the largest difference of any value of any step.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synth.train.log import read_log

Line = dict[str, Any]
_COUNTED = ("kind", "step", "epoch")


def differences(one: Sequence[Line], other: Sequence[Line]) -> tuple[int, float]:
    """Lines that both logs have, and the largest difference of any of their values."""
    found = {(line["kind"], line["step"]): line for line in other}
    both = [(line, found[line["kind"], line["step"]]) for line in one if (line["kind"], line["step"]) in found]
    each = [abs(a[name] - b[name]) for a, b in both for name in a if name not in _COUNTED]
    return len(both), max(each, default=0.0)


def write_table(lines: Sequence[Line], path: Path) -> None:
    """One row a line of the log, six digits."""
    names = [*_COUNTED, *dict.fromkeys(name for line in lines for name in line if name not in _COUNTED)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        for line in lines:
            writer.writerow({n: f"{v:.6g}" if isinstance(v, float) else v for n, v in line.items()})


def write_figure(lines: Sequence[Line], resumed: Sequence[Line], path: Path) -> None:
    """One panel for each value; validation as dots, a resumed training as a thin line over the first."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(name for line in lines for name in line if name not in _COUNTED))
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(3.2 * columns, 2.4 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, name in zip(panels, names, strict=False):
        for log, kind, style, label in (
            (lines, "train", {"color": "tab:blue", "linewidth": 1.6}, "training"),
            (resumed, "train", {"color": "black", "linewidth": 0.5}, "killed and resumed"),
            (lines, "validation", {"color": "tab:orange", "marker": "o", "linestyle": "none"}, "held out"),
        ):
            chosen = [(line["step"], line[name]) for line in log if line["kind"] == kind and name in line]
            if chosen:
                axes.plot(*zip(*chosen, strict=True), label=label, **style)
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelsize=8)
    for axes in panels[len(names) :]:
        axes.axis("off")
    panels[0].legend(fontsize=7)
    figure.supxlabel("step", fontsize=9)
    figure.savefig(path, dpi=100, metadata={"Software": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="name of the two files, without suffix")
    parser.add_argument("--resumed", type=Path, default=None, help="the same training, killed and resumed")
    arguments = parser.parse_args()
    lines = read_log(arguments.run)
    resumed = read_log(arguments.resumed) if arguments.resumed else []
    write_table(lines, arguments.out.with_suffix(".csv"))
    write_figure(lines, resumed, arguments.out.with_suffix(".png"))
    if resumed:
        count, most = differences(lines, resumed)
        print(f"{count} lines of {len(lines)} in both, largest difference {most!r}")


if __name__ == "__main__":
    main()
