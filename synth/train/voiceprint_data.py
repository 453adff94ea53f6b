"""Voiceprint, step 1: lists of recordings -> mel powers of their speech, clean and through channels, on disk.

    python -m synth.train.voiceprint_data --human HUMAN/index.csv --demo DEMO/index.csv --out FOLDER

An index is what `materialise.py` of the data folder writes. Only human recordings count. Parts are disjoint by speaker:
*train* takes permissive licences only; *calibration* and *test* halve the other LibriSpeech speakers and the VCTK and
LibriSpeech/LibriTTS speakers of demo pages (pages whose licence is unclear or forbids derivatives are only ever
measured on); the voice rhasspy_kathleen is in *test* alone. FOLDER/clips.csv lists all clips, FOLDER/<id>.npz holds
log10 of the mel powers as float16: of a training clip, `0` as it is and `1`.. through channels drawn by the clip's id
(of LibriSpeech also 0.87 and 1.15 times as fast, a voice of its own each); of another, `enrolled`, clean, and what is
questioned: `whole`, clean, and 5 s of it under each condition. Where a speaker has one recording only (most of
LibriSpeech here), its first half is enrolled and its second questioned: one session, which flatters.
"""

import argparse
import csv
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from synth import audio
from synth.channels import G711, G722, Aac, AmrNb, Chain, Channel, Gsm, Mp3, Noise, Opus, Resample, Room
from synth.errors import VoxproofError
from synth.mel import MelConfig, mel_filters
from synth.voiceprint_network import BANDS, HOP, RATE, WINDOW, speech_mel

FloatArray = npt.NDArray[np.float32]

PERMISSIVE = ("CC0", "CC-BY-4.0", "MIT", "BSD", "Apache", "AISHELL-1 Apache")
AT_MOST = {"rhasspy_kerstin": 80, "rhasspy_flemishguy": 80, "pmatthes_ljprompts": 40, "aishell_s0913": 40,
           "picovoice_wakeword": 500, "picovoice_s2i": 250, "rhasspy_kathleen": 60, "ohf_samples": 0}  # fmt: skip
"""Clips taken of collections that have many of one speaker, or of speakers that cannot be told apart."""
OF_A_SPEAKER = 3
"""Most recordings of a speaker in calibration and test, of as many utterances."""
LONGEST_S = 16.0
QUESTIONED_S = 5.5
"""Sound, of which channels in calibration and test get so much."""
VARIANTS = 3
FASTER = (0.87, 1.15)
FLOOR = 1e-9

CONDITIONS: dict[str, Channel | None] = {
    "clean": None,
    "MP3 32 kbit/s": Mp3(32_000),
    "AAC 32 kbit/s": Aac(32_000),
    "Opus 12 kbit/s": Opus(12_000),
    "G.711 A-law": G711("a"),
    "GSM full rate": Gsm(),
    "AMR-NB 12.2 kbit/s": AmrNb(12_200),
    "AMR-NB 4.75 kbit/s": AmrNb(4_750),
    "noise 20 dB": Noise(20.0, -3.0),
    "noise 10 dB": Noise(10.0, -3.0),
    "room T60 0.5 s": Room(0.5, 0.0),
    "room + noise + AMR-NB 5.9": Chain((Room(0.4, 3.0), Noise(20.0, -3.0), AmrNb(5_900))),
}
"""Under which calibration and test hear each clip. AAC and GSM are never heard in training."""


@dataclass(frozen=True)
class Clip:
    """A row of clips.csv."""

    id: str
    """CRC-32 of the path in its list, and for another speed `-` and the factor."""
    path: str
    speaker: str
    """`libri:121`, `vctk:p225`, ...; empty where the list does not tell."""
    source: str
    """Collection or demo page."""
    part: str
    """train, calibration or test."""
    corpus: str
    """What a voice is only ever compared within: libri, vctk, or the source."""
    utterance: str
    """Same text and take wherever it occurs; two clips of one utterance are no trial."""
    licence: str
    language: str
    seconds: float
    speed: float = 1.0


