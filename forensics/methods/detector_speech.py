"""The trained speech detector: the first layers of a speech recogniser and a head of ours (detectors/inference.py)."""

from __future__ import annotations

from forensics.methods._trained_line import TrainedLine


class DetectorSpeech(TrainedLine):
    """Machine or person, as a network hears it."""

    id = "detector.speech"
    weights = "speech"
    title = "Trained speech detector"
    purpose = (
        "Compares the speech with what a network learnt from recorded people and from speech generators; "
        "the score is calibrated to a likelihood ratio on sources that the network had not seen."
    )
