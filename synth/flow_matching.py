"""The mel decoder of SoVITS v3 and v4: flow matching with a transformer, a mel spectrogram drawn from noise.

A. Tong, Y. Lipman et al., conditional flow matching (2023): a network learns the velocity that carries noise to data
along straight lines, and a few Euler steps follow it. K. Frans et al., "One Step Diffusion via Shortcut Models" (2024):
it is told the size of the step as well, and trained so that one large step ends where two half steps end. The network
is the diffusion transformer of F5-TTS (Y. Chen et al., 2024; W. Peebles, S. Xie, "DiT", 2023), which continues a given
mel of the voice ("prompt") under features that say what is spoken; ConvNeXt V2 blocks (S. Woo et al., 2023) prepare
these, and positions are told by rotation (J. Su et al., "RoFormer", 2021).

Mels and features are [batch, channels, time] outside; inside the transformer it is [batch, time, channels]. Mels are in
the range of synth.mel.normalised. Attribute names and shapes are those of the official checkpoints, under `cfm`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from synth.errors import VoxproofError
from synth.vits_modules import length_mask, normal

SHORTCUT_SHARE = 0.3  # of the training batches that learn one step as two
_POSITIONS = 4096  # that have entries of their own in the table of the features
_SCALE = 1000.0  # of times before their sinusoids


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes of the network; those of v3 and v4 by default."""

    mels: int = 100
    """Mel bands."""
    features: int = 512
    """Channels of the features that say what is spoken."""
    width: int = 1024
    """Channels of the transformer."""
    layers: int = 22
    heads: int = 16
    head_width: int = 64
    """heads * head_width is the width."""
    feed_forward: int = 2
    """Inner width of the feed-forward, in widths."""
    feature_blocks: int = 4
    """ConvNeXt blocks over the features."""


class _TimeEmbedding(nn.Module):
    """A number from 0 to 1 for each clip [b] -> [b, width]."""

    def __init__(self, width: int, sinusoids: int = 256) -> None:
        super().__init__()
        self.count = sinusoids // 2
        first, last = nn.Linear(sinusoids, width), nn.Linear(width, width)
        self.time_mlp = nn.Sequential(first, nn.SiLU(), last)

    def forward(self, time: Tensor) -> Tensor:
        steps = torch.arange(self.count, device=time.device, dtype=torch.float32)
        angles = _SCALE * time.float()[:, None] * (-math.log(10000.0) / (self.count - 1) * steps).exp()
        sinusoids = torch.cat([angles.sin(), angles.cos()], dim=-1)
        return cast(Tensor, self.time_mlp(sinusoids.to(self.time_mlp.get_parameter("0.weight"))))


class _ResponseNorm(nn.Module):
    """Global response normalisation over time: [b, t, c], mask [b, t, 1] -> [b, t, c]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1, 1, channels))
        self.beta = nn.Parameter(torch.zeros(1, 1, channels))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        strength: Tensor = (x * mask).float().norm(dim=1, keepdim=True)
        share = (strength / (strength.mean(-1, keepdim=True) + 1e-6)).to(x.dtype)
        return self.gamma * (x * share) + self.beta + x


class _ConvNeXt(nn.Module):
    """ConvNeXt V2 block: [b, t, c], mask [b, t, 1] -> [b, t, c]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.pwconv1 = nn.Linear(channels, 2 * channels)
        self.grn = _ResponseNorm(2 * channels)
        self.pwconv2 = nn.Linear(2 * channels, channels)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        near: Tensor = self.dwconv((x * mask).transpose(1, 2)).transpose(1, 2)
        return x + cast(Tensor, self.pwconv2(self.grn(F.gelu(self.pwconv1(self.norm(near))), mask)))


class _FeatureEmbedding(nn.Module):
    """Features with their positions: [b, t, c], mask [b, t, 1] -> [b, t, c]."""

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        self.text_blocks = nn.ModuleList(_ConvNeXt(channels) for _ in range(blocks))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        frames, channels = x.shape[1:]
        places = torch.arange(frames, device=x.device).clamp(max=_POSITIONS - 1).float()
        angles = places[:, None] * _frequencies(channels, x.device)
        x = x + torch.cat([angles.cos(), angles.sin()], dim=-1).to(x.dtype)
        for block in self.text_blocks:
            x = block(x, mask)
        return x


