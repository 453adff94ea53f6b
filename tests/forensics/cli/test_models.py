"""`voxproof models` lists, shows and verifies all models that ship."""

import json

import yaml
from click.testing import CliRunner

from detectors.card import WEIGHTS
from detectors.voices import voice_model
from forensics.battery import load_battery
from forensics.cli.models import models
from synth.voiceprint_card import WEIGHTS as OF_SYNTH


def test_list_names_every_card_of_the_folder() -> None:
    rows = json.loads(CliRunner().invoke(models, ["list", "--json"]).output)
    assert len(rows) == sum(len(list(folder.glob("*.yaml"))) for folder in (WEIGHTS, OF_SYNTH))
    by_name = {row["name"]: row for row in rows}
    assert by_name["voices"]["sha256"] == voice_model().sha256
    assert {"detector.speech", "detector.spectral", "fusion", "voiceprint", "voices", "watermark"} <= set(by_name)
    assert by_name["detector.speech"]["training"]
    table = CliRunner().invoke(models, ["list"]).output
    assert all(name in table for name in by_name)


def test_the_models_that_a_record_names_are_among_them() -> None:
    listed = {row["sha256"] for row in json.loads(CliRunner().invoke(models, ["list", "--json"]).output)}
    used = {facts.sha256 for method in load_battery() for facts in method.models}
    assert voice_model().sha256 in used
    assert used <= listed


def test_card_shows_constants_too() -> None:
    shown = CliRunner().invoke(models, ["card", "voices"])
    assert yaml.safe_load(shown.output)["threshold"] == voice_model().threshold
    unknown = CliRunner().invoke(models, ["card", "nobody"])
    assert unknown.exit_code == 2
    assert "voices" in unknown.output


def test_verify_compares_what_a_card_states() -> None:
    done = CliRunner().invoke(models, ["verify", "--json"], standalone_mode=False)
    intact = {row["name"]: row["intact"] for row in json.loads(done.output)}
    assert (done.return_value, intact["detector.speech"], intact["voices"]) == (0, True, None)
    assert f"voices: constants, no hash is stated (SHA-256 {voice_model().sha256})" in (
        CliRunner().invoke(models, ["verify"], standalone_mode=False).output
    )
