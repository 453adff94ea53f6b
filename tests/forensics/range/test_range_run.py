"""A run of the range: planned from a seed, marked three ways, resumed where it broke off, and checked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from range_material import folders, material

from forensics.cli.main import voxproof
from forensics.range.base import RATE, Item
from forensics.range.make import make
from forensics.range.manifest import MANIFEST, RangeFile, check, read_manifest
from forensics.range.marking import range_key
from forensics.range.plan import Config, Plan, plan
from forensics.range.sources import Material
from forensics.range.studio import Studio
from synth.audio import read
from synth.errors import VoxproofError
from synth.watermark.detect import detect
from synth.watermark.keys import read_key

SEED = 21
STUDIO = Studio(SEED, lambda *_: "no")


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return material(tmp_path_factory.mktemp("material"))


@pytest.fixture(scope="module")
def planned(some: Material) -> Plan:
    return plan(some, Config(6, SEED, laundered=0.4))


@pytest.fixture(scope="module")
def run(planned: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("range") / "out"
    done = make(planned, STUDIO, out)
    assert (len(done.records), done.kept, done.failed) == (18, 0, ())
    return out


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_kinds_level_and_laundering_alike_for_all(planned: Plan) -> None:
    assert [item.name for item in planned.items] == [
        "human/00000", "machine/00000", "partial/00000", "splice/00000", "human/00001", "machine/00001",
    ]  # fmt: skip
    for number in (0, 1):
        mine = [item for item in planned.items if item.name.endswith(str(number))]
        assert len({(item.level_db, item.chain) for item in mine}) == 1
    assert len({item.seed for item in planned.items}) == 6
    assert planned.left_out == (
        "no item of the kind clone: there is no clone model (--model)",
        "no item of the kind conversion: there is no clone model (--model)",
    )


def test_a_longer_plan_begins_like_a_shorter_one_and_another_seed_does_not(some: Material, planned: Plan) -> None:
    longer = {item.name: item for item in plan(some, Config(30, SEED, laundered=0.4)).items}
    assert [longer[item.name] for item in planned.items] == list(planned.items)
    assert plan(some, Config(6, SEED + 1, laundered=0.4)).text != planned.text
    assert plan(some, Config(6, SEED, laundered=0.4)).text == planned.text


def test_a_kind_that_cannot_be_made_is_an_error_if_it_was_asked_for(some: Material) -> None:
    with pytest.raises(VoxproofError, match="kind clone can be made: there is no clone model"):
        plan(some, Config(6, kinds=("human", "clone")))
    with pytest.raises(VoxproofError, match="there is no kind fake"):
        plan(some, Config(6, kinds=("fake",)))
    assert {item.kind for item in plan(some, Config(4, kinds=("splice", "human"))).items} == {"splice", "human"}


def test_marks_are_found_under_their_own_key_only_on_people_and_machines_alike(run: Path) -> None:
    records = {record.file: record for record in read_manifest(run)}
    plain = [record for record in records.values() if record.laundering == "none"]
    assert {record.label for record in plain} >= {"human", "partial"}
    keys = {"marked": read_key(run / "keys/marked.json"), "other": read_key(run / "keys/other.json")}
    assert keys["marked"].key_id == range_key(SEED, "marked").key_id != keys["other"].key_id
    for record in {record.label: record for record in plain if record.label != "machine"}.values():
        for variant in ("unmarked", "marked", "other"):
            name = f"{record.item}-{variant}.wav"
            sound = read(run / name)
            found = detect(sound.samples, sound.rate, list(keys.values()))
            assert (found.outcome, found.key_id or "") == (
                "not_found" if variant == "unmarked" else "found", records[name].key_id,
            )  # fmt: skip
            if records[name].payload_carried:
                assert found.authenticated
                assert found.payload is not None
                assert found.payload.hex == records[name].payload
        marked = read(run / f"{record.item}-marked.wav")
        assert detect(marked.samples, marked.rate, [keys["other"]]).outcome == "not_found"


def test_the_files_are_the_planned_sound_at_the_planned_level(run: Path, planned: Plan) -> None:
    for record in read_manifest(run):
        if record.mark == "unmarked" and record.laundering == "none" and record.kind == "human":
            cut, level = record.chain[2], record.chain[3]
            place = next(item for item in planned.items if item.name == record.item).recipe.source("clip").path
            source = read(place, RATE).mono[cut["first"] : cut["last"]]
            wanted = np.clip(np.float32(level["factor"]) * source, -1, 1)
            np.testing.assert_allclose(read(run / record.file).mono, wanted, atol=1 / 32768)
            return
    raise AssertionError("no such record")


def test_an_interrupted_run_goes_on_and_ends_in_the_same_bytes(run: Path, planned: Plan, tmp_path: Path) -> None:
    out = tmp_path / "again"

    def broken(items: Iterable[Item], total: int) -> Iterator[Item]:
        for number, item in enumerate(items):
            if number == 4:
                raise KeyboardInterrupt
            yield item

    with pytest.raises(KeyboardInterrupt):
        make(planned, STUDIO, out, broken)
    with (out / MANIFEST).open("a") as manifest:
        manifest.write('{"torn')
    (out / "partial/00000-other.wav").write_bytes(b"half a file")
    (out / "human/.00001-marked.wav.00ff.part").write_bytes(b"left by a crash")
    before = {path: path.stat().st_mtime_ns for path in out.glob("human/*.wav")}
    assert make(planned, STUDIO, out).kept == 3
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert contents(out) == contents(run)
    assert make(planned, STUDIO, out).kept == 6
    assert contents(out) == contents(run)


def test_another_plan_never_goes_into_the_same_folder(run: Path, some: Material, tmp_path: Path) -> None:
    before = contents(run)
    with pytest.raises(VoxproofError, match="another plan was begun in this folder"):
        make(plan(some, Config(7, SEED)), STUDIO, run)
    assert contents(run) == before
    (tmp_path / "somebody's.txt").write_text("mine")
    with pytest.raises(VoxproofError, match="is not empty, and holds no range"):
        make(plan(some, Config(7, SEED)), STUDIO, tmp_path)


def test_an_item_that_cannot_be_made_is_told_and_the_others_are_made(some: Material, tmp_path: Path) -> None:
    import dataclasses

    small = plan(some, Config(2, SEED, kinds=("human", "splice"), laundered=0.0))
    gone = dataclasses.replace(small.items[0].recipe.used[0][1], path=tmp_path / "gone.wav")
    recipe = dataclasses.replace(small.items[0].recipe, used=(("clip", gone),))
    items = (dataclasses.replace(small.items[0], recipe=recipe), *small.items[1:])
    done = make(dataclasses.replace(small, items=items), STUDIO, tmp_path / "out")
    assert [item for item, _ in done.failed] == ["human/00000"]
    assert "does not exist" in done.failed[0][1]
    assert {record.kind for record in done.records} == {"splice"}
    assert check(tmp_path / "out") == []


def rewritten(run: Path, folder: Path, **changes: Any) -> Path:
    """A copy of the manifest's first record with other fields, beside the same files."""
    import shutil

    shutil.copytree(run, folder)
    first, *rest = read_manifest(folder)
    changed = RangeFile.model_validate(first.model_dump(by_alias=True) | changes)
    (folder / MANIFEST).write_text("".join(record.line for record in (changed, *rest)))
    return folder


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"label": "machine"}, "the label is machine"),
        ({"segments": ((0.5, 1.0),)}, "s are a machine's, and the label is human"),
        ({"joins": ((2.0, 1.0),)}, "joins do not lie one behind the other"),
        ({"seconds": 9.0}, "not as the manifest says"),
        ({"key_id": "ab" * 8}, "is unmarked, and its key is"),
        ({"mark": "other", "key_id": "ab" * 8}, "not one of each"),
        ({"file": "../elsewhere.wav"}, "lies outside of the folder"),
        ({"item": "human/99999"}, "human/99999: was not planned"),
    ],
)
def test_the_check_finds_a_truth_that_was_changed(
    changes: dict[str, Any], problem: str, run: Path, tmp_path: Path
) -> None:
    found = check(rewritten(run, tmp_path / "copy", **changes))
    assert any(problem in one for one in found), found


