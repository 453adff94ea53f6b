"""`voxproof case`: open a case, receive exhibits, read and extend the custody log, verify, export."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from forensics.case import Anchor, Case, ExhibitEntry, Verification

PROBLEMS = 15
"""Exit code of `verify` when something was changed."""
Command = TypeVar("Command", bound=Callable[..., Any])

CASE = click.argument("folder", metavar="CASE", type=click.Path(path_type=Path))
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print nothing but JSON on stdout.")
ACTOR = click.option(
    "--actor",
    envvar="VOXPROOF_ACTOR",
    help="Who does it; by default VOXPROOF_ACTOR, then the name you are logged in by.",
)
DATABASE = click.option(
    "--db",
    "database",
    metavar="URL",
    help="Database, e.g. postgresql://user@host/cases; by default a file in the case.",
)


def plain_errors(command: Command) -> Command:
    """Known errors in one line on stderr; exit code 2."""

    @functools.wraps(command)
    def guarded(*args: Any, **options: Any) -> Any:
        from synth.errors import VoxproofError

        try:
            return command(*args, **options)
        except VoxproofError as error:
            click.echo(f"voxproof: {error}", err=True)
            sys.exit(2)

    return guarded  # type: ignore[return-value]


class _Group(click.Group):
    """Loads `exemplar` on first use, so that it may share the options of this file."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), "exemplar"]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name == "exemplar":
            from forensics.cli.exemplar import exemplar

            return exemplar
        return super().get_command(ctx, name)


@click.group(cls=_Group)
def case() -> None:
    """Keep cases: exhibits, custody log, verification, export; and exemplars to compare exhibits with."""


@case.command("open")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--title", required=True, help="What the case is called.")
@click.option("--requester", help="Who asks.")
@click.option("--question", help="The question put, in the requester's words.")
@click.option("--examiner", help="Who examines.")
@DATABASE
@ACTOR
@AS_JSON
@plain_errors
def open_case(
    folder: Path,
    title: str,
    requester: str | None,
    question: str | None,
    examiner: str | None,
    database: str | None,
    actor: str | None,
    as_json: bool,
) -> None:
    """Open a new case in the folder DIR. The first case makes your custody key."""
    from forensics.case import Case
    from forensics.case.keys import key_path, make_key

    if make_key():
        click.echo(
            f"voxproof: a custody key was made: {key_path()}. Keep a copy of it in a safe place, outside of any case.",
            err=True,
        )
    made = Case.create(
        folder,
        title,
        requester=requester,
        question=question,
        examiner=examiner,
        database=database,
        actor=actor,
    )
    if as_json:
        _print_json(_summary(made))
    else:
        click.echo(f"Case {made.id} opened in {folder}; signing key {made.key.key_id}.")


@case.command("add")
@CASE
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@DATABASE
@ACTOR
@AS_JSON
@plain_errors
def add(folder: Path, paths: tuple[Path, ...], database: str | None, actor: str | None, as_json: bool) -> None:
    """Receive exhibits: copy, hash, decode. A file that cannot be decoded is an exhibit too."""
    from synth.errors import VoxproofError

    opened = _open(folder, database, actor)
    added: list[ExhibitEntry] = []
    failed = False
    for path in paths:
        try:
            exhibit = opened.add(path)
        except VoxproofError as error:
            failed = True
            click.echo(f"voxproof: {error}", err=True)
            if as_json:
                _print_json({"path": _shown(path), "error": str(error)})
            continue
        added.append(exhibit)
        if as_json:
            _print_json(exhibit.model_dump(mode="json"))
    if added and not as_json:
        _print_table(
            ("exhibit", "file", "bytes", "seconds", "codec", "SHA-256"),
            [_exhibit_row(exhibit) for exhibit in added],
        )
    if failed:
        sys.exit(2)


@case.command("log")
@CASE
@click.option("--note", metavar="TEXT", help="Add a note to the log.")
@DATABASE
@ACTOR
@AS_JSON
@plain_errors
def log(folder: Path, note: str | None, database: str | None, actor: str | None, as_json: bool) -> None:
    """Show the custody log, oldest entry first; with --note, add to it."""
    from forensics.case import layout

    opened = _open(folder, database, actor)
    if note is not None:
        opened.note(note)
    entries = opened.entries()
    if as_json:
        for entry in entries:
            click.echo(entry.line.encode())
        return
    _print_table(
        ("no.", "time (UTC)", "who", "what", "key", "hash"),
        [
            (
                str(entry.sequence),
                entry.time[:19].replace("T", " "),
                entry.actor,
                layout.words(entry),
                entry.key_id[:8],
                entry.hash[:16],
            )
            for entry in entries
        ],
    )
    last = entries[-1]
    click.echo(f"Head {last.sequence}:{last.hash}. Noted elsewhere, it shows whether the log was cut later.")


