"""The bench of the cloned voice: what is said, in whose voice, how well, how marked. `voxproof bench clone`."""
