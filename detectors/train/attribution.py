"""Attribution, step 2: constants, card, bank and figures, from the statistics of all clips.

    python -m detectors.train.attribution clips.csv [GENERATED/clips.csv] --cache CACHE --out detectors/weights \
        --figures docs/validation/attribution.md

First every page is left out once, in ten folds: that gives the figures, the calibration of cosines across pages and
the thresholds. Then the constants that ship are learnt from all pages, and every generator is enrolled. Pages whose
licence forbids derivatives (part "extra") are asked about, never learnt from or enrolled. One seed, the same files.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from lir.algorithms.bayeserror import elub
from safetensors.numpy import save

from detectors.attribution import AttributionCard, FamilyFigure, Heard, OpenSet, PairCalibration, unit
from detectors.attribution_bank import Bank, Generator, write_bank
from detectors.calibration import log10_of_count
from detectors.card import WEIGHTS, Bounds, Card
from detectors.inference import NetworkConfig
from detectors.metrics import auc
from detectors.spectral import SpectralConfig
from detectors.train.attribution_fit import Clips, enrolled, learn
from detectors.train.attribution_folds import FewShot, Left, fpr_at_tpr, interval, judge, macro_f1, resampled
from detectors.train.attribution_page import page_of
from detectors.train.attribution_sound import clips_of, read_cache
from detectors.train.evidence import logistic
from synth.card import read_card, write_card
from synth.yaml_data import load_yaml

Doubles = npt.NDArray[np.float64]
ROUNDS = 300
FAMILIES = Path(__file__).with_name("families.yaml")
LEAST_PAGES = 3
"""Pages that a family needs before anything is validated of it."""
TRUE_POSITIVES = 0.95
"""Share of clips of enrolled generators, on pages left out, of which "none of these" may not be said."""
PRECISION, LEAST_NAMED, LEAST_NAMED_PAGES = 0.9, 20, 5
"""A name is given only above a cosine at which so large a share of so many names on so many pages is right."""
FALSE_NAMES = 0.01
"""Share of other generators' clips that may be taken for a generator of the user's own enrolment."""
SLACK = 0.1
"""How far below the lower quartile of its own clips' cosines a user's generator is still named; set beforehand."""
MARGIN = 0.3
"""log10 LR by which a name must lead; set beforehand."""
DOMAIN = Heard(min_speech_seconds=1.5, min_snr_db=10.0, min_band_hz=6000.0)
LIMITS = (
    "Across pages generators and families are told apart poorly: the page is heard more than the generator. Figures: "
    "docs/validation/attribution.md.",
    "Learnt and judged on demo pages of research systems, neutral pieces of 1.5 to 5 s, no lossy channel, telephone, "
    "noise or room of our own making; mostly English.",
    "A generator that is not enrolled may be taken for one that is; a new checkpoint or vocoder of an enrolled system "
    "is another generator.",
    "A voice, a text or a recording chain that the clips share with the enrolled ones makes them more alike.",
)


@dataclass(frozen=True)
class Measured:
    """A figure with its interval over a bootstrap of whole pages."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def read_clips(tables: list[Path], cache: Path) -> Clips:
    """Every clip that was heard."""
    held = read_cache(cache / "neutral.npz")
    rows = [row for row in clips_of(tables) if row["id"] in held]
    family = {g: f for f, generators in load_yaml(FAMILIES.read_text("utf-8")).items() for g in generators}
    human = np.array([row["label"] == "human" for row in rows])
    return Clips(
        id=np.array([row["id"] for row in rows]),
        values=np.stack([held[row["id"]] for row in rows]).astype(np.float32),
        generator=np.array([row["generator"] for row in rows]),
        page=np.array([row["source"] for row in rows]),
        licence=np.array([row["licence"] or "unclear" for row in rows]),
        family=np.array([family.get(row["generator"], "") if row["label"] == "machine" else "" for row in rows]),
        human=human,
        usable=np.array([row["part"] != "extra" for row in rows]),
    )


def measured(statistic: Callable[[npt.NDArray[np.int_]], float], pages: npt.NDArray[np.str_], seed: int) -> Measured:
    """A statistic of rows with its interval."""
    low, high = interval([statistic(rows) for rows in resampled(pages, ROUNDS, seed)])
    return Measured(statistic(np.arange(len(pages))), low, high, len(pages))


