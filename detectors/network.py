"""The speech network: log-mel, the first layers of Whisper's encoder, and a small head of our own.

Front end, stem and encoder layers follow A. Radford et al., "Robust Speech Recognition via Large-Scale Weak
Supervision" (2022), and start from the weights of OpenAI's Whisper-base (MIT licence); positions are 0..T-1 on the
window alone, never on 30 s of padding. The head sees statistics over time of each
layer (statistics pooling: D. Snyder et al., "X-Vectors: Robust DNN Embeddings for Speaker Recognition", 2018), so that
the score of a window, of a second and of a whole clip mean the same.
All of it is trained by detectors.train; detectors/inference.py is its twin that listens, without PyTorch.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from detectors.inference import HOP, NetworkConfig, SpeechScorer, mel_filters, sinusoids


class LogMel(nn.Module):
    """Level-normalised log-mel: samples [batch, time] -> [batch, time // 160, mels]."""

    hann: Tensor
    filters: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("hann", torch.hann_window(config.window), persistent=False)
        self.register_buffer("filters", torch.from_numpy(mel_filters(config.mels, config.window)), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        spectrum = torch.stft(
            samples, self.config.window, HOP, window=self.hann, center=True, pad_mode="reflect", return_complex=True
        )
        power = spectrum[..., :-1].abs().square()  # [batch, bins, frames]
        mel = (self.filters @ power).transpose(1, 2)  # [batch, frames, mels]
        loudness = mel.sum(-1)
        active = loudness > loudness.amax(1, keepdim=True) * 1e-3
        level = (loudness * active).sum(1) / active.sum(1).clamp(
            min=1
        )  # mean power of what is within 30 dB of the loudest
        mel = mel / level.clamp(min=1e-12)[:, None, None]
        log = mel.clamp(min=1e-10).log10() + 1.0
        log = torch.maximum(log, log.amax((1, 2), keepdim=True) - self.config.floor)
        return (log + 4.0) / 4.0


class EncoderLayer(nn.Module):
    """Pre-norm self-attention and feed-forward: [batch, time, width] -> the same."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value = (
            nn.Linear(width, width),
            nn.Linear(width, width, bias=False),
            nn.Linear(width, width),
        )
        self.out = nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, time, width = x.shape
        y = self.attention_norm(x)
        q, k, v = (
            part(y).view(batch, time, self.heads, -1).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        x = x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, time, width))
        out: Tensor = x + self.down(F.gelu(self.up(self.mlp_norm(x))))
        return out


class Head(nn.Module):
    """One hidden layer on three statistics of every channel over time: mean, deviation, steps between frames.

    Layers [n][batch, time, width] -> (window logit [batch], from the whole window; frame logits [batch, time], from the
    second around each frame with the same constants).
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.span = config.span
        self.hidden = nn.Linear(3 * config.channels, config.hidden)
        self.out = nn.Linear(config.hidden, 1)

    def forward(self, layers: list[Tensor]) -> tuple[Tensor, Tensor]:
        x = torch.cat(layers, -1).float()
        frames = statistics(self.around(x), self.around(x.square()), self.around(steps(x)))
        return self.logit(self.pooled(layers)), self.logit(frames)

    def logit(self, pooled: Tensor) -> Tensor:
        """Statistics [..., features] -> logit [...]."""
        out: Tensor = self.out(F.gelu(self.hidden(pooled))).squeeze(-1)
        return out

    @staticmethod
    def pooled(layers: list[Tensor]) -> Tensor:
        """Statistics over the whole window: [batch, features]."""
        x = torch.cat(layers, -1).float()
        return statistics(x.mean(1), x.square().mean(1), steps(x).mean(1))

    def around(self, x: Tensor) -> Tensor:
        """Mean over `span` frames centred on each, fewer at the edges: [batch, time, channels] -> the same."""
        half = min(self.span, 2 * x.shape[1] - 1) // 2
        pooled = F.avg_pool1d(x.transpose(1, 2), 2 * half + 1, 1, half, count_include_pad=False)
        return pooled.transpose(1, 2)


def steps(x: Tensor) -> Tensor:
    """Squared differences between neighbouring frames, the last one repeated: [batch, time, channels] -> the same."""
    difference = (x[:, 1:] - x[:, :-1]).square()
    return torch.cat([difference, difference[:, -1:]], 1)


def statistics(mean: Tensor, square: Tensor, step: Tensor) -> Tensor:
    """Mean, deviation and root mean squared step side by side: [..., channels] -> [..., 3 * channels]."""
    return torch.cat([mean, (square - mean.square()).clamp(min=1e-6).sqrt(), step.clamp(min=1e-6).sqrt()], -1)


class SpeechNetwork(nn.Module):
    """Samples [batch, time], 16 kHz -> (window logit [batch], frame logits [batch, time // 320]); positive: machine."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.log_mel = LogMel(config)
        self.stem1 = nn.Conv1d(config.mels, config.width, 3, padding=1)
        self.stem2 = nn.Conv1d(config.width, config.width, 3, stride=2, padding=1)
        self.layers = nn.ModuleList(EncoderLayer(config.width, config.heads) for _ in range(config.layers))
        self.head = Head(config)

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        window, frames = self.head(self.encode(self.log_mel(samples)))
        return window, frames

    def encode(self, mel: Tensor) -> list[Tensor]:
        """From the log-mel on: [batch, frames, mels] -> the layers the head hears, each [batch, frames // 2, width]."""
        x = F.gelu(self.stem1(mel.transpose(1, 2)))
        x = F.gelu(self.stem2(x)).transpose(1, 2)
        passed = [x + torch.from_numpy(sinusoids(x.shape[1], x.shape[2])).to(x)]
        for layer in self.layers:
            passed.append(layer(passed[-1]))
        return passed[self.config.first :]


def trainable(scorer: SpeechScorer) -> SpeechNetwork:
    """The PyTorch twin of a network that listens, with the same weights."""
    network = SpeechNetwork(scorer.config)
    network.load_state_dict({key: torch.from_numpy(value) for key, value in scorer.state.items()})
    return network


def from_whisper(weights: dict[str, Tensor], config: NetworkConfig) -> dict[str, Tensor]:
    """Whisper's encoder under the keys of `transformers` -> state of `SpeechNetwork`, without the head."""
    names = {
        "self_attn_layer_norm": "attention_norm",
        "final_layer_norm": "mlp_norm",
        "self_attn.q_proj": "query",
        "self_attn.k_proj": "key",
        "self_attn.v_proj": "value",
        "self_attn.out_proj": "out",
        "fc1": "up",
        "fc2": "down",
    }
    state = {}
    for kind in ("weight", "bias"):
        for i in (1, 2):
            state[f"stem{i}.{kind}"] = weights[f"model.encoder.conv{i}.{kind}"]
        for layer in range(config.layers):
            for theirs, ours in names.items():
                key = f"model.encoder.layers.{layer}.{theirs}.{kind}"
                if key in weights:
                    state[f"layers.{layer}.{ours}.{kind}"] = weights[key]
    return {key: value.float() for key, value in state.items()}
