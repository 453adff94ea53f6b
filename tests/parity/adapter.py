"""What the parity tool imports: our models behind the functions it calls, as far as they are written."""

from pathlib import Path

_HERE = Path(__file__).parent

if (_HERE / "s1.py").exists():
    from .s1 import *  # noqa: F403
if (_HERE / "s2.py").exists():
    from .s2 import *  # noqa: F403
