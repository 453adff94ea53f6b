"""`voxproof attribute`: a constructed generator is enrolled and found again, another is not; too little is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from forensics.cli.main import voxproof

ROOT = Path(__file__).parents[3]
RATE = 16_000


def buzz(path: Path, seed: int) -> Path:
    """A generator that nobody has: syllables of pulses with a comb of its own, at a pitch of the seed's."""
    rng = np.random.default_rng(seed)
    pitch = rng.uniform(90, 160)
    time = np.arange(5 * RATE) / RATE
    pulses = np.zeros_like(time)
    pulses[np.round(np.arange(0, len(time) - 1, RATE / pitch)).astype(int)] = 1.0
    sound = np.convolve(pulses, np.exp(-np.arange(80) / 3) * np.cos(np.arange(80) * 1.9))[: len(time)]
    sound += 0.6 * np.roll(sound, 13)
    sound *= np.clip(np.sin(2 * np.pi * rng.uniform(1.5, 2.0) * time) + 0.2, 0, 1)
    sound += 1e-4 * rng.standard_normal(len(sound))
    soundfile.write(path, 0.3 * sound / np.abs(sound).max(), RATE)
    return path


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(voxproof, ["attribute", *map(str, arguments)], standalone_mode=False)
    code = result.return_value if isinstance(result.return_value, int) else result.exit_code
    return code, result.output + (str(result.exception) if result.exception else "")


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bank")
    clips = [buzz(folder / f"{seed}.wav", seed) for seed in range(10)]
    code, said = run("enrol", "Buzz 1", *clips, "--bank", folder / "mine.yaml", "--family", "formant", "--json")
    assert code == 0, said
    row = json.loads(said)
    assert (row["name"], row["clips"], row["family"]) == ("Buzz 1", 10, "formant")
    assert row["seconds"] == pytest.approx(30, abs=6)
    assert row["left_out_found"] == row["left_out"] == 10
    assert row["left_out_named"] >= 7
    assert not any("Is every clip" in reason for reason in row["reasons"])
    return folder / "mine.yaml"


def test_an_enrolled_generator_is_found_and_another_is_not(bank: Path, tmp_path: Path) -> None:
    new = buzz(tmp_path / "new.wav", 77)
    code, said = run(new, ROOT / "examples/machine.wav", "--bank", bank, "--json")
    mine, other = (json.loads(line) for line in said.splitlines())
    assert (mine["outcome"], mine["best"]) == ("attributed", "Buzz 1")
    assert max(mine["log10_lr"], key=mine["log10_lr"].__getitem__) == "Buzz 1"
    assert list(mine["log10_lr_bounds"]) == list(mine["log10_lr"])
    assert all(low <= other["log10_lr"][name] <= high for name, (low, high) in other["log10_lr_bounds"].items())
    assert other["outcome"] != "attributed"
    assert code in (0, 20)
    without = json.loads(run(new, "--json")[1])
    assert without["outcome"] != "attributed"
    assert len(without["sha256"]) == 64


def test_what_is_said_in_words(bank: Path, tmp_path: Path) -> None:
    code, said = run(buzz(tmp_path / "new.wav", 78), "--bank", bank)
    assert code == 0
    assert "attributed: Buzz 1" in said
    assert "you enrolled it" in said
    assert "taken as given" in said


def test_the_list_says_whose_each_is(bank: Path) -> None:
    rows = [json.loads(line) for line in run("list", "--bank", bank, "--json")[1].splitlines()]
    assert [one["name"] for one in rows if one["own"]] == ["Buzz 1"]
    assert len(rows) > 50
    assert all("embedding" not in one for one in rows)
    assert "Buzz 1" not in run("list")[1]


