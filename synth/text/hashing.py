"""One hash for everything that decides which phones a text gives.

A model trained on the phones of one pipeline and fed with those of another speaks wrongly and nothing says so. The hash
goes into every checkpoint that Voxproof writes, and speaking compares it (`TextPipeline.require`).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from synth.canonical import canonical
from synth.text.frame import FrontEnd
from synth.text.symbols import SymbolTable

FRAME_VERSION = "1"
"""Changes with the segmentation and with the guards of `synth.text.pipeline`."""


def pipeline_hash(table: SymbolTable, front_ends: Iterable[FrontEnd], *, reference: bool = False) -> str:
    """SHA-256 (hexadecimal) over table, frame, and each language's version and sources; the order does not matter."""
    languages = {
        front_end.language: {"version": front_end.version, "sources": dict(front_end.sources)}
        for front_end in front_ends
    }
    content = {"frame": FRAME_VERSION, "languages": languages, "reference": reference, "table": table.fingerprint}
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def is_same(recorded: str, present: str) -> bool:
    """Whether the hash that a checkpoint carries is this one."""
    return hmac.compare_digest(recorded.encode(), present.encode())
