"""Every method by its name. A new one is a file, its test and a line here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from detectors.train.copies.band_steps import BandSteps
from detectors.train.copies.base import Method
from detectors.train.copies.cepstrum import Cepstrum
from detectors.train.copies.checkerboard import Checkerboard
from detectors.train.copies.griffin_lim import FastGriffinLim, GriffinLim
from detectors.train.copies.harmonics import Harmonics
from detectors.train.copies.lpc import Lpc
from detectors.train.copies.phase_steps import PhaseSteps
from detectors.train.copies.phase_vocoder import PhaseVocoder
from detectors.train.copies.pitch_shift import PitchShift
from detectors.train.copies.psola import Psola
from detectors.train.copies.replicas import Replicas
from detectors.train.copies.world import World
from synth.errors import VoxproofError

METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        *(World(), GriffinLim(), FastGriffinLim(), Lpc(), Cepstrum(), Harmonics()),
        *(Replicas(), Checkerboard(), PhaseSteps()),
        *(BandSteps(), Psola(), PhaseVocoder(), PitchShift()),
    )
}
"""Those that need nothing but the recording. Networks of ours come from their files of weights: `network.trained`."""


def chosen(names: Iterable[str], more: Iterable[Method] = ()) -> list[Method]:
    """The methods of these names, or all; raises `VoxproofError` for an unknown one."""
    known = dict(METHODS) | {method.name: method for method in more}
    wanted = list(names) or list(known)
    if unknown := [name for name in wanted if name not in known]:
        raise VoxproofError(f"no method is called {unknown[0]}", cure=f"Known are: {', '.join(known)}.")
    return [known[name] for name in dict.fromkeys(wanted)]