def test_a_second_generator_is_added_and_the_same_name_replaced(bank: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.yaml"
    path.write_bytes(bank.read_bytes())
    clips = [buzz(tmp_path / f"{seed}.wav", seed) for seed in range(20, 23)]
    for name in ("Buzz 2", "Buzz 1"):
        code, said = run("enrol", name, *clips, "--bank", path)
        assert code == 0, said
        assert "small enrolment" in said
    own = [json.loads(line) for line in run("list", "--bank", path, "--json")[1].splitlines()]
    assert [(one["name"], one["clips"]) for one in own if one["own"]] == [("Buzz 1", 3), ("Buzz 2", 3)]


def test_too_few_the_same_and_silent_clips_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    clips = [buzz(tmp_path / f"{seed}.wav", seed) for seed in range(2)]
    soundfile.write(tmp_path / "silent.wav", np.zeros(3 * RATE), RATE)
    for given, said in (
        (clips, "too few"),
        ([*clips, clips[0]], "given twice"),
        ([*clips, tmp_path / "silent.wav"], "speech"),
        ([*clips, tmp_path / "none.wav"], "none.wav"),
        ([*clips, ROOT / "examples/telephone.wav"], "The spectrum ends at"),
    ):
        code, output = run("enrol", "X", *given, "--bank", tmp_path / "mine.yaml")
        assert code != 0
        assert said in output
        assert ".." not in output
    assert not (tmp_path / "mine.yaml").exists()
    assert run("enrol", "X", *clips)[0] != 0


@pytest.mark.parametrize("name", ["", "two\nlines", "x" * 101])
def test_a_name_that_cannot_be_reported_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    clips = [buzz(tmp_path / f"{seed}.wav", seed) for seed in range(3)]
    code, said = run("enrol", name, *clips, "--bank", tmp_path / "mine.yaml")
    assert code == 2
    assert "that cannot be enrolled (name: " in said
    assert not (tmp_path / "mine.yaml").exists()


def test_odd_signs_in_a_name_are_kept(tmp_path: Path) -> None:
    clips = [buzz(tmp_path / f"{seed}.wav", seed) for seed in range(3)]
    name = '../é <b>"q" #: {x}'
    code, said = run("enrol", name, *clips, "--bank", tmp_path / "mine.yaml", "--json")
    assert (code, json.loads(said)["name"]) == (0, name)
    rows = [json.loads(line) for line in run("list", "--bank", tmp_path / "mine.yaml", "--json")[1].splitlines()]
    assert [one["name"] for one in rows if one["own"]] == [name]


def test_where_a_bank_cannot_be_written_it_is_said(tmp_path: Path) -> None:
    clips = [buzz(tmp_path / f"{seed}.wav", seed) for seed in range(3)]
    code, said = run("enrol", "X", *clips, "--bank", tmp_path / "none" / "mine.yaml")
    assert code == 2
    assert "could not be written" in said


def test_clips_that_are_hardly_alike_are_noticed(tmp_path: Path) -> None:
    clips = [buzz(tmp_path / "0.wav", 0), ROOT / "examples/machine.wav", ROOT / "examples/human.wav"]
    code, said = run("enrol", "Mixed", *clips, "--bank", tmp_path / "mine.yaml")
    assert code == 0
    assert "Is every clip of this one generator?" in said


def test_a_file_that_is_no_sound_could_not_be_tested(tmp_path: Path) -> None:
    path = tmp_path / "no.wav"
    path.write_bytes(b"no sound")
    code, said = run(path, "--json")
    assert code == 30
    row = json.loads(said)
    assert (row["outcome"], row["sha256"], row["log10_lr"]) == ("could_not_test", None, {})
    assert row["reasons"]


def test_a_bank_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("- 1\n")
    code, said = run(ROOT / "examples/machine.wav", "--bank", path)
    assert code != 0
    assert "not a valid bank" in said


def test_verify_asks_for_a_generator_only_where_a_machine_is_supported(bank: Path, tmp_path: Path) -> None:
    clips = [ROOT / "examples/machine.wav", ROOT / "examples/human.wav", buzz(tmp_path / "new.wav", 79)]
    arguments = ["verify", *map(str, clips), "--json", "--exit-zero", "--method", "detector", "--bank", str(bank)]
    result = CliRunner().invoke(voxproof, arguments, standalone_mode=False)
    rows = [json.loads(line) for line in result.output.splitlines()]
    assert len(rows) == 3
    for row in rows:
        asked = row["verdict"]["outcome"] == "supports_machine"
        assert (row["attribution"]["outcome"] != "could_not_test") == asked
        assert bool(row["attribution"]["log10_lr"]) == asked
        assert row["attribution"]["reasons"]
        names = [model["name"] for model in row["tool"]["models"]]
        assert names[-2:] == ["attribution.generators", "bank of the user's generators"]
    assert {row["verdict"]["outcome"] for row in rows} >= {"supports_machine"}
    assert len({row["tool"]["config_sha256"] for row in rows}) == 1
