"""The container against exemplars of known devices and programs: who wrote it, and does it fit what its metadata say.

A file keeps the habits of the program that wrote it last: order of parts, brands, fixed fields. They are compared with
the exemplar library (`forensics.exemplars`), which users extend with their own recordings. Sources: SWGDE Best
Practices for Digital Audio Authentication and ENFSI Best Practice Manual for Digital Audio Authenticity Analysis
(comparison of format and metadata with exemplars of the claimed device).

A program that names itself is a trace, named and not held against the file, editors too. *Inconsistent* needs four
things at once: a tag of the file (not of a track, which is copied along) claims a device or app; nothing in the
metadata admits that another program rewrote the file; the container differs from that device's exemplar in habits that
no setting changes; and it has at least three such habits that another writer alone is known for. Any other difference
is *inconclusive*: another version of the app, or a third program, may write like this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from forensics.exemplars import Exemplar, Fingerprint, Library, fingerprint, load_library
from forensics.exemplars.programs import program_of
from forensics.exhibit import Exhibit
from forensics.method import Method
from forensics.records import Figure, Finding, Measurement, Outcome, Scalar, Series

TELLING = 6
"""Habits an exemplar needs before its structure alone names the writer; below that a tag has to agree."""
COMPARABLE = 3
"""Habits an exemplar needs before the report says that a file fits it."""
EXCLUSIVE = 3
"""Firm habits by which another writer is recognised against a claim: fewer are shared by third programs.
(pcutmp3 writes LAME's name with the same two blank fields as FFmpeg.)"""
SEVERITY: tuple[Outcome, ...] = ("consistent", "inconclusive", "inconsistent")
CLAIMANTS = ("recorder", "messenger", "encoder")
"""Kinds of program whose name in the metadata is a claim about how the file was made."""


class Claim(NamedTuple):
    """A device or program that the metadata name, and the exemplars of it."""

    writer: str
    text: str
    exemplars: tuple[Exemplar, ...]
    copied: bool
    """Whether only a track's handler names it, which is copied along when a file is rewritten."""


class ContainerExemplar(Method):
    """Which exemplar the container fits, and whether it fits the one that the metadata claim."""

    id = "container.exemplar"
    version = "2"
    title = "Comparison with exemplars"
    purpose = "Compares the container with exemplars of known devices and programs, and with what its metadata claim."

    def __init__(self, library: Library | None = None) -> None:
        self._given = library

    @cached_property
    def library(self) -> Library:
        """The shipped exemplars and the user's."""
        return self._given or load_library()

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {
            "exemplars": len(self.library.exemplars),
            "library_sha256": self.library.sha256,
            "telling": TELLING,
            "exclusive": EXCLUSIVE,
        }

    def examine(self, exhibit: Exhibit) -> Finding:
        found = fingerprint(exhibit.path)
        if found is None:
            reason = f"There is no reader for the structure of this container ({exhibit.facts.container})."
            return self.finding("could_not_test", reasons=[reason])
        known = [exemplar for exemplar in self.library.exemplars if exemplar.format == found.format]
        fitting = [exemplar for exemplar in known if exemplar.matches(found)]
        claims = self._claims(found, known)
        traces = _traces(found, fitting)
        telling = list(dict.fromkeys(e.writer for e in fitting if len(e.habits) >= COMPARABLE))
        judged = [_judge(claim, found, known, fitting) for claim in claims]
        reasons = [text for _, text in judged]
        outcome = max((held for held, _ in judged), key=SEVERITY.index, default=SEVERITY[0])
        if not claims and not traces and not telling:
            outcome = "inconclusive"
            reasons.append(
                f"None of the {len(known)} exemplars of this kind of container fits, and no tag names a program that "
                "is known: the writer of the file stays unknown."
            )
        elif not claims:
            names = ", ".join(telling) or "none of the exemplars"
            reasons.append(f"No device or app is claimed by the metadata; the structure fits: {names}. Consistent.")
        measurements: dict[str, Measurement] = {
            "fits": tuple(exemplar.name for exemplar in fitting)[:12],
            "claims": tuple(f"{claim.writer}: {claim.text}" for claim in claims)[:12],
            "exemplars_compared": len(known),
            **{f"habit_{name}": value for name, value in found.habits.items() if name != "tree"},
        }
        return self.finding(
            outcome,
            exhibit=exhibit,
            reasons=reasons,
            traces=traces,
            measurements=measurements,
            figures=[_figure(found, known)],
        )

    def _claims(self, found: Fingerprint, known: Sequence[Exemplar]) -> list[Claim]:
        rows: dict[str, Claim] = {}
        for place, text in sorted(found.texts, key=lambda row: _of_track(row[0])):
            program = program_of(text)
            if program is not None and program.kind in CLAIMANTS:
                mine = tuple(exemplar for exemplar in known if exemplar.writer == program.name)
                if mine or program.kind != "encoder":
                    rows.setdefault(program.name, Claim(program.name, text, mine, _of_track(place)))
        for exemplar in known:
            said = exemplar.claimed_by(found) if exemplar.basis == "user" else ()
            if said and exemplar.writer not in rows:
                copied = all(_of_track(place) for place, text in found.texts if text in said)
                rows[exemplar.writer] = Claim(exemplar.writer, said[0], (exemplar,), copied)
        return list(rows.values())


def _judge(
    claim: Claim, found: Fingerprint, known: Sequence[Exemplar], fitting: Sequence[Exemplar]
) -> tuple[Outcome, str]:
    """Outcome and sentence for one claim."""
    named = f"The metadata name {claim.writer} ({claim.text!r})"
    comparable = [exemplar for exemplar in claim.exemplars if exemplar.habits]
    if any(exemplar in fitting for exemplar in comparable):
        basis = "documented" if all(exemplar.basis == "documented" for exemplar in comparable) else "measured"
        return "consistent", f"{named}; the structure agrees with the {basis} exemplar of it: consistent."
    rewriters = _rewriters(found, claim.writer)
    if rewriters:
        return "consistent", (
            f"{named} and {', '.join(rewriters)}, which rewrote the file: consistent with a file of {claim.writer} "
            "that was converted, of which the original is not at hand."
        )
    if not comparable:
        return "consistent", f"{named}; the library has no structure of it to compare, so the name stands by itself."
    broken = [exemplar.differences(found, only=exemplar.firm) for exemplar in comparable]
    # A few files of the user's cannot show that nobody else writes like this.
    telling = [e for e in known if e.writer != claim.writer and e.basis != "user" and len(e.firm) >= EXCLUSIVE]
    others = sorted({exemplar.writer for exemplar in telling if exemplar.matches_firmly(found)})
    fewest = min(broken, key=lambda clauses: len(clauses))
    if fewest and others and not claim.copied:
        return "inconsistent", (
            f"{named}, but the structure is that of {', '.join(others)} and not of {claim.writer} "
            f"({'; '.join(fewest)}), and nothing in the metadata says that the file was rewritten: "
            "inconsistent with a file as that device or app leaves it. It does not show that the sound was edited: a "
            "program that copies the tags of an original onto a converted copy would leave the same trace."
        )
    nearest = min((exemplar.differences(found) for exemplar in comparable), key=lambda row: len(row))
    files = sum(exemplar.files for exemplar in comparable)
    return "inconclusive", (
        f"{named}; the structure differs from the exemplar ({'; '.join(nearest[:3])}), which rests on {files} files: "
        "another version or setting may write like this, so the claim is neither borne out nor contradicted."
    )


def _of_track(place: str) -> bool:
    """Whether a text stands in a track's handler: copied along with the track, it does not tell who wrote the file."""
    return "handler" in place


def _rewriters(found: Fingerprint, claimed: str) -> tuple[str, ...]:
    """Programs other than the claimed one that say themselves, by tag or by trace, that they wrote the file."""
    names: dict[str, None] = {}
    for place, text in found.texts:
        program = program_of(text)
        if program and program.name != claimed and program.kind in ("converter", "editor") and not _of_track(place):
            names[program.name] = None
    if any("rewritten by FFmpeg" in trace for trace in found.traces):
        names["FFmpeg"] = None
    return tuple(names)


def _traces(found: Fingerprint, fitting: Sequence[Exemplar]) -> list[str]:
    """The programs that wrote the file, as far as their tags and habits name them."""
    said: dict[str, tuple[str, str]] = {}
    for place, text in found.texts:
        program = program_of(text)
        if program and program.name not in said and not _of_track(place):
            said[program.name] = (program.kind, text)
    structural = {exemplar.writer for exemplar in fitting}
    traces = []
    for name, (kind, text) in said.items():
        if kind == "editor":
            traces.append(f"saved by the editor {name}, by its tag ({text})")
        elif name in structural:
            traces.append(f"structure as written by {name} ({text})")
        elif kind in ("converter", "generator"):
            traces.append(f"written or rewritten by {name}, by its tag ({text})")
        elif kind != "encoder":
            # The library that coded a FLAC or Opus stream says nothing of how the recording was handled.
            traces.append(f"names {name} ({text})")
    alone = [exemplar for exemplar in fitting if len(exemplar.habits) >= TELLING and len(exemplar.firm) >= 2]
    if not said and len({exemplar.writer for exemplar in alone}) == 1 and len(structural) == 1:
        traces.append(f"structure as written by {alone[0].writer} (no tag names it)")
    return traces


def _figure(found: Fingerprint, known: Sequence[Exemplar]) -> Figure:
    """Share of the habits that agree, for the exemplars that come nearest."""
    shares = sorted(
        ((1 - len(e.differences(found)) / len(e.habits), e.name) for e in known if e.habits), key=lambda row: -row[0]
    )[:8]
    return Figure(
        kind="chart",
        title="Habits in common with the nearest exemplars",
        x_label="exemplar, nearest first",
        y_label="habits that agree (share)",
        series=(
            Series(
                label="; ".join(f"{index}: {name}" for index, (_, name) in enumerate(shares, 1)) or "none",
                x=tuple(float(index) for index in range(1, len(shares) + 1)),
                y=tuple(round(share, 3) for share, _ in shares),
                style="bars",
            ),
        ),
    )
