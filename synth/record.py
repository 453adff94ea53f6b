"""The base of every record: immutable, closed to unknown fields, no NaN in its JSON."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Frozen pydantic data; a misspelt field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")
