"""The voiceprint network in NumPy: mel powers of 1.6 s of speech -> what tells one voice from another.

Three LSTM layers and a projection (L. Wan et al., "Generalized end-to-end loss for speaker verification", ICASSP 2018,
arXiv:1710.10467); shape and first weights are those of resemblyzer (C. Jemine, Apache-2.0). The vectors of the windows
are averaged, and a linear map learnt on many channels (within-class covariance normalisation, A. Hatch, S. Kajarekar
and A. Stolcke, Interspeech 2006) leaves what varies between voices. `synth.train.voiceprint` is the same in PyTorch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from synth.measures import HOP as ACTIVITY_HOP
from synth.measures import speech_frames

FloatArray = npt.NDArray[np.float32]

RATE = 16_000
BANDS = 40
WINDOW, HOP = 400, 160
"""Samples of the Hann window of a spectrum and from one to the next: 25 and 10 ms."""
FRAMES = 160
"""Spectra that the network hears at a time: 1.6 s."""
STEP = 120
"""Most spectra from one window to the next."""
LEVEL = 10 ** (-27 / 20)
"""Effective value that the speech is brought to, full scale 1."""
UNITS = 256
"""Of each LSTM layer and of the projection."""
LAYERS = 3
LEAST_GROUP = 2
"""Windows on either side for a recording to be asked whether it holds two voices."""
STRETCHES, STRETCH = 6, 10 * RATE
"""Of more than a minute of speech so many stretches of so many samples are heard, evenly spread."""


def shapes(dimensions: int) -> dict[str, tuple[int, ...]]:
    """Every tensor of the weights and its shape."""
    found: dict[str, tuple[int, ...]] = {
        "filters": (BANDS, WINDOW // 2 + 1),
        "linear.weight": (UNITS, UNITS),
        "linear.bias": (UNITS,),
        "mean": (UNITS,),
        "map": (dimensions, UNITS),
    }
    for n in range(LAYERS):
        found[f"lstm.weight_ih_l{n}"] = (4 * UNITS, UNITS if n else BANDS)
        found[f"lstm.weight_hh_l{n}"] = (4 * UNITS, UNITS)
        found[f"lstm.bias_l{n}"] = (4 * UNITS,)
    return found


def mel_powers(samples: FloatArray, filters: FloatArray) -> FloatArray:
    """Samples [time] at 16 kHz -> powers of mel bands [1 + time // 160, 40]; zeros are assumed around the samples."""
    padded = np.pad(samples, WINDOW // 2).astype(np.float32)
    hann = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    spectra = np.fft.rfft(frames * hann, axis=1)
    return np.asarray((spectra.real**2 + spectra.imag**2).astype(np.float32) @ filters.T, np.float32)


def speech_mel(samples: FloatArray, filters: FloatArray) -> FloatArray:
    """Samples [time] at 16 kHz -> mel powers of the speech in them, at one level; no speech: [0, 40]."""
    marked = np.repeat(speech_frames(samples), ACTIVITY_HOP)[: len(samples)]
    speech = samples[marked]
    if len(speech) > STRETCHES * STRETCH:
        first = np.linspace(0, len(speech) - STRETCH, STRETCHES).astype(np.int64)
        speech = np.concatenate([speech[start : start + STRETCH] for start in first])
    power = float(np.mean(speech.astype(np.float64) ** 2)) if len(speech) else 0.0
    if power <= 0.0:
        return np.zeros((0, len(filters)), np.float32)
    return mel_powers(speech * np.float32(LEVEL / np.sqrt(power)), filters)


def starts(frames: int) -> npt.NDArray[np.int64]:
    """First spectra of the windows that are heard of so many; the last window ends with the last spectrum."""
    last = max(frames - FRAMES, 0)
    count = 1 + -(-last // STEP)
    return np.linspace(0, last, count).round().astype(np.int64)


class VoiceNetwork:
    """Mel powers -> embedding; holds its weights as float32."""

    def __init__(self, state: Mapping[str, npt.NDArray[np.float16] | FloatArray]) -> None:
        tensors = {name: np.asarray(tensor, np.float32) for name, tensor in state.items()}
        self.filters = tensors["filters"]
        half = np.ones((4 * UNITS, 1), np.float32)  # sigmoid(x) = tanh(x / 2) / 2 + 1 / 2
        half[: 2 * UNITS] = half[3 * UNITS :] = 0.5
        self._layers = [
            (
                np.ascontiguousarray((tensors[f"lstm.weight_ih_l{n}"] * half).T),
                np.ascontiguousarray((tensors[f"lstm.weight_hh_l{n}"] * half).T),
                tensors[f"lstm.bias_l{n}"] * half[:, 0],
            )
            for n in range(LAYERS)
        ]
        self._linear = np.ascontiguousarray(tensors["linear.weight"].T), tensors["linear.bias"]
        self._mean, self._map = tensors["mean"], tensors["map"]

    def windows(self, mel: FloatArray) -> FloatArray:
        """Mel powers [windows, time, 40] -> vectors of unit length [windows, 256]."""
        x = np.ascontiguousarray(mel.transpose(1, 0, 2))  # [time, windows, bands]
        for inputs, recurrent, bias in self._layers:
            x = _lstm(x, inputs, recurrent, bias)
        weight, bias = self._linear
        return unit(np.maximum(x[-1] @ weight + bias, 0.0))

    def heard(self, mel: FloatArray) -> FloatArray:
        """Mel powers [time, 40] of speech -> a vector for each window [windows, 256]; less than a window: as it is."""
        return self.windows(np.stack([mel[start : start + FRAMES] for start in starts(len(mel))]))

    def voice(self, mel: FloatArray) -> FloatArray:
        """Mel powers [time, 40] of speech -> the mean of `heard` [256]."""
        return np.asarray(self.heard(mel).mean(axis=0), np.float32)

    def described(self, voice: FloatArray) -> FloatArray:
        """Mean vector [256] -> four times its distance from the mean of many voices [256]."""
        return np.asarray(4 * (unit(voice) - self._mean), np.float32)

    def embedding(self, voice: FloatArray) -> FloatArray:
        """Mean vectors [..., 256] -> embeddings [..., dimensions] of unit length."""
        return unit((unit(voice) - self._mean) @ self._map.T)


def unit(vectors: npt.NDArray[np.floating[Any]]) -> FloatArray:
    """Vectors [..., n] brought to length 1; zeros stay zeros."""
    length = np.sqrt((vectors.astype(np.float64) ** 2).sum(axis=-1, keepdims=True))
    return np.asarray(vectors / np.maximum(length, 1e-12), np.float32)


def likeness_of_halves(embeddings: FloatArray) -> float | None:
    """Cosine between the means of the two groups that windows [windows, n] fall into along their main direction.

    Low where two voices speak. None when a group has less than `LEAST_GROUP` windows.
    """
    centred = embeddings.astype(np.float64) - embeddings.mean(axis=0, dtype=np.float64)
    values, vectors = np.linalg.eigh(centred @ centred.T)
    positive = vectors[:, -1] > 0
    if min(int(positive.sum()), int((~positive).sum())) < LEAST_GROUP or values[-1] <= 1e-9:
        return None
    one, two = unit(embeddings[positive].mean(axis=0)), unit(embeddings[~positive].mean(axis=0))
    return float(np.clip(one @ two, -1.0, 1.0))


def _lstm(x: FloatArray, inputs: FloatArray, recurrent: FloatArray, bias: FloatArray) -> FloatArray:
    """One layer, gates in the order input, forget, cell, output: [time, batch, in] -> [time, batch, UNITS]."""
    steps, batch, width = x.shape
    driven = (x.reshape(-1, width) @ inputs + bias).reshape(steps, batch, 4 * UNITS)
    out = np.empty((steps, batch, UNITS), np.float32)
    hidden = np.zeros((batch, UNITS), np.float32)
    cell = np.zeros((batch, UNITS), np.float32)
    for t in range(steps):
        gates = hidden @ recurrent
        gates += driven[t]
        np.tanh(gates, out=gates)
        take, keep, new, give = np.split(gates, 4, axis=1)
        cell = (0.5 * keep + 0.5) * cell + (0.5 * take + 0.5) * new
        hidden = (0.5 * give + 0.5) * np.tanh(cell)
        out[t] = hidden
    return out
