"""Small readers of container structure, written against the format specifications and independent of the decoder.

They trust no size and no count: every read is bounded, every loop ends, and bytes that make no sense become a
sentence in `Structure.contradictions` or `Structure.notes`, never an exception.
"""

from forensics.methods._containers.layout import read_structure
from forensics.methods._containers.source import Structure

__all__ = ["Structure", "read_structure"]
