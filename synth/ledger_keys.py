"""The keys that may sign a ledger: each is introduced by an entry that a key which might sign before has signed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from synth.errors import VoxproofError
from synth.ledger import AUTHORISED, GENESIS, Entry, same_digest
from synth.signing import PublicKey


def introduced_keys(entries: Iterable[Entry]) -> dict[str, PublicKey]:
    """The keys that may sign, by id: that of the first entry, and those authorised with a key that might sign before.

    Hash and signature of every entry that introduces a key are checked; that the entries follow each other is not.
    """
    keys: dict[str, PublicKey] = {}
    for entry in entries:
        if entry.action == AUTHORISED or not keys:
            key = introduced_key(entry, keys)
            if key is not None:
                keys[key.key_id] = key
    return keys


def introduced_key(entry: Entry, keys: Mapping[str, PublicKey]) -> PublicKey | None:
    """The key that an entry introduces, if one of `keys` signed it as it stands; the first entry signs for itself."""
    try:
        key = PublicKey.from_hex(str(entry.payload.get("public_key")))
    except VoxproofError:
        return None
    first = not keys and entry.sequence == 1 and entry.previous == GENESIS
    signer = key if first else keys.get(entry.key_id) if entry.action == AUTHORISED else None
    named = entry.key_id if first else entry.payload.get("key_id")
    if signer is None or signer.key_id != entry.key_id or named != key.key_id:
        return None
    return key if same_digest(entry.digest(), entry.hash) and entry.signed_by(signer) else None
