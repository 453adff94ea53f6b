"""Delivery paths as data: conditions on container and codec facts, and the path that they make recognisable."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import Field, model_validator

from forensics.records import Record, Scalar
from synth.yaml_data import load_yaml


class Condition(Record):
    """One feature and what it has to be; exactly one of the four tests."""

    feature: str
    """Name of the feature."""
    is_: tuple[Scalar, ...] | None = Field(default=None, alias="is")
    """The feature has one of these values."""
    contains: tuple[str, ...] | None = None
    """The feature, in lower case, contains one of these texts."""
    lacks: tuple[str, ...] | None = None
    """The feature, in lower case, contains none of these texts."""
    below: float | None = None
    """The feature is a number below this one."""

    @model_validator(mode="after")
    def _one_test(self) -> Condition:
        if sum(test is not None for test in (self.is_, self.contains, self.lacks, self.below)) != 1:
            raise ValueError(f"{self.feature}: exactly one of is, contains, lacks, below")
        return self

    def holds(self, features: Mapping[str, Scalar]) -> bool:
        """Whether the feature is as it has to be; a feature that the file does not have fails all but `lacks`."""
        value = features.get(self.feature)
        text = str(value or "").lower()
        if self.lacks is not None:
            return not any(mark.lower() in text for mark in self.lacks)
        if value is None:
            return False
        if self.is_ is not None:
            return any(value == each and isinstance(value, bool) == isinstance(each, bool) for each in self.is_)
        if self.contains is not None:
            return any(mark.lower() in text for mark in self.contains)
        return isinstance(value, int | float) and self.below is not None and value < self.below


class PathRule(Record):
    """A way that recordings usually take, and how it is recognised."""

    name: str
    """The path, for readers."""
    words: str
    """How sure the name is, in a few words."""
    basis: Literal["measured", "documented"]
    """Whether look-alikes were made and recognised here, or the facts are documented elsewhere."""
    source: str
    """What was measured, or whose facts these are."""
    when: tuple[Condition, ...] = Field(min_length=1)
    """Conditions, all of which must hold."""

    def met(self, features: Mapping[str, Scalar]) -> int:
        """Number of conditions that hold."""
        return sum(condition.holds(features) for condition in self.when)

    def fits(self, features: Mapping[str, Scalar]) -> bool:
        """Whether all conditions hold."""
        return self.met(features) == len(self.when)


@cache
def delivery_paths() -> tuple[PathRule, ...]:
    """The rules that ship, the most telling first."""
    text = files("forensics.exemplars").joinpath("delivery.yaml").read_text(encoding="utf-8")
    return tuple(PathRule(**row) for row in load_yaml(text))
