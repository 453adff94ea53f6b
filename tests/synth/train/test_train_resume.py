"""A training that is killed goes on to the same curve, bit for bit; a damaged state is named."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training is not tested: torch (extra `train`) is not installed")

from train_material import flow_recipe, made_data, s1_recipe, s2_recipe  # noqa: E402

from synth.errors import VoxproofError  # noqa: E402
from synth.train.log import LOG, read_log  # noqa: E402
from synth.train.run import Progress, RunConfig, train  # noqa: E402
from synth.train.s1 import S1Config  # noqa: E402
from synth.train.s2_flow import FlowConfig  # noqa: E402
from synth.train.shards import Prepared  # noqa: E402
from synth.train.state import STATE  # noqa: E402

CHILD = """
import os, signal, sys
import torch
torch.set_num_threads(1)
sys.path.insert(0, sys.argv[1])
from train_material import s1_recipe, s2_recipe
from synth.train.run import RunConfig, train
from synth.train.shards import Prepared

def killed(at):
    if at.step == 4:
        os.kill(os.getpid(), signal.SIGKILL)

make = {"s1": s1_recipe, "s2": s2_recipe}[sys.argv[2]]
config = RunConfig(epochs=2, batch=2, validation=0.2, save_every=3, most_steps=5)
train(make(Prepared(sys.argv[3])), sys.argv[4], config, progress=killed)
"""


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return made_data(tmp_path_factory.mktemp("prepared"))


def state(folder: Path) -> bytes:
    return (folder / STATE).read_bytes()


@pytest.mark.parametrize("kind", ["s1", "s2"])
def test_killed_and_resumed_is_the_uninterrupted_run(
    kind: str, data: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL after step 4, the last state being of step 3; dropout and noise on."""
    monkeypatch.setattr("synth.train.s2.CodesToSound.picture", lambda recipe, index: {})
    make = {"s1": s1_recipe, "s2": s2_recipe}[kind]
    config = RunConfig(epochs=2, batch=2, validation=0.2, save_every=3, most_steps=5)
    straight = train(make(data), tmp_path / "straight", config)
    arguments = [str(Path(__file__).parent), kind, str(data.folder), str(tmp_path / "killed")]
    child = subprocess.run([sys.executable, "-c", CHILD, *arguments], env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert child.returncode == -signal.SIGKILL
    assert [line["step"] for line in read_log(tmp_path / "killed")] == [1, 2, 3, 4]
    resumed = train(make(data), tmp_path / "killed", config)
    assert resumed.resumed_from == 3
    assert resumed.steps == straight.steps == 5
    assert (tmp_path / "killed" / LOG).read_text() == (tmp_path / "straight" / LOG).read_text()
    assert state(tmp_path / "killed") == state(tmp_path / "straight")
    assert resumed.validation == straight.validation


def test_resumed_across_epochs_with_accumulation_and_preference(
    data: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last of four steps of an epoch has fewer batches; stopping anywhere changes nothing."""
    monkeypatch.setattr("synth.train.batches.FEWEST", 30)
    settings = S1Config(rate=0.02, dpo=True)
    ends = []
    for folder, stops in (("whole", [8]), ("stopped", [1, 3, 4, 5, 8])):
        for stop in stops:
            config = RunConfig(epochs=2, batch=3, accumulation=3, validation=0.0, most_steps=stop)
            summary = train(s1_recipe(data, settings), tmp_path / folder, config)
        ends.append((state(tmp_path / folder), (tmp_path / folder / LOG).read_text(), summary.steps))
    assert ends[0] == ends[1]
    assert [line["epoch"] for line in read_log(tmp_path / "whole")] == [1] * 4 + [2] * 4


class StoppedError(Exception):
    """As a kill: nothing is saved."""


def test_low_rank_changes_go_on_to_the_same_curve(
    data: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after step 3, the last state being of step 2; the voice's dropout on, half steps among the steps."""
    monkeypatch.setattr("synth.train.s2_flow.CodesToMel.picture", lambda recipe, index: {})
    config = RunConfig(epochs=1, batch=1, accumulation=2, validation=0.0, save_every=2, most_steps=4)

    def stop(at: Progress) -> None:
        if at.step == 3:
            raise StoppedError

    settings = FlowConfig(rate=2e-3, rank=4)
    train(flow_recipe(data, settings), tmp_path / "straight", config)
    with pytest.raises(StoppedError):
        train(flow_recipe(data, settings), tmp_path / "stopped", config, progress=stop)
    assert train(flow_recipe(data, settings), tmp_path / "stopped", config).resumed_from == 2
    logs = [read_log(tmp_path / folder) for folder in ("straight", "stopped")]
    assert {name for line in logs[0] for name in line} >= {"flow", "shortcut"}
    assert logs[0] == logs[1]
    assert state(tmp_path / "straight") == state(tmp_path / "stopped")


def test_a_finished_training_does_nothing_more_and_a_longer_one_goes_on(data: Prepared, tmp_path: Path) -> None:
    for epochs, steps in ((1, 10), (1, 10), (2, 20)):
        summary = train(s1_recipe(data), tmp_path, RunConfig(epochs=epochs, batch=10, validation=0.0))
        assert summary.steps == steps
    assert summary.resumed_from == 10


def test_a_damaged_state_is_named(data: Prepared, tmp_path: Path) -> None:
    config = RunConfig(epochs=1, batch=10, validation=0.0, most_steps=2)
    train(s1_recipe(data), tmp_path, config)
    whole = state(tmp_path)
    flipped = bytearray(whole)
    flipped[-5000] ^= 1
    for damaged in (whole[:-1000], bytes(flipped), b"nothing of the kind", b""):
        (tmp_path / STATE).write_bytes(damaged)
        with pytest.raises(VoxproofError, match="damaged") as caught:
            train(s1_recipe(data), tmp_path, config)
        assert caught.value.path == str(tmp_path / STATE)
        assert "Delete the file" in caught.value.cure
    again = train(s1_recipe(data), tmp_path, config, resume=False)
    assert again.resumed_from == 0
    assert state(tmp_path) == whole


def test_other_settings_are_not_mixed(data: Prepared, tmp_path: Path) -> None:
    train(s1_recipe(data), tmp_path, RunConfig(epochs=1, batch=10, validation=0.0, most_steps=1))
    with pytest.raises(VoxproofError, match="batch was 10 and is now 5"):
        train(s1_recipe(data), tmp_path, RunConfig(epochs=1, batch=5, validation=0.0, most_steps=2))
    with pytest.raises(VoxproofError, match=r"rate was 0\.02"):
        train(s1_recipe(data, S1Config()), tmp_path, RunConfig(epochs=1, batch=10, validation=0.0, most_steps=2))


def test_a_line_cut_short_by_a_kill_is_left_out(tmp_path: Path) -> None:
    (tmp_path / LOG).write_text('{"kind": "train", "step": 1, "epoch": 1, "loss": 2.0}\n{"kind": "train", "st')
    assert [line["step"] for line in read_log(tmp_path)] == [1]


TEAM = """
import os, sys
import torch
torch.set_num_threads(1)
sys.path.insert(0, sys.argv[1])
from train_material import s1_recipe
from synth.train.distributed import team
from synth.train.run import RunConfig, train
from synth.train.shards import Prepared

with team("cpu") as own:
    recipe = s1_recipe(Prepared(sys.argv[2]), dropout=0.0, team=own)
    train(recipe, sys.argv[3], RunConfig(epochs=1, batch=5, validation=0.0, most_steps=3))
"""


def test_two_processes_are_two_accumulated_batches(data: Prepared, tmp_path: Path) -> None:
    """Through torchrun and gloo: the same weights as one process that takes two batches a step."""
    script = tmp_path / "team.py"
    script.write_text(TEAM)
    alone = ["--standalone", "--local-addr", "127.0.0.1", "--nproc-per-node", "2"]
    command = [sys.executable, "-m", "torch.distributed.run", *alone, str(script)]
    arguments = [str(Path(__file__).parent), str(data.folder), str(tmp_path / "two")]
    loopback = {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}  # no name of this machine has to be known
    subprocess.run([*command, *arguments], check=True, env=os.environ | loopback, capture_output=True, timeout=600)
    config = RunConfig(epochs=1, batch=5, accumulation=2, validation=0.0, most_steps=3)
    one = s1_recipe(data, dropout=0.0)
    summary = train(one, tmp_path / "one", config)
    logs = [[line["loss"] for line in read_log(tmp_path / folder)] for folder in ("one", "two")]
    assert summary.steps == len(logs[1]) == 3
    from safetensors.torch import load_file

    both = [load_file(tmp_path / folder / STATE) for folder in ("one", "two")]
    names = [name for name in both[0] if name.startswith("network/")]
    assert max(float((both[0][name] - both[1][name]).abs().max()) for name in names) < 2e-6
    assert json.loads((tmp_path / "two" / LOG).read_text().splitlines()[0])["step"] == 1
