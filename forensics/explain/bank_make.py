"""Makes the bank of examples that ships: `python -m forensics.explain.bank_make`, in a checkout.

Only recordings that the repository holds already; who made them stands in the READMEs of their folders.
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
from forensics.explain.examples import BANK, Bank, BankEntry, heard, reasons
from synth import audio

POCKETSPHINX = "BSD-2-Clause, (c) Carnegie Mellon University and Alpha Cephei Inc."
ALLISON = "CC-BY-SA-3.0, (c) Allison Smith"
CLIPS = (
    BankEntry(name="a woman reading a novel", label="human", file="examples/human.wav", licence=POCKETSPHINX),
    *(
        BankEntry(
            name=f"the same reader, another sentence ({number})",
            label="human",
            file=f"tests/data/sense_and_sensibility_01_austen_64kb-{number}.wav",
            licence=POCKETSPHINX,
        )
        for number in ("0870", "0890", "0930")
    ),
    BankEntry(name="a man naming cards", label="human", file="tests/data/005.wav", licence=POCKETSPHINX),
    BankEntry(name="the same man", label="human", file="tests/data/002.wav", licence=POCKETSPHINX),
    BankEntry(name="a telephone announcement", label="human", file="examples/telephone.wav", licence=ALLISON),
    BankEntry(name="another announcement", label="human", file="tests/data/vm-intro.wav", licence=ALLISON),
    BankEntry(name="hibari-tts, two sentences", label="machine", file="examples/machine.wav", licence="CC0-1.0"),
    BankEntry(name="hibari-tts", label="machine", file="tests/data/hibari.wav", licence="Apache-2.0"),
    BankEntry(name="espeak-ng, British English", label="machine", file="tests/data/espeak.wav", licence="MIT"),
    BankEntry(
        name="flite, voice slt", label="machine", file="tests/data/flite-slt.wav",
        licence="BSD-like, Carnegie Mellon University",
    ),
)  # fmt: skip
SUMMARY = (
    "Twelve clips that the repository holds: eight of three people, four of three speech programs, English. Enough to "
    "hear what the detector finds alike; far too few to say how far people and machines are from each other."
)


def make(root: Path = Path()) -> None:
    """Write bank.yaml and bank.safetensors beside this file."""
    detector = SpeechDetector.load()
    assert isinstance(detector.scorer, SpeechScorer)  # noqa: S101 - the shipped one is
    tensors = {}
    rows = []
    for n, clip in enumerate(CLIPS):
        rows.append(reasons(detector.scorer, heard(root / clip.file)))
        tensors[f"sound{n:03}"] = np.frombuffer(_mp3(root / clip.file), np.uint8)
    tensors["reasons"] = np.stack(rows).astype(np.float16)
    save_file(tensors, BANK.with_suffix(".safetensors"))
    bank = Bank(summary=SUMMARY, detector_sha256=detector.sha256, clips=CLIPS)
    BANK.write_text(yaml.safe_dump(bank.model_dump(mode="json"), sort_keys=False, width=110), "utf-8")


def _mp3(path: Path) -> bytes:
    sound = audio.read(path, RATE).mono
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, RATE, format="MP3", subtype="MPEG_LAYER_III", compression_level=0.8)
    return buffer.getvalue()


if __name__ == "__main__":
    make()
