"""Which image a reference means in the store: one small file each, shared by all instances."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from choreo_local import clock
from choreo_local.images import digests, references
from choreo_local.images.digests import Digest
from choreo_local.images.failures import ImageFailure
from choreo_local.images.folders import Folders, write_durably
from choreo_local.images.references import Reference


@dataclass(frozen=True, slots=True)
class Named:
    """What a reference means.

    Attributes:
        digest: of what the registry answered, an index perhaps; programs compare this one.
        manifest: of the image for this machine's platform.
        size: bytes that were downloaded for it.
        grants: who may use it without asking the registry again: fingerprints of credentials;
            empty when the registry gives it to everybody.
        pulled_at: seconds since the epoch.
        imported: somebody brought it: no registry may have it, so it is never cleared away unasked.
    """

    reference: str
    digest: Digest
    manifest: Digest
    size: int
    pulled_at: float
    grants: Sequence[str] = field(default=())
    imported: bool = False
    used_at: float = 0.0


class Names:
    """The names of a store."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders

    def _file(self, reference: Reference) -> Path:
        name = hashlib.sha256(str(reference).encode()).hexdigest()
        return self._folders.names / f"{name}.json"

    def find(self, reference: Reference) -> Named | None:
        """What a reference means; a digest alone suffices when any name of its has it."""
        found = _read(self._file(reference))
        if found is None and reference.digest:
            found = next((entry for entry in self.all() if _is_same(entry, reference)), None)
        return found

    def put(self, named: Named) -> None:
        """Give an image a name."""
        content = {
            "reference": named.reference,
            "digest": str(named.digest),
            "manifest": str(named.manifest),
            "size": named.size,
            "pulledAt": named.pulled_at,
            "grants": list(named.grants),
            "imported": named.imported,
        }
        file = self._file(references.parse(named.reference))
        write_durably(file, orjson.dumps(content, option=orjson.OPT_INDENT_2))

    def touch(self, named: Named) -> None:
        """Note that the image is used."""
        now = clock.unix()
        with contextlib.suppress(OSError):
            os.utime(self._file(references.parse(named.reference)), (now, now))

    def remove(self, reference: Reference) -> bool:
        """Take a name away; whether there was one."""
        try:
            self._file(reference).unlink()
        except FileNotFoundError:
            return False
        return True

    def all(self) -> Iterator[Named]:
        """Every name, in no order."""
        for file in self._folders.names.glob("*.json"):
            if (found := _read(file)) is not None:
                yield found


def _is_same(entry: Named, reference: Reference) -> bool:
    repository = references.parse(entry.reference).repository
    return repository == reference.repository and str(entry.digest) == reference.digest


def _read(file: Path) -> Named | None:
    """A name; None when it is missing or damaged, which a pull mends."""
    try:
        found = orjson.loads(file.read_bytes())
        return Named(
            str(references.parse(found["reference"])),
            digests.parse(found["digest"]),
            digests.parse(found["manifest"]),
            int(found["size"]),
            float(found["pulledAt"]),
            tuple(str(entry) for entry in found["grants"]),
            bool(found.get("imported")),
            file.stat().st_mtime,
        )
    except (OSError, ValueError, KeyError, TypeError, ImageFailure):
        return None
