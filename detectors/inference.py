"""The speech network as it listens: NumPy alone, so that a cold command need not wait for PyTorch.

`detectors/network.py` is the same network in PyTorch, where it is trained and described; a test holds the two together
to rounding. The import of PyTorch takes longer than everything else that examines a clip of ten seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from detectors.head import Heard, StatisticsHead, gelu
from synth.errors import VoxproofError

RATE = 16_000
HOP = 160
FRAME = 320
"""Samples a score stands for: 20 ms."""

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of the network; travels in the metadata of the weights."""

    mels: int = 80
    """Mel bands from 0 to 8 kHz."""
    window: int = 400
    """Samples of the Hann window of the spectrogram (25 ms)."""
    width: int = 512
    """Channels of the encoder."""
    heads: int = 8
    """Attention heads."""
    layers: int = 1
    """Encoder layers kept, of Whisper-base's six."""
    first: int = 0
    """First layer that the head hears; the stem is 0."""
    hidden: int = 256
    """Units of the head."""
    span: int = 51
    """Frames of 20 ms whose statistics make the score of the middle one."""
    floor: float = 7.0
    """Decades below the loudest band at which the log-mel is cut off."""

    def metadata(self) -> dict[str, str]:
        """As the strings that safetensors carries."""
        return {key: str(value) for key, value in asdict(self).items()}

    @classmethod
    def from_metadata(cls, metadata: dict[str, str]) -> NetworkConfig:
        """The inverse of `metadata`; unknown keys are passed over."""
        names = asdict(cls())
        numbers: dict[str, Any] = {k: float(v) if k == "floor" else int(v) for k, v in metadata.items() if k in names}
        return cls(**numbers)

    @property
    def channels(self) -> int:
        """Channels of a frame that the head hears."""
        return self.width * (self.layers + 1 - self.first)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every tensor of the weights and its shape."""
        wide, feed = self.width, 4 * self.width
        shapes: dict[str, tuple[int, ...]] = {
            "stem1.weight": (wide, self.mels, 3),
            "stem1.bias": (wide,),
            "stem2.weight": (wide, wide, 3),
            "stem2.bias": (wide,),
            "head.hidden.weight": (self.hidden, 3 * self.channels),
            "head.hidden.bias": (self.hidden,),
            "head.out.weight": (1, self.hidden),
            "head.out.bias": (1,),
        }
        for n in range(self.layers):
            layer = f"layers.{n}"
            shapes |= {f"{layer}.{name}.{part}": (wide,) for name in ("attention_norm", "mlp_norm") for part in PARTS}
            shapes |= {f"{layer}.{name}.weight": (wide, wide) for name in ("query", "key", "value", "out")}
            shapes |= {f"{layer}.{name}.bias": (wide,) for name in ("query", "value", "out", "down")}
            shapes |= {f"{layer}.up.weight": (feed, wide), f"{layer}.up.bias": (feed,)}
            shapes |= {f"{layer}.down.weight": (wide, feed)}
        return shapes


PARTS = ("weight", "bias")


class SpeechScorer:
    """Samples [time], 16 kHz -> what is heard in the window, frame logits [time // 320]."""

    def __init__(self, config: NetworkConfig, state: Mapping[str, FloatArray]) -> None:
        self.config = config
        self.state = state
        self.head = StatisticsHead(state, config.span)
        self.hann = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(config.window) / config.window)).astype(np.float32)
        self.filters = mel_filters(config.mels, config.window)

    def __call__(self, samples: FloatArray) -> Heard:
        """Score one window, level-normalised inside."""
        return self.head(np.concatenate(self.encode(self.log_mel(samples)), axis=1))

    def logit(self, samples: FloatArray) -> float:
        """The window logit alone."""
        return self.head.window(np.concatenate(self.encode(self.log_mel(samples)), axis=1))

    def contributions(self, samples: FloatArray) -> FloatArray:
        """What each unit of the head's hidden layer adds to the logit of one window: [hidden]."""
        return self.head.contributions(np.concatenate(self.encode(self.log_mel(samples)), axis=1))

    def log_mel(self, samples: FloatArray) -> FloatArray:
        """Level-normalised log-mel: samples [time] -> [time // 160, mels]."""
        size = self.config.window
        padded = np.pad(samples, size // 2, mode="reflect")
        frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::HOP][: len(samples) // HOP]
        power = np.abs(np.fft.rfft(frames * self.hann, axis=1)) ** 2
        mel = power @ self.filters.T
        loudness = mel.sum(1)
        active = loudness > loudness.max() * 1e-3
        mel = mel / max(float(loudness[active].sum() / max(int(active.sum()), 1)), 1e-12)
        log = np.log10(np.maximum(mel, 1e-10)) + 1.0
        log = np.maximum(log, log.max() - self.config.floor)
        return np.asarray((log + 4.0) / 4.0, np.float32)

    def encode(self, mel: FloatArray) -> list[FloatArray]:
        """From the log-mel on: [frames, mels] -> the layers that the head hears, each [frames // 2, width]."""
        x = gelu(self._convolved(gelu(self._convolved(mel, "stem1", 1)), "stem2", 2))
        passed = [x + sinusoids(*x.shape)]
        for n in range(self.config.layers):
            passed.append(self._layer(passed[-1], f"layers.{n}"))
        return passed[self.config.first :]

    def _convolved(self, x: FloatArray, name: str, stride: int) -> FloatArray:
        """Three taps, padded by one: [time, in] -> [time / stride, out]."""
        padded = np.pad(x, ((1, 1), (0, 0)))
        taps = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=0)[::stride]  # [time, in, 3]
        weight = self.state[f"{name}.weight"]
        product = taps.reshape(len(taps), -1) @ weight.reshape(len(weight), -1).T
        return np.asarray(product + self.state[f"{name}.bias"])

    def _layer(self, x: FloatArray, name: str) -> FloatArray:
        """Pre-norm self-attention and feed-forward: [time, width] -> the same."""
        time, width = x.shape
        y = self._normed(x, f"{name}.attention_norm")
        query, key, value = (
            self._linear(y, f"{name}.{part}").reshape(time, self.config.heads, -1).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(width // self.config.heads)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True) @ value).transpose(1, 0, 2).reshape(time, width)
        x = x + self._linear(mixed, f"{name}.out")
        hidden = gelu(self._linear(self._normed(x, f"{name}.mlp_norm"), f"{name}.up"))
        return np.asarray(x + self._linear(hidden, f"{name}.down"))

    def _linear(self, x: FloatArray, name: str) -> FloatArray:
        product = x @ self.state[f"{name}.weight"].T
        bias = self.state.get(f"{name}.bias")
        return np.asarray(product if bias is None else product + bias)

    def _normed(self, x: FloatArray, name: str) -> FloatArray:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
        return np.asarray(scaled * self.state[f"{name}.weight"] + self.state[f"{name}.bias"])


def load_network(path: Path) -> SpeechScorer:
    """A network from safetensors whose metadata hold its configuration."""
    try:
        with safe_open(path, framework="numpy") as file:
            config = NetworkConfig.from_metadata(file.metadata() or {})
            state = {key: file.get_tensor(key).astype(np.float32) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError, OSError) as error:
        raise VoxproofError(f"not the weights of a speech detector ({error})", path=path) from error
    if {key: value.shape for key, value in state.items()} != config.shapes():
        raise VoxproofError(
            "not the weights of this speech detector (other tensors or shapes)", path=path, cure="Reinstall voxproof."
        )
    return SpeechScorer(config, state)


def mel_filters(mels: int, window: int, rate: int = RATE) -> FloatArray:
    """Slaney's mel filters, area-normalised, as Whisper uses them: [mels, window // 2 + 1]."""

    def to_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * math.log(6.4) / 27))

    top = 15 + 27 / math.log(6.4) * math.log(rate / 2 / 1000)
    edges = to_hz(np.linspace(0, top, mels + 2))
    bins = np.arange(window // 2 + 1) * rate / window
    rising = (bins[None] - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins[None]) / np.diff(edges)[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))[:, None]
    return triangles.astype(np.float32)


def sinusoids(length: int, width: int) -> FloatArray:
    """Whisper's positions: [length, width]."""
    rate = np.exp(-math.log(10_000) / (width // 2 - 1) * np.arange(width // 2))
    angle = np.arange(length)[:, None] * rate[None]
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1).astype(np.float32)
