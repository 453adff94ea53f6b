"""Every row that the database holds of a case, as it is stored, for verification."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import URL, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from forensics.case.descriptor import DATABASE_VARIABLE, case_database
from forensics.case.models import (
    Base,
    CaseRow,
    EntryRow,
    ExhibitRow,
    RecordRow,
    connect,
    database_reason,
    database_url,
)
from synth.errors import VoxproofError
from synth.ledger import Problem

Rows = dict[str, list[dict[str, Any]]]
_TABLES: tuple[tuple[type[Base], str], ...] = (
    (CaseRow, "case"),
    (ExhibitRow, "exhibit"),
    (RecordRow, "record"),
    (EntryRow, "entry"),
)


def read_rows(
    folder: Path, told: Mapping[str, Any], case_id: str | None, database: str | URL | None
) -> tuple[Rows | None, list[Problem]]:
    """Rows by table (all rows of an SQLite file, which holds one case only), and what is wrong with the database.

    Without rows a damaged SQLite file is a problem of the case; a server that cannot be reached is an error.
    """
    url = database_url(database or os.environ.get(DATABASE_VARIABLE) or case_database(folder, told))
    lite = url.get_backend_name() == "sqlite"
    problems: list[Problem] = []
    try:
        engine = connect(url, "ro")
        with Session(engine) as session:
            if lite:
                said = session.connection().exec_driver_sql("PRAGMA integrity_check").scalars().all()
                if said != ["ok"]:
                    problems.append(Problem("database", "database", f"SQLite finds it damaged: {said[0]}"))
            rows: Rows = {}
            for model, noun in _TABLES:
                table = model.__table__
                query = select(table).order_by(*table.primary_key)
                if not lite:
                    query = query.where((table.c.id if model is CaseRow else table.c.case_id) == case_id)
                rows[noun] = [dict(row) for row in session.execute(query).mappings()]
            return rows, problems
    except SQLAlchemyError as error:
        if not lite:
            cause = f"the database of the case cannot be read ({database_reason(error)})"
            raise VoxproofError(cause, cure="Nothing was verified. Try again when it can be reached.") from None
        problems.append(Problem("database", "database", f"it cannot be read ({database_reason(error)})"))
    except VoxproofError as error:
        if not lite:
            raise
        problems.append(Problem("database", "missing", error.cause))
    return None, problems
