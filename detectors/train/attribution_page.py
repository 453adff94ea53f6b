"""The page of figures of attribution, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from detectors.attribution import AttributionCard, own_threshold
from detectors.train.attribution_figures import LEAST_F1, LEAST_PAGES, Measured, changed_of
from detectors.train.attribution_fit import Clips
from detectors.train.attribution_folds import FEW, FewShot, Left

ROWS = {
    "families": "macro F1 over families, pages left out",
    "families by page": "the same from recognising the nearest page alone (baseline)",
    "families by chance": "the same with the answers shuffled",
    "name": "nearest generator is the right one, generator enrolled from other pages",
    "unseen auroc": "AUROC, enrolled (from other pages) against unseen generators",
    "unseen fpr": "FPR at 95 % TPR, enrolled (from other pages) against unseen generators",
    "same page name": "nearest generator is the right one, other clips of the same page enrolled",
    "same page auroc": "AUROC, enrolled (from the same page) against unseen generators",
    "same page fpr": "FPR at 95 % TPR, enrolled (from the same page) against unseen generators",
    "few-shot auroc, same page": f"AUROC after enrolment from {FEW} clips, against other generators of the same page",
    "few-shot auroc, other pages": f"AUROC after enrolment from {FEW} clips, against generators of other pages",
}


COMMANDS = """
python -m detectors.train.lists --demo DEMO/index.csv --human HUMAN/index.csv --undivided --out clips.csv
python -m detectors.train.generate clips.csv TEXTS.txt --cache CACHE --out GENERATED --copies 0 --sentences 80
python -m detectors.train.own_voice clips.csv TEXTS.txt --out OWN
python -m detectors.train.attribution_sound clips.csv GENERATED/clips.csv OWN/clips.csv --cache CACHE
python -m detectors.train.attribution_sound clips.csv --cache CACHE --condition channel
python -m detectors.train.attribution_sound clips.csv --cache CACHE --condition original
python -m detectors.train.attribution clips.csv GENERATED/clips.csv OWN/clips.csv --cache CACHE \\
    --out detectors/weights --figures docs/validation/attribution.md
