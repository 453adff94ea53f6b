"""The card beside imported weights: where they come from, what they are, and which text front ends they expect."""

from __future__ import annotations

from typing import Literal

from synth.checkpoint.reading import Kind, Release
from synth.record import Record

IMPORT_AGAIN = "Import the checkpoint again."
"""What cures a fault of a card or of imported weights."""


class SourceFile(Record):
    """A file that weights were imported from."""

    name: str
    """Its name, without folders."""
    sha256: str
    bytes: int


class ModelCard(Record):
    """All that is known of one set of weights."""

    name: str
    """Of the files: NAME.safetensors and NAME.yaml."""
    kind: Kind | Literal["content"]
    """What the weights are for; see `synth.checkpoint.reading.Checkpoint`. content: the student of the lite voice
    (synth/student_content.py), which hears what is said in place of HuBERT, and its reader of phones."""
    version: Release
    """Version of GPT-SoVITS; of a gpt v1 or v2 after its phoneme table, v2 for all later versions."""
    summary: str
    """What it is, in a sentence."""
    weights: str
    """File name, beside the card."""
    sha256: str
    """Of the weights' file."""
    bytes: int
    """Size of the weights' file."""
    parameters: int
    """Numbers in it, buffers included."""
    types: tuple[str, ...]
    """Types of these numbers."""
    sources: tuple[SourceFile, ...]
    """What it was imported from; two files for a LoRA worked into its base."""
    info: str = ""
    """What the training wrote about itself."""
    licence: str = "unknown"
    """As told at the import."""
    training_data: str = "unknown"
    """As told at the import."""
    text_pipeline: str | None = None
    """Hash of the text front ends that it was trained with; None: not stated, as in all official files."""
