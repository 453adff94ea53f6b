"""Where one recording was joined to another: features of every 5 ms and a small convolutional network, NumPy alone.

What a join leaves is weak and of several kinds, so the network gets all of them at every instant of a 5 ms grid: the
short-time spectrum (sounds that do not follow each other, a floor that changes), the fine spectrum below 1 kHz (pitch),
whether the partials go on in phase across the instant, how much the samples surprise a linear predictor from either
side, and how far the sound of 20 ms later is from what a predictor extrapolates at low rates (hum, rumble, voice).
Source of prediction as a cue: S. J. Godsill and P. J. W. Rayner, "Digital Audio Restoration", Springer 1998. The other
cues, the network and its training (`detectors/train/boundary.py`) are our own.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from safetensors import SafetensorError, safe_open
from scipy.signal import firwin, oaconvolve

from synth.errors import VoxproofError

RATE = 16_000
HOP = 80
"""Samples between instants: 5 ms."""
MELS = 40
FINE = 32
"""Bins of the fine spectrum, 31 Hz wide, from 31 Hz."""
PHASES = 16
"""Bands of 250 Hz in which the continuity of the phase is averaged."""
ORDER = 16
SLOW = ((2000, 60, 16), (400, 300, 16))
"""Extrapolation at low rates: rate in Hz, milliseconds that are learnt from, order of the predictor."""
FARTHEST = 8.0
"""Standard deviations beyond which a feature counts no further."""
LOUDEST = 100.0
"""Times full scale; what is louder is turned down to it: the features hold eighth powers of the amplitude."""
CHANNELS = MELS + FINE + PHASES + 8 + 4 * len(SLOW)

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class BoundaryConfig:
    """Shape of the network; travels in the metadata of the weights."""

    channels: int = CHANNELS
    """Features of an instant."""
    width: int = 64
    """Channels of the hidden layers."""
    taps: int = 5
    """Instants that a convolution reads."""
    layers: int = 5
    """Convolutions; each reads instants twice as far apart as the one before."""

    def metadata(self) -> dict[str, str]:
        """As the strings that safetensors carries."""
        return {key: str(value) for key, value in asdict(self).items()}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every tensor of the weights and its shape."""
        shapes: dict[str, tuple[int, ...]] = {"mean": (self.channels,), "scale": (self.channels,)}
        for n in range(self.layers):
            shapes[f"layers.{n}.weight"] = (self.width, self.width if n else self.channels, self.taps)
            shapes[f"layers.{n}.bias"] = (self.width,)
        return shapes | {"out.weight": (1, self.width), "out.bias": (1,)}


def boundary_frames(samples: FloatArray) -> FloatArray:
    """Features of samples [time] at 16 kHz, one row for every whole 5 ms: [time // 80, CHANNELS].

    Row i describes what lies around sample 80 i; a row depends on 0.4 s on either side.
    """
    count = len(samples) // HOP
    if count == 0:
        return np.zeros((0, CHANNELS), dtype=np.float32)
    sound = np.asarray(samples, dtype=np.float32)
    sound = sound * np.float32(min(1.0, LOUDEST / max(float(np.abs(sound).max()), LOUDEST)))
    parts = [_mel_levels(sound, count), *_fine_and_phase(sound, count), _surprise(sound, count)]
    parts += [_extrapolated(sound, count, *slow) for slow in SLOW]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _frames(sound: FloatArray, count: int, size: int, before: int) -> npt.NDArray[np.float32]:
    """Stretches of `size` samples, the i-th from `before` samples before instant i; silence outside: [count, size]."""
    padded = np.pad(sound, (before, size + HOP))
    return sliding_window_view(padded, size)[::HOP][:count]


def _hann(size: int) -> FloatArray:
    return (0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(size) + 0.5) / size)).astype(np.float32)


