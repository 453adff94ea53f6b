"""The page of the cloned voice's bench, from its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from forensics.benches.clone import codes, marks
from forensics.benches.clone.aims import aims
from forensics.benches.clone.clips import Clip
from forensics.benches.clone.figures import agreements, letters, mean, noise_rows, placed_of, said_of, way_of
from forensics.benches.clone.kept import Kept
from forensics.benches.clone.words import Said
from forensics.benches.watermark.tables import share

WAYS = {
    "clone": "zero-shot clones",
    "plain": "the same, tokens unmarked",
    "tuned": "after fine-tuning",
    "ceiling": "recordings made again of their codes",
    "take": "recordings",
}
"""Of a row, by the beginning of its identity."""
RULE = "|---"


def page(kept: Kept) -> str:
    """All tables, as Markdown."""
    facts, every = kept.facts, kept.clips.every
    let_out = [clip for clip in every if not clip.refused]
    voices = ", ".join(f"{name} ({'human' if human else 'machine'}, {sex})" for name, human, sex in facts.cloned)
    spoken = sum(clip.seconds for clip in let_out) / 60
    said = len({clip.text for clip in every if clip.way == "clone"})
    return "\n".join(
        [
            "# The cloned voice, measured",
            "",
            f"Model {facts.model}. {said} sentences that it was not trained on, in the voices {voices};",
            f"{facts.others} further voices to tell them from. {len(let_out)} clips, {spoken:.0f} minutes. Intervals:",
            "rates Wilson, 95 %; letter errors by resampling the clips. A cross marks what falls short of its aim.",
            "",
            "```",
            f"$ {facts.command}",
            "```",
            "",
            "| measure | figure | aim |",
            "|---|---|---|",
            *[aim.line for aim in aims(kept)],
            "",
            *_refused(every),
            "## What is heard",
            "",
            *_words(kept),
            "",
            "## Whose voice",
            "",
            *_voices(kept),
            "",
            "## How natural",
            "",
            *_opinions(kept),
            "",
            "## References with noise",
            "",
            *_noise(kept),
            "",
            "## The mark in sound",
            "",
            *_marks(kept),
            "",
            "## Codes heard again",
            "",
            *_codes(kept),
            "",
            "## The mark in the tokens, on sound",
            "",
            *_tokens(kept),
            "",
            "## Speed and memory",
            "",
            *_cost(kept),
            "",
        ]
    )


def _refused(clips: Sequence[Clip]) -> list[str]:
    some = [clip for clip in clips if clip.refused]
    if not some:
        return []
    reasons = {clip.refused for clip in some}
    told = "; ".join(f"{sum(clip.refused == why for clip in some)} of {why}" for why in sorted(reasons)[:5])
    return [f"Not let out, and in no figure below: {len(some)} of {len(clips)} clips ({told}).", ""]


def _words(kept: Kept) -> list[str]:
    lines = ["| what | clips | letter errors | words | missing | repeated | added |", "|---|---|---|---|---|---|---|"]
    for way, name in WAYS.items():
        some = said_of(kept, way)
        if some:
            words = sum(one.words for one in some)
            cells = [share(sum(getattr(one, what) for one in some), words) for what in ("missing", "repeated", "added")]
            lines.append(f"| {name} | {len(some)} | {letters(some)} | {words} | {' | '.join(cells)} |")
    lines += ["", "Heard by Whisper-base, whose own errors are in all rows; they alone are in that of the recordings."]
    lines += _control([clip for clip in kept.clips.every if clip.way == "clone"])
    marked, plain = ({_sentence(one): one for one in said_of(kept, way)} for way in ("clone", "plain"))
    pairs = [(marked[at], plain[at]) for at in marked.keys() & plain.keys()]
    if len(pairs) > 1:
        differences = [100 * (a.errors / a.letters - b.errors / b.letters) for a, b in pairs]
        half = 1.96 * float(np.std(differences, ddof=1)) / np.sqrt(len(pairs))
        lines += [
            "",
            f"The mark in the tokens costs {np.mean(differences):+.2f} ± {half:.2f} points of letter errors a sentence",
            f"(mean and 95 % interval over {len(pairs)} pairs, the same sentence, reference and seed).",
        ]
    return lines


def _control(clips: Sequence[Clip]) -> list[str]:
    """What the model's own reader of its codes said of the zero-shot clones."""
    read, again = sum(clip.checked for clip in clips), sum(clip.redraws for clip in clips)
    if not read:
        return ["The automatic quality control checked none of the clones."]
    left = [kind for clip in clips for kind in clip.faults]
    told = ", ".join(f"{left.count(kind)} {kind}" for kind in dict.fromkeys(left)) or "no fault"
    return [f"The automatic quality control read {read} words of the clones, threw {again} draws away and left {told}."]


def _sentence(one: Said) -> str:
    return one.identity.partition("-")[2]


