"""An earlier lossy coding: MP3 or AAC frames in sound that is now stored otherwise, or coded again.

Decoded MP3 or AAC keeps the lattice of its quantiser on the coder's own frame grid as long as nothing but the level
has changed since. The method looks for that grid; a whole file with one is ordinary, and named. In lossless files where
none shows, it looks for MP3 at the usual rates of music and podcasts that was resampled to the rate of the file.
Sources: J. Herre and M. Schug, "Analysis of decompressed audio - the inverse decoder", AES 109th Convention, 2000;
R. Yang, Z. Qu and J. Huang, "Exposing MP3 audio forgeries using frame offsets", ACM Trans. Multimedia Comput. Commun.
Appl. 8(S2), 2012. How: `forensics.methods._mdct`, `_coding_grid` and `_resampled_grid` there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from forensics.exhibit import Exhibit
from forensics.method import Domain, Method
from forensics.methods._coding_grid import Grid, earlier_grids, find_grids
from forensics.methods._resampled_grid import BANDS, ResampledGrid, resampled_grids
from forensics.records import Figure, Finding, Measurement, Scalar, Series

RATES = " and ".join(f"{rate / 1000:g} kHz" for rate in BANDS)
LIMITS = (
    "Much processing, a high bit rate, other coders than MP3 and AAC, and a change of the sample rate after AAC, or "
    f"after MP3 at other rates than {RATES}, leave none that would be found."
)


class CompressionHistory(Method):
    """Frame grid of an earlier MP3 or AAC coding."""

    id = "signal.compression-history"
    version = "2"
    title = "Earlier lossy coding"
    purpose = "Looks for the frame grid and quantiser of an MP3 or AAC coding that the sound went through before."
    domain = Domain(min_seconds=1.0, min_sample_rate=8000)
    least_strength: ClassVar[float] = 7.0
    """Distance from chance of a grid that counts, standard deviations over all tested frames."""
    least_resampled_strength: ClassVar[float] = 6.0
    """The same for a grid at another sample rate, where the measure of chance has frames of its own."""

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {
            "least_strength": self.least_strength,
            "least_resampled_strength": self.least_resampled_strength,
        }

    def examine(self, exhibit: Exhibit) -> Finding:
        """The grids found, the strongest first; the present codec's own grid is not an earlier coding."""
        _, grids = find_grids(exhibit)
        if not grids:
            reason = "Too little sound above the rounding noise to look for a frame grid (a second or more is needed)."
            return self.finding("could_not_test", reasons=[reason])
        own, earlier = earlier_grids(exhibit, grids, self.least_strength)
        best = earlier[0] if earlier else None
        tried: tuple[ResampledGrid, ...] = ()
        if best is None and exhibit.facts.lossless:
            tried = resampled_grids(exhibit, self.least_resampled_strength)
        resampled = tried[0] if tried and tried[0].grid.strength >= self.least_resampled_strength else None
        shown = best or (resampled.grid if resampled else None)
        measurements: dict[str, Measurement] = {
            "earlier_coder": shown.coder.name if shown else None,
            "earlier_sample_rate_hz": resampled.rate if resampled else exhibit.facts.sample_rate if best else None,
            "frame_offset_samples": shown.offset if shown else None,
            "frame_hop_samples": shown.coder.hop if shown else None,
            "strength_sd": round((shown or grids[0]).strength, 1),
            "strength_per_frame_sd": round((shown or grids[0]).per_frame, 2),
            "frames_tested": (shown or grids[0]).frames,
            "own_grid_offset_samples": own.offset if own else None,
            "resampled_strength_sd": round(tried[0].grid.strength, 1) if tried else None,
        }
        traces = [_resampled_words(resampled)] if resampled else [_words(grid) for grid in earlier[:3]]
        if shown:
            now = f"this {exhibit.facts.codec} file" if not exhibit.facts.lossless else "this lossless file"
            reasons = [
                f"The sound in {now} was {', and '.join(traces)}: the coder's spectral lines lie on its quantiser's "
                f"lattice there, {shown.strength:.0f} standard deviations from chance over {shown.frames} frames.",
                "Delivery, messengers and editors code recordings again in ordinary use: consistent with a continuous "
                "recording, but not with the first file that the recorder wrote, unless it records that way.",
            ]
        else:
            also = " other than the file's own" if own else ""
            reasons = [f"No frame grid of MP3 or AAC{also} was found: consistent. {LIMITS}"]
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


def _resampled_words(found: ResampledGrid) -> str:
    grid = found.grid
    where = f"frame grid offset {grid.offset} of {grid.coder.hop} samples"
    return f"coded as {grid.coder.name} at {found.rate / 1000:g} kHz earlier, and resampled since ({where})"
