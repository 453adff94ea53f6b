"""Full-size models against the reference's goldens; only where the parity kit lies beside the repository."""

import json

import pytest
import torch
from sovits_goldens import KIT, difference, fresh_model, golden

from synth.sovits_flow import FlowVersion
from tests.parity import rest

pytestmark = pytest.mark.skipif(not KIT.exists(), reason="full-size goldens are not part of the repository")


@pytest.mark.parametrize("tag", ["sovits-v1-full", "sovits-v2-full", "sovits-v2pro-full"])
def test_sound_of_full_size_models_is_the_references(tag: str) -> None:
    sovits, cases = fresh_model(tag), golden(tag)["cases"]
    keys = json.loads((KIT.parent / "design" / "gpt-sovits" / f"keys-{tag.split('-')[1]}.json").read_text())["s2"]
    assert {name: list(value.shape) for name, value in sovits.state_dict().items()} == {
        n: k[0] for n, k in keys.items()
    }
    assert torch.equal(sovits.codes(cases["extract_latent"]["ssl"]), cases["extract_latent"]["codes"])
    case = cases["decode_multi_ref"]
    speakers = [cases["ge_pro"]["sv_emb"], case["sv2"]] if "ge_pro" in cases else None
    wave = sovits.for_inference().decode(case["codes"], case["text"], case["refer"], speakers, noise_scale=0.0)
    assert difference(wave, case["wav"]) < 1e-4


def test_mels_of_v3_and_v4_are_the_references() -> None:
    """One model for both: they have the same tensors, and 1.5 GB of them."""
    model = rest.flow_model(whole=True)
    versions: tuple[FlowVersion, ...] = ("v3", "v4")
    figures = {name: error for version in versions for name, error in rest.flow_of(model, version, whole=True)}
    assert len(figures) == 8
    assert {name: error for name, error in figures.items() if error > 1e-4} == {}


def test_a_training_step_of_v2pro_is_the_references() -> None:
    """Reduced in size, but with a speaker embedding; that of v2 is in test_sovits.py."""
    figures = dict(rest.training("sovits-v2pro-reduced"))
    gradients = [figures.pop(name) for name in list(figures) if "gradients" in name]
    assert max(figures.values()) < 1e-4
    assert max(gradients) < 1e-2
