"""The one door for a stream: sound goes in chunk by chunk, and comes out marked, read back and registered.

Nothing leaves before a first window in which the mark and its payload were read back and the issuance was registered.
From there on every block is marked in its place on the one time axis of the stream (the mark's pattern repeats with a
fixed period, and a block is marked together with what came before and a little of what comes after), read back with the
seconds before it, and then given. If anything fails, or the reader goes away, the stream ends there and the register
says so; what was given is marked. A stream that ends within the first window is a clip like any other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from synth.contour import ContourMeter, contour_of
from synth.emission import (
    EmissionError,
    Float,
    Reading,
    checked_sound,
    described,
    issuing_key,
    put_mark,
    read_back,
    samples_sha256,
    voiceprint_tag,
)
from synth.errors import VoxproofError
from synth.gate import admit, still_admitted
from synth.issuance import (
    Issuance,
    IssuanceRequest,
    close_issuance,
    drawn_id,
    register_issuance,
    require_free,
)
from synth.ledger import Entry
from synth.matching import ShippedVoices, Voices
from synth.quality import Quality
from synth.register import Register
from synth.watermark.keys import WatermarkKey
from synth.watermark.payload import Payload

FIRST_SECONDS, STEP_SECONDS, MOST_SECONDS = 5.0, 1.0, 15.0
"""A first window is tried at this length, and a second longer each time until the payload can be read from it."""
BLOCK_SECONDS = 1.0
"""Least that is given at a time afterwards."""
AHEAD_SECONDS = 0.5
"""What comes after a block and is needed to mark it."""
BEFORE_SECONDS = 1.0
"""What came before a block and is needed to mark it, at least."""
FADE_SECONDS = 0.02
"""Over which a block's mark goes over into the next one's: each was shaped with another surrounding in view."""
KEPT_SECONDS = 12.0
"""Of the past, to mark with."""
READ_SECONDS, LONG_READ_SECONDS = 5.0, 30.0
"""What a block is read back with; the longer one where the shorter holds little but a pause."""
SILENT = 1e-4
"""Peak below which a block is a pause: -80 dB, nothing to be marked."""
LOUD = 1e-3
"""Effective value from which a block cannot come back unchanged: -60 dB."""


class StreamEmission:
    """Push sound, take what comes back, finish; leaving the `with` block before that aborts the stream."""

    def __init__(
        self,
        rate: int,
        channels: int,
        request: IssuanceRequest,
        keys: WatermarkKey | Sequence[WatermarkKey],
        register: Register,
        voices: Voices | None = None,
    ) -> None:
        """Raises what the gate raises."""
        self.rate, self.channels, self.request, self.register = rate, channels, request, register
        self.key = issuing_key(keys)
        self.issuance: Issuance | None = None
        """As registered, from the first window on."""
        self.quality: Quality | None = None
        """Of what was pushed so far; registered with the end of the stream."""
        voices = voices or ShippedVoices()
        self._operator = admit(register, request, voices).operator
        self._tag = voiceprint_tag(request, self.key, voices)
        self._payload = Payload(drawn_id(), self._tag or 0)
        self._period = period_samples(rate)
        self._raw = np.zeros((0, channels))
        self._base = 0  # position of the first raw sample kept; a multiple of the period
        self._given = np.zeros((0, channels))
        self._continued = np.zeros((0, channels))  # how the last block's marking went on behind its end
        self._released = 0
        self._next_try = self._frames(FIRST_SECONDS)
        self._entry: Entry | None = None
        self._meter = ContourMeter(rate)
        self._over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort("the reader went away" if error is None or kind is GeneratorExit else _reason(error))

    @property
    def seconds(self) -> float:
        """Given so far."""
        return self._released / self.rate

    def push(self, sound: NDArray[np.floating]) -> Float:
        """Further sound [frames] or [frames, channels] -> what may leave now [frames, channels], often nothing."""
        if np.size(sound) == 0:
            return self._guarded(self._nothing)
        return self._guarded(lambda: self._pushed(sound))

    def finish(self) -> Float:
        """No more sound will come: the rest [frames, channels]."""
        return self._guarded(self._finished)

    def abort(self, reason: str) -> None:
        """End the stream here, unless it is over: nothing more leaves, and the register says why."""
        if self._over:
            return
        self._over = True
        if self._entry is not None:
            self._close(reason or "aborted")

    def _close(self, reason: str) -> None:
        """Tell the register what left."""
        assert self._entry is not None  # noqa: S101 - for the type checker
        contour = self._meter.stored.hex()
        close_issuance(self.register, self._entry, self.seconds, reason=reason, contour=contour, quality=self.quality)

    def _guarded(self, step: Callable[[], Float]) -> Float:
        """A step, or the end of the stream."""
        if self._over:
            raise EmissionError("the stream is over; nothing more is emitted")
        try:
            return step()
        except BaseException as error:
            self.abort(_reason(error))
            raise

    def _pushed(self, sound: NDArray[np.floating]) -> Float:
        samples = checked_sound(sound, self.rate)
        if samples.shape[1] != self.channels:
            raise EmissionError(f"the stream has {self.channels} channels, not {samples.shape[1]}")
        self._raw = np.concatenate([self._raw, samples])
        ready = self._total - self._frames(AHEAD_SECONDS)
        if self._entry is None:
            return self._first(ready) if self._total >= self._next_try else self._nothing()
        return self._block(ready) if ready - self._released >= self._frames(BLOCK_SECONDS) else self._nothing()

    def _finished(self) -> Float:
        if not self._total:
            raise EmissionError("the stream held no sound; nothing was emitted")
        if self._entry is None:
            rest = self._clip()
        else:
            rest = self._block(self._total) if self._total > self._released else self._nothing()
            self._close("")
        self._over = True
        return rest

    def _first(self, until: int) -> Float:
        """The window up to `until`, if its payload can be read back already; else nothing yet."""
        try:
            marked, carried = put_mark(self._raw, self.rate, self.key, self._payload)
            if not carried:
                raise EmissionError("the sound so far is too quiet for the payload; nothing was emitted")
            reading = read_back(marked[:until], self.rate, self.key, self._payload, carried=True)
        except VoxproofError:
            if until >= self._frames(MOST_SECONDS):
                raise
            self._next_try += self._frames(STEP_SECONDS)
            return self._nothing()
        if not self._registered(reading, carried=True, output="stream"):
            return self._first(until)
        return self._release(marked[:until], marked[until:])

    def _clip(self) -> Float:
        """All of a stream that ends within the first window."""
        marked, carried = put_mark(self._raw, self.rate, self.key, self._payload)
        reading = read_back(marked, self.rate, self.key, self._payload, carried)
        digest = samples_sha256(marked, self.rate)
        seconds, shape = len(marked) / self.rate, contour_of(marked, self.rate).hex()
        if not self._registered(
            reading, carried=carried, output="samples", seconds=seconds, digest=digest, shape=shape
        ):
            return self._clip()
        return self._release(marked, marked[:0])

    def _registered(
        self, reading: Reading, *, carried: bool, output: str, seconds: float | None = None, digest: str | None = None,
        shape: str | None = None,
    ) -> bool:  # fmt: skip
        """Register the issuance; False if the number was taken meanwhile, and another is drawn."""
        request = self.request if seconds is None else replace(self.request, quality=self.quality)
        issuance = described(
            request, self.key, self._payload, self._tag, self.channels, self.rate, reading, carried=carried,
            output=output, seconds=seconds, digest=digest, token_id=self._operator.token_id, contour=shape,
        )  # fmt: skip
        with self.register.exclusive():
            still_admitted(self.register, self.request)
            if not require_free(self.register, self._payload.issuance_id, chosen=False):
                self._payload = Payload(drawn_id(), self._tag or 0)
                return False
            self._entry = register_issuance(self.register, issuance, self._operator.name)
        self.issuance = issuance
        return True

    def _block(self, until: int) -> Float:
        """The sound from what was given up to `until`, marked with what is around it, and read back."""
        start, end = self._released - self._base, until - self._base
        marked = self._marked(start, end)
        block, behind = marked[: end - start], marked[end - start :]
        fade = min(len(self._continued), len(block), self._frames(FADE_SECONDS))
        rise = np.linspace(0, 1, fade + 2)[1:-1, None]
        block[:fade] += (1 - rise) * (self._continued[:fade] - block[:fade])
        original = self._raw[start:end]
        if np.sqrt(np.mean(original**2)) > LOUD and np.abs(block - original).max() == 0:
            raise EmissionError("a block of the stream came back from the marker unmarked; the stream was ended")
        self._require_mark(np.concatenate([self._given, block]))
        return self._release(block, behind)

    def _marked(self, start: int, end: int) -> Float:
        """Raw samples from `start` on, marked; a pause up to `end` with nothing around to be marked stays as it is."""
        near = max(start - self._frames(BEFORE_SECONDS), 0) // self._period * self._period
        for begin in sorted({near, 0}, reverse=True):
            try:
                return put_mark(self._raw[begin:], self.rate, self.key, self._payload)[0][start - begin :]
            except VoxproofError:
                if begin == 0 and np.abs(self._raw[start:end]).max() >= SILENT:
                    raise
        return self._raw[start:].copy()

    def _require_mark(self, recent: Float) -> None:
        """The mark's presence in the last seconds, or after a pause in more of them."""
        last = recent[-self._frames(READ_SECONDS) :]
        try:
            if np.abs(last).max() >= SILENT:
                read_back(last, self.rate, self.key, self._payload, carried=False)
        except EmissionError:
            read_back(recent, self.rate, self.key, self._payload, carried=False)

    def _release(self, block: Float, behind: Float) -> Float:
        self._released += len(block)
        self._meter.push(block)
        self._continued = behind[: self._frames(FADE_SECONDS)].copy()
        self._given = np.concatenate([self._given, block])[-self._frames(LONG_READ_SECONDS) :]
        keep = max(self._released - self._frames(KEPT_SECONDS), 0) // self._period * self._period
        self._raw, self._base = self._raw[keep - self._base :], keep
        return block

    @property
    def _total(self) -> int:
        """Position of the end of what was pushed."""
        return self._base + len(self._raw)

    def _frames(self, seconds: float) -> int:
        return round(seconds * self.rate)

    def _nothing(self) -> Float:
        return np.zeros((0, self.channels))


def period_samples(rate: int) -> int:
    """Fewest samples at `rate` after which the mark's pattern begins anew, on a sample."""
    from synth.watermark.carrier import HOP, PERIOD, RATE

    own = PERIOD * HOP * rate
    return own // math.gcd(RATE, own)


def _reason(error: BaseException) -> str:
    return error.cause if isinstance(error, VoxproofError) else type(error).__name__