"""


def page_of(
    clips: Clips, left: Left, few: FewShot, elsewhere: Mapping[str, Left], found: Mapping[str, Measured],
    card: AttributionCard, seed: int,
) -> str:  # fmt: skip
    """Everything that was measured, in one page."""
    made = ~clips.human
    largest, known = np.array(left.largest), np.array(left.known)
    right = np.array(left.nearest) == np.array(left.generator)
    rule, held = card.open_set, card.calibration
    passed = largest >= rule.none_below
    least = [own_threshold(rule, one) for one in few.quartile]
    own = np.concatenate([hits >= t for hits, t in zip(few.hits, least, strict=True)])
    others = np.concatenate([values >= t for values, t in zip(few.others, least, strict=True)])
    lines = [
        "# Attribution of generators: figures",
        "",
        "```",
        COMMANDS.strip(),
        "```",
        "",
        f"{int(made.sum())} machine-made clips of {len(set(clips.generator[made]))} generators on "
        f"{len(set(clips.page[made]))} pages and engines, {int((~made).sum())} clips of people on "
        f"{len(set(clips.page[~made]))} pages; neutral pieces of 1.5 to 5 s. Whole pages are left out in ten folds: "
        "constants and bank of a fold know nothing of its pages. Pages whose licence forbids derivatives are asked "
        "about, never learnt from. Intervals: 95 %, bootstrap of whole pages. In rows of the same page a clip counts "
        "in every fold in which its page was learnt from, hence their n. The thresholds and the calibration below come "
        "from the folds that give the figures.",
        "",
        "| figure | value | n |",
        "|---|---|---|",
    ]
    lines += [f"| {text} | {found[name]} | {found[name].n} |" for name, text in ROWS.items()]
    lines += [
        "",
        "## What ships",
        "",
        f"*None of these* below a cosine of {rule.none_below:.3f}: said of {np.mean(~passed[known]):.1%} of clips of "
        f"enrolled generators on pages left out (n = {int(known.sum())}, {held.generators} generators on more than one "
        f"page) and of {np.mean(~passed[~known]):.1%} of clips of unseen generators (n = {int((~known).sum())}).",
        "",
        (
            "A name of the shipped bank is never given: at no cosine are at least 90 % of 20 names on 5 pages right."
            if rule.named_above is None
            else f"A name of the shipped bank is given above a cosine of {rule.named_above:.2f}: "
            f"{int((largest >= rule.named_above).sum())} clips, {np.mean(right[largest >= rule.named_above]):.1%} "
            "right on the folds the threshold was chosen on, so the truth may be lower."
        ),
        "",
        f"A generator of the user's own enrolment is named above a cosine of {rule.own_named_above:.3f}, which 1 % of "
        f"clips of other generators on other pages reach, and no further than {rule.own_slack:g} below the lower "
        f"quartile of its own clips' cosines to each other. Enrolled from {FEW} clips, {np.mean(own):.1%} of its other "
        f"clips of the same page are named so and {np.mean(others):.2%} of those of other generators on other pages "
        f"({len(few.generator)} generators, {len(own)} and {len(others)} clips); the worst generator takes "
        f"{max(float(np.mean(v >= t)) for v, t in zip(few.others, least, strict=True)):.1%} of the others' clips for "
        "its own.",
        "",
        f"log10 LR = {held.slope:.2f} * cosine {held.intercept:+.2f}, held inside "
        f"{max(-held.cap, held.elub.lower):+.2f} and {min(held.cap, held.elub.upper):+.2f}: the cap of "
        f"{held.generators} generators that occur on more than one page, and ELUB. Learnt on the same folds.",
        "",
        "## Families, pages left out",
        "",
        "| family | generators | pages | clips | precision | recall | validated |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {f.family} | {f.generators} | {f.pages} | {f.clips} | {f.precision:.2f} | {f.recall:.2f} | "
        f"{'yes' if f.validated else 'no'} |"
        for f in card.families
    ]
    lines += [
        "",
        f"A family counts as validated with at least {LEAST_PAGES} pages and the whole interval of its F1 above chance "
        f"and above {LEAST_F1:g}. Engines that we ran ourselves (espeak-ng, flite, our own voice) are one page each: "
        "nothing is measured of them across pages.",
        "",
        *_conditions(left, elsewhere, rule.none_below, seed),
        "## Few-shot enrolment, by generator",
        "",
        "Ten clips enrolled, the rest asked; nothing was learnt from the page. AUROC against other generators of the "
        "same page, where there are any, says what is heard of the generator; against other pages the page helps.",
        "",
        "| generator | page | against the same page | against other pages |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {g} | {p} | {'-' if np.isnan(a) else f'{a:.2f}'} | {b:.2f} |"
        for g, p, a, b in zip(few.generator, few.page, few.auc_page, few.auc_elsewhere, strict=True)
    ]
    return "\n".join(lines) + "\n"


def _conditions(left: Left, elsewhere: Mapping[str, Left], none_below: float, seed: int) -> list[str]:
    if not elsewhere:
        return ["## In other conditions", "", "Not run.", ""]
    lines = [
        "## In other conditions",
        "",
        "Pages left out; learnt and enrolled from neutral pieces, asked in another condition: each clip through one "
        "channel, by its id, or as published (original: the first 15 s, neither cut nor evened beforehand, nearest to "
        "what `voxproof attribute` hears). A telephone is outside the domain: the product says *could not be tested* "
        "there. *None* is the share of clips below the threshold of *none of these*.",
        "",
        "| condition | clips | macro F1 | the same clips, neutral | none, enrolled | none, unseen |",
        "|---|---|---|---|---|---|",
    ]
    for name, then in elsewhere.items():
        one = changed_of(left, then, none_below, seed)
        lines.append(
            f"| {name} | {one.clips} | {one.families} | {one.families_before} | {one.none_known:.1%} | "
            f"{one.none_unseen:.1%} |"
        )
    return [*lines, ""]
