"""The content student: what it hears, the rate of its features, what it learns from."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

torch = pytest.importorskip("torch")

from safetensors.torch import save_file as save_tensors  # noqa: E402

from synth.errors import VoxproofError  # noqa: E402
from synth.packing import packed, unpacked  # noqa: E402
from synth.student import RATE, Student, StudentConfig, levels  # noqa: E402
from synth.student_content import EXACT, read_extractor, read_student  # noqa: E402
from synth.train.phone_teacher import PHONES, PhoneTeacher, read_out, shortened  # noqa: E402
from synth.train.phone_teacher import losses as teacher_losses  # noqa: E402
from synth.train.student import from_whisper, losses, nearness  # noqa: E402
from synth.train.student_speech import CROP_S, TEACHER, Speech, order, rate_at  # noqa: E402
from synth.train.teacher_content import TeacherContent  # noqa: E402

SMALL = StudentConfig(width=16, inside=32, inner=64, layers=1, heads=4)
HEARD = StudentConfig(inside=32, inner=64, layers=1, heads=4)
"""Small, with as many features as the phone teacher."""


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


def test_it_hears_the_bands_that_whisper_hears_but_for_the_level() -> None:
    transformers = pytest.importorskip("transformers")
    samples = 0.3 * sound(2.0)
    theirs = transformers.WhisperFeatureExtractor(feature_size=80)(
        samples.numpy(), sampling_rate=RATE, return_tensors="pt", padding="longest", truncation=False
    ).input_features[0]
    ours = levels(samples[None])[0]
    away = (theirs - theirs.max()) - (ours - ours.max())
    assert ours.shape == theirs.shape
    assert away[:, 3:-3].abs().mean() < 0.04  # their frames begin 5 ms earlier


def test_it_begins_as_the_first_layers_of_whisper(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.WhisperConfig(
        d_model=32, encoder_layers=2, encoder_attention_heads=4, encoder_ffn_dim=64, num_mel_bins=80,
        decoder_layers=1, decoder_attention_heads=4, decoder_ffn_dim=64, vocab_size=64, pad_token_id=0,
        bos_token_id=0, eos_token_id=0, decoder_start_token_id=0, max_source_positions=50,
    )  # fmt: skip
    whisper = transformers.WhisperModel(config).eval()
    save_file({f"model.{n}": v.numpy() for n, v in whisper.state_dict().items()}, tmp_path / "model.safetensors")
    student = Student(StudentConfig(width=16, inside=32, inner=64, layers=2, heads=4)).eval()
    from_whisper(student, tmp_path)
    seen = []
    student.layers[1].register_forward_hook(lambda module, given, made: seen.append(made))
    bands = levels(sound(1.0)[None])
    with torch.no_grad():
        student(bands)
        wanted = whisper.encoder(bands, output_hidden_states=True).last_hidden_state
        ours = whisper.encoder.layer_norm(seen[0])
    torch.testing.assert_close(ours, wanted, atol=2e-5, rtol=1e-4)
    narrow = Student(StudentConfig(width=16, inside=32, inner=48, layers=2, heads=4))
    from_whisper(narrow, tmp_path)
    layer, whole = narrow.layers[0], whisper.encoder.layers[0]
    kept = [whole.fc1.weight.tolist().index(row) for row in layer.fc1.weight.tolist()]
    strength = whole.fc1.weight.norm(dim=1) * whole.fc2.weight.norm(dim=0)
    assert set(kept) == set(strength.topk(48).indices.tolist())
    torch.testing.assert_close(layer.fc2.weight, whole.fc2.weight[:, kept])
    torch.testing.assert_close(layer.fc1.bias, whole.fc1.bias[kept])


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
def test_every_part_of_the_phone_teacher_that_is_used_learns(tmp_path: Path, coded: bool) -> None:
    torch.manual_seed(0)
    teacher = PhoneTeacher().train()
    found, _ = teacher_losses(teacher, Speech([prepared(tmp_path)]).rows, coded=coded)
    assert set(found) == {"states", "commitment", "phones", "read"}
    sum(found.values()).backward()
    without = {name for name, value in teacher.named_parameters() if value.grad is None or not value.grad.any()}
    assert not without
    assert bool(teacher.quantizer.codebook.inited.item()) == coded


def test_the_phone_teacher_learns_what_is_said(tmp_path: Path) -> None:
    torch.manual_seed(0)
    row = Speech([prepared(tmp_path)]).rows[1]
    teacher = PhoneTeacher()
    optimiser = torch.optim.Adam(teacher.parameters(), 3e-3)
    first = float(teacher_losses(teacher, [row], coded=False)[0]["read"].detach())
    for _ in range(40):
        optimiser.zero_grad()
        sum(teacher_losses(teacher, [row], coded=False)[0].values()).backward()
        optimiser.step()
    found, scores = teacher_losses(teacher, [row], coded=False)
    assert float(found["read"].detach()) < 0.1 * first
    assert read_out(scores[0]) == [7, 8, 9]


def test_only_the_student_learns_and_all_of_it(tmp_path: Path) -> None:
    torch.manual_seed(0)
    student, teacher = Student(HEARD), PhoneTeacher().eval().requires_grad_(False)
    batch = Speech([prepared(tmp_path)]).batch([0, 1], np.random.default_rng(0), spoilt=True)
    found = losses(student, teacher, batch, precision="float32")
    assert set(found) == {"features", "codes"}
    sum(found.values()).backward()
    assert all(value.grad is not None and value.grad.any() for value in student.parameters())
    assert all(value.grad is None for value in teacher.parameters())


def test_a_student_that_hears_what_the_teacher_hears_has_no_loss_and_its_codes(tmp_path: Path) -> None:
    torch.manual_seed(0)
    teacher = PhoneTeacher().eval().requires_grad_(False)
    batch = Speech([prepared(tmp_path)]).batch([0, 1], np.random.default_rng(0), spoilt=False)
    wanted = teacher.features(batch.teacher)

    class Knowing(Student):
        def forward(self, bands: torch.Tensor) -> torch.Tensor:
            return wanted

    exact = losses(Knowing(HEARD), teacher, batch, precision="float32")
    assert float(exact["features"]) == 0.0
    assert exact["codes"] < losses(Student(HEARD), teacher, batch, precision="float32")["codes"]
    guessed, spread = nearness(teacher, wanted)
    assert torch.equal(guessed.argmax(-1), teacher.quantizer.encode(teacher.ssl_proj(wanted))[:, 0])
    torch.testing.assert_close(guessed.exp().sum(-1), torch.ones(2, 120))
    assert nearness(teacher, wanted + 1.0, spread)[1] is spread


def test_what_decides_between_codes_is_kept_exactly_in_16_bits() -> None:
    torch.manual_seed(0)
    teacher = PhoneTeacher()
    shortened(teacher)
    state = {name: value for name, value in teacher.state_dict().items() if name.startswith(EXACT)}
    made = packed(state, EXACT)
    assert {value.dtype for value in made.values() if value.is_floating_point()} == {torch.float16}
    assert all(torch.equal(value, state[name].to(value)) for name, value in unpacked(made).items())
    assert torch.equal(teacher.into.weight, teacher.into.weight.half().float())


def test_a_phone_teacher_gives_features_and_codes_without_a_student(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    teacher, states = PhoneTeacher().eval(), torch.randn(40, TEACHER)
    path = tmp_path / "codes.safetensors"
    save_tensors(teacher.state_dict(), path)
    heard: list[np.ndarray] = []
    monkeypatch.setattr("synth.train.teacher_content.Teacher", lambda folder: lambda x: heard.append(x) or states)
    features = TeacherContent(tmp_path, path)(sound(0.8))
    torch.testing.assert_close(features, teacher.features(states[None])[0])
    assert [len(samples) for samples in heard] == [12_800]
    extractor, reader = read_extractor(path)
    assert reader is not None
    assert {name.split(".")[0] for name in extractor} == {"ssl_proj", "quantizer"}
    assert torch.equal(extractor["ssl_proj.weight"], teacher.ssl_proj.weight)
    with pytest.raises(VoxproofError, match="no content student"):
        read_student(path)


def test_scores_have_a_place_for_no_phone_and_codes_are_half_as_many_as_frames() -> None:
    teacher = PhoneTeacher().eval()
    heard, read, states, _ = teacher(torch.randn(1, 51, TEACHER), coded=True)
    assert heard.shape == read.shape == (1, 50, PHONES + 1)
    assert states.shape == (1, 50, TEACHER)


def test_every_recording_comes_once_an_epoch_and_the_rate_ends_near_nothing() -> None:
    batches = order(10, 3, seed=1)
    epoch = [n for _ in range(3) for n in next(batches)]
    assert len(set(epoch)) == 9
    assert rate_at(0, 1000, 1.0) < 0.01
    assert rate_at(300, 1000, 1.0) == 1.0
    assert rate_at(999, 1000, 1.0) == pytest.approx(0.02, abs=1e-3)
