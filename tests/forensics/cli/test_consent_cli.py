"""`voxproof consent`, `issuance` and `access`: JSON alone on stdout, one-line errors, exit codes, the whole way."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from forensics.cli.access import access
from forensics.cli.consent import consent
from forensics.cli.issuance import issuance
from synth.audio import write
from synth.consent import read_consent
from synth.issuance import Issuance, register_issuance
from synth.matching import Heard
from synth.quality import Fault, Quality
from synth.register import Register


class Pitches:
    """Voices told apart by their loudest frequency: the real model takes its time."""

    model = "ab" * 32
    threshold = 0.8

    def enrolled(self, heard: Heard) -> bytes:
        return int(np.abs(np.fft.rfft(heard.samples)).argmax() * heard.rate / len(heard.samples)).to_bytes(2, "big")

    def similarity(self, quantised: bytes, heard: Heard) -> float:
        return 0.97 if quantised == self.enrolled(heard) else 0.12

    def tag(self, quantised: bytes, mac_secret: bytes) -> int:
        return 0


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("VOXPROOF_ACTOR", "Ada")
    for name in ("VOXPROOF_REGISTER", "VOXPROOF_ISSUER_KEY", "VOXPROOF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("synth.matching.ShippedVoices", Pitches)
    for name, hertz, loud in (("ref", 300, 0.1), ("same", 300, 0.2), ("other", 500, 0.1)):
        write(tmp_path / f"{name}.wav", loud * np.sin(2 * np.pi * hertz * np.arange(8000) / 8000), 8000)


def run(group: Any, *arguments: str | Path) -> Result:
    return CliRunner().invoke(group, [str(argument) for argument in arguments])


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def attempt(tmp_path: Path, out: str, *more: str | Path) -> Result:
    """`consent create` for research, in plain words."""
    facts = ("--subject", "A", "--recording", tmp_path / "ref.wav", "--scope", "research", "--until", "2099-01-01")
    return run(consent, "create", *facts, "-o", tmp_path / out, *more)


def created(tmp_path: Path, *more: str | Path, out: str = "consent.json") -> Any:
    return told(
        run(
            consent, "create", "--subject", "Ada Example", "--recording", tmp_path / "ref.wav", "--scope", "internal",
            "--until", "2099-12-31", "-o", tmp_path / out, "--json", *more,
        )
    )  # fmt: skip


def test_from_a_challenge_to_a_revoked_consent(tmp_path: Path) -> None:
    opening = run(consent, "challenge", "--json")
    asked = told(opening)
    register = tmp_path / "data" / "voxproof" / "register" / "register.jsonl"
    assert opening.stderr.splitlines() == [
        f"voxproof: a new register was opened: {register}",
        f"voxproof: an issuer's key was made: {tmp_path / 'home' / '.voxproof' / 'issuer.pem'}. "
        "Keep a copy of it in a safe place.",
    ]
    answer = ("--challenge", asked["challenge_id"], "--spoken", tmp_path / "same.wav")
    made = created(tmp_path, *answer, "--language", "en")
    assert (made["subject"], made["scope"], made["languages"]) == ("Ada Example", "internal", ["en"])
    assert made["spoken"]["sentence"] == asked["sentence"]
    assert made["spoken"]["similarity"] >= made["voiceprint"]["threshold"]
    assert made["spoken"]["words"]["detail"] == "no recogniser is installed"
    path = tmp_path / "consent.json"
    assert read_consent(path).as_json() == made
    assert path.stat().st_mode & 0o777 == 0o600
    for what in (path, made["consent_id"]):
        shown = told(run(consent, "show", what, "--json"))
        assert shown["consent"] == made
        assert shown["state"] == {
            "signature": "valid", "registered": True, "expired": False, "revoked": None, "reason": "", "usable": True,
        }  # fmt: skip
    text = run(consent, "show", path).stdout
    assert "words       not checked: no recogniser is installed" in text
    assert f'spoken      "{asked["sentence"]}"' in text
    again = attempt(tmp_path, "b.json", *answer)
    assert (again.exit_code, again.stdout) == (2, "")
    assert "was used already" in again.stderr
    assert not (tmp_path / "b.json").exists()
    told(run(consent, "revoke", path, "--reason", "she asked for it", "--json"))
    state = told(run(consent, "show", path, "--json"))["state"]
    assert (state["usable"], state["reason"]) == (False, "she asked for it")
    twice = run(consent, "revoke", path)
    assert (twice.exit_code, "was revoked already" in twice.stderr) == (2, True)


def test_the_spoken_sentence_must_be_the_references_voice(tmp_path: Path) -> None:
    asked = told(run(consent, "challenge", "--json"))
    result = attempt(tmp_path, "c.json", "--challenge", asked["challenge_id"], "--spoken", tmp_path / "other.wav")
    assert result.exit_code == 2
    assert (
        f"voxproof: {tmp_path / 'other.wav'}: the sentence was spoken by another voice than the reference's"
        in result.stderr
    )
    assert not (tmp_path / "c.json").exists()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"--scope": "everything"}, "'everything' is no scope. Use one of research, internal, commercial."),
        ({"--until": "soon"}, "'soon' is no date. Write a date, 2027-03-31"),
        ({"--until": "2020-01-01"}, "has expired already. Give a date to come."),
        ({"--recording": "none.wav"}, "none.wav: does not exist. Check the path."),
        ({"--language": "english"}, "'english' is no language. Use ISO 639 codes"),
        ({"--challenge": "ab" * 8}, "a challenge and its recording belong together. Give --challenge and --spoken."),
        ({"-o": "none/c.json"}, "none/c.json: its folder does not exist."),
        ({"--subject": " "}, "the subject needs a name"),
    ],
)
def test_errors_say_what_was_wrong_and_what_to_do(
    changes: dict[str, str], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"--subject": "A", "--recording": str(tmp_path / "ref.wav"), "--scope": "research", "--until": "2099-01-01",
             "-o": "c.json", **changes}  # fmt: skip
    monkeypatch.chdir(tmp_path)
    result = run(consent, "create", *[part for pair in given.items() for part in pair])
    assert (result.exit_code, result.stdout, Path("c.json").exists()) == (2, "", False)
    assert why in result.stderr
    assert result.stderr.splitlines()[-1].startswith("voxproof: ")


def test_a_consent_is_never_written_over_a_file(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text("mine")
    result = attempt(tmp_path, "c.json")
    assert (result.exit_code, (tmp_path / "c.json").read_text()) == (2, "mine")
    assert "there is a file of this name. A consent is never replaced; choose another." in result.stderr


def test_without_a_register_reading_says_so(tmp_path: Path) -> None:
    for arguments in (("show", "deadbeef"), ("list",), ("verify",)):
        result = run(issuance, *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert (
            "there is no issuance register. `voxproof consent challenge` or `consent create` opens one" in result.stderr
        )
    assert not (tmp_path / "data").exists()
    for group, arguments in ((access, ("list",)), (access, ("revoke", "ab")), (consent, ("revoke", "ab" * 8))):
        assert "there is no issuance register" in run(group, *arguments).stderr


def issue(made: Any, **changes: Any) -> None:
    facts = {
        "issuance_id": "deadbeef", "kind": "synthesised", "scope": "internal", "languages": ("en",),
        "consent_id": made["consent_id"], "voiceprint_tag": "7f", "models": {"gpt": "cd" * 32},
        "text_sha256": "ef" * 32, "source_sha256": None, "scheme": 1,
        "key_id": "12" * 8, "epoch": 0, "payload_carried": True, "seconds": 2.5,
        "sample_rate": 32000, "channels": 1, "output_sha256": "34" * 32, "output": "wav pcm_16", "score": 9.5,
        "threshold": 4.0, "token_id": None,
    }  # fmt: skip
    register_issuance(Register.continued(), Issuance(**{**facts, **changes}), "Ada")


def test_what_remains_wrong_with_the_text_is_shown(tmp_path: Path) -> None:
    made = created(tmp_path)
    wrong = (Fault(kind="missing", piece=0, word=2), Fault(kind="cut off", piece=0))
    issue(made, quality=Quality(pieces=2, checked=1, words=5, redraws=3, faults=wrong, reason="no English"))
    text = run(issuance, "show", "deadbeef").stdout
    line = "1 of 2 pieces checked (no English), 3 re-draws; missing in piece 1, word 3; cut off in piece 1"
    assert f"text control    {line}\n" in text
    issue(made, issuance_id="0000002a", quality=Quality(pieces=1, checked=1, words=5, redraws=0, faults=()))
    assert "1 of 1 pieces checked; nothing wrong found\n" in run(issuance, "show", "0000002a").stdout


def test_from_a_payload_to_the_consent(tmp_path: Path) -> None:
    made = created(tmp_path)
    issue(made)
    shown = told(run(issuance, "show", "DEADBEEF", "--json"))
    assert (shown["schema"], shown["issuance_id"], shown["kind"]) == ("voxproof.issuance/1", "deadbeef", "synthesised")
    assert (shown["state"], shown["operator"], shown["text_sha256"]) == ("emitted", "Ada", "ef" * 32)
    assert (shown["models"], shown["seconds"]) == ({"gpt": "cd" * 32}, 2.5)
    assert shown["consent"]["record"] == made
    text = run(issuance, "show", "deadbeef").stdout
    assert f"consent         {made['consent_id']}\nsubject         Ada Example\n" in text
    (listed,) = run(issuance, "list").stdout.splitlines()[1:]
    assert listed.split()[0] == "deadbeef"
    assert told(run(issuance, "list", "--json"))["issuance_id"] == "deadbeef"
    missing = run(issuance, "show", "00000000")
    assert (missing.exit_code, "there is no issuance 00000000" in missing.stderr) == (2, True)
    (copy,) = (tmp_path / "data" / "voxproof" / "register" / "consents").iterdir()
    copy.unlink()
    gone = told(run(issuance, "show", "deadbeef", "--json"))["consent"]
    assert (gone["record"], gone["why"]) == (None, "no copy is kept beside the register")


def test_verify_walks_all_of_it(tmp_path: Path) -> None:
    made = created(tmp_path)
    issue(made)
    sound = told(run(issuance, "verify", "--json"))
    assert (sound["schema"], sound["ok"], sound["entries"]) == ("voxproof.register-verification/1", True, 3)
    assert sound["counts"] == {"issuances": 1, "consents": 1}
    assert (sound["problems"], sound["notes"]) == ([], [])
    assert run(issuance, "verify", "--head", sound["head"]).exit_code == 0
    cut = run(issuance, "verify", "--head", f"4:{'0' * 64}")
    assert (cut.exit_code, "which the register does not contain: it was cut or replaced" in cut.stdout) == (15, True)
    assert run(issuance, "verify", "--head", "4").exit_code == 2
    assert run(issuance, "verify", "--trust", "ab" * 16).exit_code == 15
    issue(made, seconds=1.0)
    twice = run(issuance, "verify")
    assert (twice.exit_code, twice.stdout.splitlines()[0]) == (15, "entry 4: the issuance id deadbeef was given before")
    path = tmp_path / "data" / "voxproof" / "register" / "register.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"scope":"internal"', b'"scope":"commercial"', 1))
    changed = run(issuance, "verify")
    assert changed.exit_code == 15
    assert "entry 2: time, actor, action or payload was changed: the signed hash is another" in changed.stdout
    refused = run(issuance, "show", "deadbeef")
    assert (refused.exit_code, "entry 2 is not as it was written" in refused.stderr) == (2, True)


def test_entries_that_cannot_be_together_are_found(tmp_path: Path) -> None:
    made = created(tmp_path)
    issue(made, issuance_id="00000001", kind="embedded", consent_id=None)
    issue(made, issuance_id="00000001", kind="embedded", consent_id=None)
    assert run(issuance, "verify").exit_code == 0
    issue(made, issuance_id="00000002", consent_id="0" * 16)
    told(run(consent, "revoke", made["consent_id"], "--json"))
    issue(made, issuance_id="00000003")
    issue(made, issuance_id="00000001")
    Register.continued().append("register.emptied", {})
    assert [problem["why"] for problem in json.loads(run(issuance, "verify", "--json").stdout)["problems"]] == [
        "the consent 0000000000000000 of the issuance 00000002 was not registered before",
        f"the consent {made['consent_id']} of the issuance 00000003 was revoked before",
        "the issuance id 00000001 was given before",
        f"the consent {made['consent_id']} of the issuance 00000001 was revoked before",
        "the action register.emptied is not one of a register's",
    ]


def test_tokens_are_shown_once_and_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = told(run(access, "create", "--name", "Studio", "--role", "producer", "--until", "2099-01-01", "--json"))
    assert made["token"].startswith(f"vxp_{made['token_id']}_")
    plain = run(access, "create", "--name", "Desk", "--role", "registrar", "--until", "2099-01-01")
    registrar = plain.stdout.strip()
    assert "It is not shown again." in plain.stderr
    listed = run(access, "list").stdout
    assert made["token"] not in listed
    assert [line.split()[1] for line in listed.splitlines()[1:]] == ["Studio", "Desk"]
    without = run(consent, "challenge")
    assert (without.exit_code, without.stdout) == (3, "")
    assert "this register has access tokens, and none was given" in without.stderr
    monkeypatch.setenv("VOXPROOF_TOKEN", made["token"])
    wrong = run(consent, "challenge")
    assert (wrong.exit_code, "the role producer may not use consent under the scope research" in wrong.stderr) == (
        3,
        True,
    )
    (tmp_path / "token").write_text(registrar)
    assert run(consent, "challenge", "--token-file", tmp_path / "token").exit_code == 0
    told(run(access, "revoke", made["token_id"], "--json"))
    assert "revoked" in run(access, "list").stdout
    lines = [json.loads(line) for line in run(access, "refusals", "--json").stdout.splitlines()]
    assert [(line["actor"], line["command"], line["token_id"]) for line in lines] == [
        ("Ada", "consent", None), ("Studio", "consent", made["token_id"]),
    ]  # fmt: skip
    assert len(run(access, "refusals").stdout.splitlines()) == 3


def test_roles_prints_the_matrix() -> None:
    from synth.access import PERMISSIONS

    assert told(run(access, "roles", "--json"))["roles"] == {role: dict(may) for role, may in PERMISSIONS.items()}
    assert "producer       internal    internal    -           -           internal    -" in run(access, "roles").stdout


def test_no_command_of_these_imports_more_than_it_needs(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom forensics.cli.main import voxproof\n"
        "for words in (['consent', 'challenge'], ['issuance', 'verify'], ['access', 'roles']):\n"
        "    voxproof(words, standalone_mode=False)\n"
        "print([name for name in ('torch', 'scipy', 'numpy', 'av', 'matplotlib', 'sklearn') if name in sys.modules])"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout.splitlines()[-1] == "[]"
