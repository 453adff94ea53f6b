"""Codecs, telephones, rooms and noise: one implementation for augmentation, survival tests, the range and the audit."""

from synth.channels.aac import Aac
from synth.channels.amr_nb import AmrNb
from synth.channels.band import Band
from synth.channels.base import Channel
from synth.channels.chain import Chain
from synth.channels.echo import Echo
from synth.channels.g711 import G711
from synth.channels.g722 import G722
from synth.channels.gain import Gain
from synth.channels.gsm import Gsm
from synth.channels.mp3 import Mp3
from synth.channels.noise import Noise
from synth.channels.opus import Opus
from synth.channels.pitch import Pitch
from synth.channels.quantise import Quantise
from synth.channels.resample import Resample
from synth.channels.room import Room
from synth.channels.smooth import Smooth
from synth.channels.vorbis import Vorbis

CHANNELS: dict[str, type[Channel]] = {
    kind.family: kind
    for kind in (
        *(Mp3, Aac, Opus, Vorbis, G711, G722, Gsm, AmrNb, Resample, Noise, Room),
        *(Band, Echo, Gain, Pitch, Quantise, Smooth, Chain),
    )
}
"""Every family by name; each has usable default parameters."""

__all__ = [
    "CHANNELS",
    "G711",
    "G722",
    "Aac",
    "AmrNb",
    "Band",
    "Chain",
    "Channel",
    "Echo",
    "Gain",
    "Gsm",
    "Mp3",
    "Noise",
    "Opus",
    "Pitch",
    "Quantise",
    "Resample",
    "Room",
    "Smooth",
    "Vorbis",
]
