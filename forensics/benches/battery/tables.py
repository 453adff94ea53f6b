"""The validation's results as Markdown for docs/validation/battery.md."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from forensics.benches.battery.clips import DOUBTED, TUNING, Clip
from forensics.benches.battery.counts import (
    KNOWN_ABSENT,
    REACH_S,
    conditions,
    false_alarm,
    grouped,
    hit,
    interval,
    minutes,
    sound,
    tested,
)
from forensics.benches.battery.plan import WHOLE
from forensics.benches.battery.run import LEFT_OUT, Row
from forensics.benches.battery.splices import splice_table
from forensics.benches.edits import POSITIVES
from forensics.benches.edits.base import Positive

MOST_LISTED = 60


def document(
    rows: Sequence[Row],
    methods: Sequence[str],
    command: str,
    clips: Sequence[Clip] = (),
    positives: Sequence[Positive] = POSITIVES,
) -> str:
    """The whole document; `methods` are the ids that ran, `clips` the recordings that were there to draw from."""
    lines = [*_head(rows, command), *_sources(rows, clips)]
    lines += _alarms(rows, methods)
    lines += _found(rows, methods, positives)
    lines += splice_table(rows, methods, positives)
    lines += _traces(rows, methods)
    lines += _failed(rows)
    return "\n".join(lines)


def _head(rows: Sequence[Row], command: str) -> list[str]:
    kinds = Counter(row["kind"] for row in rows)
    left_out = ", ".join(f"`{name}`" for name in LEFT_OUT)
    return [
        "# Validation of the examination methods",
        "",
        "```",
        command,
        "```",
        "",
        "wrote this page, the manifest of all files (`manifest.csv` in the cache folder) and "
        "`forensics/error_rates.yaml`, with one seed. Made and examined were "
        f"{kinds['positive']:,} edited or processed recordings, and {kinds['never lossy'] + kinds['coded']:,} unedited "
        f"ones in two sets: {kinds['never lossy']:,} as their makers published them, never coded with loss as far as "
        "they say (of the crowd-sourced picovoice_s2i 14 of 562 were: [material.md](material.md)), and "
        f"{kinds['coded']:,} of all sources through usual codecs. Edits are made by FFmpeg, SoX, LAME and other "
        "programs (`forensics/benches/edits/`), not by our own code, except where the condition says so. Every "
        f"unedited recording and one edited one in {WHOLE} were examined by every method but {left_out} (see "
        "[detector.md](detector.md)), the other edited ones by the method that the edit is meant for.",
        "",
        "**How it is counted.** An edit is found when the method it is meant for says *inconsistent* and, where the "
        f"edit has a place, names a segment within {REACH_S:g} s of it; ordinary processing is found when its trace is "
        "named. A false alarm is *inconsistent* on an unedited recording; on a never-lossy one also any trace named by "
        f"{', '.join(KNOWN_ABSENT)}, which cannot rightly be there. "
        "Recordings outside a method's domain are not in its rate. "
        "*Integrity* is what all methods together answer; it weighs methods by their error rates, so each half of the "
        "files was judged with the rates of the other half. Intervals are 95 % (Wilson). They take the recordings for "
        "independent, which those of one speaker, room and device are not: the true uncertainty is larger.",
        "",
    ]


def _sources(rows: Sequence[Row], clips: Sequence[Clip]) -> list[str]:
    known = {clip.source: clip for clip in clips}
    unedited: Counter[str] = Counter(row["source"] for row in rows if row["kind"] != "positive")
    edited: Counter[str] = Counter(row["source"] for row in rows if row["kind"] == "positive")
    pages = Counter()  # type: Counter[str]
    lines = ["## Sources", "", "| source | from | unedited | edited | |", "|---|---|---|---|---|"]
    for source in sorted(unedited | edited):
        clip = known.get(source)
        if clip is not None and not clip.never_lossy and source not in TUNING:
            pages.update({"sources": 1, "unedited": unedited[source], "edited": edited[source]})
            continue
        said = "thresholds were chosen on it" if source in TUNING else DOUBTED.get(source, "never coded with loss")
        origin = clip.origin if clip else ""
        lines.append(f"| {source} | {origin} | {unedited[source]} | {edited[source]} | {said} |")
    if pages:
        lines.append(
            f"| {pages['sources']} other sources | demonstration pages of speech research, human recordings "
            f"| {pages['unedited']} | {pages['edited']} | history unknown |"
        )
    return [
        *lines,
        "",
        "The first thresholds of five methods were chosen on a list of human recordings that held "
        "rhasspy_kathleen and picovoice_s2i too (`signal.band-edge`, `signal.digital-silence`, `signal.dc-offset`, "
        "`signal.splice`, `signal.level-step`): for thresholds that have not been chosen again since, these two "
        "sources are not unseen.",
        "",
    ]


def _alarms(rows: Sequence[Row], methods: Sequence[str]) -> list[str]:
    lines = ["## False alarms on unedited recordings", ""]
    for kind, title in (
        ("never lossy", "As published, never coded with loss as far as their makers say"),
        ("coded", "Through usual codecs"),
    ):
        mine = sound(rows, kind)
        lines += [
            f"### {title}: {len(mine)} recordings, {minutes(mine):.0f} minutes",
            "",
            "| method | tested | could not be tested | inconclusive | false alarms | rate |",
            "|---|---|---|---|---|---|",
        ]
        for method in methods:
            inside = tested(mine, method)
            doubt = sum(row["findings"][method]["outcome"] == "inconclusive" for row in inside)
            alarms = sum(false_alarm(row, method) for row in inside)
            lines.append(
                f"| {method} | {len(inside)} | {len(mine) - len(inside)} | {doubt} | {alarms} "
                f"| {interval(alarms, len(inside))} |"
            )
        outcomes = Counter(row["integrity"] for row in mine)
        alarms = outcomes["inconsistent"]
        lines += [
            f"| **integrity, all methods** | {len(mine) - outcomes['could_not_test']} | {outcomes['could_not_test']} "
            f"| {outcomes['inconclusive']} | {alarms} | {interval(alarms, len(mine))} |",
            "",
        ]
    listed = [
        f"- {row['source']}, {row['clip']}, {row['condition']}: {method}: {_said(row['findings'][method])}"
        for row in sound(rows, "never lossy", "coded")
        for method in methods
        if method in row["findings"] and false_alarm(row, method)
    ]
    if listed:
        lines += ["The false alarms:", "", *listed[:MOST_LISTED]]
        lines += [f"- and {len(listed) - MOST_LISTED} more"] if len(listed) > MOST_LISTED else []
        lines += [
            "",
            "What signal.compression-history names in picovoice_s2i was looked into: those files were MP3 before "
            "([material.md](material.md)). Most clips are too short for methods that compare parts of a recording: "
            "[battery-long.md](battery-long.md).",
            "",
        ]
    return lines


def _said(finding: Row) -> str:
    return str(finding.get("reason") or f"trace named: {'; '.join(finding.get('traces', ()))}")


def _found(rows: Sequence[Row], methods: Sequence[str], positives: Sequence[Positive]) -> list[str]:
    known = conditions(positives)
    lines = [
        "## Edits and processing found",
        "",
        "The last three columns are of files that the whole battery examined. *By any*: inconsistent by any method, "
        "wherever. For ordinary processing, which should be named and not be held against a recording, *found* counts "
        "the names and the last two columns should be near 0.",
        "",
        "| method | condition | n | found | rate | whole battery: n | by any | integrity inconsistent |",
        "|---|---|---|---|---|---|---|---|",
    ]
    groups = grouped(sound(rows, "positive"))
    for method in methods:
        mine = {key: found for key, found in groups.items() if key[0] == method}
        for key, found in mine.items():
            hits = sum(hit(row, known[key]) for row in found)
            whole = [row for row in found if row["whole"]]
            by_any = sum(any(f["outcome"] == "inconsistent" for f in row["findings"].values()) for row in whole)
            against = sum(row["integrity"] == "inconsistent" for row in whole)
            words = f"{key[1]} *(to be named)*" if known[key].trace else key[1]
            lines.append(
                f"| {method} | {words} | {len(found)} | {hits} | {interval(hits, len(found))} | {len(whole)} "
                f"| {by_any} | {against} |"
            )
    idle = sorted({method for method, _ in groups} - set(methods))
    if idle:
        lines += ["", f"Not in the battery, so not counted: {', '.join(idle)}."]
    return [*lines, ""]


def _traces(rows: Sequence[Row], methods: Sequence[str]) -> list[str]:
    """Which traces were named on unedited recordings, for the reader to judge."""
    named: dict[str, Counter[str]] = defaultdict(Counter)
    for row in sound(rows, "never lossy", "coded"):
        for method in methods:
            for trace in row["findings"].get(method, {}).get("traces", ()):
                named[row["condition"]][trace] += 1
    if not named:
        return []
    lines = ["## Traces named on unedited recordings", "", "| the recording is | named |", "|---|---|"]
    for condition, traces in named.items():
        lines.append(f"| {condition} | {'; '.join(f'{name} ({n})' for name, n in traces.most_common(6))} |")
    return [*lines, ""]


def _failed(rows: Sequence[Row]) -> list[str]:
    kinds: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if "error" in row:
            kinds[f"{row['method']} {row['condition']}".strip()].append(row)
    if not kinds:
        return []
    lines = [f"- {condition}: {len(found)} ({found[0]['error'][:160]})" for condition, found in kinds.items()]
    return ["## Files that could not be made or decoded", "", *lines, ""]
