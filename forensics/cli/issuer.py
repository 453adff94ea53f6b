"""What `consent`, `issuance` and `access` share: options, plain errors, tables."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from synth.consent import Scope
    from synth.register import Register

REFUSED = 3
"""Exit code of what may not be done."""
PROBLEMS = 15
"""Exit code of `issuance verify` when something was changed."""
F = TypeVar("F", bound=Callable[..., Any])

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print nothing but JSON on stdout.")
REGISTER = click.option(
    "--register",
    "place",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The issuance register; by default VOXPROOF_REGISTER, then register/register.jsonl in your data folder.",
)
TOKEN = click.option(
    "--token-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File with your access token, where the register has tokens; by default the variable VOXPROOF_TOKEN.",
)


def plain_errors(command: F) -> F:
    """Known errors in one line on stderr: exit code 3 for what may not be done, 2 for everything else."""

    @functools.wraps(command)
    def guarded(*args: Any, **options: Any) -> Any:
        from synth.errors import VoxproofError

        try:
            return command(*args, **options)
        except VoxproofError as error:
            from synth.access import AccessError

            click.echo(f"voxproof: {error}", err=True)
            sys.exit(REFUSED if isinstance(error, AccessError) else 2)

    return guarded  # type: ignore[return-value]


def continued(place: Path | None) -> Register:
    """The register to be written; says where a new one, or a new key, was made."""
    from synth.register import Register, issuer_key_path, register_path

    new = not register_path(place).exists()
    new_key = not issuer_key_path().exists()
    register = Register.continued(place)
    if new:
        click.echo(f"voxproof: a new register was opened: {register.path}", err=True)
    if new and new_key:
        click.echo(
            f"voxproof: an issuer's key was made: {issuer_key_path()}. Keep a copy of it in a safe place.", err=True
        )
    return register


def authorised(register: Register, token_file: Path | None, command: str, scope: Scope) -> str:
    """The name of whoever may do this; an error otherwise."""
    from synth.access import authorise, given_token

    return authorise(register, given_token(token_file), command, scope).name  # type: ignore[arg-type]


def print_json(value: Any) -> None:
    """One object in one line."""
    click.echo(json.dumps(value, ensure_ascii=False))


def print_rows(rows: Iterable[tuple[str, str | None]]) -> None:
    """Names and values; those without a value are left out; control characters are made visible."""
    shown = [(name, value) for name, value in rows if value]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        click.echo(f"{name:<{width}}  {visible(value)}")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as their widest cell."""
    table = [tuple(columns), *(tuple(visible(cell) for cell in row) for row in rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(columns))]
    for row in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def visible(text: str) -> str:
    """Without control characters, which a terminal would obey."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
