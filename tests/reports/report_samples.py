"""Examinations made up for the tests of the report: every outcome, with figures and a synthetic spectrogram."""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime

import numpy as np

from forensics.records import (
    Attribution,
    ErrorRate,
    Examination,
    ExhibitFacts,
    Figure,
    Finding,
    Integrity,
    ModelFacts,
    Segment,
    Series,
    Spectrogram,
    Tool,
    Verdict,
    Watermark,
)
from reports.case_facts import CaseFacts, CustodyEntry

DIGEST = hashlib.sha256(b"exhibit").hexdigest()
TOOL = Tool(
    version="0.1.0",
    models=(ModelFacts(name="speech", version="1", sha256=hashlib.sha256(b"model").hexdigest()),),
    config_sha256=hashlib.sha256(b"config").hexdigest(),
)
NO_MARK = Watermark(outcome="could_not_test", reasons=("No watermark key was given.",))
NO_SOURCE = Attribution(outcome="could_not_test", reasons=("No bank of generators is installed.",))


def spectrogram(seconds: float, bins: int = 128, columns: int = 600, nyquist: float = 8000.0) -> Spectrogram:
    """Harmonics with a moving pitch, syllables and pauses, over a noise floor."""
    random = np.random.default_rng(7)
    time = np.linspace(0, seconds, columns)[None, :]
    frequency = np.linspace(0, nyquist, bins)[:, None]
    pitch = 170 + 60 * np.sin(2 * np.pi * time / max(seconds, 1e-3) * 5)
    teeth = np.cos(2 * np.pi * frequency / pitch) ** 8
    syllables = np.clip(np.sin(2 * np.pi * time * 14 / max(seconds, 1e-3)) + 0.3, 0, 1)
    level = (
        -95
        + 68 * syllables * (0.35 + 0.65 * teeth) * np.exp(-frequency / 3600)
        + random.normal(0, 2.5, (bins, columns))
    )
    return Spectrogram(levels_db=level.astype(np.float32), seconds=seconds, nyquist_hz=nyquist)


def exhibit(path: str = "voice-note.wav", seconds: float = 10.24) -> ExhibitFacts:
    return ExhibitFacts(
        path=path, sha256=DIGEST, bytes=int(seconds * 32000) + 44, container="wav", codec="pcm_s16le", sample_rate=16000,  # noqa: E501
        channels=1, bit_depth=16, seconds=seconds, decode_path="FFmpeg 8.0 via PyAV 18.1.0: pcm_s16le",
        stream_sha256=hashlib.sha256(b"stream").hexdigest(), header_seconds=seconds, lossless=True,
        tags={"encoder": "Lavf58.76.100", "title": "µ-law test – Ünïcode"}, notes=("data chunk shorter than declared",),
    )  # fmt: skip


def time_figure(seconds: float, spans: tuple[Segment, ...] = (), bump: float = 0.42) -> Figure:
    x = np.linspace(0, seconds, 400)
    y = 0.002 * np.sin(x * 9 / seconds * 3) + np.where(x > seconds * bump, 0.011, 0.0)
    gaps = [None if 0.70 < value / seconds < 0.73 else float(level) for value, level in zip(x, y, strict=True)]
    return Figure(
        kind="time", title="Mean of half-second blocks", x_label="time (s)", y_label="offset (full scale)",
        series=(Series(label="channel 1", x=tuple(map(float, x)), y=tuple(gaps), style="steps"),
                Series(label="median", x=(0.0, seconds), y=(0.004, 0.004))),
        spans=spans, levels=((0.009, "threshold"),), marks=((seconds * bump, "largest step"),),
    )  # fmt: skip


def chart_figure(log: bool = False) -> Figure:
    x = np.linspace(20 if log else 0, 8000, 300)
    y = -40 - 30 * (x / 8000) - np.where(x > 5500, 45, 0) + 3 * np.sin(x / 170)
    return Figure(
        kind="chart", title="Long-term average spectrum", x_label="frequency (Hz)" if log else "frequency (kHz)",
        y_label="level (dBFS)", x_log=log,
        series=(Series(label="", x=tuple(float(v) if log else float(v) / 1000 for v in x), y=tuple(map(float, y))),),
        marks=((5500.0 if log else 5.5, "band edge"),), levels=((-90.0, "noise floor"),),
    )  # fmt: skip


