"""One clip through the whole house: exhibit, every method, fusion, one immutable Examination."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from threadpoolctl import threadpool_limits

from detectors.fusion import Fusion
from forensics.attribution import NOT_ASKED, AttributionExamination
from forensics.contradictions import contradictions
from forensics.exhibit import Exhibit, file_sha256
from forensics.fusion import WATERMARK, judge_origin
from forensics.integrity import judge_integrity
from forensics.memory import give_back
from forensics.method import Method
from forensics.records import (
    Attribution,
    Examination,
    ExhibitFacts,
    Finding,
    Integrity,
    ModelFacts,
    Timing,
    Tool,
    Verdict,
    Watermark,
)
from forensics.spectrogram import spectrogram
from forensics.voice import VoiceExamination
from synth import __version__
from synth.audio import Limits
from synth.canonical import canonical
from synth.errors import VoxproofError

LONG_S = 300.0
"""Seconds of sound from which free memory is given back after every method; with less it would only cost time."""


def examine(
    path: str | Path,
    battery: Sequence[Method],
    fusion: Fusion,
    *,
    voices: VoiceExamination | None = None,
    generators: AttributionExamination | None = None,
    limits: Limits | None = None,
    pictures: bool = False,
    on_step: Callable[[str], None] = lambda title: None,
) -> Examination:
    """Examine one file; never raises for bad input: what cannot be decoded becomes a could_not_test record.

    `voices` compares the speech with enrolled voices; `generators` says which generator made it where the verdict
    supports a machine; neither has a part in the verdict. `pictures` adds the spectrogram for the report. `on_step` is
    called with the name of each step as it begins.
    """
    started = time.perf_counter()
    asked = generators.facts() if generators else ()
    tool = Tool(
        version=__version__,
        models=(*(model for method in battery for model in method.models), *asked),
        config_sha256=config_sha256(battery, fusion, asked),
    )
    on_step("Decoding")
    try:
        # One thread: the same sums in the same order on every machine, and no waiting for each other under load.
        with threadpool_limits(1), Exhibit.open(path, limits) as exhibit:
            findings = []
            for method in battery:
                on_step(method.title)
                findings.append(method.run(exhibit))
                if exhibit.seconds > LONG_S:
                    give_back()
            verdict = judge_origin(findings, fusion)
            integrity = judge_integrity(
                [f for f, m in zip(findings, battery, strict=True) if m.bears_on == "integrity"], exhibit.seconds
            )
            mark = _mark(findings)
            named = generators.examine(exhibit, verdict, mark) if generators else NOT_ASKED
            compared = voices.examine(exhibit, mark) if voices else ()
            elapsed = time.perf_counter() - started
            return Examination(
                tool=tool,
                exhibit=exhibit.record,
                verdict=verdict,
                integrity=integrity,
                watermark=mark,
                attribution=named,
                voices=compared,
                findings=tuple(findings),
                contradictions=contradictions(exhibit.record, findings, verdict, integrity, mark, compared),
                timing=Timing(seconds=round(elapsed, 3), real_time_factor=round(elapsed / exhibit.seconds, 4)),
                spectrogram=spectrogram(exhibit.recording) if pictures else None,
            )
    except VoxproofError as error:
        made = _not_decoded(Path(path), tool, battery, error, time.perf_counter() - started)
        return made.model_copy(update={"voices": voices.untested(f"{error}") if voices else ()})


def config_sha256(battery: Sequence[Method], fusion: Fusion, others: Sequence[ModelFacts] = ()) -> str:
    """SHA-256 of the canonical JSON of everything that decides the answer: methods, parameters, models, thresholds."""
    config = {
        "methods": [
            {"id": m.id, "version": m.version, "parameters": dict(m.parameters), "domain": str(m.domain)}
            for m in battery
        ],
        "models": [model.model_dump() for model in (*(one for m in battery for one in m.models), *others)],
        "fusion": fusion.sha256,
    }
    return hashlib.sha256(canonical(config).encode()).hexdigest()


def _mark(findings: Sequence[Finding]) -> Watermark:
    """What the method that reads the watermark found; could_not_test if it could not, or did not run."""
    reader = next((finding for finding in findings if finding.method == WATERMARK), None)
    if reader is None:
        return Watermark(outcome="could_not_test", reasons=("The watermark was not asked for in this call.",))
    return reader.mark or Watermark(outcome="could_not_test", reasons=reader.reasons)


def _not_decoded(
    path: Path, tool: Tool, battery: Sequence[Method], error: VoxproofError, elapsed: float
) -> Examination:
    """The record of a clip that is no usable recording: hash and size as far as they could be had, and the reason."""
    reason = f"{error}"
    facts = ExhibitFacts(path=str(path))
    try:
        if path.is_file():
            facts = ExhibitFacts(path=str(path), sha256=file_sha256(path), bytes=path.stat().st_size)
    except OSError:
        reason += " The file could not be hashed either."
    findings: list[Finding] = [
        m.finding("could_not_test", reasons=("The recording could not be decoded.",), in_domain=False) for m in battery
    ]
    return Examination(
        tool=tool,
        exhibit=facts,
        verdict=Verdict(
            outcome="could_not_test",
            log10_lr=None,
            log10_lr_bounds=None,
            words="could not be tested",
            reasons=(reason,),
        ),
        integrity=Integrity(outcome="could_not_test", reasons=(reason,)),
        watermark=Watermark(outcome="could_not_test", reasons=(reason,)),
        attribution=Attribution(outcome="could_not_test", reasons=(reason,)),
        findings=tuple(findings),
        timing=Timing(seconds=round(elapsed, 3), real_time_factor=None),
    )
