"""Cases: exhibits and records under a signed custody log, verified byte by byte, exported as one archive."""

from forensics.case.case import Case, ExhibitEntry, ExportedFile, RecordFile
from forensics.case.verification import Anchor, CaseProblem, Verification, verify

__all__ = ["Anchor", "Case", "CaseProblem", "ExhibitEntry", "ExportedFile", "RecordFile", "Verification", "verify"]
