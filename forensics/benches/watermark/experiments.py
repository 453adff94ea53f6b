"""Forgery and removal: what somebody tries who wants a mark that is false, or none.

Forgery: payloads tampered with at the decoder; marks in sound by a forger who has the detection key but not the MAC
key; the mark moved to another clip. Removal: without the key, with many marked clips, with a detector to ask, and with
the detection key; each with what it costs in quality, against the marked clip.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import scipy.ndimage

from forensics.benches.watermark.attacks import RATE
from forensics.benches.watermark.material import Voice
from forensics.benches.watermark.quality import likeness
from forensics.benches.watermark.run import bench_key, mapped
from forensics.benches.watermark.tables import share
from synth.channels.base import FloatArray
from synth.watermark.carrier import closed, layout, opened
from synth.watermark.coding import encode
from synth.watermark.detect import Detection, detect
from synth.watermark.embed import MarkError, embed, wished
from synth.watermark.keys import WatermarkKey
from synth.watermark.masking import Mask
from synth.watermark.payload import Payload, authenticate_many, seal

SECONDS = 5.0
PARTS = ("tampered", "removals", "averaged", "moved", "forged")
AVERAGED, TARGETS = 20, 10
"""Marked clips whose mean is taken, and other clips that it is taken off."""
_AT_ONCE = 50


@dataclass(frozen=True)
class Wanted:
    """How much is tried."""

    tampered: int
    forged: int
    removals: int
    seed: int
    parts: tuple[str, ...] = PARTS
    jobs: int = 1


@dataclass(frozen=True)
class Trial:
    """One attempt at removal."""

    way: str
    score: float
    found: bool
    authenticated: bool
    pesq: float
    stoi: float


def measure(voices: list[Voice], results: Path, wanted: Wanted, on_step: Callable[[str], None]) -> None:
    """The experiments wanted, into the file `results`; what is there is not measured again."""
    kept = json.loads(results.read_text(encoding="utf-8")) if results.is_file() else {}

    def keep(name: str, value: object, units: int, begun: float) -> None:
        kept[name] = value
        before = kept.setdefault("costs", {}).get(name, [0, 0.0])
        kept["costs"][name] = [before[0] + units, before[1] + time.monotonic() - begun]
        results.write_text(json.dumps(kept), encoding="utf-8")

    begun = time.monotonic()
    if "tampered" in wanted.parts and kept.get("tampered", [0])[0] < wanted.tampered:
        on_step("Tampering with payloads…")
        keep("tampered", tamper(wanted.tampered, wanted.seed), wanted.tampered, begun)
    if "removals" in wanted.parts:
        rest = [v for v in voices[: wanted.removals] if v.name not in kept.get("removal voices", [])]
        for trials in mapped(_removals, [(voice, wanted.seed) for voice in rest], wanted.jobs):
            kept["removal voices"] = [*kept.get("removal voices", []), rest[0].name]
            keep("removals", kept.get("removals", []) + [asdict(trial) for trial in trials], 1, begun)
            on_step(f"Removing marks: {len(kept['removals'])} attempts…")
            rest, begun = rest[1:], time.monotonic()
    if len(voices) > 1 and "averaged" in wanted.parts and "averaged" not in kept:
        on_step("Averaging marked clips…")
        found = average([_cut(voice) for voice in voices[: AVERAGED + TARGETS]], wanted.seed)
        keep("averaged", [asdict(trial) for trial in found], len(found), begun)
        begun = time.monotonic()
    if len(voices) > 1 and "moved" in wanted.parts and "moved" not in kept:
        on_step("Moving marks…")
        keep("moved", move([_cut(voice) for voice in voices], wanted.seed), len(voices), begun)
    if "forged" in wanted.parts and voices:
        first = kept.get("forgeries tried", 0)
        starts = range(first, wanted.forged, _AT_ONCE)
        tasks = [(voices, start, min(start + _AT_ONCE, wanted.forged), wanted.seed) for start in starts]
        begun = time.monotonic()
        for (_, start, end, _), (made, found_, passed) in zip(
            tasks, mapped(_forgeries, tasks, wanted.jobs), strict=True
        ):
            before = kept.get("forged", [0, 0, 0])
            kept["forgeries tried"] = end
            keep("forged", [before[0] + made, before[1] + found_, before[2] + passed], end - start, begun)
            on_step(f"Forging marks: {end}…")
            begun = time.monotonic()


def _removals(task: tuple[Voice, int]) -> list[Trial]:
    voice, seed = task
    return remove(_cut(voice), voice.name, seed)


def _forgeries(task: tuple[Sequence[Voice], int, int, int]) -> list[int]:
    """Forgeries of these numbers -> [made, found, authenticated]; a cut with too little speech makes none."""
    voices, start, end, seed = task
    counts = [0, 0, 0]
    for number in range(start, end):
        try:
            one = forge(_cut(voices[number % len(voices)])[: 4 * RATE], number, seed)
        except MarkError:
            continue
        counts = [counts[0] + 1, counts[1] + (one.outcome == "found"), counts[2] + bool(one.authenticated)]
    return counts


def tamper(number: int, seed: int) -> list[int]:
    """Sealed payloads with 1 to 80 bits turned -> [tried, authenticated]."""
    rng = np.random.default_rng(seed)
    key = bench_key(seed, "issuer")
    passed = tried = 0
    while tried < number:
        size = min(10_000, number - tried)
        bits = np.repeat(seal(Payload(int(rng.integers(2**32)), int(rng.integers(256))), key)[None], size, axis=0)
        order = np.argsort(rng.random(bits.shape), axis=1)
        turned = order < rng.integers(1, 81, size)[:, None]
        passed += sum(answer is not None for answer in authenticate_many(bits ^ turned, key))
        tried += size
    return [tried, passed]


def forge(sound: FloatArray, number: int, seed: int) -> Detection:
    """A mark under the issuer's detection key and another MAC key, as its detector sees it."""
    issuer = bench_key(seed, "issuer")
    forger = WatermarkKey(issuer.detection, bench_key(seed, f"forger {number}").mac_secret)
    marked = embed(sound[:, None], RATE, forger, Payload(number, number % 256)).samples
    return detect(marked, RATE, [issuer])


