"""The pictures of a run: one set for the neutral version where it was scored, else for the original."""

from __future__ import annotations

from pathlib import Path

from detectors import plots
from forensics.benches.detector.conditions import NEUTRAL, ORIGINAL
from forensics.benches.detector.results import Results
from forensics.benches.detector.run import VERDICT

PICTURES = {
    "det": "DET: both error rates of every system",
    "tippett": "Tippett: the log10 LRs of the verdict",
    "ece": "Empirical cross-entropy of the verdict",
    "reliability": "Reliability: the LR that clips have in truth over the one reported",
    "risk": "Errors among the clips answered, the surest first",
}


def shown(results: Results) -> str:
    """The condition that is drawn; empty where none has both classes."""
    return next((name for name in (NEUTRAL, ORIGINAL) if VERDICT in results.pairs.get(name, {})), "")


def draw(results: Results, folder: Path, stem: str) -> dict[str, str]:
    """All pictures into the folder; their file names by their kinds, in order."""
    condition = shown(results)
    if not condition:
        return {}
    judged = results.judged[condition]
    lrs = judged.llr[judged.machine], judged.llr[~judged.machine]
    systems = results.pairs[condition]
    names = {kind: f"{stem}-{kind}.png" for kind in PICTURES}
    plots.det(systems, folder / names["det"])
    plots.tippett(*lrs, folder / names["tippett"])
    plots.ece(*lrs, folder / names["ece"])
    plots.reliable(*lrs, folder / names["reliability"])
    ours = {
        name: (one.score[one.machine], one.score[~one.machine])
        for name, one in results.judged.items()
        if one.machine.any() and not one.machine.all()
    }
    plots.risk(ours, folder / names["risk"])
    return names
