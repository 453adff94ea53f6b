"""From a text to what the models are given: pieces, stretches of one language, phones.

text ─ split ─► pieces ─ segment ─► stretches ─ front ends ─► Phones ─ joined ─► Utterance
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from synth.errors import VoxproofError
from synth.text.frame import LANGUAGES, FrontEnd, Language, Phones
from synth.text.hashing import is_same, pipeline_hash
from synth.text.registry import V1_LANGUAGES, front_end, installed
from synth.text.segment import Mode, segment
from synth.text.split import Cut, split
from synth.text.symbols import table_of

FEWEST = 6
"""Phones: an utterance with fewer is read again with a full stop before it, as the reference does."""


@dataclass(frozen=True)
class Utterance:
    """One piece of text with the phones of all its stretches, in order."""

    text: str
    """The piece as it was written."""
    parts: tuple[Phones, ...]
    """Its stretches; BERT features are made for those in "zh" and are zero for the others."""

    @property
    def ids(self) -> tuple[int, ...]:
        """Phone ids of the whole piece."""
        return tuple(place for part in self.parts for place in part.ids)

    @property
    def phones(self) -> tuple[str, ...]:
        """Phones of the whole piece."""
        return tuple(phone for part in self.parts for phone in part.phones)

    @property
    def normalised(self) -> str:
        """The text as it is spoken."""
        return "".join(part.text for part in self.parts)


@dataclass(frozen=True)
class TextPipeline:
    """The text side of one model: the same settings give the same phones for ever, or another `hash`."""

    mode: Mode
    """Language mode (see `synth.text.segment`)."""
    model: str = "v2"
    """Version of the model, which decides the symbol table."""
    cut: Cut = "cut5"
    """Splitting method; not part of the hash, since it changes no phones of a piece."""
    reference: bool = False
    """Do exactly what the reference does, mistakes included."""

    def pieces(self, text: str) -> list[str]:
        """The pieces that are spoken one at a time."""
        return split(text, self.cut, english=self.mode == "en", reference=self.reference)

    def read(self, piece: str) -> Utterance:
        """Phones of one piece; with fewer than `FEWEST`, of the piece with a full stop before it."""
        utterance = self._read(piece)
        if len(utterance.ids) < FEWEST:
            utterance = Utterance(piece, self._read("." + piece).parts)
        return utterance

    def utterances(self, text: str) -> Iterable[Utterance]:
        """Every piece of a text, read; pieces in which nothing can be said are left out."""
        for piece in self.pieces(text):
            utterance = self.read(piece)
            if utterance.normalised:
                yield utterance

    def _read(self, piece: str) -> Utterance:
        stretches = segment(re.sub(" {2,}", " ", piece), self.mode)
        parts = tuple(self._front_end(stretch.language).phones(stretch.text) for stretch in stretches)
        return Utterance(piece, parts)

    def _front_end(self, language: Language) -> FrontEnd:
        return front_end(language, self.model, reference=self.reference)

    @cached_property
    def languages(self) -> tuple[Language, ...]:
        """Languages that the mode can give, those that the table can write."""
        named: dict[str, tuple[Language, ...]] = {
            "en": ("en",),
            "auto": ("en", "zh", "ja", "ko"),
            "auto_yue": ("en", "yue", "ja", "ko"),
        }
        if self.mode in named:
            return tuple(
                language for language in named[self.mode] if self.model != "v1" or language not in ("ko", "yue")
            )
        language: Language = self.mode.removeprefix("all_")  # type: ignore[assignment]
        return ("en", language)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of everything that decides the phones (see `synth.text.hashing`) of the mode's languages.

        A front end that is not installed is left out: it gives no other phones, but an error to whoever asks for any.
        """
        return self._hash(self._installed(self.languages).values())

    def require(self, recorded: str, *, path: str | None = None) -> None:
        """Fail unless the front ends that a model was trained with, which have this hash, are here and the same.

        They may be those of other languages than the mode's, and of fewer than are installed here.
        """
        known = V1_LANGUAGES if table_of(self.model).version == "v1" else LANGUAGES
        for count in range(1, len(known) + 1):  # few first: the packages of a language are loaded when it is tried
            for languages in combinations(known, count):
                here = self._installed(languages)
                if len(here) == count and is_same(recorded, self._hash(here.values())):
                    return
        here = self._installed(known)
        absent = [language for language in known if language not in here]
        packages = (
            f" The front ends of {', '.join(absent)} are not installed; was it trained with one?" if absent else ""
        )
        raise VoxproofError(
            f"the text pipeline of this checkpoint ({recorded[:12]}) is not the present one ({self.hash[:12]})",
            path=path,
            cure=f"Phones would differ from those in training; install what it was trained with.{packages}",
        )

    def _hash(self, front_ends: Iterable[FrontEnd]) -> str:
        return pipeline_hash(table_of(self.model), front_ends, reference=self.reference)

    def _installed(self, languages: Iterable[Language]) -> dict[Language, FrontEnd]:
        return installed(languages, self.model, reference=self.reference)
