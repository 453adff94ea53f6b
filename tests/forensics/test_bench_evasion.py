"""The bench of evasion: balls that hold, costs of known sounds, shares by hand, clips kept, and the command itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click.testing
import numpy as np
import pytest
import torch

from forensics.benches.detector.run import Answer, Lines
from forensics.benches.evasion import run
from forensics.benches.evasion.cost import Cost, distance, snr
from forensics.benches.evasion.figures import Effect, effects
from forensics.benches.evasion.gradient import BEYOND, VERDICT, Opponent, ascended
from forensics.benches.evasion.manipulations import NOTHING, Manipulation, Task, manipulations
from forensics.benches.evasion.material import RATE, hosts
from forensics.benches.evasion.run import CODES, Row, Wanted
from forensics.cli.main import voxproof
from synth.audio import read
from synth.errors import VoxproofError

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def machine() -> np.ndarray:
    return np.ascontiguousarray(read(DATA / "hibari.wav", RATE).mono[: 3 * RATE], np.float32)


@pytest.fixture(scope="module")
def opponent() -> Opponent:
    lines = Lines.shipped()
    return Opponent.of(lines.methods, lines.fusion)  # type: ignore[arg-type]


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    made = np.random.default_rng(seed).standard_normal(int(seconds * RATE))
    return (0.1 * made).astype(np.float32)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_of_a_linear_score_the_best_addition_lies_along_it(sign: float) -> None:
    along = torch.linspace(-1, 1, 400)
    added = ascended(np.zeros(400, np.float32), lambda x: x @ along, 0.25, sign, steps=8)
    assert np.linalg.norm(added) == pytest.approx(0.25, rel=1e-4)
    assert np.allclose(added, sign * 0.25 * (along / along.norm()).numpy(), atol=1e-4)


def test_a_score_that_only_falls_keeps_the_sound() -> None:
    added = ascended(np.zeros(100, np.float32), lambda x: -x.square().sum(1), 1.0, 1.0, steps=5)
    assert not added.any()


def test_an_attack_moves_the_shipped_line_inside_the_ball(opponent: Opponent, machine: np.ndarray) -> None:
    score = opponent.score("detector.spectral", 3.0)
    quiet = machine.copy()
    quiet[: RATE // 4] = 0.0
    changed = opponent.attacked(quiet, "detector.spectral", 30.0, "human", steps=6)
    before, after = (float(score(torch.from_numpy(one)[None])) for one in (quiet, changed))
    assert after < before - 3.0
    assert snr(quiet, changed) >= 29.9
    assert not changed[: RATE // 4 - 320].any()
    other = opponent.attacked(quiet, "detector.spectral", 30.0, "machine", steps=6)
    assert float(score(torch.from_numpy(other)[None])) > before


def test_on_the_verdict_a_line_past_its_bounds_says_no_more(opponent: Opponent, machine: np.ndarray) -> None:
    loud = torch.from_numpy(machine)[None]
    far = Opponent(
        {name: lambda x: 0 * x.sum(1) - 1000 for name in opponent.networks}, opponent.lines, opponent.weights
    )
    lows = {name: max(-line.card.calibration.cap, line.card.calibration.elub.lower) for name, line in far.lines.items()}
    floor = sum(far.weights[name] * (low - BEYOND) for name, low in lows.items())
    assert float(far.score(VERDICT, 3.0)(loud)) == pytest.approx(floor, abs=1e-4)


def test_more_than_a_window_is_refused(opponent: Opponent) -> None:
    with pytest.raises(ValueError, match="more than one window"):
        opponent.attacked(noise(6), VERDICT, 40.0)


def test_costs_of_known_changes() -> None:
    sound, other = noise(2), noise(2, 1)
    assert snr(sound, sound + 10 ** (-30 / 20) * other) == pytest.approx(30.0, abs=0.1)
    assert snr(sound, 0.5 * sound) == 120.0
    assert distance(sound, sound) == 0.0
    assert distance(sound, 0.5 * sound) == pytest.approx(0.0, abs=1e-4)
    spectrum = np.fft.rfft(sound)
    spectrum[spectrum.size // 2 :] *= 2
    shelf = np.fft.irfft(spectrum, sound.size).astype(np.float32)
    assert distance(sound, shelf) == pytest.approx(3.01, abs=0.2)  # 6 dB on half of the bins, the mean taken out


def test_rows_keep_length_and_level_and_follow_what_they_begin_with(machine: np.ndarray) -> None:
    names = [one.name for one in manipulations()]
    assert len(names) == len(set(names))
    assert names[0] == NOTHING
    strongest = "gradient on the verdict, 30 dB"
    assert names.index(strongest) < names.index(f"{strongest}, then Opus 24 kbit/s")
    task = Task(machine, "human", 1, None, 1, {strongest: machine})  # type: ignore[arg-type]
    chosen = [
        one for one in manipulations() if one.family == "laundering" or "Opus" in one.name or "Griffin" in one.name
    ]
    for one in chosen:
        made = one(task)
        assert made.shape == machine.shape
        assert np.isfinite(made).all()
        assert not np.array_equal(made, machine)
        if one.family == "re-synthesis":
            assert np.std(made) == pytest.approx(np.std(machine), rel=0.02)
            assert np.allclose(made * 32768, np.round(made * 32768))


def row(clip: str, group: str, name: str, said: str, lr: float, mark: bool = False, codes: str = "") -> Row:
    answers = {VERDICT: Answer(said, lr, lr)} if said else {}
    answers |= {CODES: Answer(codes, 0.0, 0.3)} if codes else {}
    family = "control" if name == NOTHING else "gradient"
    return Row(clip, group, "g", "s", name, family, Cost(40.0, 1.0, 4.0, 0.9, 0.0), answers, mark, mark)  # type: ignore[arg-type]


ROWS = [
    *(row(f"m{n}", "other generators", NOTHING, "machine", 1.0, True) for n in range(4)),
    row("m0", "other generators", "attack", "machine", 0.9, True),
    row("m1", "other generators", "attack", "human", -0.7),
    row("m2", "other generators", "attack", "neither", 0.1, True),
    row("m3", "other generators", "attack", "", 0.0),
    row("c0", "our own clones", NOTHING, "neither", 0.2, True, "machine"),
    row("c0", "our own clones", "attack", "human", -0.5, True, "neither"),
    row("p0", "people", NOTHING, "neither", 0.0),
    row("p1", "people", NOTHING, "machine", 1.0),
    row("p0", "people", "attack", "machine", 1.0),
    row("p1", "people", "attack", "machine", 1.0),
    row("p2", "people", NOTHING, "neither", 0.0),
    row("p2", "people", "attack", "", 0.0),
]


def of(found: list[Effect], group: str) -> Effect:
    return next(one for one in found if one.group == group and one.manipulation == "attack")


def test_shares_by_hand() -> None:
    found = effects(ROWS)
    others = of(found, "other generators")
    assert (others.lost.hits, others.lost.of) == (3, 4)
    assert (others.over.hits, others.over.of) == (1, 4)
    assert others.untested == 1
    assert (others.evidence_left.hits, others.evidence_left.of) == (2, 4)
    assert others.lrs[VERDICT] == pytest.approx((-0.3, 0.1, 0.5))
    assert others.lost.interval == pytest.approx((0.3006, 0.9544), abs=1e-3)
    ours = of(found, "our own clones")
    assert (ours.lost.of, ours.over.hits, ours.codes_called.hits, ours.codes_called.of) == (0, 1, 0, 1)
    people = of(found, "people")
    assert (people.lost.hits, people.lost.of) == (1, 2)  # what could not be tested is not called machine-made
    assert (people.over.hits, people.over.of, people.untested) == (1, 2, 1)


@pytest.fixture
def listing(tmp_path: Path) -> Path:
    path = tmp_path / "list.csv"
    rows = (
        ("hibari.wav", "machine", "hibari"),
        ("001.wav", "human", ""),
        ("sense_and_sensibility_01_austen_64kb-0870.wav", "human", ""),
    )
    path.write_text("path,label,generator\n" + "".join(f"{DATA / name},{label},{made}\n" for name, label, made in rows))
    return path


def test_clips_are_cut_and_machines_carry_the_mark(listing: Path) -> None:
    found = hosts(listing, None, {"other generators": 3, "people": 1}, 1, lambda host: True)
    groups = [host.group for host in found]
    assert groups.count("people") == 1
    assert all(4 * RATE <= host.samples.size <= 4.5 * RATE for host in found)
    with pytest.raises(VoxproofError, match="has no clip"):
        hosts(listing, None, {"people": 1}, 1, lambda host: False)


def test_a_clip_is_attacked_once(listing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def change(task: Task) -> np.ndarray:
        calls.append(task.aim)
        return task.samples * np.float32(0.5)

    some = (Manipulation(NOTHING, "control", lambda task: task.samples), Manipulation("halved", "laundering", change))
    monkeypatch.setattr(run, "manipulations", lambda: some)
    monkeypatch.setattr(Lines, "answers", lambda self, exhibit: ({VERDICT: Answer("neither", 0.1, 0.1)}, ""))
    wanted = Wanted(listing, tmp_path / "cache", None, {"people": 1})
    first, again = run.measure(wanted), run.measure(wanted)
    assert calls == ["machine"]
    assert [r.manipulation for r in first] == [NOTHING, "halved"]
    assert [r.answers for r in first] == [r.answers for r in again]
    assert first[1].cost.snr_db == again[1].cost.snr_db > 60
    assert not first[1].mark_found


def test_the_command_writes_the_page(listing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "measure", lambda wanted, progress: ROWS)
    arguments = ["bench", "evasion", str(listing), "--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]
    done = click.testing.CliRunner().invoke(voxproof, arguments)
    assert done.exit_code == 0, done.output
    text = (tmp_path / "out" / "evasion.md").read_text()
    assert "| attack | 4 | 40.0 | 1.0 | 4.00 | 0.90 | +0.10 [-0.30, +0.50] | 3 of 4 [30.1, 95.4 %] | 1 of 4" in text
    assert "Could not be tested afterwards, so neither called a machine's nor a person's: attack (1)." in text
    assert (tmp_path / "out" / "evasion.png").stat().st_size > 5000
    told: Any = json.loads(click.testing.CliRunner().invoke(voxproof, [*arguments, "--json"]).stdout)
    assert told["schema"] == "voxproof.bench-evasion/1"
    assert len(told["effects"]) == 6
