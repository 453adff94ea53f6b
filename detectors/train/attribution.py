"""Attribution, step 2: constants, card, bank and figures, from the statistics of all clips.

    python -m detectors.train.attribution clips.csv [GENERATED/clips.csv OWN/clips.csv] --cache CACHE \
        --out detectors/weights --figures docs/validation/attribution.md

First every page is left out once, in ten folds: that gives the figures, the calibration of cosines across pages and
the thresholds. Then the constants that ship are learnt from all pages, and every generator is enrolled. Pages whose
licence forbids derivatives (part "extra") are asked about, never learnt from or enrolled. Other conditions that lie in
CACHE beside neutral.npz are asked about, too. One seed, the same files.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from lir.algorithms.bayeserror import elub
from safetensors.numpy import save

from detectors.attribution import AttributionCard, Heard, OpenSet, PairCalibration, unit
from detectors.attribution_bank import Bank, Generator, write_bank
from detectors.calibration import log10_of_count
from detectors.card import WEIGHTS, Bounds, Card, Source
from detectors.inference import load_network
from detectors.spectral import SpectralConfig
from detectors.train.attribution_figures import ROUNDS, families_of, figures_of
from detectors.train.attribution_fit import Clips, enrolled, learn
from detectors.train.attribution_folds import Doubles, FewShot, Left, judge, resampled
from detectors.train.attribution_page import page_of
from detectors.train.attribution_sound import channel_of, clips_of, read_cache
from detectors.train.evidence import logistic
from synth.card import read_card, write_card
from synth.yaml_data import load_yaml

FAMILIES = Path(__file__).with_name("families.yaml")
TRUE_POSITIVES = 0.95
"""Share of clips of enrolled generators, on pages left out, of which "none of these" may not be said."""
PRECISION, LEAST_NAMED, LEAST_NAMED_PAGES = 0.9, 20, 5
"""A name is given only above a cosine at which so large a share of so many names on so many pages is right."""
FALSE_NAMES = 0.01
"""Share of other generators' clips that may be taken for a generator of the user's own enrolment."""
SLACK = 0.1
"""How far below the lower quartile of its own clips' cosines a user's generator is still named; a guess, not fitted."""
MARGIN = 0.3
"""log10 LR by which a name must lead; a guess, not fitted."""
DOMAIN = Heard(min_speech_seconds=1.5, min_snr_db=10.0, min_band_hz=6000.0)
LIMITS = (
    "Across pages generators and families are told apart poorly: the page is heard more than the generator. Figures: "
    "docs/validation/attribution.md.",
    "Learnt on demo pages of research systems, neutral pieces of 1.5 to 5 s, mostly English; nothing was learnt from "
    "lossy channels, telephones, noise or rooms, through which families are told apart worse, in noise and rooms much.",
    "A generator that is not enrolled may be taken for one that is; a new checkpoint or vocoder of an enrolled system "
    "is another generator.",
    "A voice, a text or a recording chain that the clips share with the enrolled ones makes them more alike.",
)


def read_families() -> dict[str, str]:
    """Family by generator."""
    return {g: f for f, generators in load_yaml(FAMILIES.read_text("utf-8")).items() for g in generators}


def read_clips(tables: list[Path], cache: Path, condition: str = "neutral") -> Clips:
    """Every clip that was heard in this condition."""
    held = read_cache(cache / f"{condition}.npz")
    rows = [row for row in clips_of(tables) if row["id"] in held]
    if not rows:
        raise SystemExit(f"{cache / condition}.npz holds none of these clips: run detectors.train.attribution_sound")
    family = read_families()
    human = np.array([row["label"] == "human" for row in rows])
    return Clips(
        id=np.array([row["id"] for row in rows]),
        values=np.stack([held[row["id"]] for row in rows]).astype(np.float32),
        generator=np.array([row["generator"] for row in rows]),
        page=np.array([row["source"] for row in rows]),
        licence=np.array([row["licence"] or "unclear" for row in rows]),
        family=np.array([family.get(row["generator"].split("@")[0], "") for row in rows]),
        human=human,
        usable=np.array([row["part"] != "extra" for row in rows]),
    )


def sources_of(clips: Clips) -> tuple[Source, ...]:
    """Everything that may be learnt from, by page or collection."""
    used = clips.at(clips.usable)
    pairs = sorted(set(zip(used.page.tolist(), used.licence.tolist(), strict=True)))
    at = [(page, licence, (used.page == page) & (used.licence == licence)) for page, licence in pairs]
    return tuple(
        Source(name=page, licence=licence, human=int(used.human[of].sum()), machine=int((~used.human[of]).sum()))
        for page, licence, of in at
    )


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
    blocks = (3 * load_network(WEIGHTS / "speech.safetensors").config.channels, 3 * SpectralConfig().channels)
    changed = {}
    if (arguments.cache / "channel.npz").exists():
        through = read_clips(arguments.clips, arguments.cache, "channel")
        channel = np.array([channel_of(one) for one in through.id])
        changed = {str(name): through.at(channel == name) for name in np.unique(channel)}
    if (arguments.cache / "original.npz").exists():
        changed["original"] = read_clips(arguments.clips, arguments.cache, "original")
    left, few, elsewhere = judge(clips, blocks, arguments.seed, changed)
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
        training=sources_of(clips), calibration=calibration, open_set=open_set, domain=DOMAIN, families=families,
        limits=LIMITS,
    )  # fmt: skip
    write_card(card, arguments.out / "attribution_card.yaml")
    found = figures_of(left, few, arguments.seed)
    arguments.figures.write_text(page_of(clips, left, few, elsewhere, found, card, arguments.seed), "utf-8")
    for name, one in found.items():
        print(f"{name}: {one} n {one.n}")
    print(open_set, calibration)


if __name__ == "__main__":
    main()
