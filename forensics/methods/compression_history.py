"""An earlier lossy coding: MP3 or AAC frames in sound that is now stored otherwise, or coded again.

Decoded MP3 or AAC keeps the lattice of its quantiser on the coder's own frame grid as long as the sample rate, and
nothing but the level, has changed since. The method looks for that grid; a whole file with one is ordinary, and named.
Sources: J. Herre and M. Schug, "Analysis of decompressed audio - the inverse decoder", AES 109th Convention, 2000;
R. Yang, Z. Qu and J. Huang, "Exposing MP3 audio forgeries using frame offsets", ACM Trans. Multimedia Comput. Commun.
Appl. 8(S2), 2012. How: `forensics.methods._mdct` and `forensics.methods._coding_grid`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from forensics.exhibit import Exhibit
from forensics.method import Domain, Method
from forensics.methods._coding_grid import Grid, earlier_grids, find_grids
from forensics.records import Figure, Finding, Measurement, Scalar, Series

RESAMPLING = (
    "A coding before a change of the sample rate or much processing, at a high bit rate, or by another coder than MP3 "
    "and AAC leaves no such grid."
)


class CompressionHistory(Method):
    """Frame grid of an earlier MP3 or AAC coding."""

    id = "signal.compression-history"
    version = "1"
    title = "Earlier lossy coding"
    purpose = "Looks for the frame grid and quantiser of an MP3 or AAC coding that the sound went through before."
    domain = Domain(min_seconds=1.0, min_sample_rate=8000)
    least_strength: ClassVar[float] = 7.0
    """Distance from chance of a grid that counts, standard deviations over all tested frames."""

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {"least_strength": self.least_strength}

    def examine(self, exhibit: Exhibit) -> Finding:
        """The grids found, the strongest first; the present codec's own grid is not an earlier coding."""
        _, grids = find_grids(exhibit)
        if not grids:
            reason = "Too little sound above the rounding noise to look for a frame grid (a second or more is needed)."
            return self.finding("could_not_test", reasons=[reason])
        own, earlier = earlier_grids(exhibit, grids, self.least_strength)
        best = earlier[0] if earlier else None
        measurements: dict[str, Measurement] = {
            "earlier_coder": best.coder.name if best else None,
            "frame_offset_samples": best.offset if best else None,
            "frame_hop_samples": best.coder.hop if best else None,
            "strength_sd": round((best or grids[0]).strength, 1),
            "strength_per_frame_sd": round((best or grids[0]).per_frame, 2),
            "frames_tested": (best or grids[0]).frames,
            "own_grid_offset_samples": own.offset if own else None,
        }
        traces = [_words(grid) for grid in earlier[:3]]
        if best:
            now = f"this {exhibit.facts.codec} file" if not exhibit.facts.lossless else "this lossless file"
            reasons = [
                f"The sound in {now} was {', and '.join(traces)}: the coder's spectral lines lie on its quantiser's "
                f"lattice there, {best.strength:.0f} standard deviations from chance over {best.frames} frames.",
                "Delivery, messengers and editors code recordings again in ordinary use: consistent with a continuous "
                "recording, but not with the first file that the recorder wrote, unless it records that way.",
            ]
        else:
            also = " other than the file's own" if own else ""
            reasons = [f"No frame grid of MP3 or AAC{also} was found: consistent. {RESAMPLING}"]
        return self.finding(
            "consistent",
            exhibit=exhibit,
            reasons=reasons,
            measurements=measurements,
            traces=traces,
            figures=[self._figure(grids)],
        )

    def _figure(self, grids: tuple[Grid, ...]) -> Figure:
        names = list(dict.fromkeys(grid.coder.name for grid in grids))
        series = []
        for name in names:
            rows = sorted((g.offset, g.strength) for g in grids if g.coder.name == name)
            series.append(
                Series(
                    label=name,
                    x=tuple(float(offset) for offset, _ in rows),
                    y=tuple(round(strength, 2) for _, strength in rows),
                    style="points",
                )
            )
        return Figure(
            kind="chart",
            title="How quantised the sound looks at the best frame offsets",
            x_label="frame offset (samples)",
            y_label="distance from chance (standard deviations)",
            series=tuple(series),
            levels=((self.least_strength, "counts from here"),),
        )


def _words(grid: Grid) -> str:
    return f"coded as {grid.coder.name} earlier (frame grid offset {grid.offset} of {grid.coder.hop} samples)"
