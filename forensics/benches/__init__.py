"""Measurements of the product itself: speed, methods, mutated files."""
