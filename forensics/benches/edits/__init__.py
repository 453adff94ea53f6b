"""Material for the validation of the methods: edits and processing made by FFmpeg, SoX, LAME and other programs.

One file per family; each has recipes and its `POSITIVES`. A new family is one line in `_FAMILIES`.
"""

from __future__ import annotations

from importlib import import_module

from forensics.benches.edits.base import Positive

_FAMILIES = (
    "containers",
    "copies",
    "delivery",
    "quality",
    "bands",
    "silences",
    "levels",
    "samples",
    "environment",
    "splices",
    "coding",
    "histories",
)

POSITIVES: tuple[Positive, ...] = tuple(
    positive for family in _FAMILIES for positive in import_module(f"{__name__}.{family}").POSITIVES
)
"""All conditions, family by family."""
