"""Prepared data on disk: 32 recordings a file, safetensors, written whole or not at all.

FOLDER/preparation.json         what it was made from and with
FOLDER/shard-00000.safetensors  for recording i: i/phones [n] int32, i/sound [samples] int16 at 32 kHz,
                                i/content [768, frames] float32, with Chinese i/bert [n, 1024] float16,
                                for Pro versions i/speaker [20480] float32, for the lite size i/speaker [256] float32
                                and i/pitch [2 frames] float16, Hz; one JSON table of facts
FOLDER/codes-00000.safetensors  i/codes [tokens] int16, of one tokeniser
FOLDER/troubles.jsonl           recordings that were left out, and warnings
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from synth.errors import VoxproofError

PREPARATION = "preparation.json"
TROUBLES = "troubles.jsonl"
SOUND_RATE = 32_000


@dataclass(frozen=True)
class Entry:
    """Facts of one recording that is ready to be trained on."""

    line: int
    """Line of the `.list` file; the recording's name in the shard."""
    path: str
    """Where it came from."""
    speaker: str
    language: str
    text: str
    """As it is spoken, normalised."""
    seconds: float
    phones: int
    """How many."""
    snr_db: float | None
    """None: not measurable, there was no pause or no speech."""
    shard: int = 0
    """Number of its file."""


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Whole or not at all, also when the machine stops in the middle.

    One entry of metadata gives the same bytes every time; of several, the format does not keep the order.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        save_file({name: value.contiguous() for name, value in tensors.items()}, beside, metadata=dict(metadata))
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise VoxproofError(
            f"could not be written ({error.strerror or error})", path=path, cure="Look at folder, rights and space."
        ) from error
    finally:
        beside.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """A small table, whole or not at all."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    beside.write_text(json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    beside.replace(path)


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise VoxproofError(
            "is not there, or is damaged", path=path, cure="Prepare the data again: voxproof train prepare."
        ) from error


def shard_path(folder: Path, number: int, kind: str = "shard") -> Path:
    return folder / f"{kind}-{number:05d}.safetensors"


def shard_entries(path: Path) -> tuple[list[Entry], list[dict[str, Any]], str]:
    """Entries, troubles and fingerprint that a shard was written with."""
    metadata = metadata_of(path)
    try:
        table = json.loads(metadata["shard"])
        return [Entry(**entry) for entry in table["entries"]], table["troubles"], table["fingerprint"]
    except (KeyError, TypeError, ValueError) as error:
        raise VoxproofError("is no shard of prepared data", path=path, cure="Delete it and prepare again.") from error


def write_shard(
    folder: Path, number: int, made: list[tuple[Entry, dict[str, Tensor]]], troubles: list[dict[str, Any]], mark: str
) -> None:
    """One shard; `mark` is the fingerprint of what it was made from."""
    tensors = {f"{entry.line}/{name}": value for entry, parts in made for name, value in parts.items()}
    table = {"entries": [asdict(entry) for entry, _ in made], "troubles": troubles, "fingerprint": mark}
    write_tensors(shard_path(folder, number), tensors, {"shard": json.dumps(table, ensure_ascii=False)})


def metadata_of(path: Path) -> dict[str, str]:
    """The texts that a shard carries."""
    return dict(_open(path).metadata() or {})


def _open(path: Path) -> Any:
    try:
        return safe_open(path, framework="pt")
    except (OSError, SafetensorError) as error:
        raise VoxproofError(
            f"cannot be read ({error})", path=path, cure="Delete it and prepare again; the other shards stay."
        ) from error


class Prepared:
    """Prepared data, to be read recording by recording."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.facts: dict[str, Any] = read_json(self.folder / PREPARATION)
        if not self.facts.get("complete"):
            raise VoxproofError(
                "is not complete", path=self.folder, cure="Run voxproof train prepare again; it goes on where it was."
            )
        self.entries: list[Entry] = []
        for number in range(int(self.facts["shards"])):
            self.entries += shard_entries(shard_path(self.folder, number))[0]
        if not self.entries:
            raise VoxproofError(
                "holds no usable recording", path=self.folder, cure=f"Look into {TROUBLES} for the reasons."
            )
        self._files: dict[Path, Any] = {}
        self._known: dict[Path, frozenset[str]] = {}

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def model(self) -> str:
        """Version of the model it was prepared for."""
        return str(self.facts["model"])

    @property
    def content(self) -> str:
        """Name of the source of features."""
        return str(self.facts["content"])

    @property
    def text_pipeline(self) -> str:
        """Hash of the text front ends."""
        return str(self.facts["text_pipeline"])

    @property
    def fingerprint(self) -> str:
        """Of everything that decides the contents but the codes."""
        return str(self.facts["fingerprint"])

    def tensor(self, entry: Entry, name: str, kind: str = "shard") -> Tensor:
        """One part of a recording."""
        return self._file(entry, kind).get_tensor(f"{entry.line}/{name}")  # type: ignore[no-any-return]

    def has(self, entry: Entry, name: str, kind: str = "shard") -> bool:
        path = shard_path(self.folder, entry.shard, kind)
        if path not in self._known:
            self._known[path] = frozenset(self._file(entry, kind).keys() if path.exists() else ())
        return f"{entry.line}/{name}" in self._known[path]

    def require_symbols(self, entries: Sequence[Entry], symbols: int) -> None:
        """Raise VoxproofError if a phoneme of these recordings is beyond a model's table of so many symbols."""
        highest = max(int(self.tensor(entry, "phones").max()) for entry in entries)
        if highest >= symbols:
            raise VoxproofError(
                f"was prepared for {self.model}: phoneme {highest} is beyond the model's {symbols}",
                path=self.folder, cure="Prepare it for the version of this model.",
            )  # fmt: skip

    def sound(self, entry: Entry) -> Tensor:
        """Samples [n] float32 at 32 kHz."""
        return self.tensor(entry, "sound").float() / 32768

    def content_of(self, entry: Entry) -> Tensor:
        """Features [768, frames]."""
        return self.tensor(entry, "content")

    def codes(self, entry: Entry) -> Tensor:
        """Semantic tokens [time] int64."""
        return self.tensor(entry, "codes", "codes").long()

    def alignment(self, entry: Entry) -> Tensor | None:
        """Which phone of the text each frame of 20 ms says [frames], -1 where none is known; None: not looked for."""
        return self.tensor(entry, "alignment", "codes").long() if self.has(entry, "alignment", "codes") else None

    @property
    def tokeniser(self) -> str | None:
        """Which tokeniser made the codes; None: there are none yet."""
        path = shard_path(self.folder, 0, "codes")
        if not path.exists():
            return None
        return metadata_of(path).get("tokeniser")

    def numbered(self) -> Iterator[tuple[int, list[Entry]]]:
        """The entries, shard by shard."""
        for number in range(int(self.facts["shards"])):
            yield number, [entry for entry in self.entries if entry.shard == number]

    def forget(self) -> None:
        """Open files are opened again when they are next asked for."""
        self._files.clear()
        self._known.clear()

    def _file(self, entry: Entry, kind: str) -> Any:
        path = shard_path(self.folder, entry.shard, kind)
        if path not in self._files:
            self._files[path] = _open(path)
        return self._files[path]
