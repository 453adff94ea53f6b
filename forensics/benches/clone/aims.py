"""What the product asks of the cloned voice, and whether it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from forensics.benches.clone import likeness, marks
from forensics.benches.clone.figures import letter_rate, letters, mean, placed_of, said_of
from forensics.benches.clone.kept import Kept
from forensics.benches.clone.likeness import Placed
from forensics.benches.watermark.tables import share

LETTER_ERRORS, LETTER_REACH, WORD_ERRORS = 0.10, 0.05, 0.01
NEAREST, NEAREST_TUNED = 0.6, 0.9
REAL_TIME, PEAK_MB, WEIGHTS_MB = 0.3, 1000.0, 28.0


@dataclass(frozen=True)
class Aim:
    """A figure that was asked for."""

    what: str
    figure: str
    aim: str
    holds: bool | None
    """None: not measured."""

    @property
    def line(self) -> str:
        cross = "" if self.holds else " ✗" if self.holds is False else " (not measured)"
        return f"| {self.what} | {self.figure}{cross} | {self.aim} |"


def aims(kept: Kept) -> list[Aim]:
    """What the product asks of the cloned voice, and whether it holds."""
    clones, tuned = (said_of(kept, way) for way in ("clone", "tuned"))
    words, left = sum(one.words for one in clones), sum(one.missing + one.repeated for one in clones)
    rate, near = letter_rate(clones), placed_of(kept, "clone")
    enough = [one for one in near if one.others >= likeness.LEAST_OTHERS]
    own = [one for one in placed_of(kept, "tuned") if one.others >= likeness.LEAST_OTHERS]
    cost, size = next(iter(kept.costs.every), None), kept.facts.weights_mb
    verified = kept.verified.every
    found = [
        Aim(
            "letter errors, zero-shot",
            letters(clones),
            f"at most {100 * LETTER_ERRORS:.0f} % (reach for {100 * LETTER_REACH:.0f} %)",
            rate <= LETTER_ERRORS if clones else None,
        ),
        Aim(
            "words missing or repeated",
            share(left, words),
            f"at most {100 * WORD_ERRORS:.0f} %",
            left <= WORD_ERRORS * words if words else None,
        ),
        _nearest("nearest voice is the reference, zero-shot", enough, NEAREST),
        _nearest("the same, after fine-tuning", own, NEAREST_TUNED),
        Aim(
            "cosine above the 95th percentile of impostors",
            share(sum(one.above for one in near), len(near)),
            "the mean above",
            mean(one.cosine - one.impostor for one in near) > 0 if near else None,
        ),
        Aim(
            "real-time factor, two cores",
            "–" if cost is None else f"{cost.busy_s / max(cost.seconds, 1e-9):.2f}",
            f"at most {REAL_TIME:g}",
            None if cost is None else cost.busy_s <= REAL_TIME * cost.seconds,
        ),
        Aim(
            "peak memory",
            "–" if cost is None else f"{cost.peak_mb:.0f} MB",
            f"at most {PEAK_MB:.0f} MB",
            None if cost is None else cost.peak_mb <= PEAK_MB,
        ),
        Aim("weights that ship", f"{size:.1f} MB", f"at most {WEIGHTS_MB:.0f} MB", size <= WEIGHTS_MB),
    ]
    for after in marks.AFTER:
        some = [one for one in verified if one.identity.endswith(f"|{after}")]
        right = sum(one.right for one in some)
        what = "verifies with the right issuance" + ("" if after == "none" else f", after {after}")
        found.append(Aim(what, share(right, len(some)), "every clip", right == len(some) if some else None))
    if tuned:
        found.insert(1, Aim("letter errors, after fine-tuning", letters(tuned), "–", True))
    return found


def _nearest(what: str, some: Sequence[Placed], least: float) -> Aim:
    hits = sum(one.nearest for one in some)
    aim = f"at least {100 * least:.0f} % among {likeness.LEAST_OTHERS} or more of the same sex"
    return Aim(what, share(hits, len(some)), aim, hits >= least * len(some) if some else None)