def histogram_figure() -> Figure:
    levels = list(range(-8, 9))
    return Figure(
        kind="chart", title="Least significant bits", x_label="value (steps)", y_label="share of samples",
        series=(Series(label="", x=tuple(map(float, levels)), y=tuple(math.exp(-(v**2) / 9) / 5.3 for v in levels), style="bars"),),  # noqa: E501
    )  # fmt: skip


def findings(seconds: float) -> tuple[Finding, ...]:
    splice = Segment(start_s=4.3, end_s=4.34, note="step of the constant offset")
    return (
        Finding(
            method="signal.dc-offset", version="1", outcome="inconsistent", in_domain=True, title="Constant (DC) offset",  # noqa: E501
            purpose="The converter leaves an offset that stays nearly constant within one recording; a passage from "
            "another device can shift it.",
            domain="at least 2 s of sound; lossless codecs only", parameters={"block_s": 0.5, "threshold": 6.0},
            measurements={"offset": 0.0041, "largest_step": 0.0112, "largest_step_s": 4.32, "steps_s": (4.32,)},
            segments=(splice,), figures=(time_figure(seconds, (splice,)),),
            reasons=("The offset changes by 0.0112 of full scale at 4.32 s, eight times the spread within the recording.",),  # noqa: E501
            error_rates=(ErrorRate(condition="butt splices of LibriVox readings, WAV 16 kHz", positives=60, hits=52,
                                   negatives=240, false_alarms=1),
                         ErrorRate(condition="passages from another microphone", positives=50, hits=41,
                                   negatives=200, false_alarms=0)),
        ),
        Finding(
            method="signal.spectrum", version="2", outcome="inconclusive", in_domain=True, title="Long-term spectrum and band edge",  # noqa: E501
            purpose="A band edge far below half the sample rate points to upsampling or an earlier lossy copy.",
            domain="at least 1 s of speech; SNR of 20 dB or more", parameters={"window": "hann", "resolution_hz": 31.25},  # noqa: E501
            measurements={"band_edge_hz": 5512.5, "nyquist_hz": 8000.0, "fall_db_per_octave": -44.7},
            figures=(chart_figure(), chart_figure(log=True)),
            reasons=("The band ends at 5.51 kHz; both a microphone and an earlier copy can do that.",),
        ),
        Finding(
            method="signal.quantisation", version="1", outcome="consistent", in_domain=True, title="Quantisation histogram",  # noqa: E501
            purpose="Unused codes betray an amplitude change after recording.", domain="lossless codecs only",
            measurements={"empty_codes_share": 0.0, "used_codes": 4812}, figures=(histogram_figure(),),
            reasons=("All codes between the extremes occur.",),
            error_rates=(ErrorRate(condition="gain changes of 0.5 to 6 dB", positives=80, hits=71, negatives=220, false_alarms=0),),  # noqa: E501
        ),
        Finding(
            method="detector.speech", version="1", outcome="consistent", in_domain=True, title="Trained speech detector",  # noqa: E501
            purpose="A network trained on speech of people and machines compares short windows of the sound.",
            domain="at least 1 s of speech; SNR of 15 dB or more", log10_lr=1.18, log10_lr_bounds=(0.62, 1.55),
            measurements={"windows": 9, "median_llr": 2.71}, parameters={"window_s": 4.0, "hop_s": 1.0},
            segments=(Segment(start_s=3.0, end_s=7.2, log10_lr=1.2),),
            figures=(Figure(kind="time", title="Score on the 20 ms grid", x_label="time (s)", y_label="log10 LR",
                            series=(Series(label="", x=tuple(np.linspace(0, seconds, 200)),
                                           y=tuple(1.4 * np.sin(np.linspace(0, 3, 200)))),),
                            levels=((0.0, "neutral"),)),),
            reasons=("The likelihood ratio is capped at log10 of the 40 independent sources of its validation.",),
        ),
        Finding(
            method="signal.enf", version="1", outcome="could_not_test", in_domain=False, title="Electric network frequency",  # noqa: E501
            purpose="Mains hum has one phase; a cut breaks it.", domain="at least 60 s of sound",
            reasons=("The recording lasts 10.24 s; the method needs 60 s.",),
        ),
    )  # fmt: skip


