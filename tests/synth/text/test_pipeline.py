"""From a text to utterances, and the hash that ties a checkpoint to its phones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from synth.errors import VoxproofError
from synth.text.frame import LANGUAGES, Language, Phones
from synth.text.hashing import pipeline_hash
from synth.text.pipeline import TextPipeline
from synth.text.registry import FRONT_ENDS, front_end, installed
from synth.text.symbols import V1, V2


@dataclass
class Letters:
    """A front end for the tests."""

    language: Language = "en"
    version: str = "1"
    sources: dict[str, str] = field(default_factory=dict)

    def normalise(self, text: str) -> str:
        return text

    def phones(self, text: str) -> Phones:
        return Phones.of(self.language, V2, text, [])


def test_pieces_become_utterances() -> None:
    utterances = list(TextPipeline("en", cut="cut5").utterances("Good morning, Alice. How are you?"))
    assert [utterance.text for utterance in utterances] == ["Good morning,", " Alice.", " How are you?"]
    assert utterances[0].phones == ("G", "UH1", "D", "M", "AO1", "R", "N", "IH0", "NG", ",")
    assert utterances[0].ids == V2.ids(utterances[0].phones)


def test_a_short_piece_gets_a_stop_before_it() -> None:
    utterance = TextPipeline("en").read("Go.")
    assert utterance.text == "Go."
    assert utterance.phones == (".", "G", "OW1", ".")


def test_nothing_to_say_gives_nothing() -> None:
    assert list(TextPipeline("en").utterances("... !!")) == []


def test_hash_is_stable_and_tells_settings_apart() -> None:
    first = TextPipeline("en").hash
    assert first == TextPipeline("en", cut="cut1").hash
    assert len({first, TextPipeline("en", model="v1").hash, TextPipeline("en", reference=True).hash}) == 3


def test_hash_changes_with_a_version_and_with_a_source() -> None:
    plain = pipeline_hash(V2, [Letters()])
    assert plain == "458d0f48687a2229300d11861987c9b113d377403505cfd2d844e31e2bdf09bd"
    assert pipeline_hash(V2, [Letters(), Letters("ja")]) == pipeline_hash(V2, [Letters("ja"), Letters()])
    others = [
        pipeline_hash(V2, [Letters(version="2")]),
        pipeline_hash(V2, [Letters(sources={"dictionary": "ab"})]),
        pipeline_hash(V2, [Letters("ja")]),
        pipeline_hash(V1, [Letters()]),
        pipeline_hash(V2, [Letters()], reference=True),
    ]
    assert len({plain, *others}) == 6


def test_a_model_speaks_with_the_front_ends_of_its_training() -> None:
    pipeline = TextPipeline("en")
    for mode in ("en", "ko", "all_ko"):
        pipeline.require(TextPipeline(mode).hash)  # type: ignore[arg-type]
    for other in ("cd" * 32, TextPipeline("en", "v1").hash, TextPipeline("en", reference=True).hash):
        with pytest.raises(VoxproofError, match=rf"model\.ckpt: the text pipeline of this checkpoint \({other[:12]}\)"):
            pipeline.require(other, path="model.ckpt")


def test_a_front_end_that_is_not_installed_is_neither_in_the_hash_nor_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    present: dict[Language, Letters] = {language: Letters(language) for language in LANGUAGES}

    def chosen(languages: Iterable[Language], model: str, *, reference: bool) -> dict[Language, Letters]:
        return {language: present[language] for language in languages if language in present}

    monkeypatch.setattr("synth.text.pipeline.installed", chosen)
    everything, some = TextPipeline("auto"), {name: TextPipeline(name) for name in ("en", "all_zh", "all_ja")}
    hashes = {name: pipeline.hash for name, pipeline in some.items()} | {"auto": everything.hash}  # type: ignore[arg-type]
    del present["ja"]
    here = TextPipeline("auto")
    assert here.hash == pipeline_hash(V2, [Letters(language) for language in ("en", "zh", "ko")]) != hashes["auto"]
    here.require(hashes["en"])
    here.require(hashes["all_zh"])
    here.require(pipeline_hash(V2, [Letters("yue")]))
    for name in ("all_ja", "auto"):
        with pytest.raises(VoxproofError, match=r"The front ends of ja are not installed; was it trained with one\?"):
            here.require(hashes[name])
    present["ja"] = Letters("ja", version="2")
    with pytest.raises(VoxproofError, match=r"install what it was trained with\.$"):
        TextPipeline("auto").require(hashes["auto"])


def test_the_installed_front_ends_are_those_whose_packages_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    english = FRONT_ENDS["en"]
    missing: dict[Language, str] = dict.fromkeys(LANGUAGES, "no_such_package:Any")
    monkeypatch.setattr("synth.text.registry.FRONT_ENDS", missing | {"en": english})
    front_end.cache_clear()
    assert list(installed(LANGUAGES)) == ["en"]
    assert len(TextPipeline("auto").hash) == 64
    with pytest.raises(VoxproofError, match="the front end of 'ja' needs no_such_package, which is not installed"):
        TextPipeline("auto").read("こんにちは")
    front_end.cache_clear()


def test_languages_of_a_model() -> None:
    assert TextPipeline("all_ja").languages == ("en", "ja")
    assert TextPipeline("auto").languages == ("en", "zh", "ja", "ko")
    assert TextPipeline("auto", model="v1").languages == ("en", "zh", "ja")
    with pytest.raises(VoxproofError, match="no symbols for 'ko'"):
        front_end("ko", "v1")
    with pytest.raises(VoxproofError, match="no language 'fr'"):
        front_end("fr")  # type: ignore[arg-type]


def test_a_missing_package_is_told_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synth.text.registry.FRONT_ENDS", {"ko": "no_such_package.korean:Korean"})
    front_end.cache_clear()
    with pytest.raises(VoxproofError, match="needs no_such_package, which is not installed"):
        front_end("ko")


def test_records_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(VoxproofError, match="2 phones have 1 ids"):
        Phones("en", "a", ("AH0", "B"), (1,))
    with pytest.raises(VoxproofError, match="1 characters have 2 phone counts"):
        Phones.of("zh", V2, "你", ["n", "i3"], [1, 1])
    with pytest.raises(VoxproofError, match="do not sum to 2"):
        Phones.of("zh", V2, "你", ["n", "i3"], [1])
    with pytest.raises(VoxproofError, match="of the words do not sum"):
        Phones.of("en", V2, "a", ["AH0"], words=[("a", 2)])
