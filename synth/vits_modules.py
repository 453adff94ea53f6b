"""The parts that SoVITS is put together from: attention, encoder, WaveNet stack, coupling flow, vocoder.

Sources: J. Kim, J. Kong, J. Son, "Conditional Variational Autoencoder with Adversarial Learning for End-to-End
Text-to-Speech" (VITS, 2021) for the encoders and the flow; P. Shaw et al., "Self-Attention with Relative Position
Representations" (2018); L. Dinh et al., "Density estimation using Real NVP" (2017); A. van den Oord et al., "WaveNet"
(2016); J. Kong et al., "HiFi-GAN" (2020); T. Salimans, D. Kingma, "Weight Normalization" (2016).

Everything here is channel-first: [batch, channels, time], with masks [batch, 1, time] of 0 and 1 in the activation's
type. Attribute names are those of the official checkpoints' state dict, which is why some are terse.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEAK = 0.1  # slope of the vocoder's leaky ReLUs, all but the last
MASKED_SCORE = -1e4  # attention score of a masked position: finite, so that a row without any key stays finite


def length_mask(lengths: Tensor, frames: int) -> Tensor:
    """Lengths [batch] in frames -> mask [batch, 1, frames], 1 where a frame is real."""
    return (torch.arange(frames, device=lengths.device) < lengths[:, None]).unsqueeze(1).float()


def time_slices(x: Tensor, starts: Tensor, length: int) -> Tensor:
    """[b, c, t] from starts [b] on -> [b, c, length], without waiting for the device."""
    places = starts[:, None] + torch.arange(length, device=x.device)
    return x.gather(2, places.unsqueeze(1).expand(-1, x.shape[1], -1))


class WeightNorm(nn.Module):
    """A convolution with weight = g v / |v|, norm over all dimensions but the first; its three kinds follow.

    The parameters are called `weight_g`, `weight_v` and `bias`, as in the checkpoints. A fresh one is the plain
    convolution that it is made from.
    """

    bias: nn.Parameter | None

    def __init__(self, plain: nn.Conv1d | nn.Conv2d | nn.ConvTranspose1d) -> None:
        super().__init__()
        weight = plain.weight.detach()
        self.register_parameter("bias", cast(nn.Parameter | None, plain.bias))
        self.weight_g = nn.Parameter(_lengths(weight))
        self.weight_v = nn.Parameter(weight.clone())
        self.stride, self.padding, self.dilation = plain.stride, cast(tuple[int, ...], plain.padding), plain.dilation
        self.groups = plain.groups

    def weight(self) -> Tensor:
        return self.weight_v * (self.weight_g / _lengths(self.weight_v))

    def plain(self) -> nn.Module:
        """The same convolution with the weight worked out once."""
        raise NotImplementedError

    def _with_weights(self, conv: nn.Conv1d | nn.Conv2d | nn.ConvTranspose1d) -> nn.Module:
        weight = self.weight().detach()
        conv.weight = nn.Parameter(weight.clone())
        conv.bias = None if self.bias is None else nn.Parameter(self.bias.detach().clone())
        return conv.to(device=weight.device, dtype=weight.dtype).train(self.training)


def _lengths(weight: Tensor) -> Tensor:
    """Weights [n, ..] -> their norms [n, 1, ..]."""
    return cast(Tensor, weight.flatten(1).norm(dim=1)).view(-1, *[1] * (weight.dim() - 1))


class WeightNormConv1d(WeightNorm):
    """[b, in, t] -> [b, out, t / stride]; weights [out, in / groups, kernel]."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        padding: int = 0,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(nn.Conv1d(inputs, outputs, kernel, stride, padding, dilation, groups, bias))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv1d(x, self.weight(), self.bias, self.stride, self.padding, self.dilation, self.groups)

    def plain(self) -> nn.Module:
        outputs, inputs, kernel = self.weight_v.shape
        settings = (self.stride[0], self.padding[0], self.dilation[0], self.groups)
        return self._with_weights(nn.Conv1d(inputs * self.groups, outputs, kernel, *settings))


