"""The cloner: what it says, what it records, and what changing its insides does. All models are tiny and random."""

import ast
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the cloner is not tested: torch (extra `train`) is not installed")

from checkpoint_files import gpt_checkpoint, sovits_checkpoint  # noqa: E402
from clone_models import QUICK, Letters, cloner, flow_models, models, quick, voice  # noqa: E402
from torch import Tensor  # noqa: E402

from synth import clone as clone_module  # noqa: E402
from synth import mel  # noqa: E402
from synth.bert import BertFeatures  # noqa: E402
from synth.checkpoint import write_checkpoint  # noqa: E402
from synth.clone import Clone, Cloner, Settings, entropy_bits  # noqa: E402
from synth.errors import VoxproofError  # noqa: E402
from synth.gpt import Utterance as Prompted  # noqa: E402
from synth.interventions import Interventions  # noqa: E402
from synth.sampling import Sampling  # noqa: E402
from synth.text.pipeline import TextPipeline  # noqa: E402
from synth.text.symbols import table_of  # noqa: E402
from synth.trace import Watch  # noqa: E402

TEXT = "hello there. good day"


def say(text: str = TEXT, **changes: Any) -> Clone:
    return cloner()._render(text, voice(), settings=quick(**changes))


@pytest.fixture(scope="module")
def watched() -> Clone:
    return say(watch=Watch(attention={0: None, 1: (1,)}, cross_attention=True))


def content_encoder() -> Any:
    pytest.importorskip("transformers", reason="HuBERT is not tested: transformers (extra `clone`) is not installed")
    from clone_models import content

    return content()


# What is said


def test_sound_is_a_tensor_of_pieces_and_pauses() -> None:
    said = say()
    assert said.rate == 32_000
    assert said.samples.dtype == torch.float32
    assert said.samples.dim() == 1
    assert len(said.codes) == 2
    assert said.capped
    assert len(said.samples) == sum(1280 * len(codes) + 320 for codes in said.codes)
    assert float(said.samples.abs().max()) <= 1
    assert float(said.samples.abs().max()) > 0
    assert not said.samples[-320:].any()
    assert said.trace is None


def test_the_sound_is_what_the_models_give_step_by_step() -> None:
    said = say("hello there")
    ids = torch.tensor(Letters().read("hello there").ids)
    spoken = models().gpt.generate([Prompted(ids)], QUICK.sampling, [0])[0].tokens
    assert torch.equal(said.codes[0], spoken)
    spectrum = mel.spectrogram(voice().for_voice()[None])
    noise = torch.empty(16, 8).normal_(generator=torch.Generator().manual_seed(0))[: 2 * len(spoken)].t()[None]
    wave = models().sovits.decode(spoken[None, None], ids[None], [spectrum], noise=noise)[0, 0]
    wave = wave / max(1.0, float(wave.abs().max()))
    assert torch.allclose(said.samples[:-320], wave, atol=1e-6)


def test_the_same_seed_says_the_same_and_another_seed_does_not() -> None:
    first, again, other = say(seed=3), say(seed=3), say(seed=4)
    assert torch.equal(first.samples, again.samples)
    assert not all(torch.equal(a, b) for a, b in zip(first.codes, other.codes, strict=True))


def test_speed_changes_the_length_and_noise_the_sound() -> None:
    slow = cloner()._render(TEXT, voice(), settings=quick(speed=0.8))
    assert len(slow.samples) == sum(640 * (int(2 * len(codes) / 0.8) + 1) + 320 for codes in slow.codes)
    still = cloner()._render(TEXT, voice(), settings=quick(noise_scale=0.0))
    assert not torch.equal(still.samples, say().samples)
    for wrong in ({"speed": 0.0}, {"noise_scale": -1.0}, {"pause_seconds": math.nan}):
        with pytest.raises(VoxproofError, match="are not possible"):
            Settings(**wrong)


