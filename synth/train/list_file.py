"""The `.list` file of GPT-SoVITS: one recording a line, `path|speaker|language|text`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from synth.errors import VoxproofError
from synth.text.frame import Language

LANGUAGES: dict[str, Language] = {"zh": "zh", "jp": "ja", "ja": "ja", "en": "en", "ko": "ko", "yue": "yue"}
"""Names in the file, in small letters, and the front end they stand for."""
_SPOKEN = str.maketrans({"%": "-", "￥": ","})  # as the reference does before it cleans the text


@dataclass(frozen=True)
class Item:
    """One recording and what is said in it."""

    line: int
    """Line of the file, from 1."""
    path: Path
    """A relative path is meant from the folder of the `.list` file."""
    speaker: str
    language: Language
    text: str


@dataclass(frozen=True)
class Trouble:
    """Why a line was not used, or what is doubtful about it."""

    line: int
    """Line of the `.list` file, from 1."""
    path: str
    """The recording, as far as it is known."""
    cause: str
    cure: str
    used: bool = False
    """True for a mere warning."""

    def to_mapping(self) -> dict[str, Any]:
        return asdict(self)


def read_list(path: str | Path) -> tuple[list[Item], list[Trouble]]:
    """Items and the lines that are none; empty lines are passed over."""
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise VoxproofError("does not exist", path=path, cure="Check the path of the .list file.") from error
    except UnicodeDecodeError as error:
        raise VoxproofError("is not UTF-8 text", path=path, cure="Save the .list file as UTF-8.") from error
    items: list[Item] = []
    troubles: list[Trouble] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        fields = line.split("|", 3)
        wrong = ""
        if len(fields) != 4 or not fields[0].strip():
            wrong = f"has {len(fields)} fields where path|speaker|language|text are wanted"
        elif fields[2].strip().lower() not in LANGUAGES:
            wrong = f"names the language {fields[2].strip()!r}"
        elif not fields[3].strip():
            wrong = "has no text"
        if wrong:
            cure = f"Write path|speaker|language|text, the language one of {', '.join(LANGUAGES)}."
            troubles.append(Trouble(number, fields[0].strip(), f"the line {wrong}", cure))
            continue
        name, speaker, language, text = (field.strip() for field in fields)
        sound = path.parent / name
        items.append(Item(number, sound, speaker, LANGUAGES[language.lower()], text.translate(_SPOKEN)))
    if not items:
        raise VoxproofError("names no recording", path=path, cure="Write path|speaker|language|text in each line.")
    return items, troubles
