"""The page and the PDF of an explanation: alone in a file, the sound inside, the same numbers in both languages."""

import base64
import hashlib
import io
import re
import wave
from html.parser import HTMLParser

import numpy as np
import pypdf
import pytest
from PIL import Image
from report_samples import machine, spectrogram, undecodable

from forensics.explain.clip import Passage
from forensics.explain.examples import Neighbour, Neighbours, Reference
from forensics.explain.explanation import NO_GRADIENTS, Explanation, NotMade
from forensics.explain.fusion_shares import Share, Shares
from forensics.explain.relevance import RelevanceMap
from forensics.explain.validated import MapFigures, Mean, Validation
from forensics.explain.words import Language, sentences
from reports.explanation_page import explanation_html
from reports.explanation_pdf import explanation_pdf
from reports.explanation_pictures import background, height, scale, tinted

RATE, SECONDS = 16000, 3.0
SOUND = (0.1 * np.random.default_rng(1).standard_normal(int(SECONDS * RATE))).astype(np.float32)
BANDS = np.array([0, 500, 1000, 1750, 2750, 4500, 8000], np.float32)
NAME = 'a<b> & "c".wav'


def a_map(method: str = "occlusion") -> RelevanceMap:
    """Speaks for a machine at 1.0 to 1.5 s, 2.75 to 4.5 kHz, and for a person at 2.0 to 2.5 s, 0 to 0.5 kHz."""
    values = np.zeros((6, 6), np.float32)
    values[4, 2], values[0, 4] = 0.8, -0.6
    times = np.linspace(0, SECONDS, 7).astype(np.float32)
    over = np.repeat(values.sum(0), 25) / 25
    changes = np.zeros_like(values) if method == "occlusion" else None
    layer = "sound" if method == "occlusion" else "mel"
    return RelevanceMap(
        method, "detector.speech", layer, times, BANDS, values, 0.0, changes, over, 1.2, 0.9, 38
    )  # fmt: skip


def figures(method: str, iou: float) -> MapFigures:
    def mean(value: float) -> Mean:
        return Mean(value=value, lower=value - 0.05, upper=value + 0.05, n=9)

    return MapFigures(
        method=method, line="detector.speech", deletion=mean(0.41), insertion=mean(0.3), shuffled=mean(0.1),
        stable=mean(0.9), pointing=mean(iou), by_chance=mean(0.2), hits=mean(0.5), splices=mean(0.3),
        splices_by_chance=mean(0.2),
    )  # fmt: skip


TESTED = Validation(
    human=7, machine=8, sources=5, seconds=3.0, thorough=3, partial=6, spliced=4, span={"detector.speech": 1.2},
    command="voxproof bench explain x", detectors={}, tested=(figures("occlusion", 0.23), figures("gradients", 0.61)),
)  # fmt: skip


@pytest.fixture(scope="module")
def made() -> Explanation:
    reader = Reference("a reader", "human", "file.wav (CC0-1.0)", np.zeros(2, np.float32), b"mp3", name_zh="朗读者")
    shares = Shares(0.4, (Share("detector.speech", "a", 0.5, 0.6), Share("detector.spectral", "b", -0.1, -0.1)))
    return Explanation(
        machine(NAME, SECONDS), Passage.of(SOUND), spectrogram(SECONDS), (a_map(), a_map("gradients")), shares,
        Neighbours((Neighbour(reader, 0.31),), {"human": 1, "machine": 0, "unlabelled": 0}, None),
        (NotMade("gradients", "detector.spectral", *NO_GRADIENTS),),
    )  # fmt: skip


