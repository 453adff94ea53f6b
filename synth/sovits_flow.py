"""SoVITS (S2), versions v3 and v4: semantic tokens, phonemes and a reference voice -> a mel spectrogram -> sound.

Tokens, phonemes and voice meet in the encoders of v2 (synth/sovits.py). What they say is widened, stretched to the
frames of a mel and smoothed by a WaveNet stack; a flow-matching transformer (synth/flow_matching.py) then continues the
reference's mel under it, some ten seconds at a time, and a vocoder (synth/vocoders.py) makes sound of the mel.

    codes, text, voice -> enc_p -> bridge -> stretched -> wns1 -> features [1, 512, t]
    reference's features and mel -> continued chunk by chunk, each with the end of the last as its prompt -> mel

v3: 24 kHz, 93.75 mel frames a second; v4: 100, 48 kHz after its vocoder. The tensors of both have the same names and
shapes, so a file does not tell which it is. One reference, and it needs its text and tokens. Attribute names and shapes
are those of the official checkpoints; everything is channel-first, [batch, channels, time].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple, cast, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synth import mel
from synth.errors import VoxproofError
from synth.flow_matching import FlowMatching, TransformerConfig
from synth.sovits import EncoderConfig, Encoders, check_input, load_exactly
from synth.vits_modules import WaveNet, fuse_weight_norm, length_mask, to_type

FlowVersion = Literal["v3", "v4"]


class _Rates(NamedTuple):
    """What v3 and v4 differ in."""

    mel: mel.MelConfig
    """Of the reference, and of what comes out."""
    stretch: float
    """Mel frames a latent frame (50 a second)."""
    counted: float
    """Mel frames a token that are taken for real: in v3 more than there are, in v4, slowed or sped up, the last but one
    may be the last. As in the reference implementation, which the weights were trained with."""
    longest_prompt: int
    """Mel frames of the reference, or of what was last said, that a chunk continues."""
    window: int
    """Mel frames of prompt and chunk together, 10 s."""
    steps: int
    """Euler steps of a sample, if nothing else is asked for."""


RATES: dict[str, _Rates] = {
    "v3": _Rates(mel.V3, 1.875, 3.875, 468, 934, 32),
    "v4": _Rates(mel.V4, 2.0, 4.0, 500, 1000, 8),
}


@dataclass(frozen=True)
class FlowSovitsConfig(EncoderConfig):
    """Sizes of one model of v3 or v4; `inter_channels` is only that of the projection, which v3 and v4 do not use."""

    versions: ClassVar[tuple[str, ...]] = get_args(FlowVersion)
    version: FlowVersion = "v3"
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    """Of the mel decoder. Its `features` is the width of the WaveNet stack, too."""

    @classmethod
    def of(cls, version: FlowVersion) -> FlowSovitsConfig:
        """The official sizes."""
        cls._check(version)
        return cls(version)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], version: str | None = None) -> FlowSovitsConfig:
        """As for the other versions; official configurations do not tell the transformer's sizes."""
        transformer = mapping.get("transformer", {})
        return super().from_mapping({**mapping, "transformer": TransformerConfig(**transformer)}, version)

    @property
    def rates(self) -> _Rates:
        return RATES[self.version]


class _FeatureStack(nn.Module):
    """WaveNet stack between two projections: [b, c, t], mask [b, 1, t], voice [b, gin, 1] -> [b, c, t]."""

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.pre = nn.Conv1d(channels, channels, 1)
        self.enc = WaveNet(channels, 5, 8, condition)
        self.proj = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor, mask: Tensor, voice: Tensor) -> Tensor:
        return cast(Tensor, self.proj(self.enc(self.pre(x) * mask, mask, voice))) * mask


class Spoken(NamedTuple):
    """Something said, or to be said: its tokens and its phonemes."""

    codes: Tensor
    """Semantic tokens [1, 1, k]."""
    text: Tensor
    """Phonemes [1, s]."""