def test_several_references_give_their_mean_voice() -> None:
    trace = cloner()._render("a", [voice(1), voice(2)], settings=quick(watch=Watch())).trace
    singles = [cloner()._render("a", voice(i), settings=quick(watch=Watch())).trace for i in (1, 2)]
    assert trace is not None
    assert torch.allclose(trace.voice, torch.stack([s.voice for s in singles if s]).mean(0), atol=1e-6)


def test_a_reference_with_its_text_becomes_the_prompt() -> None:
    able = cloner(content=content_encoder())
    said = able._render("good day", voice(), "hello", settings=quick(language="en", watch=Watch(attention={0: (0,)})))
    assert said.trace is not None
    piece = said.trace.pieces[0]
    frames = said.trace.content
    assert frames is not None
    assert frames.shape == (768, 186)  # 50 000 samples and 9 600 zeros
    assert torch.equal(said.trace.prompt_codes, models().sovits.codes(frames[None])[0, 0])
    assert said.trace.prompt_phones == (*"hello", ".")
    assert piece.phones == tuple("goodday")
    assert (piece.text_length, piece.prompt_length) == (13, 93)
    assert piece.attention[0].shape == (1, 13 + 93 + len(said.codes[0]), 13 + 93 + len(said.codes[0]))
    alone = able._render("good day", voice(), settings=quick(watch=Watch()))
    assert alone.trace is not None
    assert alone.trace.content is None
    assert len(alone.trace.prompt_codes) == 0
    assert torch.equal(alone.trace.voice, said.trace.voice)
    assert not torch.equal(alone.codes[0], said.codes[0])


def test_a_model_that_does_not_go_on_takes_the_voice_alone() -> None:
    able = cloner(content=content_encoder(), models=replace(models(), goes_on=False))
    said = able._render("good day", voice(), "hello", settings=quick(watch=Watch()))
    alone = cloner()._render("good day", voice(), settings=quick(watch=Watch()))
    assert said.trace is not None
    assert len(said.trace.prompt_codes) == 0
    assert torch.equal(said.codes[0], alone.codes[0])
    assert torch.equal(said.samples, alone.samples)


def test_mandarin_gets_bert_features_and_other_languages_zeros() -> None:
    class Rows(BertFeatures):
        def __init__(self) -> None: ...

        def features(self, text: str, word2ph: Any) -> Tensor:
            return torch.ones(sum(word2ph), 16) * len(text)

    said = cloner(bert=Rows())._render("ab HIJ c", voice(), settings=quick(watch=Watch()))
    assert said.trace is not None
    assert said.trace.pieces[0].bert.sum(1).tolist() == [0, 0, 48, 48, 48, 48, 48, 48, 0]
    with pytest.raises(VoxproofError, match=r"Mandarin needs BERT features\. Load the cloner with bert="):
        say("HI")


def test_pro_versions_hear_the_voice_twice() -> None:
    said = cloner(models=models("v2Pro"))._render("a", voice(), settings=quick(watch=Watch()))
    assert said.trace is not None
    assert said.trace.voice.shape == (16,)
    with pytest.raises(VoxproofError, match="needs the speaker-verification network"):
        cloner(models=replace(models("v2Pro"), speaker=None))._render("a", voice(), settings=QUICK)


def test_models_trained_with_other_text_front_ends_are_refused() -> None:
    same = cloner(models=replace(models(), text_pipeline="ab" * 32))
    assert len(same._render("a", voice(), settings=QUICK).samples)
    with pytest.raises(VoxproofError, match="other front ends"):
        cloner(models=replace(models(), text_pipeline="cd" * 32))._render("a", voice(), settings=QUICK)


def test_what_cannot_be_said_is_a_clear_error() -> None:
    with pytest.raises(VoxproofError, match="the text has nothing that can be spoken"):
        say(" . ")
    with pytest.raises(VoxproofError, match="there is no reference"):
        cloner()._render("a", [], settings=QUICK)
    with pytest.raises(VoxproofError, match="a reference with its text needs HuBERT"):
        cloner()._render("a", voice(), "hello", settings=QUICK)


