"""What a request of the distribution API is about, by its path. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from choreo_local.images import digests, references
from choreo_local.images.digests import Digest
from choreo_local.images.registry.problems import RegistryProblem

# What follows the name of a repository; names themselves hold slashes.
_KINDS = ("blobs", "manifests", "tags", "referrers")


@dataclass(frozen=True, slots=True)
class Target:
    """A path, taken apart.

    Attributes:
        kind: base, catalog, blob, uploads, upload, manifest, tags or referrers.
        name: of the repository.
        rest: a tag or digest, or the identity of an upload.
    """

    kind: str
    name: str = ""
    rest: str = ""

    def digest(self) -> Digest:
        """`rest` as a digest."""
        if not digests.is_digest(self.rest):
            raise RegistryProblem(
                "DIGEST_INVALID", "provided digest is not valid", detail=self.rest
            )
        return digests.parse(self.rest)


def parse(path: str) -> Target | None:
    """Take a path apart; None when the API has no such path."""
    words = path.removeprefix("/v2").strip("/") if path.startswith("/v2") else None
    if words is None or path[3:4] not in {"", "/"}:
        return None
    if not words:
        return Target("base")
    if words == "_catalog":
        return Target("catalog")
    parts = words.split("/")
    found = _in_repository(parts)
    if found is None:
        return None
    if not references.is_path(found.name):
        raise RegistryProblem("NAME_INVALID", "invalid repository name", detail=found.name[:256])
    return found


def _in_repository(parts: list[str]) -> Target | None:
    def name(count: int) -> str:
        return "/".join(parts[:-count])

    if len(parts) >= 4 and parts[-3:-1] == ["blobs", "uploads"]:
        return Target("upload", name(3), parts[-1])
    if len(parts) >= 3 and parts[-2:] == ["blobs", "uploads"]:
        return Target("uploads", name(2))
    if len(parts) < 3 or parts[-2] not in _KINDS:
        return None
    kind = parts[-2]
    if kind == "tags":
        return Target("tags", name(2)) if parts[-1] == "list" else None
    kind = kind.removesuffix("s") if kind in {"blobs", "manifests"} else kind
    return Target(kind, name(2), parts[-1])