class WeightNormConv2d(WeightNorm):
    """Columns of their own, a kernel along the rows: [b, in, rows, columns] -> [b, out, rows / stride, columns]."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int = 0) -> None:
        super().__init__(nn.Conv2d(inputs, outputs, (kernel, 1), (stride, 1), (padding, 0)))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight(), self.bias, self.stride, self.padding)

    def plain(self) -> nn.Module:
        outputs, inputs, kernel, _ = self.weight_v.shape
        conv = nn.Conv2d(inputs, outputs, (kernel, 1), (self.stride[0], 1), (self.padding[0], 0))
        return self._with_weights(conv)


class WeightNormUpsampling(WeightNorm):
    """Transposed convolution, `rate` frames out for one in: [b, in, t] -> [b, out, t * rate]; weights [in, out, k]."""

    def __init__(self, inputs: int, outputs: int, kernel: int, rate: int) -> None:
        super().__init__(nn.ConvTranspose1d(inputs, outputs, kernel, rate, padding=(kernel - rate) // 2))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv_transpose1d(x, self.weight(), self.bias, self.stride, self.padding)

    def plain(self) -> nn.Module:
        inputs, outputs, kernel = self.weight_v.shape
        conv = nn.ConvTranspose1d(inputs, outputs, kernel, self.stride[0], padding=self.padding[0])
        return self._with_weights(conv)


def fuse_weight_norm(module: nn.Module) -> None:
    """Replaces every weight-normed convolution under `module` by a plain one, in place: faster, for inference only.

    Afterwards the state dict has `weight` where the checkpoints have `weight_g` and `weight_v`.
    """
    for name, child in module.named_children():
        if isinstance(child, WeightNorm):
            setattr(module, name, child.plain())
        else:
            fuse_weight_norm(child)


def normal(shape: Sequence[int], device: torch.device, generator: torch.Generator | None) -> Tensor:
    """A normal draw, float32: where the generator lives, so that one seed gives the same draw to every device."""
    drawn = torch.empty(tuple(shape), device=device if generator is None else generator.device)
    return drawn.normal_(generator=generator).to(device)


def to_type(module: nn.Module, dtype: torch.dtype, kept: Collection[str]) -> None:
    """Gives the parts of a model a type, in place, but those whose (dotted) names are kept as they are."""
    for name, child in module.named_children():
        inside = [part.removeprefix(f"{name}.") for part in kept if part.startswith(f"{name}.")]
        if inside:
            to_type(child, dtype, inside)
        elif name not in kept:
            child.to(dtype)


class ChannelNorm(nn.Module):
    """Layer norm over the channels of [b, channels, t]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x.transpose(1, 2), self.gamma.shape, self.gamma, self.beta, 1e-5).transpose(1, 2)


