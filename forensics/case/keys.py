"""Where the examiner's custody key lives, and the heads noted beside it.

The key is kept outside the case folder, for whoever holds both can write a new log that verifies. Beside the key, the
head of each case is noted with every entry: a log that was cut or replaced together with its database and its head
then still shows on the computer that signed it.
"""

from __future__ import annotations

import os
from pathlib import Path

from synth.errors import VoxproofError
from synth.ledger import Head
from synth.ledger_file import replace_file
from synth.signing import SigningKey

KEY_VARIABLE = "VOXPROOF_CUSTODY_KEY"
PASSPHRASE_VARIABLE = "VOXPROOF_CUSTODY_PASSPHRASE"  # noqa: S105 - the variable's name


def key_path() -> Path:
    """The custody key: VOXPROOF_CUSTODY_KEY, or `custody.pem` in the user's folder for Voxproof."""
    named = os.environ.get(KEY_VARIABLE)
    return Path(named) if named else Path.home() / ".voxproof" / "custody.pem"


def load_key() -> SigningKey:
    """Read the custody key; its passphrase, if it has one, is in VOXPROOF_CUSTODY_PASSPHRASE."""
    path = key_path()
    if not path.exists():
        cure = f"`voxproof case open` makes one; or name it in {KEY_VARIABLE}."
        raise VoxproofError("there is no custody key", path=path, cure=cure)
    return SigningKey.load(path, os.environ.get(PASSPHRASE_VARIABLE) or None)


def make_key() -> bool:
    """Make a custody key where there is none; True if one was made. Two processes at once make one key."""
    path = key_path()
    if path.exists():
        return False
    try:
        SigningKey.generate().save(path, os.environ.get(PASSPHRASE_VARIABLE) or None)
    except VoxproofError:
        if path.exists():
            return False
        raise
    return True


def noted_head_path(case_id: str) -> Path:
    """Where the head of a case is noted."""
    return key_path().parent / "heads" / f"{case_id}.head"


def note_head(case_id: str, head: bytes) -> None:
    """Note the head of a case beside the key."""
    path = noted_head_path(case_id)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(path, head, 0o600)
    except OSError as error:
        cause = f"the custody entry was made, but the log's head could not be noted beside the key ({error.strerror})"
        raise VoxproofError(cause, path=path) from None


def noted_head(case_id: str) -> Head | None:
    """The head that was last noted on this computer, if any; raises `VoxproofError` when it cannot be read."""
    path = noted_head_path(case_id)
    return Head.parse(path.read_bytes()) if path.exists() else None
