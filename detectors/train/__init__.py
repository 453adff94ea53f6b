"""How the shipped detectors were trained: one script a step, see docs/training.md. Needs the extra `train`."""
