"""The figures of the tests of faithfulness: means with intervals, as YAML that ships and as a page of the docs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from forensics.benches.faithfulness import NOISE_DB, RANDOM_ORDERS, SECONDS
from forensics.explain.faithfulness import FRACTIONS
from forensics.explain.validated import (
    LEAST_GAIN,
    LEAST_RATIO,
    LEAST_STABLE,
    MOST_SHUFFLED,
    MapFigures,
    Mean,
    Validation,
)
from synth.errors import VoxproofError

Rows = Sequence[Mapping[str, Any]]
ROUNDS = 1000
METHODS = ("occlusion", "gradients", "curve", "loudness")
WHAT = {
    "occlusion": "occlusion",
    "gradients": "integrated gradients (log-mel)",
    "curve": "the detector's own curve over time",
    "loudness": "control: loudness, knows nothing of the detector",
}


def summarise(rows: Rows, detectors: Mapping[str, str], command: str) -> Validation:
    """All figures; VoxproofError where no clip could be measured."""
    clips = [row for row in rows if row["kind"] == "clip" and "systems" in row]
    partial = [row for row in rows if row["kind"] == "partial" and "systems" in row]
    if not clips:
        raise VoxproofError("no clip could be measured", cure="Give clips of at least 3.3 s with speech.")
    names = [
        f"{method} {line}" for line in detectors for method in METHODS if f"{method} {line}" in clips[0]["systems"]
    ]
    tested = tuple(_figures(name, clips, partial) for name in names)
    thorough = sum("stable" in next(iter(row["systems"].values())) for row in clips)
    labels = Counter(row["label"] for row in clips)
    sources = len({row["source"] for row in clips})
    summary = (
        f"{len(clips)} clips ({labels['human']} of people, {labels['machine']} machine-made, {sources} sources) of the "
        f"validation part, {SECONDS:g} s each; {thorough} of them with shuffled weights and noise; "
        f"{len(partial)} partial edits. {command}"
    )
    return Validation(summary=summary, detectors=dict(detectors), tested=tested)


def _figures(name: str, clips: Rows, partial: Rows) -> MapFigures:
    method, line = name.split(" ")

    def mean(rows: Rows, value: Callable[[Mapping[str, Any]], float]) -> Mean | None:
        held = [(row["source"], value(row["systems"][name])) for row in rows if name in row["systems"]]
        return _mean(held) if held else None

    thorough = [row for row in clips if "stable" in row["systems"][name]]
    deletion = mean(clips, lambda one: one["deletion"])
    insertion = mean(clips, lambda one: one["insertion"])
    shuffled = mean(thorough, lambda one: abs(one["shuffled"]))
    stable = mean(thorough, lambda one: one["stable"])
    if deletion is None or insertion is None or shuffled is None or stable is None:
        raise VoxproofError(f"too few clips were measured for {name}", cure="Measure more clips.")
    return MapFigures(
        method=method, line=line, deletion=deletion, insertion=insertion, shuffled=shuffled, stable=stable,
        pointing=mean(partial, lambda one: one["iou"]), by_chance=mean(partial, lambda one: one["by_chance"]),
        hits=mean(partial, lambda one: float(one["hit"])),
    )  # fmt: skip


def _mean(held: Sequence[tuple[str, float]]) -> Mean:
    """Mean of values by source, with a 95 % interval of a bootstrap over whole sources."""
    sources = sorted({source for source, _ in held})
    sums = np.array([sum(v for s, v in held if s == source) for source in sources])
    counts = np.array([sum(s == source for s, _ in held) for source in sources])
    drawn = np.random.default_rng(1).integers(0, len(sources), (ROUNDS, len(sources)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.percentile(means, [2.5, 97.5])
    value = float(sums.sum() / counts.sum())
    return Mean(value=round(value, 4), lower=round(float(low), 4), upper=round(float(high), 4), n=len(held))


def write_yaml(validation: Validation, path: Path) -> None:
    """As the file that ships, or one beside a page."""
    path.write_text(yaml.safe_dump(validation.model_dump(mode="json"), sort_keys=False, width=110), encoding="utf-8")


def page(validation: Validation, rows: Rows, command: str) -> str:
    """The page of the docs."""
    untested = Counter(row["reason"] for row in rows if "reason" in row)
    left = "; ".join(f"{count} ({reason})" for reason, count in untested.most_common()) or "none"
    shares = [row["share"] for row in rows if "share" in row]
    lines = [
        "# Are the explanations true of the detectors?",
        "",
        f"Written by `{command}`.",
        "",
        validation.summary,
        f"Not measured: {left}.",
        "",
        "**Bars, written down before the figures were measured.** Deletion and insertion: the lower end of the interval "
        f"of the gain over random orders is above {LEAST_GAIN:g}. Shuffled weights: mean |rank correlation| at most "
        f"{MOST_SHUFFLED:g}. Stability: mean rank correlation at least {LEAST_STABLE:g}. Pointing: mean IoU at least "
        f"{LEAST_RATIO:g} times that of the same map moved about the recording. A figure that misses its bar is "
        "marked **✗**, and the page that `voxproof explain` writes says so beside the map.",
        "",
        *_table(validation),
        "",
        "Intervals: 95 %, bootstrap over whole sources. ",
        "",
        "**Deletion, insertion**: cells of half a second and one of six bands are taken out (put back) in the order of the "
        f"map, {', '.join(f'{100 * f:g}' for f in FRACTIONS)} % of them; the mean fall (rise) of the score, in log-odds, "
        f"less that of {RANDOM_ORDERS} random orders (of whole columns for a map that knows no bands). Occlusion is "
        "favoured: it is made by taking out the same cells, though with other noise. **Shuffled weights**: rank "
        "correlation, sign left out, of the map with the one of the same detector whose every tensor has its numbers in a "
        f"random order. **Stability**: with white noise {-NOISE_DB:g} dB below the clip. **Pointing**: `voxproof range` "
        "put a phrase of a machine into a person's recording; as many frames of 20 ms as it has are taken where the map "
        "(mean over half a second) is highest. "
        + (f"The phrase is {100 * float(np.mean(shares)):.0f} % of what is heard on the average." if shares else ""),
        "",
        "**What it does not show.** The partial edits are joined without a trace of the joins being hidden, so that a map "
        "may point at the joins instead of at the machine's voice. Clips are of the validation part of the detectors: no "
        "detector learnt from them, but they were looked at before. Maps of the layers `stem` and `encoder`, Shapley "
        "shares (exact by construction, tested in `tests/forensics/explain`) and nearest examples are not in the table.",
        "",
    ]
    return "\n".join(lines)


def _table(validation: Validation) -> list[str]:
    out = [
        "| map | detector | deletion | insertion | shuffled weights | stability | pointing IoU | by chance | highest frame in the phrase |",  # noqa: E501
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in validation.tested:
        cells = [
            _cell(one.deletion, "deletion" in one.failed),
            _cell(one.insertion, "insertion" in one.failed),
            _cell(one.shuffled, "shuffled" in one.failed),
            _cell(one.stable, "stable" in one.failed),
            _cell(one.pointing, "pointing" in one.failed),
            _cell(one.by_chance, False),
            _cell(one.hits, False),
        ]
        out.append(f"| {WHAT[one.method]} | {one.line} | {' | '.join(cells)} |")
    return out


def _cell(value: Mean | None, failed: bool) -> str:
    if value is None:
        return "-"
    return f"{value.value:.2f} [{value.lower:.2f}, {value.upper:.2f}]" + (" **✗**" if failed else "")
