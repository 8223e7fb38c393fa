"""Manifests from files, folders, addresses and standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from choreo_local.apimachinery import yamltext
from choreo_local.errors import BadRequestError, UsageError

_SUFFIXES = (".yaml", ".yml", ".json")
_FETCH_SECONDS = 30
_LONGEST_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest and the file that it came from."""

    source: str
    manifest: dict[str, Any]

    @property
    def title(self) -> str:
        """Kind and name, for messages."""
        return f"{self.manifest['kind'].lower()}/{self.manifest['metadata']['name']}"


def read(paths: Iterable[str]) -> list[Document]:
    """All manifests of files, of folders (their YAML and JSON files), of addresses, or of `-`."""
    found = []
    for name in paths:
        for source, text in _texts(name):
            found += [_checked(source, manifest) for manifest in _manifests(source, text)]
    if not found:
        raise UsageError("there is no manifest in what was given")
    return found


def _texts(name: str) -> Iterator[tuple[str, str]]:
    if name == "-":
        yield "standard input", sys.stdin.read()
        return
    if name.startswith(("http://", "https://")):
        yield name, _fetch(name)
        return
    path = Path(name)
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.suffix in _SUFFIXES:
                yield str(file), _read_file(file)
        return
    yield name, _read_file(path)


def _fetch(url: str) -> str:
    # Only addresses need these.
    import http.client
    import urllib.request

    try:
        with urllib.request.urlopen(url, timeout=_FETCH_SECONDS) as answer:
            content: bytes = answer.read(_LONGEST_BYTES + 1)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise UsageError(f"cannot read {url}: {getattr(error, 'reason', error)}") from error
    if len(content) > _LONGEST_BYTES:
        raise UsageError(f"cannot read {url}: it has more than {_LONGEST_BYTES} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"cannot read {url}: it is not UTF-8 text") from error


def _read_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"cannot read {path}: {reason}") from error


def _manifests(source: str, text: str) -> Iterator[Any]:
    try:
        documents = yamltext.load_all(text)
    except BadRequestError as error:
        raise UsageError(f"{source}: {error.message}") from error
    for document in documents:
        if isinstance(document, dict) and document.get("kind") == "List":
            items = document.get("items") or []
            if not isinstance(items, list):
                raise UsageError(f"{source}: List: items: must be a list")
            yield from items
        else:
            yield document


def _checked(source: str, manifest: Any) -> Document:
    if not isinstance(manifest, dict):
        raise UsageError(f"{source}: a manifest must be an object, not {type(manifest).__name__}")
    for field in ("apiVersion", "kind"):
        if not isinstance(manifest.get(field), str):
            raise UsageError(f"{source}: {field}: Required value")
    metadata = manifest.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        raise UsageError(f"{source}: {manifest['kind']}: metadata.name: Required value")
    return Document(source, manifest)
