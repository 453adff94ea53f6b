"""A picture of where the mark sits: the spectrogram of a recording and of what the mark changes in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from forensics.benches.watermark.attacks import RATE
from forensics.benches.watermark.run import bench_key
from synth.audio import read
from synth.watermark.carrier import HOP, powers
from synth.watermark.embed import embed
from synth.watermark.payload import Payload

SECONDS = 3.0


def draw_place(clip: Path, path: Path, seed: int) -> None:
    """The first seconds of CLIP, the residual, and the change of level, as an image."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    sound = read(clip, RATE).mono[: int(SECONDS * RATE)]
    marked = embed(sound[:, None], RATE, bench_key(seed, "issuer"), Payload(1, 1)).samples[:, 0].astype(np.float32)
    host, residual, after = powers(sound), powers(marked - sound), powers(marked)
    full = float(host.max())
    panels = (
        ("speech, dB", 10 * np.log10(host / full + 1e-9), "magma", (-80, 0)),
        ("what the mark adds, dB", 10 * np.log10(residual / full + 1e-9), "magma", (-80, 0)),
        ("change of level, dB", 10 * np.log10((after + 1e-9 * full) / (host + 1e-9 * full)), "RdBu", (-6, 6)),
    )
    figure, axes = pyplot.subplots(3, 1, figsize=(8, 7), sharex=True, layout="constrained")
    for axis, (title, values, colours, limits) in zip(axes, panels, strict=True):
        extent = (0.0, host.shape[1] * HOP / RATE, 0.0, RATE / 2000)
        image = axis.imshow(
            values, origin="lower", aspect="auto", extent=extent, cmap=colours, vmin=limits[0], vmax=limits[1]
        )
        axis.set_ylabel("kHz")
        axis.set_title(title, fontsize=9)
        figure.colorbar(image, ax=axis)
    axes[-1].set_xlabel("s")
    figure.savefig(path, dpi=55, metadata={"Software": None})
    pyplot.close(figure)
