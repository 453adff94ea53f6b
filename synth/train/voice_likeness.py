"""How unlike the voices of two sounds are, as a loss: the voiceprint network (synth/voiceprint.py) listens, fixed.

The speaker consistency loss of E. Casanova et al., "YourTTS" (ICML 2022), with our network, whose first weights are
resemblyzer's: a likeness that resemblyzer measures afterwards is not independent of it.
"""

from __future__ import annotations

import numpy as np
import torch
from safetensors.numpy import load_file
from torch import Tensor, nn

from synth.card import checked_weights
from synth.train.voiceprint import VoiceEncoder
from synth.voiceprint_card import WEIGHTS, voiceprint_card
from synth.voiceprint_network import HOP, LAYERS, LEVEL, RATE, WINDOW

SILENT = 0.003
"""Effective value below which a recorded slice is no speech, and has no voice."""


class VoiceLikeness(nn.Module):
    """The shipped voiceprint network before its linear map; nothing in it is learnt."""

    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        state = {name: torch.from_numpy(value.astype(np.float32)) for name, value in _shipped().items()}
        self.register_buffer("filters", state.pop("filters"))
        self.encoder = VoiceEncoder()
        for layer in range(LAYERS):  # one bias is stored for the two that PyTorch adds
            state[f"lstm.bias_ih_l{layer}"] = state.pop(f"lstm.bias_l{layer}")
            state[f"lstm.bias_hh_l{layer}"] = torch.zeros_like(state[f"lstm.bias_ih_l{layer}"])
        self.encoder.load_state_dict({name: state[name] for name in self.encoder.state_dict()})
        self.requires_grad_(False)

    def voices(self, wave: Tensor, rate: int) -> Tensor:
        """Samples [batch, time] at a multiple of 16 kHz -> vectors of unit length [batch, 256]."""
        times = rate // RATE
        hann = torch.hann_window(times * WINDOW, device=wave.device)
        spectra = torch.stft(wave, times * WINDOW, times * HOP, window=hann, pad_mode="constant", return_complex=True)
        bins = spectra[:, : self.filters.shape[1]].abs().square() / times**2
        voices: Tensor = self.encoder((self.filters @ bins).transpose(1, 2))
        return voices

    def forward(self, recorded: Tensor, made: Tensor, rate: int) -> Tensor:
        """Mean of 1 - cosine over the slices [batch, 1, time] that are not silent; both at the level of the first."""
        recorded, made = recorded.squeeze(1).float(), made.squeeze(1).float()
        effective = recorded.square().mean(1).sqrt()
        gain = (LEVEL / effective.clamp(min=SILENT))[:, None]
        with torch.no_grad():
            wanted = self.voices(gain * recorded, rate)
        unlike = 1 - (wanted * self.voices(gain * made, rate)).sum(1)
        spoken = (effective > SILENT).float()
        return (unlike * spoken).sum() / spoken.sum().clamp(min=1.0)


def _shipped() -> dict[str, np.ndarray]:
    return load_file(checked_weights(voiceprint_card(), WEIGHTS))
