"""The one door: whatever sound leaves Voxproof is let in by the gate, marked, read back, registered, then given out.

    gate (token, consent) ─ number ─ mark ─ read back ─ file codec ─ read back ─ register ─ out

There is no way around it and no option that leaves a step out. If one fails (no key, no marker, a mark that cannot be
read from the very samples or from the file as decoded, a register that cannot be written), nothing is emitted and the
error says why. A clip too short for the payload carries the mark's presence and is handed out with its manifest, the
signed entry of the register; the issuance says so. Research inside the package renders without the door and writes
nothing for a user (`Cloner._render`).
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synth import audio
from synth.consent import Consent, Scope
from synth.contour import contour_of
from synth.errors import VoxproofError
from synth.gate import admit, still_admitted
from synth.issuance import (
    Found,
    Issuance,
    IssuanceRequest,
    drawn_id,
    find,
    register_issuance,
    require_free,
    withdraw_issuance,
    write_manifest,
)
from synth.ledger import Entry
from synth.matching import Heard, ShippedVoices, Voices
from synth.reference_findings import ReferenceFindings
from synth.register import Register
from synth.sound_files import require_writable, write_sound
from synth.watermark.keys import WatermarkKey
from synth.watermark.payload import SCHEME, Payload

if TYPE_CHECKING:
    from synth.watermark.detect import Detection
    from synth.watermark.embed import Embedded

Float = NDArray[np.float64]
PRESENCE_ONLY = "too short for the payload: presence only"
_DRAWS = 8


class EmissionError(VoxproofError):
    """Nothing was emitted; says why."""


class TooShortError(EmissionError):
    """A recording that was to be marked is too short or too quiet to carry the payload."""


@dataclass(frozen=True)
class Reading:
    """A mark that was read back."""

    score: float
    threshold: float


@dataclass(frozen=True, eq=False)
class Emitted:
    """What left."""

    samples: Float
    """[frames, channels], marked, full scale 1."""
    rate: int
    """Hz."""
    issuance: Issuance
    """As it was registered."""
    found: Found
    """The same with what the register adds: time, operator, number of the entry."""
    path: Path | None
    """The file, if one was asked for."""
    manifest: Path | None
    """The signed entry beside a file that cannot carry the payload."""


def emit(
    sound: NDArray[np.floating],
    rate: int,
    request: IssuanceRequest,
    keys: WatermarkKey | Sequence[WatermarkKey],
    register: Register,
    *,
    out: Path | None = None,
    subtype: str = "PCM_16",
    voices: Voices | None = None,
) -> Emitted:
    """Let sound [frames, channels] (or [frames]) at `rate` Hz out: as samples, and with `out` as a file by its suffix.

    Marked with the first key that can issue. `subtype` is that of WAV and FLAC files.
    """
    key, voices = issuing_key(keys), voices or ShippedVoices()
    samples = checked_sound(sound, rate)
    if out is not None:
        require_writable(out)
    if request.kind == "synthesised" and request.issuance_id is not None:
        raise EmissionError("the number of a synthesis is drawn, never chosen")
    admission = admit(register, request, voices)
    tag = voiceprint_tag(request, key, voices)
    for _ in range(_DRAWS):
        number = request.issuance_id if request.issuance_id is not None else drawn_id()
        payload = Payload(number, tag or 0)
        marked, carried = put_mark(samples, rate, key, payload)
        if request.kind == "embedded" and not carried:
            why = f"the recording ({len(samples) / rate:.1f} s) is too short or too quiet to carry the payload"
            raise TooShortError(why, cure="Give a longer recording of speech.")
        reading = read_back(marked, rate, key, payload, carried)
        with _draft(out, marked, rate, subtype) as (draft, written):
            digest = samples_sha256(marked, rate)
            if draft is not None:
                digest, again = _read_file(draft, key, payload, carried)
                reading = min(reading, again, key=lambda one: one.score)
            issuance = described(
                request, key, payload, tag, marked.shape[1], rate, reading, carried=carried, output=written,
                seconds=len(marked) / rate, digest=digest, token_id=admission.operator.token_id,
                contour=contour_of(marked, rate).hex(),
            )  # fmt: skip
            with register.exclusive():
                still_admitted(register, request)
                if not require_free(register, number, chosen=request.issuance_id is not None):
                    continue
                entry = register_issuance(register, issuance, admission.operator.name)
            manifest = None if draft is None or out is None else _put(register, entry, issuance, draft, out)
        found = next(one for one in find(register, number) if one.sequence == entry.sequence)
        return Emitted(marked, rate, issuance, found, out, manifest)
    raise EmissionError("no free issuance number was found; nothing was emitted", cure="Open a new register.")


@dataclass(frozen=True, eq=False)
class Issuer:
    """The right to speak in a voice: what `synth.clone.Cloner` needs to let sound out."""

    register: Register
    key: WatermarkKey
    consent: Consent
    scope: Scope = "research"
    """What it is for."""
    token: str | None = field(default=None, repr=False)
    """Access token, where the register has tokens."""
    voices: Voices = field(default_factory=ShippedVoices)
    reference_findings: tuple[ReferenceFindings, ...] = ()
    """What the quality gate (`synth.reference_gate`) found of the references, for the register; empty: not asked."""

    def request(
        self, text: str, languages: Iterable[str], references: Iterable[Heard], models: Mapping[str, str]
    ) -> IssuanceRequest:
        """What is to be said, brought before the gate; raises `AccessError` or `ConsentError`."""
        heard, found = tuple(references), self.reference_findings
        if found and [one.samples_sha256 for one in found] != [one.samples_sha256 for one in heard]:
            raise EmissionError(
                "the findings are those of other references", cure="Ask the quality gate about these recordings."
            )
        asked = IssuanceRequest(
            "synthesised",
            scope=self.scope,
            languages=tuple(sorted(set(languages))),
            consent=self.consent,
            references=heard,
            reference_findings=found,
            token=self.token,
            text_sha256=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
            models=models,
        )
        issuing_key(self.key)
        admit(self.register, asked, self.voices)
        return asked


def issuing_key(keys: WatermarkKey | Sequence[WatermarkKey]) -> WatermarkKey:
    """The first key that can issue."""
    every = [keys] if isinstance(keys, WatermarkKey) else list(keys)
    found = next((key for key in every if key.can_issue), None)
    if found is None:
        why = "the watermark keys can read marks but not issue them" if every else "there is no watermark key"
        cure = "`voxproof watermark keygen -o key.json` makes one; give it with --key or VOXPROOF_KEYS."
        raise EmissionError(f"{why}; nothing is emitted unmarked", cure=cure)
    return found


def voiceprint_tag(request: IssuanceRequest, key: WatermarkKey, voices: Voices) -> int | None:
    """The keyed hash of the consented voiceprint, or None without a consent."""
    if request.consent is None or key.mac_secret is None:
        return None
    return voices.tag(bytes.fromhex(request.consent.voiceprint.quantised), key.mac_secret)


def put_mark(samples: Float, rate: int, key: WatermarkKey, payload: Payload) -> tuple[Float, bool]:
    """The marked samples [frames, channels], and whether they carry the payload or presence only."""
    embedded = _embed(samples, rate, key, payload)
    marked = np.asarray(embedded.samples, np.float64)
    if marked.shape != samples.shape or not np.isfinite(marked).all():
        raise EmissionError("the marker gave no sound of the same shape; nothing was emitted")
    return marked, bool(embedded.payload_carried)


def read_back(samples: Float, rate: int, key: WatermarkKey, payload: Payload, carried: bool) -> Reading:
    """Read the mark from samples as anybody would; raises EmissionError unless it says what it should."""
    found = _detect(samples, rate, [key])
    if found.outcome != "found":
        reasons = "; ".join(found.reasons)
        why = f"the mark is not found in what was to be emitted ({found.outcome}{': ' if reasons else ''}{reasons})"
        raise EmissionError(
            f"{why}; nothing was emitted", cure="Say more, or louder: short and quiet clips hide no mark."
        )
    if carried and (found.authenticated is not True or found.payload != payload):
        raise EmissionError("the payload cannot be read back from what was to be emitted; nothing was emitted")
    return Reading(float(found.score), float(found.threshold))


def described(
    request: IssuanceRequest, key: WatermarkKey, payload: Payload, tag: int | None, channels: int, rate: int,
    reading: Reading, *, carried: bool, output: str, seconds: float | None, digest: str | None, token_id: str | None,
    contour: str | None,
) -> Issuance:  # fmt: skip
    """What the register is told."""
    return Issuance(
        issuance_id=payload.hex,
        kind=request.kind,
        scope=request.scope,
        languages=request.languages,
        consent_id=None if request.consent is None else request.consent.consent_id,
        voiceprint_tag=None if tag is None else f"{tag:02x}",
        models=dict(request.models),
        text_sha256=request.text_sha256,
        source_sha256=request.source_sha256,
        scheme=SCHEME,
        key_id=key.key_id,
        epoch=key.epoch,
        payload_carried=carried,
        seconds=None if seconds is None else round(seconds, 3),
        sample_rate=rate,
        channels=channels,
        output_sha256=digest,
        output=output,
        score=reading.score,
        threshold=reading.threshold,
        token_id=token_id,
        notes=() if carried else (PRESENCE_ONLY,),
        contour=contour,
        reference_findings=request.reference_findings,
        quality=request.quality,
    )


def samples_sha256(samples: Float, rate: int) -> str:
    """SHA-256 of rate and samples (little-endian float32, interleaved)."""
    digest = hashlib.sha256(f"{rate}:{samples.shape[1]}:".encode())
    digest.update(np.ascontiguousarray(samples, "<f4").tobytes())
    return digest.hexdigest()


def _embed(samples: Float, rate: int, key: WatermarkKey, payload: Payload) -> Embedded:
    with _marker():
        from synth.watermark.embed import embed
    return embed(samples, rate, key, payload)


def _detect(samples: Float, rate: int, keys: Sequence[WatermarkKey]) -> Detection:
    with _marker():
        from synth.watermark.detect import detect
    return detect(samples, rate, keys)


@contextlib.contextmanager
def _marker() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        why = f"the marker cannot be loaded ({error}); nothing is emitted unmarked"
        raise EmissionError(why, cure="Reinstall voxproof.") from error


@contextlib.contextmanager
def _draft(out: Path | None, samples: Float, rate: int, subtype: str) -> Iterator[tuple[Path | None, str]]:
    """The file in a private folder beside its place, and what it is; gone afterwards unless it was put there."""
    if out is None:
        yield None, "samples"
        return
    try:
        folder = Path(tempfile.mkdtemp(prefix=".voxproof-", dir=out.parent))
    except OSError as error:
        raise EmissionError(f"its folder cannot be written ({error.strerror})", path=out) from None
    try:
        draft = folder / out.name
        yield draft, write_sound(draft, samples, rate, subtype)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _read_file(draft: Path, key: WatermarkKey, payload: Payload, carried: bool) -> tuple[str, Reading]:
    """The hash of the file, and the mark as read from it by the decoder that everybody's files are read by."""
    with audio.open_recording(draft) as recording:
        samples = recording.samples(0, recording.frames).astype(np.float64)
        try:
            reading = read_back(samples, recording.rate, key, payload, carried)
        except EmissionError as error:
            cause = f"as {recording.facts.container} ({recording.facts.codec}): {error.cause}"
            raise EmissionError(cause, cure=error.cure) from None
        return recording.file_sha256, reading


def _put(register: Register, entry: Entry, issuance: Issuance, draft: Path, out: Path) -> Path | None:
    """Put the finished file in its place; the register is told if that fails."""
    manifest = None if issuance.payload_carried else out.with_name(f"{out.name}.issuance.json")
    try:
        if manifest is not None:
            write_manifest(manifest, register, entry)
        draft.replace(out)
    except OSError as error:
        withdraw_issuance(register, entry, f"the file could not be put in its place ({error.strerror})")
        raise EmissionError(f"the file could not be put in its place ({error.strerror})", path=out) from None
    return manifest


def checked_sound(sound: NDArray[np.floating], rate: int) -> Float:
    """[frames] or [frames, channels] -> [frames, channels], finite and not empty."""
    samples = np.asarray(sound, np.float64)
    samples = samples[:, None] if samples.ndim == 1 else samples
    if samples.ndim != 2 or not samples.size or not np.isfinite(samples).all() or rate < 1:
        raise EmissionError(f"samples of the shape {np.shape(sound)} at {rate} Hz are no sound to be emitted")
    return samples