def clips_of(index: Path) -> Iterator[Clip]:
    """The human recordings of an index that have a part."""
    taken: dict[str, int] = {}
    with index.open(newline="", encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: zlib.crc32(row["path"].encode()))
    for row in rows:
        if row.get("kind", "human") != "human":
            continue
        source = row.get("page") or row["source_id"]
        taken[source] = taken.get(source, 0) + 1
        if taken[source] > AT_MOST.get(source, 10**9) or float(row["seconds"]) < 0.8:
            continue
        speaker, utterance = who(row, source)
        corpus = speaker.split(":")[0]
        part = part_of(speaker, source, row["licence"])
        if not part:
            continue
        yield Clip(
            id=f"{zlib.crc32(row['path'].encode()):08x}",
            path=str(index.parent / row["path"]),
            speaker=speaker,
            source=source,
            part=part,
            corpus=corpus if corpus in ("libri", "vctk") else source,
            utterance=utterance,
            licence=row["licence"],
            language=row["language"],
            seconds=float(row["seconds"]),
        )


def few(clips: list[Clip]) -> list[Clip]:
    """Outside of training: of each utterance one recording, of each known speaker a few."""
    seen: set[tuple[str, str]] = set()
    count: Counter[str] = Counter()
    kept = []
    for clip in clips:
        if clip.part != "train":
            if (clip.speaker, clip.utterance) in seen or count[clip.speaker] >= OF_A_SPEAKER or not clip.speaker:
                continue
            seen.add((clip.speaker, clip.utterance))
            count[clip.speaker] += 1
        kept.append(clip)
    return kept


def who(row: dict[str, str], source: str) -> tuple[str, str]:
    """Speaker and utterance, as far as names tell."""
    name = Path(row["path"]).name
    if source.startswith(("rhasspy", "aishell", "pmatthes")):
        return f"{source}:1", name
    if source == "librispeech_tc100":
        return f"libri:{re.sub(r'[^0-9]', '', row['speaker'])}", name
    if source == "tortoise":
        return f"tortoise:{row['pair_key'].removeprefix('spk:')}", row["path"]
    if source.startswith("picovoice"):
        return "", name
    if found := re.search(r"(?<![A-Za-z0-9])(p\d{3})_(\d{3})(?=[_.])", name):
        return f"vctk:{found[1]}", f"{found[1]}_{found[2]}"
    if found := re.search(r"(?<!\d)(\d{2,5})[_-](\d{4,6})[_-](\d{4,6}(?:_\d{6})?)", name):
        return f"libri:{found[1]}", "-".join(found.groups())
    if found := re.search(r"SSB(\d{4})", name):
        return f"aishell3:{found[1]}", name
    return "", name


def part_of(speaker: str, source: str, licence: str) -> str:
    """By speaker alone where the speaker is known; otherwise training, if the licence permits."""
    if source == "rhasspy_kathleen":
        return "test"
    permissive = licence.startswith(PERMISSIVE)
    if source == "librispeech_tc100" or speaker.startswith(("libri:", "vctk:")):
        share = zlib.crc32(speaker.encode()) % 100
        if source == "librispeech_tc100" and share < 50:
            return "train"
        if share < 50 and permissive and speaker.startswith("libri:"):
            return "train"
        return "calibration" if zlib.crc32(speaker.encode()) // 100 % 2 else "test"
    return "train" if permissive else ""


def drawn(rng: np.random.Generator) -> Channel:
    """One channel, or several in a row, as training hears them."""
    noise = Noise(float(rng.uniform(5, 25)), float(rng.choice([0.0, -3.0, -6.0])))
    room = Room(float(rng.uniform(0.2, 0.8)), float(rng.uniform(-3, 6)))
    codecs: list[Channel] = [
        Mp3(int(rng.choice([24_000, 32_000, 64_000]))),
        Opus(int(rng.choice([8_000, 12_000, 16_000, 24_000]))),
        G711(str(rng.choice(["a", "mu"]))),
        AmrNb(int(rng.choice([4_750, 5_900, 7_950, 12_200]))),
        G722(),
        Resample(int(rng.choice([8_000, 11_025]))),
    ]
    codec = codecs[rng.choice(6, p=[0.15, 0.2, 0.2, 0.25, 0.05, 0.15])]
    steps: list[tuple[Channel, ...]] = [(codec,), (noise,), (room,), (noise, codec), (room, noise, codec)]
    return Chain(steps[rng.choice(5, p=[0.45, 0.1, 0.1, 0.2, 0.15])])


