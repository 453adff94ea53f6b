"""The validation plans the same material from the same seed, keeps its parts apart and counts as it says."""

import shutil
from pathlib import Path

import pytest

from forensics.benches import edits
from forensics.benches.methods import METHODS, POSITIVES, Case, Clip, examine, hit, interval, listed_clips, plan, run
from forensics.benches.tables import error_rates, markdown
from forensics.error_rates import error_rates as shipped_rates

DATA = Path(__file__).parents[1] / "data"
CLIPS = [
    Clip(path, source, f"{source}/{path.stem}", 16000, tuning)
    for source, tuning in (("cards", True), ("librivox", False))
    for path in sorted(DATA.glob("00*.wav" if source == "cards" else "sense*.wav"))
]
needs_sox = pytest.mark.skipif(shutil.which("sox") is None, reason="SoX, which makes the material, is not installed")


def row(**fields: object) -> dict[str, object]:
    outcomes = dict.fromkeys(METHODS, "consistent")
    base = {"name": "x", "part": "validation", "kind": "negative", "method": "", "condition": "wav", "source": "s",
            "clip": "c", "seed": 1, "truth_s": [], "outcomes": outcomes, "distances_s": {}, "reasons": {},
            "narrower_than_rate": False}  # fmt: skip
    return base | fields


def test_every_method_has_at_least_50_positives() -> None:
    for method in METHODS:
        assert sum(count for name, _, count, _ in POSITIVES if name == method) >= 50, method


def test_the_plan_is_the_same_from_the_same_seed_and_keeps_the_parts_apart() -> None:
    first, second = (plan(CLIPS, 40, 0.1, 5) for _ in range(2))
    assert [(case.name, case.seed, case.clips) for case in first] == [(c.name, c.seed, c.clips) for c in second]
    assert len({case.name for case in first}) == len(first)
    for case in first:
        assert {clip.tuning for clip in case.clips} == {case.part == "tuning"}


def test_a_source_of_the_tuning_part_never_enters_the_validation_part() -> None:
    leaked = [*CLIPS, Clip(DATA / "001.wav", "cards", "cards/other", 16000, False)]
    assert all(clip.source != "cards" for c in plan(leaked, 40, 0.1, 5) if c.part == "validation" for clip in c.clips)


def test_a_hit_must_lie_near_the_edit() -> None:
    found = dict.fromkeys(METHODS, "consistent") | {"signal.splice": "inconsistent"}
    near = row(kind="positive", method="signal.splice", truth_s=[2.0], outcomes=found)
    assert hit(near | {"distances_s": {"signal.splice": 0.2}})
    assert not hit(near | {"distances_s": {"signal.splice": 0.3}})
    assert not hit(near | {"outcomes": dict.fromkeys(METHODS, "inconclusive")})


def test_the_tables_count_and_give_wilson_intervals() -> None:
    found = dict.fromkeys(METHODS, "consistent") | {"signal.splice": "inconsistent"}
    untested = dict.fromkeys(METHODS, "could_not_test")
    rows = [row(name=f"n{i}") for i in range(196)] + [row(name=f"a{i}", outcomes=found) for i in range(2)]
    rows += [row(name=f"u{i}", outcomes=untested) for i in range(2)]
    rows += [
        row(name=f"p{i}", kind="positive", method="signal.splice", condition="joins", truth_s=[1.0],
            outcomes=found if i < 3 else dict.fromkeys(METHODS, "consistent"), distances_s={"signal.splice": 0.0})
        for i in range(10)
    ]  # fmt: skip
    assert error_rates(rows)["signal.splice"] == [
        {"condition": "joins", "positives": 10, "hits": 3, "negatives": 198, "false_alarms": 2}
    ]
    text = markdown(rows, 1)
    assert "| signal.splice | 198 | 2 | 0 | 2 | 1.0 % (0.3 to 3.6) |" in text
    assert "| **any method** | 200 | | | 2 | 1.0 % (0.3 to 3.6) |" in text
    assert "| signal.splice | joins | 10 | 3 | 30.0 % (10.8 to 60.3) | 3 of 10 |" in text
    assert interval(0, 0) == "–"


def test_a_list_of_recordings_is_read(tmp_path: Path) -> None:
    shutil.copy(DATA / "001.wav", tmp_path / "a.wav")
    shutil.copy(DATA / "005.wav", tmp_path / "b.wav")
    (tmp_path / "index.csv").write_text(
        "path,label,source,speaker,sample_rate,seconds\n"
        "a.wav,bonafide,page,p1,16000,2.0\nb.wav,spoof,page,p1,16000,3.5\nlost.wav,bonafide,page,p2,16000,9\n"
    )
    clips = listed_clips(tmp_path, tuning=False)
    assert [(clip.path.name, clip.source, clip.speaker) for clip in clips] == [("a.wav", "page", "page/p1")]


@needs_sox
def test_a_case_is_made_examined_and_found_again_in_the_cache(tmp_path: Path) -> None:
    clip = CLIPS[-3]
    case = Case("p", "validation", "positive", "signal.dc-offset", "step", (clip, clip), edits.offset(0.05), 3)
    (first,) = run([case], tmp_path, quiet=True)
    assert first["outcomes"]["signal.dc-offset"] == "inconsistent"
    assert hit(first)
    assert first["distances_s"]["signal.dc-offset"] <= 0.1
    assert examine(case)["sha256"] == first["sha256"]
    (again,) = run([case], tmp_path, quiet=True)
    assert again == first
    assert len((tmp_path / "results.jsonl").read_text().splitlines()) == 1


def test_the_shipped_error_rates_meet_the_bar() -> None:
    for method in METHODS:
        rates = shipped_rates(method)
        assert sum(rate.positives for rate in rates) >= 50, method
        assert min(rate.negatives for rate in rates) >= 200 or method == "signal.dc-offset", method
        assert max(rate.false_alarms / rate.negatives for rate in rates) <= 0.01, method
