"""Every clip in one part, parts disjoint by page, generator and, where names tell, speaker."""

from pathlib import Path

import pytest

from detectors.train.lists import assemble, part_of, read_split, speaker_of, undivided

SPLIT = read_split()


def row(path: str, page: str, generator: str = "human", kind: str = "human", **more: str) -> dict[str, str]:
    base = {"path": path, "page": page, "generator": generator, "kind": kind, "language": "en", "licence": "MIT"}
    return {**base, "seconds": "3", "sample_rate": "16000", **more}


@pytest.mark.parametrize(
    ("path", "page", "speaker"),
    [
        ("x/p225_002.wav", "autovc", "vctk:p225"),
        ("x/LJ001-0003.wav", "diffwave", "lj"),
        ("x/anything.wav", "gradtts", "lj"),
        ("samples/ss/GT/ss_gt_2.wav", "hifigan", "lj"),
        ("samples/ms/GT/ms_gt_1.wav", "hifigan", "page:hifigan"),
        ("x/7021_79759_000001_000000.wav", "languagecodec", "libri:7021"),
        ("x/4077-13754-0000.wav", "styletts2", "libri:4077"),
        ("x/promptvn.wav", "sparktts", "page:sparktts"),
    ],
)
def test_speakers_from_names(path: str, page: str, speaker: str) -> None:
    assert speaker_of(row(path, page), page, SPLIT) == speaker


def test_librispeech_is_divided_by_speaker() -> None:
    parts = {s: part_of({"speaker": str(s)}, "librispeech_tc100", SPLIT) for s in range(250)}
    assert set(parts.values()) == {"train", "calibration"}
    assert 0.1 < list(parts.values()).count("calibration") / 250 < 0.4


def test_a_generator_belongs_to_one_part() -> None:
    rows = [(Path("/a"), row(f"h{i}.wav", "hifigan", "G", "tts")) for i in range(3)]
    rows += [(Path("/a"), row(f"v{i}.wav", "vocos", "G", "tts")) for i in range(2)]
    rows += [(Path("/a"), row("human.wav", "vocos"))]
    clips = assemble(rows, SPLIT)
    assert {(c["source"], c["part"]) for c in clips if c["label"] == "machine"} == {("hifigan", "train")}
    assert [c["part"] for c in clips if c["label"] == "human"] == ["validation"]


def test_undivided_no_clip_is_left_out_for_its_generator() -> None:
    rows = [(Path("/a"), row(f"h{i}.wav", "hifigan", "G", "tts")) for i in range(3)]
    rows += [(Path("/a"), row("v.wav", "vocos", "G", "tts")), (Path("/a"), row("y.wav", "yourtts", "YourTTS", "vc"))]
    clips = assemble(rows, undivided(SPLIT))
    assert sorted((c["source"], c["part"]) for c in clips) == [("hifigan", "train")] * 3 + [
        ("vocos", "train"),
        ("yourtts", "extra"),
    ]
    assert part_of({"speaker": "1"}, "librispeech_tc100", undivided(SPLIT)) == "train"


def test_kinds_that_are_no_machine_speech() -> None:
    rows = [
        (Path("/a"), row("o.wav", "vocos", "Opus", "codec-dsp")),
        (Path("/a"), row("t.wav", "freecodec", "Opus", "codec-dsp")),
        (Path("/a"), row("w.wav", "wavmark", "WavMark", "watermark")),
    ]
    clips = assemble(rows, SPLIT)
    assert [(c["source"], c["label"]) for c in clips] == [("vocos", "human")]


def test_no_derivatives_means_no_training() -> None:
    clips = assemble([(Path("/a"), row("y.wav", "yourtts", "YourTTS", "vc"))], SPLIT)
    assert [c["part"] for c in clips] == ["extra"]
    assert not set(SPLIT["validation"]) & set(SPLIT["calibration"])
