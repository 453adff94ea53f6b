"""The lite voice says a sentence to itself, hears it, and asks for as much more of the voice as it fell short.

    reference ─ voiceprint network ─ wanted ─┬─ asked ─ SoVITS ─ sound ─ voiceprint network ─ heard
                                             └───◄── asked + wanted - heard, some times ──────┘

What the lite voice is told of a speaker comes from the voiceprint network (synth/voiceprint.py), and what it then says
is not quite that voice. The sentence and its tokens are the same for every speaker and drawn once for a model, so a
stream and a sentence in one go have the same voice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from synth.reference import Reference
from synth.voiceprint import voice_vector
from synth.voicing import Heard, LatentVoicing, Manner, Prompt, voiceprinted

SENTENCE = "A quick brown fox jumps over the lazy dog."
ROUNDS = 5
"""How often it is said."""


@torch.no_grad()
def rehearsed(voicing: LatentVoicing, heard: Heard, references: Sequence[Reference], said: Prompt) -> Heard:
    """What is known of a voice, with the reference embedding corrected by what these tokens sound like in it.

    As it was where the references hold no speech, or there are no tokens.
    """
    emb = voicing.sovits.voice_emb
    wanted = torch.stack([voiceprinted(one, voicing.sovits.config.voiceprint) for one in references]).mean(0)
    wanted = wanted.to(emb.weight)
    if not wanted.any() or not len(said.codes):
        return heard
    asked, voice = wanted, heard.voice
    for _ in range(ROUNDS):
        latent = voicing.latent(said.codes, said.ids, voice, Manner(noise_scale=0.0), seed=0)
        sound = voicing.vocoded(latent, voice).numpy()
        asked = asked + wanted - torch.from_numpy(voice_vector(sound, voicing.rate)).to(wanted)
        voice = heard.voice + (emb(asked) - emb(wanted)).unsqueeze(-1)
    return replace(heard, voice=voice)
