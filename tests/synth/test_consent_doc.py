"""docs/consent.md shows the matrix of roles as the code has it, and every action of the register."""

from __future__ import annotations

from pathlib import Path

from synth.access import COMMANDS, PERMISSIONS
from synth.register_audit import KNOWN

DOC = Path(__file__).parents[2] / "docs" / "consent.md"


def test_the_matrix_in_the_docs_is_the_one_in_the_code() -> None:
    lines = ["| role | " + " | ".join(COMMANDS) + " |", "|---" * (1 + len(COMMANDS)) + "|"]
    lines += [
        f"| {role} | " + " | ".join(may.get(command, "–") for command in COMMANDS) + " |"
        for role, may in PERMISSIONS.items()
    ]
    assert "\n".join(lines) in DOC.read_text("utf-8")


def test_every_action_is_in_the_docs() -> None:
    text = DOC.read_text("utf-8")
    assert [action for action in KNOWN if f"`{action}`" not in text] == ["key.authorised"]
