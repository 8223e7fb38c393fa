"""The operations that an endpoint's API description lists, for templates that make routes; pure.

OpenAPI documents and proto sources are read; what cannot be read yields nothing, as a component
must not fail over its documentation.

Public: `extract(endpoints)`, `is_wanted(*manifests)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import yaml

from . import protosource
from .functions import ENDPOINT_RESOURCES

_ALIASES: Mapping[str, str] = {
    **dict.fromkeys(("openapi", "openapiv3", "oas", "oas3", "swagger"), "openapi"),
    **dict.fromkeys(("proto", "protobuf", "grpc"), "proto"),
}
_INFERRED: Mapping[str, str] = {"HTTP": "openapi", "gRPC": "proto"}
_METHODS = frozenset(
    ("connect", "delete", "get", "head", "options", "patch", "post", "put", "trace")
)
_MAX_DEPTH = 100
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def is_wanted(*specs: Any) -> bool:
    """Does any of these specs ask for API resources? Reading the documents is not free."""
    return any(ENDPOINT_RESOURCES in repr(spec) for spec in specs)


def extract(endpoints: Mapping[str, Mapping[str, Any]] | None) -> dict[str, list[dict[str, str]]]:
    """Endpoint → its operations, sorted; endpoints without any are left out."""
    found = {name: _operations(endpoint) for name, endpoint in (endpoints or {}).items()}
    return {name: operations for name, operations in found.items() if operations}


def _operations(endpoint: Mapping[str, Any]) -> list[dict[str, str]]:
    schema = endpoint.get("schema") or {}
    content = str(schema.get("content") or "")
    if not content.strip():
        return []
    match _schema_type(schema, endpoint):
        case "openapi":
            found = list(_http(content))
        case "proto":
            found = [
                {"kind": "gRPC", "service": service, "method": method}
                for service, method in protosource.methods(content)
            ]
        case _:
            return []
    return sorted(found, key=_order)


def _schema_type(schema: Mapping[str, Any], endpoint: Mapping[str, Any]) -> str:
    declared = str(schema.get("type") or "").strip().lower()
    if declared:
        return _ALIASES.get(declared, "")
    return _INFERRED.get(str(endpoint.get("type", "")), "")


def _http(content: str) -> Iterable[dict[str, str]]:
    paths = _document(content).get("paths")
    for path, item in paths.items() if isinstance(paths, dict) else ():
        for method in item if isinstance(item, dict) else ():
            if method in _METHODS:
                yield {"kind": "HTTP", "method": str(method).upper(), "path": str(path)}


def _document(content: str) -> dict[str, Any]:
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        document = _yaml(content)
    return document if isinstance(document, dict) else {}


def _yaml(content: str) -> Any:
    try:
        return yaml.load(content, Loader=_LOADER) if _is_shallow(content) else None
    except (yaml.YAMLError, ValueError):
        return None


def _is_shallow(content: str) -> bool:
    """Can the document be loaded? The fast loader recurses in C and would end the process."""
    depth = 0
    for event in yaml.parse(content, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            return False
    return True


def _order(operation: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(operation.get(key, "") for key in ("kind", "service", "path", "method"))
