"""Decoding, kept apart: a server process that forks one short-lived, limited child for every file.

`worker` is our side of the door, `child` the other; `ffmpeg` and `libsndfile` are the two decoders that run
behind it, `headers` reads what a file claims about itself, `sink` takes the decoded samples.
Nobody but `synth.audio` (and the mutation harness) imports this package.
"""
