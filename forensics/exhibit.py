"""The questioned recording: hashes of file and stream, container facts, and the decoded working copy.

The file is hashed before and after decoding: a file that changes under examination is an error, not an exhibit.
Source of the practice (hash at receipt, work on a copy): ISO/IEC 27037; SWGDE Best Practices for Forensic Audio v2.5.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from forensics.records import ExhibitFacts
from synth.audio import Limits, Recording, StreamFacts, open_recording
from synth.errors import VoxproofError
from synth.measures import Activity, BandEdge, band_edge, measure_activity


class Exhibit:
    """An opened exhibit; a context manager that removes the working copy at the end."""

    def __init__(self, path: Path, sha256: str, size: int, recording: Recording) -> None:
        self.path = path
        self.sha256 = sha256
        """SHA-256 of the file, hexadecimal."""
        self.bytes = size
        """Size of the file."""
        self.recording = recording
        """The decoded working copy; read it in blocks."""

    @classmethod
    def open(cls, path: str | Path, limits: Limits | None = None) -> Self:
        """Hash, decode and hash again; raises `VoxproofError` (AudioError) when the file is no usable recording."""
        path = Path(path)
        recording = open_recording(path, limits or Limits())
        try:
            digest = file_sha256(path)
            if recording.file_sha256 != digest:
                cause = "the file changed while it was being decoded"
                raise VoxproofError(cause, path=path, cure="Work on a copy that nothing else writes to.")
            return cls(path, digest, path.stat().st_size, recording)
        except BaseException:
            recording.close()
            raise

    @property
    def facts(self) -> StreamFacts:
        """Container and stream facts of the decoded audio."""
        return self.recording.facts

    @property
    def seconds(self) -> float:
        """Duration of the decoded stream."""
        return self.recording.seconds

    @cached_property
    def activity(self) -> Activity:
        """Levels, speech activity and SNR on the 20 ms grid, measured once for all methods."""
        return measure_activity(self.recording)

    @cached_property
    def band_edge(self) -> BandEdge:
        """Upper band edge of the long-term spectrum, measured once for all methods."""
        return band_edge(self.recording)

    @cached_property
    def record(self) -> ExhibitFacts:
        """The exhibit as the JSON contract has it."""
        facts = self.facts
        return ExhibitFacts(
            path=str(self.path),
            sha256=self.sha256,
            bytes=self.bytes,
            container=facts.container,
            codec=facts.codec,
            sample_rate=facts.sample_rate,
            channels=facts.channels,
            bit_depth=facts.bit_depth,
            seconds=round(self.seconds, 6),
            decode_path=facts.decode_path,
            stream_sha256=self.recording.stream_sha256,
            header_seconds=facts.header_seconds,
            lossless=facts.lossless,
            tags=dict(facts.tags),
            notes=facts.notes,
        )

    def close(self) -> None:
        """Remove the working copy."""
        self.recording.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file, hexadecimal, read in blocks."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
