"""Listen to what was just marked, and put more where the speech itself speaks against the mark, less where it helps.

The embedder has what no attacker of the channel has: the sound, the key and the listener (informed embedding: Cox,
Miller and McKellips, Proc. IEEE 87(7), 1999). After a first pass the answers are added per coded bit, and per stretch
of the low band's pilot; a second pass wishes more of the weak ones and less of the strong ones.
"""

from __future__ import annotations

import numpy as np

from synth.watermark.carrier import BANDS, CENTRES, CHIP, CHIPS, PILOT_ONLY_HZ, Array, Layout
from synth.watermark.coding import CODED_BITS
from synth.watermark.listener import expected_signs, features
from synth.watermark.listening import band_levels

LEAST, MOST = 0.6, 1.5
"""Range of the factor on a tile's wish."""
HASTE = 0.6
"""How much of a lack is made up for."""
LOW_TARGET = 4.0
"""Score aimed at in the low band in half a period, on the sound itself."""


def factors(power: Array, pattern: Array, lay: Layout, chips: int) -> Array:
    """Power of marked sound [bins, frames], signs of a period [BANDS, CHIPS] -> factors on wishes [BANDS, chips]."""
    heard = expected_signs(features(band_levels(power)), CHIP // 2, chips)
    periods = -(-chips // CHIPS)
    heard = np.pad(heard, ((0, 0), (0, periods * CHIPS - chips)))
    support = heard.reshape(BANDS, periods, CHIPS) * pattern[:, None]
    out = np.ones_like(support)
    _for_bits(support, lay, out)
    _for_low_pilot(support, out)
    return out.reshape(BANDS, -1)[:, :chips]


def _for_bits(support: Array, lay: Layout, out: Array) -> None:
    """Coded bits against their mean, each period together with half of those before and after it."""
    carried = ~lay.pilot
    owner = lay.owner[carried]
    bits = np.stack([np.bincount(owner, part[carried], CODED_BITS) for part in support.transpose(1, 0, 2)])
    around = np.pad(bits, ((1, 1), (0, 0)))
    whole = bits + 0.5 * (around[:-2] + around[2:])
    mean = np.maximum(whole.mean(axis=1, keepdims=True), 1e-6)
    wanted = np.clip(1 + HASTE * (1 - whole / mean), LEAST, MOST).astype(np.float32)
    for period in range(support.shape[1]):
        out[:, period][carried] = wanted[period][owner]


def _for_low_pilot(support: Array, out: Array) -> None:
    """Half periods of the pilot-only band against `LOW_TARGET`."""
    low = CENTRES < PILOT_ONLY_HZ
    halves = support[low].reshape(int(low.sum()), -1, CHIPS // 2)
    score = halves.sum(axis=(0, 2)) / np.sqrt((halves**2).sum(axis=(0, 2)) + 1e-9)
    wanted = np.clip(1 + HASTE * (1 - score / LOW_TARGET), LEAST, MOST)
    out[low] = np.repeat(wanted, CHIPS // 2).reshape(1, support.shape[1], CHIPS)
