"""Other people's engines: espeak-ng and flite where they are installed, and clips that any machine made."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path

from forensics.benches.battery.plan import draw
from forensics.benches.edits.base import run
from forensics.range.base import RATE, Rng, Step
from forensics.range.sources import Material, Source
from synth.audio import read
from synth.channels.base import FloatArray
from synth.errors import VoxproofError

VOICES = {
    "espeak-ng": ("en-us", "en-gb", "en-gb-scotland"),
    "flite": ("slt", "awb", "rms", "kal16"),
}
"""English voices that the programs come with."""
PACE_WPM, PITCH = (130, 190), (30, 70)
"""Drawn for espeak-ng: words a minute, and its scale of 0 to 99."""


def installed() -> tuple[str, ...]:
    """Programs and voices, e.g. `espeak-ng/en-us`."""
    return tuple(f"{name}/{voice}" for name, voices in VOICES.items() if shutil.which(name) for voice in voices)


def version(program: str) -> str:
    """What the program says of itself, in one line."""
    done = subprocess.run(  # noqa: S603
        [program, "--version"], capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL
    )
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if "version" in line or "NG" in line]
    return lines[0].split("  ")[0] if lines else "version not stated"


def spoken(engine: str, text: str, rng: Rng) -> tuple[FloatArray, tuple[Step, ...]]:
    """A text by a program's voice, at `RATE`; the text is handed over in a file, so that it is never an option."""
    program, voice = engine.split("/", 1)
    step: dict[str, str | int | float] = {"step": program, "voice": voice, "version": version(program)}
    with tempfile.TemporaryDirectory(prefix="voxproof-range-") as folder:
        script, out = Path(folder) / "text.txt", Path(folder) / "out.wav"
        script.write_text(text + "\n", encoding="utf-8")
        try:
            if program == "flite":
                run("flite", "-voice", voice, "-f", script, "-o", out)
            else:
                step |= {"pace_wpm": int(rng.integers(*PACE_WPM)), "pitch": int(rng.integers(*PITCH))}
                run("espeak-ng", "-v", voice, "-s", str(step["pace_wpm"]), "-p", str(step["pitch"]), "-f", script,
                    "-w", out)  # fmt: skip
            samples = read(out, RATE).mono
        except (RuntimeError, OSError) as error:
            raise VoxproofError(f"{program} did not speak ({error})".replace(folder, "")) from None
    return samples, (step, {"step": "resample", "rate": RATE})


def others(material: Material, rng: Rng, *, ours: bool = False) -> Iterator[tuple[str, Source | None]]:
    """Engines in turn without end: programs, machine-made recordings (a generator after the other), and our model."""
    groups: list[Iterator[tuple[str, Source | None]]] = []
    if ours and can_clone(material):
        groups.append(cycle([("clone", None)]))
    if material.engines and material.texts:
        groups.append(cycle([(material.engines[i], None) for i in rng.permutation(len(material.engines))]))
    if material.machines:
        groups.append(cycle([("", one) for one in by_generator(material.machines, rng)]))
    if groups:
        for group in cycle(groups):
            yield next(group)


def can_clone(material: Material) -> bool:
    """Whether there is a model, a voice that it may take, and something to say."""
    return bool(material.model and material.voices and material.texts)


def by_generator(machines: Sequence[Source], rng: Rng) -> list[Source]:
    """All of them, their generators in turn."""
    queues: dict[str, list[Source]] = {}
    for one in draw(machines, len(machines), rng):
        queues.setdefault(one.generator, []).append(one)
    turns = sorted((place / len(queue), name) for name, queue in queues.items() for place in range(len(queue)))
    waiting = {name: iter(queue) for name, queue in queues.items()}
    return [next(waiting[name]) for _, name in turns]


def no_others(material: Material) -> str:
    """Why there is no engine of others; empty where there is one."""
    if material.machines or (material.engines and material.texts):
        return ""
    if material.engines:
        return "there is nothing to say (--texts, or transcripts in the human index)"
    return "there are no machine-made recordings (--machine), and neither espeak-ng nor flite is installed"


def words(texts: Sequence[str], rng: Rng, most: int | None = None) -> str:
    """A drawn text, or a few of its words from a drawn place."""
    text = texts[int(rng.integers(len(texts)))]
    if most is None:
        return text
    said = text.split()
    count = min(int(rng.integers(2, most + 1)), len(said))
    first = int(rng.integers(0, len(said) - count + 1))
    return " ".join(said[first : first + count]).strip(" ,;:.!?\"'“”") or text
