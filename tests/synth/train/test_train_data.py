"""Preparation of recordings: what is kept, what is reported, what is done only once."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="training is not tested: torch (extra `train`) is not installed")

from synth.audio import read, write  # noqa: E402
from synth.code_reader import CodeReader  # noqa: E402
from synth.errors import VoxproofError  # noqa: E402
from synth.train.batches import Batches, held_out, repetitions  # noqa: E402
from synth.train.codes import extract_codes  # noqa: E402
from synth.train.content import ProjectedMel  # noqa: E402
from synth.train.list_file import read_list  # noqa: E402
from synth.train.prepare import PreparationConfig, prepare  # noqa: E402
from synth.train.shards import Prepared, shard_path  # noqa: E402
from synth.train.slicing import SlicingConfig, slice_recording, slices  # noqa: E402
from synth.train.start import fresh_sovits  # noqa: E402

CLIPS = Path(__file__).parents[2] / "data"
GOOD = "sense_and_sensibility_01_austen_64kb-0870.wav"


class Counted(ProjectedMel):
    """Counts what it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = 0

    def __call__(self, samples):
        self.heard += 1
        return super().__call__(samples)


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A list of two good recordings and five that cannot be used."""
    speech = read(CLIPS / GOOD, 16_000).mono
    noise = np.random.default_rng(1).normal(0, 0.1, len(speech))
    write(tmp_path / "noisy.wav", np.clip(speech + noise, -1, 1), 16_000)
    write(tmp_path / "short.wav", speech[:8000], 16_000)
    write(tmp_path / "silent.wav", np.zeros(32_000), 16_000)
    (tmp_path / "broken.wav").write_bytes(b"RIFF....WAVEnothing")
    lines = [
        f"{CLIPS / GOOD}|anna|en|He was a good man, 100% honest.",
        "broken.wav|anna|EN|Broken.",
        "noisy.wav|anna|en|Noisy.",
        "short.wav|anna|en|Short.",
        "a line of another kind",
        "silent.wav|anna|en|Silent.",
        "missing.wav|anna|en|Missing.",
        "missing.wav|anna|xx|Missing.",
        f"{CLIPS / 'vm-intro.wav'}|allison|en|Please leave a message.",
    ]
    path = tmp_path / "voice.list"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_list_file(listed: Path) -> None:
    items, troubles = read_list(listed)
    assert [item.line for item in items] == [1, 2, 3, 4, 6, 7, 9]
    assert items[1].path == listed.parent / "broken.wav"
    assert items[0].text == "He was a good man, 100- honest."  # as the reference
    assert [(t.line, t.used) for t in troubles] == [(5, False), (8, False)]
    assert "'xx'" in troubles[1].cause
    assert "path|speaker|language|text" in troubles[1].cure


def test_list_without_recordings_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.list").write_text("\n\nonly words\n")
    with pytest.raises(VoxproofError, match="names no recording"):
        read_list(tmp_path / "a.list")


def test_broken_recordings_are_reported_and_the_others_go_on(listed: Path, tmp_path: Path) -> None:
    data = prepare(listed, tmp_path / "data", ProjectedMel())
    assert [entry.line for entry in data.entries] == [1, 9]
    troubles = [json.loads(line) for line in (tmp_path / "data" / "troubles.jsonl").read_text().splitlines()]
    causes = {trouble["line"]: trouble["cause"] for trouble in troubles}
    assert sorted(causes) == [2, 3, 4, 5, 6, 7, 8]
    assert "less than 20.0 dB" in causes[3]
    assert "0.5 s long" in causes[4]
    assert causes[6] == "holds no speech"
    assert causes[7] == "does not exist"
    assert all(trouble["cause"] and not trouble["used"] for trouble in troubles)
    assert len(data.text_pipeline) == 64


def test_noisy_recordings_can_be_kept_with_a_warning(listed: Path, tmp_path: Path) -> None:
    data = prepare(listed, tmp_path / "data", ProjectedMel(), PreparationConfig(keep_noisy=True))
    assert [entry.line for entry in data.entries] == [1, 3, 9]
    troubles = [json.loads(line) for line in (tmp_path / "data" / "troubles.jsonl").read_text().splitlines()]
    assert [trouble["line"] for trouble in troubles if trouble["used"]] == [3]


def test_shapes_and_levels(listed: Path, tmp_path: Path) -> None:
    data = prepare(listed, tmp_path / "data", ProjectedMel())
    entry = data.entries[0]
    wave = read(CLIPS / GOOD, 32_000).mono
    sound = data.sound(entry).numpy()
    assert len(sound) == pytest.approx(entry.seconds * 32_000, abs=1)
    peak = np.abs(wave).max()
    assert np.abs(sound).max() == pytest.approx(0.5 * 0.95 + 0.5 * peak, abs=2e-3)
    assert data.content_of(entry).shape == (768, len(sound) // 2 // 320)
    assert len(data.tensor(entry, "phones")) == entry.phones > 10
    mark = extract_codes(data, fresh_sovits("tiny").eval())
    codes = data.codes(entry)
    assert codes.shape == (data.content_of(entry).shape[1] // 2,)
    assert 0 <= int(codes.min()) <= int(codes.max()) < 1024
    assert data.tokeniser == mark
    assert data.alignment(entry) is None
    assert extract_codes(data, fresh_sovits("tiny").eval(), CodeReader(768).eval()) == mark
    places = data.alignment(entry)
    assert torch.equal(data.codes(entry), codes)
    assert len(places) == 2 * len(codes)
    assert (int(places[0]), int(places[-1])) == (0, entry.phones - 1)  # the whole text is said
    assert (places.diff() >= 0).all()


def test_preparation_goes_on_where_it_was(listed: Path, tmp_path: Path) -> None:
    config, folder = PreparationConfig(per_shard=4), tmp_path / "data"
    prepare(listed, folder, ProjectedMel(), config)
    before = [shard_path(folder, n).read_bytes() for n in range(2)]
    shard_path(folder, 1).unlink()
    facts = json.loads((folder / "preparation.json").read_text())
    (folder / "preparation.json").write_text(json.dumps(facts | {"complete": False}))
    with pytest.raises(VoxproofError, match="is not complete"):
        Prepared(folder)
    heard = Counted()
    prepare(listed, folder, heard, config)
    assert heard.heard == 1  # of the three lines of the second shard one is usable
    assert [shard_path(folder, n).read_bytes() for n in range(2)] == before


def test_other_settings_are_refused(listed: Path, tmp_path: Path) -> None:
    prepare(listed, tmp_path / "data", ProjectedMel())
    with pytest.raises(VoxproofError, match="other settings") as caught:
        prepare(listed, tmp_path / "data", ProjectedMel(seed=5))
    assert caught.value.path == str(tmp_path / "data")


def test_chinese_needs_bert_and_pro_a_speaker_network(tmp_path: Path) -> None:
    path = tmp_path / "a.list"
    path.write_text("a.wav|anna|zh|你好。\n", encoding="utf-8")
    with pytest.raises(VoxproofError, match="BERT"):
        prepare(path, tmp_path / "data", ProjectedMel())
    path.write_text("a.wav|anna|en|Hello.\n")
    with pytest.raises(VoxproofError, match="speaker-verification"):
        prepare(path, tmp_path / "data", ProjectedMel(), PreparationConfig(model="v2Pro"))


def test_damaged_shard_is_named(listed: Path, tmp_path: Path) -> None:
    prepare(listed, tmp_path / "data", ProjectedMel())
    path = shard_path(tmp_path / "data", 0)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(VoxproofError, match="shard-00000") as caught:
        Prepared(tmp_path / "data")
    assert "Delete it" in caught.value.cure


def test_slices_end_in_pauses() -> None:
    levels = np.full(1000, -10.0, dtype=np.float32)  # 20 s
    levels[:20] = -60
    levels[300:340] = -60  # 0.8 s after 5.6 s
    levels[400:410] = -60  # too short a pause
    found = slices(levels, SlicingConfig())
    assert found[0] == pytest.approx((0.0, 6.5))  # the whole first pause, and 0.5 s of the second
    assert found[1][0] == pytest.approx(6.3)
    assert found[-1][1] == pytest.approx(20.0)
    assert len(found) == 2


def test_a_long_slice_is_cut_at_its_quietest_frame() -> None:
    levels = np.full(1000, -10.0, dtype=np.float32)
    levels[480] = -20
    found = [edge for piece in slices(levels, SlicingConfig()) for edge in piece]
    assert found == pytest.approx([0.0, 9.6, 9.6, 20.0])


@given(st.lists(st.sampled_from([-60.0, -10.0]), max_size=300))
def test_slices_are_in_order_and_inside(levels: list[float]) -> None:
    found = slices(np.repeat(np.array(levels, dtype=np.float32), 10), SlicingConfig())
    assert all(0 <= start < end <= len(levels) * 0.2 + 1e-9 for start, end in found)
    assert [start for start, _ in found] == sorted(start for start, _ in found)


def test_slices_are_written(tmp_path: Path) -> None:
    sound = read(CLIPS / GOOD)
    pause = np.zeros(sound.rate, dtype=np.float32)
    write(tmp_path / "long.wav", np.concatenate([sound.mono, pause, sound.mono]), sound.rate)
    written = slice_recording(tmp_path / "long.wav", tmp_path / "pieces", SlicingConfig(least_seconds=1.0))
    assert len(written) >= 2
    kept = sum(read(path).seconds for path in written)
    assert kept == pytest.approx(2 * sound.seconds, abs=1.5)


@given(
    st.lists(st.floats(0.6, 54.0), min_size=1, max_size=130), st.integers(1, 9), st.integers(1, 3), st.integers(1, 50)
)
def test_every_recording_comes_in_every_epoch(lengths: list[float], size: int, world: int, epoch: int) -> None:
    edges = [float(edge) for edge in range(2, 54, 2)]
    own = [Batches(lengths, size, edges, 1, rank, world).epoch(epoch) for rank in range(world)]
    assert len({len(batches) for batches in own}) == 1
    heard = [index for batches in own for batch in batches for index in batch]
    times = repetitions(len(lengths))
    assert all(heard.count(index) >= times for index in range(len(lengths)))
    if world == 1:
        assert len(heard) == times * len(lengths)
    for batch in (batch for batches in own for batch in batches):
        assert 1 <= len(batch) <= size
        assert len({sum(edge <= lengths[index] for edge in edges) for index in batch}) == 1
    assert own[0] == Batches(lengths, size, edges, 1, 0, world).epoch(epoch)


def test_epochs_differ() -> None:
    plan = Batches([1.0] * 120, 8, [2.0], 1)
    assert plan.epoch(1) != plan.epoch(2)
    assert [len(group) for group in plan.steps(1, 4)] == [4, 4, 4, 3]


@given(st.integers(0, 500), st.floats(0, 1))
def test_held_out(count: int, share: float) -> None:
    apart = held_out(count, share)
    assert len(apart) <= count // 2
    assert all(0 <= index < count for index in apart)
    assert bool(apart) == (count >= 5 and share > 0)
