"""Where this user's data lie, and who the user is.

Sources: XDG Base Directory Specification (XDG_DATA_HOME, `~/.local/share` without it); Apple's and Microsoft's folders
for application data.
"""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path

ACTOR_VARIABLE = "VOXPROOF_ACTOR"


def data_folder() -> Path:
    """The user's folder for Voxproof's data; it need not exist."""
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "voxproof"


def actor_name() -> str:
    """Who does something: VOXPROOF_ACTOR, or the name that the user is logged in by."""
    named = os.environ.get(ACTOR_VARIABLE, "").strip()
    if named:
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown user"
