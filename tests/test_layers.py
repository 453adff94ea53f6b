"""The layer contract names every module of `forensics`, so that none escapes it."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_module_of_forensics_is_in_the_layer_contract() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = config["tool"]["importlinter"]["contracts"]
    listed = {name.strip() for layer in contract["layers"] for name in layer.split(":")}
    found = {
        f"forensics.{entry.stem}"
        for entry in (ROOT / "forensics").iterdir()
        if not entry.name.startswith("_") and (entry.suffix == ".py" or (entry / "__init__.py").exists())
    }
    assert found <= listed
    assert contract["layers"][0] == "forensics.cli"
    assert [layer for layer in contract["layers"] if layer in ("reports", "detectors", "synth")] == [
        "reports",
        "detectors",
        "synth",
    ]