def machine(path: str = "voice-note.wav", seconds: float = 10.24) -> Examination:
    """Supports machine, edited."""
    found = findings(seconds)
    return Examination(
        tool=TOOL,
        exhibit=exhibit(path, seconds),
        verdict=Verdict(
            outcome="supports_machine", log10_lr=1.18, log10_lr_bounds=(0.62, 1.55),
            words="moderate support for the proposition that at least part of the questioned speech was generated or "
            "converted by a machine, rather than spoken by a person into a microphone",
            reasons=("One line of evidence carries a likelihood ratio: the trained speech detector.",),
        ),
        integrity=Integrity(outcome="inconsistent", segments=(Segment(start_s=4.3, end_s=4.34),),
                            reasons=("The constant offset changes within the recording.",)),
        watermark=NO_MARK,
        attribution=NO_SOURCE,
        findings=found,
        contradictions=("The detector marks 3.00–7.20 s, the joint lies at 4.32 s: the marked passage reaches over the joint.",),  # noqa: E501
        spectrogram=spectrogram(seconds),
    )  # fmt: skip


def person() -> Examination:
    """Supports human, continuous, nothing marked."""
    base = machine("interview.flac")
    found = tuple(
        one.model_copy(update={"outcome": "consistent", "segments": (), "log10_lr": -1.3, "log10_lr_bounds": (-1.6, -0.9)}  # noqa: E501
                       if one.log10_lr is not None else {"outcome": "consistent", "segments": ()})
        for one in base.findings if one.outcome != "could_not_test"
    )  # fmt: skip
    return base.model_copy(
        update={
            "verdict": Verdict(outcome="supports_human", log10_lr=-1.3, log10_lr_bounds=(-1.6, -0.9),
                               words="moderate support for the proposition that all of the questioned speech was spoken by a person"),  # noqa: E501
            "integrity": Integrity(outcome="consistent", reasons=("No method found a trace of editing.",)),
            "watermark": Watermark(outcome="not_found", scheme="voiceprint-1"),
            "attribution": Attribution(outcome="inconclusive", reasons=("No generator is called for.",)),
            "findings": found, "contradictions": (),
        }
    )  # fmt: skip


def undecodable(path: str = "broken.m4a") -> Examination:
    """A file that no decoder understands."""
    why = f"{path}: no audio stream was found. Send the original file"
    return Examination(
        tool=TOOL,
        exhibit=ExhibitFacts(path=path, sha256=DIGEST, bytes=1234),
        verdict=Verdict(
            outcome="could_not_test", log10_lr=None, log10_lr_bounds=None, words="could not be tested", reasons=(why,)
        ),
        integrity=Integrity(outcome="could_not_test", reasons=(why,)),
        watermark=Watermark(outcome="could_not_test", reasons=(why,)),
        attribution=Attribution(outcome="could_not_test", reasons=(why,)),
    )


def crowded(count: int = 40, seconds: float = 3 * 3600.0) -> Examination:
    """A three-hour recording and forty findings, many with segments, some untested."""
    base = machine("2026-03-14_meeting-room_channel-2.wav", seconds)
    template, rows = base.findings, []
    for index in range(count):
        one = template[index % len(template)]
        at = seconds * ((index * 0.137) % 0.93)
        spans = tuple(Segment(start_s=at + 90 * n, end_s=at + 90 * n + 20, note="step") for n in range(1 + index % 7))
        rows.append(one.model_copy(update={
            "method": f"{one.method}-{index:02d}", "title": f"{one.title}, variant {index:02d}",
            "segments": spans if one.segments else (),
        }))  # fmt: skip
    return base.model_copy(
        update={
            "findings": tuple(rows),
            "verdict": base.verdict.model_copy(update={
                "outcome": "inconclusive", "log10_lr": 0.31, "log10_lr_bounds": (-0.52, 1.02),
                "words": "no more than weak support for either proposition",
            }),
            "integrity": Integrity(outcome="inconsistent", segments=tuple(
                Segment(start_s=60.0 * n, end_s=60.0 * n + 4) for n in range(1, 120)), reasons=("Many joints.",)),
        }
    )  # fmt: skip


