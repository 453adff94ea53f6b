"""Measurements as readers see them: the unit out of the name, tuples shortened, raw names kept for the appendix."""

from __future__ import annotations

from collections.abc import Mapping

from forensics.records import Measurement, Scalar
from reports.numerals import number

_UNITS = (
    ("_db_per_octave", "dB/octave"), ("_dbfs", "dBFS"), ("_db", "dB"), ("_khz", "kHz"), ("_hz", "Hz"), ("_kbps", "kbit/s"),  # noqa: E501
    ("_kbit_s", "kbit/s"), ("_ms", "ms"), ("_fs", "of full scale"), ("_bytes", "bytes"), ("_samples", "samples"), ("_bits", "bits"),  # noqa: E501
    ("_share", "share"), ("_s", "s"),
)  # fmt: skip


def named(name: str) -> tuple[str, str]:
    """A measurement's name for readers and its unit: `largest_step_db` is ("largest step", "dB")."""
    for suffix, unit in _UNITS:
        if name.endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)].replace("_", " "), unit
    return name.replace("_", " "), ""


def scalar(value: Scalar) -> str:
    """One value in words or figures."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return number(float(value)) if abs(value) < 1e15 else str(value)
    return number(value) if isinstance(value, float) else (value or "(empty)")


def shown(value: Measurement, most: int = 8, letters: int = 300) -> str:
    """A measurement on a line; long ones are cut and say so."""
    if isinstance(value, tuple):
        if not value:
            return "none"
        words = ", ".join(scalar(one) for one in value[:most])
        if len(value) > most:
            words += f" … ({len(value)} values, all in the machine twin)"
    else:
        words = scalar(value)
    return words if len(words) <= letters else words[:letters] + " … (whole in the machine twin)"


def measured(name: str, value: Measurement, letters: int = 300) -> tuple[str, str]:
    """Name and value for readers, with the unit where there is a value."""
    words, unit = named(name)
    said = shown(value, letters=letters)
    return words, f"{said} {unit}" if unit and said != "none" else said


def parameters(values: Mapping[str, Scalar]) -> str:
    """Parameters on one line."""
    return "; ".join(" ".join(measured(name, value, letters=120)) for name, value in values.items()) or "none"
