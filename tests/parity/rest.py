"""The goldens that the parity tool does not run: training, discriminators, speaker verification, v3 and v4.

    python -m tests.parity.rest [TAG ...]     from the project's root

prints the largest difference of each output from the reference's, as a share of the largest value. The tests assert
these figures; each function yields them one by one, with what they are of.
"""

import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import torch

from synth import mel
from synth.discriminators import Discriminators
from synth.flow_matching import TransformerConfig
from synth.losses import adversarial_loss, discriminator_loss, feature_loss
from synth.sovits_flow import FlowSovits, FlowSovitsConfig, FlowVersion, Spoken
from synth.speaker_verification import ERes2NetV2, filter_bank
from tests.synth.sovits_goldens import difference, fill, fresh_model, golden

Figures = Iterator[tuple[str, float]]


@torch.no_grad()
def discriminators() -> Figures:
    """The five periods and the samples themselves, and the three losses."""
    stored, judges = golden("disc-v2"), Discriminators.of("v2")
    fill(judges)
    recorded, synthesised = judges.compare(stored["y"], stored["y_hat"])
    for sound, judgements, scores in (("y", recorded, stored["scores_r"]), ("y_hat", synthesised, stored["scores_g"])):
        for i, (judgement, score) in enumerate(zip(judgements, scores, strict=True)):
            yield f"discriminator {i} score of {sound}", difference(judgement.score, score)
    for i, (judgement, shapes) in enumerate(zip(recorded, stored["fmap_shapes"], strict=True)):
        assert [list(features.shape) for features in judgement.features] == shapes
        means = torch.stack([features.mean() for features in judgement.features])
        yield f"discriminator {i} means of the feature maps", difference(means, torch.tensor(stored["fmap_means"][i]))
    yield "loss of the discriminators", difference(discriminator_loss(recorded, synthesised), stored["loss_d"])
    yield "adversarial loss", difference(adversarial_loss(synthesised), stored["loss_g"])
    yield "feature loss", difference(feature_loss(recorded, synthesised), stored["loss_fm"])


@torch.no_grad()
def speaker() -> Figures:
    """ERes2NetV2 and its filter bank."""
    stored, network = golden("sv"), ERes2NetV2().eval()
    yield "filter bank", difference(filter_bank(stored["wav16k"][None])[0], stored["fbank80"])
    fill(network)
    yield "embedding of 20480", difference(network(stored["feat"]), stored["emb"])
    yield "embedding of 192", difference(network.verification(stored["feat"]), stored["emb192"])


def mels() -> Figures:
    stored = golden("mel")
    for name, config in (("mel_v3", mel.V3), ("mel_v4", mel.V4)):
        yield name, difference(mel.mel_spectrogram(stored["wav"][:, : config.rate], config), stored[name])


def flow_model(*, whole: bool) -> FlowSovits:
    """v3 or v4, which have the same tensors and so the same seeded weights; with `whole`, the transformer's, too."""
    small = TransformerConfig(width=64, layers=0, heads=1, feature_blocks=0)
    config = FlowSovitsConfig() if whole else replace(FlowSovitsConfig(), transformer=small)
    with torch.device("meta"):
        model = FlowSovits(config)
    model.to_empty(device="cpu")
    model.cfm.estimator.rotary_embed.inv_freq.copy_(10000.0 ** -(torch.arange(0, 64, 2) / 64))
    fill(model)
    return model.eval()


@torch.no_grad()
def flow_of(model: FlowSovits, version: FlowVersion, *, whole: bool) -> Figures:
    """Voice and features of v3 or v4, and with `whole` a sample of the transformer."""
    stored = golden(f"sovits-{version}-full")
    model.config = replace(model.config, version=version)
    voice, spoken = model.style(stored["refer"]), Spoken(stored["codes"], stored["text"])
    yield f"{version} voice", difference(voice, stored["ge"])
    for name, speed in (("fea", 1.0), ("fea_speed1_25", 1.25)):
        if name in stored:
            yield f"{version} {name}", difference(model.features(spoken, voice, speed=speed), stored[name])
    if whole:
        prompt, steps, start = stored["mel_prompt"], stored["steps"], stored["x0"]
        sampled = model.cfm.sample(stored["fea"], prompt, steps, start=start)
        yield f"{version} mel after {steps} steps", difference(sampled, stored["mel_out"])


def training(tag: str) -> Figures:
    """`Sovits.train_forward` with the reference's draws, and the gradients of the reference's toy loss."""
    case, sovits = golden(tag)["cases"]["train_forward"], fresh_model(tag)
    noise, places = case["draws"]
    batch = [case[name] for name in ("ssl", "spec", "spec_lens", "text", "text_lens")]
    out = sovits.train_forward(*batch, case.get("sv"), noise=noise, places=places)
    assert out.starts.tolist() == case["ids_slice"].tolist()
    assert float(out.commitment) == 0
    for name, got in (
        ("wav", out.wave),
        ("z", out.z),
        ("z_p", out.z_p),
        ("m_p", out.m_p),
        ("logs_p", out.logs_p),
        ("m_q", out.m_q),
        ("logs_q", out.logs_q),
        ("kl", out.kl()),
    ):
        if name in case:
            yield f"{tag} training {name}", difference(got, case[name])
    (out.kl() + 10 * out.wave.square().mean()).backward()  # the loss that the stored gradients are of
    gradients = {name: p.grad for name, p in sovits.named_parameters()}
    assert [name for name, g in gradients.items() if g is None] == case["params_without_grad"]
    norms = {name: float(g.norm()) for name, g in gradients.items() if g is not None}
    assert norms.keys() == case["grad_norms"].keys()
    large = [name for name, norm in case["grad_norms"].items() if norm > 0.01]  # keys' biases have none but rounding
    got, want = (torch.tensor([of[name] for name in large]) for of in (norms, case["grad_norms"]))
    yield f"{tag} training, norms of {len(large)} gradients, each by its own", float(((got - want) / want).abs().max())


def figures(tags: list[str]) -> Figures:
    """All of them, or those of some tags; one full-size model at a time."""
    sources = {"disc-v2": discriminators, "sv": speaker, "mel": mels}
    for tag, source in sources.items():
        if not tags or tag in tags:
            yield from source()
    for tag in ("sovits-v2-reduced", "sovits-v2pro-reduced", "sovits-v2-full"):
        if not tags or tag in tags:
            yield from training(tag)
    versions: list[FlowVersion] = [v for v in ("v3", "v4") if not tags or f"sovits-{v}-full" in tags]
    if versions:
        model = flow_model(whole=True)
        for version in versions:
            yield from flow_of(model, version, whole=True)


def main() -> None:
    begun = time.process_time()
    for name, error in figures(sys.argv[1:]):
        print(f"{error:.1e}  {name}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{time.process_time() - begun:.0f} s of processor time, {peak:.1f} GB at most")


__all__ = ["discriminators", "figures", "flow_model", "flow_of", "mels", "speaker", "training"]

if __name__ == "__main__":
    main()
