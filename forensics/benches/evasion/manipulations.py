"""What is done to a clip to change what the detectors say of it: one table, every row with its family.

    control         nothing, and white noise as loud as what the gradient adds
    gradient        through the shipped networks (forensics/benches/evasion/gradient.py), and what is left after a codec
    laundering      the chains of `voxproof range`
    re-synthesis    the sound built anew: vocoders of detectors/train/copies, and our own model from its codes

Everything keeps length and timing, has the level of what it came from and is rounded to 16 bits, as in a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from detectors.train.copies.base import Method
from detectors.train.copies.equal import lag, moved
from detectors.train.copies.griffin_lim import FastGriffinLim
from detectors.train.copies.world import World
from forensics.benches.evasion.gradient import VERDICT, Aim, Opponent
from forensics.range.laundering import CHAINS
from synth.channels import Chain, Channel, Noise, Opus
from synth.channels.base import FloatArray, convert, fit

if TYPE_CHECKING:
    from synth.clone import Cloner

RATE = 16_000
Family = Literal["control", "gradient", "laundering", "re-synthesis"]
NOTHING = "nothing"
RATIOS_DB = (40, 30)
"""Signal-to-noise ratios of the gradient's changes and of the noise beside them."""
LAUNDERED = (
    *("voice note", "podcast rip", "mobile call", "played and recorded again", "recorded off a telephone"),
    *("pitched a little", "through 8 kHz"),
)
"""Of the range's chains: Opus, MP3, telephone, room and noise, resampling, each once, and a change of pitch."""


@dataclass(frozen=True)
class Task:
    """A clip that is to be manipulated."""

    samples: FloatArray
    """[time] at 16 kHz."""
    aim: Aim
    """What the clip is to be taken for."""
    seed: int
    opponent: Opponent
    steps: int
    """Of a gradient."""
    made: dict[str, FloatArray] = field(default_factory=dict)
    """By name: what later rows begin with."""


@dataclass(frozen=True)
class Manipulation:
    """One row of the tables."""

    name: str
    family: Family
    change: Callable[[Task], FloatArray]
    """-> samples [about time] at 16 kHz."""

    def __call__(self, task: Task) -> FloatArray:
        """The clip after it: [time] at 16 kHz."""
        if self.name == NOTHING:
            return task.samples
        made = fit(self.change(task), task.samples.size)
        if self.family == "re-synthesis":
            made = moved(made, -lag(task.samples, made, RATE))
            made = made * np.float32(_rms(task.samples) / max(_rms(made), 1e-9))
        task.made[self.name] = (np.round(np.clip(made, -1, 32767 / 32768) * 32768) / 32768).astype(np.float32)
        return task.made[self.name]


def manipulations() -> tuple[Manipulation, ...]:
    """All rows, those that begin with another's sound after it."""
    targets = ("detector.speech", "detector.spectral", VERDICT)
    strongest = _against(VERDICT, RATIOS_DB[-1])
    return (
        Manipulation(NOTHING, "control", lambda task: task.samples),
        *(Manipulation(f"white noise, {db} dB", "control", _channel(Noise(float(db)))) for db in RATIOS_DB),
        *(
            Manipulation(_against(target, db), "gradient", _gradient(target, db))
            for target in targets
            for db in RATIOS_DB
        ),
        Manipulation(
            f"{strongest}, then Opus 24 kbit/s",
            "gradient",
            lambda task: Opus(24_000)(task.made[strongest], RATE, task.seed)[0],
        ),
        *(Manipulation(name, "laundering", _channel(Chain(CHAINS[name]))) for name in LAUNDERED),
        Manipulation("WORLD", "re-synthesis", _copied(World(), {"pitch": "dio", "frame_ms": 5.0, "coded": 0})),
        Manipulation("Griffin-Lim, 80 mels", "re-synthesis", _copied(FastGriffinLim(), GRIFFIN_LIM)),
        Manipulation("our own model, from its codes", "re-synthesis", _our_own),
    )


GRIFFIN_LIM: Mapping[str, str | int | float] = {
    "window": 1024, "overlap": 4, "mels": 80, "rounds": 60, "phases": "random"
}  # fmt: skip


def _against(target: str, ratio_db: int) -> str:
    return f"gradient on {'the verdict' if target == VERDICT else target}, {ratio_db} dB"


def _gradient(target: str, ratio_db: int) -> Callable[[Task], FloatArray]:
    return lambda task: task.opponent.attacked(task.samples, target, ratio_db, task.aim, task.steps)


def _channel(channel: Channel) -> Callable[[Task], FloatArray]:
    return lambda task: channel(task.samples, RATE, task.seed)[0]


def _copied(method: Method, settings: Mapping[str, str | int | float]) -> Callable[[Task], FloatArray]:
    return lambda task: method(task.samples, RATE, settings, np.random.default_rng(task.seed))


def _our_own(task: Task) -> FloatArray:
    """Codes of the clip through the shipped decoder in the clip's own voice; nothing is drawn, nothing is kept."""
    from detectors.codes.hearing import CodeEar
    from detectors.codes.material import decoded_again
    from synth.reference import VOICE_RATE, Reference

    cloner = _cloner()
    ear = CodeEar.of(cloner.models)
    voice = Reference(torch.from_numpy(np.ascontiguousarray(task.samples)), RATE)
    sound = decoded_again(ear.hear(task.samples).codes, voice, cloner, ear)
    return convert(np.ascontiguousarray(sound.numpy(), np.float32), VOICE_RATE, RATE)


@cache
def _cloner() -> Cloner:
    from synth.clone import Cloner
    from synth.models.lite import lite_folder

    return Cloner.load(lite_folder())


def _rms(samples: FloatArray) -> float:
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))
