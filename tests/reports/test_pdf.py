"""The report as a file: contents, words, layout, attachments and determinism."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import report_samples as samples
from pypdf import PageObject, PdfReader

from detectors.card import shipped_cards
from forensics.battery import load_battery
from forensics.records import ErrorRate, Examination, ModelFacts
from reports.case_facts import CaseFacts
from reports.check import check
from reports.pdf import pdf_bytes, write_pdf
from reports.signing import Signer
from reports.theme import PageSize
from reports.twin import sha256, twin_bytes
from reports.writer import Writer
from synth.errors import VoxproofError

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


class Made:
    """A report with the text of its pages, made and read once for all tests that look at it."""

    def __init__(self, name: str, page: PageSize, case: CaseFacts | None) -> None:
        self.examination = SAMPLES[name]()
        self.data = pdf_bytes(self.examination, page=page, case=case)
        self.reader = PdfReader(io.BytesIO(self.data))
        self.places: list[list[tuple[float, float]]] = []
        """Where every piece of text stands, page by page, in points."""
        self.pages = [self._read(one) for one in self.reader.pages]
        self.text = " ".join(self.pages)

    def _read(self, page: PageObject) -> str:
        seen: list[tuple[float, float]] = []
        self.places.append(seen)

        def visit(text: str, cm: list[float], tm: list[float], _font: object, _size: float) -> None:
            if text.strip() and tm[5] != 0:  # page numbers in forms have axes of their own
                seen.append((tm[4] * cm[0] + tm[5] * cm[2] + cm[4], tm[4] * cm[1] + tm[5] * cm[3] + cm[5]))

        return " ".join(page.extract_text(visitor_text=visit).split())


@pytest.fixture(scope="module")
def made() -> Callable[..., Made]:
    kept: dict[tuple[str, PageSize, bool], Made] = {}

    def make(name: str, page: PageSize = "a4", case: bool = True) -> Made:
        key = (name, page, case)
        if key not in kept:
            kept[key] = Made(name, page, samples.case() if case else None)
        return kept[key]

    return make


@pytest.mark.parametrize("page", ["a4", "letter"])
@pytest.mark.parametrize("name", SAMPLES)
def test_every_report_stands(name: str, page: PageSize, made: Callable[..., Made]) -> None:
    report = made(name, page)
    examination, reader = report.examination, report.reader
    expected = (612.0, 792.0) if page == "letter" else (595.28, 841.89)
    for one in reader.pages:
        assert (float(one.mediabox.width), float(one.mediabox.height)) == pytest.approx(expected, abs=0.02)
    first, whole = report.pages[0], report.text
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
    assert "The examiner's report" in report.pages[1]  # page 1 kept to one page


def test_bounds_and_outcomes_are_the_records(made: Callable[..., Made]) -> None:
    report = made("machine", case=False)
    first, whole = report.pages[0], report.text
    assert "log10 LR +1.18, 95 % bounds +0.62 to +1.55" in first
    assert "Inconsistent with a continuous recording" in first
    assert "4.30–4.34 s" in first
    assert "52 of 60 (86.7 %" in whole
    assert "The recording lasts 10.24 s; the method needs 60 s. Mains hum has one phase; a cut breaks it." in whole
    assert whole.count("not stated") >= 8
    person = made("person").pages[0]
    assert "log10 LR −1.30, 95 % bounds −1.60 to −0.90" in person
    assert "Consistent with a continuous recording" in person


def test_case_facts_are_printed(tmp_path: Path, made: Callable[..., Made]) -> None:
    whole = made("machine").text
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
        write_pdf(samples.undecodable(), tmp_path / "o.pdf", case=other)
    )


def test_twin_is_embedded_and_its_hash_printed(made: Callable[..., Made]) -> None:
    report = made("machine", case=False)
    examination, reader = report.examination, report.reader
    data = reader.attachments["examination.json"][0]
    assert data == twin_bytes(examination)
    assert sha256(data) in report.text
    assert json.loads(data)["schema"] == "voxproof.examination/1"
    assert Examination.model_validate_json(data).verdict == examination.verdict
    root = reader.trailer["/Root"]
    assert root["/AF"][0].get_object()["/AFRelationship"] == "/Data"
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]
    tree = root["/StructTreeRoot"]["/K"]
    assert tree["/S"] == "/Document"
    elements = [one.get_object() for one in tree["/K"]]
    assert {one["/S"] for one in elements} == {"/H1", "/H2", "/H3", "/P", "/Figure"}
    assert all(one["/Type"] == "/StructElem" and one["/P"]["/S"] == "/Document" for one in elements)
    assert {one["/Pg"]["/Type"] for one in elements} == {"/Page"}
    assert all("Spectrogram" in one["/Alt"] or "Figure" in one["/Alt"] or "LR" in one["/Alt"]
               for one in elements if one["/S"] == "/Figure")  # fmt: skip


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
def test_no_text_leaves_the_margins(name: str, made: Callable[..., Made]) -> None:
    seen = [place for page in made(name, "letter").places[:12] for place in page]
    assert len(seen) > 500
    assert min(x for x, _ in seen) >= 0
    assert max(x for x, _ in seen) <= 612 - 54 + 2
    assert min(y for _, y in seen) >= 20
    assert max(y for _, y in seen) <= 792 - 30


def test_long_recordings_have_clock_time(made: Callable[..., Made]) -> None:
    whole = made("crowded").pages[0]
    assert "time (h:mm)" in whole
    assert "3:00:00.00" in whole
    assert "2:30" in whole


def test_bookmarks_lead_through_the_report(made: Callable[..., Made]) -> None:
    reader = made("machine").reader
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


def test_rates_of_a_trained_model_are_printed_once(tmp_path: Path) -> None:
    card = next(one for one in shipped_cards() if one.name == "detector.speech")
    rates = tuple(
        ErrorRate(condition=one.condition, positives=one.machine, hits=round(one.machine * one.true_positive_rate),
                  negatives=one.human, false_alarms=round(one.human * one.false_positive_rate))
        for one in card.figures
    )  # fmt: skip
    base = samples.machine()
    model = ModelFacts(name=card.name, version=card.version, sha256=card.sha256)
    found = tuple(
        one.model_copy(update={"error_rates": rates}) if one.method == card.name else one for one in base.findings
    )
    tool = base.tool.model_copy(update={"models": (model,)})
    whole = words(write_pdf(base.model_copy(update={"findings": found, "tool": tool}), tmp_path / "r.pdf"))
    assert f"all {len(rates)} conditions with the model, in the section “Trained models”" in whole
    row = f"{card.figures[2].human} + {card.figures[2].machine} clips of"
    assert card.figures[2].condition in whole.split("8 Trained models")[-1]
    assert row in whole
    other = tuple(
        one.model_copy(update={"error_rates": rates[:3]}) if one.error_rates == rates else one for one in found
    )
    whole = words(write_pdf(base.model_copy(update={"findings": other, "tool": tool}), tmp_path / "o.pdf"))
    assert (
        f"{rates[2].hits} of {rates[2].positives}" in whole
    )  # rates that the card does not state stay with the method


def test_the_card_of_every_model_of_the_battery_is_printed(tmp_path: Path) -> None:
    models = tuple(dict.fromkeys(model for method in load_battery() for model in method.models))
    assert {"detector.speech", "speech.speaker-change", "signal.splice-trained"} <= {model.name for model in models}
    base = samples.machine()
    tool = base.tool.model_copy(update={"models": models})
    whole = words(write_pdf(base.model_copy(update={"tool": tool}), tmp_path / "r.pdf"))
    assert "card of this model is not at hand" not in whole
    assert whole.split("8 Trained models")[-1].count("What it is") == len(models)
    strange = models[0].model_copy(update={"sha256": "0" * 64})
    tool = base.tool.model_copy(update={"models": (strange,)})
    assert "card of this model is not at hand" in words(
        write_pdf(base.model_copy(update={"tool": tool}), tmp_path / "s.pdf")
    )


def test_a_process_of_its_own_writes_the_same_report_and_its_errors_come_back(tmp_path: Path) -> None:
    writer = Writer()
    examination = samples.machine()
    out = writer.write(examination, tmp_path / "r.pdf", page="letter", case=samples.case())
    assert out.read_bytes() == pdf_bytes(examination, page="letter", case=samples.case())
    with pytest.raises(VoxproofError, match="cannot be written") as caught:
        writer.write(examination, tmp_path / "none" / "r.pdf")
    assert caught.value.cure == "Give a writable folder with free space."
    again = writer.write(samples.undecodable(), tmp_path / "s.pdf", signer=Signer.self_made(tmp_path / "keys"))
    assert check(again).signature == "intact"
    writer.close()
    with pytest.raises(VoxproofError, match="the process that writes reports ended"):
        writer.write(examination, tmp_path / "t.pdf")
