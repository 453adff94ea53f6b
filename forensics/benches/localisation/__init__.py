"""Where in a recording a machine speaks and where it was joined: figures on what `voxproof range` made.

Partial edits by several engines, people's phrases in other people's place as negatives, and unedited recordings
(docs/bench-localisation.md).
"""
