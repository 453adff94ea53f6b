"""The figures as Markdown, as JSON and as a picture: cost against evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from detectors.figure_table import percent
from forensics.benches.evasion.figures import Effect, Quartiles, Share
from forensics.benches.evasion.gradient import BEYOND, MOMENTUM, VERDICT
from forensics.benches.evasion.manipulations import LAUNDERED, NOTHING, RATIOS_DB
from forensics.benches.evasion.material import GROUPS, LEAST_S, SECONDS
from forensics.benches.evasion.run import CODES, Row, Wanted
from forensics.range.laundering import CHAINS

SCHEMA = "voxproof.bench-evasion/1"
STEM = "evasion"
COLOURS = {"control": "#777777", "gradient": "#b3402a", "laundering": "#2a5db3", "re-synthesis": "#2f8f4e"}
LOST = {"people": "called machine-made", "other generators": "support lost", "our own clones": "support lost"}
OVER = {"people": "", "other generators": "pushed to a person", "our own clones": "pushed to a person"}


def page(command: str, wanted: Wanted, rows: Sequence[Row], found: Sequence[Effect]) -> str:
    """The whole page."""
    parts = [_head(command, wanted, rows), *(_group(found, group) for group in GROUPS), _still(found), _how(wanted)]
    return "\n".join("\n".join(part).rstrip() + "\n" for part in parts if part)


def as_json(command: str, found: Sequence[Effect]) -> dict[str, Any]:
    """For `--json`."""
    return {"schema": SCHEMA, "command": command, "effects": [asdict(one) for one in found]}


def _head(command: str, wanted: Wanted, rows: Sequence[Row]) -> list[str]:
    kinds = []
    for group in GROUPS:
        clips = {row.clip: row for row in rows if row.group == group}
        if clips:
            sources = len({row.source for row in clips.values()})
            generators = len({row.generator for row in clips.values()} - {""})
            by = f"{generators} generators, {sources} pages" if group == "other generators" else f"{sources} sources"
            kinds.append(f"{len(clips)} of {group} ({by})")
    return [
        "# Evasion: what evidence costs to destroy",
        "",
        "```",
        f"$ {command}",
        "```",
        "",
        f"Clips: {'; '.join(kinds)}; seed {wanted.seed}. Of other generators only clips were taken of which the "
        "verdict supports a machine: these figures are about evidence that there is, not about how often there is "
        "any. How to "
        "read them: [bench-evasion.md](../bench-evasion.md).",
        "",
        f"![Cost against evidence]({STEM}.png)",
    ]


def _group(found: Sequence[Effect], group: str) -> list[str]:
    some = [one for one in found if one.group == group]
    if not some:
        return []
    heading = {
        "other generators": "## Clips of other generators, to be taken for a person",
        "our own clones": "## Clones of our own, to be taken for a person",
        "people": "## People's recordings, to be taken for a machine",
    }[group]
    names = [name for name in ("pesq", "stoi") if any(one.costs[name] == one.costs[name] for one in some)]
    columns = ["", "n", "SNR dB", "LSD dB", *(name.upper() for name in names), "verdict, log10 LR", LOST[group]]
    columns += [OVER[group]] if OVER[group] else []
    lines = [heading, "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for one in some:
        nothing = one.manipulation == NOTHING
        cells = [f"{one.manipulation}", str(one.clips)]
        cells += ["" if nothing else _snr(one), "" if nothing else f"{one.costs['lsd_db']:.1f}"]
        cells += ["" if nothing else _number(one.costs[name]) for name in names]
        cells += [_quartiles(one.lrs[VERDICT]), _share(one.lost)]
        cells += [_share(one.over)] if OVER[group] else []
        lines.append(f"| {' | '.join(cells)} |")
    untested = [f"{one.manipulation} ({one.untested})" for one in some if one.untested]
    if untested:
        lines += [
            "",
            f"Could not be tested afterwards, so neither called a machine's nor a person's: {', '.join(untested)}.",
        ]
    return lines


def _still(found: Sequence[Effect]) -> list[str]:
    lines = ["## What still shows", ""]
    for group in GROUPS:
        some = [one for one in found if one.group == group]
        if not some:
            continue
        coded = any(one.codes_called.of for one in some)
        columns = [group, "detector.speech", "detector.spectral", *([CODES, "called our model's"] * coded)]
        columns += ["mark found", "mark authenticated"]
        columns += [] if group == "people" else ["verdict or mark left"]
        lines += [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
        for one in some:
            cells = [
                one.manipulation,
                *(_quartiles(one.lrs[line]) for line in ("detector.speech", "detector.spectral")),
            ]
            cells += [_quartiles(one.lrs[CODES]), _share(one.codes_called)] * coded
            cells += [_share(one.mark_found), _share(one.mark_authenticated)]
            cells += [] if group == "people" else [_share(one.evidence_left)]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return lines


def _how(wanted: Wanted) -> list[str]:
    chains = "; ".join(f"*{name}*: {', '.join(step.name for step in CHAINS[name])}" for name in LAUNDERED)
    return [
        "## How",
        "",
        f"The first {SECONDS:g} s of speech of every clip ({LEAST_S:g} s at least) at 16 kHz. Machine-made clips carry "
        "a mark of the bench under one key, people's none; *before* is the marked clip. log10 LRs are those that "
        "`verify` reports, medians with quartiles, positive for a machine; of the codes, which are read of our own "
        "clones alone, our checkpoint against a person.",
        "",
        "- **support lost**: of the clips that the verdict supported as machine-made before, those that it does not "
        "support any more. **pushed to a person**: of all clips that it did not support as a person's before, those "
        "that it does now. **called machine-made**: of people's clips not called so before, those called so now. In "
        "brackets 95 % Wilson intervals, clips taken as independent.",
        f"- **gradient**: {wanted.steps} steps of projected gradient with momentum {MOMENTUM:g} in the L2 ball of "
        f"{' or '.join(f'{db} dB' for db in RATIOS_DB)} signal-to-noise ratio, through the shipped weights and "
        "calibration, the best step kept. On the verdict, both lines at once by their weights in the fusion, each no "
        f"farther than {BEYOND:g} past its bounds. The other lines, the mark and the codes are not attacked.",
        f"- **laundering**: {chains}.",
        "- **re-synthesis**: WORLD (dio, 5 ms, whole envelope); Griffin-Lim (60 rounds of the fast version, window "
        "1024, from 80 mel bands); our own model: the clip's codes through the shipped decoder in the clip's own "
        "voice. Aligned to the clip and brought to its level.",
        "- **SNR** after the best gain, without meaning where the waveform is built anew (–: below 1 dB); **LSD**: "
        "log-spectral distance in speech; PESQ-WB and STOI against the clip before, where their packages are "
        "installed.",
    ]


def draw(found: Sequence[Effect], path: Path) -> None:
    """Median log-spectral distance against the median log10 LR of the verdict, a panel for each group."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    groups = [group for group in GROUPS if any(one.group == group for one in found)]
    figure, axes = plt.subplots(1, len(groups), figsize=(4.4 * len(groups), 4.2), dpi=110, sharey=True, squeeze=False)
    for axis, group in zip(axes[0], groups, strict=True):
        shown: set[str] = set()
        for one in (effect for effect in found if effect.group == group):
            low, middle, high = one.lrs[VERDICT]
            x = 0.0 if one.manipulation == NOTHING else one.costs["lsd_db"]
            label = "" if one.family in shown else one.family
            shown.add(one.family)
            error = [[middle - low], [high - middle]]
            axis.errorbar(x, middle, error, fmt="o", ms=4, lw=0.8, color=COLOURS[one.family], label=label or None)
        axis.axhline(0, color="0.7", lw=0.8)
        axis.set_title(group, fontsize=10)
        axis.set_xlabel("cost: log-spectral distance, dB")
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("verdict, log10 LR (+ machine)")
    axes[0][0].legend(frameon=False, fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


def _snr(one: Effect) -> str:
    return "–" if not one.costs["snr_db"] >= 1 else f"{one.costs['snr_db']:.1f}"


def _number(value: float) -> str:
    return "–" if value != value else f"{value:.2f}"


def _quartiles(values: Quartiles) -> str:
    low, middle, high = values
    return "–" if middle != middle else f"{middle:+.2f} [{low:+.2f}, {high:+.2f}]"


def _share(share: Share) -> str:
    if not share.of:
        return "–"
    low, high = share.interval
    return f"{share.hits} of {share.of} [{percent(low)}, {percent(high)} %]"
