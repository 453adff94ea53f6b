"""Every item three times: unmarked, marked, and marked under another key; people's recordings like machines'.

The keys are the range's own, drawn from its seed: no issuer's, so that no register has to answer for a range.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from forensics.benches.watermark.run import bench_key
from forensics.range.base import RATE, Step
from synth.channels.base import FloatArray
from synth.watermark.embed import embed
from synth.watermark.keys import WatermarkKey, write_key
from synth.watermark.payload import Payload

Variant = Literal["unmarked", "marked", "other"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)


@dataclass(frozen=True)
class Mark:
    """What was put on."""

    variant: Variant
    key_id: str = ""
    payload: str = ""
    """Issuance id of the payload, 8 hexadecimal digits, drawn from the seed; it stands in no register."""
    carried: bool = False
    """Whether there is sound enough for the payload, or for the mark's presence only."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """For the manifest."""
        return ({"step": "mark", "key_id": self.key_id, "payload": self.payload},) if self.key_id else ()


def range_key(seed: int, variant: str) -> WatermarkKey:
    """The key `marked` or `other` of a range."""
    return bench_key(seed, f"range/{variant}")


def variants(samples: FloatArray, seed: int, item_seed: int) -> list[tuple[FloatArray, Mark]]:
    """Samples [n] at `RATE` -> the same unmarked, marked, and marked under the other key."""
    made = [(samples, Mark("unmarked"))]
    number = int(np.random.default_rng([item_seed, 2]).integers(0, 1 << 32))
    for variant in VARIANTS[1:]:
        key, payload = range_key(seed, variant), Payload(number, number % 256)
        done = embed(samples[:, None].astype(np.float64), RATE, key, payload)
        mark = Mark(variant, key.key_id, payload.hex, done.payload_carried)
        made.append((np.ascontiguousarray(done.samples[:, 0], np.float32), mark))
    return made


def write_keys(seed: int, folder: Path) -> None:
    """Both keys as files for `--key`, where they are not there yet."""
    for variant in VARIANTS[1:]:
        path = folder / "keys" / f"{variant}.json"
        if not path.exists():
            write_key(range_key(seed, variant), path)
