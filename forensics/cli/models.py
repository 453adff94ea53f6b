"""`voxproof models`: the trained weights that ship, their cards and their hashes."""

from __future__ import annotations

import json

import click


@click.group()
def models() -> None:
    """List the trained weights, show their cards, verify their hashes."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def list_(as_json: bool) -> None:
    """The weights that ship with this version."""
    from detectors.card import shipped_cards

    cards = shipped_cards()
    if as_json:
        click.echo(json.dumps([card.model_dump(mode="json") for card in cards], ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "version", "size", "sha256", box=None, header_style="bold")
    for card in cards:
        table.add_row(card.name, card.version, f"{card.bytes / 1e6:.1f} MB", card.sha256[:16] + "…")
    Console(highlight=False).print(table)


@models.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def card(name: str, as_json: bool) -> None:
    """The whole card of the weights NAME: sources, licences, domain, measured error rates."""
    import yaml

    from detectors.card import shipped_cards

    cards = {c.name: c for c in shipped_cards()}
    if name not in cards:
        raise click.UsageError(f"no weights are called {name}; there are: {', '.join(cards)}")
    data = cards[name].model_dump(mode="json")
    click.echo(
        json.dumps(data, ensure_ascii=False) if as_json else yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    )


@models.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def verify(as_json: bool) -> int:
    """Compare every shipped weight file with the hash in its card. Exit 15 if one differs."""
    from detectors.card import shipped_cards

    rows = [{"name": card.name, "sha256": card.sha256, "intact": card.intact()} for card in shipped_cards()]
    if as_json:
        click.echo(json.dumps(rows))
    else:
        for row in rows:
            click.echo(f"{row['name']}: {'matches its card' if row['intact'] else 'DIFFERS from its card'}")
    return 0 if all(row["intact"] for row in rows) else 15
