"""Lists of labelled clips: a CSV with a header, a folder with one, a folder of `voxproof range`, a protocol file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from forensics.benches.detector import protocol
from forensics.benches.detector.clips import Listing, found, label_of, slug
from synth.errors import VoxproofError

INDEXES = ("index.csv", "meta.csv", "metadata.csv")
"""Names of the list in a folder; In-the-Wild calls it meta.csv."""
COLUMNS = {
    "name": ("path", "file", "filename", "file_name", "filepath", "file_path", "clip", "audio"),
    "label": ("label", "class", "key", "truth", "target"),
    "generator": ("generator", "attack", "attack_id", "system", "system_id", "model"),
    "source": ("page", "source", "source_id", "collection", "corpus", "dataset"),
    "speaker": ("speaker", "speaker_id", "spk"),
    "sex": ("sex", "gender"),
    "language": ("language", "lang", "locale"),
    "kind": ("kind",),
    "channel": ("channel", "codec", "compression", "laundering", "orig_codec"),
}
"""What a column may be called, in any case; the first that a row fills counts."""


def read_list(path: Path, audio: Path | None = None) -> Listing:
    """Every row of the list at `path`; its files lie beside it, or in `audio`. VoxproofError where it is no list."""
    if path.is_dir():
        if (path / "manifest.jsonl").is_file() and not any((path / name).is_file() for name in INDEXES):
            return _range(path)
        inside = next((path / name for name in INDEXES if (path / name).is_file()), None)
        if inside is None:
            cure = f"Name the list itself, or call it one of: {', '.join(INDEXES)}."
            raise VoxproofError("holds no list of labelled clips", path=path, cure=cure)
        path = inside
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise VoxproofError(f"is no list that can be read ({error})", path=path) from error
    first = next((line for line in text.splitlines() if line.strip()), "")
    form = protocol.form_of(first)
    listing = protocol.read(text, form, path, audio) if form else _csv(text, path, audio)
    if not listing.clips and not listing.aside:
        reason = f": {listing.faults[0].name} {listing.faults[0].reason}" if listing.faults else ""
        cure = "Say with --audio where the recordings lie." if "is not there" in reason else ""
        raise VoxproofError(f"names no clip that can be used{reason}", path=path, cure=cure)
    return listing


def table(text: str) -> tuple[list[str], list[dict[str, str]]]:
    """Names of the columns, in lower case, and the rows of a CSV with commas, semicolons or tabs."""
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    names = [name.strip().lower() for name in rows[0]] if rows else []
    return names, [dict(zip(names, row, strict=False)) for row in rows[1:] if any(map(str.strip, row))]


def named(columns: Sequence[str], what: str) -> list[str]:
    """The columns that may hold it, best first."""
    return [name for name in COLUMNS[what] if name in columns]


def _csv(text: str, path: Path, audio: Path | None) -> Listing:
    try:
        columns, rows = table(text)
    except csv.Error as error:
        raise VoxproofError(f"is no CSV ({error})", path=path) from error
    if not named(columns, "name") or not (named(columns, "label") or named(columns, "kind")):
        raise VoxproofError(
            "is neither a CSV with the columns path and label (or kind) nor a protocol file that is known",
            path=path,
            cure=f"Its first line is {text[:80].splitlines()[0] if text else ''!r}. Known: {protocol.FORM_NAMES}.",
        )
    labels = named(columns, "label")
    listing = Listing(f"CSV with the columns {', '.join(columns)}")
    if labels and not any(label_of(row.get(name, "")) for row in rows for name in labels):
        said = ", ".join(sorted({repr(row.get(labels[0], "")) for row in rows})[:5])
        cure = "Say human and machine, or bonafide and spoof: what numbers mean differs from list to list."
        raise VoxproofError(f"has labels that are not understood ({said})", path=path, cure=cure)
    for number, row in enumerate(rows, 2):
        facts = {what: next((v for n in named(columns, what) if (v := row.get(n, "").strip())), "") for what in COLUMNS}
        pair = row.get("pair_key", "")
        if not facts["speaker"] and pair.startswith("spk:"):
            facts["speaker"] = pair.removeprefix("spk:")
        facts["name"] = facts["name"] or f"row {number}"
        listing.take(facts, found([audio or path.parent], facts["name"]))
    return listing


def _range(folder: Path) -> Listing:
    """The unmarked files of a range; marks are another line of evidence."""
    from forensics.range.manifest import read_manifest

    listing = Listing("manifest of `voxproof range`")
    for record in read_manifest(folder):
        first = record.sources[0] if record.sources else None
        facts = {
            "name": record.file,
            "label": record.label,
            "kind": "watermark" if record.mark != "unmarked" else slug(record.kind),
            "generator": record.generator,
            "source": first.collection if first else "",
            "speaker": record.voice or (first.speaker if first else ""),
            "channel": record.laundering,
        }
        listing.take(facts, found([folder], record.file))
    return listing