def test_the_text_side_is_the_pipeline_of_the_models_version() -> None:
    said = Cloner(models())._render("Good day to you.", voice(), settings=quick(language="en", watch=Watch()))
    assert said.trace is not None
    assert said.trace.text_pipeline == TextPipeline("en", "v2").hash
    assert said.trace.pieces[0].phones[:3] == ("G", "UH1", "D")
    assert said.trace.pieces[0].ids.tolist() == list(table_of("v2").ids(said.trace.pieces[0].phones))


def test_a_cloner_is_loaded_from_folders(tmp_path: Path) -> None:
    write_checkpoint(gpt_checkpoint(), tmp_path / "g.ckpt")
    write_checkpoint(sovits_checkpoint(), tmp_path / "s.pth")
    hubert = tmp_path / "hubert"
    content_encoder().model.save_pretrained(hubert)
    able = Cloner.load(tmp_path, hubert=hubert)
    said = able._render("Good day.", voice(), settings=quick(language="en"))
    assert 5 <= len(said.codes[0]) <= 8
    assert able.content is not None
    assert able.content.features(torch.zeros(48_000)).shape == (1, 768, 179)
    small = Cloner.load(tmp_path, hubert=hubert, eight_bits=True)
    assert {weight.dtype for name, weight in small.models.gpt.h.named_buffers() if "weight" in name} == {torch.int8}
    assert 5 <= len(small._render("Good day.", voice(), settings=quick(language="en")).codes[0]) <= 8


# What is recorded


def test_watching_changes_nothing(watched: Clone) -> None:
    assert torch.allclose(watched.samples, say().samples, atol=1e-5)
    assert all(torch.equal(a, b) for a, b in zip(watched.codes, say().codes, strict=True))
    gpt, sovits = models().gpt, models().sovits
    for module in (*gpt.modules(), *sovits.modules()):
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


def test_a_trace_tells_text_tokens_and_where_they_sound(watched: Clone) -> None:
    assert watched.trace is not None
    first, second = watched.trace.pieces
    assert (first.text, first.normalised, first.phones) == ("hello there", "hellothere", tuple("hellothere"))
    assert second.text == " good day"
    assert torch.equal(first.codes, watched.codes[0])
    assert first.samples == (0, 1280 * len(first.codes))
    assert second.samples[0] == first.samples[1] + 320
    assert watched.trace.text_pipeline == Letters.hash
    assert watched.trace.models == {"gpt": "g", "sovits": "s"}


def test_scores_are_those_that_the_tokens_were_drawn_from(watched: Clone) -> None:
    assert watched.trace is not None
    for piece in watched.trace.pieces:
        ids, codes = piece.ids[None], piece.codes[None]
        lens = (torch.tensor([ids.shape[1]]), torch.tensor([codes.shape[1]]))
        with torch.no_grad():
            forced = models().gpt(ids, lens[0], codes, lens[1])[0]
        assert piece.logits is not None
        assert piece.entropies is not None
        assert torch.allclose(piece.logits, forced[: len(piece.logits)], atol=1e-4)
        p = piece.logits.double().softmax(-1)
        assert torch.allclose(piece.entropies.double(), -(p * p.log2()).sum(-1), atol=1e-4)


def test_entropy_is_in_bits() -> None:
    logits = torch.stack([torch.zeros(8), torch.tensor([0.0] + [-math.inf] * 7)])
    assert entropy_bits(logits).tolist() == pytest.approx([3.0, 0.0], abs=1e-6)


