"""Validation of the methods on edited, processed and unedited recordings: `voxproof bench battery`."""
