"""The record of an exemplar, and its comparison with a fingerprint."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from forensics.exemplars.fingerprint import Fingerprint, plain
from forensics.records import Record, Scalar

Basis = Literal["measured", "documented", "user"]
FIRM_FILES = 3
"""Files that a user's exemplar needs before what they share is taken as fixed."""


class Exemplar(Record):
    """How one device or program writes one kind of container."""

    name: str = Field(min_length=1, max_length=120)
    """Device or app, for readers, e.g. "FFmpeg: M4A"."""
    writer: str = Field(min_length=1, max_length=120)
    """Program or device that wrote the examples; several exemplars may share one writer."""
    version: str = ""
    """Version of the device or program, as far as known."""
    note: str = ""
    """Anything else worth knowing, e.g. the settings of the examples."""
    basis: Basis
    """`measured` on files made for the purpose, `documented` by the source named, or added by the `user`."""
    source: str = ""
    """Command that made the examples, or where the facts are documented."""
    format: str
    """Kind of container, as the readers name it."""
    examples: tuple[str, ...] = ()
    """SHA-256 of the files that the exemplar was measured on."""
    claims: tuple[str, ...] = ()
    """Texts (lower case, numbers as #) by which a file's metadata claim this writer."""
    habits: dict[str, tuple[Scalar, ...]] = Field(default_factory=dict)
    """Values seen of each habit."""
    settings: dict[str, tuple[Scalar, ...]] = Field(default_factory=dict)
    """Values seen of each setting; for information, never compared."""
    firm: tuple[str, ...] = ()
    """Habits that no setting of this writer changes: a file that differs in one was not written by it as it stands."""

    @property
    def files(self) -> int:
        """Number of examples."""
        return len(self.examples)

    def claimed_by(self, print_: Fingerprint) -> tuple[str, ...]:
        """The texts of a file that claim this writer."""
        return tuple(text for _, text in print_.texts if any(mark in plain(text) for mark in self.claims))

    def differences(self, print_: Fingerprint, only: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """Habits in which a file differs, one clause each; a habit that the file does not have counts unless `only`."""
        found = []
        for name, values in self.habits.items():
            value = print_.habits.get(name)
            if (only is not None and (name not in only or value is None)) or value in values:
                continue
            known = " or ".join(repr(each) for each in values[:4])
            found.append(f"{name.replace('_', ' ')} is {value!r}, known is {known}")
        return tuple(found)

    def matches(self, print_: Fingerprint) -> bool:
        """Whether a file has all habits of this exemplar."""
        return self.format == print_.format and bool(self.habits) and not self.differences(print_)

    def matches_firmly(self, print_: Fingerprint) -> bool:
        """Whether a file has all firm habits, at least two."""
        return (
            self.format == print_.format
            and len(self.firm) >= 2
            and all(print_.habits.get(name) in self.habits[name] for name in self.firm)
        )


def exemplar_of(
    prints: dict[str, Fingerprint], name: str, writer: str, basis: Basis, *, version: str = "", note: str = "",
    source: str = "", claims: tuple[str, ...] = (), firm: tuple[str, ...] | None = None,
) -> Exemplar:  # fmt: skip
    """One exemplar from the fingerprints of several files (by SHA-256), all of one format.

    Without `firm`, a habit is firm when at least FIRM_FILES files share one value of it.
    """
    each = list(prints.values())
    habits = {key: _values(p.habits.get(key) for p in each) for key in each[0].habits}
    habits = {key: values for key, values in habits.items() if None not in values}
    settings = {key: _values(p.settings.get(key) for p in each) for key in each[0].settings}
    if firm is None:
        firm = tuple(key for key, values in habits.items() if len(values) == 1) if len(each) >= FIRM_FILES else ()
    return Exemplar(
        name=name, writer=writer, version=version, note=note, basis=basis, source=source, format=each[0].format,
        examples=tuple(sorted(prints)), claims=claims, habits=habits, settings=settings,
        firm=tuple(key for key in firm if key in habits),
    )  # fmt: skip


def _values(values: object) -> tuple[Scalar, ...]:
    return tuple(sorted(dict.fromkeys(values), key=lambda value: (str(type(value)), str(value))))  # type: ignore[call-overload]
