"""From what a pickle says to plain data without tensors: for configurations, which may be nested but not endless."""

from __future__ import annotations

import math
from typing import Any

from synth.errors import VoxproofError

DEEPEST = 16
MOST_PARTS = 20_000
MOST_LETTERS = 1 << 20


def plain(value: Any) -> Any:
    """Dictionaries with text keys, lists, texts, numbers, None; a copy. Parts inside themselves are an error."""
    parts = letters = 0

    def copy(value: Any, depth: int) -> Any:
        nonlocal parts, letters
        parts += 1
        letters += len(value) if isinstance(value, str) else 0
        if depth > DEEPEST or parts > MOST_PARTS or letters > MOST_LETTERS:
            raise VoxproofError(
                "the checkpoint's configuration is endless", cure="It is no checkpoint of these models."
            )
        if isinstance(value, dict):
            return {str(copy(key, depth + 1)): copy(part, depth + 1) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [copy(part, depth + 1) for part in value]
        if value is None or isinstance(value, bool | str) or (isinstance(value, int) and abs(value) < 1 << 53):
            return value
        if isinstance(value, float) and math.isfinite(value):
            return value
        raise VoxproofError(
            f"the checkpoint's configuration has a value of the kind {type(value).__name__}",
            cure="It is no checkpoint of these models.",
        )

    return copy(value, 0)
