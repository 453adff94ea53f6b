"""How well the quality control tells right readings from wrong ones, on recordings with their transcripts.

    python -m synth.train.quality --list INDEX.csv [--list ...] --student FILE [--whisper DIR] [--cost again=6 ...]

With Whisper-base's folder, FILE is what `synth/train/phone_teacher.py` wrote, whose codes are of the kind that the GPT
draws; without it FILE is a student. The recordings are the first of each list as `synth/train/student_data.py` orders
them, which `synth/train/student.py` never trains on, as far as they are English. Each is made codes and read back, as
a generated sentence is. Beside its own transcript every fault is a false alarm. Three wrong readings are made of it:
the frames that the alignment gives to a word drawn at random are cut out (that word is missing), or put in a second
time (repeated), and a second of another recording is put behind its end (other sounds). `--cost` changes one of
`synth.aligning.Costs`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from synth import audio
from synth.errors import VoxproofError
from synth.quality_control import FRAMES_PER_SECOND, Limits, Word, check, words_of
from synth.redrawing import read
from synth.sovits import CODES, Quantizer
from synth.student_content import read_extractor, read_student
from synth.text.pipeline import TextPipeline
from synth.train.content import Content
from synth.train.student_data import LONGEST_S, OF_A_FILE, RATE, rows_of
from synth.train.student_speech import VALIDATION_FILES
from synth.train.teacher_content import TeacherContent

Scores = NDArray[np.float32]


class Reading:
    """A student or its teacher, the codes and their reader."""

    def __init__(self, path: Path, whisper: Path | None = None) -> None:
        extractor, reader = read_extractor(path)
        if reader is None:
            raise VoxproofError("holds no reader of codes", path=path)
        self.content: Content = TeacherContent(whisper, path) if whisper else read_student(path)[0]
        self.reader, width = reader, len(extractor["ssl_proj.bias"])
        self.parts = nn.ModuleDict(
            {"ssl_proj": nn.Conv1d(width, width, 2, stride=2), "quantizer": Quantizer(CODES, width)}
        )
        self.parts.load_state_dict(extractor)
        self.parts.eval()
        self.quantizer = self.parts["quantizer"]

    @torch.no_grad()
    def __call__(self, path: str) -> Scores:
        """Log-probabilities of phones [frames, 733] of a recording."""
        samples = torch.from_numpy(audio.read(path, rate=RATE).mono[: int(LONGEST_S * RATE)])
        features = self.parts["ssl_proj"](self.content(samples)[None])
        codes = self.quantizer.encode(features)  # type: ignore[operator]
        return read(codes[0, 0], self.reader, self.quantizer.decode)  # type: ignore[arg-type]


def tried(
    scores: Scores, words: Sequence[Word], before: Scores, rng: np.random.Generator, limits: Limits
) -> dict[str, int]:
    """Counts of one recording; `before` is a stretch of the recording before."""
    began = time.perf_counter()
    right = check(scores, words, limits=limits)
    out = Counter({"ms": round(1000 * (time.perf_counter() - began)), "recordings": 1, "words": len(words)})
    out["frames"] = len(scores)
    out["recordings with a false alarm"] = int(bool(right.faults))
    for fault in right.faults:
        out[f"false alarms: {fault.kind}"] += 1
    said = [number for number, word in enumerate(right.words) if word.status == "said"]
    if not said:
        return out
    number = int(rng.choice(said))
    visit = right.words[number].visits[0]
    cut = np.concatenate([scores[: visit.start], scores[visit.end :]])
    twice = np.concatenate([scores[: visit.end], scores[visit.start :]])
    behind = np.concatenate([scores, before])
    out["wrong readings"] = 1
    out["missing found"] = int(_status(cut, words, number, limits) == "missing")
    out["repeated found"] = int(_status(twice, words, number, limits) == "repeated")
    kinds = {fault.kind for fault in check(behind, words, limits=limits).faults}
    out["sounds behind found"] = int(bool(kinds & {"other sounds", "repeated"}))
    return out


def _status(scores: Scores, words: Sequence[Word], number: int, limits: Limits) -> str:
    return check(scores, words, limits=limits).words[number].status


def report(sums: Mapping[str, int]) -> dict[str, Any]:
    """Rates of the counts."""
    words, wrong = max(sums.get("words", 0), 1), max(sums.get("wrong readings", 0), 1)
    out: dict[str, Any] = {name: sums.get(name, 0) for name in ("recordings", "words", "wrong readings")}
    out["share of recordings with a false alarm"] = sums.get("recordings with a false alarm", 0) / max(
        sums.get("recordings", 0), 1
    )
    out |= {f"{name}, of words": sums[name] / words for name in sorted(sums) if name.startswith("false alarms")}
    out |= {f"share of {name}": sums[name] / wrong for name in sorted(sums) if name.endswith(" found")}
    out["ms per second"] = sums.get("ms", 0) * FRAMES_PER_SECOND / max(sums.get("frames", 0), 1)
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in out.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", type=Path, required=True, action="append", dest="lists")
    parser.add_argument("--student", type=Path, required=True)
    parser.add_argument("--whisper", type=Path, help="folder of Whisper-base: FILE is a phone teacher")
    parser.add_argument("--cost", action="append", default=[], metavar="NAME=NATS")
    parser.add_argument("--most", type=int, default=VALIDATION_FILES * OF_A_FILE, help="recordings of each list")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    limits = Limits()
    costs = {name: float(value) for name, _, value in (one.partition("=") for one in arguments.cost)}
    limits = replace(limits, costs=replace(limits.costs, **costs))
    reading, text, rng = Reading(arguments.student, arguments.whisper), TextPipeline("en"), np.random.default_rng(0)
    sums: Counter[str] = Counter()
    before = np.zeros((0, 733), np.float32)
    for listed in arguments.lists:
        for row in rows_of([listed])[: arguments.most]:
            if not row.get("transcript", "").strip() or not row.get("language", "en").lower().startswith("en"):
                continue
            words = [word for spoken in text.utterances(row["transcript"]) for word in words_of(spoken)]
            scores = reading(row["path"])
            sums.update(tried(scores, words, before, rng, limits))
            before = scores[len(scores) // 2 : len(scores) // 2 + FRAMES_PER_SECOND]
    print(json.dumps(report(sums), indent=1))


if __name__ == "__main__":
    main()
