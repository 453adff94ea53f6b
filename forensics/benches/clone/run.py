"""The whole run: clips, then each measure on them, every one kept in a file of its own in the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from forensics.benches.clone import codes, cost, likeness, loading, marks, opinion, words
from forensics.benches.clone.clips import Clip, Wish, plan
from forensics.benches.clone.kept import Facts, Kept
from forensics.benches.clone.material import RATE, Material, Take, Voice, material, sentences
from forensics.benches.rows import Rows
from synth.audio import read
from synth.channels.base import FloatArray
from synth.choosing import LITE
from synth.errors import VoxproofError

if TYPE_CHECKING:
    from forensics.benches.clone.making import Door, Maker
    from synth.clone import Cloner

Part = Literal["clips", "words", "voices", "opinions", "marks", "codes", "cost"]
PARTS: tuple[Part, ...] = get_args(Part)
SEED = 2026
FEWER = 10
"""Sentences at each level of noise; recordings made sound again are twice as many."""
OTHERS = 30
"""Voices of each sex that the clones are told from, at most."""
RECORDINGS = 40
"""Recordings of people, or of the machine voices that are cloned, beside the clips."""
SPENT_S = {"clips": 2.0, "words": 1.5, "voices": 0.15, "opinions": 1.0, "marks": 0.25, "codes": 0.15}
"""About what one clip, transcript, voiceprint, opinion, verification or encoding costs on two cores: an estimate."""
Told = Callable[[str], None]


@dataclass(frozen=True)
class Settings:
    """What is to be measured, with what."""

    cache: Path
    references: tuple[Path, ...]
    others: tuple[Path, ...] = ()
    speakers: tuple[str, ...] = ()
    model: str = LITE
    hubert: str | None = None
    tuned: Path | None = None
    """Folder with a folder of models for each voice that was fine-tuned on, by its name."""
    texts: Path | None = None
    number: int = 100
    whisper: Path | None = None
    parts: tuple[Part, ...] = PARTS
    sexes: tuple[tuple[str, str], ...] = ()
    """Of voices whose index does not tell: name, and "f" or "m"."""
    with_text: bool = True
    """Give the reference's text too, so that the GPT goes on from its codes."""


@dataclass(frozen=True)
class Tools:
    """What is loaded when it is first needed; tests give others."""

    cloner: Callable[[str], Cloner]
    """Folder or name -> models."""
    recogniser: Callable[[], words.Recogniser]
    listener: Callable[[], likeness.Listener] = likeness.resemblyzer
    judge: Callable[[], opinion.Judge] = opinion.judge
    door: Callable[[Path], Door] | None = None


def tools(settings: Settings) -> Tools:
    """The real ones."""

    def recogniser() -> words.Recogniser:
        from forensics.benches.clone.hearing import Whisper

        if settings.whisper is None:
            raise VoxproofError("what is said is heard by Whisper", cure="Name its folder with --whisper.")
        return Whisper(settings.whisper)

    return Tools(lambda model: loading.load(model, settings.hubert), recogniser)


