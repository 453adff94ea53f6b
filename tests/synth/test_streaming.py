"""Chunks while tokens are still being drawn: one sound, in order, early, and the same for the same seed."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="streaming is not tested: torch (extra `train`) is not installed")

from clone_models import Letters, cloner, flow_models, models, quick, voice  # noqa: E402
from torch import Tensor  # noqa: E402

from synth.clone import Clone, Settings  # noqa: E402
from synth.errors import VoxproofError  # noqa: E402
from synth.interventions import Interventions  # noqa: E402
from synth.sampling import Sampling  # noqa: E402
from synth.sovits import SovitsConfig  # noqa: E402
from synth.streaming import FADE, Chunk, Pace, _Stream, quietest, reach, streamed  # noqa: E402
from synth.trace import Watch  # noqa: E402
from synth.voicing import Heard, LatentVoicing, Manner, frame_noise  # noqa: E402

TEXT = "hello there. good day"
LONG: Settings = quick(sampling=Sampling(least=35, most=36))
PACE = Pace(chunk=4, longest=8, lookahead=4)


def chunks(settings: Settings = LONG, pace: Pace | None = PACE, text: str = TEXT) -> list[Chunk]:
    return list(cloner()._stream(text, voice(), "", settings, pace))


VOICE = Heard(torch.zeros(1, 1, 1), torch.zeros(1, 1, 1))
speeds = st.just(1.0) | st.floats(0.1, 10)
steps = st.integers(1, 9)


class Summing:
    """A model whose latent changes all over with every token, and whose sound hears just as far as `reach` says."""

    def __init__(self) -> None:
        config = SovitsConfig(upsample_rates=(2,), upsample_kernel_sizes=(4,), resblock_kernel_sizes=(3,))
        self.sovits = SimpleNamespace(config=replace(config, resblock_dilation_sizes=((1,),)))
        self.side = reach(self.sovits.config)

    def latent(self, codes: Tensor, ids: Tensor, voice: Tensor, manner: Manner, seed: int) -> Tensor:
        frames = 2 * len(codes) if manner.speed == 1 else int(2 * len(codes) / manner.speed) + 1
        self.last = torch.rand(1, 1, frames, generator=torch.Generator().manual_seed(len(codes))).double()
        return self.last  # which the stream changes in place

    def vocoded(self, latent: Tensor, voice: Tensor) -> Tensor:
        weights = torch.arange(1.0, 2 * self.side + 2).double()[None, None]
        return torch.nn.functional.conv1d(latent, weights, padding=self.side)[0, 0].repeat_interleave(2)


@pytest.fixture(scope="module")
def whole() -> Clone:
    return cloner()._render(TEXT, voice(), "", LONG)


def joined(parts: list[Chunk]) -> Tensor:
    return torch.cat([part.samples for part in parts])


@pytest.fixture(scope="module")
def parts() -> list[Chunk]:
    return chunks()


def test_pieces_come_in_turn_with_the_tokens_of_the_whole(parts: list[Chunk], whole: Clone) -> None:
    assert [part.piece for part in parts] == sorted(part.piece for part in parts)
    for number, codes in enumerate(whole.codes):
        of_piece = [part for part in parts if part.piece == number]
        assert torch.equal(torch.cat([part.codes for part in of_piece]), codes)
        assert [part.ends for part in of_piece] == [False] * (len(of_piece) - 1) + [True]
        assert len(of_piece) > 4
        assert of_piece[-1].samples.tolist() == [0.0] * 320
    assert {part.rate for part in parts} == {32_000}
    assert joined(parts).shape == whole.samples.shape
    assert float(joined(parts).abs().max()) <= 1


def test_waiting_for_all_tokens_gives_the_sound_of_the_whole(whole: Clone) -> None:
    waiting = replace(PACE, lookahead=None)
    parts = chunks(pace=waiting)
    assert len(parts) > 8
    assert torch.allclose(joined(parts), whole.samples, atol=1e-5)
    slow = replace(LONG, speed=0.83)
    assert torch.allclose(
        joined(chunks(slow, waiting, "a")), cloner()._render("a", voice(), "", slow).samples, atol=1e-5
    )


def test_early_chunks_are_what_the_vocoder_makes_of_one_latent(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so they have no joins: nothing is cut, faded or shifted in the sound itself."""
    latents: list[Tensor] = []
    latent = _Stream._latent

    def kept(self: _Stream, codes: Tensor) -> Tensor:
        latents.append(latent(self, codes))
        return latents[-1].clone()

    monkeypatch.setattr(_Stream, "_latent", kept)
    for speed, passes in ((1.0, 4), (2.7, 2), (0.6, 6)):
        latents.clear()
        parts = chunks(replace(LONG, speed=speed, pause_seconds=0.0), text="hello there")
        able = cloner()
        heard = able._voicing.hear([voice()])
        assert isinstance(able._voicing, LatentVoicing)
        with torch.no_grad():
            want = able._voicing.vocoded(latents[-1], heard.voice)
        assert len(latents) >= passes
        assert len(want) == len(joined(parts))
        assert torch.allclose(joined(parts), want, atol=1e-5)