def calibrated(left: Left, seed: int) -> PairCalibration:
    """Cosines of pairs across pages to log10 LRs; pages count alike, so that no page with many generators rules."""
    cosine = np.array([c for c, _ in left.same + left.other])
    page = np.array([p for _, p in left.same + left.other])
    same = np.arange(len(cosine)) < len(left.same)
    x = np.stack([cosine, np.ones_like(cosine)], -1)

    def fitted(rows: npt.NDArray[np.int_]) -> Doubles:
        weight = np.zeros(len(rows))
        for label in (True, False):
            of = same[rows] == label
            _, index, count = np.unique(page[rows][of], return_inverse=True, return_counts=True)
            weight[of] = 0.5 / len(count) / count[index]
        return logistic(x[rows], same[rows], weight)

    slope, intercept = fitted(np.arange(len(cosine)))
    spread = np.cov(np.array([fitted(rows) for rows in resampled(page, ROUNDS, seed) if same[rows].any()]).T)
    llr = slope * cosine + intercept
    rng = np.random.default_rng(seed)  # ELUB counts trials: as many of other generators as of the same
    others = rng.choice(np.flatnonzero(~same), int(same.sum()), replace=False)
    chosen = np.concatenate([np.flatnonzero(same), others])
    low, high = elub(llr[chosen].copy(), same[chosen].astype(int), add_misleading=1)
    crossing = len({g for g, known in zip(left.generator, left.known, strict=True) if known})
    return PairCalibration(
        slope=round(float(slope), 4), intercept=round(float(intercept), 4),
        covariance=tuple(tuple(round(float(v), 6) for v in row) for row in spread),  # type: ignore[arg-type]
        cap=log10_of_count(crossing), elub=Bounds(lower=round(float(low), 2), upper=round(float(high), 2)),
        generators=crossing, pages=len(set(page[same])),
    )  # fmt: skip


def open_set_of(left: Left, few: FewShot, calibration: PairCalibration) -> OpenSet:
    """The frozen thresholds."""
    largest, known = np.array(left.largest), np.array(left.known)
    right = np.array(left.nearest) == np.array(left.generator)
    lead = calibration.slope * (largest - np.array(left.second)) >= MARGIN
    named = None
    for cosine in np.unique(np.ceil(largest * 100) / 100)[::-1]:
        these = (largest >= cosine) & lead
        if (
            these.sum() < LEAST_NAMED
            or len({p for p, one in zip(left.page, these, strict=True) if one}) < LEAST_NAMED_PAGES
        ):
            continue
        if right[these].mean() < PRECISION:
            break
        named = float(cosine)
    return OpenSet(
        none_below=round(float(np.quantile(largest[known], 1 - TRUE_POSITIVES)), 3),
        named_above=named,
        own_named_above=round(float(np.quantile(np.concatenate(few.others), 1 - FALSE_NAMES)), 3),
        own_slack=SLACK,
        margin=MARGIN,
    )


def families_of(clips: Clips, left: Left, seed: int) -> tuple[FamilyFigure, ...]:
    """What was measured of every family."""
    truth, said, page = np.array(left.family), np.array(left.said), np.array(left.page)
    asked = (truth != "") & judged(page)
    rows = []
    for one in sorted(set(clips.family) - {""}):
        mine = clips.family == one
        of = asked & (truth == one)
        pages = len(set(page[of]))
        right = int((of & (said == one)).sum())

        def f1(drawn: npt.NDArray[np.int_], one: str = one) -> float:
            return macro_f1(truth[asked][drawn], said[asked][drawn], [one])[0]

        chance = float(of.sum() / max(asked.sum(), 1))
        low = measured(f1, page[asked], seed).low if pages else 0.0
        rows.append(
            FamilyFigure(
                family=one,
                generators=len(set(clips.generator[mine])),
                pages=pages,
                clips=int(of.sum()),
                precision=round(right / max(int((asked & (said == one)).sum()), 1), 3),
                recall=round(right / max(int(of.sum()), 1), 3),
                validated=pages >= LEAST_PAGES and low > 2 * chance / (1 + chance) and low > PRECISION / 2,
            )
        )
    return tuple(rows)


def judged(page: npt.NDArray[np.str_]) -> npt.NDArray[np.bool_]:
    """Pages that count in figures: an engine that we ran ourselves is its own page and stands for no other."""
    return ~np.char.startswith(page, "generated")


