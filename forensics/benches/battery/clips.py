"""The human recordings of the validation: read from folders with an index, and kept in two parts by source.

A folder has an `index.csv` with the columns `path`, `sample_rate`, `seconds`, and where known `source_id` (or `source`,
`page`), `speaker` (or `pair_key` with the prefix `spk:`), `orig_codec`, `repo`, `licence`, `kind` or `label`.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import soundfile

from synth.errors import VoxproofError

Part = Literal["validation", "tuning"]

TUNING = frozenset(
    {
        "rhasspy_flemishguy", "picovoice_wakeword", "rhasspy_kerstin", "librispeech_tc100", "aishell_s0913",
        "ohf_samples", "pmatthes_ljprompts", "pocketsphinx", "asterisk",
    }
)  # fmt: skip
"""Sources that thresholds were chosen on; every other source belongs to the validation part."""
NEVER_LOSSY = ("rhasspy_kathleen", "rhasspy_flemishguy", "picovoice_wakeword", "picovoice_s2i")
"""Sources that their makers recorded and published without lossy coding, as far as they say."""
DOUBTED = {
    "picovoice_s2i": "published as PCM by a crowd; 14 of 562 drawn by lot were MP3 once ([material.md](material.md))",
}
"""What is known against that, in words for the document: source to words."""
DEBIAN = {"pocketsphinx": "/usr/share/pocketsphinx/test/data", "asterisk": "/usr/share/asterisk/sounds"}
"""Recordings of Debian's pocketsphinx-testdata and asterisk-core-sounds-en-wav."""


@dataclass(frozen=True)
class Clip:
    """A human recording that was not edited."""

    path: Path
    source: str
    """Collection or page it comes from."""
    speaker: str
    """Speaker within the source; empty where it is not known."""
    rate: int
    """Native sample rate, Hz."""
    seconds: float
    codec: str = ""
    """Codec in which the source published it, as the index has it, e.g. "wav/pcm_16"."""
    origin: str = ""
    """Public repository and licence, for the document."""

    @property
    def part(self) -> Part:
        """Part of the material that its source belongs to."""
        return "tuning" if self.source in TUNING else "validation"

    @property
    def never_lossy(self) -> bool:
        """Whether the recording is known never to have been coded with loss."""
        return self.source in NEVER_LOSSY and self.codec.startswith(("wav/pcm", "flac/pcm"))

    @property
    def order(self) -> tuple[int, str]:
        """Order of recording within the source: by the time stamp in the name where there is one, or by name."""
        stamp = re.search(r"_(\d{10})$", self.path.stem)
        return (int(stamp.group(1)) if stamp else 0, str(self.path))


def debian_clips() -> list[Clip]:
    """Spoken recordings of the two Debian packages, where they are installed."""
    clips = []
    for source, folder in DEBIAN.items():
        for path in sorted(Path(folder).rglob("*.wav")):
            spoken = "tone" not in path.stem and "beep" not in path.stem and "silence" not in path.parts
            facts = soundfile.info(path) if spoken else None
            if facts and 1.2 <= facts.duration <= 60:
                speaker = f"{source}/{path.parent.name}"
                clips.append(Clip(path, source, speaker, facts.samplerate, facts.duration, origin="Debian"))
    return clips


def listed_clips(folder: Path) -> list[Clip]:
    """Human recordings of a folder with an index."""
    index = folder / "index.csv"
    if not index.is_file():
        raise VoxproofError("has no index.csv", path=folder, cure="Give a folder of recordings with an index")
    with index.open(newline="", encoding="utf-8") as stream:
        rows = [_clip(row, folder) for row in csv.DictReader(stream)]
    return [clip for clip in rows if clip and clip.path.is_file()]


def _clip(row: dict[str, str], folder: Path) -> Clip | None:
    """The clip of a row of the index; None for machine speech."""
    if row.get("label", "bonafide") != "bonafide" or row.get("kind", "human") not in ("human", "", "bonafide"):
        return None
    source = row.get("source_id") or row.get("source") or row.get("page") or folder.name
    pair = row.get("pair_key") or ""
    speaker = row.get("speaker") or (pair if pair.startswith("spk:") else "")
    return Clip(
        folder / row["path"],
        source,
        f"{source}/{speaker}" if speaker and "unknown" not in speaker else "",
        int(row["sample_rate"]),
        float(row.get("seconds") or 0),
        row.get("orig_codec") or "",
        ", ".join(filter(None, (row.get("repo"), row.get("licence")))),
    )
