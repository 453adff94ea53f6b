"""The content student: what it hears, the rate of its features, what it learns from."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

torch = pytest.importorskip("torch")

from synth.student import RATE, Student, StudentConfig, levels  # noqa: E402
from synth.train.student import CROP_S, PHONES, TEACHER, Learner, Speech, losses, order, rate_at  # noqa: E402

SMALL = StudentConfig(width=16, inner=32, blocks=2, kernel=5)


def sound(seconds: float, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    times = np.arange(round(seconds * RATE)) / RATE
    tones = sum(np.sin(2 * np.pi * 140 * n * times) / n for n in range(1, 12))
    return torch.from_numpy((0.1 * tones + 0.01 * rng.standard_normal(len(times))).astype(np.float32))


def test_what_is_heard_does_not_depend_on_the_gain() -> None:
    one = sound(1.0)
    torch.testing.assert_close(levels(one[None]), levels(0.2 * one[None]), atol=2e-3, rtol=0)


@pytest.mark.parametrize("samples", [3200, 16_000, 16_160, 16_319])
def test_one_feature_for_every_whole_20_ms(samples: int) -> None:
    features = Student(SMALL)(levels(sound(2.0)[None, :samples]))
    assert features.shape == (1, 16, samples // 320)


def test_a_feature_depends_on_its_surroundings_only() -> None:
    torch.manual_seed(0)
    student = Student(SMALL).eval()
    bands = levels(sound(2.0)[None])
    changed = bands.clone()
    changed[:, :, 150:] += 0.5
    difference = (student(bands) - student(changed)).abs().amax((0, 1))
    reach = 2 * 2 + 3  # two blocks of five features, and what the stem and the halving see
    assert difference[: 75 - reach].max() == 0.0
    assert difference[75 + reach :].max() > 0.0


def prepared(folder: Path) -> Path:
    """A file as student_data writes it: one recording longer than a crop, one shorter with a transcript."""
    tensors = {}
    for number, seconds in enumerate((CROP_S + 2, 2.0)):
        samples = (sound(seconds, number).numpy() * 20_000).astype(np.int16)
        states = np.random.default_rng(number).standard_normal((len(samples) // 320, TEACHER)).astype(np.float16)
        tensors |= {f"{number}/clean": samples, f"{number}/channel": samples, f"{number}/teacher": states}
    tensors["1/phones"] = np.array([7, 8, 9], dtype=np.int16)
    path = folder / "speech-00000.safetensors"
    save_file(tensors, path)
    return path


def test_a_short_recording_counts_as_long_as_it_is_and_alone_has_phones(tmp_path: Path) -> None:
    batch = Speech([prepared(tmp_path)]).batch([0, 1], np.random.default_rng(0), spoilt=False)
    assert batch.real.sum(1).tolist() == [240.0, 100.0]
    assert [len(phones) for phones in batch.phones] == [0, 3]
    assert batch.sound[1, 32_000:].abs().max() == 0.0


@pytest.mark.parametrize("coded", [False, True])
def test_every_part_that_is_used_learns(tmp_path: Path, coded: bool) -> None:
    torch.manual_seed(0)
    learner = Learner(SMALL).train()
    batch = Speech([prepared(tmp_path)]).batch([0, 1], np.random.default_rng(0), spoilt=True)
    found = losses(learner, batch, coded=coded, precision="float32")
    sum(found.values()).backward()
    without = {name for name, value in learner.named_parameters() if value.grad is None or not value.grad.any()}
    assert not without
    assert bool(learner.quantizer.codebook.inited.item()) == coded
    assert found["phones"].isfinite()


def test_scores_have_a_place_for_no_phone() -> None:
    _, scores, _ = Learner(SMALL).eval()(levels(sound(1.0)[None]), coded=False)
    assert scores.shape == (1, 50, PHONES + 1)


def test_every_recording_comes_once_an_epoch_and_the_rate_ends_near_nothing() -> None:
    batches = order(10, 3, seed=1)
    epoch = [n for _ in range(3) for n in next(batches)]
    assert len(set(epoch)) == 9
    assert rate_at(0, 1000, 1.0) < 0.01
    assert rate_at(300, 1000, 1.0) == 1.0
    assert rate_at(999, 1000, 1.0) == pytest.approx(0.02, abs=1e-3)
