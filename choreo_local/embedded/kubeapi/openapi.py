"""OpenAPI documents: what kubectl validates against, patches by and explains.

One document for each group and version, made when asked for; its address holds a hash, so that
clients keep it for ever. Pure functions of what is served.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from choreo_local.embedded.kubeapi import definitions, descriptions, gotypes, openapi_paths
from choreo_local.embedded.kubeapi.gotypes import GoField, GoType, Shape
from choreo_local.embedded.kubeapi.resources import ServedResource

VERSION = "1.36"

_SCHEMAS = "#/components/schemas/"
_ZEROS: Mapping[Shape, Any] = {
    Shape.STRING: "",
    Shape.INTEGER: 0,
    Shape.FLOAT: 0,
    Shape.BOOL: False,
    Shape.STRUCT: {},
}
# Types that every document holds because every operation may speak of them.
_ALWAYS = tuple(definitions.META + name for name in ("DeleteOptions", "Patch", "Status"))
# Documents of custom resources leave these out.
_BUILTIN_ALWAYS = tuple(definitions.META + name for name in ("APIResourceList", "WatchEvent"))


def index(resources: Iterable[ServedResource]) -> dict[str, Any]:
    """The answer to `/openapi/v3`: where each document is."""
    documents = {}
    for (group, version), served in _by_version(resources).items():
        path = _path(group, version)
        documents[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={_hash(served)}"}
    return {"paths": documents}


def document_hash(resources: Iterable[ServedResource], group: str, version: str) -> str | None:
    """The hash of a document; None when the group and version are not served."""
    served = _by_version(resources).get((group, version))
    return _hash(served) if served else None


def document(
    resources: Iterable[ServedResource], group: str, version: str
) -> dict[str, Any] | None:
    """The answer to `/openapi/v3/{group and version}`; None when they are not served."""
    served = _by_version(resources).get((group, version))
    if not served:
        return None
    custom = all(one.custom for one in served)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": VERSION}
        if not custom
        else {"title": "Kubernetes CRD Swagger", "version": "v0.1.0"},
        "paths": {path: item for one in served for path, item in openapi_paths.items(one)},
        "components": {"schemas": schemas(served, group)},
    }


def schemas(served: Sequence[ServedResource], group: str) -> dict[str, Any]:
    """The definitions that the document of some resources of one group holds, by name."""
    found: dict[str, Any] = {}
    for one in served:
        found.update(_custom_schemas(one) if one.custom else {})
    needed = [name for one in served for name in openapi_paths.definitions_of(one)]
    custom = all(one.custom for one in served)
    always = _ALWAYS if custom else (*_ALWAYS, *_BUILTIN_ALWAYS)
    for name in _reachable([*needed, *_referenced(found), *always]):
        found.setdefault(name, _of_group(published(name), group))
    return dict(sorted(found.items()))


def _by_version(
    resources: Iterable[ServedResource],
) -> dict[tuple[str, str], list[ServedResource]]:
    found: dict[tuple[str, str], list[ServedResource]] = {}
    for one in resources:
        found.setdefault((one.kind.group, one.kind.version), []).append(one)
    return found


def _path(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def _hash(served: Iterable[ServedResource]) -> str:
    """Changes when what the document is made of does; the document need not be made for it."""
    digest = hashlib.sha512(_sources())
    for one in served:
        shown = (one.kind.group_resource, one.kind.kind, one.verbs, sorted(one.subresources))
        digest.update(orjson.dumps([*shown, one.openapi]))
    return digest.hexdigest().upper()


@cache
def _sources() -> bytes:
    here = Path(__file__).parent
    parts = [
        here / "descriptions.py",
        here / "openapi.py",
        here / "openapi_paths.py",
        *sorted((here / "_generated").iterdir()),
    ]
    digests = [hashlib.sha256(part.read_bytes()).digest() for part in parts if part.is_file()]
    return b"".join(digests) + descriptions.edition().encode()


def published(name: str) -> dict[str, Any]:
    """The definition of a builtin type as OpenAPI v3."""
    known = definitions.schemas()
    if name not in known:
        # Not part of the source of the tables: `Patch`, and the kinds of metrics.k8s.io.
        return {"type": "object"}
    schema = _told(dict(known[name]), descriptions.of_type(name))
    properties = schema.get("properties")
    if properties:
        type_ = gotypes.struct(name)
        fields = type_.json_fields if type_ is not None else {}
        schema["properties"] = {
            key: _told(_property(value, fields.get(key)), descriptions.of_field(name, key))
            for key, value in properties.items()
        }
    return schema


def _told(schema: dict[str, Any], description: str) -> dict[str, Any]:
    if description:
        schema["description"] = description
    return schema


def _of_group(schema: dict[str, Any], group: str) -> dict[str, Any]:
    """Options are of every group; a document names its own and the core."""
    kinds = schema.get("x-kubernetes-group-version-kind") or ()
    if len(kinds) > 1:
        shown = [kind for kind in kinds if kind["group"] in ("", group)]
        schema["x-kubernetes-group-version-kind"] = shown
    return schema


def _property(schema: Mapping[str, Any], field: GoField | None) -> dict[str, Any]:
    node = _node(schema, field.type if field is not None else None)
    if field is None:
        return _wrapped(node)
    if field.default is not None:
        node["default"] = field.default
    elif not field.type.pointer and not field.omit_zero:
        is_struct = field.type.shape is Shape.STRUCT
        zero = _ZEROS.get(field.type.shape) if is_struct or not field.omit_empty else None
        if zero is not None:
            node["default"] = zero
    return _wrapped(node)


def _node(schema: Mapping[str, Any], type_: GoType | None) -> dict[str, Any]:
    node = dict(schema)
    element = type_.element if type_ is not None else None
    for keyword in ("items", "additionalProperties"):
        inner = node.get(keyword)
        if isinstance(inner, Mapping):
            node[keyword] = _element(inner, element)
    if type_ is not None and type_.enum:
        node["enum"] = list(type_.enum)
    if "$ref" in node:
        node["$ref"] = _SCHEMAS + node["$ref"]
    return node


def _element(schema: Mapping[str, Any], type_: GoType | None) -> dict[str, Any]:
    node = _node(schema, type_)
    zero = _ZEROS.get(type_.shape) if type_ is not None and not type_.pointer else None
    if zero is not None:
        node["default"] = zero
        return _wrapped(node)
    return node


def _wrapped(node: dict[str, Any]) -> dict[str, Any]:
    """A reference may have no siblings in OpenAPI v3: it goes into an `allOf`."""
    reference = node.pop("$ref", None)
    if reference is not None:
        node["allOf"] = [{"$ref": reference}]
    return node


def _custom_schemas(resource: ServedResource) -> dict[str, Any]:
    kind = resource.kind
    name = openapi_paths.custom_definition(kind.group, kind.version, kind.kind)
    gvk = {"group": kind.group, "kind": kind.kind, "version": kind.version}
    schema = dict(resource.openapi or {"type": "object"})
    properties = dict(schema.get("properties") or {})
    properties["apiVersion"] = _type_field("apiVersion", "Group and version of the kind.")
    properties["kind"] = _type_field("kind", "Name of the kind.")
    given = properties.get("metadata")
    properties["metadata"] = {
        "allOf": [{"$ref": f"{_SCHEMAS}{definitions.META}ObjectMeta"}],
        "description": (given or {}).get("description") or "Name, labels and other metadata.",
    }
    if not resource.openapi or "x-kubernetes-preserve-unknown-fields" not in schema:
        schema["properties"] = properties
    schema["x-kubernetes-group-version-kind"] = [gvk]
    return {
        name: _int_or_string(schema),
        openapi_paths.custom_definition(kind.group, kind.version, resource.list_kind): {
            "type": "object",
            "required": ["items"],
            "properties": {
                "apiVersion": properties["apiVersion"],
                "items": {"type": "array", "items": {"$ref": _SCHEMAS + name}},
                "kind": properties["kind"],
                "metadata": {"allOf": [{"$ref": f"{_SCHEMAS}{definitions.META}ListMeta"}]},
            },
            "x-kubernetes-group-version-kind": [{**gvk, "kind": resource.list_kind}],
        },
    }


def _type_field(name: str, words: str) -> dict[str, Any]:
    """These are of no kind in particular: those of any builtin one are described alike."""
    text = descriptions.of_field(f"{definitions.META}Status", name)
    return {"type": "string", "description": text or words}


def _int_or_string(node: Any) -> Any:
    """What is a number or a text says so in standard keywords too."""
    if isinstance(node, list):
        return [_int_or_string(one) for one in node]
    if not isinstance(node, Mapping):
        return node
    found = {key: _int_or_string(value) for key, value in node.items()}
    if found.get("x-kubernetes-int-or-string") is True and "anyOf" not in found:
        found["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    return found


def _reachable(names: Iterable[str]) -> list[str]:
    found: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in found and name.startswith("io.k8s."):
            found.add(name)
            pending.extend(_references(definitions.schemas().get(name)))
    return sorted(found)


def _referenced(schemas: Mapping[str, Any]) -> list[str]:
    return [name.removeprefix(_SCHEMAS) for name in _references(schemas)]


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        reference = node.get("$ref")
        if isinstance(reference, str):
            yield reference
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)