class Bench:
    """One run."""

    def __init__(self, settings: Settings, given: Tools, told: Told = lambda text: None) -> None:
        self.settings, self.tools, self.told = settings, given, told
        self.kept = Kept(settings.cache)
        self.folder = settings.cache / "clips"

    def measure(self, command: str) -> None:
        """Everything that is wanted and not there yet."""
        cloned = tuple((one.name, one.human, one.sex) for one in self.material.cloned)
        name, size = self.cloner.models.hashes["sovits"][:8], loading.weights_mb(self.settings.model)
        self.kept.note(Facts(name, round(size, 2), cloned, len(self.material.others), command, self.settings.with_text))
        for part in PARTS:
            if part in self.settings.parts:
                getattr(self, f"_{part}")()

    @property
    def minutes(self) -> float:
        """About how long the whole run takes on two cores, without what is there already."""
        clips = len(self.wishes)
        counts = {
            "clips": clips, "words": clips + len(self.takes), "voices": clips + self._recordings,
            "opinions": clips + len(self.takes), "marks": clips * len(marks.AFTER),
            "codes": len(self.material.sentences) * 11 + len(self.takes) * 5,
        }  # fmt: skip
        return sum(SPENT_S[part] * count for part, count in counts.items() if part in self.settings.parts) / 60

    @cached_property
    def material(self) -> Material:
        said = sentences(self.settings.texts, self.settings.number)
        self.told("voices…")
        asked = self.settings
        return material(said, asked.references, asked.speakers, asked.others, OTHERS, asked.sexes)

    @cached_property
    def tuned(self) -> dict[str, Path]:
        """Voices with models of their own."""
        if self.settings.tuned is None:
            return {}
        found = {one.name: self.settings.tuned / one.name for one in self.material.cloned}
        own = {name: folder for name, folder in found.items() if folder.is_dir()}
        if not own:
            cure = f"Make one called {self.material.cloned[0].name}, of the models of `voxproof finetune`."
            raise VoxproofError("has no folder of a cloned voice", path=self.settings.tuned, cure=cure)
        return own

    @cached_property
    def wishes(self) -> list[Wish]:
        return plan(self.material, tuple(self.tuned), min(FEWER, self.settings.number))

    @cached_property
    def takes(self) -> list[tuple[Voice, Take]]:
        """Recordings that are measured beside the clips: those of the cloned voices in turn."""
        rounds = max(len(voice.takes) for voice in self.material.cloned)
        every = [(v, v.takes[n]) for n in range(rounds) for v in self.material.cloned if n < len(v.takes)]
        return [(v, take) for v, take in every if take.fit and take.text][:RECORDINGS]

    @cached_property
    def cloner(self) -> Cloner:
        self.told("models…")
        return self.tools.cloner(self.settings.model)

    @cached_property
    def door(self) -> Door:
        from forensics.benches.clone.making import Door

        return (self.tools.door or Door)(self.settings.cache / "door")

    def settled(self, *ways: str) -> list[Clip]:
        """The clips of this run that were let out."""
        known = [self.kept.clips.get(wish.identity) for wish in self.wishes]
        return [one for one in known if one is not None and not one.refused and (not ways or one.way in ways)]

    @property
    def _recordings(self) -> int:
        return sum(len(self._heard_of(voice)) for voice in (*self.material.cloned, *self.material.others))

    def _heard_of(self, voice: Voice) -> Sequence[Take]:
        """Recordings that are heard for their voice; of others than the cloned, one."""
        if voice not in self.material.cloned:
            return voice.held[:1]
        return tuple(dict.fromkeys((*voice.held, *voice.references)))

    # --- the parts ---------------------------------------------------------------------------------------------------

    def _clips(self) -> None:
        from forensics.benches.clone.making import Maker

        by_identity = {wish.identity: wish for wish in self.wishes}
        makers: dict[str, Maker] = {}

        def made(identity: str) -> Iterator[Clip]:
            wish = by_identity[identity]
            own = wish.voice if wish.way == "tuned" else ""
            if own not in makers:
                makers.clear()
                cloner = self.tools.cloner(str(self.tuned[own])) if own else self.cloner
                makers[own] = Maker(cloner, self.door, self.folder, self.settings.with_text)
            yield makers[own].clip(wish)

        self.kept.clips.fill(sorted(by_identity, key=lambda one: by_identity[one].way == "tuned"), made, self.told)

    def _words(self) -> None:
        wanted = {clip.identity: (clip.text, self._sound(clip)) for clip in self.settled()}
        wanted |= {take_identity(take): (take.text, take.samples) for _, take in self.takes}
        if all(identity in self.kept.said for identity in wanted):
            return
        hear = self.tools.recogniser()

        def heard(identity: str) -> Iterator[words.Said]:
            text, sound = wanted[identity]
            yield words.compared(identity, text, hear(sound()))

        self.kept.said.fill(wanted, heard, self.told)

    def _voices(self) -> None:
        sexes = {voice.name: voice.sex for voice in self.material.cloned}
        wanted: dict[str, tuple[str, str, str, Callable[[], FloatArray]]] = {}
        for clip in self.settled():
            wanted[clip.identity] = (clip.voice, sexes[clip.voice], "clip", self._sound(clip))
        for voice in (*self.material.cloned, *self.material.others):
            for take in self._heard_of(voice):
                role = "reference" if take in voice.references else "held"
                wanted[take_identity(take)] = (voice.name, voice.sex, role, take.samples)
        if all(identity in self.kept.prints for identity in wanted):
            return
        listen = self.tools.listener()

        def heard(identity: str) -> Iterator[likeness.Print]:
            name, sex, role, sound = wanted[identity]
            vector = tuple(round(float(one), 5) for one in listen(sound()))
            yield likeness.Print(identity, name, sex, role, vector)

        self.kept.prints.fill(wanted, heard, self.told)

    def _opinions(self) -> None:
        wanted = {clip.identity: self._sound(clip) for clip in self.settled()}
        wanted |= {take_identity(take): take.samples for _, take in self.takes}
        if all(identity in self.kept.opinions for identity in wanted):
            return
        judge = self.tools.judge()
        self.kept.opinions.fill(wanted, lambda one: [judge(one, wanted[one]())], self.told)

    def _marks(self) -> None:
        wanted = {f"{clip.identity}|{after}": (clip, after) for clip in self.settled() for after in marks.AFTER}
        self.kept.verified.fill(wanted, lambda one: [marks.verified(*wanted[one], self.door, self.folder)], self.told)

    def _codes(self) -> None:
        wanted: dict[str, Callable[[], list[codes.Recoded]]] = {}
        for clip in self.settled("clone", "plain"):
            for change in codes.changes_of(clip.way):
                wanted[f"{clip.identity}|{change}"] = self._recode(clip.identity, clip, change)
        for n, (voice, take) in enumerate(self.takes):
            if voice.human:
                for change in codes.changes_of("human"):
                    identity = take_identity(take)
                    wanted[f"{identity}|{change}"] = self._recode(identity, take, change, n)
        self.kept.recoded.fill(wanted, lambda one: wanted[one](), self.told)
        self.told("mark in the tokens…")
        self.kept.tested.path.unlink(missing_ok=True)
        self.kept.tested = Rows(self.kept.tested.path, codes.Tested)
        rows = [row for one in wanted if (row := self.kept.recoded.get(one)) is not None]
        self.kept.tested.add(codes.tested(self.settled("clone"), rows, self.door.key, SEED))

    def _recode(self, identity: str, what: Clip | Take, change: str, n: int = 0) -> Callable[[], list[codes.Recoded]]:
        from synth.reference import Reference

        def done() -> list[codes.Recoded]:
            if isinstance(what, Take):
                return codes.recoded(identity, "human", what.samples(), change, n, self.cloner)
            strangers = [one for one in self.material.cloned if one.name != what.voice] or list(self.material.others)
            other = Reference.read(strangers[what.number % len(strangers)].takes[0].path) if strangers else None
            sound = self._sound(what)()
            return codes.recoded(identity, what.way, sound, change, what.number, self.cloner, what.text, other)

        return done

    def _cost(self) -> None:
        if self.settings.model in self.kept.costs:
            return
        self.told("speed…")
        take = self.material.cloned[0].references[0]
        said = self.material.sentences[:6]
        take = take if self.settings.with_text else replace(take, text="")
        self.kept.costs.add([cost.measured(self.settings.model, self.settings.hubert, take, said)])

    def _sound(self, clip: Clip) -> Callable[[], FloatArray]:
        """What gives the clip's samples [time] at 16 kHz."""
        return lambda: np.ascontiguousarray(read(self.folder / clip.file, RATE).mono, np.float32)


def take_identity(take: Take) -> str:
    """A recording among clips."""
    return f"take/{take.path}"
