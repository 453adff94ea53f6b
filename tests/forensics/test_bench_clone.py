"""The bench of the cloned voice: figures on rows that are made up, and a whole run on a tiny model."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the bench is not tested: torch (extra `train`) is not installed")

sys.path.append(str(Path(__file__).parents[1] / "synth"))

from clone_models import cloner, content, quick  # noqa: E402
from consent_material import Tones, recorded, with_toy_marker  # noqa: E402

from forensics.benches.clone import aims, codes, cost, figures, likeness, loading, making, marks, run, tables  # noqa: E402
from forensics.benches.clone.clips import Clip, plan  # noqa: E402
from forensics.benches.clone.kept import Facts, Kept  # noqa: E402
from forensics.benches.clone.likeness import Print  # noqa: E402
from forensics.benches.clone.material import Material, Take, Voice, material, median_pitch, sentences  # noqa: E402
from forensics.benches.clone.opinion import Opinion  # noqa: E402
from forensics.benches.clone.picture import draw  # noqa: E402
from forensics.benches.clone.words import Said, compared, spoken, unmatched  # noqa: E402
from forensics.benches.rows import Rows  # noqa: E402
from forensics.benches.watermark.run import bench_key  # noqa: E402
from synth.audio import read  # noqa: E402
from synth.clone import Cloner  # noqa: E402
from synth.emission import emit  # noqa: E402
from synth.errors import VoxproofError  # noqa: E402
from synth.matching import Heard  # noqa: E402
from synth.watermark.tokens import TokenMark  # noqa: E402

DATA = Path(__file__).parents[1] / "data"
VOICE = DATA / "sense_and_sensibility_01_austen_64kb-0870.wav"


def clip(identity: str, **facts: Any) -> Clip:
    made = Clip(
        identity, identity.split("-")[0], 0, "one", "ada", "ada.wav", 0, 2.0, "0" * 8, True, False, ((1, 2, 3),), (0.0,)
    )
    return replace(made, **facts)


# --- words -----------------------------------------------------------------------------------------------------------


def test_shipped_sentences_are_a_hundred_of_fit_length() -> None:
    every = sentences(None, 1000)
    assert len(every) == len(set(every)) == 100
    assert all(6 <= len(spoken(one)) <= 18 for one in every)
    assert sum(any(sign.isdigit() for sign in one) for one in every) >= 5


@pytest.mark.parametrize(
    ("wanted", "heard", "letters", "left"),
    [
        ("The cat sat on the mat.", "the cat sat on the mat", 0, (0, 0, 0)),
        ("The cat sat on the mat.", "The cat on the mat", 3, (1, 0, 0)),
        ("The cat sat on the mat.", "The cat sat sat on the mat", 3, (0, 1, 0)),
        ("The cat sat on the mat.", "The cat sat on the cat sat on the mat", 11, (0, 4, 0)),
        ("The cat sat on the mat.", "The cat sat quietly on the mat", 7, (0, 0, 1)),
        ("The cat sat on the mat.", "The bat sat on a mat", 4, (0, 0, 0)),
        ("Everyone came at 3:30.", "Every one came at three thirty.", 0, (0, 0, 0)),
        ("It costs $47.", "It costs forty-seven dollars", 0, (0, 0, 0)),
        ("Again and again.", "", 13, (3, 0, 0)),
    ],
)
def test_errors_of_a_transcript(wanted: str, heard: str, letters: int, left: tuple[int, int, int]) -> None:
    found = compared("clip", wanted, heard)
    assert (found.missing, found.repeated, found.added) == left
    assert found.errors == letters
    assert found.words == len(spoken(wanted))


def test_alignment_names_the_places() -> None:
    assert unmatched(["a", "b", "c", "d"], ["a", "c", "d", "e", "f"])[0] == [1]
    assert unmatched(["to", "be", "or", "not", "to", "be"], ["to", "be", "or", "or", "not", "to", "be"]) in (
        ([], [2]),
        ([], [3]),
    )
    assert unmatched([], ["so"]) == ([], [0])


# --- voices ----------------------------------------------------------------------------------------------------------


def voiceprints() -> list[Print]:
    """25 women and a man; each is a direction, and her recordings lie near it."""
    rng = np.random.default_rng(1)
    rows = []
    for n in range(26):
        centre = np.eye(32)[n] + 0.3
        name, sex = f"v{n:02d}", "m" if n == 25 else "f"
        for k, role in enumerate(("held", "held", "reference")):
            vector = tuple((centre + 0.05 * rng.standard_normal(32)).tolist())
            rows.append(Print(f"take/{name}/{k}", name, sex, role, vector))
    return rows


def test_the_nearest_voice_is_counted_among_its_sex() -> None:
    known = voiceprints()
    like, unlike = np.eye(32)[3] + 0.3, np.eye(32)[4] + 0.3
    clips = [
        Print("clone-000-x", "v03", "f", "clip", tuple(like.tolist())),
        Print("clone-001-x", "v03", "f", "clip", tuple(unlike.tolist())),
        Print("clone-002-x", "v25", "m", "clip", tuple(unlike.tolist())),
    ]
    right, wrong, alone = likeness.placed(clips, [*known, *clips])
    assert (right.others, right.nearest, right.above) == (24, True, True)
    assert (wrong.nearest, wrong.above) == (False, False)
    assert (alone.others, alone.nearest, alone.impostor) == (0, True, 1.0)
    assert right.cosine > 0.99 > wrong.cosine
    against = likeness.shuffled(["v03", "v25"], known)
    assert against == {"v03": "v04"}
    (floor,) = likeness.placed(clips[:1], known, against)
    assert (floor.nearest, floor.cosine) == (False, pytest.approx(wrong.cosine, abs=0.02))
    own = likeness.placed([one for one in known if one.role == "reference"], known)
    assert all(one.nearest and one.above for one in own if one.voice != "v25")


def test_voiceprints_need_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resemblyzer", None)
    with pytest.raises(VoxproofError, match="resemblyzer is not installed"):
        likeness.resemblyzer()


def test_material_is_read_drawn_and_sexed(tmp_path: Path) -> None:
    lines = ["path,speaker,seconds,transcript,sex"]
    for name, hertz, sex in (("ada", 220, ""), ("bob", 110, ""), ("cy", 120, "male"), ("dee", 240, "F")):
        for n in range(3):
            recorded(tmp_path / f"{name}{n}.wav", hertz, seconds=5.0, seed=n)
            lines.append(f"{name}{n}.wav,{name},5.0,Hello {n},{sex}")
    recorded(tmp_path / "short.wav", 220, seconds=1.0)
    lines += ["short.wav,eve,1.0,Hi,f", "gone.wav,ada,5.0,Gone,", "ada0.wav,unknown,5,,"]
    (tmp_path / "index.csv").write_text("\n".join(lines) + "\n")
    found = material(("one", "two"), [tmp_path], ["ada", "cy"], [tmp_path], 1)
    assert [(one.name, one.sex, one.human) for one in found.cloned] == [("ada", "f", True), ("cy", "m", True)]
    assert sorted(one.sex for one in found.others) == ["f", "m"]
    named = material(("one",), [tmp_path], ["ada"], [], 9, [("ada", "m"), ("bob", "f")])
    assert {one.name: one.sex for one in (*named.cloned, *named.others)}.items() >= {("ada", "m"), ("bob", "f")}
    assert {one.name for one in found.others} <= {"bob", "dee", "eve"}
    ada = found.cloned[0]
    assert len(ada.references) == 1
    assert set(ada.references) | set(ada.held) == set(ada.takes)
    assert not set(ada.references) & set(ada.held)
    with pytest.raises(VoxproofError, match=r"no recording of 4\.5 to 10 s of eve"):
        material(("one",), [tmp_path], ["eve"], [], 1)
    (tmp_path / "machine").mkdir()
    recorded(tmp_path / "machine" / "a.wav", 110, seconds=5.0)
    (tmp_path / "machine" / "index.csv").write_text("path,voice,seconds,transcript\na.wav,kit,5.0,Hello\n")
    (kit,) = material(("one",), [tmp_path / "machine"], [], [], 1).cloned
    assert (kit.human, kit.held) == (False, kit.takes)
    assert median_pitch(np.zeros(16_000, np.float32)) == 0.0


def test_the_plan_takes_voices_and_references_in_turn() -> None:
    takes = tuple(Take(Path(f"{n}.wav"), 6.0, f"said {n}") for n in range(5))
    voices = [Voice(name, True, "f", takes) for name in ("ada", "bea")]
    wishes = plan(Material(("a", "b", "c", "d", "e"), tuple(voices), ()), ("bea",), 2)
    counts = {way: sum(wish.way == way for wish in wishes) for way in ("clone", "plain", "noisy", "tuned", "ceiling")}
    assert counts == {"clone": 5, "plain": 5, "noisy": 12, "tuned": 5, "ceiling": 4}
    clones = [wish for wish in wishes if wish.way == "clone"]
    assert [wish.voice for wish in clones] == ["ada", "bea", "ada", "bea", "ada"]
    assert [wish.take.path.name for wish in clones] == ["0.wav", "0.wav", "1.wav", "1.wav", "0.wav"]
    assert len({wish.identity for wish in wishes}) == len(wishes)


# --- codes -----------------------------------------------------------------------------------------------------------


def test_agreement_of_codes() -> None:
    assert codes.agreement((1, 2, 3, 4), (1, 2, 3, 4)) == 1
    assert codes.agreement((1, 2, 3, 4), (1, 0, 3)) == 0.5
    said = clip("clone-000-x", codes=((5, 6), (7, 8)), starts=(0.0, 3.0))
    assert codes.drawn_agreement(said, (5, 6, 0, 7, 9)) == 0.75


def test_identical_sound_has_the_same_codes_and_pieces_lie_where_they_sound() -> None:
    able = cloner(content=content())
    sound = (0.1 * np.random.default_rng(0).standard_normal(16_000)).astype(np.float32)
    one, two = (codes.recoded("x", "human", sound, "none", 0, able)[0] for _ in range(2))
    assert codes.agreement(one.codes, two.codes) == 1.0
    assert len(one.codes) == 25
    assert codes.recoded("x", "clone", sound, codes.ANOTHER, 0, able) == []
    later = codes.recoded("x", "clone", sound, f"{codes.LATER} +0.03", 0, able)[0]
    assert len(later.codes) == 24
    assert making.piece_starts([torch.zeros(10), torch.zeros(4)], 0.3) == [0.0, 17.5]


def drawn(key: Any, length: int, seed: int) -> tuple[int, ...]:
    """Codes of a source that may say anything, drawn under a key."""
    race, rng, said = TokenMark.of(key, 0).begin([]), np.random.default_rng(seed), []
    for _ in range(length):
        exponential = race.exponentials(64)
        said.append(int(np.argmin(rng.exponential(size=64) if exponential is None else exponential)))
        race.drawn(said[-1])
    return tuple(said)


def test_the_mark_in_tokens_is_found_under_its_key_only() -> None:
    key, strange = bench_key(3, "own"), bench_key(3, "strange")
    clips = [clip(f"clone-{n:03d}-x", codes=(drawn(key, 100, n),)) for n in range(3)]
    rows = [codes.Recoded(f"{one.identity}|none", "none", "clone", one.codes[0]) for one in clips]
    rows += [codes.Recoded(f"take/{n}|none", "none", "human", drawn(strange, 100, n)) for n in range(3)]
    offsets = [f"{codes.LATER} +{offset:g}" for offset in codes.OFFSETS_S]
    noise = tuple(np.random.default_rng(5).integers(0, 64, 100).tolist())
    for change in offsets:  # heard from one of the four places only
        heard = [one.codes[0] if change == offsets[2] else noise for one in clips]
        rows += [codes.Recoded(f"{c.identity}|{change}", change, "clone", h) for c, h in zip(clips, heard, strict=True)]
    found = list(codes.tested(clips, rows, key, 1))
    assert sum(row.seconds == 3 for row in found if row.own and row.change == "as drawn") == 4
    searched = f"{codes.LATER}, four places tried"
    for change, hit in (("as drawn", True), ("none", True), (codes.LATER, False), (searched, True)):
        some = [row.log10_p <= codes.FOUND_LOG10_P for row in found if row.own and row.change == change]
        assert some
        assert all(one == hit for one in some)
    alarms = [row for row in found if not row.own]
    assert {row.source for row in alarms} == {"human", "clone"}
    assert sum(row.log10_p <= codes.FOUND_LOG10_P for row in alarms) <= 1


# --- rows and page ---------------------------------------------------------------------------------------------------


def test_rows_resume_behind_a_torn_line(tmp_path: Path) -> None:
    rows = Rows(tmp_path / "words.jsonl", Said)
    rows.add([Said("a", "one", 3, 1, 1, 0, 0, 0)])
    with rows.path.open("a") as stream:
        stream.write('{"identity": "b", "he')
    again, asked = Rows(rows.path, Said), []

    def measured(identity: str) -> Sequence[Said]:
        asked.append(identity)
        return [Said(identity, "two", 3, 0, 1, 0, 0, 0)]

    again.fill(["a", "b"], measured, lambda text: None)
    assert asked == ["b"]
    assert [(row.identity, row.heard) for row in Rows(rows.path, Said).every] == [("a", "one"), ("b", "two")]
    (tmp_path / "old.jsonl").write_text('{"identity": "a"}\n')
    with pytest.raises(VoxproofError, match="another version"):
        Rows(tmp_path / "old.jsonl", Said)


def test_the_page_says_what_the_rows_say(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.note(Facts("abcd1234", 30.0, (("ada", True, "f"),), 24, "voxproof bench clone"))
    with pytest.raises(VoxproofError, match="another folder"):
        Kept(tmp_path).note(replace(kept.facts, model="ffff0000"))
    with pytest.raises(VoxproofError, match="holds clips with the references' texts"):
        Kept(tmp_path).note(replace(kept.facts, with_text=False))
    kept.clips.add([clip("clone-000-x"), clip("plain-000-x"), clip("clone-001-x", refused="E: too quiet")])
    kept.clips.add([clip("noisy-000-x", snr_db=10), clip("clone-002-x", payload_carried=False)])
    kept.said.add([Said("clone-000-x", "", 50, 2, 10, 0, 0, 0), Said("clone-002-x", "", 50, 4, 10, 1, 1, 0)])
    kept.said.add([Said("plain-000-x", "", 50, 1, 10, 0, 0, 0), Said("plain-002-x", "", 50, 3, 10, 0, 0, 0)])
    kept.said.add([Said("noisy-000-x", "", 50, 20, 10, 3, 0, 0)])
    known = voiceprints()
    kept.prints.add(known)
    kept.prints.add([Print("clone-000-x", "v03", "f", "clip", known[9].vector)])
    kept.opinions.add([Opinion("clone-000-x", 3.0, float("nan")), Opinion("take/a", 3.5, float("nan"))])
    kept.verified.add(
        [marks.Verified(f"clone-000-x|{after}", True, True, True, "agrees", 9.0) for after in marks.AFTER]
    )
    kept.verified.add([marks.Verified("clone-002-x|none", True, False, False, "", 6.0)])
    kept.recoded.add([codes.Recoded("clone-000-x|none", "none", "clone", (1, 2, 4))])
    kept.recoded.add([codes.Recoded("clone-000-x|MP3 64k", "MP3 64k", "clone", (1, 2, 5))])
    kept.tested.add(
        [codes.Tested("0", "none", "clone", 3, True, -4.0), codes.Tested("1", "none", "clone", 3, True, -1.0)]
    )
    kept.costs.add([cost.Cost("lite", 10.0, 2.0, 5.0, 1.0, 800.0)])
    page = tables.page(Kept(tmp_path))
    by_name = {aim.what: aim for aim in aims.aims(kept)}
    assert by_name["letter errors, zero-shot"].figure.startswith("6.0 % [")
    assert by_name["letter errors, zero-shot"].holds
    assert by_name["words missing or repeated"].figure == "10.0 % [2.8, 30.1]"
    assert by_name["words missing or repeated"].holds is False
    assert by_name["nearest voice is the reference, zero-shot"].figure == "100.0 % [20.7, 100.0]"
    assert by_name["the same, after fine-tuning"].holds is None
    assert by_name["verifies with the right issuance"].holds is False
    assert by_name["verifies with the right issuance, after MP3 64k"].holds
    assert "| real-time factor, two cores | 0.20 | at most 0.3 |" in page
    assert "| weights that ship | 30.0 MB ✗ | at most 28 MB |" in page
    assert "costs +2.00 ± 0.00 points" in page
    assert "1 of 5 clips (1 of E: too quiet)" in page
    assert "| 10 dB | 1 | 40.0 % | nan | 0 |" in page
    assert "| MP3 64k | 66.7 ± 0.0 % (n 1) | – |" in page
    assert "| drawn, and heard in the clip | 66.7 ± 0.0 % (n 1) | – |" in page
    assert "| none | 50.0 % [9.5, 90.5] (-2.5; 2) | – | – | – |" in page
    assert "| recordings | 1 | 3.50 ± 0.00 | not measured: its package is not installed |" in page
    assert "carry presence only: 1." in page
    assert figures.letter_rate(figures.said_of(kept, "noisy")) == 0.4
    draw(kept, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5000


# --- a whole run -----------------------------------------------------------------------------------------------------


@pytest.fixture
def material_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two voices of two recordings each; a marker and voiceprints that are quick, and few tokens."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with_toy_marker(monkeypatch)
    monkeypatch.setattr(Cloner, "settings", lambda self, **given: quick(**given))
    monkeypatch.setattr(run, "FEWER", 1)
    monkeypatch.setattr("forensics.benches.clone.clips.LEVELS_DB", (10,))
    monkeypatch.setattr("forensics.benches.clone.material.SHORTEST_S", 3.0)
    monkeypatch.setattr("forensics.benches.clone.codes.AFTER", ("none", "G.711 µ-law"))
    lines = ["path,speaker,seconds,transcript,sex"]
    for name, hertz in (("ada", 300), ("bea", 2500)):
        for n in range(2):
            recorded(tmp_path / f"{name}{n}.wav", hertz, seconds=3.1, seed=n)
            lines.append(f"{name}{n}.wav,{name},3.1,{'' if n else 'hello there'},f")
    (tmp_path / "index.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_a_run_measures_everything_once(material_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    able = cloner(content=content())

    def hear(samples: Any) -> str:
        heard.append(len(samples))
        return "The kettle began to whistle."

    given = run.Tools(
        lambda name: able,
        lambda: hear,
        lambda: lambda samples: np.abs(np.fft.rfft(samples[:800]))[:8].astype(np.float64),
        lambda: lambda identity, samples: Opinion(identity, 3.0, 2.0),
        lambda folder: making.Door(folder, Tones()),
    )
    monkeypatch.setattr(loading, "weights_mb", lambda model: 20.0)
    folder = material_folder
    wanted = tuple(part for part in run.PARTS if part not in ("marks", "cost"))
    settings = run.Settings(folder / "cache", (folder,), speakers=("ada",), number=1, parts=wanted)
    bench = run.Bench(settings, given)
    bench.measure("command")
    kept = Kept(folder / "cache")
    ways = [one.way for one in kept.clips.every]
    assert sorted(ways) == ["ceiling", "clone", "noisy", "plain"]
    assert {one.refused for one in kept.clips.every} == {""}
    assert len({one.issuance_id for one in kept.clips.every}) == 4
    assert all((folder / "cache" / "clips" / one.file).is_file() for one in kept.clips.every)
    clone, plain = (next(one for one in kept.clips.every if one.way == way) for way in ("clone", "plain"))
    assert clone.text == plain.text == sentences(None, 1)[0]
    assert len(clone.codes[0]) == pytest.approx(6.5, abs=1.5)
    assert len(heard) == len(kept.said) == 5  # four clips, and the recording whose words are known
    assert len(kept.prints) == 7
    assert {row.change for row in kept.recoded.every if row.source == "clone"} == set(codes.changes_of("clone"))
    assert len([row for row in kept.recoded.every if row.source == "human"]) == 2
    again = run.Bench(settings, given)
    again.measure("command")
    assert len(heard) == 5
    assert len((folder / "cache" / "clips.jsonl").read_text().splitlines()) == 4
    assert "| zero-shot clones | 1 |" in tables.page(kept)


def test_cost_counts_what_was_spoken(
    material_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = making.Door
    monkeypatch.setattr(making, "Door", lambda folder: real(folder, Tones()))
    monkeypatch.setattr(loading, "load", lambda model, hubert: cloner(content=content()))
    monkeypatch.setattr(torch, "set_num_threads", lambda number: None)
    cost.main("tiny", "", str(material_folder / "ada0.wav"), "hello there", json.dumps(["hello there", "good day"]))
    found = cost.Cost(**json.loads(capsys.readouterr().out))
    assert 0.4 < found.seconds < 0.8
    assert 0 < found.busy_s <= found.wall_s
    assert found.peak_mb > 50


def test_what_is_let_out_verifies_with_its_issuance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    door, folder = making.Door(tmp_path / "door"), tmp_path / "clips"
    folder.mkdir()
    issuer, sound = door.issuer(VOICE), read(VOICE, 16_000).mono
    request = issuer.request("what she reads", ["en"], [Heard(sound, 16_000)], {"sovits": "ab" * 32})
    made = clip("clone-000-x")
    emitted = emit(sound, 16_000, request, issuer.key, issuer.register, out=folder / made.file)
    made = replace(made, issuance_id=emitted.issuance.issuance_id)
    for after in marks.AFTER:
        found = marks.verified(made, after, door, folder)
        assert (found.identity, found.right, found.same_sound) == (f"clone-000-x|{after}", True, "agrees")
    other = marks.verified(replace(made, issuance_id="00000000"), "none", door, folder)
    assert (other.found, other.authenticated, other.right) == (True, True, False)


def test_the_command_writes_the_page_of_what_is_there(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from forensics.cli.bench_clone import clone

    cache = tmp_path / "cache"
    Kept(cache).note(Facts("abcd1234", 20.0, (("ada", True, "f"),), 24, "voxproof bench clone"))
    Kept(cache).said.add([Said("clone-000-x", "", 50, 2, 10, 0, 0, 0)])
    asked = ["--cache", str(cache), "--tables-only", "--out", str(tmp_path / "out")]
    shown = CliRunner().invoke(clone, asked, catch_exceptions=False, standalone_mode=False)
    page = (tmp_path / "out" / "clone.md").read_text()
    assert shown.output == page + "\n"
    assert "| letter errors, zero-shot | 4.0 % [4.0, 4.0] | at most 10 % (reach for 5 %) |" in page
    assert "| verifies with the right issuance | – (not measured) | every clip |" in page
    for wrong, why in ((["--tables-only", "--cache", str(tmp_path / "none")], "no measured rows"), ([], "no voice")):
        with pytest.raises(VoxproofError, match=why):
            CliRunner().invoke(clone, wrong, catch_exceptions=False, standalone_mode=False)


def test_whisper_names_what_it_lacks(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from forensics.benches.clone.hearing import Whisper

    with pytest.raises(VoxproofError, match=r"holds no model\.safetensors"):
        Whisper(tmp_path)
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "model.safetensors").write_bytes(b"")
    with pytest.raises(VoxproofError, match=r"holds no tokenizer\.json"):
        Whisper(tmp_path / "hf")


def test_the_peak_is_of_the_process_itself_and_not_of_who_started_it() -> None:
    ours = np.ones(40_000_000)  # 320 MB that a child must not be blamed for
    program = "from forensics.benches.clone.cost import peak_mb; print(peak_mb())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert cost.peak_mb() > ours.nbytes / 1e6
    assert float(done.stdout) < 300
