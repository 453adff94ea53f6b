"""The ablation: crops train, neutral clips are judged, what a variant leaves out does not train."""

import numpy as np

from detectors.metrics import auc
from detectors.train.ablation import Material, Variant, of_collection, scores_of, variants, without_kind
from detectors.train.left_out import OWN, is_machine


def clip(source: str, label: str, kind: str = "tts") -> dict[str, str]:
    generator = f"engine of {source}" if label == "machine" else "human"
    return {
        "source": source, "label": label, "kind": kind if label == "machine" else "human", "generator": generator,
        "speaker": f"page:{source}",
    }  # fmt: skip


def material(told: float) -> Material:
    """Ten pages and clips of our own; channels of stem and layer 1 tell the classes by so much in the crops alone."""
    rng = np.random.default_rng(1)
    clips = [clip(f"page{p}", label) for p in range(10) for label in ("human", "machine") for _ in range(10)]
    clips += [clip(OWN, "machine")] * 20
    machine = is_machine(clips)

    def features(by: float) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
        x = rng.standard_normal((len(clips), 3 * 4 * 2))
        return {"whisper": x + by * machine[:, None], "spectral": x[:, :4]}

    return Material(clips, features(1.0), clips, features(told))


def test_what_crops_teach_is_found_in_neutral_clips() -> None:
    of = material(told=1.0)
    machine = is_machine(of.clips)[:200]
    scores, fold, trained = scores_of(Variant("crops"), of, 5, 1)
    assert auc(scores[:200][machine], scores[:200][~machine]) > 0.95
    assert np.isnan(scores[200:]).all()
    assert set(fold[:200]) == set(range(5))
    assert trained == 160 + 20
    assert scores_of(Variant("less", keep=lambda c: c["source"] != OWN), of, 5, 1)[2] == 160


def test_crops_that_teach_the_wrong_way_do_so_unless_neutral_clips_train() -> None:
    of = material(told=-1.0)
    machine = is_machine(of.clips)[:200]
    crops, neutral = (scores_of(Variant("", augmented=a), of, 5, 1)[0][:200] for a in (True, False))
    assert auc(crops[machine], crops[~machine]) < 0.1
    assert auc(neutral[machine], neutral[~machine]) > 0.95


def test_what_is_left_out() -> None:
    assert of_collection(clip("rhasspy_kerstin", "human"))
    assert not of_collection(clip("freevc", "human"))
    assert not of_collection(clip("rhasspy_kerstin", "machine"))
    keep = without_kind("vc")
    assert not keep(clip("freevc", "machine", "vc"))
    assert keep(clip("freevc", "human"))
    assert keep(clip(OWN, "machine", "vc"))
    names = [v.name for v in variants(["vc", "tts"])]
    assert len(names) == len(set(names)) == 11
    assert variants([])[0].augmented
