"""Export of a case: one zip file with exhibits, records, log, keys, a signed manifest and how to verify it all.

The same case gives the same bytes: members are stored, not packed, in a fixed order, with a fixed date and fixed
rights. So the archive itself can be checked byte by byte: it is written once more, and compared while it is written.
"""

from __future__ import annotations

import hashlib
import secrets
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from forensics.case import layout
from forensics.case.holdings import Archive, Folder, digest
from synth import __version__
from synth.canonical import canonical
from synth.errors import VoxproofError
from synth.ledger import Entry
from synth.signing import SigningKey

SCHEMA = "voxproof.case-export/1"
MANIFEST_FIELDS = {"schema", "tool", "case", "title", "head", "files", "key_id", "signature"}
_DATE = (1980, 1, 1, 0, 0, 0)

README = """Voxproof case export
====================

Case:   {title}
Id:     {case}
Head:   entry {count}, {hash}

This archive holds everything that the case holds:

  exhibits/       the exhibits, byte for byte as they were received
  records/        examinations (JSON) and reports (PDF)
  custody.jsonl   the custody log: one signed entry a line, each with the hash of the one before
  custody.head    signed count and last hash of the log
  keys/           the public keys (Ed25519) that sign in this case
  case.json       who asked what
  manifest.json   SHA-256 and size of every file here, signed

To verify with Voxproof:

  voxproof case verify THIS_FILE.zip

It checks every byte and names what was changed. Then compare, by a way that does not run through this archive, the
key ids in keys/ with what the examiner tells you, and the head above with what the examiner noted: whoever makes a
whole new log with a new key makes one that is sound in itself, and whoever has an older export has a shorter log.

To verify without Voxproof (Python 3 and the package `cryptography`, in the unpacked folder):

{script}
A hash and a signature prove that data have not changed since they were made, not that what they say is true. Times
are those of the clock of the computer that signed.
"""

SCRIPT = """
    import hashlib, json
    from pathlib import Path
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    keys = {p.stem: load_pem_public_key(p.read_bytes()) for p in Path("keys").glob("*.pem")}
    previous = "0" * 64
    for line in Path("custody.jsonl").read_text(encoding="utf-8").split("\\n")[:-1]:
        entry = json.loads(line)
        # Hash: SHA-256 of the line (RFC 8785 canonical JSON) without the members "hash" and "signature".
        body = line
        for name in ("hash", "signature"):
            body = body.replace(',"%s":"%s"' % (name, entry[name]), "", 1)
        assert hashlib.sha256(body.encode()).hexdigest() == entry["hash"], entry["sequence"]
        assert entry["previous"] == previous, entry["sequence"]
        message = b"voxproof.ledger/1:" + entry["hash"].encode()
        keys[entry["key_id"]].verify(bytes.fromhex(entry["signature"]), message)
        previous = entry["hash"]
        payload = entry["payload"]
        for file in payload.get("files", [payload] if "file" in payload else []):
            assert hashlib.sha256(Path(file["file"]).read_bytes()).hexdigest() == file["sha256"], file["file"]
    manifest = json.loads(Path("manifest.json").read_text(encoding="utf-8"))
    assert manifest["head"] == {"count": entry["sequence"], "hash": previous}
    print("intact:", entry["sequence"], "entries, head", previous)
"""