def test_attention_is_what_the_layers_compute(watched: Clone) -> None:
    assert watched.trace is not None
    piece = watched.trace.pieces[0]
    text, whole = len(piece.ids), len(piece.ids) + len(piece.codes)
    assert {layer: tuple(m.shape) for layer, m in piece.attention.items()} == {
        0: (2, whole, whole),
        1: (1, whole, whole),
    }
    assert piece.heads == {0: (0, 1), 1: (1,)}
    drawn = whole - 1  # the last code of a piece that was cut off was never looked from
    assert piece.capped
    assert torch.allclose(piece.attention[0][:, :drawn].sum(-1), torch.ones(2, drawn), atol=1e-5)
    assert not piece.attention[0][:, :text, text:].any()
    assert not piece.attention[0][:, text:].triu(text + 1).any()
    gpt = models().gpt
    layer = gpt.get_submodule("h.layers.0.self_attn")
    with torch.no_grad():
        x = torch.cat([gpt._text(piece.ids[None], None), gpt._audio(piece.codes[None])], 1)
        q, k, _ = (x @ layer.in_proj_weight.T + layer.in_proj_bias).view(1, whole, 3, 2, 8).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) / math.sqrt(8)
        rows, columns = torch.arange(whole)[:, None], torch.arange(whole)
        seen = (columns < text) | ((rows >= text) & (columns <= rows))
        want = scores.masked_fill(~seen, -math.inf).softmax(-1)[0]
    assert torch.allclose(piece.attention[0][:, :drawn], want[:, :drawn], atol=1e-5)


def test_latents_are_those_before_and_after_every_coupling(watched: Clone) -> None:
    assert watched.trace is not None
    piece = watched.trace.pieces[0]
    frames = 2 * len(piece.codes)
    assert sorted(piece.couplings) == [0, 1, 2, 3]
    assert piece.prior_latent is not None
    assert piece.latent is not None
    assert piece.latent.shape == piece.prior_latent.shape == (8, frames)
    assert torch.equal(piece.couplings[3][0], piece.prior_latent.flip(0))
    for i in (3, 2, 1):
        assert torch.equal(piece.couplings[i - 1][0], piece.couplings[i][1].flip(0))
        assert torch.equal(piece.couplings[i][0][:4], piece.couplings[i][1][:4])
        assert not torch.equal(piece.couplings[i][0][4:], piece.couplings[i][1][4:])
    assert torch.equal(piece.couplings[0][1], piece.latent)


def test_frames_are_aligned_with_phones(watched: Clone) -> None:
    assert watched.trace is not None
    for piece in watched.trace.pieces:
        assert piece.cross_attention is not None
        assert piece.cross_attention.shape == (4, 2 * len(piece.codes), len(piece.ids))
        assert torch.allclose(piece.cross_attention.sum(-1), torch.ones(4, 2 * len(piece.codes)), atol=1e-5)


def test_what_is_recorded_can_be_computed_with(watched: Clone) -> None:
    assert watched.trace is not None
    weight = torch.ones(1, requires_grad=True)
    piece = watched.trace.pieces[0]
    assert piece.logits is not None
    (piece.logits * weight).sum().backward()
    assert weight.grad is not None


def test_little_is_recorded_where_little_is_asked_for() -> None:
    said = say(watch=Watch(logits=False, latents=False))
    assert said.trace is not None
    piece = said.trace.pieces[0]
    assert piece.logits is piece.entropies is piece.latent is piece.cross_attention is None
    assert not piece.attention
    assert not piece.couplings
    assert torch.equal(said.samples, say().samples)
    with pytest.raises(VoxproofError, match=r"there are no heads \[2\] in a layer 0"):
        say(watch=Watch(attention={0: (2,)}))


# What is changed


