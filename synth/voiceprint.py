"""Voiceprints: what a voice sounds like in 128 numbers, in 132 bytes of a consent, and in the 8 bits of a payload.

`hear_voice` listens to a recording, `compare_voices` says how strongly it supports that its voice is the enrolled one:
a calibrated likelihood ratio, bounded by what the validation supports. A clone of the enrolled voice is meant to sound
like it and gives the same answer: this is about whose voice it is, never about who or what spoke. Two recordings of one
voice give different bytes; recordings are compared by `compare_voices`, and a tag only says which stored voiceprint a
clip was issued for. Figures, domain and sources: `weights/voiceprint.yaml`, `docs/voiceprint.md`.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file

from synth.card import checked_weights
from synth.errors import VoxproofError
from synth.measures import HOP as ACTIVITY_HOP
from synth.measures import speech_frames
from synth.voiceprint_card import WEIGHTS, Calibration, VoiceprintCard, voiceprint_card
from synth.voiceprint_network import (
    FRAMES,
    HOP,
    RATE,
    STRETCH,
    STRETCHES,
    UNITS,
    VoiceNetwork,
    likeness_of_halves,
    shapes,
    speech_mel,
    starts,
    unit,
)

FloatArray = npt.NDArray[np.float32]

MARK_BYTES = 4
"""Of the weights' SHA-256, in front of the components: voiceprints of other weights cannot be compared."""
PROPOSITIONS = (
    "the speech of the recording has the enrolled voice",
    "the speech of the recording has the voice of another speaker",
)
"""H1 and H2 of the speaker LR; a clone of the enrolled voice has that voice."""
SHORTEST_S, LONGEST_S = 1.0, 10.0
"""Speech between which the calibration knows the effect of length."""
Z95 = 1.959964


class VoiceprintError(VoxproofError):
    """A recording that no voiceprint can be taken of, or bytes that are none."""


@dataclass(frozen=True)
class Voiceprint:
    """What was heard of the voice of one recording."""

    embedding: FloatArray
    """[dimensions], unit length."""
    speech_seconds: float
    """Speech it was heard in, a minute at most."""
    likeness_of_halves: float | None
    """Cosine between the two groups that its windows fall into; None when there is too little speech to tell."""
    windows: FloatArray | None = None
    """Embeddings of the windows of 1.6 s of speech that were heard, [windows, dimensions]; None of stored bytes."""

    @property
    def one_voice(self) -> bool | None:
        """Whether the recording holds one voice, as far as can be told."""
        return (
            None if self.likeness_of_halves is None else self.likeness_of_halves >= voiceprint_card().one_voice.cosine
        )


@dataclass(frozen=True)
class Comparison:
    """A questioned recording against an enrolled voice."""

    similarity: float
    """Cosine of the embeddings, -1..1."""
    same_voice: bool
    """Whether the cosine reaches the card's threshold."""
    log10_lr: float
    """log10 of P(evidence | the enrolled voice) / P(evidence | another voice), inside the card's bounds."""
    log10_lr_bounds: tuple[float, float]
    """Ends of the 95 % interval of the calibration, inside the same bounds."""


def hear_voice(samples: npt.NDArray[np.floating], rate: int, *, enrol: bool = False) -> Voiceprint:
    """Mono samples [time], full scale 1, at `rate` Hz -> the voice in them.

    Raises VoiceprintError when there is too little speech. `enrol` asks for more of it, and refuses two voices.
    """
    if samples.ndim != 1 or rate < 1:
        raise VoiceprintError(f"a voiceprint takes mono samples [time] and a rate, not {samples.shape} at {rate} Hz")
    if not np.isfinite(samples).all():
        raise VoiceprintError("the samples hold values that are no numbers")
    card, network = voiceprint_card(), voice_network()
    mel = speech_mel(_at_16_khz(np.asarray(samples, np.float32), rate), network.filters)
    seconds = len(mel) * HOP / RATE
    least = card.min_enrolled_seconds if enrol else card.min_speech_seconds
    if seconds < least:
        raise VoiceprintError(
            f"there is too little speech for a voiceprint ({seconds:.1f} s, at least {least:g} s are needed)",
            cure="Give a longer recording of the voice.",
        )
    vectors = network.heard(mel)
    windows = network.embedding(vectors)
    found = Voiceprint(
        embedding=network.embedding(vectors.mean(axis=0)),
        speech_seconds=seconds,
        likeness_of_halves=likeness_of_halves(windows),
        windows=windows,
    )
    if enrol and found.one_voice is False:
        raise VoiceprintError(
            "the recording seems to hold more than one voice", cure="Give a recording in which one person speaks."
        )
    return found


