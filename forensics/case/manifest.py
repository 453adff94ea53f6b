"""The signed manifest of an export against the log, the keys and the files of the export."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from forensics.case import layout
from forensics.case.export import MANIFEST_FIELDS, manifest_message
from forensics.case.holdings import Holding, digest
from synth.canonical import canonical, parse
from synth.errors import VoxproofError
from synth.ledger import Entry, Problem
from synth.signing import PublicKey

Hashes = Mapping[str, tuple[str, int]]


def manifest_problems(
    data: bytes,
    holding: Holding,
    names: Collection[str],
    *,
    keys: Mapping[str, PublicKey],
    last: Entry | None,
    hashes: Hashes,
    known: Sequence[Problem],
) -> list[Problem]:
    """What is wrong with the manifest `data`, or with files by it.

    `last`: the log's last sound entry. `hashes`: SHA-256 and size of files that were read already. `known`: problems
    that were found before; a file named in one of them is not named again.
    """
    where = layout.MANIFEST_FILE
    try:
        manifest = parse(data)
        same = canonical(manifest).encode() + b"\n" == data
    except VoxproofError as error:
        return [Problem(where, "malformed", error.cause)]
    if not same or not isinstance(manifest, dict) or set(manifest) != MANIFEST_FIELDS:
        return [Problem(where, "malformed", "it is not in the form that `case export` writes")]
    found: list[Problem] = []
    key = keys.get(str(manifest["key_id"]))
    if key is None or not key.verifies(manifest_message(manifest), str(manifest["signature"])):
        found.append(Problem(where, "signature", "its signature is not that of one of the case's keys"))
    if last is not None and manifest["head"] != {"count": last.sequence, "hash": last.hash}:
        found.append(Problem(where, "head", "the log does not end where the manifest says"))
    return found + _listed(manifest["files"], holding, names, hashes, [*known, *found])


def _listed(
    listed: Any, holding: Holding, names: Collection[str], hashes: Hashes, known: Sequence[Problem]
) -> list[Problem]:
    """Every file against the manifest, unless it was named already."""
    items = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    wanted = {str(item.get("name")): (item.get("sha256"), item.get("bytes")) for item in items}
    found: list[Problem] = []
    for name in sorted((set(names) | set(wanted)) - {layout.MANIFEST_FILE}):
        if any(item.where == name or f"({name})" in item.where for item in [*known, *found]):
            continue
        if name not in names:
            found.append(Problem(name, "missing", "the file is missing; the manifest lists it"))
        elif name not in wanted:
            found.append(Problem(name, "extra", "a file that the manifest does not list"))
        else:
            try:
                read = hashes.get(name) or digest(holding, name)
            except VoxproofError as error:
                found.append(Problem(name, "changed", error.cause))
                continue
            if read != wanted[name]:
                why = f"its SHA-256 is {read[0]}; the manifest has {wanted[name][0]}"
                found.append(Problem(name, "changed", why))
    return found
