"""The fixture that runs a method on samples, through a real file."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
from method_clips import Examine, Samples

from forensics.exhibit import Exhibit
from forensics.method import Method
from forensics.records import Finding


@pytest.fixture
def examine(tmp_path: Path) -> Examine:
    """examine(method, samples, rate, subtype="PCM_16", suffix=".wav") -> Finding, through a file on disk."""

    def run(method: Method, samples: Samples, rate: int, subtype: str = "PCM_16", suffix: str = ".wav") -> Finding:
        path = tmp_path / f"exhibit{suffix}"
        soundfile.write(path, samples, rate, subtype=subtype)
        with Exhibit.open(path) as exhibit:
            return method.run(exhibit)

    return run
