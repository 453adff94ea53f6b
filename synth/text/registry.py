"""The languages that Voxproof speaks: one line for each front end, imported when first asked for."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib import import_module

from synth.errors import VoxproofError
from synth.text.frame import LANGUAGES, FrontEnd, Language
from synth.text.symbols import SymbolTable, table_of

FRONT_ENDS: dict[Language, str] = {
    "en": "synth.text.english:English",
    "zh": "synth.text.mandarin:Mandarin",
    "yue": "synth.text.cantonese:Cantonese",
    "ja": "synth.text.japanese:Japanese",
    "ko": "synth.text.korean:Korean",
}
"""Language -> "module:class"; the class is called with (table, reference=...)."""
V1_LANGUAGES: tuple[Language, ...] = ("en", "zh", "ja")
"""Version 1 knows no Cantonese and no Korean."""


class NotInstalledError(VoxproofError):
    """The packages of a front end are not there."""


@cache
def front_end(language: Language, model: str = "v2", *, reference: bool = False) -> FrontEnd:
    """The front end of a language for a version of the model; one object per process."""
    table: SymbolTable = table_of(model)
    if language not in LANGUAGES:
        raise VoxproofError(f"no language {language!r}", cure=f"Use one of {', '.join(LANGUAGES)}.")
    if table.version == "v1" and language not in V1_LANGUAGES:
        raise VoxproofError(f"version 1 of the model has no symbols for {language!r}", cure="Use a v2 model or later.")
    module, _, name = FRONT_ENDS[language].partition(":")
    try:
        made: FrontEnd = getattr(import_module(module), name)(table, reference=reference)
    except ModuleNotFoundError as error:
        raise NotInstalledError(
            f"the front end of {language!r} needs {error.name}, which is not installed",
            cure=f"Run: pip install 'voxproof[{'clone' if language == 'en' else f'clone-{language}'}]'.",
        ) from None
    return made


def installed(languages: Iterable[Language], model: str = "v2", *, reference: bool = False) -> dict[Language, FrontEnd]:
    """The front ends of these languages whose packages are there."""
    found = {}
    for language in languages:
        with suppress(NotInstalledError):
            found[language] = front_end(language, model, reference=reference)
    return found
