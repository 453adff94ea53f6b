"""`voxproof case exemplar`: the exemplar library, extended with the user's own recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from forensics.cli.case import AS_JSON, _print_json, _print_table, plain_errors

if TYPE_CHECKING:
    from forensics.exemplars import Exemplar


@click.group()
def exemplar() -> None:
    """Keep exemplars: what the containers of known devices and apps look like, never the sound itself."""


@exemplar.command("add")
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Device or app that made the files.")
@click.option("--version", default="", help="Its version.")
@click.option("--note", default="", help="Settings, or anything else worth knowing.")
@AS_JSON
@plain_errors
def add(paths: tuple[Path, ...], name: str, version: str, note: str, as_json: bool) -> None:
    """Measure recordings of a device or app; three files or more tell what never changes."""
    from forensics.exemplars import load_library

    for made in load_library().add(paths, name.strip(), version=version.strip(), note=note.strip()):
        if as_json:
            _print_json(_shown(made))
        else:
            firm = f"{len(made.firm)} of {len(made.habits)} habits taken as fixed"
            click.echo(f"{made.name}: {made.format}, {made.files} files, {firm}.")


@exemplar.command("list")
@AS_JSON
@plain_errors
def list_all(as_json: bool) -> None:
    """All exemplars, those that ship and your own."""
    from forensics.exemplars import load_library

    library = load_library()
    if as_json:
        _print_json({"library_sha256": library.sha256, "exemplars": [_shown(one) for one in library.exemplars]})
        return
    _print_table(
        ("name", "container", "version", "basis", "files"),
        [(one.name, one.format, one.version, one.basis, str(one.files)) for one in library.exemplars],
    )
    click.echo(f"Library SHA-256 {library.sha256}; your own exemplars are in {library.folder}.")


@exemplar.command("show")
@click.argument("name")
@AS_JSON
@plain_errors
def show(name: str, as_json: bool) -> None:
    """One exemplar: habits, settings, texts, and what they rest on."""
    from forensics.exemplars import load_library

    found = load_library().find(name)
    if as_json:
        _print_json(_shown(found))
        return
    rows = [("writer", found.writer), ("version", found.version), ("container", found.format), ("basis", found.basis),
            ("source", found.source), ("note", found.note), ("files", str(found.files)),
            ("claimed by", ", ".join(found.claims))]  # fmt: skip
    for kind, values in (("habit", found.habits), ("setting", found.settings)):
        rows += [
            (f"{kind} {key}{' (fixed)' if key in found.firm else ''}", " | ".join(str(value) for value in seen))
            for key, seen in values.items()
        ]
    _print_table(("what", "value"), [row for row in rows if row[1]])


@exemplar.command("remove")
@click.argument("name")
@plain_errors
def remove(name: str) -> None:
    """Remove one of your own exemplars."""
    from forensics.exemplars import load_library

    load_library().remove(name)
    click.echo(f"Removed: {name}")


def _shown(found: Exemplar) -> dict[str, Any]:
    return found.model_dump(mode="json") | {"files": found.files}
