"""What happens to a clip before it is scored: nothing, the neutral version, or a channel by name.

A name is one of the range's chains (`voice note`), or families of `synth.channels` with their parameters, joined by
plus signs: `opus:bit_rate=12000`, `room:t60_s=0.5+noise:snr_db=20+opus`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import fields

import numpy as np
import numpy.typing as npt

from detectors.neutral import RATE, neutral
from forensics.range.laundering import CHAINS
from synth.channels import CHANNELS, Chain, Channel
from synth.errors import VoxproofError

FloatArray = npt.NDArray[np.float32]
Condition = Callable[[FloatArray, str], FloatArray]
"""(samples [time] at 16 kHz, key of the clip) -> samples; empty: the clip is too short for it."""
ORIGINAL, NEUTRAL = "original", "neutral"
LONGEST_S = 60
"""What is made neutral or sent through a channel is cut there; the original is scored whole."""


def conditions(with_neutral: bool, channels: Sequence[str], seed: int) -> dict[str, Condition | None]:
    """By the names that they have in tables; None for the file as it is. Channels act on the neutral version if asked.

    VoxproofError for a channel that is not known or does not work.
    """
    made: dict[str, Condition | None] = {ORIGINAL: None}
    if with_neutral:
        made[NEUTRAL] = lambda samples, key: neutral(samples, f"{seed}:{key}")
    for name in channels:
        made[f"{name}, {NEUTRAL if with_neutral else ORIGINAL}"] = _through(tried(name), with_neutral, seed)
    return made


def _through(channel: Channel, with_neutral: bool, seed: int) -> Condition:
    def condition(samples: FloatArray, key: str) -> FloatArray:
        piece = neutral(samples, f"{seed}:{key}") if with_neutral else samples
        return channel(piece, RATE, zlib.crc32(f"{seed}:{key}".encode()))[0] if piece.size else piece

    return condition


def tried(name: str) -> Channel:
    """The channel of that name, having passed a second of noise."""
    channel = channel_of(name)
    try:
        channel(np.random.default_rng(1).standard_normal(RATE).astype(np.float32) * np.float32(0.05), RATE, 1)
    except VoxproofError as error:
        raise VoxproofError(f"the channel {name} does not work ({error.cause})", cure=error.cure) from error
    except Exception as error:  # a codec's own words for a parameter that it does not take
        raise VoxproofError(f"the channel {name} does not work ({type(error).__name__}: {error})") from error
    return channel


def channel_of(name: str) -> Channel:
    """A chain of the range by its name, or channels with parameters."""
    if name in CHAINS:
        return Chain(CHAINS[name])
    steps = tuple(_step(word.strip(), name) for word in name.split("+"))
    return steps[0] if len(steps) == 1 else Chain(steps)


def _step(word: str, name: str) -> Channel:
    family, _, rest = word.partition(":")
    if family not in CHANNELS or family == Chain.family:
        families = ", ".join(sorted(set(CHANNELS) - {Chain.family}))
        cure = f"Known are: {families}; and the chains {', '.join(CHAINS)}."
        raise VoxproofError(f"no channel is called {family!r}", cure=cure)
    kind = CHANNELS[family]
    known = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    given: dict[str, str | int | float] = {}
    for setting in filter(None, rest.split(",")):
        key, sign, value = setting.partition("=")
        if not sign or key not in known:
            cure = f"It takes: {', '.join(sorted(known)) or 'nothing'}; e.g. opus:bit_rate=12000."
            raise VoxproofError(f"{setting!r} in {name!r} is no setting of {family}", cure=cure)
        given[key] = _number(value)
    return kind(**given)


def _number(text: str) -> str | int | float:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