def log_mel(samples: FloatArray, filters: FloatArray) -> npt.NDArray[np.float16]:
    """Samples [time] at 16 kHz -> log10 of the mel powers of the speech [frames, 40]."""
    return np.log10(np.maximum(speech_mel(samples, filters), FLOOR)).astype(np.float16)


def powers(stored: npt.NDArray[np.float16]) -> FloatArray:
    """The inverse of `log_mel`'s logarithm."""
    return np.asarray(10.0 ** stored.astype(np.float32), np.float32)


def filter_bank() -> FloatArray:
    """The mel filters of the network [40, 201]."""
    return mel_filters(MelConfig(rate=RATE, window=WINDOW, hop=HOP, mels=BANDS))


def heard(clip: Clip, filters: FloatArray, alone: bool = False) -> dict[str, npt.NDArray[np.float16]]:
    """All arrays of a clip; `alone` says that its speaker has no other."""
    samples = audio.read(clip.path, rate=RATE).mono[: int(LONGEST_S * RATE)]
    samples = samples * np.float32(0.5 / max(float(np.abs(samples).max(initial=0.0)), 1e-4))
    if clip.speed != 1.0:
        samples = soxr.resample(samples, RATE * clip.speed, RATE).astype(np.float32)
    seed = zlib.crc32(clip.id.encode())
    if clip.part != "train":
        middle = len(samples) // 2 if alone else 0
        whole = samples[middle:]
        short = whole[: int(QUESTIONED_S * RATE)]
        passed = {name: short if c is None else c(short, RATE, seed)[0] for name, c in CONDITIONS.items()}
        passed |= {"enrolled": samples[: middle or None], "whole": whole}
    else:
        rng = np.random.default_rng(seed)
        passed = {"0": samples} | {str(n + 1): drawn(rng)(samples, RATE, seed + n)[0] for n in range(VARIANTS)}
    return {name: log_mel(sound, filters) for name, sound in passed.items()}


def write_clips(clips: list[Clip], path: Path) -> None:
    """The table of clips."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(Clip.__dataclass_fields__))
        writer.writeheader()
        writer.writerows(clip.__dict__ for clip in clips)


def read_clips(path: Path) -> list[Clip]:
    """The table of clips."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [Clip(**{**row, "seconds": float(row["seconds"]), "speed": float(row["speed"])}) for row in rows]  # type: ignore[arg-type]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--human", type=Path, required=True, help="index.csv of the human recordings")
    parser.add_argument("--demo", type=Path, required=True, help="index.csv of the demo pages")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    clips = few([clip for index in (arguments.human, arguments.demo) for clip in clips_of(index)])
    faster = [
        replace(clip, id=f"{clip.id}-{speed}", speaker=f"{clip.speaker}-{speed}", speed=speed)
        for clip in clips
        if clip.part == "train" and clip.source == "librispeech_tc100"
        for speed in FASTER
    ]
    clips = sorted(clips + faster, key=lambda clip: (clip.part != "train", clip.speed != 1.0, clip.id))
    write_clips(clips, arguments.out / "clips.csv")
    for part in ("train", "calibration", "test"):
        of = [clip for clip in clips if clip.part == part]
        known = {clip.speaker for clip in of if clip.speaker}
        print(f"{part}: {len(of)} clips, {len(known)} known speakers, {sum(c.seconds for c in of) / 3600:.2f} h")
    filters = filter_bank()
    recordings = Counter(clip.speaker for clip in clips)
    for clip in clips:
        target = arguments.out / f"{clip.id}.npz"
        if target.exists():
            continue
        try:
            arrays = heard(clip, filters, recordings[clip.speaker] == 1)
        except VoxproofError as error:
            print(error)
            continue
        part = target.with_suffix(".part.npz")
        np.savez(part, **arrays)  # type: ignore[arg-type]
        part.replace(target)


if __name__ == "__main__":
    main()