@case.command("key")
@CASE
@click.option(
    "--authorise", metavar="PUBLIC.pem", type=click.Path(path_type=Path), help="Let this key sign in the case as well."
)
@click.option("--show", is_flag=True, help="Print your public key (PEM), to be authorised in somebody else's case.")
@DATABASE
@ACTOR
@AS_JSON
@plain_errors
def key(
    folder: Path, authorise: Path | None, show: bool, database: str | None, actor: str | None, as_json: bool
) -> None:
    """List the keys that may sign in a case, or authorise another examiner's."""
    from synth.errors import VoxproofError
    from synth.ledger_keys import introduced_keys
    from synth.signing import PublicKey

    opened = _open(folder, database, actor)
    if authorise is not None:
        try:
            data = authorise.read_bytes()
        except OSError as error:
            raise VoxproofError(f"the public key cannot be read ({error.strerror})", path=authorise) from None
        opened.authorise(PublicKey.from_pem(data, authorise))
    if show:
        click.echo(opened.key.public.pem, nl=False)
        return
    keys = introduced_keys(opened.entries())
    if as_json:
        _print_json({"keys": [{"key_id": key_id, "public_key": public.hex} for key_id, public in keys.items()]})
    else:
        _print_table(("key id", "public key"), [(key_id, public.hex) for key_id, public in keys.items()])


@case.command("verify")
@click.argument("path", metavar="CASE|EXPORT", type=click.Path(path_type=Path))
@click.option(
    "--trust", metavar="KEY_ID", multiple=True, help="The only key that may have opened the case; repeatable."
)
@click.option("--head", metavar="COUNT:HASH", help="A head noted earlier: the log must contain it.")
@DATABASE
@AS_JSON
@plain_errors
def verify_case(path: Path, trust: tuple[str, ...], head: str | None, database: str | None, as_json: bool) -> None:
    """Check every byte of a case, or of an export, against the signed log. Exit code 15: something was changed."""
    from forensics.case import verify

    found = verify(path, database=database, trusted=trust or None, anchor=_anchor(head))
    if as_json:
        click.echo(found.model_dump_json(by_alias=True))
    else:
        _show_verification(found)
    if not found.ok:
        sys.exit(PROBLEMS)


@case.command("export")
@CASE
@click.argument("out", metavar="OUT.zip", type=click.Path(path_type=Path))
@DATABASE
@ACTOR
@AS_JSON
@plain_errors
def export(folder: Path, out: Path, database: str | None, actor: str | None, as_json: bool) -> None:
    """Write exhibits, records, log, keys and a signed manifest into one zip file that anybody can verify."""
    made = _open(folder, database, actor).export(out)
    if as_json:
        click.echo(made.model_dump_json())
    else:
        click.echo(f"{made.path}: {made.bytes} bytes, SHA-256 {made.sha256}, head {made.count}:{made.head}")


def _open(folder: Path, database: str | None, actor: str | None) -> Case:
    from forensics.case import Case

    return Case.open(folder, database=database, actor=actor)


def _summary(opened: Case) -> dict[str, Any]:
    head = opened.head()
    return {
        "schema": "voxproof.case/1",
        "case": opened.id,
        "folder": _shown(opened.folder),
        "title": opened.title,
        "requester": opened.requester,
        "question": opened.question,
        "examiner": opened.examiner,
        "key_id": opened.key.key_id,
        "head": {"count": head.count, "hash": head.hash},
    }


def _anchor(text: str | None) -> Anchor | None:
    from forensics.case import Anchor

    if text is None:
        return None
    count, _, digest = text.partition(":")
    if not (count.isascii() and count.isdigit() and int(count[:15]) > 0 and len(digest) == 64):
        raise click.UsageError("--head wants COUNT:HASH, as `voxproof case log` prints it")
    return Anchor(count=int(count[:15]), hash=digest.lower())


def _exhibit_row(exhibit: ExhibitEntry) -> tuple[str, ...]:
    facts = exhibit.facts
    seconds = f"{facts['seconds']:.2f}" if facts else "-"
    codec = str(facts["codec"]) if facts else f"could not be decoded: {exhibit.reason}"
    return exhibit.id, exhibit.name, str(exhibit.bytes), seconds, codec, exhibit.sha256


def _show_verification(found: Verification) -> None:
    counts = (
        (found.entries, "entry", "entries"),
        (found.exhibits, "exhibit", "exhibits"),
        (found.records, "record", "records"),
    )
    counted = ", ".join(f"{number} {one if number == 1 else many}" for number, one, many in counts)
    if found.problems:
        _print_table(("where", "what is wrong"), [(item.where, item.why) for item in found.problems])
        click.echo(
            f"Changed: {len(found.problems)} {'problem' if len(found.problems) == 1 else 'problems'}; sound: {counted}."
        )
    else:
        click.echo(f"Intact: {counted}; nothing differs from the signed log.")
    if found.head is not None:
        click.echo(f"Head {found.head.count}:{found.head.hash}; keys {', '.join(found.keys)}.")
    for note in found.notes:
        click.echo(f"Note: {note}")


def _print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A plain table; control characters of foreign texts are made visible; folds on a terminal, not in a pipe."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=100_000, color_system=None)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_visible(cell)) for cell in row))
    console.print(table)


def _visible(text: str) -> str:
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def _shown(path: Path) -> str:
    """A path as text that every terminal and JSON can hold."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _print_json(value: Any) -> None:
    import json

    click.echo(json.dumps(value, ensure_ascii=False))
