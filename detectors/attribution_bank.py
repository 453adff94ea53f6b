"""The enrolment bank of generators: a YAML file with one mean embedding per generator, the shipped one or the user's.

No sound is in it, and none can be had from it: 64 numbers of a generator. A bank belongs to the constants whose
embeddings it holds (`model`), and is refused with others.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import numpy as np
import numpy.typing as npt
import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from synth.errors import VoxproofError
from synth.ledger_file import replace_file
from synth.record import Record
from synth.yaml_data import load_yaml

FloatArray = npt.NDArray[np.float32]

SCHEMA: Final = "voxproof.generators/1"
DIMENSIONS: Final = 64
MOST_GENERATORS = 10_000
LARGEST_BYTES = 20_000_000
"""A bank file larger than this is not read."""


class Described(Record):
    """What is said of a generator; nothing here is measured."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    """As it is reported."""
    family: Annotated[str, Field(max_length=200)] = ""
    """Empty: of no known family."""
    source: Annotated[str, Field(max_length=2000)] = ""
    """Where the clips come from: pages, separated by commas, or what the user says."""
    licence: Annotated[str, Field(max_length=2000)] = ""
    """Of the clips, as the sources state it."""

    @field_validator("name", "family", "source", "licence")
    @classmethod
    def _printable(cls, text: str) -> str:
        if not text.isprintable() or text != text.strip():
            raise ValueError("control characters, or spaces around it")
        return text

    @classmethod
    def checked(cls, name: str, family: str = "", source: str = "", licence: str = "") -> Described:
        """Of what a user says; VoxproofError where it cannot stand in a bank."""
        try:
            return cls(name=name, family=family, source=source, licence=licence)
        except ValidationError as error:
            cure = "Give printable text of one line: 1 to 100 signs for the name, at most 200 for the family."
            raise VoxproofError(f"that cannot be enrolled ({_faults(error)})", cure=cure) from error


class Generator(Described):
    """One enrolled generator."""

    clips: Annotated[int, Field(ge=1)]
    """Clips behind the mean."""
    seconds: Annotated[float, Field(ge=0)]
    """Speech in them, seconds; 0: not known."""
    spread: Annotated[float, Field(ge=-1, le=1)]
    """Mean cosine of the clips to their mean: 1 were all alike."""
    quartile: Annotated[float, Field(ge=-1, le=1)] = -1.0
    """Lower quartile of the clips' cosines to the mean of the others; -1: not worked out."""
    embedding: Annotated[str, Field(pattern=f"^[0-9a-f]{{{4 * DIMENSIONS}}}$")]
    """Mean of unit length, float16 little endian, hexadecimal."""

    @model_validator(mode="after")
    def _of_unit_length(self) -> Self:
        length = float(np.linalg.norm(self.vector))
        if not abs(length - 1) < 0.01:  # nan too
            raise ValueError(f"{self.name}: the embedding has the length {length:.3f}, not 1")
        return self

    @property
    def vector(self) -> FloatArray:
        """[DIMENSIONS]."""
        return np.frombuffer(bytes.fromhex(self.embedding), "<f2").astype(np.float32)

    @staticmethod
    def hexadecimal(mean: FloatArray) -> str:
        """A mean [DIMENSIONS] as `embedding` holds it."""
        return mean.astype("<f2").tobytes().hex()


class Bank(Record):
    """Generators enrolled with one set of constants."""

    schema_: Literal["voxproof.generators/1"] = Field(default=SCHEMA, alias="schema")
    summary: Annotated[str, Field(max_length=2000)]
    """What the bank holds."""
    model: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """SHA-256 of the constants that made the embeddings."""
    generators: Annotated[tuple[Generator, ...], Field(max_length=MOST_GENERATORS)] = ()
    """By name, every name once."""

    @model_validator(mode="after")
    def _every_name_once(self) -> Self:
        names = [one.name for one in self.generators]
        if len(set(names)) != len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise ValueError(f"enrolled twice: {', '.join(twice)}")
        return self

    @property
    def sha256(self) -> str:
        """Of the content."""
        return hashlib.sha256(self.model_dump_json(by_alias=True).encode()).hexdigest()

    @cached_property
    def matrix(self) -> FloatArray:
        """[generators, DIMENSIONS]."""
        return np.stack([one.vector for one in self.generators])

    def with_one(self, generator: Generator) -> Bank:
        """The same with this generator, in the place of an earlier one of its name."""
        others = tuple(one for one in self.generators if one.name != generator.name)
        return self.holding(tuple(sorted((*others, generator), key=lambda one: one.name)))

    def joined(self, other: Bank) -> Bank:
        """Both; a name of `other` goes before the same name here."""
        names = {one.name for one in other.generators}
        kept = tuple(one for one in self.generators if one.name not in names)
        return self.holding((*kept, *other.generators))

    def holding(self, generators: tuple[Generator, ...]) -> Bank:
        """With other generators, and nothing kept of what was worked out for these."""
        return Bank(summary=self.summary, model=self.model, generators=generators)


def read_bank(path: Path, model: str, *, cure: str = "Enrol the generators again, or name another bank.") -> Bank:
    """The bank in a YAML file; an error says what is wrong with it, or that other constants made it."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise VoxproofError(f"not a bank of generators (more than {LARGEST_BYTES} bytes)", path=path, cure=cure)
        bank = Bank.model_validate(load_yaml(path.read_bytes()))
    except FileNotFoundError as error:
        raise VoxproofError("there is no such bank of generators", path=path, cure=cure) from error
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise VoxproofError(f"not a valid bank of generators ({_faults(error)})", path=path, cure=cure) from error
    if bank.model != model:
        raise VoxproofError(
            f"the bank was enrolled with other constants ({bank.model[:12]}…, here {model[:12]}…)", path=path, cure=cure
        )
    return bank


def write_bank(bank: Bank, path: Path) -> None:
    """As YAML; the file is there whole or not at all."""
    text = yaml.safe_dump(bank.model_dump(mode="json", by_alias=True), sort_keys=False, allow_unicode=True, width=400)
    try:
        replace_file(path, text.encode())
    except OSError as error:
        raise VoxproofError(
            f"could not be written ({error.strerror or error})", path=path, cure="Look at folder, rights and space."
        ) from error


def _faults(error: Exception) -> str:
    """In one line: the first three faults of a record, or what another error says."""
    if not isinstance(error, ValidationError):
        return " ".join(f"{error}".split())
    faults = error.errors(include_url=False, include_input=False)
    said = [f"{'.'.join(map(str, one['loc'])) or 'bank'}: {one['msg']}" for one in faults[:3]]
    return "; ".join(said) + ("; …" if len(faults) > 3 else "")