def _mel_levels(sound: FloatArray, count: int) -> FloatArray:
    """log10 power in bands of equal width on the mel scale, frames of 16 ms: [count, MELS]."""
    spectrum = scipy.fft.rfft(_frames(sound, count, 256, 128) * _hann(256), axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    top = 1127.0 * np.log1p(7900.0 / 700.0)
    edges = 700.0 * np.expm1(np.linspace(60.0, top, MELS + 1) / 1127.0)
    bins = np.fft.rfftfreq(256, 1.0 / RATE)
    weights = np.zeros((len(bins), MELS), dtype=np.float32)
    for band, (low, high) in enumerate(itertools.pairwise(edges)):
        inside = (bins >= low) & (bins < high)
        if not inside.any():
            inside[np.abs(bins - (low + high) / 2).argmin()] = True
        weights[inside, band] = 1.0 / inside.sum()
    return np.asarray(np.log10(power @ weights + 1e-8))


def _fine_and_phase(sound: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    """log10 power of the bins below 1 kHz [count, FINE], and continuity of phase by bands [count, PHASES], -1 to 1.

    The phase 10 ms after an instant is compared with that 10 ms before, advanced by the mean of the instantaneous
    frequencies there; the cosine of the error is averaged over the bins of a band by their amplitude.
    """
    bins = 8 * PHASES + 1
    spectrum = scipy.fft.rfft(_frames(sound, count, 512, 256) * _hann(512), axis=1)[:, 1 : bins + 1]
    low = spectrum[:, :FINE]
    fine = np.log10(np.square(low.real) + np.square(low.imag) + 1e-8)
    padded = np.pad(spectrum[:, : bins - 1], ((3, 3), (0, 0)))
    far_left, left, right, far_right = (padded[n : n + count] for n in (0, 1, 5, 6))
    turned = left * far_left.conj()
    turned *= far_right * right.conj()
    # the square of its unit phasor: the mean of both frequencies, four steps on
    turned *= turned / np.maximum(np.square(turned.real) + np.square(turned.imag), 1e-35)
    crossed = right * left.conj()
    size = np.sqrt(np.square(crossed.real) + np.square(crossed.imag))
    goes_on = (crossed.real * turned.real + crossed.imag * turned.imag).reshape(count, PHASES, 8).sum(2)
    return fine, goes_on / (size.reshape(count, PHASES, 8).sum(2) + 1e-9)


def _predictors(frames: npt.NDArray[np.float32], order: int) -> tuple[FloatArray, FloatArray]:
    """Linear prediction of every frame by the autocorrelation method: coefficients [count, order], error power [count].

    The coefficients a of x[n] + sum of a[k] x[n-k-1], by Levinson and Durbin's recursion.
    """
    size = frames.shape[1]
    length = scipy.fft.next_fast_len(size + order + 1, real=True)
    spectrum = scipy.fft.rfft(frames * _hann(size), length, axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    lags = _cosines(length, order + 1) @ power.T.astype(np.float64) / (0.375 * size)
    error = lags[0] * (1.0 + 1e-6) + 1e-10
    found = np.zeros((order, frames.shape[0]))
    for n in range(order):
        left = lags[n + 1] + (found[:n] * lags[n:0:-1]).sum(0)
        turn = -left / error
        found[:n] += turn * found[:n][::-1].copy()
        found[n] = turn
        error = np.maximum(error * (1.0 - turn * turn), 1e-12)
    return found.T.astype(np.float32), error.astype(np.float32)


@cache
def _cosines(length: int, lags: int) -> npt.NDArray[np.float64]:
    """What makes the first lags of an autocorrelation from a power spectrum, [lags, bins]: few, so no inverse FFT."""
    bins = np.arange(length // 2 + 1)
    twice = np.where((bins == 0) | (2 * bins == length), 1.0, 2.0)
    return twice * np.cos(2 * np.pi * np.outer(np.arange(lags), bins) / length) / length


def _surprise(sound: FloatArray, count: int) -> FloatArray:
    """How the 5 ms after an instant surprise the predictor of the 25 ms before, and that of the 25 ms after them.

    Largest error in each quarter against the predictor's own, log10: four from the left, four from the right,
    [count, 8].
    """
    reach = 400 // HOP
    frames = _frames(np.pad(sound, (0, 400)), count + 2 * reach + 1, 400, 800)
    weights, error = _predictors(frames, ORDER)
    own = np.sqrt(error)
    window = np.ascontiguousarray(_frames(sound, count, HOP + 2 * ORDER, ORDER).T)
    before, after = weights[reach : reach + count].T, weights[2 * reach + 1 :][:count].T  # frame i starts 10 before i
    forward = window[ORDER : ORDER + HOP].copy()
    backward = forward.copy()
    for k in range(ORDER):
        forward += before[k] * window[ORDER - k - 1 : ORDER - k - 1 + HOP]
        backward += after[k] * window[ORDER + k + 1 : ORDER + k + 1 + HOP]
    found = []
    for errors, scale in ((forward, own[reach : reach + count]), (backward, own[2 * reach + 1 :][:count])):
        largest = np.abs(errors).reshape(4, HOP // 4, count).max(1).T
        found.append(np.log10((largest + 1e-5) / (scale[:, None] + 1e-5)))
    return np.concatenate(found, axis=1)


def _extrapolated(sound: FloatArray, count: int, rate: int, learnt_ms: int, order: int) -> FloatArray:
    """Error of extrapolation across the instant at a low rate, from the left and from the right: [count, 4].

    A predictor of the stretch that ends 10 ms before the instant goes on alone; its error is taken in those 10 ms, and
    from 10 to 20 ms after the instant, against the power there and the predicted power, log10.
    """
    step = RATE // rate
    taps = firwin(8 * step + 1, 0.45 * rate, fs=RATE).astype(np.float32)
    slow = oaconvolve(np.pad(sound, (0, 4 * step)), taps)[4 * step :: step]
    hop, size = rate // 200, learnt_ms * rate // 1000
    reach = size + 4 * hop
    padded = np.pad(slow.astype(np.float32), (reach, reach + hop))
    stretches = sliding_window_view(padded, size)[::hop]
    # frame j starts at slow sample j * hop - reach
    last = (count - 1) + (reach + 2 * hop) // hop + 1
    weights, _ = _predictors(stretches[:last], order)
    found = []
    for side in (1, -1):
        # the stretch ends 2 hops before the instant (side 1), or starts 2 hops after it (side -1)
        first = (reach - size - 2 * hop) // hop if side == 1 else (reach + 2 * hop) // hop
        coefficients = weights[first : first + count]
        starts = first * hop + np.arange(count) * hop
        if side == 1:
            known = padded[(starts + size - order)[:, None] + np.arange(order)]
            true = padded[(starts + size)[:, None] + np.arange(6 * hop)]
        else:
            known = padded[(starts + order - 1)[:, None] - np.arange(order)]
            true = padded[(starts - 1)[:, None] - np.arange(6 * hop)]
        line = np.empty((order + 6 * hop, count), dtype=np.float32)
        line[:order] = known.T
        turned = np.ascontiguousarray(coefficients[:, ::-1].T)
        for n in range(6 * hop):
            line[order + n] = -(turned * line[n : n + order]).sum(0)
        guessed = line[order:].T
        for part in (slice(0, 2 * hop), slice(4 * hop, 6 * hop)):
            missed = np.square(true[:, part] - guessed[:, part]).mean(1)
            there = np.square(true[:, part]).mean(1) + np.square(guessed[:, part]).mean(1)
            found.append(np.log10((missed + 1e-9) / (there + 1e-9) + 1e-3))
    return np.stack(found, axis=1)


class BoundaryScorer:
    """Samples [time], 16 kHz -> log-odds of a join at every whole 5 ms [time // 80]."""

    def __init__(self, config: BoundaryConfig, state: dict[str, FloatArray]) -> None:
        self.config = config
        self.state = state

    def __call__(self, samples: FloatArray) -> FloatArray:
        """Score a stretch of sound."""
        return self.forward(boundary_frames(samples))

    def forward(self, frames: FloatArray) -> FloatArray:
        """Features [instants, channels] -> log-odds [instants]."""
        config, state = self.config, self.state
        x = np.clip((frames - state["mean"]) * state["scale"], -FARTHEST, FARTHEST)
        for n in range(config.layers):
            weight, apart = state[f"layers.{n}.weight"], 2**n
            margin = config.taps // 2 * apart
            padded = np.pad(x, ((margin, margin), (0, 0)))
            y = np.broadcast_to(state[f"layers.{n}.bias"], (len(x), config.width)).copy()
            for tap in range(config.taps):
                y += padded[tap * apart : tap * apart + len(x)] @ weight[:, :, tap].T
            np.maximum(y, 0.0, out=y)
            x = x + y if n else y
        return np.asarray((x @ state["out.weight"].T + state["out.bias"])[:, 0])


def load_boundary(path: Path) -> BoundaryScorer:
    """A scorer from safetensors whose metadata hold its configuration."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            config = BoundaryConfig(**{k: int(v) for k, v in metadata.items() if k in asdict(BoundaryConfig())})
            state = {key: file.get_tensor(key).astype(np.float32) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError, OSError) as error:
        raise VoxproofError(f"not the weights of the boundary detector ({error})", path=path) from error
    if {key: value.shape for key, value in state.items()} != config.shapes():
        raise VoxproofError(
            "not the weights of this boundary detector (other tensors or shapes)", path=path, cure="Reinstall voxproof."
        )
    return BoundaryScorer(config, state)
