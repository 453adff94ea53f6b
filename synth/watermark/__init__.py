"""The voiceprint watermark: keys, payload and code, and what carries them in sound and in semantic tokens."""
