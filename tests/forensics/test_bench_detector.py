"""The bench of the detectors: as `verify` answers, resumable, figures by hand, baselines, and the command itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click.testing
import numpy as np
import pytest
from matplotlib.figure import Figure as Canvas
from sklearn.tree import DecisionTreeClassifier

from detectors.fusion import load_fusion
from forensics.battery import load_battery
from forensics.benches.detector import run
from forensics.benches.detector.baselines import NAMES, baselines
from forensics.benches.detector.bench import Bench, Wanted
from forensics.benches.detector.clips import Clip
from forensics.benches.detector.conditions import channel_of, conditions, tried
from forensics.benches.detector.results import results
from forensics.benches.detector.run import VERDICT, Answer, Lines, Scored, Settings, measure
from forensics.cli.main import voxproof
from forensics.examine import examine
from synth.channels import Chain, Opus, Room
from synth.errors import VoxproofError

DATA = Path(__file__).parents[1] / "data"
CLIPS = [
    Clip("hibari.wav", DATA / "hibari.wav", "machine", "hibari", kind="tts"),
    Clip("001.wav", DATA / "001.wav", "human", speaker="austen", kind="human"),
]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Answers without the networks, and how long what was listened to lasted."""
    heard: list[float] = []

    def answers(self: Lines, exhibit: Any) -> run.Said:
        heard.append(round(exhibit.seconds, 2))
        loud = float(np.sqrt(np.mean(run.beginning(exhibit) ** 2)))
        return {VERDICT: Answer("neither", loud, loud), "detector.speech": Answer("neither", -loud, -loud)}, ""

    monkeypatch.setattr(Lines, "answers", answers)
    return heard


@pytest.fixture
def small_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Learnt in no time."""
    monkeypatch.setattr(
        "forensics.benches.detector.baselines.tree", lambda clips: DecisionTreeClassifier(max_depth=2, random_state=1)
    )


@pytest.fixture
def no_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are drawn into the void; tests/detectors/test_curves.py looks at them."""

    @contextmanager
    def drawn(path: Path, *size: float) -> Iterator[Any]:
        yield Canvas().subplots()
        path.touch()

    monkeypatch.setattr("detectors.plots._drawn", drawn)


def scored(rows: Sequence[run.Measured]) -> list[tuple[str, str]]:
    return [(row.name, row.condition) for made, _ in rows for row in made]


def test_the_answers_are_those_of_verify(tmp_path: Path) -> None:
    """Verdict, lines and reasons as `examine` has them; scores before bounds order as those after."""
    rows = [row for made, _ in measure(CLIPS, Settings(), tmp_path / "rows.jsonl") for row in made]
    fusion = load_fusion()
    battery = [method for method in load_battery(sorted(fusion.lines)) if method.id in fusion.lines]
    for clip, row in zip(CLIPS, rows, strict=True):
        examination = examine(clip.path, battery, fusion)
        if examination.verdict.log10_lr is None:
            assert (row.name, row.answers) == ("001.wav", {})
            assert row.reason == examination.findings[0].reasons[0]
            continue
        said = row.answers[VERDICT]
        assert said.log10_lr == pytest.approx(examination.verdict.log10_lr, abs=1e-9)
        word = {"supports_machine": "machine", "supports_human": "human"}.get(examination.verdict.outcome, "neither")
        assert said.outcome == word
        assert {name for name in row.answers if name != VERDICT} == {f.method for f in examination.findings}
        for finding in examination.findings:
            assert row.answers[finding.method].log10_lr == finding.log10_lr
            low, high = finding.log10_lr_bounds or (0.0, 0.0)
            assert low <= np.clip(row.answers[finding.method].score, low, high) <= high
        unbounded = [row.answers[name].score for name in sorted(fusion.lines)]
        assert said.score == pytest.approx(fusion.unbounded(dict(zip(sorted(fusion.lines), unbounded, strict=True))))


