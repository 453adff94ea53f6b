"""The truth about every file: one record a line in `manifest.jsonl`, and the check that the files are still those."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from forensics.range.base import Label, Role
from forensics.range.marking import VARIANTS, Variant
from synth.audio import AudioError, open_recording
from synth.canonical import canonical
from synth.card import sha256_of
from synth.errors import VoxproofError
from synth.ledger_file import replace_file
from synth.record import Record

MANIFEST, PLAN, LEFT_OUT = "manifest.jsonl", "plan.json", "left-out.jsonl"


class UsedSource(Record):
    """A recording that went into an item."""

    role: Role
    """`clip`, `host` of an edit, `donor` of its phrase, `content` of a conversion, `voice` of a clone."""
    file: str
    """Name of its folder and path within."""
    sha256: str
    """Of that file."""
    collection: str
    """Where the index says it comes from."""
    speaker: str
    """Empty where not known."""
    licence: str
    """As the index has it."""


class RangeFile(Record):
    """One file and the truth about it."""

    schema_: Literal["voxproof.range/1"] = Field(alias="schema")
    file: str
    """Path within the range's folder, with slashes."""
    sha256: str
    """Of the file."""
    seconds: float = Field(gt=0)
    sample_rate: int
    """Hz."""
    item: str
    """Shared by its three variants."""
    kind: str
    """human, machine, clone, conversion, partial, splice."""
    label: Label
    """`machine`: all of the speech is; `partial`: that in `segments`; `human`: none."""
    segments: tuple[tuple[float, float], ...]
    """Machine-made speech, [start, end] in seconds, cross-fades included; outside of them no sample is a machine's."""
    joins: tuple[tuple[float, float], ...]
    """Where recordings meet, [start, end] of the cross-fade in seconds; both the same for a butt join."""
    generator: str
    """What made the machine-made speech; empty for people."""
    voice: str
    """Whose voice that is: a speaker of a source, or a program's voice."""
    voice_right: str
    """By which right our model took the voice: `machine` or `consent <id>`; empty where it took none."""
    text: str
    """What the machine says, where known."""
    sources: tuple[UsedSource, ...]
    chain: tuple[dict[str, str | int | float], ...]
    """Every step of the processing with its parameters, in order; those of a donor have `of: donor`."""
    laundering: str
    """Name of the chain of channels, or `none`."""
    mark: Variant
    """unmarked, marked, or marked under the other key."""
    key_id: str
    """Of the range's key that it is marked under; empty without a mark."""
    payload: str
    """Issuance id of the payload, 8 hexadecimal digits; empty without a mark."""
    payload_carried: bool
    """Whether the sound is long enough for the payload; else the mark shows its presence only."""
    seed: int
    """Of the item."""

    @property
    def line(self) -> str:
        """One line of the manifest."""
        return canonical(self.model_dump(mode="json", by_alias=True)) + "\n"


def read_manifest(folder: Path, *, torn: bool = False) -> list[RangeFile]:
    """All records; with `torn` an unfinished last line, as an interrupted run leaves, is passed over."""
    path = folder / MANIFEST
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise VoxproofError(
            f"there is no manifest ({error})", path=folder, cure="Give the folder of a range."
        ) from None
    if torn and lines and not lines[-1].endswith("\n"):
        lines.pop()
    records = []
    for number, line in enumerate(lines, 1):
        try:
            records.append(RangeFile.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise VoxproofError(f"line {number} is no record of a range ({where}: {first['msg']})", path=path) from None
    return records


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """A file of lines, whole or not at all."""
    replace_file(path, "".join(lines).encode())


def check(folder: Path) -> list[str]:
    """What is wrong with a range, in words; nothing if every file is the one that the manifest describes."""
    records = read_manifest(folder)
    problems = []
    variants: dict[str, list[str]] = defaultdict(list)
    for record in records:
        variants[record.item].append(record.mark)
        problems += [f"{record.file}: {problem}" for problem in _wrong(record, folder)]
    for item, marks in variants.items():
        if sorted(marks) != sorted(VARIANTS):
            problems.append(f"{item}: its variants are {', '.join(sorted(marks))}, not one of each")
    listed = {record.file for record in records}
    if len(listed) < len(records):
        problems.append(f"{MANIFEST}: names a file twice")
    for path in sorted(folder.rglob("*.wav")):
        name = path.relative_to(folder).as_posix()
        if name not in listed:
            problems.append(f"{name}: is not in the manifest")
    return problems + _unfinished(folder, set(variants))


def _wrong(record: RangeFile, folder: Path) -> list[str]:
    """What the record says that its file, or itself, contradicts."""
    path = folder / record.file
    if not path.resolve().is_relative_to(folder.resolve()):
        return ["lies outside of the folder"]
    if not path.is_file():
        return ["is not there"]
    if sha256_of(path) != record.sha256:
        return ["was changed: its SHA-256 is another"]
    try:
        with open_recording(path) as recording:
            if abs(recording.seconds - record.seconds) > 1e-6 or recording.rate != record.sample_rate:
                return [f"lasts {recording.seconds:.4f} s at {recording.rate} Hz, not as the manifest says"]
    except AudioError as error:
        return [error.cause]
    return _contradictions(record)


def _contradictions(record: RangeFile) -> list[str]:
    found = []
    for name in ("segments", "joins"):
        spans = getattr(record, name)
        ends = [0.0, *(edge for span in spans for edge in span), record.seconds]
        if any(later < earlier for earlier, later in pairwise(ends)):
            found.append(f"{name} do not lie one behind the other within the file")
    machine = sum(end - start for start, end in record.segments)
    fits = {"human": machine == 0, "machine": machine == record.seconds, "partial": 0 < machine < record.seconds}
    if not fits[record.label]:
        found.append(f"{machine:.4f} s of {record.seconds:.4f} s are a machine's, and the label is {record.label}")
    if (record.mark == "unmarked") != (record.key_id == ""):
        found.append(f"is {record.mark}, and its key is {record.key_id or 'none'}")
    if bool(record.segments) != bool(record.generator):
        found.append("machine-made speech and its generator do not go together")
    return found


def _unfinished(folder: Path, made: set[str]) -> list[str]:
    """Planned items that were neither made nor left out."""
    try:
        planned = [item["name"] for item in json.loads((folder / PLAN).read_text(encoding="utf-8"))["items"]]
        left = [json.loads(line)["item"] for line in (folder / LEFT_OUT).read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [f"{PLAN}, {LEFT_OUT}: the run was not finished, or they were changed ({type(error).__name__})"]
    problems = [f"{item}: was planned, and is neither made nor left out" for item in planned
                if item not in made and item not in left]  # fmt: skip
    return problems + [f"{item}: was not planned" for item in sorted(made - set(planned))]
