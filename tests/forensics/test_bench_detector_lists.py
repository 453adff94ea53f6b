"""Labelled lists of every form, what is set aside and told, sources, samples, and scores of other systems."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forensics.benches.detector.clips import Clip, Fault, clusters
from forensics.benches.detector.index import read_list
from forensics.benches.detector.others import read_scores
from forensics.benches.detector.sample import sample
from synth.errors import VoxproofError

PROTOCOLS = {
    "ASVspoof 2019": (
        "LA_0039 LA_E_1 - A11 spoof\nLA_0014 LA_E_2 - - bonafide\n",
        {"generator": "A11", "speaker": "LA_0039"},
        {"speaker": "LA_0014"},
    ),
    "ASVspoof 2021 LA": (
        "LA_0009 LA_E_1 alaw ita_tx A07 spoof notrim eval\nLA_0031 LA_E_2 pstn loc_tx - bonafide notrim progress\n",
        {"generator": "A07", "speaker": "LA_0009", "channel": "alaw"},
        {"speaker": "LA_0031", "channel": "pstn"},
    ),
    "ASVspoof 2021 DF": (
        "TEF2 LA_E_1 low_m4a vcc2020 Task1-team20 spoof notrim eval neural_vocoder_autoregressive Task1 team20 FF E\n"
        "LA_0023 LA_E_2 nocodec asvspoof - bonafide notrim progress bonafide - - - -\n",
        {"generator": "Task1-team20", "speaker": "TEF2", "channel": "low_m4a", "source": "vcc2020"},
        {"speaker": "LA_0023", "channel": "nocodec", "source": "asvspoof"},
    ),
    "ASVspoof 5": (
        "T_4850 LA_E_1 F C05 2 - AC3 A05 spoof -\nT_0007 LA_E_2 M - - - - bonafide bonafide -\n",
        {"generator": "A05", "speaker": "T_4850", "sex": "f", "channel": "C05"},
        {"speaker": "T_0007", "sex": "m"},
    ),
}


def files(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


@pytest.mark.parametrize("name", PROTOCOLS)
def test_protocols(tmp_path: Path, name: str) -> None:
    """Who speaks, the attack, the codec, from the columns of each challenge; recordings in `flac` below the folder."""
    text, machine, human = PROTOCOLS[name]
    files(tmp_path / "flac", "LA_E_1.flac", "LA_E_2.flac")
    protocol = tmp_path / "protocol.txt"
    protocol.write_text(text, "utf-8")
    listing = read_list(protocol, tmp_path)
    assert listing.form == f"protocol of {name}"
    assert not listing.faults
    kind = {"kind": "neural_vocoder_autoregressive"} if name == "ASVspoof 2021 DF" else {}
    assert listing.clips == [
        Clip("LA_E_1", tmp_path / "flac" / "LA_E_1.flac", "machine", **machine, **kind),
        Clip("LA_E_2", tmp_path / "flac" / "LA_E_2.flac", "human", **human, kind="human"),
    ]


def test_what_a_protocol_lacks_is_told(tmp_path: Path) -> None:
    protocol = tmp_path / "p.txt"
    protocol.write_text("a LA_E_1 - A11 spoof\na LA_E_2 - A11\nb LA_E_3 - - bonafide\n", "utf-8")
    with pytest.raises(VoxproofError, match="Name their folder with --audio DIR"):
        read_list(protocol)
    files(tmp_path / "deep" / "er", "LA_E_1.wav")
    listing = read_list(protocol, tmp_path)
    assert [clip.path for clip in listing.clips] == [tmp_path / "deep" / "er" / "LA_E_1.wav"]
    assert listing.faults == [Fault("line 2", "has 4 columns, not 5"), Fault("LA_E_3", "is not there")]


def test_replayed_speech_is_set_aside(tmp_path: Path) -> None:
    protocol = tmp_path / "p.txt"
    protocol.write_text("PA_0001 PA_E_1 aaa AA spoof\nPA_0001 PA_E_2 aaa - bonafide\n", "utf-8")
    files(tmp_path, "PA_E_1.flac", "PA_E_2.flac")
    listing = read_list(protocol, tmp_path)
    assert listing.aside == {"replay": 1}
    assert [clip.label for clip in listing.clips] == ["human"]


def test_in_the_wild(tmp_path: Path) -> None:
    files(tmp_path, "0.wav", "1.wav")
    (tmp_path / "meta.csv").write_text("file,speaker,label\n0.wav,Alec,spoof\n1.wav,Barack,bona-fide\n", "utf-8")
    listing = read_list(tmp_path)
    assert [(c.name, c.label, c.speaker) for c in listing.clips] == [
        ("0.wav", "machine", "Alec"),
        ("1.wav", "human", "Barack"),
    ]


def test_an_index_with_everything(tmp_path: Path) -> None:
    """Semicolons, a byte order mark, other names of columns; set aside, told, and taken."""
    files(tmp_path, *(f"{letter}.wav" for letter in "abcdefg"))
    rows = [
        "Path;Label;Generator;Page;Speaker;Gender;Lang;Kind;orig_codec",
        "a.wav;fake;XTTS;demo;p1;Woman;en;zero-shot clone;mp3",
        "b.wav;Human;;read;p2;male;de;human;flac",
        "c.wav;spoof;X;demo;p1;;en;Partial_Edit;",
        "d.wav;human;;demo;p1;;en;codec-dsp;",
        "e.wav;human;;demo;p1;;en;watermark;",
        "f.wav;perhaps;;demo;p1;;en;;",
        "gone.wav;human;;demo;p1;;en;;",
        "a.wav;fake;XTTS;demo;p1;;en;;",
        "g.wav;;;demo;p1;;en;;",
    ]
    (tmp_path / "index.csv").write_text("\ufeff" + "\n".join(rows), "utf-8")
    listing = read_list(tmp_path)
    assert listing.clips == [
        Clip("a.wav", tmp_path / "a.wav", "machine", "XTTS", "demo", "p1", "f", "en", "zero-shot clone", "mp3"),
        Clip("b.wav", tmp_path / "b.wav", "human", "", "read", "p2", "m", "de", "human", "flac"),
    ]
    assert listing.aside == {"partial-edit": 1, "codec-dsp": 1, "watermark": 1}
    assert listing.faults == [
        Fault("f.wav", "has the label 'perhaps'"),
        Fault("gone.wav", "is not there"),
        Fault("a.wav", "is listed twice"),
        Fault("g.wav", "has no label"),
    ]


def test_kinds_alone_label_a_list(tmp_path: Path) -> None:
    files(tmp_path, "a.wav", "b.wav")
    (tmp_path / "index.csv").write_text("path,kind,pair_key\na.wav,vc,spk:p225\nb.wav,human,x\n", "utf-8")
    listing = read_list(tmp_path)
    assert [(c.label, c.kind, c.speaker) for c in listing.clips] == [("machine", "vc", "p225"), ("human", "human", "")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("path,label\na.wav,1\nb.wav,0\n", r"labels that are not understood \('0', '1'\).*numbers mean differs"),
        ("name,value\na,b\n", "neither a CSV with the columns path and label"),
        ("LA_E_1\nLA_E_2\n", "neither a CSV with the columns path and label"),
        ("", "neither a CSV with the columns path and label"),
        ("path,label\nnowhere.wav,human\n", r"no clip that can be used: nowhere.wav is not there.*--audio"),
    ],
)
def test_what_is_no_list(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(VoxproofError, match=said):
        read_list(path)


def test_a_folder_and_bytes_that_are_no_list(tmp_path: Path) -> None:
    with pytest.raises(VoxproofError, match=r"holds no list of labelled clips.*index\.csv, meta\.csv"):
        read_list(tmp_path)
    (tmp_path / "sound.csv").write_bytes(bytes(range(128, 256)))
    with pytest.raises(VoxproofError, match="is no list that can be read"):
        read_list(tmp_path / "sound.csv")


def clip(number: int, label: str, source: str = "", speaker: str = "", generator: str = "") -> Clip:
    return Clip(f"{number}.wav", Path(f"/c/{number}.wav"), label, generator, source, speaker)  # type: ignore[arg-type]


def test_sources_are_pages_where_there_are_enough_of_them() -> None:
    pages = [clip(n, "human" if n % 2 else "machine", f"page{n // 2}", "one") for n in range(12)]
    words, source = clusters(pages)
    assert words == "pages and collections"
    assert source["3.wav"] == source["2.wav"] == "page1"
    corpora = [clip(n, "human" if n % 2 else "machine", "corpus", f"speaker{n // 2}") for n in range(12)]
    assert clusters(corpora)[0] == "speakers"
    nothing = [clip(1, "human"), clip(2, "machine")]
    words, source = clusters(nothing)
    assert words.startswith("clips")
    assert source == {"1.wav": "clip 1.wav", "2.wav": "clip 2.wav"}


def test_a_sample_takes_classes_and_sources_in_turn() -> None:
    clips = [clip(n, "machine", "big" if n < 80 else f"small{n}", "", "G") for n in range(90)]
    clips += [clip(n, "human", f"h{n % 3}") for n in range(90, 190)]
    source = {one.name: one.source for one in clips}
    taken = sample(clips, source, 20, 1)
    assert [one.label for one in taken].count("human") == 10
    assert len({one.source for one in taken if one.label == "machine"}) == 10
    per_source = [[one.source for one in taken].count(name) for name in ("h0", "h1", "h2")]
    assert sorted(per_source) == [3, 3, 4]
    assert taken == sample(clips, source, 20, 1) != sample(clips, source, 20, 2)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 12), st.integers(0, 12), st.integers(2, 20), st.integers(0, 5))
def test_a_sample_is_as_large_as_asked(humans: int, machines: int, limit: int, seed: int) -> None:
    clips = [clip(n, "human", f"s{n % 2}") for n in range(humans)]
    clips += [clip(100 + n, "machine", f"s{n % 3}", "", f"g{n % 2}") for n in range(machines)]
    labels = [one.label for one in sample(clips, {one.name: one.source for one in clips}, limit, seed)]
    assert len(labels) == min(limit, humans + machines)
    assert min(labels.count("human"), labels.count("machine")) == min(humans, machines, limit // 2)


CLIPS = [
    Clip("a/one.wav", Path("/c/a/one.wav"), "machine"),
    Clip("b/one.wav", Path("/c/b/one.wav"), "human"),
    Clip("b/two.wav", Path("/c/b/two.wav"), "human"),
]


def test_scores_are_joined_by_path_and_by_unique_name(tmp_path: Path) -> None:
    """The third row's stem is one clip's alone; the fourth's is two clips', the fifth's nobody's."""
    path = tmp_path / "theirs.csv"
    path.write_text(
        "file,aasist,note,rawnet\na/one.wav,2.5,x,nan\n/c/b/one.wav,-1,y,0.5\ntwo.flac,-3,z,\none,9,z,9\nthree,9,z,9\n",
        "utf-8",
    )
    scores, notes = read_scores([path], CLIPS, "machine")
    assert scores == {"aasist": {"a/one.wav": 2.5, "b/one.wav": -1.0, "b/two.wav": -3.0}, "rawnet": {"b/one.wav": 0.5}}
    assert notes == [
        "theirs.csv: 2 of 5 rows belong to no clip of this run",
        "theirs.csv: 1 scores are no finite numbers and were left out",
    ]


def test_scores_of_asvspoof_are_turned_round(tmp_path: Path) -> None:
    """Columns apart by white space, no header, bona fide high."""
    path = tmp_path / "lfcc.txt"
    path.write_text("two 4.25\na/one.wav -2\n", "utf-8")
    assert read_scores([path], CLIPS, "human") == ({"lfcc": {"b/two.wav": -4.25, "a/one.wav": 2.0}}, [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "path,score\nelsewhere.wav,1\n",
            "no score for any of the clips. Its first row is 'elsewhere.wav'",
        ),
        ("path,score\na/one.wav,high\n", "holds no scores. It needs a header with the column path"),
        ("score,other\n1,2\n", "holds no scores"),
    ],
)
def test_what_are_no_scores(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(VoxproofError, match=said):
        read_scores([path], CLIPS, "machine")


def test_the_unmarked_files_of_a_range(tmp_path: Path) -> None:
    """A marked variant and a partial edit are set aside; laundering is the channel."""
    common = {
        "schema": "voxproof.range/1", "sha256": "00", "seconds": 2.0, "sample_rate": 16000, "segments": [], "joins": [],
        "voice_right": "", "text": "", "chain": [], "key_id": "", "payload": "", "payload_carried": False, "seed": 1,
        "laundering": "voice note",
        "sources": [{"role": "clip", "file": "a", "sha256": "", "collection": "corpus", "speaker": "s", "licence": ""}],
    }  # fmt: skip
    rows = [
        {
            "file": "m.wav",
            "kind": "machine",
            "label": "machine",
            "generator": "tts",
            "voice": "us",
            "mark": "unmarked",
        },
        {"file": "h.wav", "kind": "human", "label": "human", "generator": "", "voice": "", "mark": "unmarked"},
        {"file": "p.wav", "kind": "partial", "label": "partial", "generator": "x", "voice": "", "mark": "unmarked"},
        {"file": "k.wav", "kind": "human", "label": "human", "generator": "", "voice": "", "mark": "marked"},
    ]
    files(tmp_path, *(str(row["file"]) for row in rows))
    lines = [json.dumps({**common, **row, "item": str(number)}) for number, row in enumerate(rows)]
    (tmp_path / "manifest.jsonl").write_text("\n".join(lines), "utf-8")
    listing = read_list(tmp_path)
    assert listing.clips == [
        Clip("m.wav", tmp_path / "m.wav", "machine", "tts", "corpus", "us", kind="machine", channel="voice note"),
        Clip("h.wav", tmp_path / "h.wav", "human", "", "corpus", "s", kind="human", channel="voice note"),
    ]
    assert listing.aside == {"partial": 1, "watermark": 1}
