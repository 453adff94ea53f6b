"""The content student, step 1: recordings -> sound, clean and through a channel, what the teacher hears, phones.

    python -m synth.train.student_data --list INDEX.csv [--list ...] --teacher WHISPER_FOLDER --out FOLDER

A list has the columns path (from its own folder on) and seconds, and source_id or voice, transcript, language and
licence where they are known. Recordings of the voice rhasspy_kathleen, which the figures of the clone are measured on,
and of licences that do not permit are left out. FOLDER/NNNNN.safetensors holds 64 recordings: i/clean and i/channel
[samples] int16 at 16 kHz, the second through one or more of codecs, telephone, noise and room, drawn by the path;
i/teacher [frames at 50 Hz, 512] float16, the last hidden states of Whisper-base's encoder (which hears the recording
alone, without the usual padding to 30 s) for the clean sound; and with an English transcript i/phones, places in the
table of `synth/text`. An interrupted run goes on with the next file.
"""

from __future__ import annotations

import argparse
import csv
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from synth import audio
from synth.channels.base import FloatArray
from synth.errors import VoxproofError
from synth.text.pipeline import TextPipeline
from synth.train.shards import shard_path, write_tensors
from synth.train.voiceprint_data import PERMISSIVE, drawn

RATE = 16_000
SHORTEST_S, LONGEST_S = 0.7, 16.0
OF_A_FILE = 64
UNSEEN = "rhasspy_kathleen"


class Teacher:
    """Whisper-base's encoder, for recordings of any length up to 30 s."""

    def __init__(self, folder: Path) -> None:
        from transformers import WhisperFeatureExtractor, WhisperModel

        self.encoder = cast(Any, WhisperModel.from_pretrained(folder)).encoder.eval()
        self.extractor = cast(Any, WhisperFeatureExtractor)(feature_size=80)

    @torch.no_grad()
    def __call__(self, samples: FloatArray) -> Tensor:
        """Samples [time] at 16 kHz -> hidden states [time // 320, 512]."""
        frames = len(samples) // 320
        bands = self.extractor(samples, sampling_rate=RATE, return_tensors="pt", padding="longest", truncation=False)
        x = bands.input_features[:, :, : 2 * frames]
        with torch.autocast("cpu", torch.bfloat16):
            x = torch.nn.functional.gelu(self.encoder.conv1(x))
            x = torch.nn.functional.gelu(self.encoder.conv2(x)).transpose(1, 2)
            x = x + self.encoder.embed_positions.weight[: x.shape[1]]
            for layer in self.encoder.layers:
                found = layer(x, None)
                x = found[0] if isinstance(found, tuple) else found
        return cast(Tensor, self.encoder.layer_norm(x.float())[0, :frames])


def rows_of(lists: Sequence[Path]) -> list[dict[str, str]]:
    """All usable rows, in a fixed and mixed order; `path` is made absolute."""
    rows = []
    for listed in lists:
        with listed.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                free = row.get("licence") is None or row["licence"].startswith(PERMISSIVE)
                if free and row.get("source_id") != UNSEEN and float(row["seconds"]) >= SHORTEST_S:
                    rows.append(row | {"path": str(listed.parent / row["path"])})
    return sorted(rows, key=lambda row: zlib.crc32(row["path"].encode()))


def prepared(row: dict[str, str], teacher: Teacher, text: TextPipeline) -> dict[str, Tensor]:
    """The tensors of one recording."""
    samples = audio.read(row["path"], rate=RATE).mono[: int(LONGEST_S * RATE)]
    samples = samples * np.float32(0.5 / max(float(np.abs(samples).max(initial=0.0)), 1e-4))
    seed = zlib.crc32(row["path"].encode())
    through, _ = drawn(np.random.default_rng(seed))(samples, RATE, seed)
    out = {
        "clean": _whole_numbers(samples),
        "channel": _whole_numbers(through[: len(samples)]),
        "teacher": teacher(samples).to(torch.float16),
    }
    english = row.get("language", "en").lower().startswith("en")
    if english and row.get("transcript", "").strip() and len(samples) < int(LONGEST_S * RATE):
        phones = [place for spoken in text.utterances(row["transcript"]) for place in spoken.ids]
        out["phones"] = torch.tensor(phones, dtype=torch.int16)
    return out


def _whole_numbers(samples: FloatArray) -> Tensor:
    return torch.from_numpy((np.clip(samples, -1.0, 1.0) * 32767).astype(np.int16))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", type=Path, required=True, action="append", dest="lists")
    parser.add_argument("--teacher", type=Path, required=True, help="folder of Whisper-base for transformers")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows = rows_of(arguments.lists)
    print(f"{len(rows)} recordings, {sum(float(row['seconds']) for row in rows) / 3600:.2f} h")
    teacher, text = Teacher(arguments.teacher), TextPipeline("en")
    for first in range(0, len(rows), OF_A_FILE):
        path = shard_path(arguments.out, first // OF_A_FILE, "speech")
        if path.exists():
            continue
        tensors: dict[str, Tensor] = {}
        sources: dict[str, str] = {}
        for number, row in enumerate(rows[first : first + OF_A_FILE], first):
            try:
                tensors |= {f"{number}/{name}": value for name, value in prepared(row, teacher, text).items()}
            except VoxproofError as error:
                print(error)
                continue
            sources[str(number)] = row.get("source_id") or row.get("voice", "")
        write_tensors(path, tensors, {"sources": json.dumps(sources)})
        print(f"{min(first + OF_A_FILE, len(rows))} of {len(rows)}", flush=True)


if __name__ == "__main__":
    main()
