"""Whether a consent lets our model take a voice: the gate before every issuance, asked for the scope of research."""

from __future__ import annotations

from pathlib import Path

from synth.consent import read_consent
from synth.errors import VoxproofError
from synth.gate import admit
from synth.issuance import IssuanceRequest
from synth.matching import Heard, ShippedVoices, Voices
from synth.register import Register, register_path

LANGUAGES = ("en",)
"""What the range lets a voice say."""


class Rights:
    """A `sources.Gate`; refusals are logged in the register, as every refusal of the gate is."""

    def __init__(self, register: Path | None = None, token: str | None = None, voices: Voices | None = None) -> None:
        self._place, self._token, self._voices = register, token, voices or ShippedVoices()

    def __call__(self, recording: Path, consent: Path) -> str:
        """Why the voice in the recording may not be cloned under this consent; empty where it may."""
        try:
            made = read_consent(consent)
            if not register_path(self._place).exists():
                return "there is no register that could say whether the consent still holds (--register)"
            request = IssuanceRequest(
                "synthesised", languages=LANGUAGES, consent=made, references=(Heard.read(recording),),
                token=self._token,
            )  # fmt: skip
            admit(Register.continued(self._place), request, self._voices)
        except VoxproofError as error:
            return error.cause
        return ""
