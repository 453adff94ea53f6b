"""What the case file knows and the recording cannot tell: who asked, who examined, through whose hands it went.

Everything is optional; the report prints "not stated" for what is missing. Times are UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict


def _utc(value: datetime) -> datetime:
    """An aware time, in UTC; a time without a zone is taken as UTC."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Instant = Annotated[datetime, AfterValidator(_utc)]


class CustodyEntry(BaseModel):
    """One line of the custody log."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: Instant
    """When, UTC."""
    actor: str
    """Who."""
    action: str
    """What was done with the exhibit."""
    sha256: str | None = None
    """Hash of this log entry, which covers the entry before it."""


class CaseFacts(BaseModel):
    """The administrative part of an examiner's report."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    case_id: str | None = None
    exhibit_id: str | None = None
    requester: str | None = None
    """Who asked for the examination."""
    question: str | None = None
    """The question put, in the requester's words."""
    examiner: str | None = None
    qualifications: str | None = None
    """Of the examiner."""
    received: Instant | None = None
    """When the exhibit was received, UTC."""
    examined: Instant | None = None
    """When the examination was made, UTC; also the creation date of the PDF."""
    acquisition: str | None = None
    """How the exhibit was acquired."""
    working_copy_sha256: str | None = None
    """SHA-256 of the working copy, where one was made."""
    custody: tuple[CustodyEntry, ...] = ()
    """The custody log, oldest entry first."""
