"""One run, from the list of clips to the page."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detectors.card import shipped_cards
from detectors.fusion import load_fusion
from forensics.benches.detector import page
from forensics.benches.detector.clips import Clip, clusters
from forensics.benches.detector.index import read_list
from forensics.benches.detector.others import High, read_scores
from forensics.benches.detector.pictures import draw
from forensics.benches.detector.results import Results, Rows, results
from forensics.benches.detector.run import Measured, Scored, Settings, measure
from forensics.benches.detector.sample import sample
from synth.errors import VoxproofError

STEM = "bench-detector"
Progress = Callable[[Iterable[Measured], int], Iterable[Measured]]


@dataclass(frozen=True)
class Wanted:
    """What a run is asked for."""

    path: Path
    """Folder, CSV or protocol."""
    cache: Path
    """Folder of the rows that are done."""
    command: str
    """As the page tells it."""
    audio: Path | None = None
    with_neutral: bool = False
    channels: tuple[str, ...] = ()
    limit: int | None = None
    seed: int = 1
    scores: tuple[Path, ...] = ()
    high: High = "machine"
    jobs: int = 1
    with_baselines: bool = True


@dataclass(frozen=True)
class Bench:
    """A finished run."""

    told: page.Told
    rows: Rows
    results: Results

    @classmethod
    def run(cls, wanted: Wanted, progress: Progress = lambda rows, total: rows) -> Bench:
        """Score what is not scored yet, and work out all figures; VoxproofError where nothing can be said."""
        listing = read_list(wanted.path, wanted.audio)
        words, source = clusters(listing.clips)
        chosen = listing.clips if wanted.limit is None else sample(listing.clips, source, wanted.limit, wanted.seed)
        others, notes = read_scores(wanted.scores, chosen, wanted.high) if wanted.scores else ({}, [])
        settings = Settings(wanted.with_neutral, wanted.channels, wanted.seed)
        rows: dict[str, list[Scored]] = defaultdict(list)
        faults = list(listing.faults)
        for made, fault in progress(measure(chosen, settings, wanted.cache / "rows.jsonl", wanted.jobs), len(chosen)):
            for row in made:
                rows[row.condition].append(row)
            faults += [fault] if fault else []
        unread = {fault.name for fault in faults}
        clips = {clip.name: clip for clip in chosen if clip.name not in unread}
        if not any(row.answers for made in rows.values() for row in made):
            reason = next((row.reason for made in rows.values() for row in made), faults[0].reason if faults else "")
            raise VoxproofError(f"none of the clips could be tested ({reason.rstrip('.')})", path=wanted.path)
        found = results(rows, clips, source, others, load_fusion(), wanted.seed, wanted.with_baselines)
        count = len({source[name] for name in clips})
        notes += _learnt_from(clips.values())
        told = page.Told(wanted.command, listing, [*clips.values()], faults, words, count, notes, wanted.seed)
        return cls(told, rows, found)

    def text(self, pictures: Mapping[str, str] | None = None) -> str:
        """The page."""
        return page.page(self.told, self.results, load_fusion(), pictures or {})

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return page.as_json(self.told, self.results)

    def write(self, folder: Path) -> str:
        """bench-detector.md, its pictures and bench-detector-scores.csv into the folder; returns the page."""
        folder.mkdir(parents=True, exist_ok=True)
        text = self.text(draw(self.results, folder, STEM))
        (folder / f"{STEM}.md").write_text(text, encoding="utf-8")
        labels = {clip.name: clip.label for clip in self.told.clips}
        with (folder / f"{STEM}-scores.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(("path", "label", "condition", "system", "said", "log10_lr", "unbounded"))
            for condition, rows in self.rows.items():
                for row in rows:
                    for name, answer in row.answers.items():
                        lr, score = round(answer.log10_lr, 4), round(answer.score, 4)
                        writer.writerow((row.name, labels[row.name], condition, name, answer.outcome, lr, score))
        return text


def _learnt_from(clips: Iterable[Clip]) -> list[str]:
    """A warning where sources of the set have the names of sources that the shipped weights learnt from."""
    learnt = {one.name for card in shipped_cards() for one in card.training}
    sources = {clip.source for clip in clips} - {""}
    both = sorted(sources & learnt)
    if not both:
        return []
    return [
        f"**{len(both)} of the {len(sources)} pages or sources have the name of one that the shipped weights learnt "
        f"from, so the figures flatter:** {', '.join(both)}"
    ]
