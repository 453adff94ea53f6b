"""The top command: help, version, exit codes, errors without traceback."""

from __future__ import annotations

import subprocess
import sys

import pytest

from forensics.cli.main import COMMANDS
from forensics.cli.verify import joint_exit_code


def voxproof(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "forensics.cli.main", *arguments], capture_output=True, text=True, check=False
    )


def test_help_lists_every_command_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; from forensics.cli.main import voxproof\n"
        "try: voxproof(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'torch', 'scipy', 'matplotlib', 'av', 'sqlalchemy', 'pydantic', 'rich'} & set(sys.modules)\n"
        "print('HEAVY', sorted(heavy))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "HEAVY []" in result.stdout
    for name in COMMANDS:
        assert f"\n  {name} " in result.stdout


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help(name: str) -> None:
    result = voxproof(name, "--help")
    assert result.returncode == 0
    assert result.stdout.startswith(f"Usage: voxproof {name}") or "Usage:" in result.stdout


def test_usage_errors_exit_2() -> None:
    assert voxproof("verify").returncode == 2
    assert voxproof("no-such-command").returncode == 2


def test_completion_scripts_name_the_command() -> None:
    result = voxproof("completion", "bash")
    assert result.returncode == 0
    assert "_VOXPROOF_COMPLETE" in result.stdout


@pytest.mark.parametrize(
    ("codes", "joint"), [([0, 20], 20), ([20, 30], 30), ([30, 15], 15), ([0, 15, 10], 10), ([0], 0), ([0, 0], 0)]
)
def test_joint_exit_code_is_the_first_of_10_15_30_20_0(codes: list[int], joint: int) -> None:
    assert joint_exit_code(codes) == joint
