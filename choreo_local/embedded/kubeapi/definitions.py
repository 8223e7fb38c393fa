"""The shapes of builtin types: OpenAPI definitions, and what their Go types add to them.

`builtin` compiles the definitions to structural schemas, `openapi` publishes them, `typed` and
`protobuf` read the Go types. The tables are generated and are read line by line when asked for.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import orjson

from choreo_local.apimachinery.gvk import GroupVersionKind

if TYPE_CHECKING:
    from choreo_local.apimachinery.schema.structural import Structural

META = "io.k8s.apimachinery.pkg.apis.meta.v1."

# Kinds that every group shares live in the package of the metadata.
_META_KINDS = frozenset(
    {"CreateOptions", "DeleteOptions", "GetOptions", "ListOptions", "PatchOptions", "Status"}
    | {"UpdateOptions", "WatchEvent", "PartialObjectMetadata", "PartialObjectMetadataList", "Table"}
    | {"APIGroup", "APIGroupList", "APIResourceList", "APIVersions"}
)
_PACKAGES = {
    "": "io.k8s.api.core",
    "apiextensions.k8s.io": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
    "apiregistration.k8s.io": "io.k8s.kube-aggregator.pkg.apis.apiregistration",
    "metrics.k8s.io": "io.k8s.metrics.pkg.apis.metrics",
}


class _Table(Mapping[str, Any]):
    """A generated table: name → JSON value, decoded on first use and kept."""

    def __init__(self, file: str) -> None:
        lines = gzip.decompress((Path(__file__).parent / "_generated" / file).read_bytes())
        self._raw = dict(line.split(b"\t", 1) for line in lines.splitlines())
        self._decoded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        found = self._decoded.get(name)
        if found is None:
            found = self._decoded[name] = self._decode(name)
        return found

    def _decode(self, name: str) -> Any:
        return orjson.loads(self._raw[name.encode()])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.encode() in self._raw

    def __iter__(self) -> Iterator[str]:
        return (name.decode() for name in self._raw)

    def __len__(self) -> int:
        return len(self._raw)


class _Schemas(_Table):
    """The schemas, with the defaults that only the Go types say: keys of lists need them."""

    def _decode(self, name: str) -> Any:
        schema = super()._decode(name)
        fields = go_types().get(name)
        for field in fields if isinstance(fields, list) else ():
            if len(field) > 4 and field[0] in schema.get("properties", {}):
                schema["properties"][field[0]]["default"] = field[4]
        return schema


@cache
def schemas() -> Mapping[str, Mapping[str, Any]]:
    """Definition name → OpenAPI schema; references hold the bare name of a definition."""
    return _Schemas("definitions.jsonl.gz")


@cache
def go_types() -> Mapping[str, list[list[Any]] | str | dict[str, Any]]:
    """Definition name → fields of a struct, or the type that another name stands for.

    A type is an expression, or `{"type": expression, "enum": values}`. A field is
    `[JSON name, type, flags, protobuf number]`, and its default when it has one. Flags: `o` left
    out when empty, `z` left out when zero, `i` inlined into its parent, `1` a list that protobuf
    wraps into a message.
    """
    return _Table("types.jsonl.gz")


@cache
def internal_types() -> Mapping[str, list[list[str]] | str]:
    """Internal type → its fields `[Go name, JSON name, type]`, or what it stands for."""
    return _Table("internal.jsonl.gz")


def name_of(gvk: GroupVersionKind) -> str:
    """The definition name of a builtin kind, whether or not it exists."""
    if gvk.kind in _META_KINDS:
        return META + gvk.kind
    package = _PACKAGES.get(gvk.group) or f"io.k8s.api.{gvk.group.partition('.')[0]}"
    return f"{package}.{gvk.version}.{gvk.kind}"


def internal_name(gvk: GroupVersionKind) -> str:
    """The type that the real server converts a builtin kind to, as its messages print it."""
    package = gvk.group.partition(".")[0] or "core"
    return f"{'core' if gvk.kind == 'Event' else package}.{gvk.kind}"


@cache
def _compiled() -> Mapping[str, Structural]:
    # Imported here because it brings the whole expression language, which types alone do not need.
    from choreo_local.apimachinery.schema import structural

    # One root for all kinds, so that they share the compiled pod template and metadata.
    root = {"type": "object", "properties": {name: {"$ref": name} for name in _kinds()}}
    return structural.from_openapi(root, schemas().__getitem__).properties


def _kinds() -> Iterator[str]:
    marker = b'"x-kubernetes-group-version-kind"'
    raw = cast("_Table", schemas())._raw
    return (name.decode() for name, line in raw.items() if marker in line)


def compiled(gvk: GroupVersionKind) -> Structural | None:
    """The structural schema of a builtin kind; None when there is no definition."""
    return _compiled().get(name_of(gvk))
