"""The voiceprint's vector that the lite voice is told: where it joins, what it needs, and who may give it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from synth.audio import read  # noqa: E402
from synth.checkpoint import layouts  # noqa: E402
from synth.errors import VoxproofError  # noqa: E402
from synth.reference import Reference  # noqa: E402
from synth.sovits import Sovits, SovitsConfig  # noqa: E402
from synth.voiceprint import embed_voice, voice_network, voice_vector  # noqa: E402
from synth.voiceprint_card import voiceprint_card  # noqa: E402
from synth.voiceprint_network import UNITS  # noqa: E402
from synth.voicing import voiceprinted  # noqa: E402

ROOT = Path(__file__).parents[2]
OURS = voiceprint_card().sha256[:8]
SMALL = replace(
    SovitsConfig.lite(OURS), inter_channels=8, hidden_channels=8, filter_channels=16, n_layers=2, gin_channels=16,
    ssl_width=12, mrte_width=16, decoder_width=16, decoder_blocks=3, posterior_layers=2, flow_layers=1,
)  # fmt: skip


def reference(name: str = "human.wav") -> Reference:
    recording = read(ROOT / "examples" / name)
    return Reference(torch.from_numpy(np.ascontiguousarray(recording.mono[: 5 * recording.rate])), recording.rate)


def test_it_joins_the_style_and_nothing_at_first() -> None:
    torch.manual_seed(0)
    sovits = Sovits(SMALL)
    style, voice = torch.randn(2, 16, 1), torch.randn(2, UNITS)
    assert torch.equal(sovits.with_speaker(style, voice), style)  # a model that goes on says what it said
    torch.nn.init.normal_(sovits.voice_emb.weight)
    added = sovits.with_speaker(style, voice) - style
    torch.testing.assert_close(added[..., 0], voice @ sovits.voice_emb.weight.T, atol=1e-5, rtol=1e-5)


def test_it_is_asked_for_where_the_model_has_it_and_nowhere_else() -> None:
    style, voice = torch.randn(1, 16, 1), torch.randn(1, UNITS)
    with pytest.raises(VoxproofError, match="needs a speaker embedding"):
        Sovits(SMALL).with_speaker(style, None)
    plain = replace(SMALL, voiceprint="")
    with pytest.raises(VoxproofError, match="has no speaker embedding"):
        Sovits(plain).with_speaker(style, voice)
    assert (SMALL.speaker_width, plain.speaker_width, SovitsConfig.of("v2Pro").speaker_width) == (256, 0, 20480)


def test_two_voices_give_two_vectors_and_silence_none() -> None:
    human = read(ROOT / "examples" / "human.wav")
    half = len(human.mono) // 2
    first, second = (voice_vector(part, human.rate) for part in (human.mono[:half], human.mono[half:]))
    machine = read(ROOT / "examples" / "machine.wav")
    other = voice_vector(machine.mono, machine.rate)
    assert first.shape == (UNITS,)
    assert np.linalg.norm(first - second) < 0.75 * np.linalg.norm(first - other)
    assert not voice_vector(np.zeros(16_000, np.float32), 16_000).any()


def test_it_is_the_voiceprint_before_its_map() -> None:
    machine = read(ROOT / "examples" / "machine.wav")
    network, vector = voice_network(), voice_vector(machine.mono, machine.rate)
    back = network.embedding(vector / 4 + network._mean)
    assert float(back @ embed_voice(machine.mono, machine.rate)) > 0.999


def test_another_voiceprint_network_is_refused() -> None:
    assert voiceprinted(reference(), OURS).shape == (1, UNITS)
    with pytest.raises(VoxproofError, match="another voiceprint network"):
        voiceprinted(reference(), "00000000")


@pytest.mark.parametrize("value", ["xyz", 7, "ab" * 40, ["ab"]])
def test_a_configuration_with_no_such_network_is_refused(value: object) -> None:
    config = {"model": {**SMALL.to_mapping(), "voiceprint": value}}
    with pytest.raises(VoxproofError, match="voiceprint"):
        layouts.sovits_config(config, "v2")
    assert layouts.sovits_config({"model": SMALL.to_mapping()}, "v2").voiceprint == OURS
    assert "voice_emb.weight" in layouts.sovits_shapes(SMALL)