def test_a_run_goes_on_where_it_was(tmp_path: Path, lines: list[float]) -> None:
    """Only what is missing is scored: a condition more, a torn line, a file that changed."""
    kept = tmp_path / "rows.jsonl"
    first = list(measure(CLIPS, Settings(), kept))
    assert len(lines) == 2
    assert list(measure(CLIPS, Settings(), kept)) == first
    assert len(lines) == 2
    more = list(measure(CLIPS, Settings(with_neutral=True), kept))
    assert scored(more) == [(clip.name, name) for clip in CLIPS for name in ("original", "neutral")]
    assert len(lines) == 4
    assert lines[2] <= 5.0
    text = kept.read_text("utf-8")
    kept.write_text(text[:-40], "utf-8")
    assert list(measure(CLIPS, Settings(with_neutral=True), kept)) == more
    assert len(lines) == 5
    assert [bool(json.loads(line)) for line in kept.read_text("utf-8").splitlines() if line.endswith("}")] == [True] * 4
    list(measure(CLIPS, Settings(with_neutral=True, seed=2), kept))
    assert len(lines) == 7  # the originals have no seed


def test_what_cannot_be_read_is_a_fault_and_no_end(tmp_path: Path, lines: list[float]) -> None:
    (tmp_path / "torn.wav").write_bytes(b"RIFF" + bytes(40))
    torn = Clip("torn.wav", tmp_path / "torn.wav", "human")
    (rows, fault), (others, none) = measure([torn, CLIPS[0]], Settings(), tmp_path / "rows.jsonl")
    assert rows == []
    assert fault is not None
    assert fault.name == "torn.wav"
    assert fault.reason.startswith("cannot be read: ")
    assert (len(others), none) == (1, None)


def test_channels_by_name() -> None:
    assert channel_of("opus:bit_rate=12000") == Opus(12_000)
    assert channel_of("room:t60_s=0.5,direct_db=3.0+opus") == Chain((Room(0.5, 3.0), Opus()))
    assert isinstance(channel_of("voice note"), Chain)
    sound = np.random.default_rng(1).standard_normal(3 * 16_000).astype(np.float32) * 0.1
    made = conditions(True, ["quantise"], 1)
    assert list(made) == ["original", "neutral", "quantise, neutral"]
    through = made["quantise, neutral"]
    assert through is not None
    assert through(sound, "a").shape == made["neutral"](sound, "a").shape  # type: ignore[misc]
    assert not np.array_equal(through(sound, "a"), through(sound, "b")[: through(sound, "a").size])
    with pytest.raises(VoxproofError, match=r"no channel is called 'opsu'.*Known are: .*opus.*voice note"):
        channel_of("opsu")
    with pytest.raises(VoxproofError, match=r"'rate=1' in 'opus:rate=1' is no setting of opus. It takes: .*bit_rate"):
        channel_of("opus:rate=1")
    with pytest.raises(VoxproofError, match="the channel opus:bit_rate=fast does not work"):
        tried("opus:bit_rate=fast")


def made(values: dict[str, tuple[float, str]], seconds: float = 3.0) -> dict[str, list[Scored]]:
    """Rows of the original: name -> (log10 LR, word)."""
    rows = []
    for name, (value, word) in values.items():
        answers = {VERDICT: Answer(word, min(value, 1.0), value)} if word else {}
        reason = "" if word else "1.40 s of speech were found; the method needs 1.5 s."
        rows.append(Scored(name, name, "original", seconds, answers, (float(len(name)),), reason))
    return {"original": rows}


