"""Training and few-shot fine-tuning of the clone model: from a `.list` file to official containers.

    list_file ─► prepare ─► shards ─► codes ─► s1 (text to codes)   ─┐
                                  └──────────► s2 (codes to sound)  ─┴─► run (epochs, resume, log) ─► export

See docs/clone/training.md.
"""
