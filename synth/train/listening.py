"""What a training sounds like: held-out recordings said again by the model, let out through the one door.

Every sound passes `synth.emission.emit`: a consent of the speaker, a mark that is read back, an entry in the register.
The gate is asked before the training begins, for each recording that will be said; a refusal is an error there. Later,
a sound that may not or cannot leave (a young model is often too quiet to hide a mark) is withheld with the reason, and
the training goes on.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from synth.access import AccessError
from synth.consent import ConsentError
from synth.emission import EmissionError, Issuer, emit
from synth.errors import VoxproofError
from synth.issuance import IssuanceRequest
from synth.matching import Heard
from synth.train.batches import shown
from synth.train.shards import SOUND_RATE
from synth.train.sovits_recipe import SovitsRecipe
from synth.train.state import weights_sha256

SOUNDS = "sounds"
"""Folder of what was let out, below that of the training."""
MOST = 8
"""Recordings that are said each time."""


class Listening:
    """Lets a training out, recording by recording."""

    def __init__(self, recipe: SovitsRecipe[Any], issuer: Issuer, folder: Path, held_out: float, every: int) -> None:
        """`held_out` is the share of the recordings that is; heard every so many epochs. Raises what the gate raises.

        A recording in which there is too little speech to know the voice again is not said.
        """
        self.every, self.recipe, self.issuer, self.folder = every, recipe, issuer, folder / SOUNDS
        self.sounds: list[str] = []
        """Files that left; a clip too short for the payload with its manifest."""
        self.withheld: list[str] = []
        """Why others did not."""
        self._step, self._sha256 = -1, ""
        self._requests: dict[int, IssuanceRequest] = {}
        trouble: VoxproofError | None = None
        for index in shown(len(recipe.lengths), held_out):
            if len(self._requests) < MOST:
                try:
                    self._requests[index] = self._asked(index)
                except (AccessError, ConsentError, EmissionError):
                    raise
                except VoxproofError as error:
                    trouble = error
                    self.withheld.append(f"line {recipe.entries[index].line}: {error.cause}")
        if not self._requests and trouble is not None:
            raise VoxproofError(
                f"no held-out recording can be listened to: {trouble.cause}",
                cure="Hold out more recordings with --validation, or leave --listen out.",
            )

    @property
    def recordings(self) -> list[int]:
        """Numbers of those that are said."""
        return list(self._requests)

    def hear(self, step: int, index: int, samples: Tensor, rate: int) -> None:
        """Samples [n] of a recording as the model says it after `step` steps."""
        if step != self._step:
            self._step, self._sha256 = step, weights_sha256(self.recipe.model)
        line = self.recipe.entries[index].line
        request = replace(self._requests[index], models={"sovits": self._sha256})
        try:
            self.folder.mkdir(exist_ok=True)
            out = self.folder / f"step-{step:07d}-line-{line:05d}.wav"
            sound, issuer = samples.numpy(), self.issuer
            emitted = emit(sound, rate, request, issuer.key, issuer.register, out=out, voices=issuer.voices)
        except VoxproofError as error:
            self.withheld.append(f"step {step}, line {line}: {error.cause}")
        else:
            self.sounds += [str(path) for path in (emitted.path, emitted.manifest) if path is not None]

    def _asked(self, index: int) -> IssuanceRequest:
        """The right to say a recording, once the gate has given it."""
        data, entry = self.recipe.data, self.recipe.entries[index]
        voice = Heard(data.sound(entry).numpy(), SOUND_RATE, name=Path(entry.path).name)
        return self.issuer.request(entry.text, [entry.language], [voice], {})