class FlowSovits(Encoders):
    """The whole model but the vocoder. `decode` makes a mel; `train_forward` makes the loss."""

    config: FlowSovitsConfig

    def __init__(self, config: FlowSovitsConfig) -> None:
        super().__init__(config)
        width = config.transformer.features
        self.bridge = nn.Sequential(nn.Conv1d(config.hidden_channels, width, 1), nn.LeakyReLU())
        self.wns1 = _FeatureStack(width, config.gin_channels)
        self.linear_mel = nn.Conv1d(width, config.transformer.mels, 1)  # in the checkpoints, and not used by anything
        self.cfm = FlowMatching(config.transformer)

    def train(self, mode: bool = True) -> FlowSovits:
        super().train(mode)
        if self.config.freeze_quantizer:
            for part in (self.ssl_proj, self.quantizer, self.enc_p):
                part.eval()
        return self

    def load_weights(self, state: Mapping[str, Tensor]) -> None:
        """Loads a checkpoint's tensors, which have to be just those of the model."""
        load_exactly(self, state, self.config.version)

    def for_inference(self, device: torch.device | str | None = None, dtype: torch.dtype = torch.float32) -> FlowSovits:
        """Evaluation mode, weight norm worked out. One way. Half precision is not for codes nor for positions.

        It stays where it is if no device is given.
        """
        fuse_weight_norm(self)
        to_type(self, dtype, ("ssl_proj", "quantizer", "cfm.estimator.rotary_embed"))
        return self.to(device).eval()

    def voice(self, spectrum: Tensor) -> Tensor:
        """A reference's magnitudes [1, bins, t] -> [1, gin, 1]. Several references have no mean here."""
        return self.style(spectrum)

    @torch.no_grad()
    def features(self, spoken: Spoken, voice: Tensor, *, speed: float = 1.0) -> Tensor:
        """What is to be said, in the voice [1, gin, 1] -> features [1, 512, t] at the rate of the mel."""
        if speed <= 0:
            raise VoxproofError(f"Speed {speed} must be above 0")
        check_input(spoken.codes, spoken.text, self.config)
        device = self._like.device
        tokens = self.quantizer.decode(spoken.codes.to(device)).to(self._like).repeat_interleave(2, dim=-1)
        text = spoken.text.to(device)
        real, text_real = tokens.new_ones(1, 1, tokens.shape[2]), tokens.new_ones(1, 1, text.shape[1])
        prior = self.enc_p(tokens, real, text, text_real, voice, speed)
        stretched = self._stretched(prior.features)
        count = int(spoken.codes.shape[2] * self.config.rates.counted / speed) + int(speed != 1)
        counted = length_mask(torch.tensor([count], device=device), stretched.shape[2]).to(stretched)
        return cast(Tensor, self.wns1(stretched, counted, voice))

    def _stretched(self, features: Tensor) -> Tensor:
        """[b, hidden, t] -> [b, 512, int(t * stretch)], by repetition."""
        return F.interpolate(self.bridge(features), scale_factor=self.config.rates.stretch, mode="nearest")

    @torch.no_grad()
    def decode(
        self,
        said: Spoken,
        wanted: Spoken,
        spectrum: Tensor,
        reference: Tensor,
        *,
        steps: int | None = None,
        speed: float = 1.0,
        generator: torch.Generator | None = None,
        voice: Tensor | None = None,
    ) -> Tensor:
        """What is wanted, in the voice of a reference that is said -> log-mel [1, mels, t] for the vocoder, float32.

        The reference's magnitudes [1, bins, t] (`mel.SOVITS`) and log-mel [1, mels, t] (`config.rates.mel`). The mel is
        made in chunks, the prompt of the first being the end of the reference, and that of the others the end of the
        chunk before. 4 to 128 `steps` are usual (v3: 32, v4: 8). `voice` [1, gin, 1] replaces the reference's.
        """
        rates = self.config.rates
        voice = self.voice(spectrum) if voice is None else voice
        past, future = self.features(said, voice), self.features(wanted, voice, speed=speed)
        known = min(past.shape[2], reference.shape[2])
        past, prompt = past[..., :known], mel.normalised(reference[..., :known].float()).to(past.device)
        past, prompt = past[..., -rates.longest_prompt :], prompt[..., -rates.longest_prompt :]
        made = []
        for chunk in torch.split(future, rates.window - prompt.shape[2], dim=2):
            features = torch.cat([past, chunk], dim=2)
            piece = self.cfm.sample(features, prompt, steps or rates.steps, generator=generator)[..., prompt.shape[2] :]
            made.append(piece)
            past, prompt = chunk[..., -prompt.shape[2] :], piece[..., -prompt.shape[2] :]
        return mel.denormalised(torch.cat(made, dim=2))

    def train_forward(
        self,
        ssl: Tensor,
        spectrum: Tensor,
        lengths: Tensor,
        text: Tensor,
        text_lengths: Tensor,
        target: Tensor,
        target_lengths: Tensor,
        *,
        shares: Tensor | None = None,
        noise: Tensor | None = None,
        time: Tensor | None = None,
        shortcut: Tensor | None = None,
    ) -> Tensor:
        """One batch -> loss: that of the flow, and of the codebook unless it is frozen.

        Features [b, 768, t] and magnitudes [b, bins, t] with the same even t, lengths [b] in frames, phonemes [b, s],
        text lengths [b], log-mel [b, mels, u] and its lengths [b]. `shares` [b] (0 to below 1) of two thirds of each
        clip are its prompt; `noise` [b, mels, at least u], `time` and `shortcut` are those of `FlowMatching.loss`. What
        is not given is drawn. A frozen quantizer means frozen text and token encoders, too.
        """
        mask = length_mask(lengths, spectrum.shape[2]).to(spectrum)
        voice = self.style(spectrum, mask)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.config.freeze_quantizer):
            with torch.autocast(ssl.device.type, enabled=False):  # half precision moves frames to the next code
                tokens, commitment = self.quantizer(self.ssl_proj(ssl))
            tokens = tokens.repeat_interleave(2, dim=-1)
            real = length_mask(lengths, tokens.shape[2]).to(tokens)
            text_real = length_mask(text_lengths, text.shape[1]).to(tokens)
            prior = self.enc_p(tokens, real, text, text_real, voice)
        features = self._stretched(prior.features)
        frames = min(features.shape[2], target.shape[2])
        target_lengths = target_lengths.clamp(max=frames)
        features = self.wns1(features[..., :frames], length_mask(target_lengths, frames).to(features), voice)
        shares = torch.rand(len(ssl), device=ssl.device) if shares is None else shares
        prompts = (shares * target_lengths * 2 / 3).long()
        wanted = mel.normalised(target[..., :frames].float())
        noise = None if noise is None else noise[..., :frames]
        flow = self.cfm.loss(wanted, target_lengths, prompts, features, noise=noise, time=time, shortcut=shortcut)
        return flow + cast(Tensor, commitment)
