"""The figures of the tests of faithfulness: means with intervals, as YAML that ships and as a page of the docs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
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

Row = Mapping[str, Any]
Rows = Sequence[Row]
ROUNDS = 1000
METHODS = ("occlusion", "gradients", "curve", "loudness")
WHAT = {
    "occlusion": "occlusion",
    "gradients": "integrated gradients (log-mel)",
    "curve": "the detector's own curve over time",
    "loudness": "control: loudness, knows nothing of the detector",
}
COLUMNS = {
    "deletion": "deletion",
    "insertion": "insertion",
    "shuffled": "shuffled weights",
    "stable": "stability",
    "pointing": "pointing IoU",
    "by_chance": "by chance",
    "hits": "highest frame in the phrase",
    "splices": "IoU at splices",
    "splices_by_chance": "by chance",
}


def summarise(rows: Rows, detectors: Mapping[str, str], command: str) -> Validation:
    """All figures; VoxproofError where no clip could be measured."""
    done = {kind: [one for one in rows if one["kind"] == kind and "systems" in one] for kind in KINDS}
    clips = done["clip"]
    if not clips:
        raise VoxproofError("no clip could be measured", cure="Give clips of at least 3.3 s with speech.")
    names = [
        f"{method} {line}" for line in detectors for method in METHODS if f"{method} {line}" in clips[0]["systems"]
    ]
    labels = Counter(row["label"] for row in clips)
    return Validation(
        human=labels["human"],
        machine=labels["machine"],
        sources=len({row["source"] for row in clips}),
        seconds=SECONDS,
        thorough=sum("stable" in row["systems"][names[0]] for row in clips),
        partial=len(done["partial"]),
        spliced=len(done["splice"]),
        span={line: round(_span(clips, line), 4) for line in detectors},
        command=command,
        detectors=dict(detectors),
        tested=tuple(_figures(name, done) for name in names),
    )


KINDS = ("clip", "partial", "splice")


def _span(clips: Rows, line: str) -> float:
    return float(np.mean([abs(row["systems"][f"occlusion {line}"]["span"]) for row in clips]))


def _figures(name: str, done: Mapping[str, Rows]) -> MapFigures:
    method, line = name.split(" ")

    def mean(kind: str, of: str, unit: str = "") -> Mean | None:
        held = [(row["source"], row["systems"][name]) for row in done[kind] if of in row["systems"].get(name, {})]
        sign = abs if of == "shuffled" else float
        triples = [(source, float(sign(one[of])), abs(float(one[unit])) if unit else 1.0) for source, one in held]
        return _ratio(triples) if triples else None

    deletion, insertion = mean("clip", "deletion", "span"), mean("clip", "insertion", "span")
    shuffled, stable = mean("clip", "shuffled"), mean("clip", "stable")
    if deletion is None or insertion is None or shuffled is None or stable is None:
        raise VoxproofError(f"too few clips were measured for {name}", cure="Measure more clips.")
    return MapFigures(
        method=method, line=line, deletion=deletion, insertion=insertion, shuffled=shuffled, stable=stable,
        pointing=mean("partial", "iou"), by_chance=mean("partial", "by_chance"), hits=mean("partial", "hit"),
        splices=mean("splice", "iou"), splices_by_chance=mean("splice", "by_chance"),
    )  # fmt: skip


def _ratio(held: Sequence[tuple[str, float, float]]) -> Mean:
    """(source, value, unit) of every clip: sum of values by sum of units, with a 95 % bootstrap over whole sources."""
    sources = sorted({source for source, _, _ in held})
    tops = np.array([sum(top for of, top, _ in held if of == source) for source in sources])
    units = np.array([sum(unit for of, _, unit in held if of == source) for source in sources])
    drawn = np.random.default_rng(1).integers(0, len(sources), (ROUNDS, len(sources)))
    low, high = np.percentile(tops[drawn].sum(1) / units[drawn].sum(1), [2.5, 97.5])
    value = float(tops.sum() / units.sum())
    return Mean(value=round(value, 4), lower=round(float(low), 4), upper=round(float(high), 4), n=len(held))


def _by_chance(cells: int) -> float:
    """Mean of |rank correlation| of two independent maps: normal with variance 1 / (cells - 1)."""
    return float(np.sqrt(2 / np.pi / (cells - 1)))


def write_yaml(validation: Validation, path: Path) -> None:
    """As the file that ships, or one beside a page."""
    path.write_text(yaml.safe_dump(validation.model_dump(mode="json"), sort_keys=False, width=110), encoding="utf-8")


def page(validation: Validation, rows: Rows) -> str:
    """The page of the docs."""
    untested = Counter(row["reason"] for row in rows if "reason" in row)
    left = "; ".join(f"{count} ({reason})" for reason, count in untested.most_common()) or "none"
    shares = [row["share"] for row in rows if row["kind"] == "partial" and "share" in row]
    spans = ", ".join(f"{value:.2f} ({line})" for line, value in validation.span.items())
    share = f"The phrase is {100 * float(np.mean(shares)):.0f} % of what is heard on the average." if shares else ""
    return f"""# Are the explanations true of the detectors?

