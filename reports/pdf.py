"""`write_pdf`: an Examination as a report for people, with the same examination as data inside.

Page 1 answers; the examiner's report follows (case, propositions, tool, exhibit, custody, overview, methods, fusion,
limitations, glossary, signature, appendix). Unsigned bytes depend only on the arguments and
SOURCE_DATE_EPOCH; a signature is appended to them and changes none.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from reportlab.platypus import PageBreak

from forensics.records import Examination
from reports.case_facts import CaseFacts
from reports.document import Furniture, build, epoch_date
from reports.enclosed import Attachment
from reports.examiner import examiner_report
from reports.page_one import page_one
from reports.theme import PageSize, sheet
from reports.twin import FILE_NAME, twin_bytes
from reports.typeface import plain
from synth.errors import VoxproofError

if TYPE_CHECKING:
    from reports.signing import Signer


def pdf_bytes(examination: Examination, *, page: PageSize = "a4", case: CaseFacts | None = None) -> bytes:
    """The unsigned report; the same arguments give the same bytes."""
    case = case or CaseFacts()
    paper = sheet(page)
    twin = twin_bytes(examination)
    name = plain(PurePath(examination.exhibit.path.replace("\\", "/")).name or examination.exhibit.path)
    furniture = Furniture(
        title=f"Examination of {name}",
        running=" · ".join(part for part in (case.case_id, case.exhibit_id) if part) or name,
        exhibit_sha256=examination.exhibit.sha256,
        author=case.examiner or f"{examination.tool.name} {examination.tool.version}",
        made=case.examined or epoch_date(),
        attachments=(Attachment(FILE_NAME, twin, "application/json", "The examination as data (machine twin)"),),
    )
    story = [*page_one(examination, case, paper), PageBreak(), *examiner_report(examination, case, paper, twin)]
    return build(story, paper, furniture)


def write_pdf(
    examination: Examination,
    out: Path,
    *,
    page: PageSize = "a4",
    case: CaseFacts | None = None,
    signer: Signer | None = None,
) -> Path:
    """Write the report, signed where a signer is given; the file appears whole or not at all."""
    data = pdf_bytes(examination, page=page, case=case)
    return _written(data if signer is None else signer.sign(data), Path(out))


def sign_pdf(source: Path, out: Path, signer: Signer, *, timestamp_url: str | None = None) -> Path:
    """Sign a report that was written unsigned; the unsigned bytes stay as a prefix of the signed file."""
    try:
        data = Path(source).read_bytes()
    except OSError as error:
        raise VoxproofError(f"the report cannot be read ({error.strerror or error})", path=source) from error
    return _written(signer.sign(data, timestamp_url=timestamp_url), Path(out))


def _written(data: bytes, out: Path) -> Path:
    """Write a file whole or not at all."""
    try:
        handle, scratch = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name[:80]}.", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            umask = os.umask(0)
            os.umask(umask)
            Path(scratch).chmod(0o666 & ~umask)
            Path(scratch).replace(out)
        except BaseException:
            Path(scratch).unlink(missing_ok=True)
            raise
    except OSError as error:
        cure = "Give a writable folder with free space."
        raise VoxproofError(f"the report cannot be written ({error.strerror or error})", path=out, cure=cure) from error
    return out
