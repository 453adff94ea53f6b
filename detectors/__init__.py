"""Trained detectors: sound in, calibrated scores on one 20 ms time axis out."""
