"""SoVITS (S2), versions v1, v2, v2Pro and v2ProPlus: semantic tokens, phonemes and a reference voice -> sound.

GPT-SoVITS (RVC-Boss and contributors, 2024-2026) turned the VITS of J. Kim, J. Kong, J. Son (2021) into a token
vocoder: 25 tokens a second come from a codebook over HuBERT features (W.-N. Hsu et al., 2021), a text encoder joins
them with the phonemes by cross-attention, a style encoder (D. Min et al., "Meta-StyleSpeech", 2021) supplies the voice,
and flow and vocoder are those of VITS. The Pro versions add a speaker-verification embedding (ERes2NetV2: Y. Chen et
al., 2024) to the voice.

    ssl features -> codes()                                     training: spectrogram -> enc_q -> z -> dec -> wave
    references (+ speaker embeddings) -> voice()                                               z -> flow -> z_p
    codes, text, voice -> enc_p -> mean, log scale -> z_p -> flow reversed -> z -> dec -> wave

Attribute names and shapes are those of the official checkpoints' state dict. Inside, everything is channel-first,
[batch, channels, time]; see synth/vits_modules.py. One token is two latent frames, 1280 samples at 32 kHz, 40 ms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal, NamedTuple, Self, cast, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synth.errors import VoxproofError
from synth.fourier_decoder import FourierDecoder, Pitch, pitch_distance, told
from synth.losses import guided_attention_loss, kl_divergence
from synth.vits_modules import (
    Attention,
    Encoder,
    Flow,
    Generator,
    WaveNet,
    fuse_weight_norm,
    length_mask,
    normal,
    time_slices,
    to_type,
)
from synth.voiceprint_network import UNITS as VOICE_UNITS

Version = Literal["v1", "v2", "v2Pro", "v2ProPlus"]
SSL_WIDTH = 768  # of HuBERT base; the lite voice has another content encoder (synth/student.py)
CODES = 1024  # semantic tokens
STYLE_FRAMES = 150  # 3 s, the shortest reference
SPEAKER_WIDTH = 20480  # of the speaker-verification embedding
MRTE_WIDTH = 512  # of the cross-attention, and of the voice that is added there


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes of what all versions have, v3 and v4 (synth/sovits_flow.py) too: token, text and style encoder.

    The names, here and below, are those of the `model` section of official configurations.
    """

    versions: ClassVar[tuple[str, ...]] = ()
    """Versions that the class of models covers."""
    version: str = "v2"
    """Decides the phoneme table, how much of the spectrum the style encoder sees, and whether there is a speaker
    embedding."""
    inter_channels: int = 192
    """Channels of the latent z; even."""
    hidden_channels: int = 192
    """Channels of the encoders, the posterior encoder and the flow."""
    filter_channels: int = 768
    """Inner channels of the encoders' feed-forward."""
    n_heads: int = 2
    """Attention heads of the encoders."""
    n_layers: int = 6
    """Layers of the text encoder; the encoders of tokens and of both have half as many."""
    kernel_size: int = 3
    """Kernel of the encoders' feed-forward."""
    p_dropout: float = 0.1
    """Dropout of the encoders, in training."""
    gin_channels: int = 512
    """Width of the voice vector."""
    spec_channels: int = 1025
    """Bins of the linear spectrogram."""
    freeze_quantizer: bool = True
    """Training: whether the token extractor stays as it is."""
    ssl_width: int = SSL_WIDTH
    """Channels of the features that the tokens are taken from."""
    mrte_width: int = MRTE_WIDTH
    """Channels of the cross-attention; `gin_channels`, unless the version is a Pro one."""

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], version: str | None = None) -> Self:
        """From a checkpoint's configuration (or `to_mapping`): unknown names are left out, sizes not given are v2's."""
        if str(mapping.get("resblock", "1")) != "1" or mapping.get("semantic_frame_rate", "25hz") != "25hz":
            raise VoxproofError(
                "The configuration asks for another vocoder block or token rate than any released model has",
                cure='Use a checkpoint with resblock "1" and semantic_frame_rate "25hz".',
            )
        known = {f.name: _frozen(mapping[f.name]) for f in fields(cls) if f.name in mapping}
        config = cls(**known | ({"version": version} if version else {}))
        cls._check(config.version)
        return config

    @classmethod
    def _check(cls, version: str) -> None:
        if version not in cls.versions:
            raise VoxproofError(
                f"{version!r} is no SoVITS version that this model covers",
                cure=f"Choose one of {', '.join(cls.versions)}.",
            )

    def to_mapping(self) -> dict[str, Any]:
        """Plain values, for a checkpoint's header."""
        return asdict(self)

    @property
    def is_pro(self) -> bool:
        return self.version in ("v2Pro", "v2ProPlus")

    @property
    def symbols(self) -> int:
        """Phonemes in the table."""
        return 322 if self.version == "v1" else 732

    @property
    def style_bins(self) -> int:
        """Bins of the spectrogram, from 0 Hz, that the style encoder sees (704: up to 11 kHz)."""
        return self.spec_channels if self.version == "v1" else min(704, self.spec_channels)


