"""The sound of a sentence while its tokens are still being drawn.

    tokens so far ─ encoders, flow ─ latent ─┬─ settled up to a quiet place ─ vocoder ─ sound
                                             └─ the rest waits for more tokens

The encoders of SoVITS look at all tokens, so every latent changes a little with each token that comes behind it. A
chunk therefore waits for some tokens beyond itself (`Pace.lookahead`), and the latent, once used, is settled: the next
one is faded in behind it, at the quietest place at hand. The vocoder looks only a few frames to either side (`reach`)
and gets those. So the joined chunks are, to rounding, what it makes of one latent in one go: there are no joins in the
sound. Beside a rendering of the whole sentence the latent is another one as far as its end, unknown yet, has a say at
its beginning; with `lookahead=None` the sentence's tokens are waited for, and the sound is the same to rounding.

The reference cuts where tokens resemble a silent one and fades sound over sound (api_v2.py of GPT-SoVITS, modes 2, 3).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from synth.errors import VoxproofError
from synth.sovits import SovitsConfig
from synth.voicing import Heard, LatentVoicing, Manner

FADE = 4
"""Latent frames (20 ms each) over which an earlier latent goes over into a later one."""


@dataclass(frozen=True)
class Pace:
    """How much is waited for."""

    chunk: int = 12
    """Tokens (40 ms each) of sound to be given at first; every further chunk is twice as long."""
    longest: int = 96
    """Tokens of sound in a chunk at most."""
    lookahead: int | None = 6
    """Tokens that must be known beyond a chunk before it is made; None: all of the sentence."""

    def __post_init__(self) -> None:
        if not FADE <= self.chunk <= self.longest or (self.lookahead is not None and self.lookahead < 0):
            raise VoxproofError(
                f"chunks of {self.chunk} to {self.longest} tokens with {self.lookahead} ahead are not possible",
                cure=f"A chunk has at least {FADE} tokens and at most the longest; ahead are 0 or more, or None.",
            )


@dataclass(frozen=True, eq=False)
class Chunk:
    """A stretch of sound, to be played behind the one before."""

    samples: Tensor
    """[n] float32 on the CPU, within -1 to 1."""
    rate: int
    """Hz."""
    piece: int
    """Number of the piece of the text."""
    codes: Tensor
    """[k] int64: semantic tokens of the piece that were drawn since the chunk before."""
    ends: bool
    """Whether this is the last of its piece, the pause behind it included."""


def streamed(
    drawn: Iterable[Tensor], ids: Tensor, heard: Heard, voicing: LatentVoicing, manner: Manner, seed: int, pace: Pace
) -> Iterator[tuple[Tensor, Tensor]]:
    """Tokens [k] as they come -> samples [n] as soon as they are settled, and the tokens drawn since the last."""
    stream = _Stream(ids, heard.voice, voicing, manner, seed, pace)
    codes, reported = torch.zeros(0, dtype=torch.long), 0
    for new in drawn:
        codes = torch.cat([codes, new.cpu()])
        if stream.ready(len(codes)):
            sound = stream.settled(codes)
            yield sound, codes[reported:]
            reported = len(codes)
    for sound in stream.rest(codes):
        yield sound, codes[reported:]
        reported = len(codes)


class _Stream:
    """What is settled of one sentence."""

    def __init__(
        self, ids: Tensor, voice: Tensor, voicing: LatentVoicing, manner: Manner, seed: int, pace: Pace
    ) -> None:
        self.ids, self.voice, self.voicing, self.manner, self.seed, self.pace = ids, voice, voicing, manner, seed, pace
        self.hop, self.reach = voicing.sovits.config.hop, reach(voicing.sovits.config)
        self.latent = torch.zeros(1, 0, 0)  # [1, channels, frames]: settled, and FADE frames behind as they were then
        self.cut = 0  # frames settled
        self.given = 0  # frames whose sound has been given; what it depends on is settled
        self.asked = 2 * pace.chunk  # frames of the next chunk

    def ready(self, known: int) -> bool:
        """Whether `known` tokens are enough for the next chunk."""
        if self.pace.lookahead is None:
            return False
        return self._usable(known) - self.given >= self.asked + self.reach

    def settled(self, codes: Tensor) -> Tensor:
        """The next chunk [n], up to the quietest place in the second half of what is asked for."""
        latent = self._latent(codes)
        stop = self._usable(len(codes))
        sound = self._sound(latent, self.given, stop, stop)
        first = self.given + self.asked // 2 + self.reach  # at least FADE behind the last cut
        self.cut = first + quietest(sound[(first - self.given) * self.hop :], self.hop)
        self.latent = latent[:, :, : self.cut + FADE]
        start, self.given = self.given, self.cut - self.reach
        self.asked = min(2 * self.asked, 2 * self.pace.longest)
        return sound[: (self.given - start) * self.hop]

    def rest(self, codes: Tensor) -> Iterator[Tensor]:
        """All that is left, now that all tokens are known."""
        if not len(codes):
            return
        latent = self._latent(codes)
        while (left := latent.shape[2] - self.given) > 0:
            stop = self.given + (left if left < 2 * self.asked else self.asked)
            yield self._sound(latent, self.given, stop, stop + self.reach)
            self.given = stop
            self.asked = min(2 * self.asked, 2 * self.pace.longest)

    def _usable(self, known: int) -> int:
        """Frames that have enough tokens behind them."""
        ahead = math.ceil(2 * (self.pace.lookahead or 0) / self.manner.speed)
        return int(2 * known / self.manner.speed) - max(ahead, FADE)

    def _latent(self, codes: Tensor) -> Tensor:
        """Of all codes [1, channels, frames], with what is settled in its place."""
        latent = self.voicing.latent(codes, self.ids, self.voice, self.manner, self.seed)
        if self.cut:
            end = self.cut + FADE
            share = torch.arange(1, FADE + 1).to(latent) / (FADE + 1)
            latent[:, :, self.cut : end] = torch.lerp(
                self.latent[:, :, self.cut :], latent[:, :, self.cut : end], share
            )
            latent[:, :, : self.cut] = self.latent[:, :, : self.cut]
        return latent

    def _sound(self, latent: Tensor, start: int, stop: int, end: int) -> Tensor:
        """Samples of the frames from `start` to `stop`, made of the latent from where they depend on it to `end`."""
        counts = self.voicing.sovits.config.decoder == "fourier"  # its pulses, from the first frame on
        before = 0 if counts else max(0, start - self.reach)
        sound = self.voicing.vocoded(latent[:, :, before:end], self.voice)
        return sound[(start - before) * self.hop : (stop - before) * self.hop]


def quietest(sound: Tensor, hop: int) -> int:
    """The frame of `hop` samples at whose start there is least energy in the frames before and behind it."""
    energy = sound[: len(sound) // hop * hop].reshape(-1, hop).double().square().sum(1)
    if len(energy) < 2:
        return 0
    return 1 + int((energy[:-1] + energy[1:]).argmin())


def reach(config: SovitsConfig) -> int:
    """Latent frames to either side of a frame that the vocoder makes its sound of."""
    if config.decoder == "fourier":  # 100 frames a second from the doubling on: blocks of 7, windows of 4
        return 3 + 1 + math.ceil((3 * config.decoder_blocks + 2) / 2)
    low, high = 0, config.hop - 1  # samples of one frame
    blocks = zip(config.resblock_kernel_sizes, config.resblock_dilation_sizes, strict=True)
    block = max((kernel - 1) // 2 * sum(dilation + 1 for dilation in dilations) for kernel, dilations in blocks)
    low, high = low - 3, high + 3  # the last convolution
    for rate, kernel in reversed([*zip(config.upsample_rates, config.upsample_kernel_sizes, strict=True)]):
        padding = (kernel - rate) // 2
        low, high = low - block, high + block
        low, high = -((kernel - 1 - padding - low) // rate), (high + padding) // rate
    return max(3 - low, high + 3)  # the first convolution
