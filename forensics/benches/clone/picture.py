"""The figure of the cloned voice's bench: letter errors and likeness against the noise of the reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from forensics.benches.clone.figures import letter_rate, noise_rows, placed_of, said_of
from forensics.benches.clone.kept import Kept


def draw(kept: Kept, path: Path) -> None:
    """Two panels; clean references as dashed lines."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = noise_rows(kept)
    clean, near = said_of(kept, "clone"), placed_of(kept, "clone")
    panels = (
        ("letter errors, %", [100 * row[2] for row in rows], 100 * letter_rate(clean) if clean else None),
        ("cosine with the voice", [row[3] for row in rows], float(np.mean([p.cosine for p in near])) if near else None),
    )
    figure, axes = pyplot.subplots(1, 2, figsize=(8, 3), layout="constrained")
    for axis, (name, values, limit) in zip(axes, panels, strict=True):
        axis.plot([row[0] for row in rows], values, "o-", color="tab:blue")
        if limit is not None:
            axis.axhline(limit, color="tab:grey", linestyle="--", linewidth=1, label="clean reference")
            axis.legend(fontsize=8)
        axis.set_xlabel("reference over noise, dB")
        axis.set_ylabel(name)
        axis.set_ylim(bottom=0)
    figure.savefig(path, dpi=100, metadata={"Software": None})
    pyplot.close(figure)
