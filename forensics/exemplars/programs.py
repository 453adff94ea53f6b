"""Programs that name themselves in metadata: which text, which program, and what kind of program it is."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

from forensics.records import Record
from synth.yaml_data import load_yaml

Kind = Literal["editor", "converter", "encoder", "recorder", "messenger", "generator"]


class Program(Record):
    """A program and the text by which it is known."""

    mark: str
    """Text in lower case that occurs in its tag."""
    name: str
    """The program, for readers."""
    kind: Kind
    """What it does: an editor cuts, a converter rewrites, an encoder codes, a recorder and a messenger record."""
    basis: Literal["measured", "documented"]
    """Whether the text was seen in a file made for the purpose, or is documented."""
    source: str = ""
    """Command that made the file, or where the text is documented."""


@cache
def programs() -> tuple[Program, ...]:
    """All known programs, the most telling texts first."""
    text = files("forensics.exemplars").joinpath("programs.yaml").read_text(encoding="utf-8")
    return tuple(Program(**row) for row in load_yaml(text))


def program_of(text: str) -> Program | None:
    """The program that a text names."""
    lowered = text.lower()
    return next((program for program in programs() if program.mark in lowered), None)
