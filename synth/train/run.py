"""The loop around every training: epochs, validation, log, export, and the state from which any kill is resumed.

Nothing random is remembered. The batches of an epoch follow from (seed, epoch), what a step draws from (seed, step),
so that the state is weights, optimisers and three numbers, and a resumed curve is the uninterrupted one bit for bit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from synth.checkpoint import Checkpoint, write_checkpoint
from synth.errors import VoxproofError
from synth.train.batches import Batches, held_out, shown
from synth.train.log import Log
from synth.train.recipe import Recipe, mixed_seed
from synth.train.state import STATE, Position, frozen_digest, load_state, save_state


@dataclass(frozen=True)
class RunConfig:
    """How long and in what portions; the recipes have the rest."""

    epochs: int
    batch: int
    """Recordings a batch, on each process."""
    accumulation: int = 1
    """Batches a step."""
    seed: int = 1234
    validation: float = 0.02
    """Share of the recordings that is held out."""
    save_every: int = 200
    """Steps from one saved state to the next, besides the ends of epochs."""
    export_every: int = 0
    """Epochs from one exported checkpoint to the next; 0: only at the end."""
    beginnings: bool = False
    """Export with each checkpoint what other trainings can start from, too."""
    most_steps: int | None = None
    """Stop after so many steps, however many epochs are left."""
    workers: int = 0
    """Processes that read recordings; 0: this one does."""


@dataclass(frozen=True)
class Progress:
    """After a step."""

    step: int
    steps: int
    """In all, as far as can be said."""
    epoch: int
    values: dict[str, float]


@dataclass(frozen=True)
class Summary:
    """What a training did."""

    recipe: str
    steps: int
    """From the very beginning."""
    epochs: float
    """The same in passes over the data."""
    resumed_from: int
    """Step at which it went on; 0: it began."""
    first: dict[str, float]
    """Each loss as this run first had it."""
    last: dict[str, float]
    """And as it last had it."""
    validation: dict[str, float]
    """Of the last epoch; empty if nothing is held out."""
    exported: list[str] = field(default_factory=list)
    """Official containers that were written."""
    sounds: list[str] = field(default_factory=list)
    """What was let out to be listened to."""
    withheld: list[str] = field(default_factory=list)
    """What was not, and why."""
    seconds: float = 0.0


class Ear(Protocol):
    """Who listens to a training (`synth.train.listening.Listening`)."""

    every: int
    """Epochs from one time to the next, besides the end."""
    sounds: list[str]
    withheld: list[str]

    @property
    def recordings(self) -> Sequence[int]:
        """Numbers of those that are to be said."""

    def hear(self, step: int, index: int, samples: Tensor, rate: int) -> None:
        """Samples [n] of one of them as the model says it."""


class _Reading(Dataset[Any]):
    """Batch after batch, for worker processes."""

    def __init__(self, recipe: Recipe[Any], batches: Sequence[Sequence[int]]) -> None:
        self.recipe, self.batches = recipe, batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, place: int) -> Any:
        return self.recipe.batch(self.batches[place])


def train(
    recipe: Recipe[Any],
    folder: str | Path,
    config: RunConfig,
    *,
    resume: bool = True,
    progress: Callable[[Progress], None] = lambda progress: None,
    ear: Ear | None = None,
) -> Summary:
    """Trains to the end of `config`, from where the state in `folder` is if `resume`.

    A training writes no sound. The first process's `ear` is given recordings as the model says them; whoever lets them
    out does so through the door of synth/emission.py.
    """
    began = time.monotonic()
    folder, team = Path(folder), recipe.team
    folder.mkdir(parents=True, exist_ok=True)
    apart = set(held_out(len(recipe.lengths), config.validation))
    used = [i for i in range(len(recipe.lengths)) if i not in apart]
    if not used:
        raise VoxproofError("no recording is left to train on", cure="Prepare more recordings.")
    lengths = [recipe.lengths[i] for i in used]
    plan = Batches(lengths, config.batch, recipe.edges, config.seed, team.rank, team.world)
    settings = recipe.settings() | {
        "batch": config.batch, "accumulation": config.accumulation, "seed": config.seed,
        "validation": config.validation, "processes": team.world, "frozen weights": frozen_digest(recipe.networks),
    }  # fmt: skip
    at = Position()
    if resume and (folder / STATE).exists():
        at, scaler = load_state(folder / STATE, settings, recipe.networks, recipe.optimisers)
        if scaler:
            recipe.mixed.scaler.load_state_dict(scaler)
    started = at.step
    log = Log(folder, at.step) if team.writes else None
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    checked: dict[str, float] = {}
    exported: list[str] = []
    left = len(plan.steps(1, config.accumulation)) * config.epochs  # buckets are the same in all epochs

    def save() -> None:
        if team.writes:
            scaler = recipe.mixed.scaler.state_dict()
            save_state(folder / STATE, at, settings, recipe.networks, recipe.optimisers, scaler)

    def export(epoch: int) -> None:
        if team.writes:
            made = {recipe.name: recipe.checkpoint(epoch, at.step)}
            if config.beginnings:
                made |= recipe.beginnings(epoch, at.step)
            exported.extend(str(_export(kind, found, folder, epoch, at.step)) for kind, found in made.items())

    def finished() -> bool:
        return at.epoch > config.epochs or (config.most_steps is not None and at.step >= config.most_steps)

    def ends() -> bool:
        return at.epoch == config.epochs or finished()

    total = left if config.most_steps is None else min(left, config.most_steps)
    try:
        while not finished():
            recipe.begin_epoch(at.epoch)
            groups = plan.steps(at.epoch, config.accumulation)
            for batches in _read(recipe, [[[used[i] for i in b] for b in g] for g in groups[at.within :]], config):
                values = _stepped(recipe, batches, config.seed, at.step)
                at = Position(at.step + 1, at.epoch, at.within + 1)
                first, last = values | first, last | values
                if log is not None:
                    log.add("train", at.step, at.epoch, values)
                progress(Progress(at.step, total, at.epoch, values))
                if at.within == len(groups) or finished():
                    break
                if at.step % config.save_every == 0:
                    save()
            if at.within == len(groups) or finished():
                checked = _validated(recipe, sorted(apart), config)
                if log is not None and checked:
                    log.add("validation", at.step, at.epoch, checked)
                if log is not None:
                    log.picture(at.step, recipe.picture(shown(len(recipe.lengths), config.validation)[0]))
                if ear is not None and team.writes and (at.epoch % ear.every == 0 or ends()):
                    _heard(recipe, at.step, ear)
            if at.within == len(groups):
                ended = at.epoch
                at = Position(at.step, at.epoch + 1, 0)
                if finished() or (config.export_every and ended % config.export_every == 0):
                    export(ended)
            elif finished():
                export(at.epoch)
            save()
    finally:
        if log is not None:
            log.close()
    team.wait()
    passes = at.epoch - 1 + at.within / max(len(plan.steps(at.epoch, config.accumulation)), 1)
    seconds = time.monotonic() - began
    sounds, withheld = ([], []) if ear is None else (ear.sounds, ear.withheld)
    return Summary(
        recipe.name, at.step, passes, started, first, last, checked, exported, sounds, withheld, seconds
    )  # fmt: skip


def _stepped(recipe: Recipe[Any], batches: Sequence[Any], seed: int, step: int) -> dict[str, float]:
    """One step, and its losses over all processes."""
    own = mixed_seed(seed, step)
    torch.manual_seed(mixed_seed(seed, step, recipe.team.rank))
    values = recipe.team.mean(recipe.step(batches, own))
    if wrong := [name for name, value in values.items() if not math.isfinite(value)]:
        raise VoxproofError(
            f"the training ran away: {wrong[0]} is no number at step {step + 1}",
            cure="Lower the learning rate or use float32; the last saved state is still there.",
        )
    return values


def _read(recipe: Recipe[Any], groups: Sequence[list[list[int]]], config: RunConfig) -> Iterator[list[Any]]:
    """The batches of each step, read ahead by the workers if there are any."""
    batches = [batch for group in groups for batch in group]
    reading = _Reading(recipe, batches)
    if config.workers:
        stream: Iterator[Any] = iter(DataLoader(reading, batch_size=None, num_workers=config.workers))
    else:
        stream = (reading[place] for place in range(len(batches)))
    for group in groups:
        yield [next(stream) for _ in group]


def _validated(recipe: Recipe[Any], indices: Sequence[int], config: RunConfig) -> dict[str, float]:
    """Mean losses over the recordings that are held out; every process has the same."""
    sums: dict[str, float] = {}
    for network in recipe.networks.values():
        network.eval()
    parts = [indices[place : place + config.batch] for place in range(0, len(indices), config.batch)]
    for part in parts:
        torch.manual_seed(config.seed)
        with torch.no_grad():
            values = recipe.validate(recipe.batch(part), config.seed)
        for name, value in values.items():
            sums[name] = sums.get(name, 0.0) + value * len(part) / len(indices)
    for network in recipe.networks.values():
        network.train()
    return sums


def _heard(recipe: Recipe[Any], step: int, ear: Ear) -> None:
    for index in ear.recordings:
        if (said := recipe.rendering(index)) is not None:
            ear.hear(step, index, *said)


def _export(name: str, checkpoint: Checkpoint, folder: Path, epoch: int, step: int) -> Path:
    suffix = "ckpt" if checkpoint.kind == "gpt" else "pth"
    path = folder / f"{name}-e{epoch}-s{step}.{suffix}"
    write_checkpoint(checkpoint, path)
    return path
