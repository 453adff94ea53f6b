"""Text to phones: what stands between a written sentence and the two models that speak it.

`frame` holds the types that every language shares, `symbols` the tables of ids, `registry` the languages.
"""
