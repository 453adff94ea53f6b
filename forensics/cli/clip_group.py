"""A command that takes clips and has subcommands as well: `voxproof attribute CLIP`, `voxproof attribute list`."""

from __future__ import annotations

from typing import Any

import click


class ClipGroup(click.Group):
    """What is no subcommand is a clip, or an option of the command that takes clips."""

    def __init__(self, *args: Any, clips: str, **kwargs: Any) -> None:
        """`clips` is the name of the command that takes them."""
        super().__init__(*args, **kwargs)
        self.clips = clips

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [self.clips, *args]
        return super().parse_args(ctx, args)
