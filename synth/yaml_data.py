"""YAML that ships or that a user keeps, read safely and, where libyaml is there, ten times as fast."""

from __future__ import annotations

from typing import Any

import yaml


def load_yaml(source: str | bytes) -> Any:
    """Plain data from YAML; raises yaml.YAMLError."""
    return yaml.load(source, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 (both are safe)
