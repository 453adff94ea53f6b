"""Sound itself, the clone model, its watermark, consent and issuance: the ground floor of Voxproof."""

__version__ = "0.1.0"