class Attention(nn.Module):
    """Multi-head attention from x [b, c, t] to context [b, c, s] under mask [b, 1, t, s] -> [b, c, t].

    With `window` (self-attention only), positions up to `window` apart have learnt relative embeddings for keys and
    values, shared by the heads; further apart there is no relative term at all.
    """

    def __init__(self, channels: int, heads: int, *, window: int = 0, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.conv_q, self.conv_k = nn.Conv1d(channels, channels, 1), nn.Conv1d(channels, channels, 1)
        self.conv_v, self.conv_o = nn.Conv1d(channels, channels, 1), nn.Conv1d(channels, channels, 1)
        self.drop = nn.Dropout(dropout)
        for projection in (self.conv_q, self.conv_k, self.conv_v):
            nn.init.xavier_uniform_(projection.weight)
        if window:
            width = channels // heads
            self.emb_rel_k = nn.Parameter(torch.randn(1, 2 * window + 1, width) * width**-0.5)
            self.emb_rel_v = nn.Parameter(torch.randn(1, 2 * window + 1, width) * width**-0.5)

    def forward(self, x: Tensor, context: Tensor, mask: Tensor) -> Tensor:
        query, key = self._split(self.conv_q(x)), self._split(self.conv_k(context))
        value = self._split(self.conv_v(context))
        query = query / math.sqrt(query.shape[-1])
        scores = query @ key.transpose(-1, -2)  # [b, heads, t, s]
        if self.window:
            scores = scores + self._spread(query @ self.emb_rel_k.transpose(-1, -2))
        weights = self.drop(scores.masked_fill(mask == 0, MASKED_SCORE).softmax(-1))
        out = weights @ value  # [b, heads, t, width]
        if self.window:
            out = out + self._gather(weights) @ self.emb_rel_v
        return cast(Tensor, self.conv_o(out.transpose(-1, -2).flatten(1, 2)))

    def weights(self, x: Tensor, context: Tensor, mask: Tensor) -> Tensor:
        """How much each position of x looks at each of the context, without relative terms: [b, heads, t, s]."""
        query, key = self._split(self.conv_q(x)), self._split(self.conv_k(context))
        scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
        return scores.float().masked_fill(mask == 0, MASKED_SCORE).softmax(-1)

    def _split(self, x: Tensor) -> Tensor:
        """[b, c, t] -> [b, heads, t, c / heads]."""
        return x.reshape(x.shape[0], self.heads, -1, x.shape[2]).transpose(-1, -2)

    def _columns(self, like: Tensor) -> Tensor:
        """[.., t, _] -> [.., t, 2 window + 1]: columns near each row in a table padded by `window` on both sides."""
        near = torch.arange(like.shape[-2], device=like.device)[:, None]
        near = near + torch.arange(2 * self.window + 1, device=like.device)
        return near.expand(*like.shape[:-2], *near.shape)

    def _spread(self, relative: Tensor) -> Tensor:
        """Scores by offset [b, heads, t, 2 window + 1] -> scores by position [b, heads, t, t]."""
        frames = relative.shape[-2]
        table = relative.new_zeros(*relative.shape[:-1], frames + 2 * self.window)
        return table.scatter(-1, self._columns(relative), relative)[..., self.window : self.window + frames]

    def _gather(self, weights: Tensor) -> Tensor:
        """Weights by position [b, heads, t, t] -> weights by offset [b, heads, t, 2 window + 1]."""
        return F.pad(weights, (self.window, self.window)).gather(-1, self._columns(weights))


class FeedForward(nn.Module):
    """Two convolutions over time with a ReLU between: [b, c, t] -> [b, c, t]."""

    def __init__(self, channels: int, width: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.conv_1, self.conv_2 = nn.Conv1d(channels, width, kernel), nn.Conv1d(width, channels, kernel)
        self.pad = ((kernel - 1) // 2, kernel // 2)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.drop(F.relu(self.conv_1(F.pad(x * mask, self.pad))))
        return cast(Tensor, self.conv_2(F.pad(x * mask, self.pad))) * mask


class Encoder(nn.Module):
    """Post-norm transformer with relative positions and convolutional feed-forward: [b, c, t] -> [b, c, t]."""

    def __init__(self, channels: int, width: int, heads: int, layers: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.attn_layers = nn.ModuleList(Attention(channels, heads, window=4, dropout=dropout) for _ in range(layers))
        self.norm_layers_1 = nn.ModuleList(ChannelNorm(channels) for _ in range(layers))
        self.ffn_layers = nn.ModuleList(FeedForward(channels, width, kernel, dropout) for _ in range(layers))
        self.norm_layers_2 = nn.ModuleList(ChannelNorm(channels) for _ in range(layers))
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        pairs = mask.unsqueeze(2) * mask.unsqueeze(-1)  # [b, 1, t, t]
        x = x * mask
        for attention, norm_1, feed_forward, norm_2 in zip(
            self.attn_layers, self.norm_layers_1, self.ffn_layers, self.norm_layers_2, strict=True
        ):
            x = norm_1(x + self.drop(attention(x, x, pairs)))
            x = norm_2(x + self.drop(feed_forward(x, mask)))
        return x * mask


class WaveNet(nn.Module):
    """Gated convolutions with residual and skip paths, conditioned on one vector a clip.

    x [b, c, t], mask, condition [b, gin, 1] -> [b, c, t].
    """

    def __init__(self, channels: int, kernel: int, layers: int, condition: int) -> None:
        super().__init__()
        self.channels = channels
        self.in_layers = nn.ModuleList(
            WeightNormConv1d(channels, 2 * channels, kernel, padding=kernel // 2) for _ in range(layers)
        )
        self.res_skip_layers = nn.ModuleList(
            WeightNormConv1d(channels, channels if i == layers - 1 else 2 * channels, 1) for i in range(layers)
        )
        self.cond_layer = WeightNormConv1d(condition, 2 * channels * layers, 1)

    def forward(self, x: Tensor, mask: Tensor, condition: Tensor) -> Tensor:
        conditions = self.cond_layer(condition).chunk(len(self.in_layers), dim=1)
        total = torch.zeros_like(x)
        for convolution, res_skip, own in zip(self.in_layers, self.res_skip_layers, conditions, strict=True):
            a, b = (convolution(x) + own).chunk(2, dim=1)
            out = res_skip(a.tanh() * b.sigmoid())  # residual and skip halves; the last layer has a skip path only
            total = total + out[:, -self.channels :]
            if out.shape[1] > self.channels:
                x = (x + out[:, : self.channels]) * mask
        return total * mask


class Coupling(nn.Module):
    """Half of the channels shifts the other half, which is exactly invertible: [b, c, t] -> [b, c, t]."""

    def __init__(self, channels: int, hidden: int, kernel: int, layers: int, condition: int) -> None:
        super().__init__()
        self.pre = nn.Conv1d(channels // 2, hidden, 1)
        self.enc = WaveNet(hidden, kernel, layers, condition)
        self.post = nn.Conv1d(hidden, channels // 2, 1)
        nn.init.zeros_(self.post.weight)  # the flow starts as the identity
        nn.init.zeros_(cast(Tensor, self.post.bias))

    def forward(self, x: Tensor, mask: Tensor, condition: Tensor, *, reverse: bool) -> Tensor:
        kept, moved = x.chunk(2, dim=1)
        shift = self.post(self.enc(self.pre(kept) * mask, mask, condition)) * mask
        moved = (moved - shift) * mask if reverse else moved * mask + shift
        return torch.cat([kept, moved], dim=1)


class Flow(nn.Module):
    """Couplings, the channels turned around after each: posterior latent z <-> prior latent z_p, both [b, c, t]."""

    def __init__(self, channels: int, hidden: int, condition: int, layers: int = 4) -> None:
        super().__init__()
        self.flows = nn.ModuleList()
        for _ in range(4):
            self.flows.append(Coupling(channels, hidden, 5, layers, condition))
            self.flows.append(nn.Identity())  # a place in the numbering of the checkpoints: the turn has no weights

    def forward(self, x: Tensor, mask: Tensor, condition: Tensor, *, reverse: bool = False) -> Tensor:
        couplings = list(self.flows)[::2]
        for coupling in reversed(couplings) if reverse else couplings:
            if reverse:
                x = coupling(x.flip(1), mask, condition, reverse=True)
            else:
                x = coupling(x, mask, condition, reverse=False).flip(1)
        return x


class ResidualBlock(nn.Module):
    """HiFi-GAN's first kind of residual block: [b, c, t] -> [b, c, t]."""

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(
            WeightNormConv1d(channels, channels, kernel, dilation=d, padding=d * (kernel - 1) // 2) for d in dilations
        )
        self.convs2 = nn.ModuleList(
            WeightNormConv1d(channels, channels, kernel, padding=(kernel - 1) // 2) for _ in dilations
        )

    def forward(self, x: Tensor) -> Tensor:
        for dilated, straight in zip(self.convs1, self.convs2, strict=True):
            x = x + straight(F.leaky_relu(dilated(F.leaky_relu(x, LEAK)), LEAK))
        return x


class Generator(nn.Module):
    """HiFi-GAN vocoder: frames [b, c, t], condition [b, gin, 1] -> wave [b, 1, t * product of rates] in [-1, 1].

    Without `condition` it is that of v4, which has a bias in its last convolution besides.
    """

    def __init__(
        self,
        inputs: int,
        condition: int | None,
        channels: int,
        rates: Sequence[int],
        kernels: Sequence[int],
        block_kernels: Sequence[int],
        block_dilations: Sequence[Sequence[int]],
    ) -> None:
        super().__init__()
        widths = [channels >> i for i in range(len(rates) + 1)]
        self.conv_pre = nn.Conv1d(inputs, channels, 7, padding=3)
        self.cond = None if condition is None else nn.Conv1d(condition, channels, 1)
        self.ups = nn.ModuleList(
            WeightNormUpsampling(a, b, kernel, rate)
            for a, b, kernel, rate in zip(widths[:-1], widths[1:], kernels, rates, strict=True)
        )
        self.resblocks = nn.ModuleList(
            ResidualBlock(width, kernel, dilations)
            for width in widths[1:]
            for kernel, dilations in zip(block_kernels, block_dilations, strict=True)
        )
        self.conv_post = nn.Conv1d(widths[-1], 1, 7, padding=3, bias=condition is None)

    def forward(self, frames: Tensor, condition: Tensor | None = None) -> Tensor:
        x: Tensor = self.conv_pre(frames)
        if self.cond is not None:
            x = x + self.cond(condition)
        blocks = list(self.resblocks)
        each = len(blocks) // len(self.ups)
        for stage, up in enumerate(self.ups):
            x = up(F.leaky_relu(x, LEAK))
            parallel = [block(x) for block in blocks[stage * each : (stage + 1) * each]]
            x = torch.stack(parallel).sum(0) / each
        return torch.tanh(self.conv_post(F.leaky_relu(x)))  # the last slope is the default 0.01
