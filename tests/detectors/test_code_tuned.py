"""The tuned ear on sound whose codes are known, and its measures against plain loops."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.numpy import save_file  # noqa: E402

from detectors.codes.hearing import CODE, CodeEar  # noqa: E402
from detectors.codes.learnt import measurer_of  # noqa: E402
from detectors.codes.likelihood import CONTEXT, coming  # noqa: E402
from detectors.codes.measuring import Measured  # noqa: E402
from detectors.codes.soft import PairTables, pair_gain, pair_measures, text_measures  # noqa: E402
from detectors.codes.statistics import PairModel, save_pairs  # noqa: E402
from detectors.codes.tuned import GRIDS, Tuning, decoded_at, guessed, learnt, plain  # noqa: E402
from synth.errors import VoxproofError  # noqa: E402
from synth.gpt import GPT, GPTConfig  # noqa: E402
from synth.sovits import Quantizer  # noqa: E402


class Content:
    """The sound itself as features: eight samples of every 20 ms, [1, 8, frames]."""

    def features(self, samples: torch.Tensor, *, bounded: bool = True) -> torch.Tensor:
        return samples[: len(samples) // 320 * 320].reshape(-1, 320)[:, ::40].T[None]


class Encoders:
    def __init__(self) -> None:
        torch.manual_seed(1)
        self.ssl_proj = torch.nn.Conv1d(8, 16, 2, stride=2)
        self.quantizer = Quantizer(1024, 16).eval()


@pytest.fixture(scope="module")
def ear() -> CodeEar:
    return CodeEar(Content(), Encoders())  # type: ignore[arg-type]


def rendered(seed: int, k: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Ten codes, each with a waveform of its own, in noise: samples, and the codes on the 20 ms grid."""
    shapes = np.random.default_rng(0).standard_normal((10, CODE)).astype(np.float32)
    draw = np.random.default_rng(seed)
    said = draw.integers(0, 10, k)
    sound = shapes[said].ravel() + 0.3 * draw.standard_normal(k * CODE).astype(np.float32)
    return sound.astype(np.float32), np.repeat(said, 2)


def pairs_of(*rows: object) -> PairModel:
    return PairModel.learn([np.array(row, np.int64) for row in rows])


