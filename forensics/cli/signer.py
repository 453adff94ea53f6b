"""The certificate that signs reports: the user's own, or one made on first use and kept in the user's folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from reports.signing import Signer


def load_signer(p12: Path | None) -> Signer:
    """The signer of `--p12` (passphrase in VOXPROOF_P12_PASSPHRASE), else the self-made one."""
    from reports.signing import Signer

    if p12 is not None:
        return Signer.from_pkcs12(p12, os.environ.get("VOXPROOF_P12_PASSPHRASE"))
    return Signer.self_made(Path(click.get_app_dir("voxproof", force_posix=True)))
