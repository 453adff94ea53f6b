"""From a `.list` file to shards: phones, sound at 32 kHz, content features, BERT features of Chinese.

A recording that cannot be used is reported with its cause and cure, and the others go on. What was done is kept:
run again after any interruption, it goes on with the next shard.

Sound as the reference prepares it (spec: RVC-Boss/GPT-SoVITS, commit 48b1a01, 2-get-hubert): half of the wave itself
and half of it scaled to a peak of 0.95; louder than 2.2 times full scale is refused. Features are taken from the same
wave with a full scale of 1, as at inference; the reference scales it by 1145 for training, which HuBERT's first
normalisation takes away again but for very quiet sound.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import soxr
import torch
from torch import Tensor

from synth.audio import open_recording
from synth.bert import WIDTH
from synth.errors import VoxproofError
from synth.measures import measure_activity
from synth.pitch import pitch_of
from synth.text.frame import Language, Phones
from synth.text.pipeline import TextPipeline, Utterance
from synth.text.symbols import table_of
from synth.train.content import RATE, Content
from synth.train.list_file import Item, Trouble, read_list
from synth.train.shards import (
    PREPARATION,
    SOUND_RATE,
    TROUBLES,
    Entry,
    Prepared,
    read_json,
    shard_entries,
    shard_path,
    write_json,
    write_shard,
)
from synth.voiceprint import voice_vector

UNTOLD = "[?]"
"""Text of a recording whose words are not known: its one phone is UNK; S1 leaves it out, S2 learns from its sound."""
LOUDEST = 2.2
SHORTEST_S, LONGEST_S = 0.6, 54.0
_FORMAT = 1


Bert = Callable[[str, Sequence[int]], Tensor]
"""Normalised text and phones of each character -> features [phones, 1024] (`synth.bert.BertFeatures.features`)."""


@dataclass(frozen=True)
class PreparationConfig:
    """What is taken and how."""

    model: str = "v2"
    """Version of the model: decides the phoneme table."""
    least_snr_db: float = 20.0
    """Recordings with less are left out with a warning."""
    keep_noisy: bool = False
    """Use them all the same, with the warning."""
    per_shard: int = 32
    """Recordings a file."""


class Progress(NamedTuple):
    """Where a preparation is."""

    done: int
    total: int
    what: str


def prepare(
    list_path: str | Path,
    folder: str | Path,
    content: Content,
    config: PreparationConfig | None = None,
    *,
    bert: Bert | None = None,
    speaker: Callable[[Tensor], Tensor] | None = None,
    progress: Callable[[Progress], None] = lambda progress: None,
) -> Prepared:
    """Prepares all recordings of the list; `speaker` (samples [n] at 16 kHz -> [20480]) is for the Pro versions."""
    config = config or PreparationConfig()
    folder = Path(folder)
    items, troubles = read_list(list_path)
    languages = sorted({item.language for item in items})
    pipelines = {language: TextPipeline(language, config.model) for language in languages}
    if "zh" in pipelines and bert is None:
        raise VoxproofError("has Chinese text, which needs BERT features", path=list_path, cure="Say --bert FOLDER.")
    if config.model in ("v2Pro", "v2ProPlus") and speaker is None:
        raise VoxproofError(
            f"{config.model} needs the speaker-verification network", path=list_path, cure="Say --speaker FILE."
        )
    facts = {
        "format": _FORMAT,
        "model": config.model,
        "content": content.name,
        "text_pipeline": _pipeline_hash(pipelines),
        "text_pipelines": {language: pipeline.hash for language, pipeline in pipelines.items()},
        "settings": asdict(config),
        "list": Path(list_path).name,
    }
    mark = _digest([facts, [(i.line, str(i.path), i.speaker, i.language, i.text) for i in items]])
    facts["fingerprint"] = mark
    shards = [items[at : at + config.per_shard] for at in range(0, len(items), config.per_shard)]
    facts["shards"] = len(shards)
    _same_as_before(folder, mark)
    write_json(folder / PREPARATION, facts | {"complete": False})
    found = [trouble.to_mapping() for trouble in troubles]
    done = 0
    for number, members in enumerate(shards):
        if not shard_path(folder, number).exists():
            made: list[tuple[Entry, dict[str, Tensor]]] = []
            wrong: list[Trouble] = []
            for item in members:
                progress(Progress(done, len(items), item.path.name))
                made += _tried(item, number, pipelines[item.language], content, config, bert, speaker, wrong)
                done += 1
            write_shard(folder, number, made, [trouble.to_mapping() for trouble in wrong], mark)
        else:
            done += len(members)
        found += shard_entries(shard_path(folder, number))[1]
    lines = "".join(json.dumps(trouble, ensure_ascii=False) + "\n" for trouble in found)
    (folder / TROUBLES).write_text(lines, encoding="utf-8")
    write_json(folder / PREPARATION, facts | {"complete": True})
    progress(Progress(len(items), len(items), ""))
    return Prepared(folder)


def _same_as_before(folder: Path, mark: str) -> None:
    """Refuses a folder that holds data of another list or other settings."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / PREPARATION).exists():
        before = read_json(folder / PREPARATION).get("fingerprint")
        if before != mark:
            raise VoxproofError(
                "holds data of another list, other settings or other text front ends", path=folder,
                cure="Choose an empty folder, or delete this one.",
            )  # fmt: skip


