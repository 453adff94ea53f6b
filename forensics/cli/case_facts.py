"""The administrative part of a report, from the case that the exhibit belongs to."""

from __future__ import annotations

from datetime import datetime

from forensics.case import Case
from forensics.case.layout import words
from reports.case_facts import CaseFacts, CustodyEntry


def case_facts(case: Case, exhibit_sha256: str) -> CaseFacts:
    """Who asked, who examines, and the custody log of the exhibit with this SHA-256, oldest entry first."""
    exhibit = case.exhibit(exhibit_sha256)
    entries = case.custody_entries(exhibit_sha256)
    return CaseFacts(
        case_id=case.id,
        exhibit_id=exhibit.id if exhibit else None,
        requester=case.requester,
        question=case.question,
        examiner=case.examiner,
        received=datetime.fromisoformat(exhibit.received) if exhibit else None,
        working_copy_sha256=exhibit.working_copy_sha256 if exhibit else None,
        custody=tuple(
            CustodyEntry(time=datetime.fromisoformat(e.time), actor=e.actor, action=words(e), sha256=e.hash)
            for e in entries
        ),
    )