Written by `{validation.command}`.

{validation.human + validation.machine} clips ({validation.human} of people, {validation.machine} machine-made; \
{validation.sources} pages and collections), {validation.seconds:g} s of the neutral version of each; \
{validation.thorough} of them with shuffled weights and noise too. {validation.partial} partial edits, and \
{validation.spliced} splices as their control. Not measured: {left}.

**Bars, written down before the figures were measured.** Deletion and insertion: the lower end of the interval of the \
gain over random orders is above {LEAST_GAIN:g}. Shuffled weights: mean |rank correlation| at most {MOST_SHUFFLED:g}. \
Stability: mean rank correlation at least {LEAST_STABLE:g}. Pointing: mean IoU at least {LEAST_RATIO:g} times that of \
the same map moved about the recording. A figure that misses its bar is marked **✗**, and the page that \
`voxproof explain` writes says so beside the map.

{chr(10).join(_table(validation))}

Intervals: 95 %, bootstrap over whole sources.

- **Deletion, insertion** (normalised AOPC): cells of half a second and one of six bands are taken out (put back) in \
the order of the map, {", ".join(f"{100 * f:g}" for f in FRACTIONS)} % of them; the mean fall (rise) of the score \
less that of {RANDOM_ORDERS} random orders (of whole columns for a map that knows no bands), as a part of how far \
taking out everything moves the score: {spans} log-odds on the average. Above 1 is possible, since cells pull both \
ways. Occlusion is favoured: it is made by taking out the same cells, though with other noise.
- **Shuffled weights**: rank correlation, sign left out, of the map with that of the same detector whose every tensor \
has its numbers in a random order. Of independent maps it is about {_by_chance(36):.2f} on 36 cells, but \
{_by_chance(6):.2f} for a map that knows time only (6 columns), so that the detector's own curve cannot pass.
- **Stability**: rank correlation with the map of the same sound with white noise {-NOISE_DB:g} dB below it.
- **Pointing**: `voxproof range` put a phrase of a machine into a person's recording; as many frames of 20 ms as it \
has are taken where the map (mean over half a second) is highest, and compared with it (intersection over union). \
{share}
- **Splices**: the same edit with a phrase of the same person. A map that points there as well points at the joins.

**What it does not show.** No detector learnt from these clips, but the shipped calibration did from those of the \
calibration part, and the validation part was looked at before; the bars were set without either. Maps of the layers \
`stem` and `encoder` are not in the table and are said to be untested. Shares of the lines are exact by construction \
(`tests/forensics/explain/test_fusion_shares.py`); nearest examples have no truth to be tested against.
"""


def _table(validation: Validation) -> list[str]:
    out = [f"| map | detector | {' | '.join(COLUMNS.values())} |", "|" + "---|" * (2 + len(COLUMNS))]
    for one in validation.tested:
        cells = [_cell(getattr(one, name), name in one.failed) for name in COLUMNS]
        out.append(f"| {WHAT[one.method]} | {one.line} | {' | '.join(cells)} |")
    return out


def _cell(value: Mean | None, failed: bool) -> str:
    if value is None:
        return "-"
    return f"{value.value:.2f} [{value.lower:.2f}, {value.upper:.2f}]" + (" **✗**" if failed else "")