def _frequencies(channels: int, device: torch.device | None = None) -> Tensor:
    """[channels / 2], radians a frame, from 1 down to nearly 1 / 10000."""
    return 10000.0 ** -(torch.arange(0, channels, 2, device=device, dtype=torch.float32) / channels)


class _PositionConvolution(nn.Module):
    """Two grouped convolutions, added to what they are of: [b, t, c], mask [b, t, 1] -> [b, t, c]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1d = nn.Sequential(
            nn.Conv1d(width, width, 31, padding=15, groups=16),
            nn.Mish(),
            nn.Conv1d(width, width, 31, padding=15, groups=16),
            nn.Mish(),
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        first, mish, second, last = self.conv1d
        real = mask.transpose(1, 2)
        near = last(second(mish(first(x.transpose(1, 2) * real)) * real))
        return x + cast(Tensor, near).transpose(1, 2)


class _InputEmbedding(nn.Module):
    """Noisy mel, prompt mel and features side by side, [b, t, ..] -> [b, t, width]."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.proj = nn.Linear(2 * config.mels + config.features, config.width)
        self.conv_pos_embed = _PositionConvolution(config.width)

    def forward(self, x: Tensor, prompt: Tensor, features: Tensor, mask: Tensor) -> Tensor:
        return cast(Tensor, self.conv_pos_embed(self.proj(torch.cat([x, prompt, features], dim=-1)), mask))


class _Rotation(nn.Module):
    """Cosines and sines of the positions' angles: two of [frames, head width / 2], in single precision."""

    inv_freq: Tensor

    def __init__(self, head_width: int) -> None:
        super().__init__()
        self.register_buffer("inv_freq", _frequencies(head_width))

    def forward(self, frames: int) -> tuple[Tensor, Tensor]:
        places = torch.arange(frames, device=self.inv_freq.device, dtype=torch.float32)
        angles = places[:, None] * self.inv_freq.float()
        return angles.cos(), angles.sin()


