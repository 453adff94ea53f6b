"""Points in time as the records write them: UTC, ISO 8601, whole seconds, Z."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from synth.errors import VoxproofError

_FORM = "%Y-%m-%dT%H:%M:%SZ"


def stamp(moment: datetime) -> str:
    """2026-03-01T09:00:06Z"""
    return moment.astimezone(UTC).strftime(_FORM)


def when(text: str) -> datetime:
    """The moment that `stamp` wrote; raises `VoxproofError` for any other text."""
    try:
        moment = datetime.strptime(text, _FORM).replace(tzinfo=UTC)
    except ValueError:
        raise VoxproofError(f"{text!r} is no time of the form 2026-03-01T09:00:06Z") from None
    if stamp(moment) != text:
        raise VoxproofError(f"{text!r} is no time of the form 2026-03-01T09:00:06Z")
    return moment


def end_of(text: str) -> datetime:
    """The moment at which a date ends (UTC), or a moment given with its time, by default UTC."""
    cure = "Write a date, 2027-03-31, or a moment, 2027-03-31T12:00:00+01:00."
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return datetime.combine(date.fromisoformat(text), time(tzinfo=UTC)) + timedelta(days=1, seconds=-1)
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        raise VoxproofError(f"{text!r} is no date", cure=cure) from None
