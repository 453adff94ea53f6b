"""`case.json`: how a case folder says what it is and where its database lies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

from forensics.case import layout
from synth.canonical import parse
from synth.errors import VoxproofError

DATABASE_VARIABLE = "VOXPROOF_CASE_DB"


def read_particulars(folder: Path) -> dict[str, Any]:
    """What `case.json` says; raises `VoxproofError` when the folder is no case."""
    path = folder / layout.CASE_FILE
    try:
        data = path.read_bytes()
    except OSError:
        cure = "Make one: voxproof case open DIR --title TITLE"
        raise VoxproofError("this is not a case folder (no readable case.json)", path=folder, cure=cure) from None
    cure = "Run `voxproof case verify` to see what was changed."
    try:
        found = parse(data)
    except VoxproofError as error:
        raise VoxproofError(f"case.json was damaged: {error.cause}", path=path, cure=cure) from None
    if not isinstance(found, dict) or set(found) != set(layout.PARTICULARS) or found["schema"] != layout.SCHEMA:
        raise VoxproofError(f"case.json is not of the form {layout.SCHEMA}", path=path, cure=cure)
    if any(not isinstance(found[name], str) for name in ("id", "title")):
        raise VoxproofError("case.json was damaged: id and title must be texts", path=path, cure=cure)
    return found


def case_database(folder: Path, particulars: Mapping[str, Any]) -> str:
    """The URL of the case's database."""
    stored = particulars.get("database")
    return stored if isinstance(stored, str) else default_database(folder)


def default_path(folder: Path) -> str:
    """Where the SQLite file of a case lies unless a URL says otherwise."""
    return str((folder / layout.DATABASE_FILE).absolute())


def default_database(folder: Path) -> str:
    """The URL of that file."""
    return URL.create("sqlite", database=default_path(folder)).render_as_string(hide_password=False)
