"""`voxproof completion`: the script that makes a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of SHELL.

    bash:  eval "$(voxproof completion bash)"   in ~/.bashrc
    """
    from forensics.cli.main import voxproof

    kind = get_completion_class(shell)
    if kind is None:
        raise click.ClickException(f"no completion for {shell}")
    click.echo(kind(voxproof, {}, "voxproof", "_VOXPROOF_COMPLETE").source())
