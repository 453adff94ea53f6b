"""The list of what we can examine: built-in methods and third-party plug-ins.

A plug-in is a package with an entry point in the group `voxproof.methods` that names a `Method` subclass. A plug-in
that cannot be loaded is reported as an error that names it, never skipped in silence.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import entry_points

from forensics.method import Method
from synth.errors import VoxproofError

GROUP = "voxproof.methods"

BUILT_IN = (
    "forensics.methods.container_structure:ContainerStructure",
    "forensics.methods.container_duration:ContainerDuration",
    "forensics.methods.container_exemplar:ContainerExemplar",
    "forensics.methods.delivery_path:DeliveryPath",
    "forensics.methods.speech_activity:SpeechActivity",
    "forensics.methods.band_edge:BandEdge",
    "forensics.methods.digital_silence:DigitalSilence",
    "forensics.methods.dc_offset:DcOffset",
    "forensics.methods.splice:Splice",
    "forensics.methods.splice_faded:SpliceFaded",
    "forensics.methods.splice_trained:SpliceTrained",
    "forensics.methods.phase_continuity:PhaseContinuity",
    "forensics.methods.level_step:LevelStep",
    "forensics.methods.quantisation:Quantisation",
    "forensics.methods.clipping:Clipping",
    "forensics.methods.frame_grid:FrameGrid",
    "forensics.methods.compression_history:CompressionHistory",
    "forensics.methods.frame_offset:FrameOffset",
    "forensics.methods.noise_floor:NoiseFloor",
    "forensics.methods.reverberation:Reverberation",
    "forensics.methods.enf:Enf",
    "forensics.methods.copy_move:CopyMove",
    "forensics.methods.speaker_change:SpeakerChange",
    "forensics.methods.detector_speech:DetectorSpeech",
    "forensics.methods.detector_spectral:DetectorSpectral",
    "forensics.methods.watermark_voiceprint:WatermarkVoiceprint",
)
"""The methods that ship, in the order of the report."""
ON_REQUEST = ("forensics.methods.watermark_perth:WatermarkPerth",)
"""Methods that run only when they are asked for by id: marks of third parties, which need their makers' packages."""
INTERNALS = (
    "forensics.methods.codes_statistics:CodesStatistics",
    "forensics.methods.codes_likelihood:CodesLikelihood",
)
"""Methods that look through our own voice model, which takes PyTorch seconds to load: on request only."""


def load_battery(only: Iterable[str] = (), internals: bool = False) -> tuple[Method, ...]:
    """Instances of all methods, built-in first; `only` keeps those with a given id or family (`signal`).

    `internals`, or the family `codes` among the wanted, adds the methods that look through our own voice model.
    """
    wanted = tuple(only)
    methods = [_load(reference, reference) for reference in BUILT_IN]
    if internals or any(name.split(".")[0] == "codes" for name in wanted):
        methods += [_load(reference, reference) for reference in INTERNALS]
    methods += [method for method in (_load(reference, reference) for reference in ON_REQUEST) if method.id in wanted]
    methods += [_load(entry.value, f"plug-in {entry.name}") for entry in sorted(entry_points(group=GROUP))]
    ids = [method.id for method in methods]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise VoxproofError(f"the method ids {', '.join(twice)} occur twice", cure="Remove one of the plug-ins.")
    if not wanted:
        return tuple(methods)
    kept = tuple(m for m in methods if any(m.id == name or m.id.startswith(f"{name}.") for name in wanted))
    if not kept:
        raise VoxproofError(f"no method is called {', '.join(wanted)}", cure=f"Known are: {', '.join(ids)}.")
    return kept


def _load(reference: str, name: str) -> Method:
    module, _, attribute = reference.partition(":")
    try:
        method = getattr(import_module(module), attribute)()
    except Exception as error:
        raise VoxproofError(f"{name} cannot be loaded ({type(error).__name__}: {error})") from error
    if not isinstance(method, Method):
        raise VoxproofError(f"{name} is not an examination method", cure="Derive it from forensics.method.Method.")
    return method
