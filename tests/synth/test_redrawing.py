"""Sentences drawn again: how often, from which seeds, which draw is kept, and what the issuance says of the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the cloner is not tested: torch (extra `train`) is not installed")

from clone_models import QUICK, Letters, cloner, models, quick, voice  # noqa: E402
from consent_material import KEY, Clock, Tones, consented, register_at, with_toy_marker  # noqa: E402

from synth import audio, emission_stream  # noqa: E402
from synth.clone import Cloner, Settings  # noqa: E402
from synth.emission import Issuer  # noqa: E402
from synth.errors import VoxproofError  # noqa: E402
from synth.gpt import Spoken  # noqa: E402
from synth.gpt import Utterance as Prompted  # noqa: E402
from synth.interventions import Interventions  # noqa: E402
from synth.issuance import Issuance, close_issuance, find, register_issuance  # noqa: E402
from synth.redrawing import (  # noqa: E402
    EARLIER,
    FOR_CLARITY,
    NO_READER,
    OTHER_LANGUAGE,
    STRIDE,
    UNMARKED,
    Control,
    read,
    sampling_of,
    seed_of,
)
from synth.sampling import Sampling  # noqa: E402
from synth.text.pipeline import Utterance  # noqa: E402
from synth.watermark.tokens import TokenMark  # noqa: E402

TEXT = "hello there"
GOOD, BAD, WORSE = "hello there", "hello", "a"


def scores(said: str) -> Any:
    """What a reader that is sure gives for these words: [frames, 733]."""
    rows = [place for phone in Letters().read(said).ids for place in (phone, phone, 732, 732)]
    chances = np.full((len(rows), 733), 1e-6)
    chances[np.arange(len(rows)), rows] = 1.0
    return np.log(chances / chances.sum(1, keepdims=True)).astype(np.float32)


class Stub(torch.nn.Module):
    """Reads one text after the other, whatever the codes are."""

    def __init__(self, *texts: str) -> None:
        super().__init__()
        self.texts, self.heard = texts, 0
        self.like = torch.nn.Parameter(torch.zeros(1))

    def forward(self, features: Any) -> tuple[Any, Any]:
        self.heard += 1
        return features, torch.from_numpy(scores(self.texts[(self.heard - 1) % len(self.texts)]))[None]


def listening(*texts: str) -> Cloner:
    return cloner(models=replace(models(), reader=Stub(*texts)))


def faults(quality: Any) -> list[tuple[str, int, int | None]]:
    return [(fault.kind, fault.piece, fault.word) for fault in quality.faults]


class Draws:
    """Draws of which every one has its number as its only code."""

    def __init__(self, capped: Callable[[int], bool] = lambda attempt: False) -> None:
        self.asked: list[tuple[list[int], int]] = []
        self.wrong_from: list[list[int]] = []
        self.capped = capped

    def __call__(self, numbers: Sequence[int], attempt: int, wrong_from: Sequence[int]) -> Any:
        self.asked.append((list(numbers), attempt))
        self.wrong_from.append(list(wrong_from))
        drawn = [Spoken(torch.tensor([10 * number + attempt]), self.capped(attempt)) for number in numbers]
        return drawn, [None] * len(drawn)


def controlled(said: dict[int, str], hears: dict[int, str], redraws: int = 3, draws: Draws | None = None) -> Any:
    """Pieces, and what is heard in the draws by their code (else the piece) -> control, codes kept, what was asked."""
    texts = {number: Letters().read(text) for number, text in said.items()}
    control = Control(lambda codes: scores(hears.get(int(codes[0]), said[int(codes[0]) // 10])), redraws)
    draws = draws or Draws()
    spoken, _ = control.drawn(draws, texts)
    return control, [int(one.tokens[0]) for one in spoken], draws.asked


# The loop


def test_a_good_draw_is_kept_at_once() -> None:
    control, kept, asked = controlled({0: TEXT, 1: "good day"}, {})
    assert (kept, asked) == ([0, 10], [([0, 1], 0)])
    assert (control.quality.pieces, control.quality.checked, control.quality.words) == (2, 2, 4)
    assert (control.quality.redraws, control.quality.faults, control.quality.reason) == (0, (), "")


def test_only_a_bad_draw_is_drawn_again_and_no_more_once_it_is_good() -> None:
    control, kept, asked = controlled({0: TEXT, 1: "good day", 2: TEXT}, {0: BAD, 20: WORSE, 21: BAD})
    assert asked == [([0, 1, 2], 0), ([0, 2], 1), ([2], 2)]
    assert kept == [1, 10, 22]
    assert (control.quality.redraws, control.quality.faults) == (3, ())


@pytest.mark.parametrize("redraws", [0, 1, 4])
def test_draws_are_bounded_and_the_best_of_them_is_kept(redraws: int) -> None:
    hears = {30 + attempt: WORSE for attempt in range(9)} | {31: BAD, 33: BAD}
    control, kept, asked = controlled({3: TEXT}, hears, redraws)
    assert asked == [([3], attempt) for attempt in range(redraws + 1)]
    assert kept == [31 if redraws else 30]
    assert control.quality.redraws == redraws
    missing = [("missing", 3, 1)] if redraws else [("missing", 3, 0), ("missing", 3, 1)]
    assert faults(control.quality) == missing


def test_a_draw_that_was_cut_off_is_no_good_one() -> None:
    control, kept, _ = controlled({0: TEXT}, {}, draws=Draws(capped=lambda attempt: attempt == 0))
    assert (kept, control.quality.redraws, control.quality.faults) == ([1], 1, ())


def muffled(said: str, share: float, word: str) -> Any:
    """The same, but in one word every phone has this share of its chance, and a phone that is not there the rest."""
    logs, right = scores(said), Letters().read(word).ids
    for row in logs:
        heard = row.argmax()
        if heard in right:
            row[Letters().read("z").ids[0]], row[heard] = np.log([1 - share, share])
    return logs


def test_a_piece_that_is_heard_badly_is_drawn_again_a_few_times_though_nothing_is_missing() -> None:
    shares = [0.2, 0.1, 0.3, 0.15, 0.5]
    draws, texts = Draws(), {0: Letters().read(TEXT)}
    control = Control(lambda codes: muffled(TEXT, shares[int(codes[0])], "there"), 5)
    spoken, _ = control.drawn(draws, texts)
    assert [attempt for _, attempt in draws.asked] == list(range(FOR_CLARITY + 1))
    assert int(spoken[0].tokens[0]) == 2
    assert (control.quality.faults, control.quality.redraws) == ((), FOR_CLARITY)
    assert draws.wrong_from[1] == [pytest.approx(len(scores("hello")) // 2, abs=2)]  # where the worst word begins


def test_a_piece_that_is_heard_well_enough_is_kept() -> None:
    draws = Draws()
    control = Control(lambda codes: muffled(TEXT, 0.48, "there"), 5)
    control.drawn(draws, {0: Letters().read(TEXT)})
    assert (len(draws.asked), control.quality.redraws) == (1, 0)


def test_a_fault_is_still_tried_after_clarity_is_given_up() -> None:
    draws = Draws()
    control = Control(lambda codes: scores(GOOD if codes[0] == 5 else BAD), 5)
    control.drawn(draws, {0: Letters().read(TEXT)})
    assert (len(draws.asked), control.quality.faults) == (6, ())


def test_what_nobody_can_read_is_drawn_once_and_said_to_be_unchecked() -> None:
    draws, texts = Draws(), {0: Letters().read("ab"), 1: Letters().read("HI")}
    blind = Control(None, 3)
    blind.drawn(draws, texts)
    assert (blind.quality.checked, blind.quality.pieces, blind.quality.reason) == (0, 2, NO_READER)
    partly = Control(lambda codes: scores("ab"), 3)
    partly.drawn(draws, texts)
    assert (partly.quality.checked, partly.quality.words, partly.quality.reason) == (1, 1, OTHER_LANGUAGE)
    assert draws.asked == [([0, 1], 0)] * 2
    assert partly.checks[1] is None


def test_seeds_follow_from_the_first_one() -> None:
    assert [seed_of(7, 2, attempt) for attempt in range(3)] == [9, 9 + STRIDE, 9 + 2 * STRIDE]


def test_a_draw_is_told_where_the_one_before_went_wrong() -> None:
    """Of "hello" and "there" 20 and 20 frames, two a code; of the word that was left out, where it was due."""
    draws = Draws()
    controlled({0: TEXT, 1: TEXT}, {0: BAD, 1: BAD, 10: "there"}, draws=draws)
    due = len(scores(BAD)) // 2
    assert draws.wrong_from == [
        [0, 0],
        [pytest.approx(due, abs=2), pytest.approx(0, abs=1)],
        [pytest.approx(due, abs=2)],
    ]


@pytest.mark.parametrize(
    ("attempt", "wrong_from", "chance"), [(1, 30, range(24, 42)), (3, 30, range(12, 42)), (2, 5, range(17))]
)
def test_a_redraw_under_the_key_leaves_the_place_of_the_fault_to_chance(
    attempt: int, wrong_from: int, chance: range
) -> None:
    mark = TokenMark.of(KEY, 5)
    sampling = Sampling(mark=mark)
    assert sampling_of(sampling, 0, wrong_from) is sampling
    assert sampling_of(Sampling(), attempt, wrong_from) == Sampling()
    pausing = sampling_of(sampling, attempt, wrong_from).mark
    assert pausing is not None
    assert (UNMARKED, EARLIER) == (12, 6)
    race, first = pausing.begin([1, 2]), mark.begin([1, 2])
    for at, token in enumerate(range(100, 160)):
        found, whole = race.exponentials(1025), first.exponentials(1025)
        assert whole is not None
        assert (found is None) == (at in chance)
        assert found is None or np.array_equal(found, whole)
        race.drawn(token)
        first.drawn(token)


def test_codes_are_read_through_their_features() -> None:
    reader = torch.nn.Linear(4, 733)
    found = read(torch.tensor([3, 1]), lambda_module(reader), lambda codes: codes.expand(1, 4, 2).float())
    assert found.shape == (2, 733)
    assert np.exp(found).sum(1) == pytest.approx(np.ones(2), abs=1e-5)
    assert np.argmax(found[0]) == int(reader(torch.full((4,), 3.0)).argmax())
    silent = Control(lambda codes: read(codes, lambda_module(reader), lambda codes: codes), 0)
    silent.drawn(
        lambda numbers, attempt, wrong_from: ([Spoken(torch.zeros(0).long(), False)], [None]), {0: Letters().read(TEXT)}
    )
    assert faults(silent.quality) == [("missing", 0, 0), ("missing", 0, 1)]


def lambda_module(layer: Any) -> Any:
    class Reader(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: Any) -> tuple[Any, Any]:
            return x, self.layer(x.transpose(1, 2))

    return Reader()


# The cloner


def test_the_cloner_keeps_the_better_draw_and_says_what_remains() -> None:
    said = listening(BAD, GOOD, BAD, GOOD)._render(TEXT, voice(), settings=QUICK)
    again = listening(BAD, GOOD, BAD, GOOD)._render(TEXT, voice(), settings=QUICK)
    ids = torch.tensor(Letters().read(TEXT).ids)
    draws = [models().gpt.generate([Prompted(ids)], QUICK.sampling, [attempt * STRIDE])[0].tokens for attempt in (0, 1)]
    assert not torch.equal(*draws)
    assert torch.equal(said.codes[0], draws[1])
    assert torch.equal(said.samples, again.samples)
    assert said.quality is not None
    assert said.quality == again.quality
    assert said.quality.redraws == Settings().redraws
    assert faults(said.quality) == [("cut off", 0, None)]  # the tiny models never end
    (check,) = said.checks
    assert check is not None
    assert [(word.text, word.status) for word in check.words] == [("hello", "said"), ("there", "said")]
    bad = listening(BAD)._render(TEXT, voice(), settings=QUICK)
    assert bad.quality is not None
    assert torch.equal(bad.codes[0], draws[0])
    assert faults(bad.quality) == [("missing", 0, 1), ("cut off", 0, None)]


def test_without_a_reader_nothing_changes_and_the_result_says_so() -> None:
    said, plain = (
        cloner()._render(TEXT, voice(), settings=QUICK),
        listening(GOOD)._render(TEXT, voice(), settings=QUICK),
    )
    assert torch.equal(said.samples, plain.samples)
    assert said.quality is not None
    assert (said.quality.checked, said.quality.reason, said.checks) == (0, NO_READER, (None,))


@pytest.mark.parametrize(
    "changes",
    [
        {"redraws": 0},
        {"sampling": replace(QUICK.sampling, top_k=1)},
        {"interventions": Interventions(heads={(0, 0): 0.5})},
    ],
)
def test_what_is_fixed_is_checked_and_not_drawn_again(changes: dict[str, Any]) -> None:
    able = listening(BAD)
    said = able._render(TEXT, voice(), settings=quick(**changes))
    assert said.quality is not None
    assert (said.quality.checked, said.quality.redraws) == (1, 0)
    assert ("missing", 0, 1) in faults(said.quality)
    reader: Any = able.reader
    assert reader.heard == 1
    with pytest.raises(VoxproofError, match="-1 re-draws are not possible"):
        Settings(redraws=-1)


def test_a_stream_gives_the_draw_that_was_kept() -> None:
    text = f"{TEXT}. {TEXT}"
    whole = listening(BAD, BAD, GOOD, BAD)._render(text, voice(), settings=quick(redraws=1))
    chunks = list(listening(BAD, GOOD, BAD, BAD)._stream(text, voice(), "", quick(redraws=1)))
    for piece in (0, 1):
        codes = torch.cat([chunk.codes for chunk in chunks if chunk.piece == piece])
        assert torch.equal(codes, whole.codes[piece])
    assert sum(chunk.ends for chunk in chunks) == 2


# The issuance


@pytest.fixture
def issuer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Issuer:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with_toy_marker(monkeypatch)
    audio.write(tmp_path / "voice.wav", voice().samples.numpy(), voice().rate, "FLOAT")
    register = register_at(tmp_path, Clock())
    return Issuer(
        register, KEY, consented(register, tmp_path / "voice.wav", languages=["en"]), "internal", voices=Tones()
    )


def test_the_issuance_says_what_remains_and_no_word_of_the_text(issuer: Issuer) -> None:
    said = listening(BAD)._render(TEXT, voice(), settings=quick(redraws=1))
    spoken = listening(BAD).speak(TEXT, voice(), settings=quick(redraws=1), issuer=issuer)
    (found,) = find(issuer.register)
    assert found.quality == found.issuance.quality == spoken.quality == said.quality
    assert found.quality is not None
    assert faults(found.quality) == [("missing", 0, 1), ("cut off", 0, None)]
    assert "there" not in issuer.register.path.read_text(encoding="utf-8")
    cloner().speak(TEXT, voice(), settings=QUICK, issuer=issuer)
    quality = find(issuer.register)[1].quality
    assert quality is not None
    assert (quality.checked, quality.reason) == (0, NO_READER)


@pytest.mark.parametrize(("first_seconds", "state"), [(0.6, "stream"), (9.0, "samples")])
def test_a_stream_is_registered_with_what_remains(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch, first_seconds: float, state: str
) -> None:
    monkeypatch.setattr(emission_stream, "FIRST_SECONDS", first_seconds)
    monkeypatch.setattr(emission_stream, "BLOCK_SECONDS", 0.1)
    monkeypatch.setattr(emission_stream, "AHEAD_SECONDS", 0.05)
    able = listening(GOOD, GOOD, GOOD, BAD)
    list(able.stream(". ".join([TEXT] * 4), voice(), settings=quick(redraws=0), issuer=issuer))
    (found,) = find(issuer.register)
    assert found.issuance.output == state
    assert (found.issuance.quality is None) == (state == "stream")
    assert found.quality is not None
    assert (found.quality.pieces, found.quality.checked, found.quality.words) == (4, 4, 8)
    assert [fault for fault in faults(found.quality) if fault[0] != "cut off"] == [("missing", 3, 1)]


def test_entries_from_before_are_read(issuer: Issuer) -> None:
    listening(BAD).speak(TEXT, voice(), settings=quick(redraws=0), issuer=issuer)
    register = issuer.register
    (found,) = find(register)
    old = found.issuance.model_dump(mode="json")
    del old["quality"]
    before = Issuance.model_validate(old | {"issuance_id": "0000002a", "seconds": None})
    assert before.quality is None
    with register.exclusive():
        made = register_issuance(register, before, "Ada")
    close_issuance(register, made, 3.0)
    (closed,) = find(register, "0000002a")
    assert (closed.state, closed.seconds, closed.quality) == ("emitted", 3.0, None)


def test_a_part_in_another_language_is_not_checked() -> None:
    utterance = Letters().read("ab")
    mixed = Utterance("ab", (replace(utterance.parts[0], language="ko"),))
    control = Control(lambda codes: scores("ab"), 3)
    control.drawn(Draws(), {0: utterance, 1: mixed})
    assert [check is None for check in control.checks] == [False, True]
