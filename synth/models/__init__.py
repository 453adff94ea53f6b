"""Weights of the clone model as files: the card beside them, import of official checkpoints, loading of a whole set."""
