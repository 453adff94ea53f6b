"""A page of a report as a PNG picture, for documents: `python -m reports.picture REPORT.pdf OUT.png [PAGE]`.

Uses poppler's `pdftoppm`, which the report itself does not need.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from synth.errors import VoxproofError


def picture(pdf: Path, out: Path, page: int = 1, dpi: int = 110) -> Path:
    """Render one page (counted from 1)."""
    program = shutil.which("pdftoppm")
    if program is None:
        raise VoxproofError("pdftoppm is not installed", path=pdf, cure="Install poppler-utils.")
    where = ["-f", f"{page}", "-l", f"{page}", "-r", f"{dpi}", "-png", "-singlefile"]
    done = subprocess.run(  # noqa: S603 (fixed program, no shell)
        [program, *where, str(pdf), str(out.with_suffix(""))], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise VoxproofError(f"the page cannot be drawn ({done.stderr.strip()})", path=pdf)
    return out.with_suffix(".png")


if __name__ == "__main__":
    print(picture(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1))
