"""The bench of the detectors on anybody's labelled clips. `voxproof bench detector`.

index.py, protocol.py (what is labelled how) ─ clips.py ─ sample.py ─ conditions.py (neutral, channels)
─ run.py (as `verify` answers, kept on disk) ─ baselines.py, others.py (what to compare with)
─ results.py (all figures) ─ page.py, pictures.py
"""