def _voices(kept: Kept) -> list[str]:
    rows = [(name, placed_of(kept, way)) for way, name in WAYS.items() if way != "plain"]
    rows.append(("zero-shot clones against another reference (floor)", placed_of(kept, "clone", shuffled=True)))
    lines = [
        "| what | clips | other voices | reference is nearest | cosine | 95th percentile of impostors | above it |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, some in rows:
        if some:
            counts = sorted({one.others for one in some})
            others = " to ".join(str(count) for count in dict.fromkeys((counts[0], counts[-1])))
            lines.append(
                f"| {name} | {len(some)} | {others} | {share(sum(one.nearest for one in some), len(some))} "
                f"| {mean(one.cosine for one in some):.3f} | {mean(one.impostor for one in some):.3f} "
                f"| {share(sum(one.above for one in some), len(some))} |"
            )
    return [*lines, "", "Voiceprints: resemblyzer. Others are of the same sex; where no index tells it, by pitch."]


def _opinions(kept: Kept) -> list[str]:
    lines = ["| what | clips | DNSMOS | DistillMOS |", "|---|---|---|---|"]
    for way, name in WAYS.items():
        some = [one for one in kept.opinions.every if way_of(one.identity) == way]
        if some:
            cells = [_spread(getattr(one, what) for one in some) for what in ("dnsmos", "distillmos")]
            lines.append(f"| {name} | {len(some)} | {' | '.join(cells)} |")
    return [*lines, "", "Mean and standard deviation. Both were trained on listeners' opinions; nobody listened here."]


def _noise(kept: Kept) -> list[str]:
    lines = [
        "| reference over noise | clips | letter errors | cosine with the voice | refused |",
        "|---|---|---|---|---|",
    ]
    for level, clips, rate, cosine, refused in noise_rows(kept):
        lines.append(f"| {level} dB | {clips} | {100 * rate:.1f} % | {cosine:.3f} | {refused} |")
    return [*lines, "", "![Letter errors and cosine against the noise of the reference](clone-noise.png)"]


def _marks(kept: Kept) -> list[str]:
    lines = [
        "| after | clips | found | authenticated | right issuance | the sound agrees | median score |",
        "|---|---|---|---|---|---|---|",
    ]
    for after in marks.AFTER:
        some = [one for one in kept.verified.every if one.identity.endswith(f"|{after}")]
        if some:
            cells = [share(sum(hit(one) for one in some), len(some)) for hit in _HITS]
            score = np.median([one.score for one in some])
            lines.append(f"| {after} | {len(some)} | {' | '.join(cells)} | {score:.1f} |")
    short = sum(not clip.payload_carried for clip in kept.clips.every if not clip.refused)
    return [*lines, "", f"Clips that are too short for the payload and carry presence only: {short}."]


_HITS: tuple[Callable[[marks.Verified], bool], ...] = (
    lambda one: one.found,
    lambda one: one.authenticated,
    lambda one: one.right,
    lambda one: one.same_sound == "agrees",
)


def _codes(kept: Kept) -> list[str]:
    found = agreements(kept)
    lines = ["| share of codes that stay | clones | recordings of people |", "|---|---|---|"]
    for change, name in (
        ("drawn", "drawn, and heard in the clip"),
        *((c, c) for c in (*codes.AFTER[1:], codes.ANOTHER)),
    ):
        cells = [_percent(found.get((change, source), [])) for source in ("clone", "human")]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, "", "Mean and standard deviation over clips; codes at 25 a second, in the same place."]


def _tokens(kept: Kept) -> list[str]:
    rows = kept.tested.every
    changes = list(dict.fromkeys(row.change for row in rows if row.own))
    lines = ["| after | " + " | ".join(f"{s} s" for s in codes.SECONDS) + " |", "|---|" + "---|" * len(codes.SECONDS)]
    for change in changes:
        cells = [
            _tokens_found([r for r in rows if r.own and (r.change, r.seconds) == (change, s)]) for s in codes.SECONDS
        ]
        lines.append(f"| {change} | {' | '.join(cells)} |")
    lines += [
        "",
        "Found at p <= 1e-3 (median log10 p; n): clips behind one another, cut into stretches. False alarms at the",
        "same limit, under the key of the bench in unmarked sound and under wrong keys:",
        "",
        "| sound | " + " | ".join(f"{s} s" for s in codes.SECONDS) + " |",
        "|---|" + "---|" * len(codes.SECONDS),
    ]
    for source, name in (("human", "people"), ("plain", "clones, tokens unmarked"), ("clone", "clones, wrong keys")):
        some = [r for r in rows if not r.own and r.source == source]
        if some:
            cells = [_tokens_found([r for r in some if r.seconds == s]) for s in codes.SECONDS]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _tokens_found(some: Sequence[codes.Tested]) -> str:
    if not some:
        return "–"
    hits = sum(row.log10_p <= codes.FOUND_LOG10_P for row in some)
    return f"{share(hits, len(some))} ({np.median([row.log10_p for row in some]):.1f}; {len(some)})"


def _cost(kept: Kept) -> list[str]:
    cost = next(iter(kept.costs.every), None)
    if cost is None:
        return ["Not measured."]
    factor, wall = cost.busy_s / max(cost.seconds, 1e-9), cost.wall_s / max(cost.seconds, 1e-9)
    return [
        f"{cost.seconds:.0f} s of speech through the door, in a process of its own with two threads: real-time factor",
        f"{factor:.2f} (by the wall clock {wall:.2f}), {cost.loading_s:.1f} s to load, at most {cost.peak_mb:.0f} MB.",
    ]


def _spread(values: Iterable[float]) -> str:
    known = np.array([value for value in values if np.isfinite(value)])
    return f"{known.mean():.2f} ± {known.std():.2f}" if known.size else "not measured: its package is not installed"


def _percent(values: Sequence[float]) -> str:
    return f"{100 * np.mean(values):.1f} ± {100 * np.std(values):.1f} % (n {len(values)})" if values else "–"
