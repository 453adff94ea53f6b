"""The bench of the mark: its rows, going on where it stopped, its page; forgery and removal on one voice."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forensics.benches.watermark import experiments, run, tables, wrong_keys
from forensics.benches.watermark.attacks import ATTACKS, RATE
from forensics.benches.watermark.material import Voice, further, voices
from forensics.benches.watermark.picture import draw_place
from forensics.benches.watermark.quality import likeness, over_masking
from synth.watermark.detect import THRESHOLD

DATA = Path(__file__).parents[1] / "data"
NAMES = [f"sense_and_sensibility_01_austen_64kb-{n}.wav" for n in ("0870", "0880", "0890", "0930")]


@pytest.fixture
def voice() -> Voice:
    return Voice("austen", "pocketsphinx", True, tuple(DATA / name for name in NAMES))


def test_every_attack_of_the_issue_is_there_and_keeps_sound() -> None:
    names = {attack.name for attack in ATTACKS}
    assert len(names) == len(ATTACKS) == 37
    sound = 0.3 * np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)
    for attack in ATTACKS:
        if attack.name.split()[0] in ("gain", "crop,", "speed", "8", "polarity", "1"):
            out = attack(sound, 3)
            assert out.dtype == np.float32
            assert np.abs(out).max() > 0.01
            np.testing.assert_array_equal(out, attack(sound, 3))
    by_name = {attack.name: attack for attack in ATTACKS}
    assert by_name["speed 1.25"](sound, 0).size == pytest.approx(sound.size / 1.25, abs=2)
    assert by_name["stretch 1.1"](sound, 0).size == pytest.approx(sound.size * 1.1, abs=2)
    assert by_name["1 s excerpt"](sound, 0).size == RATE


def test_rows_resume_and_make_a_page(voice: Voice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "ATTACKS", [a for a in ATTACKS if a.name in ("none", "polarity")])
    monkeypatch.setattr(run, "quality", lambda *_: (4.5, 0.996, 20.0, 0.1, float("nan")))
    results = tmp_path / "rows.jsonl"
    rows = run.measure([voice], results, 1, (5.0,))
    assert sorted((row.part, row.attack) for row in rows) == [
        ("marked", "none"), ("marked", "polarity"), ("place", "none"), ("quality", "none"),
        ("unmarked", "none"), ("unmarked", "polarity"),
    ]  # fmt: skip
    assert all(row.found == row.right == (row.part == "marked") for row in rows if row.part in ("marked", "unmarked"))
    assert not any(row.wrong for row in rows)
    with_more = run.measure([voice], results, 1, (5.0,), further=[replace(voice, name="another")])
    assert [(row.part, row.attack, row.found) for row in with_more if row.voice == "another"] == [
        ("unmarked", "none", False), ("unmarked", "polarity", False),
    ]  # fmt: skip
    written = results.read_text()
    results.write_text(written + '{"torn')
    assert len(run.measure([voice], results, 1, (5.0,))) == len(rows)
    assert results.read_text() == written + '{"torn'
    text = tables.page(rows, experiments.text(tmp_path / "none.json"), "command")
    assert "| none | 1 | 100.0 % [20.7, 100.0] | 100 % | – | 98 % |" in text
    assert "False alarms pooled: 0.000 %" in text
    tables.draw(rows, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5000
    draw_place(voice.paths[0], tmp_path / "place.png", 1)
    assert (tmp_path / "place.png").stat().st_size > 20_000


def test_forgery_and_removal(voice: Voice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiments, "likeness", lambda *_: (4.0, 0.99))
    monkeypatch.setattr(experiments, "asked", lambda sound, key, seed: sound)
    results = tmp_path / "experiments.json"
    experiments.measure([voice], results, experiments.Wanted(5_000, 1, 1, 1), lambda text: None)
    kept = json.loads(results.read_text())
    assert kept["tampered"] == [5_000, 0]
    assert kept["forged"] == [1, 1, 0]
    by_way = {trial["way"]: trial for trial in kept["removals"]}
    assert by_way["nothing"]["authenticated"]
    assert by_way["with the detection key and the payload"]["score"] < by_way["nothing"]["score"] / 2
    assert "0 of 5,000 authenticate" in experiments.text(results)


def test_material_joins_one_voice_and_knows_machines(tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).write_bytes((DATA / name).read_bytes())
    with (tmp_path / "index.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["path", "page", "generator", "kind", "pair_key", "sample_rate", "seconds"])
        for name in NAMES:
            table.writerow([name, "p", "", "human", "spk:austen", RATE, 6])
            table.writerow([name, "q", "engine", "tts", "", RATE, 12])
    made = voices([tmp_path], 5, 2, 0)
    assert sum(voice.human for voice in made) == 2
    assert [len(voice.paths) for voice in made if voice.human] == [2, 2]
    assert sum(not voice.human for voice in made) == 2
    first = voices([tmp_path], 1, 1, 0)
    more = further([tmp_path], 1, 1, 0, 3)
    assert len(more) == 2  # there is only one more of each
    assert {*first, *more} == {*made}


def test_nothing_added_is_below_the_masking_threshold(voice: Voice) -> None:
    sound = voice.samples()[: 2 * RATE]
    assert over_masking(sound, sound) == 0
    assert over_masking(sound, 2 * sound) == 1


def test_intelligibility_of_too_little_speech_is_not_zero_but_unknown() -> None:
    pytest.importorskip("pystoi")
    rng = np.random.default_rng(0)
    sound = np.zeros(2 * RATE, np.float32)
    sound[RATE : RATE + RATE // 3] = 0.1 * rng.standard_normal(RATE // 3)
    with pytest.warns(RuntimeWarning, match="Not enough STFT frames"):
        assert np.isnan(likeness(sound, sound)[1])
    talking = (0.1 * rng.standard_normal(2 * RATE)).astype(np.float32)
    assert likeness(talking, talking)[1] == pytest.approx(1, abs=1e-3)


def test_wrong_keys_stay_below_the_threshold() -> None:
    made = wrong_keys.measure([DATA / NAMES[0], DATA / NAMES[1]], 30, 12, whole=False)
    assert len(made) == 30
    assert 2 < np.mean(made) < 3.5
    assert max(made) < THRESHOLD
    few = wrong_keys.measure([DATA / NAMES[0]], 2, 5, whole=True)
    assert len(few) == 2
    assert max(few) < THRESHOLD


def test_third_partys_rows_and_table(voice: Voice, monkeypatch: pytest.MonkeyPatch) -> None:
    from forensics.benches.watermark import perth

    class Maker:
        """Marks by one sample."""

        def apply_watermark(self, sound: np.ndarray, watermark: object, sample_rate: int) -> np.ndarray:
            return np.append(0.5, sound[1:])

        def get_watermark(self, sound: np.ndarray, sample_rate: int) -> float:
            return float(abs(sound[0]) > 0.4)

    monkeypatch.setattr("forensics.methods.watermark_perth.WatermarkPerth.detector", Maker())
    monkeypatch.setattr(perth, "ATTACKS", [a for a in ATTACKS if a.name == "none"])
    monkeypatch.setattr(perth, "quality", lambda *_: (4.3, 0.993, 16.0, 0.2, float("nan")))
    sound = voice.samples()[: 2 * RATE]
    rows = list(perth.rows(voice, sound, 1, frozenset()))
    assert [(row.part, row.found) for row in rows] == [
        ("perth quality", False),
        ("perth marked", True),
        ("perth unmarked", False),
    ]
    assert list(perth.rows(voice, sound, 1, frozenset(row.identity for row in rows))) == []
    page = tables.page(rows, "", "command")
    assert "| none | 1 | – | 100.0 % [20.7, 100.0] | – | 0.0 % [0.0, 79.3] |" in page
    assert "perth PESQ-WB 4.3, STOI 0.993" in page
