"""The second trained line: fine spectrum and phase of the sound itself, without any network that learnt speech.

What vocoders leave is often not in the words or the voice but between the lines of the spectrum: regular fine structure
(J. Frank, L. Schönherr, "WaveFake: A Data Set to Facilitate Audio Deepfake Detection", 2021), linear-frequency cepstra
and group delay (both: M. Sahidullah, T. Kinnunen, C. Hanilçi, "A Comparison of Features for Synthetic Speech
Detection", 2015). Bands, cepstra, fine structure and the smoothness of the group delay over frequency stand side by
side in every frame of 20 ms; the same small head as the speech network's reads their statistics over time. It shares
nothing with detectors/inference.py but that head, so that the two lines can disagree; what they share all the same is
learnt by detectors/fusion.py.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from scipy.fft import dct

from detectors.head import Heard, StatisticsHead
from synth.errors import VoxproofError

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SpectralConfig:
    """Shape of the front end and its head; travels in the metadata of the weights."""

    window: int = 512
    """Samples of the Hann window (32 ms at 16 kHz)."""
    hop: int = 320
    """Samples between frames (20 ms)."""
    bands: int = 60
    """Linear bands from 0 to 8 kHz."""
    cepstra: int = 20
    """Linear-frequency cepstral coefficients."""
    smoothing: int = 9
    """Bins whose mean is taken from the fine spectrum."""
    phase_bands: int = 16
    """Bands in which the smoothness of the group delay is averaged."""
    hidden: int = 256
    """Units of the head."""
    span: int = 51
    """Frames of 20 ms whose statistics make the score of the middle one."""

    @property
    def channels(self) -> int:
        """Numbers in one frame."""
        return self.bands + self.cepstra + self.window // 2 + self.phase_bands

    def metadata(self) -> dict[str, str]:
        """As the strings that safetensors carries."""
        return {key: str(value) for key, value in asdict(self).items()}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every tensor of the weights and its shape."""
        return {
            "head.hidden.weight": (self.hidden, 3 * self.channels),
            "head.hidden.bias": (self.hidden,),
            "head.out.weight": (1, self.hidden),
            "head.out.bias": (1,),
        }


def spectral_frames(samples: FloatArray, config: SpectralConfig) -> FloatArray:
    """Samples [time] at 16 kHz -> [time // 320, channels]: bands, cepstra, fine structure, smoothness of group delay.

    The level is normalised to the loud frames; everything quieter than 70 dB below the loudest cell is cut off.
    """
    size, hop = config.window, config.hop
    padded = np.pad(samples, size // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][: max(len(samples) // hop, 2)]
    hann = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)
    spectrum = np.fft.rfft(frames * hann, axis=1)[:, 1:].astype(np.complex64)
    power = np.abs(spectrum) ** 2
    loudness = power.mean(1)
    level = float(loudness[loudness > loudness.max() * 1e-3].mean()) if loudness.max() > 0 else 1.0
    log = np.log10(np.maximum(power / max(level, 1e-12), 1e-10))
    log = np.maximum(log, log.max() - 7.0)
    edges = np.linspace(0, log.shape[1], config.bands + 1).astype(int)
    bands = np.stack([log[:, low:high].mean(1) for low, high in itertools.pairwise(edges)], 1)
    cepstra = dct(bands, type=2, norm="ortho", axis=1)[:, 1 : config.cepstra + 1]
    margin = config.smoothing // 2
    sums = np.cumsum(np.pad(log, ((0, 0), (margin + 1, margin)), mode="edge"), axis=1)
    fine = log - (sums[:, config.smoothing :] - sums[:, : -config.smoothing]) / config.smoothing
    unit = spectrum / np.maximum(np.abs(spectrum), 1e-9)
    delay = unit[:, 1:] * unit[:, :-1].conj()
    bend = (delay[:, 1:] * delay[:, :-1].conj()).real
    phase = bend[:, : bend.shape[1] // config.phase_bands * config.phase_bands]
    smooth = phase.reshape(len(phase), config.phase_bands, -1).mean(2)
    return np.concatenate([bands, cepstra, fine, smooth], axis=1).astype(np.float32)


class SpectralScorer:
    """Samples [time], 16 kHz -> what is heard in the window, frame logits [time // 320]."""

    def __init__(self, config: SpectralConfig, state: dict[str, FloatArray]) -> None:
        self.config = config
        self.state = state
        self.head = StatisticsHead(state, config.span)

    def __call__(self, samples: FloatArray) -> Heard:
        """Score one window."""
        return self.head(spectral_frames(samples, self.config))

    def logit(self, samples: FloatArray) -> float:
        """The window logit alone."""
        return self.head.window(spectral_frames(samples, self.config))


def load_spectral(path: Path) -> SpectralScorer:
    """A scorer from safetensors whose metadata hold its configuration."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            config = SpectralConfig(**{k: int(v) for k, v in metadata.items() if k in asdict(SpectralConfig())})
            state = {key: file.get_tensor(key).astype(np.float32) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError, OSError) as error:
        raise VoxproofError(f"not the weights of the spectral detector ({error})", path=path) from error
    if {key: value.shape for key, value in state.items()} != config.shapes():
        raise VoxproofError(
            "not the weights of this spectral detector (other tensors or shapes)",
            path=path,
            cure="Reinstall voxproof.",
        )
    return SpectralScorer(config, state)
