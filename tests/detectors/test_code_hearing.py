"""Codes of sound: pieces of a long recording, distances, and the shipped student."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from detectors.codes.hearing import CODE, MARGIN, PIECE, CodeEar, lite_models, pieces  # noqa: E402
from detectors.codes.measuring import in_codes, spans  # noqa: E402
from synth.audio import read  # noqa: E402
from synth.sovits import Quantizer  # noqa: E402

ROOT = Path(__file__).parents[2]


class Local:
    """A content encoder that hears 20 ms at a time, so that pieces make no difference: [1, 4, frames at 50 Hz]."""

    def __init__(self) -> None:
        self.longest = 0

    def features(self, samples: torch.Tensor, *, bounded: bool = True) -> torch.Tensor:
        self.longest = max(self.longest, len(samples))
        frames = samples[: len(samples) // 320 * 320].reshape(-1, 320)
        return torch.stack([frames.mean(1), frames.std(1), frames[:, 0], frames[:, 160]])[None]


class Encoders:
    """Two frames to a code, as in SoVITS."""

    def __init__(self) -> None:
        torch.manual_seed(1)
        self.ssl_proj = torch.nn.Conv1d(4, 4, 2, stride=2)
        self.quantizer = Quantizer(64, 4).eval()


@given(st.integers(0, 3 * PIECE))
def test_pieces_keep_every_code_once_and_away_from_cuts(count: int) -> None:
    found = list(pieces(count))
    kept = [code for _, _, keep in found for code in range(keep.start, keep.stop)]
    assert kept == list(range(count))
    for first, last, keep in found:
        assert last - first <= PIECE
        assert first == 0 or keep.start - first >= MARGIN
        assert last == count or last - keep.stop >= MARGIN


def test_a_long_recording_in_pieces_is_the_one_in_one_go() -> None:
    content, encoders = Local(), Encoders()
    ear = CodeEar(content, encoders)  # type: ignore[arg-type]
    sound = np.random.default_rng(2).standard_normal(1337 * CODE + 99).astype(np.float32)
    heard = ear.hear(sound)
    assert content.longest == PIECE * CODE
    with torch.no_grad():
        projected = encoders.ssl_proj(content.features(torch.from_numpy(sound))[..., : 2 * 1337])
        whole = encoders.quantizer.encode(projected)
        apart = (projected - encoders.quantizer.decode(whole)).norm(dim=1) / projected.norm(dim=1)
    assert heard.codes.tolist() == whole[0, 0].tolist()
    assert heard.distances == pytest.approx(apart[0].numpy(), rel=1e-4)


def test_the_shipped_student_hears_a_piece_as_it_hears_the_whole() -> None:
    """It attends to everything and knows where a frame lies, so that one code in six may fall to a neighbour."""
    ear = CodeEar.of(lite_models())
    clip = read(ROOT / "tests" / "data" / "sense_and_sensibility_01_austen_64kb-0870.wav", rate=16_000).mono
    sound = np.tile(clip.astype(np.float32), 1 + 30 * 16_000 // len(clip))[: 28 * 16_000]
    whole = ear._piece(sound).codes
    heard = ear.hear(sound)
    assert len(heard) == len(whole) == 28 * 25
    assert (heard.codes == whole).mean() > 0.75
    assert heard.codes.max() < 1024
    assert 0.1 < heard.distances.mean() < 1.2


def test_short_and_empty_sound() -> None:
    ear = CodeEar.of(lite_models())
    assert len(ear.hear(np.zeros(0, np.float32))) == 0
    assert len(ear.hear(np.zeros(CODE, np.float32))) == 1
    assert ear.phones(np.zeros(0, np.int64)) == []


@given(st.integers(0, 1000))
def test_spans_cover_all_in_windows_no_longer_than_they_may_be(count: int) -> None:
    found = list(spans(count, 125))
    assert [code for a, b in found for code in range(a, b)] == list(range(count))
    assert all(b - a <= 125 for a, b in found)


def test_speech_on_the_20_ms_grid_becomes_codes() -> None:
    speech = np.array([True, False, False, False, False, True, True])
    assert in_codes(speech, 3).tolist() == [True, False, True]
    assert in_codes(speech, 5).tolist() == [True, False, True, True, False]
