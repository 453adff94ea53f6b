"""Crops and neutral clips: equal level, no edges, lengths without a law; the same for both classes."""

from pathlib import Path

import numpy as np
import pytest
from audiomentations import Compose

from detectors.neutral import neutral, trimmed
from detectors.train import crops
from detectors.train.conditions import CONDITIONS, FAMILIES
from detectors.train.crops import random_crop, random_steps, weights

RATE = 16_000


@pytest.fixture(scope="module")
def clip() -> np.ndarray:  # type: ignore[type-arg]
    rng = np.random.default_rng(1)
    speech = 0.1 * rng.standard_normal(6 * RATE) * (1 + np.sin(np.arange(6 * RATE) / 2000)) / 2
    return np.concatenate([np.zeros(RATE), speech, np.zeros(RATE)]).astype(np.float32)


def test_edges_are_cut(clip: np.ndarray) -> None:  # type: ignore[type-arg]
    assert trimmed(clip).size == pytest.approx(6 * RATE, abs=400)
    assert trimmed(np.zeros(100, np.float32)).size == 0


def test_neutral(clip: np.ndarray) -> None:  # type: ignore[type-arg]
    piece = neutral(clip, "a")
    assert np.array_equal(piece, neutral(0.3 * clip, "a")) or np.allclose(piece, neutral(0.3 * clip, "a"), atol=1e-4)
    assert 20 * np.log10(np.sqrt(np.mean(piece**2))) == pytest.approx(-26, abs=0.2)
    assert 1.4 * RATE < piece.size < 5 * RATE
    spectrum = np.abs(np.fft.rfft(piece)) ** 2
    hz = np.fft.rfftfreq(piece.size, 1 / RATE)
    assert spectrum[hz > 7800].mean() < 1e-3 * spectrum[(hz > 1000) & (hz < 6000)].mean()
    assert len({neutral(clip, str(i)).size % 160 for i in range(12)}) > 6


def test_too_short_is_empty(clip: np.ndarray) -> None:  # type: ignore[type-arg]
    assert neutral(clip[: RATE + 4000], "a").size == 0
    assert neutral(clip, "a", 10.0).size == 0
    assert neutral(clip, "a", 2.0).size == pytest.approx(2 * RATE, abs=400)


def test_crops_are_seeded_and_of_all_lengths(clip: np.ndarray) -> None:  # type: ignore[type-arg]
    first = random_crop(clip, np.random.default_rng(3))
    assert np.array_equal(first, random_crop(clip, np.random.default_rng(3)))
    sizes = [random_crop(clip, np.random.default_rng(i)).size for i in range(12)]
    assert min(sizes) > 0.9 * RATE
    assert max(sizes) <= 5 * RATE
    assert len({s % 160 for s in sizes}) > 6


def test_all_channel_families_occur() -> None:
    rng = np.random.default_rng(1)
    steps = [step for _ in range(300) for step in random_steps(rng)]
    assert {step.family for step in steps if not isinstance(step, Compose)} == {
        "aac", "amr_nb", "g711", "g722", "gsm", "mp3", "opus", "resample", "room", "vorbis",
    }  # fmt: skip
    assert {type(one).__name__ for step in steps if isinstance(step, Compose) for one in step.transforms} == {
        "AddColorNoise", "SevenBandParametricEQ", "LowPassFilter", "ClippingDistortion", "Gain",
    }  # fmt: skip


def test_neutral_pieces_pass_no_channel(
    clip: np.ndarray,  # type: ignore[type-arg]
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    np.save(tmp_path / "one.npy", (clip * 32767).astype(np.int16))
    np.save(tmp_path / "two.npy", (clip[::-1] * 32767).astype(np.int16))
    rows = "one,human,train,a,human\ntwo,machine,train,a,g\n"
    (tmp_path / "clips.csv").write_text("id,label,part,source,generator\n" + rows)
    where = [str(tmp_path / "clips.csv"), "--cache", str(tmp_path), "--out", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", ["crops", *where, "--shards", "1", "--per-shard", "6", "--neutral"])
    crops.main()
    shard = np.load(tmp_path / "out/000.npz")
    pieces = np.split(shard["samples"], shard["ends"][:-1])
    assert (shard["labels"] == (shard["ids"] == "two")).all()
    for piece in pieces:
        sound = piece / 32768
        assert 20 * np.log10(np.sqrt(np.mean(sound**2))) == pytest.approx(-26, abs=0.2)
        power, hz = np.abs(np.fft.rfft(sound)) ** 2, np.fft.rfftfreq(sound.size, 1 / RATE)
        assert power[hz > 7800].mean() < 1e-3 * power[(hz > 1000) & (hz < 6000)].mean()  # only the floor lies there
    assert len({piece.size for piece in pieces}) > 3  # another piece every time


def test_classes_are_drawn_alike() -> None:
    clips = [{"label": "human", "source": "a", "generator": "human"}] * 9
    clips += [{"label": "human", "source": "b", "generator": "human"}]
    clips += [{"label": "machine", "source": "a", "generator": "g"}] * 4
    share = weights(clips)
    assert share.sum() == pytest.approx(1)
    assert share[:10].sum() == pytest.approx(0.5)
    assert share[:9].sum() == pytest.approx(0.5 * 3 / 4)  # the root of nine against the root of one


def test_families_name_conditions() -> None:
    assert {name for names in FAMILIES.values() for name in names} <= set(CONDITIONS)
