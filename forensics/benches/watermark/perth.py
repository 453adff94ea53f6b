"""The mark of a third party, Perth of Resemble AI, on the same clips: how often it is found, and where it is not.

Put on and read by the maker's package (PyPI `resemble-perth`, which needs setuptools below 81), at its own settings.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from forensics.benches.watermark.attacks import ATTACKS, RATE
from forensics.benches.watermark.material import Voice
from forensics.benches.watermark.quality import quality
from forensics.benches.watermark.run import Identity, Row
from forensics.methods.watermark_perth import THRESHOLD, WatermarkPerth
from synth.channels.base import FloatArray

COMPARED = (
    *("none", "MP3 32k", "high-pass 1.5 kHz", "low-pass 500 Hz", "speed 1.05", "pink noise 10 dB", "AMR-NB 12.2"),
)
"""Attacks under which both marks are measured."""
SECONDS = 5.0


def rows(voice: Voice, sound: FloatArray, seed: int, done: frozenset[Identity]) -> Iterator[Row]:
    """Sound of a voice [time] -> rows that are not there yet: "perth marked", "perth unmarked", "perth quality"."""
    wanted = [
        (part, attack)
        for part in ("perth marked", "perth unmarked")
        for attack in ATTACKS
        if attack.name in COMPARED and (part, voice.name, SECONDS, attack.name) not in done
    ]
    if not wanted:
        return
    maker = WatermarkPerth().detector
    begun = time.process_time()
    marked = np.asarray(maker.apply_watermark(sound, watermark=None, sample_rate=RATE), np.float32)[: sound.size]
    cost = time.process_time() - begun
    if ("perth quality", voice.name, SECONDS, "none") not in done:
        values = quality(sound[: marked.size], marked, RATE)
        yield Row("perth quality", voice.name, voice.human, SECONDS, "none", cost_s=cost, values=values)
    for part, attack in wanted:
        changed = attack(marked if part == "perth marked" else sound, seed)
        begun = time.process_time()
        score = float(np.mean(maker.get_watermark(changed, sample_rate=RATE)))
        cost = time.process_time() - begun
        yield Row(part, voice.name, voice.human, SECONDS, attack.name, score, score >= THRESHOLD, cost_s=cost)
