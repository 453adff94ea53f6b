"""The trained lines abstain on sound that is unlike all they learnt from, and say so; speech is answered."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from forensics.exhibit import Exhibit
from forensics.fusion import judge_origin
from forensics.methods.detector_spectral import DetectorSpectral
from forensics.methods.detector_speech import DetectorSpeech

RATE = 16_000
EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(params=[DetectorSpeech, DetectorSpectral])
def line(request: pytest.FixtureRequest) -> DetectorSpeech | DetectorSpectral:
    made: DetectorSpeech | DetectorSpectral = request.param()
    return made


def test_bursts_of_noise_are_not_answered(line: DetectorSpeech | DetectorSpectral, tmp_path: Path) -> None:
    from detectors.fusion import load_fusion

    time = np.arange(5 * RATE) / RATE
    sound = 0.1 * np.random.default_rng(1).standard_normal(time.size) * (np.sin(4 * np.pi * time) > 0)
    soundfile.write(tmp_path / "bursts.wav", sound, RATE)
    with Exhibit.open(tmp_path / "bursts.wav") as exhibit:
        finding = line.examine(exhibit)
    assert finding.outcome == "could_not_test"
    assert finding.log10_lr is None
    assert not finding.in_domain
    assert "further from what the detector learnt from" in finding.reasons[0]
    assert float(str(finding.measurements["distance"])) > line.learnt.facts.limit
    assert judge_origin([finding], load_fusion()).outcome == "could_not_test"


@pytest.mark.parametrize("name", ["machine.wav", "telephone.wav"])
def test_speech_is_answered(line: DetectorSpeech | DetectorSpectral, name: str) -> None:
    with Exhibit.open(EXAMPLES / name) as exhibit:
        finding = line.examine(exhibit)
    assert finding.log10_lr is not None
    assert 0 <= float(str(finding.measurements["distance_percentile"])) < line.learnt.facts.limit_percentile
