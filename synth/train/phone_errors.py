"""How many phones of a voice a student loses, and where: in its features, or on the way to codes.

    python -m synth.train.phone_errors --list HUMAN/index.csv --source rhasspy_kathleen --student student.safetensors \\
        [--teacher WHISPER_FOLDER --phone-teacher codes.safetensors] [--most 30]

Recordings of one source of a list (`source_id`, 3 to 6.5 s, with an English transcript), the first of a seeded order.
What the reader of codes hears in the codes and in the features before they become codes, and what the phone teacher
hears in Whisper's own states and reads in its own codes, against the phones of the transcript: the fewest changes over
all phones, as they are and without stress and marks of punctuation.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from synth import audio
from synth.errors import VoxproofError
from synth.spoken_words import edits
from synth.student_content import read_student
from synth.text.pipeline import TextPipeline
from synth.text.symbols import table_of
from synth.train.phone_teacher import PhoneTeacher, read_out
from synth.train.start import fresh_sovits
from synth.train.student_data import RATE, Teacher

SHORTEST_S, LONGEST_S = 3.0, 6.5


def plain(phones: Sequence[int], names: Sequence[str]) -> list[str]:
    """Their names without stress; marks of punctuation are left out."""
    return [names[one].rstrip("012") for one in phones if names[one][0].isalpha()]


class Heard:
    """Counts of one way of hearing."""

    def __init__(self) -> None:
        self.wrong = self.count = self.wrong_plain = self.count_plain = 0

    def add(self, wanted: Sequence[int], scores: Tensor, names: Sequence[str]) -> None:
        found = read_out(scores)
        self.wrong, self.count = self.wrong + edits(wanted, found), self.count + len(wanted)
        ours, theirs = (plain(row, names) for row in (wanted, found))
        self.wrong_plain, self.count_plain = self.wrong_plain + edits(ours, theirs), self.count_plain + len(ours)

    def rates(self) -> dict[str, float]:
        return {
            "phone errors": round(self.wrong / max(self.count, 1), 4),
            "without stress and marks": round(self.wrong_plain / max(self.count_plain, 1), 4),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", type=Path, required=True, dest="listed")
    parser.add_argument("--source", required=True)
    parser.add_argument("--student", type=Path, required=True)
    parser.add_argument("--teacher", type=Path)
    parser.add_argument("--phone-teacher", type=Path)
    parser.add_argument("--most", type=int, default=30)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    content, _, reader = read_student(arguments.student)
    if reader is None:
        raise VoxproofError("holds no reader of codes", path=arguments.student)
    model = fresh_sovits("lite", student=arguments.student).eval()
    text, names = TextPipeline("en"), table_of("v2").symbols
    with arguments.listed.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["source_id"] == arguments.source and row["transcript"]]
    rows = [row for row in rows if SHORTEST_S < float(row["seconds"]) < LONGEST_S]
    random.Random(0).shuffle(rows)  # noqa: S311 - an order, no secret
    teacher = Teacher(arguments.teacher) if arguments.teacher and arguments.phone_teacher else None
    phone_teacher = PhoneTeacher.read(arguments.phone_teacher) if teacher else None
    ways: dict[str, Heard] = {}
    for row in rows[: arguments.most]:
        samples = audio.read(arguments.listed.parent / row["path"], rate=RATE).mono.astype(np.float32)
        samples = samples * np.float32(0.5 / max(float(np.abs(samples).max()), 1e-4))
        wanted = [phone for spoken in text.utterances(row["transcript"]) for phone in spoken.ids]
        with torch.no_grad():
            features = content(torch.from_numpy(samples))[None]
            projected = model.ssl_proj(features[..., : features.shape[2] // 2 * 2])
            codes = model.quantizer.decode(model.quantizer.encode(projected))
            found = {"codes": reader(codes)[1], "features": reader(projected)[1]}
            if teacher and phone_teacher:
                theirs = phone_teacher.features(teacher(samples)[None])
                found["teacher's features"] = phone_teacher.scores(theirs)
                taught = phone_teacher.ssl_proj(theirs[..., : theirs.shape[2] // 2 * 2])
                coded = phone_teacher.quantizer.decode(phone_teacher.quantizer.encode(taught))
                found["teacher's codes"] = reader(coded)[1]
        for way, scores in found.items():
            ways.setdefault(way, Heard()).add(wanted, scores[0], names)
    report = {"recordings": min(len(rows), arguments.most)} | {way: heard.rates() for way, heard in ways.items()}
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
