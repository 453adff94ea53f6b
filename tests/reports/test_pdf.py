"""The report as a file: contents, words, layout, attachments and determinism."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import report_samples as samples
from pypdf import PdfReader

from forensics.records import Examination
from reports.case_facts import CaseFacts
from reports.pdf import pdf_bytes, write_pdf
from reports.twin import sha256, twin_bytes

SAMPLES: dict[str, Callable[[], Examination]] = {
    "machine": samples.machine,
    "person": samples.person,
    "undecodable": samples.undecodable,
    "crowded": samples.crowded,
    "long": lambda: samples.machine(samples.LONG_NAME),
    "chinese": lambda: samples.machine(samples.CHINESE_NAME),
}
FORBIDDEN = re.compile(r"\b(fake|authentic|not altered|genuine)\b|\d+ ?% (probab|likel|chance)|\d+/100", re.I)


def words(path: Path, page: int | None = None) -> str:
    """Text of the report, white space folded."""
    reader = PdfReader(path)
    pages = reader.pages if page is None else [reader.pages[page]]
    return " ".join(" ".join(one.extract_text() for one in pages).split())


@pytest.mark.parametrize("page", ["a4", "letter"])
@pytest.mark.parametrize("name", SAMPLES)
def test_every_report_stands(name: str, page: str, tmp_path: Path) -> None:
    examination = SAMPLES[name]()
    size = "letter" if page == "letter" else "a4"
    path = write_pdf(examination, tmp_path / "r.pdf", page=size, case=samples.case())
    reader = PdfReader(path)
    expected = (612.0, 792.0) if page == "letter" else (595.28, 841.89)
    for one in reader.pages:
        assert (float(one.mediabox.width), float(one.mediabox.height)) == pytest.approx(expected, abs=0.02)
    first, whole = words(path, 0), words(path)
    assert not FORBIDDEN.search(whole)
    assert examination.verdict.words[1:] in first
    assert f"Page 1 of {len(reader.pages)}" in first
    assert f"Page {len(reader.pages)} of {len(reader.pages)}" in whole
    assert samples.DIGEST in first
    for title in ("THE QUESTION", "WHAT WAS NOT TESTED", "WHAT TO DO NEXT", "WHERE IN THE RECORDING"):
        assert title in first
    for title in ("Propositions", "Custody", "Limitations", "Glossary", "Signature", "Standards followed"):
        assert title in whole
    assert "A hash proves only that data have not changed since it was first computed." in whole
    assert "The examiner's report" in words(path, 1)  # page 1 kept to one page


def test_bounds_and_outcomes_are_the_records(tmp_path: Path) -> None:
    path = write_pdf(samples.machine(), tmp_path / "r.pdf")
    first, whole = words(path, 0), words(path)
    assert "log10 LR +1.18, 95 % bounds +0.62 to +1.55" in first
    assert "Inconsistent with a continuous recording" in first
    assert "4.30–4.34 s" in first
    assert "52 of 60 (86.7 %" in whole
    assert "The recording lasts 10.24 s; the method needs 60 s. Mains hum has one phase; a cut breaks it." in whole
    assert whole.count("not stated") >= 8
    person = words(write_pdf(samples.person(), tmp_path / "p.pdf"), 0)
    assert "log10 LR −1.30, 95 % bounds −1.60 to −0.90" in person
    assert "Consistent with a continuous recording" in person


def test_case_facts_are_printed(tmp_path: Path) -> None:
    whole = words(write_pdf(samples.machine(), tmp_path / "r.pdf", case=samples.case()))
    for said in (
        "2026-0417",
        "Example Bank",
        "Dr. Ada Exemplar",
        "2026-03-14 09:30:00 UTC",
        "received, hashed, sealed",
    ):
        assert said in whole
    assert "The working copy has the exhibit's hash" in whole
    other = samples.case().model_copy(update={"working_copy_sha256": "0" * 64})
    assert "The working copy's hash is not the exhibit's" in words(
        write_pdf(samples.machine(), tmp_path / "o.pdf", case=other)
    )


def test_twin_is_embedded_and_its_hash_printed(tmp_path: Path) -> None:
    examination = samples.machine()
    path = write_pdf(examination, tmp_path / "r.pdf")
    reader = PdfReader(path)
    data = reader.attachments["examination.json"][0]
    assert data == twin_bytes(examination)
    assert sha256(data) in words(path)
    assert json.loads(data)["schema"] == "voxproof.examination/1"
    assert Examination.model_validate_json(data).verdict == examination.verdict
    root = reader.trailer["/Root"]
    assert root["/AF"][0].get_object()["/AFRelationship"] == "/Data"
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]
    assert root["/StructTreeRoot"]["/K"]["/S"] == "/Document"


def test_same_input_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    one = pdf_bytes(samples.machine())
    assert one == pdf_bytes(samples.machine())
    assert b"CreationDate" not in one
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    dated = pdf_bytes(samples.machine())
    assert b"20231114221320" in dated
    assert dated != one
    assert b"20260316140500" in pdf_bytes(samples.machine(), case=samples.case())


@pytest.mark.parametrize("name", ["long", "crowded", "machine"])
def test_no_text_leaves_the_margins(name: str, tmp_path: Path) -> None:
    path = write_pdf(SAMPLES[name](), tmp_path / "r.pdf", page="letter")
    seen: list[tuple[float, float]] = []

    def visit(text: str, cm: list[float], tm: list[float], _font: object, _size: float) -> None:
        if text.strip() and tm[5] != 0:  # page numbers in forms have axes of their own
            seen.append((tm[4] * cm[0] + tm[5] * cm[2] + cm[4], tm[4] * cm[1] + tm[5] * cm[3] + cm[5]))

    for one in PdfReader(path).pages[:12]:
        one.extract_text(visitor_text=visit)
    assert len(seen) > 500
    assert min(x for x, _ in seen) >= 0
    assert max(x for x, _ in seen) <= 612 - 54 + 2
    assert min(y for _, y in seen) >= 20
    assert max(y for _, y in seen) <= 792 - 30


def test_long_recordings_have_clock_time(tmp_path: Path) -> None:
    whole = words(write_pdf(samples.crowded(), tmp_path / "r.pdf"), 0)
    assert "time (h:mm)" in whole
    assert "3:00:00.00" in whole
    assert "2:30" in whole


def test_bookmarks_lead_through_the_report(tmp_path: Path) -> None:
    reader = PdfReader(write_pdf(samples.machine(), tmp_path / "r.pdf"))
    titles = [one.title for one in reader.outline if not isinstance(one, list)]
    assert titles[0] == "Summary"
    assert "7 Methods and findings" in titles
    assert len(titles) == 18


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="cannot be written"):
        write_pdf(samples.undecodable(), tmp_path / "no" / "such" / "folder.pdf")
    assert list(tmp_path.iterdir()) == []


def test_deceiving_names_show_code_points(tmp_path: Path) -> None:
    path = write_pdf(samples.machine("voice\u202egpj.exe\U0001f600<b>.wav"), tmp_path / "r.pdf", case=CaseFacts())
    first = words(path, 0)
    assert "‹U+202E›" in first
    assert "‹U+1F600›" in first
    assert "<b>.wav" in first
