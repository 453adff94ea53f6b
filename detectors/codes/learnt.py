"""What `detectors.codes.train` learnt, from its file: tables of pairs and the tuned ear, ready to measure with."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open

from detectors.codes.hearing import CodeEar
from detectors.codes.measuring import CodeMeasurer
from detectors.codes.soft import PairTables
from detectors.codes.statistics import load_pairs
from detectors.codes.tuned import Tuning
from synth.errors import VoxproofError
from synth.gpt import GPT


def measurer_of(path: Path, ear: CodeEar, gpt: GPT | None = None) -> CodeMeasurer:
    """Tables and tuned ear of a file, with the voice model's own ear and GPT; VoxproofError where one is missing."""
    pairs = load_pairs(path)
    try:
        with safe_open(path, framework="numpy") as file:
            kept = [name for name in file.keys() if name.startswith("tuned.")]  # noqa: SIM118
            tuning = Tuning.of({name: file.get_tensor(name) for name in kept})
        tables = PairTables(pairs["people_tuned"], pairs["drawn"])
        return CodeMeasurer(ear, pairs["people"], pairs["generator"], gpt, tuning, tables)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise VoxproofError(
            f"lacks tables or the tuned ear ({error})", path=path, cure="Reinstall voxproof."
        ) from error
