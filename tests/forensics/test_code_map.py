"""The map of the codebook: manners, the phones of codes, and a figure."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")

from detectors.codes.hearing import CodeEar, lite_models
from forensics.benches.code_map import MANNERS, VOICELESS, draw, manner_of, phones_of_codes, placed
from synth import audio
from synth.text.symbols import ARPABET_CONSONANTS, ARPABET_VOWELS

CLIP = Path(__file__).parents[1] / "data" / "sense_and_sensibility_01_austen_64kb-0870.wav"


def test_every_phone_of_cmudict_has_one_manner() -> None:
    listed = [phone for phones in MANNERS.values() for phone in phones.split()]
    assert sorted(listed) == sorted([*ARPABET_VOWELS, *ARPABET_CONSONANTS])
    assert set(listed) >= VOICELESS
    assert [manner_of(p) for p in ("AE1", "ZH", "SP", ",")] == ["vowel", "fricative", "pause", "pause"]


def test_near_codes_lie_near_each_other() -> None:
    draw_from = np.random.default_rng(1)
    book = np.repeat(draw_from.standard_normal((4, 16)) * 20, 30, 0) + draw_from.standard_normal((120, 16))
    places = placed(book.astype(np.float32)).reshape(4, 30, 2)
    within = places.std(1).mean()
    assert np.linalg.norm(places.mean(1)[0] - places.mean(1)[1]) > 2 * within


def test_the_codes_of_speech_say_phones(tmp_path: Path) -> None:
    ear = CodeEar.of(lite_models())
    codes = ear.hear(audio.read(CLIP, rate=16_000).mono.astype(np.float32)).codes
    phones, known = phones_of_codes(ear, [codes])
    assert set(phones) <= set(codes.tolist())
    assert {"vowel", "stop", "fricative"} <= {manner_of(phone) for phone in phones.values()}
    assert 0.2 < known <= 1
    places = np.random.default_rng(0).standard_normal((1024, 2)).astype(np.float32)
    draw(places, phones, codes, "title", tmp_path / "map.png")
    assert (tmp_path / "map.png").stat().st_size > 10_000
