"""The exemplar library: what ships in the package, and what the user has added.

The user's exemplars are YAML files in VOXPROOF_EXEMPLARS, or else in the user's data folder
(`synth.places`). The SHA-256 of the whole
library is a parameter of the method, so that an answer can be repeated.
"""

from __future__ import annotations

import hashlib
import os
from functools import cached_property
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import ValidationError

from forensics.exemplars.fingerprint import Fingerprint, fingerprint, plain
from forensics.exemplars.programs import program_of
from forensics.exemplars.records import Exemplar, exemplar_of
from synth.canonical import canonical
from synth.errors import VoxproofError
from synth.places import data_folder
from synth.yaml_data import load_yaml

FOLDER_VARIABLE = "VOXPROOF_EXEMPLARS"
SHIPPED = ("measured.yaml", "documented.yaml")


def user_folder() -> Path:
    """Where the user's exemplars lie."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    return data_folder() / "exemplars"


class Library:
    """All exemplars in a fixed order: shipped first, the user's by name."""

    def __init__(self, exemplars: tuple[Exemplar, ...], folder: Path) -> None:
        self.exemplars = exemplars
        self.folder = folder

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the canonical JSON of all exemplars."""
        data = canonical([exemplar.model_dump(mode="json") for exemplar in self.exemplars])
        return hashlib.sha256(data.encode()).hexdigest()

    def find(self, name: str) -> Exemplar:
        """The exemplar of this name; raises `VoxproofError` if there is none."""
        for exemplar in self.exemplars:
            if exemplar.name.casefold() == name.casefold():
                return exemplar
        raise VoxproofError(f"there is no exemplar {name!r}", cure="`voxproof case exemplar list` shows all.")

    def add(self, paths: tuple[Path, ...], name: str, *, version: str = "", note: str = "") -> tuple[Exemplar, ...]:
        """Measure the user's recordings and keep one exemplar per kind of container; the sound is not kept."""
        if not name.strip() or len(name) > 100 or not name.isprintable():
            raise VoxproofError(f"{name!r} is no name", cure="Give the name of the device or app, at most 100 letters.")
        if any(exemplar.name.casefold() == name.casefold() for exemplar in self.exemplars):
            raise VoxproofError(f"there is an exemplar {name!r} already", cure="Remove it first, or choose a name.")
        prints: dict[str, dict[str, Fingerprint]] = {}
        for path in paths:
            found, digest = _measure(path)
            prints.setdefault(found.format, {})[digest] = found
        made = []
        for format_, group in prints.items():
            title = name if len(prints) == 1 else f"{name}: {format_}"
            texts = {plain(text) for one in group.values() for _, text in one.texts}
            claims = tuple(sorted(text for text in texts if len(text) >= 4 and not _ordinary(text)))
            made.append(exemplar_of(group, title, name, "user", version=version, note=note, claims=claims))
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for exemplar in made:
            text = yaml.safe_dump([exemplar.model_dump(mode="json")], sort_keys=False, allow_unicode=True)
            with (self.folder / _file_name(exemplar.name)).open("x", encoding="utf-8") as stream:
                stream.write(text)
        return tuple(made)

    def remove(self, name: str) -> None:
        """Remove one of the user's exemplars; those that ship stay."""
        exemplar = self.find(name)
        if exemplar.basis != "user":
            raise VoxproofError(f"the exemplar {exemplar.name!r} ships with Voxproof and cannot be removed")
        (self.folder / _file_name(exemplar.name)).unlink()


def load_library(folder: Path | None = None) -> Library:
    """The shipped exemplars and the user's; raises `VoxproofError` for a file that is none."""
    folder = folder or user_folder()
    exemplars: list[Exemplar] = []
    for name in SHIPPED:
        exemplars += _parse(files("forensics.exemplars").joinpath(name).read_text(encoding="utf-8"), Path(name))
    for path in sorted(folder.glob("*.yaml")) if folder.is_dir() else ():
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise VoxproofError(f"the exemplar cannot be read ({error})", path=path) from None
        exemplars += _parse(text, path)
    return Library(tuple(exemplars), folder)


def _parse(text: str, path: Path) -> list[Exemplar]:
    try:
        return [Exemplar(**row) for row in load_yaml(text) or []]
    except (yaml.YAMLError, ValidationError, TypeError) as error:
        said = str(error).splitlines()[0]
        raise VoxproofError(f"is no list of exemplars ({said})", path=path, cure="Remove it, or add it anew.") from None


def _measure(path: Path) -> tuple[Fingerprint, str]:
    try:
        found = fingerprint(path)
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise VoxproofError(f"cannot be read ({error.strerror})", path=path) from None
    if found is None:
        raise VoxproofError("its container has no reader", path=path, cure="Give WAV, M4A, MP3, Ogg, FLAC, AMR, ...")
    return found, digest


def _ordinary(text: str) -> bool:
    """Whether a text names a converter or encoder, which says nothing of a device."""
    program = program_of(text)
    return program is not None and program.kind in ("converter", "encoder")


def _file_name(name: str) -> str:
    """A file name of the exemplar's own, whatever its name is made of."""
    kept = "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in name.lower()).strip("-")[:40]
    return f"{kept}-{hashlib.sha256(name.casefold().encode()).hexdigest()[:8]}.yaml"
