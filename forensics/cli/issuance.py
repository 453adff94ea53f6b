"""`voxproof issuance`: from a found payload to what was issued, and whether the register is as it was written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from forensics.cli.issuer import AS_JSON, PROBLEMS, REGISTER, plain_errors, print_json, print_rows, print_table

if TYPE_CHECKING:
    from synth.issuance import Found
    from synth.register import Register


@click.group()
def issuance() -> None:
    """The register of everything that left us: look a payload up, list, verify.

    \b
    voxproof issuance show 1a2b3c4d       the issuance id that `watermark detect` or `verify` found
    voxproof issuance list
    voxproof issuance verify              every hash, link and signature
    """


@issuance.command()
@click.argument("number", metavar="ID")
@REGISTER
@AS_JSON
@plain_errors
def show(number: str, place: Path | None, as_json: bool) -> None:
    """Show the issuance with this ID (8 hexadecimal digits), its consent, and what became of both.

    One JSON object per entry: several only where recordings were marked under one number.
    """
    from synth.errors import VoxproofError
    from synth.issuance import find, parsed_id
    from synth.register import Register

    wanted = parsed_id(number)
    register = Register.open(place)
    every = find(register, wanted)
    if not every:
        raise VoxproofError(f"there is no issuance {wanted} in this register", path=register.path)
    for found in every:
        told = report(found, register)
        if as_json:
            print_json(told)
        else:
            _show(told)


@issuance.command("list")
@click.option("--last", default=20, show_default=True, help="How many, newest last; 0: all.")
@REGISTER
@AS_JSON
@plain_errors
def list_(last: int, place: Path | None, as_json: bool) -> None:
    """List issuances."""
    from synth.issuance import find
    from synth.register import Register

    register = Register.open(place)
    every = find(register)
    every = every[-last:] if last > 0 else every
    if as_json:
        for found in every:
            print_json(plain(found))
        return
    print_table(
        ("id", "time (UTC)", "kind", "scope", "seconds", "consent", "state"),
        [
            (
                one.issuance.issuance_id, one.time[:19].replace("T", " "), one.issuance.kind, one.issuance.scope,
                "-" if one.seconds is None else f"{one.seconds:.2f}", one.issuance.consent_id or "-", one.state,
            )
            for one in every
        ],
    )  # fmt: skip


@issuance.command()
@click.option("--trust", metavar="KEY_ID", multiple=True, help="The only key that may have opened it; repeatable.")
@click.option("--head", metavar="COUNT:HASH", help="A head noted earlier: the register must contain it.")
@REGISTER
@AS_JSON
@plain_errors
def verify(trust: tuple[str, ...], head: str | None, place: Path | None, as_json: bool) -> None:
    """Walk the whole register: every hash, every link, every signature, and the head. Exit code 15: changed."""
    from synth.register import Register
    from synth.register_audit import verify_register

    anchor = _anchor(head)
    register = Register.open(place)
    found = verify_register(register, trusted=trust or None, anchor=anchor)
    if as_json:
        print_json(found.model_dump(mode="json", by_alias=True))
    else:
        for problem in found.problems:
            click.echo(f"{problem.where}: {problem.why}")
        counted = ", ".join(f"{number} {name}" for name, number in found.counts.items())
        click.echo(f"{'Changed' if found.problems else 'Intact'}: {found.entries} entries ({counted}).")
        if found.head:
            click.echo(f"Head {found.head}; keys {', '.join(found.keys)}.")
        for note in found.notes:
            click.echo(f"Note: {note}")
    if found.problems:
        sys.exit(PROBLEMS)


def report(found: Found, register: Register) -> dict[str, Any]:
    """An issuance with its consent as far as it is known here."""
    from synth.consent import ConsentError, consent_state, kept_copy

    told = {"schema": "voxproof.issuance/1", **plain(found)}
    consent_id = found.issuance.consent_id
    if consent_id is None:
        return {**told, "consent": None}
    state = consent_state(register, consent_id)
    about: dict[str, Any] = {"consent_id": consent_id, "registered": state.created, "revoked": state.revoked}
    try:
        kept = kept_copy(register, consent_id)
    except ConsentError as error:
        return {**told, "consent": {**about, "record": None, "why": str(error)}}
    if kept is None or kept.sha256 != state.sha256:
        why = "no copy is kept beside the register" if kept is None else "the copy is not the registered consent"
        return {**told, "consent": {**about, "record": None, "why": why}}
    return {**told, "consent": {**about, "record": kept.as_json()}}


def plain(found: Found) -> dict[str, Any]:
    """An issuance and what became of it, as one object of plain members."""
    fields = found.model_dump(mode="json")
    return {**fields.pop("issuance"), **fields}


def _show(told: dict[str, Any]) -> None:
    consent = told["consent"]
    record = (consent or {}).get("record")
    if consent is None:
        about = "none"
    else:
        about = consent["consent_id"] + (f", revoked at {consent['revoked']}" if consent["revoked"] else "")
        about += "" if record else f" ({consent['why']})"
    seconds = "still open" if told["seconds"] is None else f"{told['seconds']:.2f} s"
    print_rows(
        [
            ("issuance", told["issuance_id"]),
            ("kind", "synthesised" if told["kind"] == "synthesised" else "a mark embedded on a recording"),
            ("state", told["state"] + (f": {told['reason']}" if told["reason"] else "")),
            ("time", told["time"]),
            ("operator", told["operator"]),
            ("consent", about),
            ("subject", record and record["subject"]),
            ("consented", record and f"{record['scope']}; {', '.join(record['languages'])}; until {record['until']}"),
            ("used for", told["scope"] + (f"; {', '.join(told['languages'])}" if told["languages"] else "")),
            ("voiceprint tag", told["voiceprint_tag"]),
            ("references", "; ".join(_reference(one) for one in told["reference_findings"])),
            ("text control", told["quality"] and quality_words(told["quality"])),
            ("models", ", ".join(f"{name} {digest}" for name, digest in told["models"].items())),
            ("text SHA-256", told["text_sha256"]),
            ("source SHA-256", told["source_sha256"]),
            ("mark", f"scheme {told['scheme']}, key {told['key_id']}, epoch {told['epoch']}"),
            ("emitted", f"{told['output']}, {seconds}, {told['sample_rate']} Hz, {told['channels']} channel(s)"),
            ("SHA-256", told["output_sha256"]),
            ("notes", "; ".join(told["notes"])),
            ("register", f"entry {told['sequence']}, {told['entry_sha256']}"),
        ]
    )


def quality_words(found: dict[str, Any]) -> str:
    """What is known to be wrong with how the text is said, in one line."""
    said = f"{found['checked']} of {found['pieces']} pieces checked"
    said += f" ({found['reason']})" if found["reason"] else ""
    said += f", {found['redraws']} re-draws" if found["redraws"] else ""
    wrong = [
        f"{one['kind']} in piece {one['piece'] + 1}" + ("" if one["word"] is None else f", word {one['word'] + 1}")
        for one in found["faults"]
    ]
    return said + (f"; {'; '.join(wrong)}" if wrong else "; nothing wrong found" if found["checked"] else "")


def _reference(found: dict[str, Any]) -> str:
    """What the quality gate found of a reference, in one line."""
    said = f"{found['file_sha256'][:16]}…, {found['start_s']:.1f} to {found['end_s']:.1f} s"
    said += "" if found["snr_db"] is None else f", SNR {found['snr_db']:.0f} dB"
    said += f"; accepted: {', '.join(found['accepted'])}" if found["accepted"] else ""
    return said + (f"; advised: {', '.join(found['advice'])}" if found["advice"] else "")


def _anchor(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    count, _, digest = text.partition(":")
    if not (count.isascii() and count.isdigit() and int(count[:15]) > 0 and len(digest) == 64):
        raise click.UsageError("--head wants COUNT:HASH, as `voxproof issuance verify` prints it")
    return int(count[:15]), digest.lower()
