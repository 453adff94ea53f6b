"""Every public way to get sound out of `synth` passes the one door, or is listed here with the reason why it need not.

The package is read, not imported: calls are followed through all of `synth`, private functions included, down to what
makes a voice (`SOURCES`) or writes sound to a file (`WRITERS`). A new public function that gets there, or that returns
what was said, is found by this test; then it goes through `synth.emission`, or has to be argued for in `LISTED`.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import synth

PACKAGE = Path(synth.__file__).parent

SOURCES = {
    "clone.Cloner._rendered",
    "clone.Cloner._streamed",
    "voicing.LatentVoicing.sound",
    "voicing.FlowVoicing.sound",
    "streaming.streamed",
}
"""Functions that a cloned voice comes from."""
WRITERS = {
    "soundfile.write", "*.add_stream", "sf.write", "torchaudio.save", "wavfile.write", "wave.open",
    "sound_files.GrowingWav",
}  # fmt: skip
"""Calls of libraries that write sound, and of our own file that grows while it is written."""
SAID = {"Clone", "Chunk", "Emission", "Emitted"}
"""Types that hold what was said."""
DOORS = {"emission.emit", "emission_stream.StreamEmission"}

LISTED: Mapping[str, str] = {
    "emission.emit": "the door itself",
    "audio.write": "writes samples that the caller has; makes no voice",
    "sound_files.write_sound": "writes samples that the caller has; the door's own way to a file",
    "channels.codec.through_libsndfile": "codes sound in memory and decodes it again; makes no voice",
    "channels.g711.G711.transmit": "the same",
    "channels.gsm.Gsm.transmit": "the same",
    "channels.vorbis.Vorbis.transmit": "the same",
    "specimens.make": "noise in many containers, for the tests of the decoders",
    "mutation.make_specimens": "the same",
    "mutation.run": "the same",
    "voicing.LatentVoicing.sound": "a part of the model: tensors in, tensors out",
    "voicing.FlowVoicing.sound": "a part of the model: tensors in, tensors out",
    "streaming.streamed": "a part of the model: tensors in, tensors out",
    "train.s2.CodesToSound.picture": "a picture for the log of a training",
    "train.sovits_recipe.SovitsRecipe.speech": "the recordings of a training set",
    "train.listening.Listening.__init__": "reads recordings for the gate; what is said leaves by the door, in `hear`",
    "train.slicing.slice_recording": "cuts the recordings that a training is made of; makes no voice",
}
"""Public functions that get to a source or a writer without the door, and why."""


@dataclass
class Module:
    """What names mean in a module."""

    name: str
    names: dict[str, str] = field(default_factory=dict)
    """Imported functions and classes of synth, and modules: local name -> name below synth."""


@dataclass(frozen=True)
class Function:
    """A function or method of the package."""

    name: str
    """Module below synth, class, name: `clone.Cloner.speak`."""
    public: bool
    calls: frozenset[str]
    """Full names as far as they can be told, `*.m` for x.m() of an unknown x."""
    returns: frozenset[str]
    """Names in its return annotation."""


def functions(source: str, module: str) -> Iterator[Function]:
    """All functions and methods of a module."""
    tree = ast.parse(source)
    here = Module(module)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "synth":
            prefix = (node.module or "")[len("synth.") :]
            for name in node.names:
                here.names[name.asname or name.name] = f"{prefix}.{name.name}" if prefix else name.name
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            here.names[node.name] = f"{module}.{node.name}"
    shown = not any(part.startswith("_") for part in module.split("."))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield described(node, here, module, shown)
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield described(inner, here, f"{module}.{node.name}", shown and not node.name.startswith("_"))


def described(node: ast.FunctionDef, here: Module, prefix: str, shown: bool) -> Function:
    special = node.name.startswith("__") and node.name.endswith("__")
    returns = {inner.id for inner in ast.walk(node.returns) if isinstance(inner, ast.Name)} if node.returns else set()
    public = shown and (special or not node.name.startswith("_"))
    return Function(f"{prefix}.{node.name}", public, frozenset(called(node, here, prefix)), frozenset(returns))


def called(node: ast.FunctionDef, here: Module, prefix: str) -> Iterator[str]:
    for call in (inner for inner in ast.walk(node) if isinstance(inner, ast.Call)):
        match call.func:
            case ast.Name(id=name):
                yield here.names.get(name, name)
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                yield f"{prefix}.{name}"
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                yield f"{here.names.get(owner, owner)}.{name}"
                yield f"*.{name}"
            case ast.Attribute(attr=name):
                yield f"*.{name}"


@cache
def package() -> list[Function]:
    found: list[Function] = []
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        found += functions(path.read_text("utf-8"), module.removesuffix(".__init__"))
    return found


def unguarded(every: list[Function]) -> set[str]:
    """Public functions from which a voice or a written sound can be reached without the door.

    A function that calls the door is taken to give what the door gives: that it does is tested by calling it, in
    `test_clone_door`. A method of an unknown object is followed if one class only has a method of that name.
    """
    methods = Counter(one.name.rpartition(".")[2] for one in every)

    def forms(name: str) -> set[str]:
        last = name.rpartition(".")[2]
        return {name} | ({f"*.{last}"} if methods[last] == 1 or last == "sound" else set())

    open_ones = [one for one in every if not one.calls & DOORS]
    reaching = {one.name for one in open_ones if one.name in SOURCES or one.calls & WRITERS or one.returns & SAID}
    while True:
        wanted = {form for name in reaching for form in forms(name)}
        further = reaching | {one.name for one in open_ones if one.calls & wanted}
        if further == reaching:
            return {one.name for one in every if one.name in reaching and one.public}
        reaching = further


def test_every_public_way_to_sound_passes_the_door() -> None:
    assert unguarded(package()) - set(LISTED) == set()


def test_the_list_has_no_more_than_it_needs() -> None:
    assert set(LISTED) - unguarded(package()) == set()


def test_the_cloners_ways_are_those_that_are_called_in_its_test() -> None:
    ways = {one.name for one in package() if one.public and one.name.startswith("clone.") and one.calls & DOORS}
    assert ways == {"clone.Cloner.speak", "clone.Cloner.stream"}


NEW = """
from synth import audio
from synth.clone import Cloner
from synth.voicing import voicing

def shout(cloner, text, reference):
    return _louder(cloner, text, reference)

def _louder(cloner, text, reference):
    return 2 * cloner._render(text, reference).samples

class Speaker:
    def say(self, text):
        return shout(self.cloner, text, self.reference)

    def keep(self, text, path):
        audio.write(path, self.say(text), 32000)

def tokens_to_sound(models, piece):
    return voicing(models).sound(piece)

def save(path, samples):
    import soundfile
    soundfile.write(path, samples, 32000)

def tell(cloner, text) -> Clone:
    return cloner.whatever(text)

def honest(cloner, text, reference, issuer):
    from synth.emission import emit
    return emit(cloner._render(text, reference).samples, 32000, issuer)

def harmless(text):
    return text.upper()
"""


def test_a_new_way_without_the_mark_is_found() -> None:
    every = [*package(), *functions(NEW, "shouting")]
    assert unguarded(every) - set(LISTED) == {
        "shouting.shout",
        "shouting.Speaker.say",
        "shouting.Speaker.keep",
        "shouting.tokens_to_sound",
        "shouting.save",
        "shouting.tell",
    }