def test_figures_by_hand() -> None:
    """Four machine and four human clips with the scores of tests/detectors/test_metrics.py, and one untested."""
    said = {
        "m1": (2.0, "machine"), "m2": (1.0, "machine"), "m3": (0.5, "neither"), "m4": (-1.0, "human"),
        "h1": (-2.0, "human"), "h2": (-1.5, "human"), "h3": (-0.5, "neither"), "h4": (0.7, "machine"), "h5": (0.0, ""),
    }  # fmt: skip
    clips = {
        name: Clip(
            name, Path(name), "machine" if "m" in name else "human", "AB"[int(name[1]) % 2] if "m" in name else "",
            f"page{int(name[1]) % 2}", sex="fm"[int(name[1]) % 2], language="en",
        )
        for name in said
    }  # fmt: skip
    source = {name: clip.source for name, clip in clips.items()}
    others = {"theirs": {name: -value for name, (value, _) in said.items() if name != "m4"}}
    found = results(made(said), clips, source, others, load_fusion(), 1, with_baselines=False)
    (pooled,) = found.figures[VERDICT]
    assert (pooled.human, pooled.machine, pooled.human_sources, pooled.generators) == (4, 4, 2, 2)
    assert (pooled.eer, pooled.auc) == (0.25, 0.8125)
    assert (pooled.false_positive_rate, pooled.true_positive_rate, pooled.false_human_rate) == (0.25, 0.5, 0.25)
    assert pooled.inconclusive_rate == 0.25
    (untested,) = found.untested
    assert (untested.human, untested.machine) == (1, 0)
    assert untested.reasons == (("… s of speech were found; the method needs 1.5 s.", 1),)
    groups = found.groups["original"]
    assert set(groups) == {"page", "generator", "sex"}
    generators = {f.condition: f for f in groups["generator"]}
    assert {name: (f.machine, f.human) for name, f in generators.items()} == {"A": (2, 4), "B": (2, 4)}
    assert generators["B"].auc == 0.875  # m1 wins 4 pairs, m3 three
    assert {f.condition: (f.machine, f.human, f.auc) for f in groups["sex"]}["m"] == (2, 2, 1.0)
    theirs = {one.system: one for one in found.compared}
    assert (theirs["theirs"].machine, theirs[VERDICT].machine) == (3, 3)  # the clips that both scored
    assert theirs["theirs"].note == "has no score for 1 of 8 clips"
    assert theirs[VERDICT].auc == pytest.approx(11 / 12)
    assert theirs["theirs"].auc == pytest.approx(1 / 12)
    assert theirs[VERDICT].hits == pytest.approx(2 / 3)
    (spread,) = found.spreads
    assert (spread.human_sources, spread.machine_sources) == (2, 2)
    assert spread.auc[0] <= 0.8125 <= spread.auc[1]
    assert {share: risk for share, risk in found.covered[0].risk.items() if share == 1.0} == {1.0: 0.25}


def test_one_source_has_no_interval_and_one_class_no_eer() -> None:
    said = {"h1": (-2.0, "human"), "h2": (0.7, "machine"), "h3": (0.2, "neither")}
    clips = {name: Clip(name, Path(name), "human", source="page") for name in said}
    found = results(made(said), clips, dict.fromkeys(said, "page"), {}, load_fusion(), 1, with_baselines=False)
    (pooled,) = found.figures[VERDICT]
    assert np.isnan(pooled.eer)
    assert pooled.false_positive_rate == pytest.approx(1 / 3, abs=1e-4)
    assert np.isnan(found.spreads[0].auc[0])
    assert found.covered == []


def test_baselines_learn_across_sources(small_tree: None) -> None:
    """A habit that all machine pages share is found; a page's own is not; one page on a side is too few."""
    rng = np.random.default_rng(4)
    machine = np.arange(160) % 2 == 0
    source = [f"page{number // 16}" for number in range(160)]
    habit = np.stack([machine + 0.2 * rng.standard_normal(160), rng.standard_normal(160)], 1)
    trivial, duration = baselines(habit, rng.uniform(1, 9, 160), machine, source, 1)
    assert (trivial.name, duration.name) == NAMES
    assert trivial.scores[machine].mean() > 0.8 > 0.2 > trivial.scores[~machine].mean()
    assert abs(duration.scores[machine].mean() - duration.scores[~machine].mean()) < 0.15
    assert trivial.note == "5 folds of whole sources (10 sources of human and 10 of machine clips)"
    alone, _ = baselines(habit, habit[:, 0], machine, ["m" if one else "h" for one in machine], 1)
    assert alone.scores.size == 0
    assert alone.note == "too few groups to leave one out: 1 sources of human and 1 of machine clips"
    few, _ = baselines(habit, habit[:, 0], machine, [f"{number // 54}" for number in range(160)], 1)
    assert "fewer than 5 groups in a class: the figure says little" in few.note


