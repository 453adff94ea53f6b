"""The labels that lists and folders of recordings use for who or what speaks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Label = Literal["human", "machine"]

LABELS: Mapping[str, Label] = {
    **dict.fromkeys(("human", "bonafide", "bona-fide", "real", "genuine", "person"), "human"),
    **dict.fromkeys(("machine", "spoof", "spoofed", "fake", "deepfake", "synthetic", "generated"), "machine"),
}
"""Lower case, words joined by hyphens. Numbers are not among them: 1 is spoof in one list and bona fide in the next."""
