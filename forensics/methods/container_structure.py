"""Structure of the container and its metadata: who wrote it, and whether its statements agree with each other.

Editors that cut stored packets, hex editors, joined files and data hidden behind the end leave sizes, counts, page
numbers and checksums that do not fit. The readers are in `forensics.methods._containers`, each citing its format's
specification; practice: SWGDE Best Practices for Digital Audio Authentication, ENFSI Best Practice Manual for Digital
Audio Authenticity Analysis (FSA-BPM-002).

A file that an ordinary program wrote or re-encoded is consistent: the program's name is a measurement. Ends that an
edit list or a copy of packets trimmed are named as traces. Only statements that cannot all hold count against the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from forensics.exemplars.programs import program_of, programs
from forensics.exhibit import Exhibit
from forensics.method import Method
from forensics.methods._containers import Structure, read_structure
from forensics.records import Figure, Finding, Measurement, Scalar, Segment, Series

TAG_NAMES = ("encoder", "encoding_tool", "software", "originator", "encoded_by", "major_brand", "handler_name")
SUMMED_SAMPLES = 8 * 3600 * 48000
"""Longest FLAC whose MD5 is computed, samples of one channel."""


class ContainerStructure(Method):
    """Parts, writers and contradictions of the container."""

    id = "container.structure"
    version = "3"
    title = "Container structure and metadata"
    purpose = "Reads the container's parts and tags, names the program that wrote it, and looks for contradictions."

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {"known_programs": len(programs())}

    def examine(self, exhibit: Exhibit) -> Finding:
        facts = exhibit.facts
        structure = read_structure(exhibit.path)
        tags = [
            (f"tag {name}", value) for name, value in facts.tags.items() if name.lower() in TAG_NAMES and value.strip()
        ]
        encoders = [*(structure.encoders if structure else ()), *tags]
        named_in = tuple(sorted({program for _, text in encoders for program in (_program(text),) if program}))
        measurements: dict[str, Measurement] = {
            "container": facts.container,
            "codec": facts.codec,
            "file_bytes": exhibit.bytes,
            "programs": named_in,
            "encoder_tags": tuple(f"{place}: {text}" for place, text in encoders)[:20],
        }
        if structure is None:
            reason = f"There is no reader for the structure of this container ({facts.container}), only its decoder."
            return self.finding("could_not_test", exhibit=exhibit, reasons=[reason], measurements=measurements)
        if structure.format == "FLAC":
            _check_md5(structure, exhibit)
        contradictions = [_sentence(text) for text in structure.contradictions]
        measurements |= {
            "format": structure.format,
            "parts": len(structure.parts),
            "contradictions": len(contradictions),
            **{name: value for name, value in structure.facts.items() if name not in measurements},
        }
        named = f"{', '.join(named_in)} wrote or rewrote the file, by its tags. " if named_in else ""
        if not named_in:
            named = "No tag names the program that wrote the file. "
        notes = [_sentence(text) for text in structure.notes]
        if contradictions:
            reasons = [
                *contradictions,
                f"{named}Statements that cannot all hold are inconsistent with a file as its recorder closed it; "
                "damage in storage or transfer, or a faulty writer, would leave the same trace.",
                *notes,
            ]
        else:
            reasons = [
                f"{named}The parts of the {structure.format} container agree with each other: consistent. Re-encoding "
                "and trimming by an ordinary program leave a container like this one.",
                *notes,
            ]
        return self.finding(
            "inconsistent" if contradictions else "consistent",
            exhibit=exhibit,
            reasons=[*reasons, *(f"Named, not held against the file: {trace}." for trace in structure.traces)],
            traces=structure.traces,
            measurements=measurements,
            figures=[_figure(structure, exhibit.bytes)],
        )


def _program(text: str) -> str | None:
    program = program_of(text)
    return program.name if program else None


def _sentence(clause: str) -> str:
    return f"{clause[:1].upper()}{clause[1:]}."


def _check_md5(structure: Structure, exhibit: Exhibit) -> None:
    """RFC 9639: the MD5 of all samples, interleaved, signed little endian, in whole bytes."""
    said, bits = str(structure.facts.get("md5", "")), int(structure.facts.get("bits", 0))
    if not said.strip("0") or bits not in (16, 24) or exhibit.recording.frames > SUMMED_SAMPLES:
        return
    digest = hashlib.md5(usedforsecurity=False)
    for block in exhibit.recording.native_blocks(seconds=4.0):
        if bits == 16 and block.dtype == np.dtype("<i2"):
            digest.update(np.ascontiguousarray(block).tobytes())
        elif bits == 24 and block.dtype == np.dtype("<i4"):
            digest.update(np.ascontiguousarray(block).view(np.uint8).reshape(-1, 4)[:, 1:].tobytes())
        else:
            return
    structure.facts["md5_agrees"] = digest.hexdigest() == said
    if digest.hexdigest() != said:
        structure.contradiction("the MD5 in the header is not that of the sound that decodes")


def _figure(structure: Structure, size: int) -> Figure:
    """Where the parts lie in the file."""
    shown = structure.parts[:12]
    least = size / 2000
    spans = tuple(
        Segment(
            start_s=round(offset / 1024, 4),
            end_s=round((offset + max(length, least)) / 1024, 4),
            note=name.strip(),
        )
        for name, offset, length in shown
        if not name.startswith(" ") or len(shown) < 8
    )
    return Figure(
        kind="chart",
        title=f"Parts of the file: {structure.format}",
        x_label="position in the file (kB)",
        y_label="part",
        series=(
            Series(
                label="parts in file order",
                x=tuple(round(offset / 1024, 4) for _, offset, _ in shown),
                y=tuple(float(index + 1) for index in range(len(shown))),
                style="steps",
            ),
        ),
        spans=spans,
        marks=((round(size / 1024, 3), "end of file"),),
    )
