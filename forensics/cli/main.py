"""`voxproof`: the top of the house. Commands load on first use, so that `voxproof --help` answers at once."""

from __future__ import annotations

import gc
import sys
from importlib import import_module

import click

from synth import __version__

COMMANDS = {
    "verify": ("forensics.cli.verify", "Examine clips: machine or person, edited or continuous, where, how sure."),
    "attribute": ("forensics.cli.attribute", "Say which enrolled generator made the speech; enrol new ones."),
    "explain": ("forensics.cli.explain", "Show how an answer came about: maps with sound, shares, nearest clips."),
    "report": ("forensics.cli.report", "Render, sign and check evidence reports (PDF)."),
    "case": ("forensics.cli.case", "Keep cases: exhibits, custody log, verification, export."),
    "clone": ("forensics.cli.clone", "Say a text in a consented voice: marked and registered, or not at all."),
    "watermark": ("forensics.cli.watermark", "The voiceprint watermark: keys, embed, detect, survive."),
    "consent": ("forensics.cli.consent", "Whose voice may be cloned: one-time sentences, signed consents, revocation."),
    "issuance": ("forensics.cli.issuance", "The register of everything issued: from a found payload to its consent."),
    "access": ("forensics.cli.access", "Who may issue under which scope: tokens with roles, log of refusals."),
    "models": ("forensics.cli.models", "List trained weights, show cards, verify hashes, import official checkpoints."),
    "train": ("forensics.cli.train", "Train the clone model: prepare data, text to codes, codes to sound."),
    "finetune": ("forensics.cli.finetune", "Few-shot fine-tuning of pretrained models on one voice."),
    "range": ("forensics.cli.range", "Make and check labelled material: clones, partial edits, splices, laundered."),
    "bench": ("forensics.cli.bench", "Measure: speed, methods, mutated media files."),
    "completion": ("forensics.cli.completion", "Print the shell completion script."),
}


class LazyGroup(click.Group):
    """A click group whose commands are imported when they are used; the help needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[name][0]), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="voxproof")
def voxproof() -> None:
    """Was this voice spoken by a person or made by a machine: where in the clip, and how sure are we?

    Start with:  voxproof verify CLIP --report DIR
    """


def main() -> None:
    """Entry point: known errors in one line on stderr, no traceback; exit 1 internal error, 2 usage."""
    from synth.errors import VoxproofError

    gc.set_threshold(100_000, 20, 20)  # what is imported stays; looking through it again and again costs half a second
    try:
        code = voxproof.main(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("voxproof: interrupted", err=True)
        sys.exit(130)
    except VoxproofError as error:
        click.echo(f"voxproof: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"voxproof: {where}{error.strerror or error}", err=True)
        sys.exit(1)
    except Exception as error:
        click.echo(
            f"voxproof: internal error ({type(error).__name__}: {error}). "
            "Please report it; `VOXPROOF_DEBUG=1` shows where it happened.",
            err=True,
        )
        import os

        if os.environ.get("VOXPROOF_DEBUG"):
            raise
        sys.exit(1)


if __name__ == "__main__":
    main()
