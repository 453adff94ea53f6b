"""`voxproof watermark`: keys, and the mark put on, found, and sent through our own delivery channels."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from forensics.cli.issuer import AS_JSON, REGISTER, TOKEN, continued, plain_errors

if TYPE_CHECKING:
    from synth.register import Register
    from synth.watermark.keys import WatermarkKey

UNTESTED = 30
"""Exit code when a clip could not be tested, or could not carry the payload."""
KEYS = click.option(
    "--key",
    "keys",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    envvar="VOXPROOF_KEYS",
    help="Watermark key (repeatable); by default those in VOXPROOF_KEYS.",
)
FILES = click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
_MAKE = "`voxproof watermark keygen -o key.json` makes one."


@click.group()
def watermark() -> None:
    """The voiceprint watermark: keys, embed, detect, survive.

    \b
    voxproof watermark keygen -o key.json
    voxproof watermark embed in.wav --key key.json --payload 1a2b3c4d -o marked/
    voxproof watermark detect marked/in.wav --key key.json
    voxproof watermark survive in.wav --key key.json
    """


@watermark.command()
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="FILE", help="The new file.")
@click.option("--public", "half", type=click.Path(path_type=Path), metavar="KEY", help="The detection half of KEY.")
@click.option("--rotate", "last", type=click.Path(path_type=Path), metavar="KEY", help="The epoch after that of KEY.")
@AS_JSON
@plain_errors
def keygen(output: Path, half: Path | None, last: Path | None, as_json: bool) -> None:
    """Make a key, rotate one, or write the half of one that finds marks but cannot issue them.

    Whoever has the key can mark and authenticate; whoever has the public half can find a mark and knows where it lies.
    Keep the first file: from it every epoch is derived.
    """
    from synth.watermark.keys import new_key, read_key, rotate, write_key

    if half and last:
        raise click.UsageError("--public and --rotate exclude each other")
    source = half or last
    key = new_key() if source is None else read_key(source)
    key = rotate(key) if last else key
    write_key(key, output, public=half is not None)
    held = "public" if half else "issuer"
    if as_json:
        _print({"path": str(output), "key_id": key.key_id, "epoch": key.epoch, "holds": held})
        return
    what = "finds marks, cannot issue them" if half else "secret: it issues marks and authenticates them"
    click.echo(f"Wrote {output}: key {key.key_id}, epoch {key.epoch} ({what}).")


@watermark.command()
@FILES
@KEYS
@click.option("--payload", metavar="HEX", help="The issuance id, 8 hexadecimal digits; drawn if left out.")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where the marked files go, as DIR/<name>.wav.",
)
@click.option(
    "--scope",
    type=click.Choice(["research", "internal", "commercial"]),
    default="research",
    show_default=True,
    help="What the marked sound is for.",
)
@REGISTER
@TOKEN
@AS_JSON
@plain_errors
def embed(
    files: tuple[Path, ...],
    keys: tuple[Path, ...],
    payload: str | None,
    output: Path,
    scope: str,
    place: Path | None,
    token_file: Path | None,
    as_json: bool,
) -> int:
    """Mark recordings and register them: DIR/<name>.wav at the rate, channels and length of each.

    A recording too short or too quiet for the payload could not be marked: nothing is written, and the exit code is 30.
    """
    from synth.access import given_token
    from synth.errors import VoxproofError
    from synth.issuance import parsed_id

    number = None if payload is None else int(parsed_id(payload), 16)
    outputs = [output / f"{path.stem}.wav" for path in files]
    if len(set(outputs)) < len(outputs):
        raise click.UsageError("two of the recordings have the same name; mark them into different folders")
    if {path.resolve() for path in files} & {path.resolve() for path in outputs}:
        raise click.UsageError("a recording would be replaced by its marked copy; name another folder with -o")
    held = _keys(keys)
    if not held:
        raise VoxproofError("no watermark key was given (--key or VOXPROOF_KEYS)", cure=_MAKE)
    output.mkdir(parents=True, exist_ok=True)
    register, token = continued(place), given_token(token_file)
    untested = False
    with _progress("Marking", len(files)) as step:
        for path, out in zip(files, outputs, strict=True):
            told = _embed(path, out, held, number, scope, register, token)
            untested |= told["outcome"] == "could_not_test"
            _tell(told, as_json, told["reasons"][0] if told["reasons"] else f"{out}: issuance {told['payload']['hex']}")
            step()
    return UNTESTED if untested else 0


@watermark.command()
@FILES
@KEYS
@REGISTER
@AS_JSON
@plain_errors
def detect(files: tuple[Path, ...], keys: tuple[Path, ...], place: Path | None, as_json: bool) -> int:
    """Look for a mark: found, not found or could not be tested; the issuance it names, and where it is.

    Exit code: 30 if a recording could not be tested, else 0.
    """
    held = _keys(keys)
    untested = False
    with _progress("Listening", len(files)) as step:
        for path in files:
            told = _detect(path, held, place)
            untested |= told["outcome"] == "could_not_test"
            _tell(told, as_json, _words(told))
            step()
    return UNTESTED if untested else 0


@watermark.command()
@FILES
@KEYS
@AS_JSON
@plain_errors
def survive(files: tuple[Path, ...], keys: tuple[Path, ...], as_json: bool) -> int:
    """Send marked sound through codecs, telephones, rooms and noise, and say what is left of the mark.

    A recording that has no mark of the keys yet is marked in memory first; nothing is written or registered.
    """
    from forensics.methods._survival import ATTACKS, Survival, marked_sound

    held = _keys(keys)
    issuing = next((key for key in held if key.can_issue), None)
    table = {attack: Survival(attack) for attack in ATTACKS}
    with _progress("Sending", len(files) * len(ATTACKS)) as step:
        for path in files:
            samples, rate = marked_sound(path, held, issuing)
            for survival in table.values():
                survival.send(samples, rate, held)
                step()
    if as_json:
        for survival in table.values():
            _print(survival.row)
        return 0
    from forensics.cli.issuer import print_table

    print_table(
        ("attack", "clips", "found", "authenticated", "median score"),
        [tuple(str(cell) for cell in survival.row.values()) for survival in table.values()],
    )
    return 0


def _embed(
    path: Path,
    out: Path,
    keys: Sequence[WatermarkKey],
    number: int | None,
    scope: Any,
    register: Register,
    token: str | None,
) -> dict[str, Any]:
    import numpy as np

    from synth.audio import open_recording
    from synth.emission import TooShortError, emit
    from synth.issuance import IssuanceRequest
    from synth.watermark.embed import MarkError

    with open_recording(path) as recording:
        samples = recording.samples(0, recording.frames).astype(np.float64)
        rate, digest, depth = recording.rate, recording.file_sha256, recording.facts.bit_depth
        codec = recording.facts.codec or ""
    request = IssuanceRequest("embedded", scope=scope, token=token, source_sha256=digest, issuance_id=number)
    subtype = "FLOAT" if "f32" in codec or "f64" in codec else "PCM_24" if (depth or 16) > 16 else "PCM_16"
    told: dict[str, Any] = {"path": str(path), "outcome": "embedded", "output": str(out), "payload": None}
    try:
        emitted = emit(samples, rate, request, keys, register, out=out, subtype=subtype)
    except (TooShortError, MarkError) as error:
        return told | {"outcome": "could_not_test", "output": None, "reasons": [f"{path}: {error}"]}
    made = emitted.issuance
    payload = {"hex": made.issuance_id, "issuance_id": made.issuance_id, "voiceprint": made.voiceprint_tag}
    return told | {"payload": payload, "key_id": made.key_id, "epoch": made.epoch, "score": made.score, "reasons": []}


def _detect(path: Path, keys: Sequence[WatermarkKey], place: Path | None) -> dict[str, Any]:
    from forensics.methods._mark import NAME, read_mark
    from forensics.records import Watermark
    from synth.audio import open_recording
    from synth.errors import VoxproofError

    try:
        with open_recording(path) as recording:
            mark = read_mark(recording, keys, place).mark
    except VoxproofError as error:
        mark = Watermark(outcome="could_not_test", scheme=NAME, reasons=(str(error),))
    told: dict[str, Any] = mark.model_dump(mode="json")
    return {"path": str(path), **told, "contradictions": list(mark.contradictions)}


def _words(told: dict[str, Any]) -> str:
    said = told["outcome"].replace("_", " ")
    if told["outcome"] == "found":
        known = {True: "authenticated", False: "not authenticated", None: "not authenticated (public key)"}
        said += f", {known[told['authenticated']]}"
        said += f", issuance {told['payload']['hex']}" if told["payload"] else ""
    score = "" if told["score"] is None else f" (score {told['score']:.1f}, threshold {told['threshold']:.1f})"
    return "\n  ".join([f"{told['path']}: {said}{score}", *told["reasons"]])


def _keys(paths: Sequence[Path]) -> tuple[WatermarkKey, ...]:
    from synth.watermark.keys import read_keys

    return read_keys(paths)


def _tell(told: dict[str, Any], as_json: bool, words: str) -> None:
    if as_json:
        _print(told)
    else:
        click.echo(words)


def _print(told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
    sys.stdout.flush()


@contextmanager
def _progress(title: str, steps: int) -> Iterator[Any]:
    """A progress bar on stderr that vanishes at the end; nothing when stderr is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=steps)
        yield lambda: bar.update(task, advance=1)
