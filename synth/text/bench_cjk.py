"""Mandarin, Cantonese, Japanese and Korean phones beside the reference's: `python -m synth.text.bench_cjk zh --list`.

The reference (RVC-Boss/GPT-SoVITS; `--gpt-sovits` is the folder that holds its `text` package) is run beside ours; this
runs its code. What it needs must be installed: jieba and cn2an (zh, yue), pyopenjtalk-plus (ja), g2pk2 and
python-mecab-ko (ko). Three things of it are replaced, since no package carries them: jieba_fast by jieba, which cuts
the same words; the network G2PW by pypinyin, as its own switch does; English words in Korean by their letters.
Open JTalk runs with the dictionary of pyopenjtalk-plus and without that package's own corrections.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

from synth.text.bench import Oracle, agreement, sentences
from synth.text.frame import LANGUAGES, Language
from synth.text.registry import front_end
from synth.text.symbols import V2

_NAMES: dict[Language, str] = {"zh": "mandarin", "yue": "cantonese", "ja": "japanese", "ko": "korean"}


def _changed(folder: Path, name: str, replacements: dict[str, str]) -> Any:
    """A module of the reference with parts of its source replaced."""
    path = folder / "text" / f"{name}.py"
    source = path.read_text(encoding="utf-8")
    for old, new in replacements.items():
        source = source.replace(old, new)
    module = ModuleType(f"text.{name}")
    module.__file__ = str(path)
    exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102 - code that the user names
    return module


def _known(phones: Sequence[str]) -> list[str]:
    return list(V2.known(phones))


def mandarin_oracle(folder: Path) -> Oracle:
    """The reference's `chinese2` with readings by pypinyin."""
    sys.modules.setdefault("jieba_fast", importlib.import_module("jieba"))
    sys.modules.setdefault("jieba_fast.posseg", importlib.import_module("jieba.posseg"))
    chinese = _changed(folder, "chinese2", {"is_g2pw = True": "is_g2pw = False", "print(": "(lambda *_: None)("})
    return lambda text: _known(chinese.g2p(chinese.text_normalize(text))[0])


def cantonese_oracle(folder: Path) -> Oracle:
    """The reference's `cantonese`."""
    cantonese = _changed(folder, "cantonese", {})
    return lambda text: _known(cantonese.g2p(cantonese.text_normalize(text))[0])


def japanese_oracle(folder: Path) -> Oracle:
    """The reference's `japanese`, without its own user dictionary."""
    package = importlib.import_module("pyopenjtalk")
    japanese = _changed(folder, "japanese", {'"userdict.csv"': '"none.csv"', '"user.dict"': '"none.dict"'})
    japanese.pyopenjtalk = ModuleType("pyopenjtalk")
    japanese.pyopenjtalk.run_frontend = functools.partial(package.run_frontend, use_vanilla=True)
    japanese.pyopenjtalk.make_label = package.make_label
    return lambda text: _known(japanese.g2p(japanese.text_normalize(text)))


def korean_oracle(folder: Path) -> Oracle:
    """The reference's `korean`: g2pk2 and jamo."""
    corpus: Any = importlib.import_module("nltk.corpus")
    corpus.cmudict = type("NoWords", (), {"dict": staticmethod(dict)})
    toolkit: Any = importlib.import_module("nltk")
    toolkit.download = lambda *_, **__: True
    sys.modules.setdefault("ko_pron", ModuleType("ko_pron"))
    korean = _changed(folder, "korean", {})
    return lambda text: _known(korean.g2p(text))


_ORACLES = {"zh": mandarin_oracle, "yue": cantonese_oracle, "ja": japanese_oracle, "ko": korean_oracle}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print two lines and, with --list, every difference."""
    parser = argparse.ArgumentParser(prog="python -m synth.text.bench_cjk", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("language", choices=[each for each in LANGUAGES if each in _ORACLES])
    parser.add_argument("--sentences", type=Path, help="one sentence a line; default: those that ship")
    parser.add_argument(
        "--gpt-sovits", type=Path, required=True, help="folder that holds the reference's `text` package"
    )
    parser.add_argument("--list", action="store_true", help="print every difference")
    chosen = parser.parse_args(arguments)
    texts = sentences(
        chosen.sentences or Path(str(files("synth.text") / f"data/{_NAMES[chosen.language]}_sentences.txt"))
    )
    sys.path.insert(0, str(chosen.gpt_sovits))
    oracle = _ORACLES[chosen.language](chosen.gpt_sovits)
    print(f"{'compared':28} {'sentences':>9} {'same':>6} {'phones':>7} {'agreement':>9}")
    for mode in (True, False):
        ours = front_end(chosen.language, reference=mode)
        name = f"{'reference' if mode else 'default'} mode, reference"
        result = agreement(name, texts, lambda text, ours=ours: list(ours.phones(text).phones), oracle)  # type: ignore[misc]
        print(f"{result.name:28} {result.sentences:9d} {result.same:6d} {result.phones:7d} {result.rate:9.2%}")
        if chosen.list:
            for text, places in result.differences:
                print(f"  {text}\n      {places}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