def test_heads_are_ablated_and_scaled() -> None:
    unchanged = say(interventions=Interventions(heads={(0, 0): 1.0}))
    assert torch.equal(unchanged.samples, say().samples)
    changes = Interventions(heads={(0, 0): 0.0, (1, 1): 0.5})
    watch = Watch(latents=False)
    plain, changed = say(watch=watch), say(watch=watch, interventions=changes)
    assert plain.trace is not None
    assert changed.trace is not None
    a, b = plain.trace.pieces[0].logits, changed.trace.pieces[0].logits
    assert a is not None
    assert b is not None
    assert float((a[0] - b[0]).abs().max()) > 1e-3
    same = Settings(sampling=replace(QUICK.sampling, most=5), pause_seconds=0)
    gone = Interventions(heads={(layer, head): 0.0 for layer in (0, 1) for head in (0, 1)})
    codes = cloner()._render("a", voice(), settings=replace(same, interventions=gone)).codes[0]
    gpt = models().gpt
    kept = [gpt.get_submodule(f"h.layers.{i}.self_attn.out_proj").weight for i in (0, 1)]
    saved = [weight.detach().clone() for weight in kept]
    try:
        for weight in kept:
            weight.data.zero_()
        assert torch.equal(cloner()._render("a", voice(), settings=same).codes[0], codes)
    finally:
        for weight, value in zip(kept, saved, strict=True):
            weight.data.copy_(value)
    with pytest.raises(VoxproofError, match="there is no head 2 in a layer 0"):
        say(interventions=Interventions(heads={(0, 2): 0.0}))


def test_codes_are_replaced() -> None:
    said = say(interventions=Interventions(codes=lambda codes, piece: torch.full((3 + piece,), 7)))
    assert [codes.tolist() for codes in said.codes] == [[7] * 3, [7] * 4]
    assert len(said.samples) == 7 * 1280 + 2 * 320
    for wrong in (torch.zeros(3), torch.zeros(0, dtype=torch.long), torch.zeros(1, 2, dtype=torch.long), None):
        with pytest.raises(VoxproofError, match="the intervention on codes gave no codes"):
            say(interventions=Interventions(codes=lambda codes, piece, wrong=wrong: wrong))
    with pytest.raises(VoxproofError, match="a code is outside 0 to 1023"):
        say(interventions=Interventions(codes=lambda codes, piece: codes + 1024))


def test_voice_and_latents_are_edited_where_they_stand() -> None:
    def up(value: Tensor, piece: int) -> Tensor:
        return value + 1 if piece == 0 else value

    plain = say(watch=Watch())
    assert plain.trace is not None
    for place in ("voice", "prior_latent", "latent"):
        changed = say(watch=Watch(), interventions=Interventions(**{place: up}))
        assert changed.trace is not None
        before, after = plain.trace.pieces[0], changed.trace.pieces[0]
        assert torch.allclose(getattr(after, place), getattr(before, place) + 1)
        end = before.samples[1]
        assert not torch.equal(changed.samples[:end], plain.samples[:end])
        assert torch.equal(changed.samples[end:], plain.samples[end:])
        assert torch.equal(changed.trace.voice, plain.trace.voice)


def test_couplings_are_edited_and_the_edit_goes_on() -> None:
    edits = Interventions(couplings={2: lambda value, piece: torch.zeros_like(value)})
    said = say(watch=Watch(), interventions=edits)
    assert said.trace is not None
    piece = said.trace.pieces[0]
    assert not piece.couplings[2][1].any()
    assert not piece.couplings[1][0].any()
    with pytest.raises(VoxproofError, match=r"there is no coupling layer 4\. There are 4, from 0"):
        say(interventions=Interventions(couplings={4: lambda value, piece: value}))


@pytest.mark.parametrize("place", ["voice", "prior_latent", "latent"])
def test_an_edit_keeps_the_shape(place: str) -> None:
    for wrong in (lambda value, piece: value[..., :0], lambda value, piece: None):
        with pytest.raises(VoxproofError, match=r"the intervention on .* gave .* Return a tensor of the same shape"):
            say(interventions=Interventions(**{place: wrong}))


