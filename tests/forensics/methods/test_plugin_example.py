"""The example plug-in of docs/plugins.md works as printed."""

import re
from pathlib import Path

import numpy as np
import pytest
from method_clips import Examine, room_noise

from forensics.method import Method

DOCS = Path(__file__).parents[3] / "docs" / "plugins.md"


def test_the_example_of_the_docs_examines_a_recording(examine: Examine) -> None:
    code = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.DOTALL)[0]
    names: dict[str, object] = {"__name__": "vp_peaks"}
    exec(compile(code, "vp_peaks", "exec"), names)  # noqa: S102 - our own documentation
    plugin = names["PeakLevel"]
    assert isinstance(plugin, type)
    assert issubclass(plugin, Method)
    samples = 0.25 * np.sign(room_noise(3.0, 8000, -20.0, seed=1))
    finding = examine(plugin(), samples, 8000)
    assert finding.outcome == "consistent"
    assert finding.measurements["peak_fs"] == pytest.approx(0.25, abs=0.001)
    assert len(finding.figures[0].series[0].x) == 3
    assert examine(plugin(), samples[:4000], 8000).outcome == "could_not_test"
