"""`voxproof attribute`: which generator made the speech, and the user's own bank of generators."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from forensics.cli.clip_group import ClipGroup
from forensics.cli.issuer import AS_JSON, plain_errors, print_json, print_table, visible

if TYPE_CHECKING:
    from forensics.attribution import AttributionExamination, Enrolment
    from forensics.records import Attribution

BANK = click.option(
    "--bank",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    envvar="VOXPROOF_BANK",
    help="Your own bank of generators, beside the shipped one; by default the one that VOXPROOF_BANK names.",
)
EXIT_CODES = {"attributed": 0, "none_of_these": 0, "inconclusive": 20, "could_not_test": 30}
WORDS = {
    "attributed": "attributed",
    "none_of_these": "none of the enrolled generators",
    "inconclusive": "inconclusive",
    "could_not_test": "could not be tested",
}


@click.group(
    cls=ClipGroup,
    clips="clips",
    options_metavar="",
    subcommand_metavar="CLIP... [--json] [--bank FILE] | COMMAND ...",
)
def attribute() -> None:
    """Say which enrolled generator made the speech of clips, that a machine made it being taken as given.

    Exit code: 0 answered, 20 inconclusive, 30 could not be tested; of several clips the largest.

    \b
    voxproof attribute CLIP...
    voxproof attribute enrol "New TTS 2" clips/*.wav --bank mine.yaml
    voxproof attribute CLIP... --bank mine.yaml
    voxproof attribute list --bank mine.yaml
    """


@attribute.command(hidden=True)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="CLIP...")
@BANK
@AS_JSON
@plain_errors
def clips(paths: tuple[Path, ...], bank: Path | None, as_json: bool) -> int:
    """Compare clips with every enrolled generator."""
    from forensics.attribution import AttributionExamination

    examination = AttributionExamination(bank)
    codes = []
    for path in paths:
        made, sha256 = _attributed(examination, path)
        codes.append(EXIT_CODES[made.outcome])
        if as_json:
            named = {"schema": "voxproof.attribution/1", "path": str(path), "sha256": sha256}
            print_json(named | made.model_dump(mode="json"))
            continue
        click.echo(f"{visible(str(path))}: {WORDS[made.outcome]}" + (f": {visible(made.best)}" if made.best else ""))
        for reason in made.reasons:
            click.echo(f"  {visible(reason)}")
        for name, value in made.log10_lr.items():
            low, high = made.log10_lr_bounds[name]
            click.echo(f"  {value:+.2f} [{low:+.2f}, {high:+.2f}]  {visible(name)}")
    return max(codes)


@attribute.command()
@click.argument("name")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="CLIP...")
@BANK
@click.option("--family", default="", help="Its family, as in `voxproof attribute list`.")
@click.option("--source", default="", help="Where the clips come from.")
@click.option("--licence", default="", help="Of the clips.")
@AS_JSON
@plain_errors
def enrol(
    name: str, paths: tuple[Path, ...], bank: Path | None, family: str, source: str, licence: str, as_json: bool
) -> None:
    """Enrol the generator NAME from clips that it made: three at least, ten of different texts and voices are better.

    The bank FILE is made if it is not there; a generator of the same name is replaced.
    """
    if bank is None:
        raise click.UsageError("name the bank to write: --bank FILE")
    from forensics.attribution import AttributionExamination

    examination = AttributionExamination(bank if bank.exists() else None)
    done = examination.enrol(name, paths, bank, family=family, source=source, licence=licence)
    if as_json:
        shown = done.generator.model_dump(mode="json", exclude={"embedding"})
        left_out = {"left_out": done.left_out, "left_out_found": done.found, "left_out_named": done.named}
        named = {"schema": "voxproof.enrolment/1", "bank": str(bank)}
        print_json(named | shown | left_out | {"reasons": done.reasons})
        return
    click.echo(_said(done, bank))


@attribute.command("list")
@BANK
@AS_JSON
@plain_errors
def list_(bank: Path | None, as_json: bool) -> None:
    """All enrolled generators, those that ship and your own."""
    from forensics.attribution import AttributionExamination

    examination = AttributionExamination(bank)
    own = {one.name for one in examination.own.generators} if examination.own else set()
    rows = examination.bank.generators
    if as_json:
        for one in rows:
            shown = one.model_dump(mode="json", exclude={"embedding"})
            print_json({"schema": "voxproof.generator/1", **shown, "own": one.name in own})
        return
    print_table(
        ("generator", "family", "clips", "alike", "from"),
        [
            (one.name, one.family or "-", str(one.clips), f"{one.spread:.2f}", "you" if one.name in own else "shipped")
            for one in rows
        ],
    )


def _attributed(examination: AttributionExamination, path: Path) -> tuple[Attribution, str | None]:
    """The answer for a file and the file's hash; a file that cannot be decoded could not be tested."""
    from forensics.exhibit import Exhibit
    from forensics.records import Attribution
    from synth.errors import VoxproofError

    try:
        with Exhibit.open(path) as exhibit:
            return examination.attribute(exhibit), exhibit.sha256
    except VoxproofError as error:
        return Attribution(outcome="could_not_test", reasons=(f"{error}",)), None


def _said(done: Enrolment, bank: Path) -> str:
    made = done.generator
    lines = [
        f"{visible(made.name)}: enrolled from {made.clips} clips, {made.seconds:.0f} s of speech, in "
        f"{visible(str(bank))}.",
        f"Left out one at a time, {done.found} of {done.left_out} clips are nearest to it among {done.enrolled} "
        f"generators; {done.named} would be named.",
        *done.reasons,
    ]
    return "\n".join(lines)
