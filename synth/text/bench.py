"""English phones beside those of independent programs: `python -m synth.text.bench`.

Oracles: the package g2p_en, and the reference itself (`--gpt-sovits`, the folder that holds its `text` package; this
runs its code). One that is not installed is left out, and the table says so. Both need NLTK with its tagger's data.

    agreement of phones = 1 - edits / phones of the oracle (Levenshtein; a wrong stress digit is an edit)

Ours in the default mode is compared without marks, since the oracles drop them; in the reference mode with marks.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from synth.errors import VoxproofError
from synth.text.english import English
from synth.text.symbols import PUNCTUATION, V2

Oracle = Callable[[str], list[str]]
MARKS = frozenset(PUNCTUATION)


@dataclass(frozen=True)
class Agreement:
    """Of one comparison over all sentences."""

    name: str
    """What is compared with what."""
    sentences: int
    """Compared; sentences at which the oracle failed are left out."""
    same: int
    """Sentences with identical phones."""
    phones: int
    """Phones of the oracle."""
    edits: int
    """Insertions, deletions and replacements between both."""
    differences: tuple[tuple[str, str], ...]
    """(sentence, "oracle > ours" of every place that differs)."""

    @property
    def rate(self) -> float:
        """Agreement of phones, 0 to 1."""
        return 1 - self.edits / max(1, self.phones)


def sentences(path: Path | None = None) -> list[str]:
    """Lines of a file, or the sentences that ship; lines with # are comments."""
    content = (path or files("synth.text").joinpath("data/english_sentences.txt")).read_text(encoding="utf-8")
    return [line for line in content.splitlines() if line.strip() and not line.startswith("#")]


def agreement(name: str, texts: Sequence[str], ours: Oracle, oracle: Oracle) -> Agreement:
    """Compare two readings of the same sentences."""
    same = phones = edits = compared = 0
    differences = []
    for text in texts:
        try:
            expected = oracle(text)
        except Exception as error:
            differences.append((text, f"the oracle failed: {type(error).__name__}"))
            continue
        given = ours(text)
        wrong = distance(expected, given)
        compared, same, phones, edits = compared + 1, same + (wrong == 0), phones + len(expected), edits + wrong
        if wrong:
            differences.append((text, described(expected, given)))
    return Agreement(name, compared, same, phones, edits, tuple(differences))


def distance(first: Sequence[str], second: Sequence[str]) -> int:
    """Levenshtein distance."""
    row = list(range(len(second) + 1))
    for place, symbol in enumerate(first, start=1):
        previous, row[0] = row[0], place
        for other, candidate in enumerate(second, start=1):
            previous, row[other] = row[other], min(row[other] + 1, row[other - 1] + 1, previous + (symbol != candidate))
    return row[-1]


def described(expected: Sequence[str], given: Sequence[str]) -> str:
    """Places that differ, each with one phone to either side."""
    blocks = difflib.SequenceMatcher(None, expected, given, autojunk=False).get_opcodes()
    return "; ".join(
        f"{' '.join(expected[max(0, i - 1) : j + 1])} > {' '.join(given[max(0, k - 1) : m + 1])}"
        for kind, i, j, k, m in blocks
        if kind != "equal"
    )


def g2p_en_oracle() -> Oracle:
    """Phones by the package g2p_en, marks left out."""
    reader = importlib.import_module("g2p_en").G2p()
    return lambda text: [phone for phone in reader(text) if phone != " " and phone[0].isalpha()]


def reference_oracle(folder: Path) -> Oracle:
    """Phones by the reference's own English front end, as its cleaner hands them on."""
    sys.path.insert(0, str(folder))
    english = importlib.import_module("text.english")

    def read(text: str) -> list[str]:
        phones: list[str] = english.g2p(english.text_normalize(text))
        return phones if len(phones) >= 4 else [",", *phones]

    return read


def compare(texts: Sequence[str], folder: Path | None) -> list[Agreement | str]:
    """All comparisons that can be made here; a text says which could not, and why."""
    default, reference = English(V2), English(V2, reference=True)

    def plain(text: str) -> list[str]:
        return [phone for phone in default.phones(text).phones if phone not in MARKS]

    results: list[Agreement | str] = []
    try:
        results.append(agreement("default mode, g2p_en", texts, plain, g2p_en_oracle()))
    except (ImportError, LookupError) as error:
        results.append(f"g2p_en: not run ({str(error).strip().splitlines()[0]})")
    if folder is None:
        return [*results, "reference: not run (no --gpt-sovits)"]
    oracle = reference_oracle(folder)
    words = agreement(
        "default mode, reference", texts, plain, lambda text: [phone for phone in oracle(text) if phone not in MARKS]
    )
    exact = agreement("reference mode, reference", texts, lambda text: list(reference.phones(text).phones), oracle)
    return [*results, words, exact]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table and, with --list, every difference."""
    parser = argparse.ArgumentParser(prog="python -m synth.text.bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sentences", type=Path, help="one sentence a line; default: those that ship")
    parser.add_argument("--gpt-sovits", type=Path, help="folder that holds the reference's `text` package")
    parser.add_argument("--list", action="store_true", help="print every difference")
    chosen = parser.parse_args(arguments)
    try:
        texts = sentences(chosen.sentences)
    except OSError as error:
        raise VoxproofError("the sentences cannot be read", path=chosen.sentences) from error
    print(f"{'compared':28} {'sentences':>9} {'same':>6} {'phones':>7} {'agreement':>9}")
    for result in compare(texts, chosen.gpt_sovits):
        if isinstance(result, str):
            print(result)
            continue
        print(f"{result.name:28} {result.sentences:9d} {result.same:6d} {result.phones:7d} {result.rate:9.2%}")
        if chosen.list:
            for text, places in result.differences:
                print(f"  {text}\n      {places}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