@dataclass(frozen=True)
class SovitsConfig(EncoderConfig):
    """Sizes of one model of v1, v2, v2Pro or v2ProPlus."""

    versions: ClassVar[tuple[str, ...]] = get_args(Version)
    version: Version = "v2"
    upsample_rates: tuple[int, ...] = (10, 8, 2, 2, 2)
    """Vocoder: frames out for one frame in, stage by stage; their product is the hop in samples."""
    upsample_kernel_sizes: tuple[int, ...] = (16, 16, 8, 2, 2)
    upsample_initial_channel: int = 512
    """Vocoder: channels before the first stage; every stage halves them."""
    resblock_kernel_sizes: tuple[int, ...] = (3, 7, 11)
    resblock_dilation_sizes: tuple[tuple[int, ...], ...] = ((1, 3, 5), (1, 3, 5), (1, 3, 5))
    segment_frames: int = 32
    """Training: latent frames that are turned into sound per clip (0.64 s)."""
    decoder: Literal["hifigan", "fourier"] = "hifigan"
    """What makes sound of the latent: the official vocoder, or the light head of synth/fourier_decoder.py."""
    decoder_width: int = 256
    """Light head: channels of its blocks."""
    decoder_blocks: int = 8
    """Light head: how many."""
    posterior_layers: int = 16
    """Of the WaveNet in the posterior encoder."""
    flow_layers: int = 4
    """Of the WaveNet in each coupling of the flow."""
    voiceprint: str = ""
    """Which voiceprint network's vector is added to the style, the first digits of its SHA-256; empty: none is."""

    @classmethod
    def of(cls, version: Version) -> SovitsConfig:
        """The official sizes."""
        cls._check(version)
        if version == "v2Pro":
            return cls(version, p_dropout=0.0, gin_channels=1024)
        if version == "v2ProPlus":
            wide = (20, 16, 8, 2, 2)
            return cls(
                version, p_dropout=0.0, gin_channels=1024, upsample_initial_channel=768, upsample_kernel_sizes=wide
            )
        return cls(version)

    @classmethod
    def lite(cls, voiceprint: str = "") -> SovitsConfig:
        """The sizes of the voice that ships."""
        return cls(
            inter_channels=96, hidden_channels=128, filter_channels=384, n_layers=4, p_dropout=0.0, gin_channels=256,
            freeze_quantizer=True, ssl_width=256, mrte_width=256, decoder="fourier", posterior_layers=8, flow_layers=3,
            voiceprint=voiceprint,
        )  # fmt: skip

    @property
    def speaker_width(self) -> int:
        """Of the embedding of the speaker that is added to the style; 0: there is none."""
        return SPEAKER_WIDTH if self.is_pro else VOICE_UNITS if self.voiceprint else 0

    @property
    def hop(self) -> int:
        """Samples a latent frame."""
        return math.prod(self.upsample_rates)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list | tuple) else value


def version_of(state: Mapping[str, Tensor]) -> Version:
    """Which version a state dict belongs to, read from the tensors and not from the file's name or size."""
    names = ("enc_p.text_embedding.weight", "ref_enc.fc.fc.weight", "dec.conv_pre.weight")
    if missing := [name for name in names if name not in state]:
        raise VoxproofError(
            f"The weights are not those of SoVITS v1, v2, v2Pro or v2ProPlus: {missing[0]} is missing",
            cure="Versions v3 and v4 are another model.",
        )
    if "sv_emb.weight" in state:
        return "v2ProPlus" if state["dec.conv_pre.weight"].shape[0] == 768 else "v2Pro"
    return "v1" if state["enc_p.text_embedding.weight"].shape[0] == 322 else "v2"


class Prior(NamedTuple):
    """What tokens, text and voice say of the latent."""

    features: Tensor
    """[b, hidden, t], before the projection."""
    mean: Tensor
    """[b, inter, t]."""
    log_scale: Tensor
    """[b, inter, t], natural logarithm of the standard deviation."""
    mask: Tensor
    """[b, 1, t]."""
    attention: Tensor | None = None
    """[b, t, phonemes]: of each frame to the text, if that was asked."""


