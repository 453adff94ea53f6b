"""`voxproof access`: tokens with roles for whoever issues, and what was refused."""

from __future__ import annotations

from pathlib import Path

import click

from forensics.cli.issuer import AS_JSON, REGISTER, continued, plain_errors, print_json, print_rows, print_table


@click.group()
def access() -> None:
    """Who may issue under which scope: access tokens with roles and expiry, and the log of refusals.

    As long as a register has no token, whoever holds the issuer's key acts. From the first token on, every command that
    issues needs one, in VOXPROOF_TOKEN or --token-file.

    \b
    voxproof access roles
    voxproof access create --name "Studio A" --role producer --until 2027-03-31
    voxproof access list
    voxproof access revoke TOKEN_ID
    voxproof access refusals
    """


@access.command()
@AS_JSON
def roles(as_json: bool) -> None:
    """Show the matrix: for each role and command, the widest scope."""
    from synth.access import COMMANDS, PERMISSIONS

    if as_json:
        print_json({"schema": "voxproof.roles/1", "roles": PERMISSIONS, "commands": COMMANDS})
        return
    print_table(
        ("role", *COMMANDS), [(role, *(may.get(one, "-") for one in COMMANDS)) for role, may in PERMISSIONS.items()]
    )
    click.echo()
    print_rows(COMMANDS.items())


@access.command()
@click.option("--name", required=True, help="Whose token it is.")
@click.option("--role", required=True, help="See `voxproof access roles`.")
@click.option("--until", required=True, metavar="DATE", help="Last day of its validity (UTC).")
@REGISTER
@AS_JSON
@plain_errors
def create(name: str, role: str, until: str, place: Path | None, as_json: bool) -> None:
    """Make a token and print it, this once: the register keeps its hash only. Needs the issuer's key."""
    from synth.access import create_token
    from synth.utc import end_of

    end = end_of(until)
    text, token = create_token(continued(place), name, role, end)
    if as_json:
        print_json({"schema": "voxproof.token/1", "token": text, **token.model_dump(mode="json")})
        return
    click.echo(text)
    click.echo(
        f"Token {token.token_id} of {token.name}, {token.role}, until {token.until}. It is not shown again.", err=True
    )


@access.command("list")
@REGISTER
@AS_JSON
@plain_errors
def list_(place: Path | None, as_json: bool) -> None:
    """List the tokens, without their secrets."""
    from synth.access import tokens
    from synth.register import Register

    every = tokens(Register.open(place))
    if as_json:
        for token, state in every:
            print_json({**token.model_dump(mode="json"), "state": state})
        return
    rows = [(token.token_id, token.name, token.role, token.until, state) for token, state in every]
    print_table(("token", "name", "role", "until", "state"), rows)


@access.command()
@click.argument("token_id", metavar="TOKEN_ID")
@REGISTER
@AS_JSON
@plain_errors
def revoke(token_id: str, place: Path | None, as_json: bool) -> None:
    """Revoke a token for good. Needs the issuer's key."""
    from synth.access import revoke_token
    from synth.register import Register

    Register.open(place)
    revoke_token(continued(place), token_id)
    if as_json:
        print_json({"schema": "voxproof.token/1", "token_id": token_id, "state": "revoked"})
    else:
        click.echo(f"The token {token_id} opens nothing any more.")


@access.command()
@REGISTER
@AS_JSON
@plain_errors
def refusals(place: Path | None, as_json: bool) -> None:
    """Show what was refused, oldest first: by role, or for want of a consent that covers it."""
    from synth import access as tokens
    from synth import issuance
    from synth.register import Register

    entries = Register.open(place).entries(tokens.REFUSED, issuance.REFUSED)
    if as_json:
        for entry in entries:
            print_json({"time": entry.time, "actor": entry.actor, "action": entry.action, **entry.payload})
        return
    rows = [
        (one.time[:19].replace("T", " "), one.actor, str(one.payload["scope"]), str(one.payload["reason"]))
        for one in entries
    ]
    print_table(("time (UTC)", "who", "scope", "why"), rows)
