"""One clip explained: its examination, the maps of its detectors, the shares of its lines, its nearest examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from detectors.fusion import load_fusion
from detectors.inference import RATE, SpeechScorer
from detectors.spectral import SpectralScorer
from forensics.battery import load_battery
from forensics.examine import examine
from forensics.exhibit import Exhibit
from forensics.explain.clip import LONGEST_S, Passage, leaning
from forensics.explain.examples import Neighbours, index_folder, nearest, reasons, shipped_references
from forensics.explain.fusion_shares import Shares, fusion_shares
from forensics.explain.gradients import Layer, integrated_gradients
from forensics.explain.occlusion import occlusion
from forensics.explain.relevance import RelevanceMap
from forensics.method import Method
from forensics.methods._trained_line import TrainedLine
from forensics.records import Examination, Spectrogram
from forensics.spectrogram import spectrogram
from synth.audio import Limits
from synth.errors import VoxproofError

FloatArray = npt.NDArray[np.float32]
METHODS = ("occlusion", "gradients", "shares", "examples")
"""Ways to explain, in the order of the page."""
LINES = ("detector.speech", "detector.spectral", "watermark.voiceprint")
"""What is examined: the lines of evidence that the verdict is fused from."""

NO_GRADIENTS = (
    "Its front end (fine spectrum and phase) has no gradients here; taking parts out explains it.",
    "其前端（精细频谱与相位）在此没有梯度；可用移除局部的方法说明。",
)


@dataclass(frozen=True)
class NotMade:
    """Something that was asked for and could not be had."""

    method: str
    """One of `METHODS`; empty: nothing of this line."""
    line: str
    """The detector; empty: of none."""
    reason: str
    """A sentence."""
    reason_zh: str = ""
    """The same in Chinese, where it is ours to say; empty: as `reason`."""


@dataclass(frozen=True)
class Explanation:
    """Everything that the page shows."""

    examination: Examination
    """What `verify` says with these lines of evidence."""
    passage: Passage
    """What is explained of the recording; without windows nothing was."""
    picture: Spectrogram | None
    """Of the passage."""
    maps: tuple[RelevanceMap, ...] = ()
    shares: Shares | None = None
    """None: not asked for."""
    neighbours: Neighbours | None = None
    """None: not asked for, or not to be had."""
    not_made: tuple[NotMade, ...] = ()

    def told(self) -> dict[str, Any]:
        """As JSON, without the words."""
        passage = {"start_s": round(self.passage.start_s, 2), "seconds": round(self.passage.seconds, 4)}
        return {
            "schema": "voxproof.explanation/1",
            "examination": self.examination.model_dump(mode="json", by_alias=True, exclude={"timing"}),
            "passage": passage,
            "maps": [one.told() for one in self.maps],
            "shares": self.shares.told() if self.shares else None,
            "examples": _told(self.neighbours) if self.neighbours else None,
            "not_made": [{"method": one.method, "line": one.line, "reason": one.reason} for one in self.not_made],
        }


class Explainer:
    """Explains clips; detectors and the references of `folder` are loaded once."""

    def __init__(
        self,
        methods: Sequence[str] = METHODS,
        layer: Layer = "mel",
        folder: Path | None = None,
        equip: Callable[[tuple[Method, ...]], tuple[Method, ...]] = lambda battery: battery,
    ) -> None:
        unknown = sorted(set(methods) - set(METHODS))
        if unknown:
            cure = f"Known are: {', '.join(METHODS)}."
            raise VoxproofError(f"no way to explain is called {', '.join(unknown)}", cure=cure)
        self.methods, self.layer, self.folder = tuple(methods), layer, folder
        self.battery = equip(load_battery(LINES))
        self.fusion = load_fusion()

    def explain(
        self,
        path: Path,
        limits: Limits | None = None,
        on_step: Callable[[str], None] = lambda title: None,
        on_part: Callable[[int, int], None] = lambda done, parts: None,
    ) -> Explanation:
        """Examine and explain one file; never raises for a file that cannot be decoded."""
        if "gradients" in self.methods:
            Thread(target=_import_network, daemon=True).start()  # takes as long as all else, and another core
        examination = examine(path, self.battery, self.fusion, limits=limits, on_step=on_step)
        if examination.exhibit.seconds is None:
            return Explanation(examination, Passage(0.0, np.zeros(0, np.float32), ()), None)
        with threadpool_limits(1), Exhibit.open(path, limits) as exhibit:
            whole, start_s = exhibit.recording, 0.0
            if whole.seconds > LONGEST_S:
                on_step("Choosing a passage")
                start_s = leaning(whole.resampled(RATE), [one.logit for _, one in self._scorers()])
            with whole.part(start_s, start_s + LONGEST_S) as part:
                passage = Passage.of(np.concatenate(list(part.resampled(RATE))), start_s)
                made = Explanation(examination, passage, spectrogram(part))
            return self._explained(made, on_step, on_part)

    def _explained(
        self, made: Explanation, on_step: Callable[[str], None], on_part: Callable[[int, int], None]
    ) -> Explanation:
        passage, maps, not_made = made.passage, [], []
        shares = fusion_shares(made.examination.findings, self.fusion) if "shares" in self.methods else None
        tested = {f.method for f in made.examination.findings if f.log10_lr is not None and f.in_domain}
        for line, scorer in self._scorers():
            if line not in tested or not passage.windows:
                reason = next((" ".join(f.reasons) for f in made.examination.findings if f.method == line), "")
                not_made.append(NotMade("", line, reason))
                continue
            if "occlusion" in self.methods:
                on_step(f"Taking out cells: {line}")
                maps.append(occlusion(scorer.logit, line, passage, on_cell=on_part))
            if "gradients" in self.methods and isinstance(scorer, SpeechScorer):
                on_step(f"Gradients: {line}")
                try:
                    maps.append(integrated_gradients(scorer, line, passage, self.layer, on_step=on_part))
                except VoxproofError as error:
                    not_made.append(NotMade("gradients", line, f"{error}"))
            elif "gradients" in self.methods:
                not_made.append(NotMade("gradients", line, *NO_GRADIENTS))
        neighbours = None
        if "examples" in self.methods and passage.windows:
            on_step("Comparing with examples")
            try:
                neighbours = self._neighbours(passage, on_part)
            except VoxproofError as error:
                if self.folder is not None:  # the user's own folder: a fault there is the user's to mend
                    raise
                not_made.append(NotMade("examples", "", f"{error}"))
        return Explanation(
            made.examination, passage, made.picture, tuple(maps), shares, neighbours, tuple(not_made)
        )  # fmt: skip

    def _neighbours(self, passage: Passage, on_part: Callable[[int, int], None]) -> Neighbours:
        line = next(one for one in self.battery if one.id == "detector.speech")
        assert isinstance(line, TrainedLine)  # noqa: S101 - the built-in one
        scorer = line.detector.scorer
        assert isinstance(scorer, SpeechScorer)  # noqa: S101
        if self.folder is None:
            return nearest(reasons(scorer, passage), shipped_references(line.card.sha256))
        own, skipped = index_folder(self.folder, scorer, on_part)
        found = nearest(reasons(scorer, passage), own)
        return Neighbours(found.nearest, found.compared, found.usual, skipped)

    def _scorers(self) -> list[tuple[str, SpeechScorer | SpectralScorer]]:
        found = []
        for method in self.battery:
            scorer = method.detector.scorer if isinstance(method, TrainedLine) else None
            if isinstance(scorer, SpeechScorer | SpectralScorer):
                found.append((method.id, scorer))
        return found


def _import_network() -> None:
    try:
        import detectors.network  # noqa: F401
    except ImportError:
        return  # told where the gradients are asked for


def _told(found: Neighbours) -> dict[str, Any]:
    return {
        "nearest": [
            {"name": n.reference.name, "label": n.reference.label, "source": n.reference.source,
             "distance": round(n.distance, 4)}
            for n in found.nearest
        ],
        "compared": found.compared,
        "usual_distance": None if found.usual is None else round(found.usual, 4),
        "skipped": list(found.skipped),
    }  # fmt: skip
