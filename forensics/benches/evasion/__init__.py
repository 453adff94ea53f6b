"""How much evidence somebody can destroy who wants a machine taken for a person, and what it costs in quality.

Gradients through the shipped networks, channels, re-synthesis: what each does to every line of evidence, on clips of
other generators, on clones of our own, and on people's recordings pushed the other way (docs/bench-evasion.md).
"""