@given(st.integers(0, 80), st.integers(4, 20), st.integers(0, 20), st.none() | st.integers(0, 30), speeds, steps)
def test_any_pace_gives_every_frame_once(
    known: int, chunk: int, more: int, lookahead: int | None, speed: float, step: int
) -> None:
    voicing = Summing()
    codes, manner = torch.arange(known), Manner(speed)
    drawn = codes.split(step) if known else []
    made = streamed(drawn, codes, VOICE, voicing, manner, 0, Pace(chunk, chunk + more, lookahead))  # type: ignore[arg-type]
    sounds, taken = [torch.zeros(0)], [torch.zeros(0, dtype=torch.long)]
    for sound, new in made:
        assert len(sound)
        sounds.append(sound)
        taken.append(new)
    assert torch.equal(torch.cat(taken), codes)
    want = voicing.vocoded(voicing.last, VOICE.voice) if known else torch.zeros(0)
    assert torch.allclose(torch.cat(sounds).to(want), want)
    if lookahead is None and known:
        assert torch.equal(voicing.last, Summing().latent(codes, codes, VOICE.voice, manner, 0))


def test_there_is_no_click_where_chunks_meet(parts: list[Chunk], whole: Clone) -> None:
    first = [part.samples for part in parts if part.piece == 0][:-1]
    sound = torch.cat(first)
    steps = sound.diff().abs()
    ends = torch.tensor([len(part) for part in first]).cumsum(0)[:-1]
    assert len(ends) > 2
    assert float(steps[ends - 1].max()) <= float(whole.samples[: len(sound)].diff().abs().max())


def test_early_sound_is_near_that_of_the_whole(parts: list[Chunk], whole: Clone) -> None:
    """How near depends on the weights; of these it is known."""
    assert not torch.equal(joined(parts), whole.samples)
    assert far(joined(parts), whole.samples) < 0.1
    more = chunks(pace=replace(PACE, lookahead=16))
    assert far(joined(more), whole.samples) < far(joined(parts), whole.samples)


def far(some: Tensor, other: Tensor) -> float:
    """Root mean square of the difference, as a share of the other."""
    return float((some - other).norm() / other.norm())


