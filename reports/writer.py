"""Reports written by a process of their own, which imports what drawing and signing need while the battery examines.

matplotlib, reportlab and pyHanko take longer to import than a clip of 10 s takes to examine; on a second core that
costs no waiting. Everything passes through one pipe between the two processes.
"""

from __future__ import annotations

import gc
import signal
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synth.errors import VoxproofError

if TYPE_CHECKING:
    from forensics.records import Examination
    from reports.case_facts import CaseFacts
    from reports.signing import Signer
    from reports.theme import PageSize


class Writer:
    """The process; it starts at once and ends with `close`, or with this program."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self._door, far = context.Pipe()
        self._process = context.Process(target=_serve, args=(far,), daemon=True)
        self._process.start()
        far.close()

    def write(
        self, examination: Examination, out: Path, *, page: PageSize = "a4", case: CaseFacts | None = None,
        signer: Signer | None = None,
    ) -> Path:  # fmt: skip
        """As `reports.pdf.write_pdf`."""
        try:
            self._door.send((examination, out, page, case, signer))
            answer = self._door.recv()
        except (EOFError, OSError) as error:
            cause = f"the process that writes reports ended ({error or type(error).__name__})"
            raise VoxproofError(cause, path=out, cure="Check that enough memory is free.") from error
        if isinstance(answer, dict):
            raise VoxproofError(**answer)
        if isinstance(answer, Exception):
            raise answer
        return out

    def close(self) -> None:
        """End the process."""
        self._door.close()
        self._process.join()


def _serve(door: Connection) -> None:
    """Write what is asked for until the other side closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt ends the program, and that closes the pipe
    gc.disable()
    from reports.pdf import write_pdf
    from reports.signing import prepare

    prepare()
    gc.freeze()
    gc.enable()
    while True:
        try:
            examination, out, page, case, signer = door.recv()
        except (EOFError, OSError):
            return
        door.send(_answer(write_pdf, examination, out, page, case, signer))
        gc.collect()


def _answer(write: Any, examination: Examination, out: Path, page: Any, case: Any, signer: Any) -> Any:
    """None when it is written; the parts of a known error, or another exception."""
    gc.disable()
    try:
        write(examination, out, page=page, case=case, signer=signer)
    except VoxproofError as error:
        return {"cause": error.cause, "path": out if error.path is None else error.path, "cure": error.cure}
    except OSError as error:
        return error
    except Exception as error:
        return RuntimeError(f"{type(error).__name__}: {error}")
    finally:
        gc.enable()
    return None
