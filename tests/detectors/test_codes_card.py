"""Constants of the code lines: fit, bounds, places, and clips of the calibration."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lir")

from detectors.card import Bounds
from detectors.codes.card import CodeLine, Distribution, codes_card
from detectors.codes.conditions import MARKED, PLAIN, heard_as
from detectors.codes.fitting import LINES, figures_of, fitted
from detectors.codes.material import PARTS, Shelf, Sound, chosen, part_of, piece_of, planned
from detectors.codes.measured import Row
from detectors.codes.train import texts_by_part
from synth.errors import VoxproofError
from synth.watermark.detect import detect
from synth.watermark.keys import trial_key

LINE = CodeLine(
    method="codes.statistics", against=("human",), measures=("gain", "rare"), means=(1.0, 0.0),
    deviations=(2.0, 0.1), weights=(0.5, 0.0), intercept=0.1, covariance=((0.01, 0, 0), (0, 0, 0), (0, 0, 0)),
    bounds=Bounds(lower=-1, upper=1.2),
)  # fmt: skip


def test_log10_lr_by_hand() -> None:
    value, (lower, upper) = LINE.log10_lr({"gain": 3.0, "rare": 0.5}) or (0, (0, 0))
    assert value == pytest.approx(0.6)  # one deviation above the mean
    assert (lower, upper) == (pytest.approx(0.6 - 0.196, abs=1e-4), pytest.approx(0.6 + 0.196, abs=1e-4))
    assert LINE.log10_lr({"gain": 1e9, "rare": 0.0})[0] == 1.2  # type: ignore[index]
    assert LINE.log10_lr({"gain": -1e9, "rare": 0.0})[0] == -1  # type: ignore[index]
    assert LINE.log10_lr({"gain": 1.0}) is None
    assert LINE.log10_lr({"gain": 1.0, "rare": float("nan")}) is None


def test_place_among_people() -> None:
    people = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    reference = Distribution(measure="gain", people=people, clones=people)
    assert reference.place(3.0) == 0.5
    assert reference.place(4.5) == pytest.approx(0.85)
    assert (reference.place(-1), reference.place(9)) == (0, 1)


def rows(part: str, seed: int, shift: float) -> list[Row]:
    draw = np.random.default_rng(seed)
    found = []
    for voice in range(20):
        for kind in ("human", "control", "clone"):
            sound = Sound(f"{part}{voice}", kind, part, "page", f"{part}{voice}", "", 0.8 * (kind == "clone"))
            values = {name: float(draw.normal()) for name in LINES["codes.statistics"][1]}
            values["gain"] += shift * (kind == "clone")
            found.append(Row(sound, "5 s", values))
    return found


def test_a_fit_finds_what_tells_and_a_voice_that_it_never_saw_is_told() -> None:
    line = fitted("codes.statistics", rows("calibration", 1, 4.0), rounds=20, seed=1)
    assert max(zip(line.weights, line.measures, strict=True))[1] == "gain"
    assert -1.31 <= line.bounds.lower < 0 < line.bounds.upper <= 1.31  # 20 voices
    figures = {one.condition: one for one in figures_of(line, rows("validation", 2, 4.0))}
    assert figures["5 s, against human"].auc > 0.95
    assert figures["5 s, against human"].clones == 20
    none = figures_of(line, rows("validation", 3, 0.0))
    assert 0.3 < none[0].auc < 0.7


def test_no_voice_and_no_sentence_is_in_two_parts(tmp_path: Path) -> None:
    clips = [
        {"id": f"{source}{n:03}", "part": ("train", "validation")[n % 2], "label": "human", "language": "en",
         "seconds": "5", "source": source, "speaker": speaker.format(n % 31)}
        for source, speaker in (("a", "libri:{}"), ("b", "libri:{}"), ("c", "page:{}"), ("kept", "one"))
        for n in range(90)
    ]  # fmt: skip
    found = chosen(clips, ["b"], ["kept"])
    assert {r["source"] for r in found} == {"a", "kept"}  # b is left out, and who reads on c is not known
    parts = {voice: {r["part"] for r in found if r["speaker"] == voice} for voice in {r["speaker"] for r in found}}
    assert len(parts) == 32
    assert all(len(some) == 1 for some in parts.values())  # though the table has every voice in two parts
    assert parts["one"] == {"validation"}
    assert sum(r["speaker"] == "one" for r in found) == 6
    assert sum(r["speaker"] == "libri:3" for r in found) == 2
    assert found == chosen(list(reversed(clips)), ["b"], ["kept"])
    path, other = tmp_path / "texts", tmp_path / "other"
    path.write_text("\n".join(f"Sentence {n}." for n in range(10)))
    other.write_text("Sentence 3.\nAnother one.\n\n")
    texts = texts_by_part(path, other)
    assert texts["train"] == ["Another one."]
    assert not set(texts["calibration"]) & set(texts["validation"])
    alone = texts_by_part(path)
    assert sum(map(len, alone.values())) == len({line for some in alone.values() for line in some}) == 10
    sounds = list(planned(found, texts))
    assert len({sound.name for sound in sounds}) == 3 * len(found)
    assert {s.temperature for s in sounds if s.kind == "clone"} == {0.6, 0.8, 1.0, 1.2}


def test_voices_fall_into_the_parts_by_their_shares() -> None:
    parts = [part_of(f"libri:{n}") for n in range(4000)]
    for part, share in PARTS.items():
        assert parts.count(part) / len(parts) == pytest.approx(share, abs=0.03)


def test_a_new_student_needs_new_controls_only(tmp_path: Path) -> None:
    before = Shelf.of(tmp_path, {"gpt": "a", "sovits": "b", "content": "c"})
    after = Shelf.of(tmp_path, {"gpt": "a", "sovits": "b", "content": "d"})
    other = Shelf.of(tmp_path, {"gpt": "e", "sovits": "b", "content": "c"})
    sounds = {kind: Sound("1", kind, "train", "page", "x", "", 0.0) for kind in ("human", "control", "clone")}
    assert before.path(sounds["clone"]) == after.path(sounds["clone"]) != other.path(sounds["clone"])
    assert before.path(sounds["control"]) != after.path(sounds["control"])
    assert before.path(sounds["human"]) == other.path(sounds["human"])


def test_a_piece_is_the_same_for_every_channel_and_begins_anywhere() -> None:
    sound = np.random.default_rng(4).standard_normal(16_000 * 9).astype(np.float32) * 0.1
    plain = piece_of(sound, "key", 5.0)
    assert len(plain) == 80_000
    again = heard_as(sound, "key", "G.711 µ-law")
    assert again is not None
    assert np.corrcoef(again[2000:-2000], plain[2000:-2000])[0, 1] > 0.3  # the telephone cuts the white noise's band
    assert heard_as(sound[:50_000], "key", "8 s") is None


def test_a_marked_piece_is_the_same_piece_under_a_key_of_its_own() -> None:
    sound = np.random.default_rng(4).standard_normal(16_000 * 9).astype(np.float32) * 0.1
    plain, marked = heard_as(sound, "key", PLAIN), heard_as(sound, "key", MARKED)
    assert plain is not None
    assert marked is not None
    found, strange = (detect(marked, 16_000, [trial_key(f"codes/{name}")]) for name in ("key", "other"))
    assert found.score > found.threshold > strange.score
    assert not np.array_equal(marked, plain)
    assert np.corrcoef(marked, plain)[0, 1] > 0.97


def test_without_a_card_the_reason_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(VoxproofError, match=r"detectors\.codes\.train"):
        codes_card(tmp_path / "codes.yaml")