def listed(folder: Path) -> Path:
    """Six clips of the tests' own, one that is not there, one set aside."""
    rows = ["path,label,generator,speaker,kind"]
    rows += [f"{DATA / name},human,,{name},human" for name in ("001.wav", "002.wav", "vm-intro.wav")]
    rows += [f"{DATA / name},machine,{name},,tts" for name in ("hibari.wav", "espeak.wav", "flite-slt.wav")]
    rows += ["gone.wav,human,,x,human", f"{DATA / '003.wav'},human,,y,watermark"]
    (folder / "index.csv").write_text("\n".join(rows), "utf-8")
    (folder / "theirs.csv").write_text("path,other\nhibari.wav,3\nespeak,2\n001,-1\n002,-2\nvm-intro,0\n", "utf-8")
    return folder


def command(*words: str) -> click.testing.Result:
    return click.testing.CliRunner().invoke(
        voxproof, ["bench", "detector", *words], standalone_mode=False, catch_exceptions=False
    )


def test_the_command(tmp_path: Path, lines: list[float], small_tree: None, no_pixels: None) -> None:
    folder, out = listed(tmp_path), tmp_path / "out"
    done = command(
        str(folder), "--neutral", "--scores", str(folder / "theirs.csv"), "--cache", str(tmp_path / "kept"),
        "--out", str(out), "--json",
    )  # fmt: skip
    assert done.return_value == 0
    told = json.loads(done.stdout)
    assert told["schema"] == "voxproof.bench-detector/1"
    assert told["clips"] == {"human": 3, "machine": 3}
    assert told["aside"] == {"watermark": 1}
    assert told["faults"] == [{"name": "gone.wav", "reason": "is not there"}]
    systems = {(one["system"], one["condition"]): one for one in told["systems"]}
    assert systems["other", "original"]["auc"] == 1.0
    assert (systems["other", "original"]["machine"], systems[VERDICT, "original"]["machine"]) == (2, 2)
    assert systems[VERDICT, "neutral"]["machine"] + systems[VERDICT, "neutral"]["human"] >= 5
    assert (NAMES[0], "neutral") in systems
    assert [one["condition"] for one in told["figures"]["detector.speech"]] == ["original", "neutral"]
    text = (out / "bench-detector.md").read_text("utf-8")
    assert "**1 rows could not be used:** gone.wav is not there." in text
    assert "1 watermark (marked speech)" in text
    names = {path.name for path in out.iterdir()}
    assert {f"bench-detector-{kind}.png" for kind in ("det", "tippett", "ece", "reliability", "risk")} <= names
    assert all(f"({name})" in text for name in names if name.endswith(".png"))
    rows = (out / "bench-detector-scores.csv").read_text("utf-8").splitlines()
    assert len(rows) == 1 + 2 * len(lines)


def test_the_command_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forensics.cli.bench_detector.find_spec", lambda name: None)
    with pytest.raises(VoxproofError, match=r"need scikit-learn, which is not installed. pip install"):
        command(str(listed(tmp_path)))
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(VoxproofError, match="need scikit-learn"):
        baselines(np.zeros((8, 1)), np.zeros(8), np.arange(8) < 4, [str(n % 4) for n in range(8)], 1)


def test_sources_that_were_learnt_from_are_told(tmp_path: Path, lines: list[float]) -> None:
    rows = ["path,label,page", f"{DATA / '001.wav'},human,autovc", f"{DATA / 'hibari.wav'},machine,librispeech_tc100"]
    (tmp_path / "index.csv").write_text("\n".join(rows), "utf-8")
    told = Bench.run(Wanted(tmp_path, tmp_path / "kept", "", with_baselines=False)).told
    (note,) = told.notes
    assert note.startswith("**1 of the 2 pages or sources have the name of one that the shipped weights learnt from")
    assert note.endswith("librispeech_tc100")


def test_nothing_that_could_be_tested_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lines, "answers", lambda self, exhibit: ({}, "Too little speech."))
    with pytest.raises(VoxproofError, match=r"none of the clips could be tested \(Too little speech\)"):
        Bench.run(Wanted(listed(tmp_path), tmp_path / "kept", "", with_baselines=False))