def move(sounds: list[FloatArray], seed: int) -> list[int]:
    """Residuals put on another voice's clip -> [tried, found, authenticated]."""
    key = bench_key(seed, "issuer")
    found = passed = 0
    for number, sound in enumerate(sounds):
        residual = _marked(sound, key, number) - sound
        other = sounds[(number + 1) % len(sounds)]
        answer = detect(np.clip(other + residual, -1, 1), RATE, [key])
        found += answer.outcome == "found"
        passed += bool(answer.authenticated)
    return [len(sounds), found, passed]


def remove(sound: FloatArray, name: str, seed: int) -> list[Trial]:
    """Every single-clip removal of one clip's mark."""
    key, other = bench_key(seed, "issuer"), bench_key(seed, f"remover of {name}")
    marked = _marked(sound, key, 7)
    again = _marked(marked, other, 8)
    tried = {
        "nothing": marked,
        "marked again under another key": again,
        "another key's residual subtracted": np.clip(2 * marked - again, -1, 1),
        "denoised": denoised(marked),
        "asked the detector 40 times": asked(marked, key, seed),
        "with the detection key and the payload": opposed(marked, key, Payload(7, 7)),
    }
    return [_trial(way, changed, marked, key) for way, changed in tried.items()]


def denoised(sound: FloatArray) -> FloatArray:
    """Spectral subtraction with a floor: 1.5 times the quietest tenth of each bin is taken off its power."""
    spectra = opened(sound)
    power = np.abs(spectra) ** 2
    smooth = scipy.ndimage.uniform_filter(power, (3, 3))
    floor = 1.5 * np.quantile(smooth, 0.1, axis=1, keepdims=True)
    return closed((spectra * np.sqrt(np.maximum(1 - floor / (smooth + 1e-12), 0.05))).astype(np.complex64), sound.size)


def asked(sound: FloatArray, key: WatermarkKey, seed: int, questions: int = 40) -> FloatArray:
    """Random changes of level on random tiles, kept when the detector's score falls (one random walk)."""
    rng = np.random.default_rng(seed)
    spectra = opened(sound)
    mask = Mask(spectra)
    gains: FloatArray = np.zeros(mask.live.shape, np.float32)
    best, lowest = sound, detect(sound, RATE, [key]).score
    for _ in range(questions):
        wish: FloatArray = rng.standard_normal(mask.live.shape).astype(np.float32)
        step = gains + np.float32(0.5) * mask.gains(wish)
        changed = closed((spectra * mask.per_bin(step)).astype(np.complex64), sound.size)
        score = detect(changed, RATE, [key]).score
        if score < lowest:
            best, lowest, gains = changed, score, step
    return best


