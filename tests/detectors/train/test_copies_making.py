"""Lists in, pairs out: who may be copied, balance, the same bytes by the same seed, and nothing done twice."""

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from detectors.train.copies.making import Plan, make_all, read_index
from detectors.train.copies.measure import pairs, trivial_auc
from detectors.train.copies.registry import METHODS, chosen
from detectors.train.copies.sources import order, read_sources
from synth.audio import read
from synth.errors import VoxproofError

DATA = Path(__file__).parents[2] / "data"
NAMES = [f"sense_and_sensibility_01_austen_64kb-{number}.wav" for number in ("0870", "0880", "0890", "0930")]
CHEAP = ["checkerboard", "replicas", "band-steps"]
PLAN = Plan(each=2, longest_s=2.0, seed=3)


def listed(to: Path, **changed: str) -> Path:
    """A list of the readings in the tests' data, the first row changed."""
    rows = [
        {
            "path": str(DATA / name), "source_id": "austen", "speaker": "reader", "language": "en",
            "licence": "CC0-1.0", "seconds": "5.0",
        }
        for name in NAMES
    ]  # fmt: skip
    rows[0] |= changed
    with to.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), restval="")
        writer.writeheader()
        writer.writerows(rows)
    return to


def test_pairs_are_balanced_seeded_and_made_once(tmp_path: Path) -> None:
    sources, methods, out = read_sources(listed(tmp_path / "list.csv")), chosen(CHEAP), tmp_path / "made"
    assert list(make_all(sources, methods, out, PLAN)) == []
    rows = read_index(out)
    assert Counter(row["generator"] for row in rows) == {"human": 6} | dict.fromkeys(CHEAP, 2)
    assert {row["label"] for row in rows if row["generator"] == "band-steps"} == {"processed"}
    assert {row["part"] for row in rows if row["family"] == "processed"} == {"extra"}
    assert {row["label"] for row in rows if row["generator"] == "replicas"} == {"machine"}
    assert set(json.loads(rows[1]["settings"])) == {"strides", "gain_db", "offset_db"}
    for original, copy in [pair for some in pairs(rows).values() for pair in some]:
        assert original["seconds"] == copy["seconds"]
        assert original["source_path"] == copy["source_path"]
        assert (original["speaker"], original["licence"], copy["sample_rate"]) == ("reader", "CC0-1.0", "16000")
        assert read(original["path"]).samples.shape == read(copy["path"]).samples.shape

    bytes_before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.rglob("*.flac")}
    lost = Path(rows[1]["path"])
    lost.unlink()
    index = (out / "index.csv").read_text("utf-8")
    (out / "index.csv").write_text(index[: index.rindex(",")], "utf-8")  # as after a kill in the middle of a row
    assert list(make_all(sources, methods, out, PLAN)) == []
    assert sorted(r["id"] for r in read_index(out)) == sorted(r["id"] for r in rows)
    again = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.rglob("*.flac")}
    assert {name: one[0] for name, one in again.items()} == {name: one[0] for name, one in bytes_before.items()}
    assert [row["id"] for row in read_index(out)][:1] != [rows[0]["id"]]  # the lost pair was made last, the rest stayed
    more = Plan(each=3, longest_s=2.0, seed=3)
    list(make_all(sources, methods[:1], out, more))
    assert Counter(row["generator"] for row in read_index(out))["checkerboard"] == 3


@pytest.mark.parametrize(
    "changed",
    [
        {"licence": "CC-BY-NC-4.0"}, {"licence": "CC BY-ND 4.0"}, {"licence": ""}, {"speaker": "rhasspy-kathleen"},
        {"source": "rhasspy_kathleen"}, {"label": "machine"}, {"kind": "tts"}, {"part": "validation"},
        {"seconds": "1.0"}, {"seconds": "long"},
    ],
    ids=lambda changed: "-".join(map(str, *changed.items())),
)  # fmt: skip
def test_some_are_never_copied(changed: dict[str, str], tmp_path: Path) -> None:
    path = listed(tmp_path / "list.csv", **changed)
    text = path.read_text("utf-8")
    if "part" in changed:
        path.write_text(text.replace(",\r\n", ",train\r\n").replace(",\n", ",train\n"), "utf-8")
    if "label" in changed or "kind" in changed:
        path.write_text(text.replace(",\r\n", ",human\r\n").replace(",\n", ",human\n"), "utf-8")
    assert [Path(one.name).name for one in read_sources(path)] == NAMES[1:]


def test_lists_and_plans_that_make_no_sense(tmp_path: Path) -> None:
    path = listed(tmp_path / "list.csv")
    with pytest.raises(VoxproofError, match="no list of recordings"):
        read_sources(tmp_path / "none.csv")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(VoxproofError, match="no column licence, path, seconds, speaker"):
        read_sources(tmp_path / "other.csv")
    path.write_text(path.read_text("utf-8").replace("CC0-1.0", "CC-BY-NC-4.0"), "utf-8")
    with pytest.raises(VoxproofError, match="names no human recording"):
        read_sources(path)
    with pytest.raises(VoxproofError, match="cannot be made"):
        list(make_all(read_sources(listed(path)), chosen(CHEAP), tmp_path / "made", Plan(each=0)))
    (tmp_path / "gone").mkdir()
    gone = listed(path, path="gone/not-there.wav")
    said = list(make_all(read_sources(gone), chosen(["checkerboard"]), tmp_path / "made", Plan(each=9, longest_s=1.5)))
    assert any("not-there.wav by checkerboard" in line for line in said)
    assert said[-1] == "checkerboard: the list gave only 3 copies"


def test_the_order_is_drawn_by_name_and_gives_small_collections_their_turn(tmp_path: Path) -> None:
    sources = read_sources(listed(tmp_path / "list.csv"))
    many = [
        type(sources[0])(Path(f"{n}"), f"{n}", "large" if n < 400 else "small", "", "", "CC0", "train")
        for n in range(425)
    ]
    first = order(many, "seed 1")
    assert first == order(many[::-1], "seed 1") != order(many, "seed 2")
    assert 9 <= sum(one.collection == "small" for one in first[:100]) <= 22  # 25 of 425 would be 6
    fewer = [one for one in first if one.collection == "large"]
    assert fewer == order([one for one in many if one.collection == "large"], "seed 1")


def test_a_tree_on_trivial_features_sees_a_level_and_not_the_rest() -> None:
    rng = np.random.default_rng(1)
    originals = [(0.05 * rng.standard_normal(int(rng.integers(4000, 6000)))).astype(np.float32) for _ in range(30)]
    alike = [(0.05 * rng.standard_normal(one.size)).astype(np.float32) for one in originals]
    assert 0.25 < trivial_auc(originals, alike, 16_000) < 0.75
    assert trivial_auc(originals, [2 * one for one in alike], 16_000) > 0.95


def test_every_method_has_a_name_of_its_own_and_settings_that_json_can_hold() -> None:
    assert len(METHODS) == 13
    for name, method in METHODS.items():
        settings = method.draw(np.random.default_rng(1))
        assert name == method.name
        assert json.loads(json.dumps(settings)) == settings