def test_the_first_chunk_comes_early(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    gpt = models().gpt
    advance = gpt._advance
    monkeypatch.setattr(gpt, "_advance", lambda *given: (drawn.append(1), advance(*given))[1])
    first = next(cloner()._stream(TEXT, voice(), "", LONG, PACE))
    ahead = PACE.chunk + PACE.lookahead + reach(models().sovits.config) / 2  # type: ignore[operator, union-attr]
    assert len(first.codes) == len(drawn) + 1 <= ahead + 1 < 17
    assert PACE.chunk / 2 * 1280 <= len(first.samples) <= PACE.chunk * 1280


def test_the_same_seed_gives_the_same_chunks(parts: list[Chunk]) -> None:
    again, other = chunks(), chunks(replace(LONG, seed=5), text="a")
    assert [len(part.samples) for part in again] == [len(part.samples) for part in parts]
    assert torch.equal(joined(again), joined(parts))
    assert not torch.equal(joined(other)[:1280], joined(parts)[:1280])


def test_chunks_double_up_to_the_longest() -> None:
    lengths = [len(part.samples) // 1280 for part in chunks(pace=Pace(4, 16, lookahead=None), text="hello")]
    assert lengths == [4, 8, 24, 0]
    with pytest.raises(VoxproofError, match="chunks of 3 to 96 tokens with 6 ahead are not possible"):
        Pace(3)
    for wrong in ((8, 7, 6), (8, 8, -1)):
        with pytest.raises(VoxproofError, match="are not possible"):
            Pace(*wrong)


def test_a_short_piece_is_one_chunk_and_a_silent_one_none() -> None:
    assert [len(part.codes) for part in chunks(quick(), None, "hello")] == [8, 0]
    made = models()
    voicing = LatentVoicing(made, made.sovits)  # type: ignore[arg-type]
    ids = torch.tensor(Letters().read("a").ids)
    assert not list(streamed([], ids, voicing.hear([voice()]), voicing, Manner(), 0, PACE))


def test_flow_matching_gives_a_piece_at_a_time() -> None:
    class Content:
        def features(self, samples: Tensor) -> Tensor:
            return samples[:768, None].expand(-1, 186)[None]

    able = cloner(models=flow_models("v4"), content=Content())
    parts = list(able._stream(TEXT, voice(), "hello", quick(steps=1)))
    said = able._render(TEXT, voice(), "hello", quick(steps=1))
    assert [(part.piece, part.ends) for part in parts] == [(0, False), (0, True), (1, False), (1, True)]
    assert torch.allclose(joined(parts), said.samples, atol=1e-5)


def test_what_a_stream_cannot_do_is_an_error() -> None:
    edits = Interventions(heads={(0, 0): 0.0})
    for changes in ({"watch": Watch()}, {"interventions": edits}):
        with pytest.raises(VoxproofError, match="a stream is neither watched nor changed inside"):
            chunks(quick(**changes))
    with pytest.raises(VoxproofError, match="the text has nothing that can be spoken"):
        chunks(text=" . ")


def test_noise_of_the_first_frames_is_that_of_the_whole() -> None:
    for channels in (1, 7, 192):
        most = frame_noise(70, channels, 3)
        assert most.shape == (1, channels, 70)
        assert all(torch.equal(frame_noise(n, channels, 3), most[:, :, :n]) for n in (1, 15, 16, 17, 69))
    assert abs(float(frame_noise(1000, 192, 1).std()) - 1) < 0.01


def test_the_reach_is_just_as_far_as_the_vocoder_looks() -> None:
    assert reach(SovitsConfig.of("v2")) == 11
    sovits: Any = models().sovits
    side, hop = reach(sovits.config), sovits.config.hop
    latent = torch.randn(1, 8, 2 * side + 5, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        embedding = torch.zeros(1, 512, 1)
        sound = sovits.dec(latent, embedding)[0, 0]
        changed = [frame for frame in range(side + 2) if not moved(sovits, latent, embedding, sound, frame, side, hop)]
    assert changed == [0, 1]


def moved(sovits: Any, latent: Tensor, voice: Tensor, sound: Tensor, frame: int, far: int, hop: int) -> bool:
    """Whether the sound of frame far + 2 hears a change of this one."""
    other = latent.clone()
    other[:, :, frame] += 100
    at = slice((far + 2) * hop, (far + 3) * hop)
    return not torch.equal(sovits.dec(other, voice)[0, 0][at], sound[at])


def test_the_quietest_place_is_between_the_quietest_frames() -> None:
    sound = torch.ones(10, 4)
    sound[6:8] = 0.1
    sound[2] = 0.0
    assert quietest(sound.flatten(), 4) == 7
    assert quietest(torch.ones(3), 4) == 0
    assert FADE == 4
