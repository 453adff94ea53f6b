"""Known error rates of the methods, as `voxproof bench battery` measured them (forensics/error_rates.yaml)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from forensics.records import ErrorRate
from synth.yaml_data import load_yaml


@cache
def _table() -> dict[str, tuple[ErrorRate, ...]]:
    text = files("forensics").joinpath("error_rates.yaml").read_text(encoding="utf-8")
    rows = load_yaml(text) or {}
    return {method: tuple(ErrorRate(**row) for row in entries) for method, entries in rows.items()}


def error_rates(method: str) -> tuple[ErrorRate, ...]:
    """The measured error rates of a method id, none if it has not been validated."""
    return _table().get(method, ())