LONG_NAME = (
    "WhatsApp-Audio_"
    + "forwarded-from-the-chief-financial-officer_" * 4
    + "final_FINAL(2).copy.of.copy"
    + "x" * 60
    + ".wav"
)
CHINESE_NAME = "微信语音_转账请求_第3段_二〇二六年.wav"


def case() -> CaseFacts:
    return CaseFacts(
        case_id="2026-0417", exhibit_id="A-3", requester="Example Bank, fraud desk",
        question="Did Ms Example speak the words in the voice note that asked for the transfer, or were they made by a machine?",  # noqa: E501
        examiner="Dr. Ada Exemplar", qualifications="forensic audio examiner, 12 years",
        received=datetime(2026, 3, 14, 9, 30, tzinfo=UTC), examined=datetime(2026, 3, 16, 14, 5, tzinfo=UTC),
        acquisition="Exported from the recipient's telephone", working_copy_sha256=DIGEST,
        custody=tuple(
            CustodyEntry(time=datetime(2026, 3, 14 + n, 9 + n, 30, tzinfo=UTC), actor=actor, action=action,
                         sha256=hashlib.sha256(f"{n}".encode()).hexdigest())
            for n, (actor, action) in enumerate((("M. Intake", "received, hashed, sealed"), ("M. Intake", "working copy made"),  # noqa: E501
                                                 ("A. Exemplar", "examined")))
        ),
    )  # fmt: skip


CJK_NAME = "音声メモ_送金依頼_録音３.wav"
KOREAN_NAME = "음성메모_송금요청_세번째.m4a"
ARABIC_NAME = "رسالة صوتية ٣.ogg"


def untested() -> Examination:
    """A recording too short for every method, with one reason for most of them and a very long one for another."""
    base = crowded(20, 0.4)
    why = "The recording lasts 0.40 s; the method needs 2 s of sound."
    long = "The header names a codec that the decoder does not know, and " * 12 + "so it was left alone."
    rows = tuple(
        one.model_copy(update={"outcome": "could_not_test", "log10_lr": None, "log10_lr_bounds": None, "segments": (),
                               "figures": (), "measurements": {}, "in_domain": False,
                               "reasons": (long,) if index == 3 else (why,)})
        for index, one in enumerate(base.findings)
    )  # fmt: skip
    return base.model_copy(
        update={
            "findings": rows,
            "verdict": Verdict(outcome="could_not_test", log10_lr=None, log10_lr_bounds=None,
                               words="could not be tested", reasons=(why,)),
            "integrity": Integrity(outcome="could_not_test", reasons=(why,)),
            "contradictions": (),
        }
    )  # fmt: skip


def forty() -> Examination:
    """Forty findings that all answer, each with one figure; sixty stretches in one of them; very long reasons."""
    base = machine("meeting.wav", 62.5)
    template = tuple(one for one in findings(62.5) if one.figures)
    many = tuple(Segment(start_s=float(n), end_s=n + 0.4, note="step") for n in range(1, 61))
    rows = []
    for index in range(40):
        one = template[index % len(template)]
        rows.append(one.model_copy(update={
            "method": f"{one.method}-{index:02d}", "title": f"{one.title}, variant {index:02d}",
            "figures": one.figures[:1], "segments": many if index == 4 else one.segments,
            "traces": ("coded as MP3 earlier",) if index == 2 else (),
            "reasons": ("The level changes at many places, none of which stands out from the others. " * 40,)
            if index == 7 else one.reasons,
        }))  # fmt: skip
    return base.model_copy(update={
        "findings": tuple(rows),
        "integrity": base.integrity.model_copy(update={"processing": ("coded as MP3 earlier", "resampled from 8 kHz")}),
    })  # fmt: skip


def named(name: str) -> Examination:
    """The person's sample under another file name."""
    base = person()
    return base.model_copy(update={"exhibit": base.exhibit.model_copy(update={"path": name})})
