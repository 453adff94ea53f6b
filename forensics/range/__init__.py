"""Labelled material on demand: clones, conversions, partial edits, splices and laundering, with the truth beside them.

    indices ─ sources.py (what may be used, and for what) ─ plan.py (what is made of what, from one seed) ─ make.py
    kinds: recorded.py, clone.py, conversion.py, partial_edit.py, splice.py ─ marking.py ─ laundering.py ─ manifest.py

It renders in the process and writes into the folder that it is told to, never for a user to publish (docs/range.md).
"""