def _tried(
    item: Item,
    shard: int,
    pipeline: TextPipeline,
    content: Content,
    config: PreparationConfig,
    bert: Bert | None,
    speaker: Callable[[Tensor], Tensor] | None,
    wrong: list[Trouble],
) -> list[tuple[Entry, dict[str, Tensor]]]:
    """The recording, or nothing and the reason in `wrong`."""
    try:
        wave, snr = _sound(item, config, wrong)
        low = torch.from_numpy(soxr.resample(wave, SOUND_RATE, RATE).astype(np.float32))
        utterance = _untold(config.model) if item.text == UNTOLD else pipeline.read(item.text)
        if not utterance.ids or not utterance.normalised.strip():
            raise VoxproofError("nothing in its text can be spoken", cure="Correct the text.")
        parts = {
            "phones": torch.tensor(utterance.ids, dtype=torch.int32),
            "sound": torch.from_numpy(np.round(wave * 32767).astype(np.int16)),
            "content": content(low).float(),
        }
        if content.lite:  # that size has a source of its own
            parts["pitch"] = torch.from_numpy(pitch_of(wave, SOUND_RATE)).half()
            parts["speaker"] = torch.from_numpy(voice_vector(low.numpy(), RATE))
        if not bool(torch.isfinite(parts["content"]).all()):
            raise VoxproofError("its content features are not finite", cure="Look at the recording.")
        if any(part.language == "zh" for part in utterance.parts) and bert is not None:
            parts["bert"] = _bert(utterance, bert)
        if speaker is not None:
            with torch.no_grad():
                parts["speaker"] = speaker(low).flatten().float()
    except (VoxproofError, ValueError, RuntimeError, OSError, KeyError, IndexError) as error:
        cause, cure = (error.cause, error.cure) if isinstance(error, VoxproofError) else (str(error), "")
        wrong.append(Trouble(item.line, str(item.path), cause or type(error).__name__, cure))
        return []
    seconds = len(wave) / SOUND_RATE
    text, count = utterance.normalised, len(utterance.ids)
    entry = Entry(item.line, str(item.path), item.speaker, item.language, text, seconds, count, snr, shard)
    return [(entry, parts)]


def _untold(model: str) -> Utterance:
    return Utterance(UNTOLD, (Phones.of("en", table_of(model), UNTOLD, ("UNK",)),))


def _sound(item: Item, config: PreparationConfig, wrong: list[Trouble]) -> tuple[npt.NDArray[np.float32], float | None]:
    """Samples [n] float32 at 32 kHz as the model is to hear them, and the SNR in dB."""
    with open_recording(item.path) as recording:
        if not SHORTEST_S < recording.seconds <= LONGEST_S:
            raise VoxproofError(
                f"is {recording.seconds:.1f} s long, outside {SHORTEST_S} to {LONGEST_S:.0f} s",
                cure="Cut long recordings: voxproof train slice.",
            )
        activity = measure_activity(recording)
        wave = np.concatenate(list(recording.resampled(SOUND_RATE)))
    peak = float(np.abs(wave).max())
    if activity.speech_seconds == 0 or peak < 1e-4:
        raise VoxproofError("holds no speech", cure="Take it out of the list.")
    if peak > LOUDEST:
        raise VoxproofError(f"has a peak of {peak:.1f} times full scale", cure="Export it again at a lower level.")
    snr = activity.snr_db
    if snr is not None and snr < config.least_snr_db:
        cause = f"has a signal-to-noise ratio of {snr:.1f} dB, less than {config.least_snr_db:.1f} dB"
        if not config.keep_noisy:
            raise VoxproofError(cause, cure="Clean it, leave it out, or say --keep-noisy.")
        wrong.append(Trouble(item.line, str(item.path), cause, "The model will learn the noise.", used=True))
    blended = 0.5 * wave + 0.5 * (0.95 / peak) * wave
    return np.clip(blended, -1.0, 1.0).astype(np.float32), snr


def _bert(utterance: Utterance, bert: Bert) -> Tensor:
    """[phones, 1024], zero for the stretches that are not Chinese."""
    parts = []
    for part in utterance.parts:
        if part.language == "zh" and part.word2ph is not None:
            parts.append(bert(part.text, part.word2ph).float().cpu())
        else:
            parts.append(torch.zeros(len(part.ids), WIDTH))
    return torch.cat(parts).half()


def _pipeline_hash(pipelines: Mapping[Language, TextPipeline]) -> str:
    """That of the one language; of several, that of the mode which tells them apart."""
    modes = [*pipelines, "auto", "auto_yue"] if len(pipelines) == 1 else ["auto", "auto_yue"]
    model = next(iter(pipelines.values())).model
    for mode in modes:
        pipeline = TextPipeline(mode, model)  # type: ignore[arg-type]
        if pipelines.keys() <= set(pipeline.languages):
            return pipeline.hash
    raise VoxproofError(
        f"no model speaks {' and '.join(pipelines)} together", cure="Leave one of zh and yue out of the list."
    )


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
