"""What can be examined: one file per method, each with one class derived from `forensics.method.Method`.

Modules whose names begin with an underscore are helpers that several methods share.
"""