class CrossAttention(nn.Module):
    """Tokens look up the phonemes, and the voice is added ("MRTE"): [b, c, t] -> [b, c, t]."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.cross_attention = Attention(width, 4)
        self.c_pre = nn.Conv1d(channels, width, 1)
        self.text_pre = nn.Conv1d(channels, width, 1)
        self.c_post = nn.Conv1d(width, channels, 1)

    def forward(self, x: Tensor, mask: Tensor, text: Tensor, text_mask: Tensor, voice: Tensor) -> Tensor:
        """Tokens x [b, c, t], text [b, c, s], voice [b, width, 1]."""
        pairs = text_mask.unsqueeze(2) * mask.unsqueeze(-1)  # [b, 1, t, s]
        x, text = self.c_pre(x * mask), self.text_pre(text * text_mask)
        x = self.cross_attention(x * mask, text * text_mask, pairs) + x + voice
        return cast(Tensor, self.c_post(x * mask))

    def weights(self, x: Tensor, mask: Tensor, text: Tensor, text_mask: Tensor) -> Tensor:
        """Attention of each token to the phonemes, mean of the heads: [b, t, s], each row of sum 1."""
        pairs = text_mask.unsqueeze(2) * mask.unsqueeze(-1)
        x, text = self.c_pre(x * mask), self.text_pre(text * text_mask)
        return self.cross_attention.weights(x * mask, text * text_mask, pairs).mean(1)


class PriorEncoder(nn.Module):
    """Tokens (quantised features), phonemes and voice -> Prior."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        hidden = config.hidden_channels

        def encoder(layers: int) -> Encoder:
            return Encoder(hidden, config.filter_channels, config.n_heads, layers, config.kernel_size, config.p_dropout)

        self.ssl_proj = nn.Conv1d(config.ssl_width, hidden, 1)
        self.encoder_ssl = encoder(config.n_layers // 2)
        self.encoder_text = encoder(config.n_layers)
        self.text_embedding = nn.Embedding(config.symbols, hidden)
        self.mrte = CrossAttention(hidden, config.mrte_width)
        self.encoder2 = encoder(config.n_layers // 2)
        self.proj = nn.Conv1d(hidden, 2 * config.inter_channels, 1)

    def forward(
        self,
        tokens: Tensor,
        mask: Tensor,
        text: Tensor,
        text_mask: Tensor,
        voice: Tensor,
        speed: float = 1.0,
        attending: bool = False,
    ) -> Prior:
        """Tokens [b, 768, t], phoneme numbers [b, s], voice [b, 512, 1]; a speed above 1 gives fewer frames."""
        x = self.encoder_ssl(self.ssl_proj(tokens * mask) * mask, mask)
        phonemes = self.encoder_text(self.text_embedding(text).transpose(1, 2), text_mask)
        attention = self.mrte.weights(x, mask, phonemes, text_mask) if attending else None
        x = self.encoder2(self.mrte(x, mask, phonemes, text_mask, voice), mask)
        if speed != 1:  # on features, so that the pitch stays; one frame more than the quotient
            frames = int(x.shape[-1] / speed) + 1
            x = F.interpolate(x, size=frames, mode="linear")
            mask = F.interpolate(mask, size=frames, mode="nearest")
        mean, log_scale = (self.proj(x) * mask).chunk(2, dim=1)
        return Prior(x, mean, log_scale, mask, attention)


class PosteriorEncoder(nn.Module):
    """Spectrogram -> mean and log scale of the latent that a recording has; in training only."""

    def __init__(self, config: SovitsConfig) -> None:
        super().__init__()
        self.pre = nn.Conv1d(config.spec_channels, config.hidden_channels, 1)
        self.enc = WaveNet(config.hidden_channels, 5, config.posterior_layers, config.gin_channels)
        self.proj = nn.Conv1d(config.hidden_channels, 2 * config.inter_channels, 1)

    def forward(self, spectrum: Tensor, mask: Tensor, voice: Tensor) -> tuple[Tensor, Tensor]:
        """Magnitudes [b, bins, t], voice [b, gin, 1] (which gets no gradient from here) -> two of [b, inter, t]."""
        x = self.enc(self.pre(spectrum) * mask, mask, voice.detach())
        mean, log_scale = (self.proj(x) * mask).chunk(2, dim=1)
        return mean, log_scale


class _Affine(nn.Module):
    """A linear layer whose weights the checkpoints keep under `fc`."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.fc = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.fc(x))


class _GatedConv(nn.Module):
    """Gated convolution with a residual path: [b, c, t] -> [b, c, t]."""

    def __init__(self, channels: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = nn.ModuleDict({"conv": nn.Conv1d(channels, 2 * channels, kernel, padding=kernel // 2)})
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.conv1["conv"](x).chunk(2, dim=1)
        return x + cast(Tensor, self.drop(a * b.sigmoid()))


class _StyleAttention(nn.Module):
    """Self-attention with a residual path: [b, t, c], mask [b, 1, t] -> [b, t, c]."""

    def __init__(self, channels: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.w_qs, self.w_ks = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.w_vs, self.fc = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        query, key, value = (self._split(project(x)) for project in (self.w_qs, self.w_ks, self.w_vs))
        scores = query @ key.transpose(-1, -2) / math.sqrt(x.shape[-1])  # by the model's width, not the head's
        weights = self.drop(scores.masked_fill(mask[:, :, None] == 0, -math.inf).softmax(-1))
        return x + cast(Tensor, self.drop(self.fc((weights @ value).transpose(1, 2).flatten(2))))

    def _split(self, x: Tensor) -> Tensor:
        """[b, t, c] -> [b, heads, t, c / heads]."""
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)


class StyleEncoder(nn.Module):
    """One vector for the voice of a reference: magnitudes [b, bins, t], mask [b, 1, t] -> [b, out, 1]."""

    def __init__(self, bins: int, outputs: int, hidden: int = 128, dropout: float = 0.1) -> None:
        super().__init__()
        first, second = _Affine(bins, hidden), _Affine(hidden, hidden)
        self.spectral = nn.Sequential(first, nn.Mish(), nn.Dropout(dropout), second, nn.Mish(), nn.Dropout(dropout))
        self.temporal = nn.Sequential(_GatedConv(hidden, 5, dropout), _GatedConv(hidden, 5, dropout))
        self.slf_attn = _StyleAttention(hidden, 2, dropout)
        self.fc = _Affine(hidden, outputs)

    def forward(self, spectrum: Tensor, mask: Tensor) -> Tensor:
        real = mask.transpose(1, 2)  # [b, t, 1]
        x: Tensor = self.spectral((spectrum * mask).transpose(1, 2))
        x = self.temporal(x.transpose(1, 2)).transpose(1, 2) * real
        x = self.fc(self.slf_attn(x, mask)) * real
        frames = real.float().sum(1, keepdim=True)
        mean = (x.float() / frames).sum(1)  # in single precision, whatever the model has
        return mean.to(x.dtype).unsqueeze(-1)


class Codebook(nn.Module):
    """Nearest-neighbour codebook, learnt by moving averages: frames [n, width] <-> codes [n] (0..size - 1)."""

    inited: Tensor
    cluster_size: Tensor
    embed: Tensor
    embed_avg: Tensor

    def __init__(self, size: int, width: int, decay: float = 0.99, dead_below: float = 2.0) -> None:
        super().__init__()
        self.decay, self.dead_below = decay, dead_below
        self.register_buffer("inited", torch.zeros(1))
        self.register_buffer("cluster_size", torch.zeros(size))
        self.register_buffer("embed", torch.randn(size, width))
        self.register_buffer("embed_avg", self.embed.clone())

    def encode(self, frames: Tensor) -> Tensor:
        with torch.autocast(frames.device.type, enabled=False):  # half precision moves frames to the next code
            frames, embed = frames.float(), self.embed.float()
            distance = frames.square().sum(1, keepdim=True) - 2 * frames @ embed.t() + embed.square().sum(1)
        return distance.argmin(-1)

    def decode(self, codes: Tensor) -> Tensor:
        return F.embedding(codes, self.embed)

    @torch.no_grad()
    def start(self, frames: Tensor, rounds: int = 50) -> None:
        """k-means on the first training batch; a centre that loses all its frames stays where it is."""
        if bool(self.inited.item()):
            return
        self.embed.copy_(frames[torch.randint(len(frames), (len(self.embed),), device=frames.device)])
        for _ in range(rounds):
            counts, sums = self._sums(frames, self.encode(frames))
            self.embed.copy_(torch.where(counts[:, None] > 0, sums / counts[:, None].clamp(min=1), self.embed))
        self.cluster_size.copy_(self._sums(frames, self.encode(frames))[0])
        self.embed_avg.copy_(self.embed * self.cluster_size[:, None])
        self.inited.fill_(1.0)

    @torch.no_grad()
    def learn(self, frames: Tensor, codes: Tensor) -> None:
        """One step of the moving averages; codes hardly in use restart from frames of the batch."""
        counts, sums = self._sums(frames, codes)
        self.cluster_size.lerp_(counts, 1 - self.decay)
        self.embed_avg.lerp_(sums, 1 - self.decay)
        self.embed.copy_(self.embed_avg / self.cluster_size[:, None].clamp(min=1e-5))
        dead = self.cluster_size < self.dead_below
        fresh = frames[torch.randint(len(frames), (int(dead.sum()),), device=frames.device)]
        self.embed[dead], self.embed_avg[dead], self.cluster_size[dead] = (
            fresh,
            fresh * self.dead_below,
            self.dead_below,
        )

    def _sums(self, frames: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Number of frames with each code [size], and their sums [size, width]."""
        counts = torch.bincount(codes, minlength=len(self.embed)).to(frames)
        return counts, torch.zeros_like(self.embed).index_add_(0, codes, frames)


class Quantizer(nn.Module):
    """One codebook under the name that the checkpoints give it: [b, width, t] <-> codes [b, 1, t].

    A. van den Oord, O. Vinyals, K. Kavukcuoglu, "Neural Discrete Representation Learning" (2017), with the moving
    averages, the k-means start and the restart of unused codes of A. Défossez et al., "EnCodec" (2022).
    """

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.vq = nn.ModuleDict({"layers": nn.ModuleList([nn.ModuleDict({"_codebook": Codebook(size, width)})])})

    @property
    def codebook(self) -> Codebook:
        return cast(Codebook, self.get_submodule("vq.layers.0._codebook"))

    def encode(self, x: Tensor) -> Tensor:
        return self.codebook.encode(x.transpose(1, 2).flatten(0, 1)).view(len(x), 1, -1)

    def decode(self, codes: Tensor) -> Tensor:
        return self.codebook.decode(codes[:, 0]).transpose(1, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [b, width, t] -> quantised [b, width, t], commitment loss; in training mode the codebook learns too."""
        frames = x.detach().transpose(1, 2).flatten(0, 1)
        if self.training:
            self.codebook.start(frames)
        codes = self.encode(x)
        quantised = self.decode(codes)
        if not self.training:
            return quantised, x.new_zeros(())
        self.codebook.learn(frames, codes.flatten())
        return x + (quantised - x).detach(), F.mse_loss(x, quantised)  # straight through


def _decoder(config: SovitsConfig) -> Generator | FourierDecoder:
    """What makes sound of the latent."""
    if config.decoder == "fourier":
        sizes = config.decoder_width, config.decoder_blocks
        return FourierDecoder(config.inter_channels, config.gin_channels, *sizes, config.hop)
    return Generator(
        config.inter_channels,
        config.gin_channels,
        config.upsample_initial_channel,
        config.upsample_rates,
        config.upsample_kernel_sizes,
        config.resblock_kernel_sizes,
        config.resblock_dilation_sizes,
    )


class TrainingOutput(NamedTuple):
    """One training step's tensors, for the losses."""

    wave: Tensor
    """[b, 1, segment_frames * hop], the slices turned into sound."""
    starts: Tensor
    """[b], first latent frame of each slice; times `hop`, its first sample."""
    mask: Tensor
    """[b, 1, t]."""
    z: Tensor
    """Posterior sample [b, inter, t], like all below but the last."""
    z_p: Tensor
    """The posterior sample as the prior sees it, through the flow."""
    m_p: Tensor
    """Prior mean."""
    logs_p: Tensor
    """Prior log scale."""
    m_q: Tensor
    """Posterior mean."""
    logs_q: Tensor
    """Posterior log scale."""
    commitment: Tensor
    """Mean squared distance between features and codebook; 0 where the quantizer is frozen."""
    pitch: Tensor
    """Distance of the pitch that the light head hears from the one given; 0 for the official vocoder."""
    prior_wave: Tensor | None
    """[b, 1, segment_frames * hop], the slices as the prior's mean has them; light head only."""
    attention: Tensor
    """Loss of the guided attention, nats; 0 where there is no alignment."""

    def kl(self) -> Tensor:
        """Divergence of posterior from prior, nats a frame: the mean over real frames, summed over channels."""
        return kl_divergence(self.z_p, self.logs_q, self.m_p, self.logs_p, self.mask)


def load_exactly(model: nn.Module, state: Mapping[str, Tensor], version: str) -> None:
    """Loads tensors into a model of `version` that has just these names and shapes, or says which are wrong."""
    own = model.state_dict()
    wrong = sorted(name for name in own.keys() & state.keys() if own[name].shape != state[name].shape)
    for what, names in (
        ("missing", sorted(own.keys() - state.keys())),
        ("unknown", sorted(state.keys() - own.keys())),
        ("of another size", wrong),
    ):
        if names:
            raise VoxproofError(
                f"{len(names)} tensors of the checkpoint are {what}, the first is {names[0]}",
                cure=f"This model is a SoVITS {version}; is the checkpoint another version?",
            )
    model.load_state_dict(state)


def check_input(codes: Tensor, text: Tensor, config: EncoderConfig) -> None:
    """Refuses what is no sequence of tokens [1, 1, k] and of phonemes [1, s] of this version."""
    if codes.dim() != 3 or codes.shape[:2] != (1, 1) or text.dim() != 2 or len(text) != 1:
        raise VoxproofError(
            f"Tokens must be [1, 1, k] and phonemes [1, s], not {list(codes.shape)} and {list(text.shape)}"
        )
    for name, values, size in (("token", codes, CODES), ("phoneme", text, config.symbols)):
        if not values.numel():
            raise VoxproofError(f"There is no {name} to decode")
        if int(values.min()) < 0 or int(values.max()) >= size:
            raise VoxproofError(f"A {name} is outside 0..{size - 1} of SoVITS {config.version}")


class Encoders(nn.Module):
    """What all versions have, v3 and v4 too: token extractor, text encoder and style encoder."""

    config: EncoderConfig

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.enc_p = PriorEncoder(config)
        self.ref_enc = StyleEncoder(config.style_bins, config.gin_channels)
        self.ssl_proj = nn.Conv1d(config.ssl_width, config.ssl_width, 2, stride=2)
        self.quantizer = Quantizer(CODES, config.ssl_width)

    @property
    def _like(self) -> Tensor:
        """A weight of the type and on the device that the model works with."""
        return self.enc_p.proj.weight

    @torch.no_grad()
    def codes(self, ssl: Tensor) -> Tensor:
        """HuBERT features [b, 768, t] at 50 Hz -> semantic tokens [b, 1, t // 2], 0..1023."""
        width = self.config.ssl_width
        if ssl.dim() != 3 or ssl.shape[1] != width or ssl.shape[2] < 2:
            raise VoxproofError(f"Features must be [batch, {width}, at least 2], not {list(ssl.shape)}")
        with torch.autocast(ssl.device.type, enabled=False):
            return self.quantizer.encode(self.ssl_proj(ssl.to(self.ssl_proj.weight)))

    def style(self, spectrum: Tensor, mask: Tensor | None = None) -> Tensor:
        """Magnitudes [b, bins, t] (synth.mel.spectrogram), mask [b, 1, t] -> style vectors [b, gin, 1]."""
        spectrum = spectrum.to(self._like)
        if mask is None:
            mask = spectrum.new_ones(len(spectrum), 1, spectrum.shape[2])
        return cast(Tensor, self.ref_enc(spectrum[:, : self.config.style_bins], mask))


class Sovits(Encoders):
    """The whole model. `decode` makes sound; `train_forward` makes what the losses need."""

    config: SovitsConfig

    def __init__(self, config: SovitsConfig) -> None:
        super().__init__(config)
        self.dec = _decoder(config)
        self.enc_q: PosteriorEncoder | None = PosteriorEncoder(config)
        self.flow = Flow(config.inter_channels, config.hidden_channels, config.gin_channels, config.flow_layers)
        if config.is_pro:
            self.sv_emb = nn.Linear(SPEAKER_WIDTH, config.gin_channels)
            self.prelu = nn.PReLU(config.gin_channels)
            self.ge_to512 = nn.Linear(config.gin_channels, config.mrte_width)
        elif config.voiceprint:
            self.voice_emb = nn.Linear(config.speaker_width, config.gin_channels, bias=False)
            nn.init.zeros_(self.voice_emb.weight)

    def train(self, mode: bool = True) -> Sovits:
        super().train(mode)
        if self.config.freeze_quantizer:
            self.ssl_proj.eval()
            self.quantizer.eval()
        return self

    def load_weights(self, state: Mapping[str, Tensor]) -> None:
        """Loads a checkpoint's tensors; only `enc_q`, for training, may be absent, and then all of it."""
        if not any(name.startswith("enc_q.") for name in state):
            self.enc_q = None
        load_exactly(self, state, self.config.version)

    def for_inference(self, device: torch.device | str | None = None, dtype: torch.dtype = torch.float32) -> Sovits:
        """Evaluation mode, without the posterior encoder, weight norm worked out: the same sound, faster. One way.

        It stays where it is if no device is given. Half precision is for all but the extraction of codes, which would
        come out different.
        """
        self.enc_q = None
        fuse_weight_norm(self)
        to_type(self, dtype, ("ssl_proj", "quantizer"))
        return self.to(device).eval()

    def with_speaker(self, style: Tensor, speaker: Tensor | None) -> Tensor:
        """The style [b, gin, 1] with the speaker embedding [b, 20480] (Pro) or [b, 256] (lite); else as it is."""
        needed = self.config.speaker_width > 0
        if needed != (speaker is not None):
            raise VoxproofError(
                f"SoVITS {self.config.version} {'needs a' if needed else 'has no'} speaker embedding",
                cure="Give one for each reference with v2Pro, v2ProPlus and the lite voice, none with v1 and v2.",
            )
        if speaker is None:
            return style
        if not self.config.is_pro:
            return cast(Tensor, style + self.voice_emb(speaker.to(style)).unsqueeze(-1))
        return cast(Tensor, self.prelu(style + self.sv_emb(speaker.to(style)).unsqueeze(-1)))

    def voice(self, references: Sequence[Tensor], speakers: Sequence[Tensor] | None = None) -> Tensor:
        """Mean over references (magnitudes [1, bins, t] each, speaker embeddings if it has them) -> [1, gin, 1]."""
        if not references or (speakers is not None and len(speakers) != len(references)):
            raise VoxproofError(
                f"{len(references)} references and {len(speakers or ())} speaker embeddings do not go together",
                cure="Give at least one reference, and one embedding for each where there are any.",
            )
        styles = [self.style(reference) for reference in references]
        embeddings: Sequence[Tensor | None] = speakers if speakers is not None else [None] * len(styles)
        return torch.stack([self.with_speaker(s, e) for s, e in zip(styles, embeddings, strict=True)]).mean(0)

    def prior(
        self,
        tokens: Tensor,
        text: Tensor,
        voice: Tensor,
        *,
        lengths: Tensor | None = None,
        text_lengths: Tensor | None = None,
        speed: float = 1.0,
        attending: bool = False,
    ) -> Prior:
        """Quantised features [b, 768, k] at 25 Hz, phonemes [b, s], voice [b, gin, 1] -> Prior with t = 2 k frames.

        Lengths [b] in frames (50 Hz) and in phonemes; all are real where they are not given.
        """
        tokens = tokens.to(self._like).repeat_interleave(2, dim=-1)
        mask = tokens.new_ones(len(tokens), 1, tokens.shape[2])
        text_mask = tokens.new_ones(len(text), 1, text.shape[1])
        if lengths is not None:
            mask = length_mask(lengths, tokens.shape[2]).to(tokens)
        if text_lengths is not None:
            text_mask = length_mask(text_lengths, text.shape[1]).to(tokens)
        narrow = self.ge_to512(voice.transpose(1, 2)).transpose(1, 2) if self.config.is_pro else voice
        return cast(Prior, self.enc_p(tokens, mask, text, text_mask, narrow, speed, attending))

    @torch.no_grad()
    def decode(
        self,
        codes: Tensor,
        text: Tensor,
        references: Sequence[Tensor],
        speakers: Sequence[Tensor] | None = None,
        *,
        speed: float = 1.0,
        noise_scale: float = 0.5,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Tokens [1, 1, k] and phonemes [1, s] in the voice of the references -> float32 samples [1, 1, n] at 32 kHz.

        Input may lie on any device. n = 1280 k at speed 1, else hop * (int(2 k / speed) + 1). `noise`
        [1, inter, frames] replaces the normal draw, which otherwise comes from `generator`; `noise_scale` 0 gives the
        most likely latent.
        """
        if speed <= 0 or noise_scale < 0:
            raise VoxproofError(f"Speed {speed} and noise scale {noise_scale} must be above and not below 0")
        check_input(codes, text, self.config)
        codes, text = codes.to(self._like.device), text.to(self._like.device)
        voice = self.voice(references, speakers)
        prior = self.prior(self.quantizer.decode(codes), text, voice, speed=speed)
        if noise is None:
            noise = normal(prior.mean.shape, prior.mean.device, generator)
        elif noise.shape != prior.mean.shape:
            raise VoxproofError(f"The noise must be {list(prior.mean.shape)}, not {list(noise.shape)}")
        noise = noise.to(prior.mean.device)
        z_p = (prior.mean + noise * prior.log_scale.float().exp() * noise_scale).to(self._like)
        z = self.flow(z_p, prior.mask, voice, reverse=True)
        wave: Tensor = self.dec(z * prior.mask, voice)
        return wave.float()

    def train_forward(
        self,
        ssl: Tensor,
        spectrum: Tensor,
        lengths: Tensor,
        text: Tensor,
        text_lengths: Tensor,
        speaker: Tensor | None = None,
        *,
        noise: Tensor | None = None,
        places: Tensor | None = None,
        pitch: Tensor | None = None,
        window: int = 0,
        prior_only: bool = False,
        alignment: Tensor | None = None,
    ) -> TrainingOutput:
        """One batch through posterior, flow and vocoder.

        Features [b, 768, t] and magnitudes [b, bins, t] with the same even t, lengths [b] in frames, phonemes [b, s],
        text lengths [b], Pro and lite: speaker embeddings [b, width]. Draws may be given: normal `noise` [b, inter, t]
        for the posterior sample, uniform `places` [b] (0 to below 1) for where each slice starts. The light head needs
        the `pitch` [b, 2 t] in Hz, 0 where there is no voice. `window`: even, not below the slice's frames; only so
        many of each clip go through posterior and flow, and 3 s into the voice, which is less work; the text is whole.
        `prior_only`, for the light head: what the prior's mean sounds like, all frames of the window as one slice,
        and no posterior. `alignment` [b, t]: which phoneme each frame says, -1 where that is not known.
        """
        config, frames = self.config, spectrum.shape[2]
        if self.enc_q is None and not prior_only:
            raise VoxproofError(
                "A model without posterior encoder cannot be trained", cure="Load a pretrained s2G file."
            )
        if ssl.shape[2] != frames or frames % 2 or frames < config.segment_frames:
            raise VoxproofError(
                f"{ssl.shape[2]} frames of features and {frames} of spectrogram cannot be trained on",
                cure=f"Both need the same even number, at least {config.segment_frames}; pad the batch.",
            )
        mask = length_mask(lengths, frames).to(spectrum)
        places = torch.rand(len(lengths), device=lengths.device) if places is None else places
        heard = spectrum, mask
        if window > 0 and frames > STYLE_FRAMES:
            first = (places * (lengths - STYLE_FRAMES + 1).clamp(min=1)).long()
            heard = time_slices(spectrum, first, STYLE_FRAMES), time_slices(mask, first, STYLE_FRAMES)
        voice = self.with_speaker(self.style(*heard), speaker)
        size = min(window or frames, frames) if prior_only else config.segment_frames
        starts = (places * (lengths - size + 1).clamp(min=1)).long()
        begin = torch.zeros_like(starts)
        if 0 < window < frames:  # with the slice in its middle, as far as the clip goes
            begin = (starts - (window - size) // 2).clamp(min=0) // 2 * 2  # a token is two frames
            begin = torch.minimum(begin, ((lengths - window).clamp(min=0) + 1) // 2 * 2)
            ssl, spectrum, mask = (time_slices(x, begin, window) for x in (ssl, spectrum, mask))
            lengths = (lengths - begin).clamp(max=window)
        starts = begin if prior_only else starts
        inside = starts - begin
        learns = torch.is_grad_enabled() and not config.freeze_quantizer
        exact = torch.autocast(ssl.device.type, enabled=False)  # half precision moves frames to the next code
        with torch.set_grad_enabled(learns), exact:
            tokens, commitment = self.quantizer(self.ssl_proj(ssl))
        attending = alignment is not None
        prior = self.prior(tokens, text, voice, lengths=lengths, text_lengths=text_lengths, attending=attending)
        attention = prior.mean.new_zeros(())
        if alignment is not None and prior.attention is not None:
            here = time_slices(alignment[:, None], begin, prior.mean.shape[2])[:, 0]
            attention = guided_attention_loss(prior.attention, here)
        latents: list[Tensor] = []
        z, z_p, m_q, logs_q = prior.mean, prior.mean, prior.mean, prior.log_scale - 0.5  # whose divergence is 0
        if self.enc_q is not None and not prior_only:
            m_q, logs_q = self.enc_q(spectrum, mask, voice)
            if noise is None:
                noise = torch.randn_like(m_q, dtype=torch.float32)
            elif noise.shape[2] != m_q.shape[2]:
                noise = time_slices(noise, begin, m_q.shape[2])
            z = (m_q + noise * logs_q.exp()) * mask
            z_p = self.flow(z, mask, voice)
            latents.append(z)
        if isinstance(self.dec, FourierDecoder):
            # tokens and frames lie on one grid: what the prior expects can be compared with the recording, too
            latents.append(self.flow(prior.mean, mask, voice, reverse=True) * mask)
            if pitch is None:
                raise VoxproofError("The light head is trained with the pitch", cure="Prepare the data with --student.")
            given = time_slices(pitch[:, None], 2 * begin, 2 * z.shape[2])[:, 0]
            waves, distance = self._light_waves(self.dec, latents, voice, mask, given, inside, size)
            wave, prior_wave = waves[0], None if prior_only else waves[1]
        else:
            wave, prior_wave = self.dec(time_slices(z, inside, size), voice), None
            distance = z.new_zeros(())
        return TrainingOutput(
            wave, starts, mask, z, z_p, prior.mean, prior.log_scale, m_q, logs_q, commitment, distance, prior_wave,
            attention,
        )  # fmt: skip

    @staticmethod
    def _light_waves(
        decoder: FourierDecoder,
        latents: Sequence[Tensor],
        voice: Tensor,
        mask: Tensor,
        pitch: Tensor,
        inside: Tensor,
        size: int,
    ) -> tuple[tuple[Tensor, ...], Tensor]:
        """Slices of `size` frames from `inside` [b] on, of latents [b, c, t], told the pitch [b, 2 t] in Hz.

        -> waves [b, 1, size * hop], one for each latent, and the sum of the distances of the pitch heard in them.
        """
        count = len(latents)
        latent, voices, masks, given, at = (
            torch.cat(list(parts)) for parts in (latents, *([x] * count for x in (voice, mask, pitch, inside)))
        )
        heard = decoder.pitch(latent, voices)
        source = (time_slices(x[:, None], 2 * at, 2 * size)[:, 0] for x in told(heard, given))
        waves = decoder(time_slices(latent, at, size), voices, Pitch(*source)).chunk(count)
        return waves, count * pitch_distance(heard, given, masks)
