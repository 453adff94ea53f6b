"""The voiceprint network in PyTorch and in NumPy, and the material it learns from: parts, pairs, disturbance."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from detectors.train.voiceprint_trials import Scored, drawn, pairs
from synth.train.voiceprint import VoiceEncoder, disturbed, filter_bank, voices_by
from synth.train.voiceprint_data import Clip, clips_of, part_of, powers, who
from synth.train.voiceprint_data import drawn as channel_drawn
from synth.voiceprint_network import VoiceNetwork, shapes, unit


def clip(n: int, speaker: str, utterance: str, corpus: str = "libri") -> Clip:
    return Clip(f"{n:08x}", "", speaker, corpus, "test", corpus, utterance, "CC0-1.0", "en", 5.0)


def test_numpy_and_pytorch_hear_the_same() -> None:
    torch.manual_seed(3)
    encoder = VoiceEncoder().eval()
    network = VoiceNetwork(encoder.tensors())
    mel = np.random.default_rng(3).gamma(0.5, 1.0, (3, 160, 40)).astype(np.float32)
    with torch.no_grad():
        expected = encoder(torch.from_numpy(mel)).numpy()
    np.testing.assert_allclose(network.windows(mel), expected, atol=2e-6)
    assert {name: tensor.shape for name, tensor in encoder.tensors().items()} == shapes(256)
    long = np.random.default_rng(4).gamma(0.5, 1.0, (400, 40)).astype(np.float32)
    together = voices_by(network, batch=2)([long, long[:100]])
    np.testing.assert_allclose(together, unit(np.stack([network.voice(long), network.voice(long[:100])])), atol=1e-6)


def test_a_disturbed_window_stays_a_window_of_powers() -> None:
    mel = np.random.default_rng(1).gamma(0.5, 1e-3, (160, 40)).astype(np.float32)
    for seed in range(40):
        changed = disturbed(mel, np.random.default_rng(seed))
        assert changed.shape == mel.shape
        assert np.isfinite(changed).all()
        assert (changed >= 0).all()
        assert 0.1 < changed.mean() / mel.mean() < 10


def test_every_drawn_channel_gives_sound_of_the_same_length() -> None:
    sound = np.sin(np.arange(8000) / 9).astype(np.float32) * 0.3
    names = set()
    for seed in range(4):
        channel = channel_drawn(np.random.default_rng(seed))
        names.add(channel.name)
        assert channel(sound, 16_000, seed)[0].shape == sound.shape
    assert len(names) > 1


@pytest.mark.parametrize("licence", ["CC-BY-NC-ND-4.0", "unclear"])
def test_what_may_only_be_measured_on_is_never_trained_on(licence: str) -> None:
    for n in range(300):
        for speaker in (f"libri:{n}", f"vctk:p{n}", ""):
            assert part_of(speaker, "page", licence) != "train"
    assert part_of("rhasspy_kathleen:1", "rhasspy_kathleen", "CC0-1.0") == "test"


def test_a_speaker_is_in_one_part_and_parts_are_of_a_size() -> None:
    found = [part_of(f"libri:{n}", "librispeech_tc100", "CC-BY-4.0") for n in range(2000)]
    assert found == [part_of(f"libri:{n}", "librispeech_tc100", "CC-BY-4.0") for n in range(2000)]
    assert {name: round(found.count(name) / 2000, 1) for name in set(found)} == {
        "train": 0.5, "calibration": 0.2, "test": 0.2
    } or 0.2 < found.count("test") / 2000 < 0.3  # fmt: skip
    for n in range(300):
        elsewhere = part_of(f"libri:{n}", "some page", "MIT")
        assert elsewhere == part_of(f"libri:{n}", "librispeech_tc100", "CC-BY-4.0")


def test_names_of_files_tell_speaker_and_utterance() -> None:
    assert who({"path": "GT/VCTK/p302/p302_114.wav"}, "yourtts") == ("vctk:p302", "p302_114")
    assert who({"path": "x/3570-5695-0003.wav"}, "freecodec") == ("libri:3570", "3570-5695-0003")
    assert who({"path": "x/1284_1180_000006_000002.wav"}, "yourtts") == ("libri:1284", "1284-1180-000006_000002")
    assert who({"path": "clean/6c04621d-5262-4dbe-816f.wav"}, "picovoice_s2i")[0] == ""
    assert who({"path": "a/1.wav", "speaker": "librispeech-2182"}, "librispeech_tc100")[0] == "libri:2182"


def test_an_index_gives_human_recordings_long_enough(tmp_path: Path) -> None:
    rows = [
        {"path": "a.wav", "kind": "human", "seconds": "3"},
        {"path": "b.wav", "kind": "tts", "seconds": "3"},
        {"path": "c.wav", "kind": "human", "seconds": "0.5"},
    ]
    with (tmp_path / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["path", "kind", "seconds", "page", "licence", "language"])
        writer.writeheader()
        writer.writerows({**row, "page": "somewhere", "licence": "MIT", "language": "en"} for row in rows)
    assert [Path(c.path).name for c in clips_of(tmp_path / "index.csv")] == ["a.wav"]


def test_pairs_share_no_utterance_and_no_corpus_is_left() -> None:
    clips = [
        clip(0, "libri:1", "a"), clip(1, "libri:1", "b"), clip(2, "libri:1", "b"), clip(3, "libri:2", "c"),
        clip(4, "vctk:p1", "d", "vctk"), clip(5, "vctk:p2", "e", "vctk"), clip(6, "vctk:p2", "f", "vctk"),
    ]  # fmt: skip
    same, other = pairs(clips)
    assert {tuple(p) for p in same.tolist()} == {
        (0, 1), (1, 0), (0, 2), (2, 0), (3, 3), (4, 4), (5, 6), (6, 5)
    }  # fmt: skip
    assert all(clips[i].corpus == clips[j].corpus and clips[i].speaker != clips[j].speaker for i, j in other.tolist())
    assert len(other) == 4  # one of each ordered pair of speakers


def test_a_speaker_that_is_not_drawn_counts_nowhere() -> None:
    scores = Scored(
        "clean", np.zeros(3, np.float32), np.ones(3, np.float32), np.array([True, True, False]),
        np.array([[0, 0], [1, 1], [0, 1]]), ["a", "b"],
    )  # fmt: skip
    seen = {tuple(drawn(scores, np.random.default_rng(seed)).tolist()) for seed in range(30)}
    assert seen == {(1, 1, 1), (2, 0, 0), (0, 2, 0)}


def test_filters_and_stored_powers() -> None:
    filters = filter_bank()
    assert filters.shape == (40, 201)
    assert (filters.sum(axis=1) > 0).all()
    assert powers(np.log10(np.array([1e-9, 0.5])).astype(np.float16)) == pytest.approx([1e-9, 0.5], rel=0.02)
