"""Kept hostile files: each is answered as its table says, and no method fails on it, within the child's own limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from forensics.benches.mutants import TRAINED, examiner
from forensics.examine import examine
from forensics.exhibit import Exhibit
from forensics.method import Method
from forensics.records import Finding
from synth.audio import Limits, Recording, open_recording
from synth.mutation import Judge, check

FOLDER = Path(__file__).parents[1] / "data" / "crashers"
MOST_BYTES = 4096
LIMITS = Limits(wall_seconds=6.0, memory_bytes=1 << 30, seconds=600.0, decoded_bytes=1 << 28)


def _table() -> Iterator[tuple[str, str]]:
    for line in (FOLDER / "README.md").read_text().splitlines():
        if line.startswith("| `"):
            name, _, answer = (cell.strip() for cell in line.strip("|").split("|"))
            yield name.strip("`"), answer


ANSWERS = dict(_table())


@pytest.fixture(scope="module")
def judge() -> Judge:
    return examiner()


def _read(path: Path) -> Recording:
    return open_recording(path, LIMITS)


def test_the_table_and_the_folder_agree() -> None:
    files = {path.name: path.stat().st_size for path in FOLDER.glob("*.bin")}
    assert files.keys() == ANSWERS.keys()
    assert len(files) >= 40
    assert max(files.values()) < MOST_BYTES


@pytest.mark.parametrize("name", ANSWERS)
def test_a_hostile_file_is_answered_and_no_method_fails(name: str, judge: Judge) -> None:
    assert check(FOLDER / name, _read, judge) == (ANSWERS[name], ())


class _Raises(Method):
    id = "signal.raises"
    title = "A method with a fault"
    purpose = "Fails on every file, as a plug-in may."

    def examine(self, exhibit: Exhibit) -> Finding:
        raise IndexError("list index out of range")


def test_a_method_that_fails_on_a_file_is_noticed() -> None:
    """The command would go on and say so in the finding; the harness counts it."""
    judged = examiner([_Raises()])(FOLDER / "surround-opus.bin")
    assert len(judged.troubles) == 1
    assert judged.troubles[0].startswith("signal.raises: The method failed (IndexError: list index out of range)")
    assert "A method with a fault" in judged.steps


def test_the_battery_of_the_harness_has_no_trained_method_and_all_others() -> None:
    from detectors.fusion import load_fusion
    from forensics.battery import load_battery

    known = [method.id for method in load_battery()]
    path = FOLDER / "surround-opus.bin"
    fusion = load_fusion()
    untrained = [method for method in load_battery() if method.id.split(".")[0] not in TRAINED]
    assert [f.method for f in examine(path, untrained, fusion).findings] == [
        name for name in known if not name.startswith(("detector.", "codes.", "fingerprint."))
    ]
    answers = {examiner()(path).answer for _ in range(2)}
    assert len(answers) == 1
    assert "container.structure" in answers.pop()
