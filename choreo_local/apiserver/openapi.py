"""The description of our API that `/openapi.json` serves, made from the table of kinds; pure.

Objects are described by their kind only: their fields are in the CRDs, which the kube API serves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from choreo_local.services import kinds
from choreo_local.services.kinds import Rule, ServedKind

Document = dict[str, Any]

_LIST_PARAMETERS = ("labelSelector", "limit", "cursor")
_ERROR = {"$ref": "#/components/responses/Error"}


def document(version: str) -> Document:
    """An OpenAPI 3.0 document."""
    paths: dict[str, Document] = {}
    for kind in kinds.BY_KIND.values():
        paths |= dict(_paths(kind))
    for path, operation in _PUBLIC.items():
        paths[path] = {"get": _operation(operation, "200", security=[])}
    return {
        "openapi": "3.0.3",
        "info": {"title": "OpenChoreo API", "version": version},
        "security": [{"bearer": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": _SCHEMAS,
            "responses": {"Error": {"description": "It failed.", "content": _json("Error")}},
        },
    }


_PUBLIC = {
    "/health": "getHealth",
    "/ready": "getReady",
    "/version": "getVersion",
    "/openapi.json": "getOpenAPISpec",
}
_SCHEMAS: Document = {
    "Error": {
        "type": "object",
        "required": ["error", "code"],
        "properties": {"error": {"type": "string"}, "code": {"type": "string"}},
    },
    "Object": {
        "type": "object",
        "required": ["metadata"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": {"type": "object"},
            "status": {"type": "object"},
        },
    },
    "List": {
        "type": "object",
        "required": ["items", "pagination"],
        "properties": {
            "items": {"type": "array", "items": {"$ref": "#/components/schemas/Object"}},
            "pagination": {
                "type": "object",
                "properties": {
                    "nextCursor": {"type": "string"},
                    "remainingCount": {"type": "integer"},
                },
            },
        },
    },
}


def _paths(kind: ServedKind) -> Iterator[tuple[str, Document]]:
    root = "/api/v1"
    parameters = []
    if kind.resource.namespaced:
        root += "/namespaces/{namespaceName}"
        parameters.append(_path_parameter("namespaceName"))
    root += f"/{kind.resource.plural}"
    name = _operation_name(kind)
    queries = [_query(query) for query in (*kind.filters, *_LIST_PARAMETERS)]
    yield (
        root,
        {
            "parameters": parameters,
            "get": _operation(f"list{_plural(name)}", "200", schema="List", parameters=queries),
            "post": _operation(f"create{name}", "201", schema="Object", body="Object"),
        },
    )
    one = {
        "parameters": [*parameters, _path_parameter(kind.parameter)],
        "get": _operation(f"get{name}", "200", schema="Object"),
        "delete": _operation(f"delete{name}", "204"),
    }
    if Rule.IMMUTABLE not in kind.rules:
        one["put"] = _operation(f"update{name}", "200", schema="Object", body="Object")
    yield f"{root}/{{{kind.parameter}}}", one
    if Rule.SCHEMA in kind.rules:
        yield (
            f"{root}/{{{kind.parameter}}}/schema",
            {"parameters": one["parameters"], "get": _operation(f"get{name}Schema", "200")},
        )


# Roles have shorter names in operations than as kinds.
_OPERATION_NAMES = {
    "AuthzRole": "NamespaceRole",
    "AuthzRoleBinding": "NamespaceRoleBinding",
    "ClusterAuthzRole": "ClusterRole",
    "ClusterAuthzRoleBinding": "ClusterRoleBinding",
}


def _operation_name(kind: ServedKind) -> str:
    return _OPERATION_NAMES.get(kind.kind, kind.kind)


def _plural(name: str) -> str:
    return f"{name}s"


def _operation(
    operation: str,
    status: str,
    *,
    schema: str = "",
    body: str = "",
    parameters: list[Document] | None = None,
    security: list[Document] | None = None,
) -> Document:
    response: Document = {"description": "Done."}
    if schema:
        response["content"] = _json(schema)
    found: Document = {"operationId": operation, "responses": {status: response, "default": _ERROR}}
    if parameters:
        found["parameters"] = parameters
    if body:
        found["requestBody"] = {"required": True, "content": _json(body)}
    if security is not None:
        found["security"] = security
    return found


def _json(schema: str) -> Document:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _path_parameter(name: str) -> Document:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query(name: str) -> Document:
    kind = "integer" if name == "limit" else "string"
    return {"name": name, "in": "query", "required": False, "schema": {"type": kind}}