def test_the_plain_tuning_hears_what_the_ear_hears(ear: CodeEar) -> None:
    sound, _ = rendered(3)
    (logs,) = guessed(ear, [plain(ear)], sound)
    assert logs.shape == (GRIDS, 399, 1024)
    assert logs[0].argmax(-1).tolist() == ear.hear(sound).codes[:399].tolist()
    assert np.exp(logs).sum(-1) == pytest.approx(1, abs=1e-3)
    # The third grid begins 10 ms later.
    later = ear.hear(sound[CODE // 4 :]).codes[:399]
    assert (logs[2].argmax(-1)[:398] == later[:398]).all()


def test_learning_hears_the_codes_that_were_decoded_where_the_plain_ear_does_not(ear: CodeEar) -> None:
    tuning = learnt(ear, [rendered(seed) for seed in range(10)])
    sound, said = rendered(99)
    _first, codes = decoded_at(said)
    before, after = (logs[0].argmax(-1) for logs in guessed(ear, [plain(ear), tuning], sound))
    assert (before == codes[:399]).mean() < 0.2
    assert (after == codes[:399]).mean() > 0.8
    again = Tuning.of(tuning.tensors())
    (half,) = guessed(ear, [again], sound)
    assert (half[0].argmax(-1) == after).mean() > 0.99


def test_codes_begin_behind_pauses() -> None:
    first, codes = decoded_at(np.array([5, 5, 6, 6, -1, -1, -1, 7, 7, 8]))
    assert first.tolist() == [0, 2, 7]
    assert codes.tolist() == [5, 6, 7]
    assert decoded_at(np.array([-1, -1]))[0].tolist() == []


def test_sound_too_short_for_a_code_gives_none(ear: CodeEar) -> None:
    for samples in (0, 100, CODE, 2 * CODE - 1):
        (logs,) = guessed(ear, [plain(ear)], np.zeros(samples, np.float32))
        assert logs.shape == (GRIDS, 0, 1024)


def sure_of(codes: np.ndarray) -> np.ndarray:
    logs = np.full((len(codes), 1024), np.log(1e-3 / 1023), np.float32)
    logs[np.arange(len(codes)), codes] = np.log(1 - 1e-3)
    return logs


def test_the_gain_of_pairs_is_a_plain_loop_and_the_best_grid_counts() -> None:
    tables = PairTables(pairs_of([1, 2] * 50, [4, 5, 6]), pairs_of([2, 3] * 50, [6, 1, 1]))
    assert tables.drawn_dense.sum(1) == pytest.approx(1, abs=1e-4)
    draw = np.random.default_rng(2)
    logs = np.log(draw.dirichlet(np.full(1024, 0.01), 6).astype(np.float32) + 1e-9)
    shares = np.exp(logs)
    found = pair_gain(logs, tables)
    assert np.isnan(found[0])
    for t in range(1, 6):
        own, others = (
            sum(shares[t - 1, a] * (dense[a] * shares[t]).sum() for a in range(1024))
            for dense in (tables.drawn_dense, tables.people_dense)
        )
        assert found[t] == pytest.approx(np.log(own / others), abs=1e-3)
    drawn, spoken = sure_of(np.array([2, 3] * 20)), sure_of(np.array([1, 2] * 20))
    counted = np.ones(40, np.bool_)
    best = pair_measures(np.stack([spoken, drawn, spoken, spoken]), counted, tables)
    worst = pair_measures(np.stack([spoken] * 4), counted, tables)
    assert best["pairs"] > 2 > -2 > worst["pairs"]
    assert best["pairs_heard"] > 3 > -3 > worst["pairs_heard"]
    assert best["sure"] == pytest.approx(np.log(1 - 1e-3), abs=1e-4)
    assert np.isnan(pair_measures(np.stack([spoken] * 4), np.arange(40) < CONTEXT, tables)["pairs"])


def test_sure_codes_have_the_gpts_log_probability_less_that_of_their_usage() -> None:
    torch.manual_seed(3)
    gpt = GPT(GPTConfig(width=16, heads=2, layers=2, bert=16)).eval()
    tables = PairTables(pairs_of([1, 2] * 50), pairs_of([2, 3] * 50))
    codes = np.random.default_rng(1).integers(0, 1024, 30)
    certain = np.where(np.arange(1024) == codes[:, None], 0.0, -60.0).astype(np.float32)
    found = text_measures(np.stack([certain] * 4), np.ones(30, np.bool_), tables, gpt, lambda _: {"free": (5, 9)}, "x.")
    usual = tables.usage[codes]
    expected = (coming(gpt, codes, [(5, 9)])[0][np.arange(30), codes] - usual)[CONTEXT:].mean()
    assert found == {"x.free.above_usage": pytest.approx(expected, abs=1e-3)}


def test_heat_lies_on_the_grid_of_20_ms_and_outside_of_speech_there_is_none(ear: CodeEar) -> None:
    heard = ear.hear(rendered(1, 4)[0])
    counted = np.array([True, False, True, True])
    measured = Measured(heard, counted, (), {}, (), (), np.array([np.nan, 1, 2, 3], np.float32))
    times, values = measured.heat()
    assert times == pytest.approx(np.arange(8) * 0.02)
    assert values[4:].tolist() == [2, 2, 3, 3]
    assert np.isnan(values[:4]).all()


def test_a_file_without_the_tuned_ear_is_refused(tmp_path: Path, ear: CodeEar) -> None:
    path = tmp_path / "codes.safetensors"
    table = pairs_of([1, 2])
    save_pairs(dict.fromkeys(("people", "generator", "people_tuned", "drawn"), table), path)
    with pytest.raises(VoxproofError, match="tuned ear"):
        measurer_of(path, ear)
    save_pairs({"people": table}, path, plain(ear).tensors())
    with pytest.raises(VoxproofError, match="tuned ear"):
        measurer_of(path, ear)
    save_file({"a": np.zeros(1, np.float32)}, path)
    with pytest.raises(VoxproofError, match="no tables"):
        measurer_of(path, ear)