# v3 and v4


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_flow_matching_goes_on_from_the_reference(version: Any) -> None:
    able = cloner(models=flow_models(version), content=content_encoder())
    watch = Watch(logits=False, cross_attention=True)
    said = able._render("good day", voice(), "hello", settings=quick(steps=2, watch=watch))
    rate, frames, hop = {"v3": (24_000, 3.75, 256), "v4": (48_000, 4, 480)}[version]
    assert said.rate == rate
    assert said.trace is not None
    piece = said.trace.pieces[0]
    assert piece.mel is not None
    assert piece.mel.shape == (100, int(frames * len(piece.codes)))
    assert piece.samples == (0, hop * piece.mel.shape[1])
    assert len(said.samples) == piece.samples[1] + rate // 100
    assert piece.cross_attention is not None
    assert piece.cross_attention.shape == (4, 2 * len(piece.codes), 7)
    assert piece.latent is None
    again = able._render("good day", voice(), "hello", settings=quick(steps=2))
    assert torch.equal(again.samples, said.samples)


def test_flow_matching_is_changed_in_voice_and_mel() -> None:
    able = cloner(models=flow_models("v4"), content=content_encoder())

    def speak(**changes: Any) -> Clone:
        settings = quick(steps=1, watch=Watch(logits=False), interventions=Interventions(**changes))
        return able._render("good", voice(), "hello", settings=settings)

    plain = speak()
    other = speak(voice=lambda value, piece: value + 1)
    flat = speak(mel=lambda value, piece: torch.full_like(value, -12.0))
    assert plain.trace is not None
    assert other.trace is not None
    assert flat.trace is not None
    before, after = plain.trace.pieces[0], other.trace.pieces[0]
    assert before.voice is not None
    assert after.voice is not None
    assert torch.allclose(after.voice, before.voice + 1)
    assert before.mel is not None
    assert after.mel is not None
    assert not torch.equal(before.mel, after.mel)
    assert flat.trace.pieces[0].mel is not None
    assert set(flat.trace.pieces[0].mel.flatten().tolist()) == {-12.0}
    with pytest.raises(VoxproofError, match="has no coupling layers and no latent"):
        speak(latent=lambda value, piece: value)
    with pytest.raises(VoxproofError, match="makes no mel spectrogram"):
        say(interventions=Interventions(mel=lambda value, piece: value))


def test_flow_matching_takes_one_reference_with_its_text_and_a_vocoder() -> None:
    able = cloner(models=flow_models("v4"), content=content_encoder())
    with pytest.raises(VoxproofError, match="SoVITS v4 takes one reference, not 2"):
        able._render("a", [voice(1), voice(2)], "hello", settings=QUICK)
    with pytest.raises(VoxproofError, match="SoVITS v4 needs the reference's text"):
        able._render("a", voice(), settings=QUICK)
    with pytest.raises(VoxproofError, match="SoVITS v4 needs its vocoder"):
        cloner(models=replace(flow_models("v4"), vocoder=None))


# The door


def test_nothing_of_the_clone_model_writes_sound() -> None:
    folder = Path(clone_module.__file__).parent
    names = (
        "clone",
        "voicing",
        "trace",
        "streaming",
        "interventions",
        "observing",
        "reference",
        "rehearsal",
        "content",
        "bert",
        "sovits",
        "mel",
    )
    for path in (folder / f"{name}.py" for name in names):
        tree = ast.parse(path.read_text("utf-8"))
        called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert not called & {"write", "write_bytes", "write_text", "tofile", "SoundFile"}, path
        assert not named & {"open", "SoundFile"}, path
    public = [name for name in vars(Cloner) if not name.startswith("_")]
    assert public == ["load", "settings", "speak", "stream"]


def test_default_settings_are_those_of_the_reference() -> None:
    assert Settings().sampling == Sampling(top_k=15, top_p=1.0, temperature=1.0, repetition_penalty=1.35)
    own = Sampling(temperature=0.7)
    assert cloner(models=replace(models(), sampling=own)).settings(speed=1.1) == Settings(sampling=own, speed=1.1)
    assert (Settings().speed, Settings().noise_scale, Settings().pause_seconds, Settings().cut) == (1, 0.5, 0.3, "cut5")
