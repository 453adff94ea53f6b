"""The structural fingerprint of a container: what its writer does alike in every file.

*Habits* belong to the writer (order of parts, brands, fixed fields), *settings* to whoever pressed the button (rate,
channels, bit rate), *texts* name programs. All come from the readers in `forensics.methods._containers`; the sound
itself never enters. Practice: SWGDE Best Practices for Digital Audio Authentication (comparison with exemplars).
"""

from __future__ import annotations

import re
from pathlib import Path

from forensics.methods._containers import Structure, read_structure
from forensics.records import Record, Scalar

SETTINGS = (
    "sample_rate", "channels", "bits", "format_code", "bit_rate_pattern", "kilobits", "stream_kind", "opus_packet_ms",
    "opus_mode", "opus_input_rate", "frame_types", "priming_samples", "encoder_delay", "comments",
)  # fmt: skip
"""Facts that depend on the recording's settings."""
LONGEST_LAYOUT = 40
_NUMBER = re.compile(r"\d+(?:[.\d]*\d)?")


class Fingerprint(Record):
    """What a file's container looks like."""

    format: str
    """Kind of container as the reader names it, e.g. "RIFF/WAVE"."""
    habits: dict[str, Scalar]
    """Features that a writer does alike in every file."""
    settings: dict[str, Scalar]
    """Features that depend on the settings of the recording."""
    texts: tuple[tuple[str, str], ...] = ()
    """Texts that name programs: where, and the text."""
    traces: tuple[str, ...] = ()
    """Ordinary processing that the container shows by itself."""


def fingerprint(path: Path) -> Fingerprint | None:
    """The fingerprint of a file, None if its container has no reader."""
    structure = read_structure(path)
    return None if structure is None else of_structure(structure)


def of_structure(structure: Structure) -> Fingerprint:
    """The fingerprint of a structure that was read already."""
    habits = dict(structure.habits)
    layout = _layout(structure)
    if layout and "order" not in habits:
        habits["order"] = layout
    return Fingerprint(
        format=structure.format,
        habits=dict(sorted(habits.items())),
        settings={name: structure.facts[name] for name in SETTINGS if name in structure.facts},
        texts=tuple(structure.encoders),
        traces=tuple(structure.traces),
    )


def plain(text: str) -> str:
    """A text without its version numbers, in lower case: "Lavf59.27.100" and "Lavf61.1.100" are one program."""
    return _NUMBER.sub("#", text).strip().lower()


def _layout(structure: Structure) -> str:
    names: list[str] = []
    for name, _, _ in structure.parts:
        if (not names or names[-1] != name.strip()) and len(names) < LONGEST_LAYOUT:
            names.append(name.strip())
    return " ".join(names)
