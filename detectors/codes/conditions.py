"""In which state every clip of the calibration and of the bench is heard: lengths, channels on 5 s, and marked."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from detectors.codes.material import RATE, piece_of
from synth.channels import G711, Channel, Mp3, Opus
from synth.watermark.embed import embed
from synth.watermark.keys import trial_key
from synth.watermark.payload import Payload

FloatArray = npt.NDArray[np.float32]

CHANNELS: Mapping[str, Channel] = {
    "MP3 64 kbit/s": Mp3(64_000),
    "Opus 24 kbit/s": Opus(24_000),
    "G.711 µ-law": G711("mu"),
}
LENGTHS: Mapping[str, float] = {"5 s": 5.0, "3 s": 3.0, "8 s": 8.0}
CONDITIONS = (*LENGTHS, *CHANNELS)
"""Every state by its name in tables."""
PLAIN = "5 s"
"""The one to which the channels are applied."""
MARKED = "5 s, marked"
"""PLAIN under our own watermark, each clip with a key of its own: for the bench, where the mark must not be the cue."""
OTHER_LENGTHS = tuple(one for one in LENGTHS if one != PLAIN)


def heard_as(samples: FloatArray, key: str, condition: str) -> FloatArray | None:
    """Samples [time] at 16 kHz -> the piece that is heard; None where the clip is shorter than nine tenths of it.

    The key decides the place, so that a clip gives the same piece of 5 s to every channel.
    """
    wanted = LENGTHS.get(condition, LENGTHS[PLAIN])
    piece = piece_of(samples, key, wanted)
    if len(piece) < 0.9 * wanted * RATE and condition in OTHER_LENGTHS:
        return None
    if condition == MARKED:
        payload = Payload(zlib.crc32(key.encode()), 0)
        return embed(piece[:, None], RATE, trial_key(f"codes/{key}"), payload).samples[:, 0].astype(np.float32)
    channel = CHANNELS.get(condition)
    return piece if channel is None else channel(piece, RATE, zlib.crc32(key.encode()))[0]