def rotated(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """[b, t, c] -> the same, pairs of neighbouring channels turned as far as the angles reach.

    Queries and keys are turned before they are split into heads, so that the first head alone knows positions. So it
    was in F5-TTS, and so the weights were learnt.
    """
    cos, sin = turn
    width = 2 * cos.shape[-1]
    even, odd = x[..., 0:width:2].float(), x[..., 1:width:2].float()
    turned = torch.stack([even * cos - odd * sin, odd * cos + even * sin], dim=-1).flatten(-2)
    return torch.cat([turned.to(x.dtype), x[..., width:]], dim=-1)


class _SelfAttention(nn.Module):
    """[b, t, c], whether a frame is real [b, 1, 1, t] or None for all -> [b, t, c]."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        inner = config.heads * config.head_width
        self.heads = config.heads
        self.to_q, self.to_k = nn.Linear(config.width, inner), nn.Linear(config.width, inner)
        self.to_v = nn.Linear(config.width, inner)
        self.to_out = nn.ModuleList([nn.Linear(inner, config.width)])

    def forward(self, x: Tensor, real: Tensor | None, turn: tuple[Tensor, Tensor]) -> Tensor:
        query, key = rotated(self.to_q(x), turn), rotated(self.to_k(x), turn)
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (query, key, self.to_v(x))
        )
        out = F.scaled_dot_product_attention(query, key, value, attn_mask=real)
        return cast(Tensor, self.to_out[0](out.transpose(1, 2).flatten(2)))


class _FeedForward(nn.Module):
    """[b, t, c] -> [b, t, c]."""

    def __init__(self, width: int, times: int) -> None:
        super().__init__()
        first = nn.Sequential(nn.Linear(width, times * width), nn.GELU("tanh"))
        self.ff = nn.Sequential(first, nn.Identity(), nn.Linear(times * width, width))

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.ff(x))


def _zero(linear: nn.Linear) -> nn.Linear:
    """The layer starting from 0, so that a fresh network's layers do nothing and its velocity is 0, as in DiT."""
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear


class _Modulation(nn.Module):
    """What the time says to a layer: [b, width] -> `parts` of [b, 1, width]."""

    def __init__(self, width: int, parts: int) -> None:
        super().__init__()
        self.parts = parts
        self.linear = _zero(nn.Linear(width, parts * width))

    def forward(self, time: Tensor) -> tuple[Tensor, ...]:
        return cast(tuple[Tensor, ...], self.linear(F.silu(time)).unsqueeze(1).chunk(self.parts, dim=-1))


def _normalised(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift


class _Layer(nn.Module):
    """Attention and feed-forward, each scaled, shifted and gated by the time: [b, t, c] -> [b, t, c]."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.attn_norm = _Modulation(config.width, 6)
        self.attn = _SelfAttention(config)
        self.ff = _FeedForward(config.width, config.feed_forward)

    def forward(self, x: Tensor, time: Tensor, real: Tensor | None, turn: tuple[Tensor, Tensor]) -> Tensor:
        shift, scale, gate, ff_shift, ff_scale, ff_gate = self.attn_norm(time)
        attended: Tensor = self.attn(_normalised(x, scale, shift), real, turn)
        x = x + gate * attended
        out: Tensor = x + ff_gate * self.ff(_normalised(x, ff_scale, ff_shift))
        return out


class Condition(NamedTuple):
    """What stays the same through all steps of one sample."""

    features: Tensor
    """Embedded features [b, t, c]."""
    prompt: Tensor
    """Mel of the voice where it is given, else 0 [b, t, mels]."""
    mask: Tensor
    """[b, t, 1], 1 where a frame is real."""
    real: Tensor | None
    """The same for attention, boolean [b, 1, 1, t]; None where all are real."""


class Transformer(nn.Module):
    """The velocity of a noisy mel."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.time_embed, self.d_embed = _TimeEmbedding(config.width), _TimeEmbedding(config.width)
        self.text_embed = _FeatureEmbedding(config.features, config.feature_blocks)
        self.input_embed = _InputEmbedding(config)
        self.rotary_embed = _Rotation(config.head_width)
        self.transformer_blocks = nn.ModuleList(_Layer(config) for _ in range(config.layers))
        self.norm_out = _Modulation(config.width, 2)
        self.proj_out = _zero(nn.Linear(config.width, config.mels))
        self.recompute = False
        """In training, keep only what goes into each layer and compute the rest again for the gradient."""

    def condition(self, features: Tensor, prompt: Tensor, lengths: Tensor | None = None) -> Condition:
        """Features [b, c, t], prompt [b, mels, t], 0 beyond its end, lengths [b] in frames."""
        like = self.proj_out.weight
        frames = features.shape[2]
        real = None
        mask = like.new_ones(len(features), frames, 1)
        if lengths is not None:
            mask = length_mask(lengths, frames).transpose(1, 2).to(like)
            real = mask.bool().transpose(1, 2).unsqueeze(1)
        embedded = self.text_embed(features.transpose(1, 2).to(like), mask)
        return Condition(embedded, prompt.transpose(1, 2).to(like), mask, real)

    def forward(self, x: Tensor, time: Tensor, step: Tensor, condition: Condition) -> Tensor:
        """Noisy mel [b, mels, t], time [b] from 0 (noise) to 1 (mel), step [b] (0: none) -> velocity [b, mels, t]."""
        now = self.time_embed(time) + self.d_embed(step)
        turn = self.rotary_embed(x.shape[2])
        noisy = x.transpose(1, 2).to(condition.features.dtype)
        h = self.input_embed(noisy, condition.prompt, condition.features, condition.mask)
        again = self.recompute and torch.is_grad_enabled()
        for layer in self.transformer_blocks:
            given = h, now, condition.real, turn
            h = cast(Tensor, checkpoint(layer, *given, use_reentrant=False)) if again else layer(*given)
        scale, shift = self.norm_out(now)
        return cast(Tensor, self.proj_out(_normalised(h, scale, shift))).transpose(1, 2)


class FlowMatching(nn.Module):
    """Samples mels, and learns to."""

    def __init__(self, config: TransformerConfig | None = None) -> None:
        super().__init__()
        self.config = config or TransformerConfig()
        self.estimator = Transformer(self.config)

    @torch.no_grad()
    def sample(
        self,
        features: Tensor,
        prompt: Tensor,
        steps: int,
        *,
        start: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Features [b, c, t] and the mel of their first p frames [b, mels, p] -> mel [b, mels, t], 0 in the first p.

        `start` [b, mels, t] replaces the normal draw, which otherwise comes from `generator`.
        """
        like = self.estimator.proj_out.weight
        shape = (len(features), self.config.mels, features.shape[2])
        if steps < 1 or prompt.shape[:2] != shape[:2] or prompt.shape[2] >= shape[2]:
            raise VoxproofError(
                f"A prompt of {list(prompt.shape)} and features of {list(features.shape)} give no mel in {steps} steps",
                cure="Give fewer frames of prompt than of features, and at least one step.",
            )
        if start is None:
            start = normal(shape, like.device, generator)
        elif start.shape != shape:
            raise VoxproofError(f"The start must be {list(shape)}, not {list(start.shape)}")
        given = prompt.shape[2]
        prompt = F.pad(prompt.to(like.device), (0, shape[2] - given))
        condition = self.estimator.condition(features.to(like.device), prompt)
        x = start.to(like.device, torch.float32, copy=True)
        x[..., :given] = 0
        step = torch.full(shape[:1], 1 / steps, device=like.device)
        for i in range(steps):
            x = x + self.estimator(x, i * step, step, condition).float() / steps
            x[..., :given] = 0
        return x

    def loss(
        self,
        mel: Tensor,
        lengths: Tensor,
        prompts: Tensor,
        features: Tensor,
        *,
        noise: Tensor | None = None,
        time: Tensor | None = None,
        shortcut: Tensor | None = None,
    ) -> Tensor:
        """Mean squared error of the velocity beyond the prompts, averaged frame by frame, then clip by clip.

        Mels [b, mels, t], features [b, c, t], lengths [b] and prompts [b] in frames. Draws may be given: normal `noise`
        [b, mels, t], uniform `time` [b], and `shortcut` [b], the half step to learn from, 0 for none; by default
        SHORTCUT_SHARE of the batches learn from half steps of 1/4 to 1/128.
        """
        time = torch.rand(len(mel), device=mel.device) if time is None else time
        noise = torch.randn_like(mel, dtype=torch.float32) if noise is None else noise
        half = _half_steps(len(mel), mel.device) if shortcut is None else shortcut
        real, given = length_mask(lengths, mel.shape[2]), length_mask(prompts, mel.shape[2])
        velocity = mel.float() - noise
        x = (noise + time[:, None, None] * velocity) * (1 - given)
        condition = self.estimator.condition(features, mel * given, lengths)
        if bool((half > 0).any()):
            with torch.no_grad():
                asked = torch.where(half < 0.01, 0.0, half)  # the smallest step is that of the flow itself
                first = self.estimator(x, time, asked, condition).float()
                middle = (x + half[:, None, None] * first) * (1 - given)
                second = self.estimator(middle, time + half, asked, condition).float()
                velocity = torch.where(half[:, None, None] > 0, (first + second) / 2, velocity)
        guess: Tensor = self.estimator(x, time, 2 * half, condition).float()
        error, counted = (guess - velocity).square().mean(1, keepdim=True), real * (1 - given)
        return ((error * counted).sum((1, 2)) / counted.sum((1, 2)).clamp(min=1)).mean()


def _half_steps(count: int, device: torch.device) -> Tensor:
    """[count]: 1/4, 1/8, .. 1/128 in SHORTCUT_SHARE of the calls, else 0."""
    if float(torch.rand(())) >= SHORTCUT_SHARE:
        return torch.zeros(count, device=device)
    return 2.0 ** -torch.randint(2, 8, (count,), device=device).float()
