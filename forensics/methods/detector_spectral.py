"""The trained spectral detector: fine spectrum, cepstra and group delay, and a head of ours (detectors/spectral.py)."""

from __future__ import annotations

from forensics.methods._trained_line import TrainedLine


class DetectorSpectral(TrainedLine):
    """Machine or person, as the spectrum and phase of the sound tell."""

    id = "detector.spectral"
    weights = "spectral"
    title = "Trained spectral detector"
    purpose = (
        "Compares fine structure, cepstra and phase of the sound with what people's recordings and speech generators "
        "leave there; calibrated like the speech detector, and fused with it so that what they share counts once."
    )
