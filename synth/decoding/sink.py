"""Where decoded samples go: an already open file, a running SHA-256, and the limits on what may come out.

Runs in the decoding child. Samples are kept exactly as the decoder gives them (native type, interleaved).
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

import numpy as np

from synth.recording import DTYPES, senseless

BUFFER_BYTES = 1 << 20
RATES = (1_000, 1_536_000)
"""Sample rates in Hz outside which a header is taken for damaged."""


class RefusedError(Exception):
    """This file cannot be decoded: `cause` and `cure` in the words that the user reads."""

    def __init__(self, cause: str, cure: str = "", kind: str = "refused") -> None:
        super().__init__(cause)
        self.cause, self.cure, self.kind = cause, cure, kind


class Sink:
    """Takes blocks of one format and writes them down."""

    def __init__(self, fd: int, limits: dict[str, Any]) -> None:
        self.fd = fd
        self.limits = limits
        self.rate = 0
        self.channels = 0
        self.format = ""
        self.frames = 0
        self.senseless = 0
        self.bits = 0
        self.md5: Any = None
        self.md5_bytes = 0
        self._hash = hashlib.sha256()
        self._pending: list[bytes] = []
        self._pending_bytes = 0

    @property
    def seconds(self) -> float:
        return self.frames / self.rate if self.rate else 0.0

    def start(self, rate: int, channels: int, sample_format: str) -> None:
        """Fix the format, or refuse one that no recording has."""
        if not RATES[0] <= rate <= RATES[1]:
            raise RefusedError(f"declares a sample rate of {rate} Hz, which no recording has")
        if not 1 <= channels <= self.limits["channels"]:
            raise RefusedError(f"declares {channels} channels; at most {self.limits['channels']} are examined")
        if sample_format not in DTYPES:
            raise RefusedError(f"decodes to samples of the unknown format {sample_format!r}")
        self.rate, self.channels, self.format = rate, channels, sample_format

    def restart(self) -> None:
        """Forget everything that was written."""
        os.ftruncate(self.fd, 0)
        os.lseek(self.fd, 0, os.SEEK_SET)
        self.__init__(self.fd, self.limits)  # type: ignore[misc]

    def write(self, samples: np.ndarray) -> None:
        """Append a block, interleaved or [time, channels]."""
        flat = np.ascontiguousarray(samples, dtype=DTYPES[self.format]).reshape(-1)
        self.frames += flat.size // self.channels
        if self.frames > self.limits["seconds"] * self.rate:
            hours = self.limits["seconds"] / 3600
            raise RefusedError(
                f"holds more than {hours:g} hours of sound", "Cut the recording, or raise Limits.seconds.", "limit"
            )
        if self.frames * self.channels * flat.itemsize > self.limits["decoded_bytes"]:
            raise RefusedError(
                f"decodes to more than {self.limits['decoded_bytes'] / 2**30:.3g} GiB",
                "Cut the recording, or raise Limits.decoded_bytes.",
                "limit",
            )
        self._look_at(flat)
        data = flat.tobytes()
        if self.md5 is not None:
            self._digest(flat, data)
        self._pending.append(data)
        self._pending_bytes += len(data)
        if self._pending_bytes >= BUFFER_BYTES:
            self._flush()

    def _look_at(self, flat: np.ndarray) -> None:
        if flat.dtype.kind == "f":
            self.senseless += int(senseless(flat).sum())
        elif flat.dtype.kind == "i" and flat.size:
            self.bits |= int(np.bitwise_or.reduce(flat))

    def check_md5(self, bit_depth: int | None) -> None:
        """Also take the MD5 of the samples in as many bytes as their depth needs, as FLAC does."""
        self.md5_bytes = (bit_depth or 0) // 8
        if bit_depth in (16, 24) and np.dtype(DTYPES[self.format]).itemsize >= self.md5_bytes:
            self.md5 = hashlib.md5(usedforsecurity=False)

    def _digest(self, flat: np.ndarray, data: bytes) -> None:
        width = flat.dtype.itemsize
        if width == self.md5_bytes:
            self.md5.update(data)
        else:
            upper = np.frombuffer(data, dtype=np.uint8).reshape(-1, width)[:, width - self.md5_bytes :]
            self.md5.update(upper.tobytes())

    def _flush(self) -> None:
        data = memoryview(b"".join(self._pending))
        self._pending.clear()
        self._pending_bytes = 0
        self._hash.update(data)
        while data:
            data = data[os.write(self.fd, data) :]

    def finish(self) -> str:
        """Write what is left; the SHA-256 of everything written, in hexadecimal."""
        self._flush()
        return self._hash.hexdigest()

    def effective_bits(self) -> int | None:
        """Bits of an integer sample that are ever used, counted from the top; None for unsigned and float."""
        if self.format not in ("s16", "s32", "s64") or not self.bits:
            return None
        width = 8 * np.dtype(DTYPES[self.format]).itemsize
        low = (self.bits & -self.bits).bit_length() - 1
        return width - low
