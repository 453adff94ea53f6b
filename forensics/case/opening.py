"""What a new case needs before its first custody entry: readable particulars, a folder of its own, a database."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forensics.case import keys, layout
from forensics.case.descriptor import DATABASE_VARIABLE, default_database, default_path
from forensics.case.intake import file_errors
from forensics.case.models import Base, connect, database_errors, database_url, without_secrets
from forensics.case.store import CustodyStore
from synth.errors import VoxproofError
from synth.ledger_file import FileStore
from synth.signing import SigningKey


def prepare(
    folder: Path, texts: Mapping[str, str | None], database: str | None, key: SigningKey | None
) -> tuple[SigningKey, dict[str, Any], CustodyStore]:
    """Make folder and tables of a new case; returns its key, particulars and empty custody log.

    `texts`: title, requester, question and examiner. `database`: a URL, by default an SQLite file in the folder.
    """
    for text in texts.values():
        if text is not None and (not text.strip() or re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)):
            raise VoxproofError("title, requester, question and examiner must be readable texts, or be left out")
    if (folder / layout.CASE_FILE).exists():
        raise VoxproofError("there is a case in this folder", path=folder, cure="Choose another folder.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise VoxproofError("a case needs a folder of its own", path=folder, cure="Name a new or an empty folder.")
    url = database_url(database or os.environ.get(DATABASE_VARIABLE) or default_database(folder))
    if key is None and keys.key_path().absolute().is_relative_to(folder.absolute()):
        cure = f"Keep it elsewhere: whoever could change the case could sign again. {keys.KEY_VARIABLE} names it."
        raise VoxproofError("the custody key must not lie in the case folder", path=keys.key_path(), cure=cure)
    key = key or keys.load_key()
    particulars = {
        "schema": layout.SCHEMA,
        "id": secrets.token_hex(8),
        **texts,
        "database": None if url.database == default_path(folder) else without_secrets(url),
    }
    with file_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        engine = connect(url, "rwc")
        with database_errors():
            Base.metadata.create_all(engine)
        for name in ("exhibits", "records", "keys"):
            (folder / name).mkdir()
    return key, particulars, CustodyStore(engine, str(particulars["id"]), FileStore(folder / layout.LOG_FILE), url)
