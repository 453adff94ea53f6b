"""A guess at the phones of an English word that no dictionary has: a small GRU encoder and decoder.

Weights: g2p_en 2.1.0 by Kyubyong Park and Jongseok Kim (Apache-2.0), trained on CMUdict, here as float16 in
`data/english_g2p.safetensors`; the arithmetic is theirs, in numpy. No beam, no attention: 26 letters in, phones out.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load

from synth.errors import VoxproofError
from synth.text.symbols import ARPABET_CONSONANTS, ARPABET_VOWELS

SHA256 = "015c55ae1c9b9aac91bb87461144eb562d97fb8093f62a27cc65b361625ebf0b"
"""Of the weights file."""
LONGEST = 20
"""Phones at most, as in g2p_en."""

Array = npt.NDArray[np.float32]

_LETTERS = {letter: place for place, letter in enumerate("abcdefghijklmnopqrstuvwxyz", start=3)}
_UNKNOWN, _END = 1, 2
_START_PHONE, _END_PHONE = 2, 3
_PHONES = (
    "<pad>", "<unk>", "<s>", "</s>",
    *sorted([vowel + stress for vowel in ARPABET_VOWELS for stress in "012"] + ["UW"] + ARPABET_CONSONANTS),
)  # fmt: skip


class Guesser:
    """Letters to phones; shapes: hidden 256, 29 letters, 74 phones."""

    def __init__(self, weights: dict[str, Array]) -> None:
        self._weights = weights

    def phones(self, word: str) -> tuple[str, ...]:
        """Phones of a word in lower-case letters; at most `LONGEST`, possibly none."""
        weights = self._weights
        hidden: Array = np.zeros(weights["enc_w_hh"].shape[1], np.float32)
        for place in [*(_LETTERS.get(letter, _UNKNOWN) for letter in word), _END]:
            hidden = self._step(weights["enc_emb"][place], hidden, "enc")
        found: list[str] = []
        place = _START_PHONE
        for _ in range(LONGEST):
            hidden = self._step(weights["dec_emb"][place], hidden, "dec")
            place = int((weights["fc_w"] @ hidden + weights["fc_b"]).argmax())
            if place == _END_PHONE:
                break
            found.append(_PHONES[place])
        return tuple(phone for phone in found if not phone.startswith("<") and phone != "UW")

    def _step(self, given: Array, hidden: Array, side: str) -> Array:
        """One step of a GRU whose gates are stacked as reset, update, new."""
        weights = self._weights
        size = len(hidden)
        of_input = weights[f"{side}_w_ih"] @ given + weights[f"{side}_b_ih"]
        of_hidden = weights[f"{side}_w_hh"] @ hidden + weights[f"{side}_b_hh"]
        gates = 1 / (1 + np.exp(-(of_input[: 2 * size] + of_hidden[: 2 * size])))
        reset, update = gates[:size], gates[size:]
        new = np.tanh(of_input[2 * size :] + reset * of_hidden[2 * size :])
        result: Array = (1 - update) * new + update * hidden
        return result


@cache
def guesser() -> Guesser:
    """The guesser with the weights that ship; loaded once."""
    content = files("synth.text").joinpath("data/english_g2p.safetensors").read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise VoxproofError("the weights of the English letter-to-sound model are damaged", cure="Reinstall voxproof.")
    return Guesser({name: tensor.astype(np.float32) for name, tensor in load(content).items()})
