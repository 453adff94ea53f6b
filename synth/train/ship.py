"""The trained parts of the lite voice as they ship: weights of 8 bits and a card each.

    python -m synth.train.ship --gpt s1/gpt-….ckpt --sovits s2/sovits-….pth --student student/student.safetensors \\
        --data STATEMENT.txt --out FOLDER

The statement says what they learnt from; licence and statement go into the cards. The codes that the GPT was trained on
must be those of this SoVITS: the token extractor is shipped as it is.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from safetensors import safe_open
from safetensors.torch import save_file

from synth.card import sha256_of, write_card
from synth.checkpoint import Checkpoint, layouts, read_checkpoint
from synth.errors import VoxproofError
from synth.models.card import ModelCard, SourceFile
from synth.models.importing import GPT_PREFIX
from synth.packing import packed
from synth.sovits import Version
from synth.student_content import EXACT

LICENCE = "Apache-2.0"
SUMS = ".embed_avg"
"""What the codebook was averaged from: it decides nothing any more."""
_SUMMARIES = {
    "gpt": "The lite voice of Voxproof, phones to semantic tokens: the text-to-semantic model of GPT-SoVITS, small.",
    "sovits": "The lite voice of Voxproof, tokens and a reference to sound: SoVITS v2, small, with a light head.",
    "content": "The lite voice of Voxproof, sound to features of what is said, and which phones semantic tokens say.",
}


def ship(gpt: Path, sovits: Path, student: Path, statement: str, out: Path) -> list[ModelCard]:
    """Writes gpt, sovits and content, each .safetensors and .yaml, into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    cards = []
    for kind, source in (("gpt", gpt), ("sovits", sovits)):
        found = read_checkpoint(source)
        if found.kind != kind:
            raise VoxproofError(f"is no {kind} but a {found.kind}", path=source, cure="Give the exported checkpoint.")
        state = {name.removeprefix(GPT_PREFIX): value for name, value in found.weight.items()}
        metadata = {str(kind): json.dumps(_configuration(found), sort_keys=True)}
        exact = [name for name in state if name.startswith(EXACT) and not name.endswith(SUMS)]
        save_file(packed(state, exact), out / f"{kind}.safetensors", metadata=metadata)
        cards.append(_carded(kind, source, statement, out, found.info, found.text_pipeline))
    with safe_open(student, framework="pt") as file:
        names = [name for name in file.keys() if not name.startswith(EXACT)]  # noqa: SIM118 (the SoVITS has these)
        kept = {name: file.get_tensor(name) for name in names}
        save_file(kept, out / "content.safetensors", metadata=file.metadata())
    cards.append(_carded("content", student, statement, out))
    return cards


def _configuration(found: Checkpoint) -> dict[str, Any]:
    if found.kind == "gpt":
        return asdict(layouts.gpt_config(found.config))
    return layouts.sovits_config(found.config, cast(Version, found.version)).to_mapping()


def _carded(
    kind: str, source: Path, statement: str, out: Path, info: str = "", text_pipeline: str | None = None
) -> ModelCard:  # fmt: skip
    weights = out / f"{kind}.safetensors"
    with safe_open(weights, framework="pt") as file:
        slices = [file.get_slice(name) for name in file.keys()]  # noqa: SIM118 (not a mapping)
        types = tuple(sorted({str(one.get_dtype()) for one in slices}))
        parameters = sum(math.prod(one.get_shape()) for one in slices)
    card = ModelCard(
        name=kind,
        kind=cast(Any, kind),
        version="v2",
        summary=_SUMMARIES[kind],
        weights=weights.name,
        sha256=sha256_of(weights),
        bytes=weights.stat().st_size,
        parameters=parameters,
        types=types,
        sources=(SourceFile(name=source.name, sha256=sha256_of(source), bytes=source.stat().st_size),),
        info=info,
        licence=LICENCE,
        training_data=statement,
        text_pipeline=text_pipeline,
    )
    write_card(card, out / f"{kind}.yaml")
    return card


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gpt", type=Path, required=True)
    parser.add_argument("--sovits", type=Path, required=True)
    parser.add_argument("--student", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="text file: what was learnt from, with licences")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    statement = " ".join(arguments.data.read_text(encoding="utf-8").split())
    cards = ship(arguments.gpt, arguments.sovits, arguments.student, statement, arguments.out)
    for card in cards:
        print(f"{card.weights}: {card.bytes / 1e6:.1f} MB, {card.parameters / 1e6:.1f} million numbers")


if __name__ == "__main__":
    main()
