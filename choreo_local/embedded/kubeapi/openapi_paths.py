"""The operations of a resource as OpenAPI paths: verbs, parameters, bodies, answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from choreo_local.apimachinery.gvk import GroupVersionKind
from choreo_local.embedded.kubeapi import definitions, descriptions
from choreo_local.embedded.kubeapi.negotiation import PROTOBUF
from choreo_local.embedded.kubeapi.resources import ServedResource, Subresource

_SCHEMAS = "#/components/schemas/"
_ANSWERS = ("application/json", "application/yaml")
_PATCHES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
# Parameter → type, and our words for it where `descriptions` has none.
_PARAMETERS: dict[str, tuple[str, str]] = {
    "allowWatchBookmarks": ("boolean", "Send bookmarks, which say how far a watch has come."),
    "continue": ("string", "Where the next page begins, as the last answer said."),
    "dryRun": ("string", "All: do everything but store the result."),
    "fieldManager": ("string", "Who makes the change, for the owners of fields."),
    "fieldSelector": ("string", "Which objects, by their fields."),
    "fieldValidation": ("string", "Ignore, Warn of or Strictly refuse unknown fields."),
    "force": ("boolean", "Take fields from other managers when applying."),
    "gracePeriodSeconds": ("integer", "How long the object may take to end."),
    "ignoreStoreReadErrorWithClusterBreakingPotential": (
        "boolean",
        "Delete what cannot be read; not enabled.",
    ),
    "labelSelector": ("string", "Which objects, by their labels."),
    "limit": ("integer", "How many objects a page may hold."),
    "orphanDependents": ("boolean", "Leave dependents alone; older form of propagationPolicy."),
    "pretty": ("string", "Print the answer for people."),
    "propagationPolicy": (
        "string",
        "Orphan, Background or Foreground: what becomes of dependents.",
    ),
    "resourceVersion": ("string", "The state that the answer may be of."),
    "resourceVersionMatch": ("string", "How resourceVersion is meant."),
    "sendInitialEvents": ("boolean", "Begin a watch with all present objects."),
    "shardSelector": ("string", "A part of the objects, by a hash; not enabled."),
    "timeoutSeconds": ("integer", "How long to answer at most."),
    "watch": ("boolean", "Send changes as they come."),
}
_LIST = (
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "shardSelector",
    "timeoutSeconds",
    "watch",
)
_WRITE = ("dryRun", "fieldManager", "fieldValidation")
_DELETE = (
    "dryRun",
    "gracePeriodSeconds",
    "ignoreStoreReadErrorWithClusterBreakingPotential",
    "orphanDependents",
    "propagationPolicy",
)
# Verb → HTTP method, start of the operation id, action, our words, parameters.
_OBJECT_VERBS: dict[str, tuple[str, str, str, str, tuple[str, ...]]] = {
    "get": ("get", "read", "get", "Read a", ()),
    "update": ("put", "replace", "put", "Replace a", _WRITE),
    "delete": ("delete", "delete", "delete", "Delete a", _DELETE),
    "patch": ("patch", "patch", "patch", "Change parts of a", (*_WRITE, "force")),
    "create": ("post", "create", "post", "Create the", _WRITE),
}
# Subresources that are conversations, not documents.
_CONNECTS = frozenset({"attach", "exec", "portforward", "proxy"})


def custom_definition(group: str, version: str, kind: str) -> str:
    """The definition name of a custom kind: `com.example.v1.Widget`."""
    return f"{'.'.join(reversed(group.split('.')))}.{version}.{kind}"


def definition_of(resource: ServedResource, gvk: GroupVersionKind) -> str:
    """The definition name of a type that the operations of a resource speak of."""
    if resource.custom and (gvk.group, gvk.version) == (resource.kind.group, resource.kind.version):
        return custom_definition(gvk.group, gvk.version, gvk.kind)
    return definitions.name_of(gvk)


def definitions_of(resource: ServedResource) -> list[str]:
    """The definition names of everything that a resource speaks of."""
    kind = resource.kind
    listed = GroupVersionKind(kind.group, kind.version, resource.list_kind)
    subs = [sub.kind for sub in resource.subresources.values()]
    return [definition_of(resource, gvk) for gvk in (kind.gvk, listed, *subs)]


def items(resource: ServedResource) -> Iterator[tuple[str, dict[str, Any]]]:
    """Path → operations, for the collection, the objects and their subresources."""
    kind = resource.kind
    scope = "Namespaced" if kind.namespaced else ""
    folder = "/namespaces/{namespace}" if kind.namespaced else ""
    collection = f"{kind.root}{folder}/{kind.plural}"
    shared = _shared(resource, named=False)
    yield collection, {**_collection(resource, scope), "parameters": shared}
    if kind.namespaced and "list" in resource.verbs:
        everywhere = _list(resource, "", suffix="ForAllNamespaces")
        parameters = everywhere.pop("parameters") + _parameters("list", ("pretty",))
        parameters.sort(key=lambda parameter: str(parameter["name"]))
        yield kind.path(), {"get": everywhere, "parameters": parameters}
    named = _shared(resource, named=True)
    operations = dict(_operations(resource, resource.verbs, None, scope))
    if operations:
        yield f"{collection}/{{name}}", {**operations, "parameters": named}
    for sub in resource.subresources.values():
        if sub.name not in _CONNECTS:
            found = dict(_operations(resource, sub.verbs, sub, scope))
            yield f"{collection}/{{name}}/{sub.name}", {**found, "parameters": named}


def _shared(resource: ServedResource, *, named: bool) -> list[dict[str, Any]]:
    shared = []
    if named:
        shared.append(_in_path(resource, "name", f"Name of the {resource.kind.kind}."))
    if resource.kind.namespaced:
        shared.append(_in_path(resource, "namespace", "Namespace of the object."))
    return [*shared, *_parameters("read", ("pretty",))]


def _in_path(resource: ServedResource, name: str, words: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "description": descriptions.of_parameter("read", name, resource.kind.kind) or words,
        "required": True,
        "schema": {"type": "string", "uniqueItems": True},
    }


def _parameters(verb: str, names: Iterable[str]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "query",
            "description": descriptions.of_parameter(verb, name) or _PARAMETERS[name][1],
            "schema": {"type": _PARAMETERS[name][0], "uniqueItems": True},
        }
        for name in names
    ]


def _summary(verb: str, resource: ServedResource, sub: Subresource | None = None) -> str:
    found = descriptions.of_operation(verb, resource.kind.kind)
    if sub is None:
        return found
    whole = f"{sub.name} of a " if verb == "create" else f"{sub.name} of the "
    return found.replace("a " if verb == "create" else "the ", whole, 1)


def _collection(resource: ServedResource, scope: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "list" in resource.verbs:
        found["get"] = _list(resource, scope)
    if "create" in resource.verbs:
        name = definition_of(resource, resource.kind.gvk)
        found["post"] = {
            **_head(
                resource,
                "create",
                _summary("create", resource) or f"Create a {resource.kind.kind}.",
                scope=scope,
            ),
            "parameters": _parameters("create", _WRITE),
            "requestBody": _body(_media(resource), name),
            "responses": _responses(name, 200, 201, 202),
            **_tail("post", resource.kind.gvk),
        }
    if "deletecollection" in resource.verbs:
        found["delete"] = {
            **_head(
                resource,
                "delete",
                _summary("delete_collection", resource) or f"Delete many {resource.kind.kind}s.",
                scope=f"Collection{scope}",
            ),
            "parameters": _parameters(
                "delete_collection", sorted({*_LIST, *_DELETE} - {"allowWatchBookmarks", "watch"})
            ),
            "requestBody": _body(("*/*",), definitions.META + "DeleteOptions", required=False),
            "responses": _responses(definitions.META + "Status", 200),
            **_tail("deletecollection", resource.kind.gvk),
        }
    return found


def _list(resource: ServedResource, scope: str, suffix: str = "") -> dict[str, Any]:
    kind = resource.kind
    listed = GroupVersionKind(kind.group, kind.version, resource.list_kind)
    words = _summary("list", resource) or f"List or watch {kind.kind}s."
    return {
        **_head(resource, "list", words, scope=scope, suffix=suffix),
        "parameters": _parameters("list", _LIST),
        "responses": _responses(
            definition_of(resource, listed), 200, media=("application/json;stream=watch",)
        ),
        **_tail("list", kind.gvk),
    }


def _operations(
    resource: ServedResource, verbs: Iterable[str], sub: Subresource | None, scope: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    gvk = sub.kind if sub is not None else resource.kind.gvk
    name = definition_of(resource, gvk)
    for verb in verbs:
        known = _OBJECT_VERBS.get(verb)
        if known is None or (sub is None and verb == "create"):
            continue
        method, start, action, words, parameters = known
        what = resource.kind.kind if sub is None else f"{resource.kind.kind}'s {sub.name}"
        suffix = "" if sub is None else sub.name[:1].upper() + sub.name[1:]
        summary = _summary(start, resource, sub) or f"{words} {what}."
        operation = _head(resource, start, summary, scope=scope, suffix=suffix)
        if parameters:
            operation["parameters"] = _parameters(start, parameters)
        operation |= _bodies(resource, verb, name)
        answer = definitions.META + "Status" if verb == "delete" else name
        codes = {"get": (200,), "delete": (200, 202)}.get(verb, (200, 201))
        operation["responses"] = _responses(answer, *codes)
        yield method, operation | _tail(action, gvk)


def _bodies(resource: ServedResource, verb: str, name: str) -> dict[str, Any]:
    if verb == "patch":
        # There is no strategic merge for custom kinds.
        media = tuple(one for one in _PATCHES if not resource.custom or "strategic" not in one)
        return {"requestBody": _body(media, definitions.META + "Patch")}
    if verb == "delete":
        options = definitions.META + "DeleteOptions"
        return {"requestBody": _body(("*/*",), options, required=False)}
    return {} if verb == "get" else {"requestBody": _body(_media(resource), name)}


def _media(resource: ServedResource) -> tuple[str, ...]:
    """What bodies may be: custom kinds have no protobuf."""
    return ("application/json", "application/yaml") if resource.custom else ("*/*",)


def _head(
    resource: ServedResource, start: str, words: str, *, scope: str = "", suffix: str = ""
) -> dict[str, Any]:
    kind = resource.kind
    group = kind.group.removesuffix(".k8s.io") if not resource.custom else kind.group
    joined = "".join(part[:1].upper() + part[1:] for part in (group or "core").split("."))
    version = kind.version[:1].upper() + kind.version[1:]
    return {
        "tags": [f"{joined[:1].lower()}{joined[1:]}_{kind.version}"],
        "description": words,
        "operationId": f"{start}{joined}{version}{scope}{kind.kind}{suffix}",
    }


def _tail(action: str, gvk: GroupVersionKind) -> dict[str, Any]:
    return {
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {
            "group": gvk.group,
            "version": gvk.version,
            "kind": gvk.kind,
        },
    }


def _body(media: Iterable[str], name: str, *, required: bool = True) -> dict[str, Any]:
    content = {one: {"schema": {"$ref": _SCHEMAS + name}} for one in media}
    return {"content": content, "required": True} if required else {"content": content}


def _responses(name: str, *codes: int, media: Iterable[str] = ()) -> dict[str, Any]:
    words = {200: "OK", 201: "Created", 202: "Accepted"}
    media = sorted((*_ANSWERS, *_builtin_media(name), *media))
    content = {one: {"schema": {"$ref": _SCHEMAS + name}} for one in media}
    found: dict[str, Any] = {
        str(code): {"description": words[code], "content": content} for code in codes
    }
    return {**found, "401": {"description": "Unauthorized"}}


def _builtin_media(name: str) -> tuple[str, ...]:
    """Custom kinds have no protobuf, and neither have the answers about them."""
    return (PROTOBUF,) if name.startswith("io.k8s.api.") else ()
