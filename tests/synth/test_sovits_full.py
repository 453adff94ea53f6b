"""Larger goldens of SoVITS, only where the parity kit lies beside the repository.

One full-size model; the tool runs the others, which differ in sizes: python ../shared/parity/compare.py
tests.parity.adapter
"""

import json

import pytest
import torch
from sovits_goldens import KIT, difference, fresh_model, golden

from tests.parity import rest

pytestmark = pytest.mark.skipif(not KIT.exists(), reason="full-size goldens are not part of the repository")
TAG = "sovits-v2pro-full"


def test_sound_of_the_full_size_model_is_the_references_without_weight_norm() -> None:
    sovits, cases = fresh_model(TAG), golden(TAG)["cases"]
    keys = json.loads((KIT.parent / "design" / "gpt-sovits" / "keys-v2pro.json").read_text())["s2"]
    assert {name: list(value.shape) for name, value in sovits.state_dict().items()} == {
        n: k[0] for n, k in keys.items()
    }
    assert torch.equal(sovits.codes(cases["extract_latent"]["ssl"]), cases["extract_latent"]["codes"])
    case = cases["decode_multi_ref"]
    speakers = [cases["ge_pro"]["sv_emb"], case["sv2"]]
    wave = sovits.for_inference().decode(case["codes"], case["text"], case["refer"], speakers, noise_scale=0.0)
    assert difference(wave, case["wav"]) < 1e-4


def test_a_training_step_of_v2pro_is_the_references() -> None:
    """Reduced in size, but with a speaker embedding; that of v2 is in test_sovits.py."""
    figures = dict(rest.training("sovits-v2pro-reduced"))
    gradients = [figures.pop(name) for name in list(figures) if "gradients" in name]
    assert len(gradients) == 1
    assert max(figures.values()) < 1e-4
    assert max(gradients) < 1e-2