def test_the_check_finds_files_changed_added_and_gone(run: Path, tmp_path: Path) -> None:
    assert check(run) == []
    folder = rewritten(run, tmp_path / "copy")
    assert check(folder) == []
    name = "splice/00000-marked.wav"
    data = bytearray((folder / name).read_bytes())
    data[-1] ^= 1
    (folder / name).write_bytes(data)
    (folder / "human/00000-other.wav").unlink()
    (folder / "human/more.wav").write_bytes(data)
    assert check(folder) == [
        "human/00000-other.wav: is not there",
        f"{name}: was changed: its SHA-256 is another",
        "human/more.wav: is not in the manifest",
    ]
    (folder / MANIFEST).write_text("{}\n")
    with pytest.raises(VoxproofError, match="line 1 is no record of a range"):
        check(folder)


def test_the_command_makes_checks_and_prints_json_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    people, machines = folders(tmp_path / "in")
    out = str(tmp_path / "out")
    options = ["--human", str(people), "--machine", str(machines), "--kinds", "human,splice", "--count", "2", "--json"]
    first = CliRunner().invoke(voxproof, ["range", "--out", out, *options], standalone_mode=False)
    told = json.loads(first.stdout)
    assert (told["items"], told["files"], {kind: facts["files"] for kind, facts in told["kinds"].items()}) == (
        2, 6, {"human": 3, "splice": 3},
    )  # fmt: skip
    assert "1 × machines: not cloned: zero-shot clone has somebody's voice, and there is no consent" in told["left_out"]
    assert json.loads(CliRunner().invoke(voxproof, ["range", "--out", out, *options]).stdout)["kept"] == 2
    checked = CliRunner().invoke(voxproof, ["range", "--check", out, "--json"], standalone_mode=False)
    assert (checked.return_value, json.loads(checked.stdout)["problems"]) == (0, [])
    (tmp_path / "out/human/00000-marked.wav").unlink()
    broken = CliRunner().invoke(voxproof, ["range", "--check", out], standalone_mode=False)
    assert (broken.return_value, broken.stdout) == (15, "human/00000-marked.wav: is not there\n")
    assert CliRunner().invoke(voxproof, ["range", "--human", str(people)]).exit_code == 2
