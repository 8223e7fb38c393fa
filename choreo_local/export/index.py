"""`export.yaml`: what an export consists of, for programs. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from choreo_local.apimachinery import yamltext
from choreo_local.errors import BadRequestError
from choreo_local.export.state import File, Key, Left

NAME = "export.yaml"
FORMAT = 1
OPENCHOREO = "1.2.0"
_FIELDS = {
    "addresses": dict,
    "apply": list,
    "files": list,
    "leftBehind": list,
    "openchoreo": str,
    "planes": list,
    "upstream": list,
    "withSecrets": bool,
}


@dataclass(frozen=True, slots=True)
class Index:
    """An `export.yaml`.

    Attributes:
        files: path → digest, of all other files.
        private: those of them that only their owner may read.
        apply: files of the control plane in the order in which they are applied.
        planes: folder → type, id, namespace and registrations of each plane.
        upstream: objects that every installation has by itself.
    """

    domain: str
    apps: str
    files: Mapping[str, str]
    private: frozenset[str]
    apply: Sequence[str]
    planes: Sequence[Mapping[str, Any]]
    upstream: frozenset[Key]
    left: Sequence[Left]
    with_secrets: bool


def with_digests(described: Index, digests: Mapping[str, str]) -> Index:
    """The same index with other digests."""
    return replace(described, files=digests)


def digest(content: str) -> str:
    """The digest of a file."""
    return f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"


def written(index: Index) -> File:
    """The file that says all this."""
    content = {
        "format": FORMAT,
        "openchoreo": OPENCHOREO,
        "addresses": {"domain": index.domain, "apps": index.apps},
        "withSecrets": index.with_secrets,
        "planes": [dict(plane) for plane in index.planes],
        "apply": list(index.apply),
        "upstream": [
            {"kind": key.kind, "namespace": key.namespace, "name": key.name}
            for key in sorted(index.upstream)
        ],
        "leftBehind": [
            {"what": each.what, "why": each.why, "instead": each.instead} for each in index.left
        ],
        "files": [
            {"path": path, "digest": index.files[path], "private": path in index.private}
            for path in sorted(index.files)
        ],
    }
    return File(NAME, yamltext.dump(content))


def listed(files: Iterable[File]) -> tuple[dict[str, str], frozenset[str]]:
    """Digests of files, and which of them are private."""
    files = list(files)
    digests = {file.path: digest(file.content) for file in files}
    return digests, frozenset(file.path for file in files if file.private)


def read(text: str) -> Index:
    """The index of an export; BadRequestError says what is wrong with it."""
    documents = yamltext.load_all(text)
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise BadRequestError("it must hold one object")
    content = documents[0]
    if content.get("format") != FORMAT:
        raise BadRequestError(
            f"its format is {content.get('format')!r}, and this version reads format {FORMAT}"
        )
    for name, kind in _FIELDS.items():
        if not isinstance(content.get(name), kind):
            raise BadRequestError(f"{name}: must be a {kind.__name__}")
    try:
        return _parsed(content)
    except (KeyError, TypeError, AttributeError) as error:
        raise BadRequestError(f"an entry is not as it should be: {error}") from error


def _parsed(content: Mapping[str, Any]) -> Index:
    files = content["files"]
    planes = content["planes"]
    for plane in planes:
        for name in ("folder", "type", "id", "namespace", "chart"):
            if not isinstance(plane[name], str):
                raise TypeError(f"planes: {name} must be a text")
    return Index(
        domain=str(content["addresses"]["domain"]),
        apps=str(content["addresses"]["apps"]),
        files={str(each["path"]): str(each["digest"]) for each in files},
        private=frozenset(str(each["path"]) for each in files if each["private"]),
        apply=[str(path) for path in content["apply"]],
        planes=planes,
        upstream=frozenset(
            Key(str(each["kind"]), str(each["namespace"]), str(each["name"]))
            for each in content["upstream"]
        ),
        left=[
            Left(str(each["what"]), str(each["why"]), str(each["instead"]))
            for each in content["leftBehind"]
        ],
        with_secrets=content["withSecrets"],
    )
