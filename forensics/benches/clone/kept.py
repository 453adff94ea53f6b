"""What a run keeps: the rows of every measure, and the facts that the page tells beside them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from forensics.benches.clone import codes, cost, likeness, marks, opinion, words
from forensics.benches.clone.clips import Clip
from forensics.benches.rows import Rows
from synth.errors import VoxproofError


@dataclass(frozen=True)
class Facts:
    """What the page says of a run beside its figures."""

    model: str
    weights_mb: float
    cloned: tuple[tuple[str, bool, str], ...]
    """Name, human, sex."""
    others: int
    command: str
    with_text: bool = True
    """Whether the references' texts were given."""


class Kept:
    """The rows of all measures in a cache."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.clips = Rows(cache / "clips.jsonl", Clip)
        self.said = Rows(cache / "words.jsonl", words.Said)
        self.prints = Rows(cache / "voices.jsonl", likeness.Print)
        self.opinions = Rows(cache / "opinions.jsonl", opinion.Opinion)
        self.verified = Rows(cache / "marks.jsonl", marks.Verified)
        self.recoded = Rows(cache / "codes.jsonl", codes.Recoded)
        self.tested = Rows(cache / "tokens.jsonl", codes.Tested)
        self.costs = Rows(cache / "cost.jsonl", cost.Cost)

    @property
    def facts(self) -> Facts:
        """Raises VoxproofError where nothing was measured."""
        path = self.cache / "facts.json"
        if not path.is_file():
            raise VoxproofError("holds no measured rows", path=self.cache, cure="Run without --tables-only.")
        told = json.loads(path.read_text(encoding="utf-8"))
        return Facts(**{**told, "cloned": tuple(tuple(one) for one in told["cloned"])})

    def note(self, facts: Facts) -> None:
        """Keep the facts; raises VoxproofError where the rows are those of another model or were asked otherwise."""
        path = self.cache / "facts.json"
        if path.is_file() and self.facts.with_text != facts.with_text:
            raise VoxproofError(
                f"holds clips {'with' if self.facts.with_text else 'without'} the references' texts",
                path=self.cache,
                cure="Name another folder with --cache.",
            )
        if path.is_file() and self.facts.model != facts.model:
            raise VoxproofError(
                f"holds rows of the model {self.facts.model}, not of {facts.model}",
                path=self.cache,
                cure="Name another folder with --cache.",
            )
        self.cache.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(facts), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
