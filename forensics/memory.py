"""Memory that is free goes back to the system.

What a method frees lies between what others keep, and the allocator holds on to it: over three hours of sound that
came to a hundred megabytes which nobody used.
"""

from __future__ import annotations

import ctypes
import gc
import sys


def give_back() -> None:
    """Collect, and return every free page of the heap (glibc; elsewhere only collect)."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
