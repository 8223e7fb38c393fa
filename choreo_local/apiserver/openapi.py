"""The description of our API that `/openapi.json` serves, made of the table of kinds; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from choreo_local.api import rest
from choreo_local.apiserver import openapi_kinds
from choreo_local.apiserver.openapi_operations import ANY, OPERATIONS, PLAIN, SIGN_IN, Operation
from choreo_local.apiserver.openapi_schemas import FREE, SCHEMAS, TEXT, list_of, reference
from choreo_local.services import kinds
from choreo_local.services.kinds import Rule, ServedKind

Document = dict[str, Any]

_LIST_PARAMETERS = ("labelSelector", "limit", "cursor")
# Status → name and words of the response.
_REFUSALS = {
    "400": ("BadRequest", "The request cannot be understood."),
    "401": ("Unauthorized", "A token is missing, or does not do."),
    "403": ("Forbidden", "The caller may not do this."),
    "404": ("NotFound", "What the path names does not exist."),
    "409": ("Conflict", "It exists already, or changed in the meantime."),
    "413": ("TooLarge", "The body is longer than any that is taken."),
    "422": ("UnprocessableContent", "What was sent is not valid."),
    "500": ("InternalError", "The server failed."),
}
# What is refused before it reaches an operation is told in plain text, as upstream does it.
_PLAIN = frozenset({"400", "403", "404"})
_TEXTS = frozenset({"413"})
_ONLY_WITH_BODY = frozenset({"409", "413", "422"})


def document(version: str, *, signs_in: bool = False) -> Document:
    """An OpenAPI 3.0 document.

    Args:
        version: of the server.
        signs_in: whether the server has a place to sign in.
    """
    return {
        "openapi": "3.0.3",
        "info": {"title": "OpenChoreo API", "version": version},
        "security": [{"bearerAuth": []}],
        "paths": _paths(operations(signs_in=signs_in)),
        "components": {
            "securitySchemes": {"bearerAuth": {"type": "http", "scheme": "bearer"}},
            "schemas": dict(sorted({**openapi_kinds.schemas(), **SCHEMAS}.items())),
            "responses": dict(_responses()),
        },
    }


def operations(*, signs_in: bool) -> Iterator[Operation]:
    """All operations; `signs_in` as above."""
    for kind in kinds.BY_KIND.values():
        for operation in _of_kind(kind):
            yield operation._replace(tag=kind.kind)
    yield from OPERATIONS
    if signs_in:
        yield from SIGN_IN


def _responses() -> Iterator[tuple[str, Document]]:
    for status, (name, words) in _REFUSALS.items():
        schema = "TokenError" if status == "401" else "ErrorResponse"
        content = _json(reference(schema)) if status not in _TEXTS else {}
        plain = {"text/plain": {"schema": TEXT}} if status in _PLAIN | _TEXTS else {}
        yield name, {"description": words, "content": {**content, **plain}}


def _paths(operations: Iterable[Operation]) -> dict[str, Document]:
    paths: dict[str, Document] = {}
    for operation in operations:
        item = paths.setdefault(operation.path, {})
        if operation.path_parameters:
            item["parameters"] = [_path_parameter(name) for name in operation.path_parameters]
        item[operation.method] = _described(operation)
    return dict(sorted(paths.items()))


def _of_kind(kind: ServedKind) -> Iterator[Operation]:
    """The operations that the generic router serves of a kind."""
    root = "/api/v1/namespaces/{namespaceName}" if kind.resource.namespaced else "/api/v1"
    many = f"{root}/{kind.resource.plural}"
    one = f"{many}/{{{kind.parameter}}}"
    name, schema = _operation_name(kind), openapi_kinds.name(kind.kind)
    queries = (*kind.filters, *_LIST_PARAMETERS)
    yield Operation("get", many, f"list{name}s", f"Lists {name}s.", f"{schema}List", queries)
    words = f"Creates a {name}."
    yield Operation("post", many, f"create{name}", words, schema, body=schema, status="201")
    yield Operation("get", one, f"get{name}", f"Shows a {name}.", schema)
    yield Operation("delete", one, f"delete{name}", f"Deletes a {name}.", status="204")
    if Rule.IMMUTABLE not in kind.rules:
        words = f"Replaces spec, labels and annotations of a {name}."
        yield Operation("put", one, f"update{name}", words, schema, body=schema)
    if Rule.SCHEMA in kind.rules:
        words = f"Shows the parameters that a {name} takes."
        yield Operation("get", f"{one}/schema", f"get{name}Schema", words, "SchemaResponse")


# Roles have shorter names in operations than as kinds.
_OPERATION_NAMES = {
    "AuthzRole": "NamespaceRole",
    "AuthzRoleBinding": "NamespaceRoleBinding",
    "ClusterAuthzRole": "ClusterRole",
    "ClusterAuthzRoleBinding": "ClusterRoleBinding",
}


def _operation_name(kind: ServedKind) -> str:
    return _OPERATION_NAMES.get(kind.kind, kind.kind)


def _described(operation: Operation) -> Document:
    answer: Document = {"description": "Done."}
    if operation.answer == PLAIN:
        answer["content"] = {"text/plain": {"schema": TEXT}}
    elif operation.answer:
        answer["content"] = _json(_schema(operation.answer))
    found: Document = {
        "operationId": operation.operation,
        "summary": operation.words,
        "tags": [operation.tag],
        "responses": {operation.status: answer, **dict(_refused(operation))},
    }
    parameters = [*map(_query, operation.queries), *map(_header, operation.headers)]
    if parameters:
        found["parameters"] = parameters
    if operation.body:
        found["requestBody"] = {"required": True, "content": _json(_schema(operation.body))}
    if operation.public:
        found["security"] = []
    return found


def _refused(operation: Operation) -> Iterable[tuple[str, Document]]:
    """How it may fail; what is public and takes nothing only answers."""
    if operation.public and not operation.body:
        return
    for status, (name, _) in _REFUSALS.items():
        is_write = operation.body or (operation.method == "delete" and status != "413")
        if is_write or status not in _ONLY_WITH_BODY:
            is_unsigned = operation.public and status == "401"
            answer = _UNSIGNED if is_unsigned else {"$ref": f"#/components/responses/{name}"}
            yield status, answer


# Where no token is asked for, what is sent may have to be signed.
_UNSIGNED: Document = {
    "description": "The signature does not fit.",
    "content": {"application/json": {"schema": reference("ErrorResponse")}},
}


def _schema(name: str) -> Document:
    if name == ANY:
        return FREE
    return list_of(reference(name[1:-1])) if name.startswith("[") else reference(name)


def _json(schema: Document) -> Document:
    return {"application/json": {"schema": schema}}


def _path_parameter(name: str) -> Document:
    return {"name": name, "in": "path", "required": True, "schema": TEXT}


def _header(name: str) -> Document:
    return {"name": name, "in": "header", "required": False, "schema": TEXT}


_SECONDS: Document = {"type": "integer", "format": "int64", "minimum": 0}
_QUERY_TYPES: dict[str, Document] = {
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": rest.MAX_LIMIT,
        "default": rest.DEFAULT_LIMIT,
    },
    "action": {"type": "string", "minLength": 1},
    "as": {"type": "string", "pattern": "^([^:]+:.+)?$"},
    "since": {"type": "string", "pattern": "^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,9}s?)?$"},
    "tail": {"type": "integer", "minimum": 0},
    "sinceSeconds": _SECONDS,
    "watch": {"type": "boolean"},
    "follow": {"type": "boolean"},
    "previous": {"type": "boolean"},
}


def _query(text: str) -> Document:
    name = text.removesuffix("!")
    schema = _QUERY_TYPES.get(name, TEXT)
    return {"name": name, "in": "query", "required": text.endswith("!"), "schema": schema}