def write_export(folder: Path, out: Path, entries: Iterable[Entry], key: SigningKey) -> tuple[str, int]:
    """Write the archive of a case that was verified; returns its SHA-256 and size."""
    entries = list(entries)
    source = Folder(folder)
    readme = _readme(entries).encode()
    names = [layout.LOG_FILE, layout.HEAD_FILE, *(item.name for item in layout.files(entries))]
    hashes = {name: digest(source, name) for name in names}
    hashes[layout.README_FILE] = (hashlib.sha256(readme).hexdigest(), len(readme))
    for item in layout.files(entries):
        if hashes[item.name][0] != item.sha256:
            raise VoxproofError("the file is not what the custody log says", path=folder / item.name)
    manifest = canonical(_signed_manifest(entries, hashes, key)).encode() + b"\n"
    texts = {layout.README_FILE: readme, layout.MANIFEST_FILE: manifest}
    sizes = {name: size for name, (_, size) in hashes.items()} | {layout.MANIFEST_FILE: len(manifest)}

    def contents(name: str) -> Iterator[bytes]:
        return iter([texts[name]]) if name in texts else source.blocks(name)

    draft = out.with_name(f".{out.name}.{secrets.token_hex(8)}")
    try:
        with draft.open("xb") as stream:
            hashing = _Hashing(stream)
            _write_zip(hashing, sizes, contents)
        draft.replace(out)
    except OSError as error:
        raise VoxproofError(f"the export cannot be written ({error.strerror})", path=out) from None
    finally:
        draft.unlink(missing_ok=True)
    return hashing.digest.hexdigest(), hashing.size


def archive_matches(path: Path, archive: Archive) -> int | None:
    """Write the archive's members once more in the fixed layout; the first byte that differs, or None."""
    with path.open("rb") as stream:
        comparing = _Comparing(stream)
        sizes = {name: archive.zip.getinfo(name).file_size for name in archive.names()}
        _write_zip(comparing, sizes, archive.blocks)
        comparing.end()
    return comparing.differs_at


def manifest_message(manifest: Mapping[str, Any]) -> bytes:
    """What the signature of a manifest covers."""
    body = {name: value for name, value in manifest.items() if name != "signature"}
    return b"voxproof.manifest/1:" + hashlib.sha256(canonical(body).encode()).hexdigest().encode()


def _signed_manifest(entries: list[Entry], hashes: Mapping[str, tuple[str, int]], key: SigningKey) -> dict[str, Any]:
    told = layout.particulars(entries[0])
    manifest = {
        "schema": SCHEMA,
        "tool": f"voxproof {__version__}",
        "case": told["id"],
        "title": told["title"],
        "head": {"count": entries[-1].sequence, "hash": entries[-1].hash},
        "files": [{"name": name, "sha256": sha256, "bytes": size} for name, (sha256, size) in sorted(hashes.items())],
        "key_id": key.key_id,
    }
    return {**manifest, "signature": key.sign(manifest_message(manifest))}


def _readme(entries: list[Entry]) -> str:
    told = layout.particulars(entries[0])
    last = entries[-1]
    return README.format(title=told["title"], case=told["id"], count=last.sequence, hash=last.hash, script=SCRIPT)


def _write_zip(sink: Any, sizes: Mapping[str, int], contents: Any) -> None:
    """Members sorted by name, stored, with fixed date and rights, to something that can only write."""
    with zipfile.ZipFile(cast("IO[bytes]", sink), "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name in sorted(sizes):
            member = zipfile.ZipInfo(name, _DATE)
            member.create_system = 3
            member.external_attr = 0o100444 << 16
            member.file_size = sizes[name]
            with archive.open(member, "w") as stream:
                for block in contents(name):
                    stream.write(block)


class _Hashing:
    """A sink that hashes what it passes on; it cannot seek, so every member has the same kind of header."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.size += len(data)
        return self.stream.write(data)

    def flush(self) -> None:
        self.stream.flush()


class _Comparing:
    """A sink that compares what is written with a file that exists."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.position = 0
        self.differs_at: int | None = None

    def write(self, data: bytes) -> int:
        there = self.stream.read(len(data))
        if self.differs_at is None and there != data:
            at = next((n for n, (a, b) in enumerate(zip(there, data, strict=False)) if a != b), len(there))
            self.differs_at = self.position + at
        self.position += len(data)
        return len(data)

    def flush(self) -> None:
        pass

    def end(self) -> None:
        """Nothing may follow."""
        if self.differs_at is None and self.stream.read(1):
            self.differs_at = self.position
