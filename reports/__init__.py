"""Renders an Examination: PDF and its machine-readable twin, signing and checking."""
