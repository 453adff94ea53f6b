"""What happened inside while something was said: every internal that an explanation may need, as plain tensors.

All tensors are detached, float32 (ids int64) and on the CPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Watch:
    """What to record. Nothing of it changes what is said."""

    attention: Mapping[int, tuple[int, ...] | None] = field(default_factory=dict)
    """Layers of the GPT, and of each the heads (None: all). A map takes 4 bytes times the square of the length."""
    logits: bool = True
    """The GPT's scores at every step, and their entropy."""
    latents: bool = True
    """Latents before and after every coupling layer; v3 and v4: the mel spectrogram."""
    cross_attention: bool = False
    """How SoVITS aligns frames and phones."""


@dataclass(frozen=True, eq=False)
class Piece:
    """One piece of the text."""

    text: str
    """As it was written."""
    normalised: str
    """As it is spoken."""
    phones: tuple[str, ...]
    """Of this piece only, without the prompt's."""
    ids: Tensor
    """[phones] int64."""
    bert: Tensor
    """[phones, 1024]; zeros but for Mandarin."""
    codes: Tensor
    """[k] int64: semantic tokens, 25 a second, as SoVITS got them (after an intervention)."""
    capped: bool
    """The GPT had not ended when it was cut off."""
    voice: Tensor | None = None
    """[channels] reference embedding, as SoVITS got it (after an intervention)."""
    samples: tuple[int, int] = (0, 0)
    """First sample of the piece in the sound, and the one behind its last; the pause that follows is not counted."""
    logits: Tensor | None = None
    """[steps, 1025] scores before any penalty; the last step is the one that ended."""
    entropies: Tensor | None = None
    """[steps] entropy of their softmax, bits."""
    attention: Mapping[int, Tensor] = field(default_factory=dict)
    """By layer [heads, n, n]: row looks at column. Columns are the phones of prompt and piece, the prompt's codes, then
    the codes of the piece; what a row cannot see is 0."""
    heads: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """By layer, which heads these are."""
    text_length: int = 0
    """Columns of `attention` that are phones."""
    prompt_length: int = 0
    """Columns that are codes of the reference."""
    cross_attention: Tensor | None = None
    """[heads, frames, phones]: latent frames (50 a second) look at phones, in SoVITS."""
    prior_latent: Tensor | None = None
    """[channels, frames] as drawn from text and tokens, before the flow."""
    couplings: Mapping[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    """By coupling layer (0 to 3; passed from 3 to 0), the latent before and after it [channels, frames]."""
    mel: Tensor | None = None
    """v3 and v4, which have no such latents: [mels, frames] log-mel, of which the vocoder makes sound."""
    latent: Tensor | None = None
    """[channels, frames] after the flow; the vocoder makes sound of it."""


@dataclass(frozen=True, eq=False)
class Trace:
    """One call of the cloner."""

    pieces: tuple[Piece, ...]
    """In the order in which they are spoken."""
    voice: Tensor
    """[channels] reference embedding, before any intervention."""
    prompt_codes: Tensor
    """[k] int64 of the reference recording; empty without its text."""
    prompt_phones: tuple[str, ...]
    """Of the reference's text."""
    content: Tensor | None
    """[768, frames] HuBERT features of the reference, the appended silence included; None without its text."""
    text_pipeline: str
    """Hash of the text front ends that the weights name; if they name none, of the mode's that are installed."""
    models: Mapping[str, str]
    """SHA-256 of the weights, by role."""
