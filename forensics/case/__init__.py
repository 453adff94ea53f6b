"""Cases: exhibits and records under a signed custody log, verified byte by byte, exported as one archive."""

from forensics.case.case import Case
from forensics.case.entries import ExhibitEntry, ExportedFile, RecordFile
from forensics.case.outcome import Anchor, CaseProblem, Verification
from forensics.case.verification import verify

__all__ = ["Anchor", "Case", "CaseProblem", "ExhibitEntry", "ExportedFile", "RecordFile", "Verification", "verify"]
