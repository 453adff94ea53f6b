"""The conditions under which the detector is calibrated and judged: one clip in, the same clip through a channel out.

Channels act on the neutral version (see detectors/neutral.py), so that the channel is the only thing that changes.
"""

import zlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from detectors.neutral import neutral
from detectors.train.decode import RATE
from synth.channels import G711, G722, Aac, AmrNb, Chain, Channel, Gsm, Mp3, Noise, Opus, Resample, Room, Vorbis

FloatArray = npt.NDArray[np.float32]
Condition = Callable[[FloatArray, str], FloatArray]
LONGEST_S = 15


def through(channel: Channel) -> Condition:
    """Neutral, then the channel; seeded by the clip."""

    def condition(samples: FloatArray, key: str) -> FloatArray:
        piece = neutral(samples, key)
        return channel(piece, RATE, zlib.crc32(key.encode()))[0] if piece.size else piece

    return condition


def of_length(seconds: float) -> Condition:
    """A neutral piece of a stated length; empty for shorter clips."""
    return lambda samples, key: neutral(samples, key, seconds)


CONDITIONS: dict[str, Condition] = {
    "original": lambda samples, key: samples[: LONGEST_S * RATE],
    "neutral": neutral,
    "MP3 32 kbit/s": through(Mp3(32_000)),
    "AAC 32 kbit/s": through(Aac(32_000)),
    "Opus 12 kbit/s": through(Opus(12_000)),
    "Opus 24 kbit/s": through(Opus(24_000)),
    "Vorbis q 0.2": through(Vorbis(0.2)),
    "G.711 A-law": through(G711("a")),
    "G.711 µ-law": through(G711("mu")),
    "G.722": through(G722()),
    "GSM full rate": through(Gsm()),
    "AMR-NB 12.2 kbit/s": through(AmrNb(12_200)),
    "AMR-NB 4.75 kbit/s": through(AmrNb(4_750)),
    "resampled 8 kHz": through(Resample(8000)),
    "noise 20 dB": through(Noise(20.0, -3.0)),
    "noise 10 dB": through(Noise(10.0, -3.0)),
    "room T60 0.5 s": through(Room(0.5, 0.0)),
    "room + noise + Opus 16k": through(Chain((Room(0.4, 3.0), Noise(20.0, -3.0), Opus(16_000)))),
    "1 s": of_length(1),
    "2 s": of_length(2),
    "4 s": of_length(4),
    "10 s": of_length(10),
}
"""Every condition by the name it has in tables: (samples [time] 16 kHz, clip id) -> samples; empty: not applicable."""

FAMILIES = {
    "wide band": ("original", "neutral", "G.722", "Vorbis q 0.2", "1 s", "2 s", "4 s", "10 s"),
    "lossy": ("MP3 32 kbit/s", "AAC 32 kbit/s", "Opus 12 kbit/s", "Opus 24 kbit/s", "Vorbis q 0.2"),
    "telephone": (
        "G.711 A-law", "G.711 µ-law", "GSM full rate", "AMR-NB 12.2 kbit/s", "AMR-NB 4.75 kbit/s", "resampled 8 kHz",
    ),
    "noise and room": ("noise 20 dB", "noise 10 dB", "room T60 0.5 s", "room + noise + Opus 16k"),
}  # fmt: skip
"""Groups of conditions on each of which the false-positive rate of the calibration part is held down."""
