"""Exemplars: what the containers of known devices and programs look like, and how a questioned file is compared.

An exemplar holds structural facts only (order of parts, brands, fixed fields, names of programs), never sound.
"""

from forensics.exemplars.fingerprint import Fingerprint, fingerprint
from forensics.exemplars.library import Library, load_library
from forensics.exemplars.records import Exemplar

__all__ = ["Exemplar", "Fingerprint", "Library", "fingerprint", "load_library"]
