"""Explanations: what a verdict, or a voice, was made of, with figures and with words that say no more than they do."""
