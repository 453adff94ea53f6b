"""Making the clips: a register, a key and consents of the bench's own, and the cloner behind the one door."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import torch
from torch import Tensor

from forensics.benches.clone.clips import Clip, Wish
from forensics.benches.clone.material import RATE, noisy
from synth.audio import write
from synth.clone import Cloner
from synth.emission import Issuer, emit
from synth.enrolment import create_consent
from synth.errors import VoxproofError
from synth.matching import Heard, ShippedVoices, Voices
from synth.reference import Reference
from synth.register import Register
from synth.signing import SigningKey
from synth.sovits import Sovits
from synth.voicing import LatentVoicing, Manner
from synth.watermark.keys import WatermarkKey, new_key, read_key, write_key
from synth.watermark.tokens import VARIANTS

if TYPE_CHECKING:
    from synth.consent import Consent
    from synth.issuance import Issuance

CODES_A_SECOND = 25
"""How the bench speaks, but for the seed."""


class Door:
    """The bench's own register, keys and consents, in a folder; nobody else's are touched."""

    def __init__(self, folder: Path, voices: Voices | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.voices = folder, voices or ShippedVoices()
        signer, key = folder / "issuer.pem", folder / "key.json"
        if not signer.exists():
            SigningKey.generate().save(signer)
        if not key.exists():
            write_key(new_key(), key)
        self.key: WatermarkKey = read_key(key)
        self.register = Register.continued(folder / "register.jsonl", key=SigningKey.load(signer))
        self._consents: dict[Path, Consent] = {}

    def issuer(self, recording: Path) -> Issuer:
        """The right to speak with the voice of a recording, in this bench."""
        if recording not in self._consents:
            until = datetime.now(UTC) + timedelta(days=1)
            self._consents[recording] = create_consent(
                self.register, "a voice of the bench", recording, "research", until, voices=self.voices
            )
        return Issuer(self.register, self.key, self._consents[recording], voices=self.voices)


class Maker:
    """Makes clips with one set of models."""

    def __init__(self, cloner: Cloner, door: Door, folder: Path, with_text: bool = True) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.cloner, self.door, self.folder, self.with_text = cloner, door, folder, with_text

    def clip(self, wish: Wish) -> Clip:
        """Made and let out; or refused, and by what."""
        try:
            return self._clip(wish)
        except VoxproofError as error:
            return _row(wish, 0.0, None, [], [], refused=f"{type(error).__name__}: {error.cause}")

    def _clip(self, wish: Wish) -> Clip:
        path = self._spoilt(wish) if wish.snr_db else wish.take.path
        reference, out = Reference.read(path), self.folder / f"{wish.identity}.wav"
        issuer = self.door.issuer(path)
        seed = VARIANTS * wish.number  # all under one variant of the tokens' mark
        settings = self.cloner.settings(language="en", seed=seed)
        prompt = wish.take.text if self.with_text else ""
        if wish.way == "ceiling":
            codes = codes_of(self.cloner, reference.for_content())
            sound = said_again(self.cloner, codes, wish.text, reference)
            issuance = self._let_out(wish, issuer, reference, sound, LatentVoicing.rate, out)
            return _row(wish, len(sound) / LatentVoicing.rate, issuance, [codes], [0.0])
        if wish.way == "plain":
            clone = self.cloner._render(wish.text, reference, prompt, settings)
            issuance = self._let_out(wish, issuer, reference, clone.samples, clone.rate, out)
        else:
            clone = self.cloner.speak(wish.text, reference, prompt, settings, issuer=issuer, out=out)
            assert clone.issuance is not None  # noqa: S101 - what passed the door has one
            issuance = clone.issuance
        starts = piece_starts(clone.codes, settings.pause_seconds)
        row = _row(wish, len(clone.samples) / clone.rate, issuance, clone.codes, starts, clone.capped)
        if clone.quality is None:
            return row
        left = tuple(fault.kind for fault in clone.quality.faults)
        return replace(row, checked=clone.quality.words, redraws=clone.quality.redraws, faults=left)

    def _let_out(
        self, wish: Wish, issuer: Issuer, reference: Reference, sound: Tensor, rate: int, out: Path
    ) -> Issuance:
        """What was made by other ways than `Cloner.speak`."""
        heard = Heard(reference.samples.numpy(), reference.rate)
        request = issuer.request(wish.text, ["en"], [heard], self.cloner.models.hashes)
        emitted = emit(sound.numpy(), rate, request, issuer.key, issuer.register, voices=issuer.voices, out=out)
        return emitted.issuance

    def _spoilt(self, wish: Wish) -> Path:
        """The reference with noise, as a file that a consent can name."""
        out = self.door.folder / "noisy" / f"{wish.take.path.stem}-{wish.snr_db}.wav"
        if not out.exists():
            out.parent.mkdir(parents=True, exist_ok=True)
            write(out, noisy(wish.take.samples(), wish.snr_db, crc32(wish.take.path.name.encode())), RATE)
        return out


@torch.no_grad()
def codes_of(cloner: Cloner, samples: Tensor) -> Tensor:
    """Samples [time] at 16 kHz -> the semantic tokens that the cloner's content encoder hears in them [25 a second]."""
    if cloner.content is None:
        raise VoxproofError("the models have no content encoder", cure="Name one with --hubert.")
    features = cloner.content.features(samples, bounded=False).to(cloner.models.device)
    codes = cloner.models.sovits.codes(features)[0, 0].cpu()
    return codes[: math.ceil(len(samples) * CODES_A_SECOND / RATE)]


@torch.no_grad()
def said_again(cloner: Cloner, codes: Tensor, text: str, voice: Reference) -> Tensor:
    """Codes [k] that say `text` -> sound [n] at 32 kHz in the voice of a recording; no GPT, so nothing is drawn."""
    sovits = cloner.models.sovits
    if not isinstance(sovits, Sovits):
        raise VoxproofError("codes are made sound again only by models with a latent (v1, v2, v2Pro and lite)")
    side = cloner._text_side("en", cloner.settings())
    ids = torch.tensor([place for piece in side.utterances(text) for place in piece.ids], dtype=torch.long)
    voicing = LatentVoicing(cloner.models, sovits)
    heard = cloner._hear([voice]).voice
    sound = voicing.vocoded(voicing.latent(codes, ids, heard, Manner(), 0), heard)
    return sound / sound.abs().max().clamp(min=1)


def piece_starts(codes: Sequence[Tensor], pause_s: float) -> list[float]:
    """Where pieces with these tokens begin when a pause follows each, in frames of 40 ms."""
    starts, at = [], 0.0
    for piece in codes:
        starts.append(at)
        at += len(piece) + pause_s * CODES_A_SECOND
    return starts


def _row(
    wish: Wish, seconds: float, issuance: Issuance | None, codes: Sequence[Tensor], starts: Sequence[float],
    capped: bool = False, refused: str = "",
) -> Clip:  # fmt: skip
    return Clip(
        wish.identity, wish.way, wish.number, wish.text, wish.voice, str(wish.take.path), wish.snr_db,
        round(seconds, 3), issuance.issuance_id if issuance else "", bool(issuance and issuance.payload_carried),
        capped, tuple(tuple(one.tolist()) for one in codes), tuple(round(one, 2) for one in starts), refused=refused,
    )  # fmt: skip
