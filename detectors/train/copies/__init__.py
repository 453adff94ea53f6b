"""Copies of human recordings by analysis and resynthesis: same voice, words and room, another waveform.

One method, one file. `python -m detectors.train.copies` makes them; docs/training-copies.md says what each leaves.
"""