def figures_of(left: Left, few: FewShot, seed: int) -> dict[str, Measured]:
    """Every figure of the page, by name."""
    page, truth, said = np.array(left.page), np.array(left.family), np.array(left.said)
    by_page, largest, known = np.array(left.said_by_page), np.array(left.largest), np.array(left.known)
    right = np.array(left.nearest) == np.array(left.generator)
    asked = (truth != "") & judged(page)
    families = [f for f in sorted(set(truth[asked])) if len(set(page[asked & (truth == f)])) > 1]
    asked &= np.isin(truth, families)
    found: dict[str, Measured] = {}

    def of_families(said: npt.NDArray[np.str_]) -> Callable[[npt.NDArray[np.int_]], float]:
        def statistic(rows: npt.NDArray[np.int_]) -> float:
            here = [f for f in families if (truth[asked][rows] == f).any()]
            return macro_f1(truth[asked][rows], said[asked][rows], here)[0]

        return statistic

    shuffled = said.copy()
    shuffled[asked] = np.random.default_rng(seed).permutation(said[asked])
    found["families"] = measured(of_families(said), page[asked], seed)
    found["families by page"] = measured(of_families(by_page), page[asked], seed)
    found["families by chance"] = measured(of_families(shuffled), page[asked], seed)
    counted = judged(page)
    value, there, pages = largest[counted], known[counted], page[counted]
    found["unseen auroc"] = measured(lambda r: _auc(value[r][there[r]], value[r][~there[r]]), pages, seed)
    found["unseen fpr"] = measured(lambda r: _fpr(value[r][there[r]], value[r][~there[r]]), pages, seed)
    found["name"] = measured(
        lambda r: float(right[counted][r][there[r]].mean()) if there[r].any() else np.nan, pages, seed
    )
    easy, easy_page = np.array([c for c, _ in left.easy]), np.array([p for _, p in left.easy])
    both = np.concatenate([easy, value[~there]])
    is_easy = np.arange(len(both)) < len(easy)
    both_page = np.concatenate([easy_page, pages[~there]])
    found["same page auroc"] = measured(lambda r: _auc(both[r][is_easy[r]], both[r][~is_easy[r]]), both_page, seed)
    found["same page fpr"] = measured(lambda r: _fpr(both[r][is_easy[r]], both[r][~is_easy[r]]), both_page, seed)
    hit = np.array(left.easy_right, float)
    found["same page name"] = measured(lambda r: float(hit[r].mean()), easy_page, seed)
    of_few, few_page = np.array(few.auc_page), np.array(few.page)
    found["few-shot auroc, same page"] = measured(
        lambda r: float(np.nanmean(of_few[r])) if np.isfinite(of_few[r]).any() else np.nan, few_page, seed
    )
    elsewhere = np.array(few.auc_elsewhere)
    found["few-shot auroc, other pages"] = measured(lambda r: float(np.nanmean(elsewhere[r])), few_page, seed)
    return found


def _auc(known: Doubles, unseen: Doubles) -> float:
    return auc(known, unseen) if len(known) and len(unseen) else float("nan")


def _fpr(known: Doubles, unseen: Doubles) -> float:
    return fpr_at_tpr(known, unseen) if len(known) and len(unseen) else float("nan")


def ship(clips: Clips, blocks: tuple[int, int], seed: int, out: Path) -> tuple[Path, list[Generator]]:
    """Constants from all pages, and every generator enrolled."""
    usable = clips.at(clips.usable)
    constants = learn(usable, usable.generator, blocks, seed)
    path = out / "attribution.safetensors"
    state = {name: getattr(constants, name).astype(np.float16) for name in ("mean", "scale", "projection")}
    path.write_bytes(save(state))
    made = usable.at(~usable.human)
    embeddings = constants.embed(made.values)
    names, means = enrolled(embeddings, made.generator, made.page)
    bank = []
    for name, mean in zip(names, means, strict=True):
        mine = made.generator == name
        bank.append(
            Generator(
                name=str(name),
                family=str(made.family[mine][0]),
                clips=int(mine.sum()),
                seconds=0.0,
                spread=round(float(np.mean(embeddings[mine] @ mean)), 3),
                source=", ".join(sorted(set(made.page[mine]))),
                licence=", ".join(sorted(set(made.licence[mine]))),
                embedding=Generator.hexadecimal(unit(mean)),
            )
        )
    return path, bank


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--figures", type=Path, required=True)
    parser.add_argument("--version", default="1")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    clips = read_clips(arguments.clips, arguments.cache)
    config = NetworkConfig()
    blocks = (3 * config.width * (config.layers + 1), 3 * SpectralConfig().channels)
    left, few = judge(clips, blocks, arguments.seed)
    calibration = calibrated(left, arguments.seed)
    open_set = open_set_of(left, few, calibration)
    families = families_of(clips, left, arguments.seed)
    weights, generators = ship(clips, blocks, arguments.seed, arguments.out)
    blob = weights.read_bytes()
    digest = hashlib.sha256(blob).hexdigest()
    pages = len({p for one in generators for p in one.source.split(", ")})
    bank = Bank(
        summary=f"{len(generators)} generators, from {sum(g.clips for g in generators)} clips of {pages} pages and "
        "engines; embeddings only, no sound.",
        model=digest, generators=tuple(generators),
    )  # fmt: skip
    bank_path = arguments.out / "attribution_bank.yaml"
    write_bank(bank, bank_path)
    card = AttributionCard(
        name="attribution.generators", version=arguments.version,
        summary="Statistics of the speech line's encoder and of the spectral line's front end, projected to 64 numbers "
        "in which generators differ more than recordings of people on different pages do. Across pages that is weak.",
        attribution="Trained by detectors.train.attribution, MIT licence; the encoder it hears with is that of "
        "detector.speech.",
        weights=weights.name, sha256=digest, bytes=len(blob),
        speech_sha256=read_card(WEIGHTS / "speech.yaml", Card).sha256,
        bank_sha256=hashlib.sha256(bank_path.read_bytes()).hexdigest(),
        calibration=calibration, open_set=open_set, domain=DOMAIN, families=families, limits=LIMITS,
    )  # fmt: skip
    write_card(card, arguments.out / "attribution_card.yaml")
    found = figures_of(left, few, arguments.seed)
    arguments.figures.write_text(page_of(clips, left, few, found, card), "utf-8")
    for name, one in found.items():
        print(f"{name}: {one} n {one.n}")
    print(open_set, calibration)


if __name__ == "__main__":
    main()
