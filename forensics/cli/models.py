"""`voxproof models`: the trained models that ship, their cards and their hashes."""

from __future__ import annotations

import json

import click

from forensics.cli.models_import import import_


@click.group()
def models() -> None:
    """List the trained models, show their cards, verify their hashes, import official checkpoints."""


models.add_command(import_)


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def list_(as_json: bool) -> None:
    """All trained models that ship with this version: weights with their card, and files of constants."""
    from detectors.shipped import shipped_models

    models = shipped_models()
    if as_json:
        rows = [
            m.content
            | {"name": m.name, "version": m.version, "file": m.file.name, "bytes": m.bytes, "sha256": m.sha256}
            for m in models
        ]
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "version", "size", "sha256", box=None, header_style="bold")
    for model in models:
        size = f"{model.bytes / 1e6:.1f} MB" if model.bytes >= 1e5 else f"{model.bytes / 1e3:.1f} kB"
        table.add_row(model.name, model.version or "–", size, model.sha256[:16] + "…")
    Console(highlight=False).print(table)


@models.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def card(name: str, as_json: bool) -> None:
    """The whole card of the model NAME: sources, licences, domain, measured error rates."""
    import yaml

    from detectors.shipped import shipped_models

    cards = {model.name: model.content for model in shipped_models()}
    if name not in cards:
        raise click.UsageError(f"no weights are called {name}; there are: {', '.join(cards)}")
    data = cards[name]
    click.echo(
        json.dumps(data, ensure_ascii=False) if as_json else yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    )


@models.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def verify(as_json: bool) -> int:
    """Compare every shipped weight file with the hash in its card. Exit 15 if one differs.

    Constants have no card beside them that could state a hash: theirs is printed.
    """
    from detectors.shipped import shipped_models

    models = shipped_models()
    intact = [model.intact() for model in models]
    said = {True: "matches its card", False: "DIFFERS from its card", None: "constants, no hash is stated"}
    if as_json:
        rows = [{"name": m.name, "sha256": m.sha256, "intact": held} for m, held in zip(models, intact, strict=True)]
        click.echo(json.dumps(rows))
    else:
        for model, held in zip(models, intact, strict=True):
            click.echo(f"{model.name}: {said[held]}" + (f" (SHA-256 {model.sha256})" if held is None else ""))
    return 15 if False in intact else 0