def window_times(samples: npt.NDArray[np.floating], rate: int) -> list[tuple[float, float]] | None:
    """First and last instant, in seconds, of the windows of speech that `hear_voice` hears of these samples.

    None where it hears stretches of a longer recording.
    """
    sound = _at_16_khz(np.asarray(samples, np.float32), rate)
    frames = np.flatnonzero(speech_frames(sound))
    count = int(np.minimum((frames + 1) * ACTIVITY_HOP, len(sound)).sum() - (frames * ACTIVITY_HOP).sum())
    if not count or count > STRETCHES * STRETCH:
        return None
    spectra = 1 + count // HOP
    ends = [(first * HOP, min((first + FRAMES) * HOP, count) - 1) for first in starts(spectra).tolist()]
    places = [[int(frames[at // ACTIVITY_HOP]) * ACTIVITY_HOP + at % ACTIVITY_HOP for at in pair] for pair in ends]
    return [(first / RATE, (last + 1) / RATE) for first, last in places]


def embed_voice(samples: npt.NDArray[np.floating], rate: int) -> FloatArray:
    """Mono samples [time] at `rate` Hz -> embedding [dimensions] of unit length."""
    return hear_voice(samples, rate).embedding


def voice_vector(samples: npt.NDArray[np.floating], rate: int) -> FloatArray:
    """Mono samples [time] at `rate` Hz -> what a network of ours is told of the voice [256]; zeros without speech.

    The network's vector before the linear map, less its mean over many voices, times 4: about 3 long.
    """
    network = voice_network()
    mel = speech_mel(_at_16_khz(np.asarray(samples, np.float32), rate), network.filters)
    return network.described(network.voice(mel)) if len(mel) else np.zeros(UNITS, np.float32)


def similarity(a: FloatArray, b: FloatArray) -> float:
    """Cosine of two embeddings, -1..1."""
    one, two = unit(np.asarray(a, np.float32)), unit(np.asarray(b, np.float32))
    return float(np.clip(np.dot(one.astype(np.float64), two.astype(np.float64)), -1.0, 1.0))


def compare_voices(enrolled: Voiceprint, questioned: Voiceprint) -> Comparison:
    """How strongly a recording supports that its voice is the enrolled one."""
    card = voiceprint_card()
    cosine = similarity(enrolled.embedding, questioned.embedding)
    shorter = min(enrolled.speech_seconds, questioned.speech_seconds)
    value, lower, upper = speaker_log10_lr(card.calibration, cosine, shorter)
    return Comparison(cosine, cosine >= card.threshold.cosine, value, (lower, upper))


def speaker_log10_lr(calibration: Calibration, cosine: float, speech_seconds: float) -> tuple[float, float, float]:
    """Bounded log10 LR with the ends of its 95 % interval; `speech_seconds` of the shorter recording."""
    octaves = float(np.log2(np.clip(speech_seconds, SHORTEST_S, LONGEST_S) / 4))
    slope = max(calibration.slope + calibration.slope_per_octave * octaves, 0.0)
    value = slope * cosine + calibration.intercept + calibration.intercept_per_octave * octaves
    x = np.array([cosine, octaves * cosine, 1.0, octaves])
    half = Z95 * float(np.sqrt(max(x @ np.array(calibration.covariance) @ x, 0.0)))
    low, mid, high = np.clip([value - half, value, value + half], calibration.lower, calibration.upper)
    return float(mid), float(low), float(high)


def quantise(embedding: FloatArray) -> bytes:
    """An embedding as it is stored: 4 bytes that name the weights, a signed byte per dimension, the largest ±127."""
    card = voiceprint_card()
    vector = unit(np.asarray(embedding, np.float32))
    if vector.shape != (card.dimensions,) or not abs(float(np.linalg.norm(vector)) - 1) < 1e-3:
        raise VoiceprintError(f"a voiceprint has {card.dimensions} numbers and a length, not {vector.shape}")
    largest = np.abs(vector.astype(np.float64)).max()
    steps: npt.NDArray[np.int8] = np.rint(vector.astype(np.float64) * (127 / largest)).astype(np.int8)
    return _mark(card) + steps.tobytes()


def restore(quantised: bytes) -> FloatArray:
    """The embedding [dimensions] of stored bytes; refuses those of other weights."""
    card = voiceprint_card()
    if len(quantised) != MARK_BYTES + card.dimensions:
        raise VoiceprintError(f"a stored voiceprint has {MARK_BYTES + card.dimensions} bytes, not {len(quantised)}")
    if quantised[:MARK_BYTES] != _mark(card):
        raise VoiceprintError(
            "the stored voiceprint was taken with other weights", cure="Enrol the voice again from its recording."
        )
    steps = np.frombuffer(quantised, np.int8, offset=MARK_BYTES).astype(np.float32)
    if not steps.any():
        raise VoiceprintError("the stored voiceprint holds nothing")
    return unit(steps)


def stored_voice(quantised: bytes) -> Voiceprint:
    """Stored bytes as the enrolled side of a comparison; the length of the questioned recording then decides."""
    return Voiceprint(restore(quantised), LONGEST_S, None)


def tag(quantised: bytes, mac_secret: bytes) -> int:
    """The 8 bits of a payload that name a stored voiceprint to whoever holds the secret: 0..255."""
    if not mac_secret:
        raise VoiceprintError("a voiceprint's tag needs a secret")
    return hmac.new(mac_secret, b"voxproof voiceprint tag 1\0" + quantised, hashlib.sha256).digest()[0]


@cache
def voice_network(folder: Path = WEIGHTS) -> VoiceNetwork:
    """The shipped network, compared with its card; loaded once."""
    card = voiceprint_card(folder / "voiceprint.yaml")
    try:
        state = load_file(checked_weights(card, folder))
    except SafetensorError as error:
        raise VoxproofError(f"not valid weights ({error})", path=folder, cure="Reinstall voxproof.") from error
    found = {name: tensor.shape for name, tensor in state.items()}
    if found != shapes(card.dimensions):
        raise VoxproofError("the weights have other tensors than the network", path=folder, cure="Reinstall voxproof.")
    return VoiceNetwork(state)


def _mark(card: VoiceprintCard) -> bytes:
    return bytes.fromhex(card.sha256)[:MARK_BYTES]


def _at_16_khz(samples: FloatArray, rate: int) -> FloatArray:
    if rate == RATE:
        return samples
    import soxr

    return np.asarray(soxr.resample(samples, rate, RATE), np.float32)