def opposed(sound: FloatArray, key: WatermarkKey, payload: Payload) -> FloatArray:
    """The same pattern with the opposite sign, by somebody who has the detection key and has read the payload."""
    spectra = opened(sound)
    mask = Mask(spectra)
    pattern = layout(key.detection).pattern(encode(seal(payload, key)))
    factor = mask.per_bin(mask.gains(-wished(pattern, mask.chips)))
    return closed((spectra * factor).astype(np.complex64), sound.size)


def average(sounds: list[FloatArray], seed: int) -> list[Trial]:
    """The mean spectrogram of marked clips of one issuer, as an estimate of the pattern, taken off other clips."""
    key = bench_key(seed, "issuer")
    marked = [_marked(sound, key, number) for number, sound in enumerate(sounds)]
    known = min(AVERAGED, len(sounds) - 1)
    logs = [np.log(np.abs(opened(one)) + 1e-6) for one in marked[:known]]
    frames = min(log.shape[1] for log in logs)
    rough = np.mean([log[:, :frames] - scipy.ndimage.uniform_filter(log[:, :frames], (15, 9)) for log in logs], axis=0)
    trials = []
    for target in marked[known:]:
        spectra = opened(target)
        least = min(frames, spectra.shape[1])
        factor = np.exp(-np.pad(rough[:, :least], ((0, 0), (0, spectra.shape[1] - least))))
        changed = closed((spectra * factor).astype(np.complex64), target.size)
        trials.append(_trial(f"estimated from {known} marked clips, subtracted", changed, target, key))
    return trials


def text(results: Path) -> str:
    """The section of the page."""
    if not results.is_file():
        return "## Forgery and removal\n\nNot measured."
    kept = json.loads(results.read_text(encoding="utf-8"))
    lines = ["## Forgery and removal", ""]
    if "tampered" in kept:
        tried, passed = kept["tampered"]
        lines.append(f"Payloads tampered with at the decoder: {passed} of {tried:,} authenticate.")
    if "forged" in kept:
        tried, found, passed = kept["forged"]
        lines.append(f"Marks in sound under the right detection key and a wrong MAC key: {passed} of {tried:,}")
        lines.append(f"authenticate ({found:,} are found as marks, as they should be).")
    if "moved" in kept:
        tried, found, passed = kept["moved"]
        lines.append(f"Residuals moved to another clip: {passed} of {tried} authenticate, {found} are found.")
    trials = kept.get("removals", []) + kept.get("averaged", [])
    lines += [
        "",
        "| removal | n | still found | still authenticated | score | PESQ-WB | STOI |",
        "|---|---|---|---|---|---|---|",
    ]
    for way in dict.fromkeys(trial["way"] for trial in trials):
        some = [trial for trial in trials if trial["way"] == way]
        found, right = (sum(trial[name] for trial in some) for name in ("found", "authenticated"))
        score, pesq, stoi = (float(np.mean([trial[name] for trial in some])) for name in ("score", "pesq", "stoi"))
        lines.append(
            f"| {way} | {len(some)} | {share(found, len(some))} | {share(right, len(some))} "
            f"| {score:.1f} | {pesq:.2f} | {stoi:.3f} |"
        )
    costs = kept.get("costs", {}).items()
    spent = [f"{name} {total / max(units, 1):.2g} s x {units:,}" for name, (units, total) in costs]
    return "\n".join([*lines, "", "Time taken, by the clock: " + "; ".join(spent) + "."]) + "\n"


def _marked(sound: FloatArray, key: WatermarkKey, number: int) -> FloatArray:
    return embed(sound[:, None], RATE, key, Payload(number, number % 256)).samples[:, 0].astype(np.float32)


def _trial(way: str, changed: FloatArray, marked: FloatArray, key: WatermarkKey) -> Trial:
    answer = detect(changed, RATE, [key])
    pesq, stoi = likeness(marked, changed)
    return Trial(way, answer.score, answer.outcome == "found", bool(answer.authenticated), pesq, stoi)


def _cut(voice: Voice) -> FloatArray:
    return voice.samples()[RATE // 2 : RATE // 2 + int(SECONDS * RATE)]
