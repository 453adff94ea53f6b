"""What a request to clone brings along, checked before anything is loaded: the text, and a place for the sound."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from synth.errors import VoxproofError
from synth.issuance import MADE, write_manifest
from synth.register import Register, member
from synth.sound_files import require_writable


def given_text(text: str | None, path: Path | None) -> str:
    """The text, or that of a file (UTF-8, `-` is stdin); raises VoxproofError where there is none."""
    if path is not None:
        try:
            data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
            text = data.decode("utf-8-sig")
        except OSError as error:
            raise VoxproofError(f"the text cannot be read ({error.strerror})", path=path) from None
        except UnicodeDecodeError as error:
            cause = f"is no text in UTF-8 (byte {error.start})"
            raise VoxproofError(cause, path=path, cure="Save it as plain text in UTF-8.") from None
    text = (text or "").strip()
    if not text:
        raise VoxproofError("the text is empty", path=path, cure="Give at least one word.")
    return text


def free_place(out: Path, inputs: Iterable[Path], *, growing: bool = False) -> None:
    """Raise VoxproofError unless sound can be written there without replacing what it is made from.

    `growing`: it is to be written while it is made, as WAV and over no other file.
    """
    require_writable(out)
    if any(out.resolve() == one.resolve() for one in inputs):
        raise VoxproofError("is needed to make the sound and would be replaced by it", path=out, cure="Name another.")
    if growing and out.suffix.lower() != ".wav":
        raise VoxproofError("cannot grow while it is written", path=out, cure="A stream is written as .wav.")
    if growing and out.exists():
        raise VoxproofError("there is a file of this name", path=out, cure="A stream goes to a new file; name another.")


def hand_out(register: Register, number: str, out: Path) -> None:
    """Write the manifest beside a streamed file that is too short for the payload."""
    made = register.entries(MADE, having=member("issuance_id", number))[-1]
    if not made.payload["payload_carried"]:
        write_manifest(out.with_name(f"{out.name}.issuance.json"), register, made)
