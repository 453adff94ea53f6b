"""Makes the numbers and sounds of the bank of examples: `python -m forensics.explain.bank_make`, in a checkout.

Which clips there are stands in bank.yaml: only recordings that the repository holds already; who made them stands in
the READMEs of their folders. To be run again when the speech detector changes.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile
import yaml
from safetensors.numpy import save_file

from detectors.inference import RATE, SpeechScorer
from detectors.speech import SpeechDetector
from forensics.explain.examples import BANK, Bank, heard, reasons
from synth import audio
from synth.yaml_data import load_yaml


def make(root: Path = Path()) -> None:
    """Write bank.safetensors, and into bank.yaml which detector it is of."""
    bank = Bank.model_validate(load_yaml(BANK.read_text("utf-8")))
    detector = SpeechDetector.load()
    assert isinstance(detector.scorer, SpeechScorer)  # noqa: S101 - the shipped one is
    tensors = {}
    rows = []
    for n, clip in enumerate(bank.clips):
        rows.append(reasons(detector.scorer, heard(root / clip.file)))
        tensors[f"sound{n:03}"] = np.frombuffer(_mp3(root / clip.file), np.uint8)
    tensors["reasons"] = np.stack(rows).astype(np.float16)
    save_file(tensors, BANK.with_suffix(".safetensors"))
    told = bank.model_copy(update={"detector_sha256": detector.sha256}).model_dump(mode="json")
    BANK.write_text(yaml.safe_dump(told, sort_keys=False, width=110, allow_unicode=True), "utf-8")


def _mp3(path: Path) -> bytes:
    sound = audio.read(path, RATE).mono
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, RATE, format="MP3", subtype="MPEG_LAYER_III", compression_level=0.8)
    return buffer.getvalue()


if __name__ == "__main__":
    make()
