"""The description of our API that `/openapi.json` serves, made from the table of kinds; pure.

Objects are described by their kind only: their fields are in the CRDs, which the kube API serves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

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
    for special in _SPECIAL:
        paths.setdefault(special.path, {"parameters": special.path_parameters})
        paths[special.path][special.method] = _operation(
            special.operation,
            special.status,
            body=special.body,
            parameters=[_query(name) for name in special.queries],
        )
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


class _Special(NamedTuple):
    """An operation that only some kinds have, or that is ours."""

    method: str
    path: str
    operation: str
    queries: tuple[str, ...] = ()
    status: str = "200"
    body: str = ""

    @property
    def path_parameters(self) -> list[Document]:
        """Those in braces."""
        return [_path_parameter(name) for name in re.findall(r"{(\w+)}", self.path)]


_OF_COMPONENT = "/api/v1/namespaces/{namespaceName}/components/{componentName}"
_OF_BINDING = "/api/v1/namespaces/{namespaceName}/releasebindings/{releaseBindingName}/k8sresources"
_OURS = "/choreo/v1/namespaces/{namespaceName}"
_OUR_COMPONENT = f"{_OURS}/components/{{componentName}}"
_ALPHA = "/api/v1alpha1/namespaces/{namespaceName}"
_SCOPE = ("namespace", "project", "component", "resource")
_TRIGGER = f"{_ALPHA}/releasebindings/{{releaseBindingName}}/trigger"
_OF_RUN = "/api/v1/namespaces/{namespaceName}/workflowruns/{runName}"
_SPECIAL = (
    _Special("get", "/api/v1/authz/actions", "listActions"),
    _Special("post", "/api/v1/authz/evaluates", "evaluates"),
    _Special("get", "/api/v1/authz/profile", "getSubjectProfile", _SCOPE),
    _Special("get", "/api/v1/authn/subject-types", "listSubjectTypes"),
    _Special("get", "/choreo/v1/authz/explanation", "explainDecision", ("action", *_SCOPE, "as")),
    _Special("get", f"{_OF_RUN}/status", "getWorkflowRunStatus"),
    _Special("get", f"{_OF_RUN}/logs", "getWorkflowRunLogs", ("task", "sinceSeconds")),
    _Special("get", f"{_OF_RUN}/events", "getWorkflowRunEvents", ("task",)),
    _Special("post", _TRIGGER, "triggerReleaseBindingCronJob"),
    _Special("get", f"{_ALPHA}/secrets", "listSecrets", ("limit", "cursor")),
    _Special("post", f"{_ALPHA}/secrets", "createSecret", status="201", body="Object"),
    _Special("get", f"{_ALPHA}/secrets/{{secretName}}", "getSecret"),
    _Special("put", f"{_ALPHA}/secrets/{{secretName}}", "updateSecret", body="Object"),
    _Special("delete", f"{_ALPHA}/secrets/{{secretName}}", "deleteSecret", status="204"),
    _Special("get", f"{_ALPHA}/gitsecrets", "listGitSecrets"),
    _Special("post", f"{_ALPHA}/gitsecrets", "createGitSecret", status="201", body="Object"),
    _Special("delete", f"{_ALPHA}/gitsecrets/{{gitSecretName}}", "deleteGitSecret", status="204"),
    _Special("post", "/api/v1alpha1/autobuild", "handleAutoBuild", body="Object"),
    _Special("get", f"{_OF_COMPONENT}/schema", "getComponentSchema"),
    _Special("post", f"{_OF_COMPONENT}/generate-release", "generateRelease", (), "201", "Object"),
    _Special("get", f"{_OF_BINDING}/tree", "getReleaseBindingK8sResourceTree"),
    _Special(
        "get",
        f"{_OF_BINDING}/events",
        "getReleaseBindingK8sResourceEvents",
        ("group", "version", "kind", "name"),
    ),
    _Special(
        "get",
        f"{_OF_BINDING}/logs",
        "getReleaseBindingK8sResourceLogs",
        ("podName", "container", "sinceSeconds"),
    ),
    _Special("get", "/choreo/v1/status", "getStatus"),
    _Special("get", f"{_OURS}/board", "getBoard", ("project", "watch")),
    _Special("get", f"{_OUR_COMPONENT}/promotion", "planPromotion", ("to", "from", "release")),
    _Special("post", f"{_OUR_COMPONENT}/promotion", "promote", body="Object"),
    _Special("get", f"{_OUR_COMPONENT}/rollback", "planRollback", ("environment",)),
    _Special("post", f"{_OUR_COMPONENT}/rollback", "rollBack", ("environment",), body="Object"),
    _Special("post", f"{_OUR_COMPONENT}/undeploy", "undeploy", ("environment",)),
    _Special("get", f"{_OUR_COMPONENT}/why", "explain", ("environment",)),
    _Special("get", f"{_OUR_COMPONENT}/url", "getUrls", ("environment", "endpoint")),
    _Special("get", f"{_OUR_COMPONENT}/details", "getDetails", ("environment",)),
    _Special(
        "get",
        f"{_OUR_COMPONENT}/logs",
        "getLogs",
        ("environment", "follow", "tail", "since", "previous"),
    ),
)
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


_QUERY_TYPES = {
    "limit": "integer",
    "tail": "integer",
    "sinceSeconds": "integer",
    "watch": "boolean",
    "follow": "boolean",
    "previous": "boolean",
}


def _query(name: str) -> Document:
    kind = _QUERY_TYPES.get(name, "string")
    return {"name": name, "in": "query", "required": False, "schema": {"type": kind}}