class Parts(HTMLParser):
    """What of the page a browser would fetch or run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.policy, self.script, self.inside, self.texts = "", "", "", []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = dict(attrs)
        self.inside = tag
        self.sources += [held[name] or "" for name in ("src", "href") if name in held]
        if held.get("http-equiv") == "Content-Security-Policy":
            self.policy = held["content"] or ""

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            self.script = self.script or data
        elif self.inside != "style":
            self.texts.append(data)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_needs_nothing_else_and_says_every_sentence(made: Explanation, language: Language) -> None:
    page = explanation_html(made, TESTED, language)
    parts = Parts(page)
    assert parts.sources
    assert all(source.startswith("data:") for source in parts.sources)
    own = base64.b64encode(hashlib.sha256(parts.script.encode()).digest()).decode()
    assert f"script-src 'sha256-{own}'" in parts.policy  # the browser runs this script and no other
    assert parts.policy.startswith("default-src 'none'")
    text = "".join(parts.texts)
    assert NAME in text
    for said in sentences(made, TESTED):
        for sentence in said.text(language):
            assert sentence in text
    assert ("没有梯度" if language == "zh" else "has no gradients") in text
    assert ("朗读者" if language == "zh" else "a reader") in text
    assert text.count("未通过" if language == "zh" else "✕ failed") >= 1
    assert "0.23 [0.18, 0.28]" in text


def test_the_sound_in_the_page_is_the_passage(made: Explanation) -> None:
    source = next(one for one in Parts(explanation_html(made, TESTED)).sources if one.startswith("data:audio/wav"))
    with wave.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) as file:
        assert (file.getframerate(), file.getnchannels()) == (RATE, 1)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767
    np.testing.assert_allclose(samples, np.clip(SOUND, -1, 1), atol=1e-4)


def test_the_cells_say_their_numbers(made: Explanation) -> None:
    page = explanation_html(made, TESTED)
    cells = re.findall(r'<rect class="cell" x="([\d.]+)" y="([\d.]+)"[^>]*><title>([^<]*)', page)
    assert len(cells) == 36
    (machine_cell,) = [one for one in cells if one[2].endswith("+0.800")]
    assert machine_cell[2].startswith("1.00-1.50 s, 2750-4500 Hz")
    assert float(machine_cell[0]) == pytest.approx(1000 / 3, abs=0.1)
    assert float(machine_cell[1]) == pytest.approx(1000 * (1 - height(4500)), abs=0.1)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_pdf_holds_the_same_numbers_and_the_data(made: Explanation, language: Language) -> None:
    content = explanation_pdf(made, TESTED, language)
    assert content == explanation_pdf(made, TESTED, language)  # the same explanation, the same bytes
    reader = pypdf.PdfReader(io.BytesIO(content))
    assert reader.trailer["/Root"]["/Lang"] == {"en": "en", "zh": "zh-CN"}[language]
    text = re.sub(r"\s+", "", "".join(page.extract_text() for page in reader.pages))
    for said in sentences(made, TESTED):
        for sentence in said.text(language):
            for number in re.findall(r"[-+]?\d+\.\d+", sentence):
                assert number in text, sentence
    assert ("0.23[0.18,0.28]") in text
    assert ("未通过" if language == "zh" else "failed") in text
    assert "explanation.json" in reader.attachments


def test_colour_lies_where_the_relevance_is() -> None:
    picture = spectrogram(SECONDS)
    bare, drawn = background(picture, washed=True).astype(int), tinted(a_map(), picture).astype(int)
    rows, columns = drawn.shape[:2]

    def at(second: float, hz: float) -> tuple[int, int]:
        return int((1 - height(hz)) * rows), int(second / SECONDS * columns)

    red, blue = drawn[at(1.25, 3500)], drawn[at(2.25, 250)]
    assert red[0] > red[2] + 60  # vermilion speaks for a machine
    assert blue[2] > blue[0] + 60  # teal for a person
    np.testing.assert_array_equal(drawn[at(0.25, 3500)], bare[at(0.25, 3500)])
    assert scale(a_map()) == pytest.approx(0.8)
    assert Image.fromarray(drawn.astype(np.uint8)).size == (columns, rows)


def test_what_cannot_be_decoded_has_a_page_that_says_so() -> None:
    empty = Explanation(undecodable(), Passage.of(np.zeros(0, np.float32)), None)
    page = explanation_html(empty, TESTED)
    assert "There is no answer to explain." in page
    assert "<audio" not in page
    assert "There is no answer to explain." in pypdf.PdfReader(io.BytesIO(explanation_pdf(empty, TESTED))).pages[
        0
    ].extract_text().replace("\n", " ")
