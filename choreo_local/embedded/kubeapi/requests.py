"""URL → RequestInfo: which verb on which resource is meant. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from choreo_local.embedded.kubeapi.messages import Request

_VERBS = {
    "POST": "create",
    "GET": "get",
    "HEAD": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
# Below /namespaces/NAME/ these belong to the Namespace itself.
_NAMESPACE_SUBRESOURCES = frozenset({"status", "finalize"})
_RESERVED = frozenset({"proxy", "watch"})


@dataclass(slots=True)
class RequestInfo:
    """What a request is about, in the words of authorization.

    Attributes:
        verb: for resources get, list, watch, create, update, patch, delete, deletecollection; for
            other paths the HTTP method in lower case.
        path: decoded.
        segments: of the decoded path.
        rest: what follows a subresource, e.g. the path behind `proxy`.
    """

    verb: str
    path: str
    segments: list[str]
    is_resource: bool = False
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    rest: tuple[str, ...] = ()
    watch_prefix: bool = False
    # The one object that a field selector leaves of a collection; roles may name it.
    selected: str = ""

    @property
    def api_version(self) -> str:
        """Group and version as in a manifest."""
        return f"{self.group}/{self.version}" if self.group else self.version


def is_true(value: str | None) -> bool:
    """A boolean of the query as Kubernetes reads it: all but absence, `false` and `0` is true."""
    return value is not None and value.lower() not in ("false", "0")


def parse(request: Request) -> RequestInfo:
    """Read method, path and the parts of the query that decide the verb."""
    path = unquote(request.path) if "%" in request.path else request.path
    segments = path[1:].split("/") if path.startswith("/") else path.split("/")
    if len(segments) > 1 and not segments[-1]:
        segments.pop()
    info = RequestInfo(request.method.lower(), path, segments)
    if segments[0] == "api" and len(segments) > 2:
        info.version, parts = segments[1], segments[2:]
    elif segments[0] == "apis" and len(segments) > 3:
        info.group, info.version, parts = segments[1], segments[2], segments[3:]
    else:
        return info
    info.is_resource = True
    info.verb = _VERBS.get(request.method, "")
    if parts[0] in _RESERVED and len(parts) > 1:
        info.watch_prefix = parts[0] == "watch"
        parts = parts[1:]
    _read_parts(info, parts)
    _refine_verb(info, request)
    return info


def _read_parts(info: RequestInfo, parts: list[str]) -> None:
    if parts[0] == "namespaces" and len(parts) > 1:
        info.namespace = parts[1]
        if len(parts) > 2 and parts[2] not in _NAMESPACE_SUBRESOURCES:
            parts = parts[2:]
    info.resource = parts[0]
    if len(parts) > 1:
        info.name = parts[1]
    if len(parts) > 2:
        info.subresource = parts[2]
        info.rest = tuple(parts[3:])


def _refine_verb(info: RequestInfo, request: Request) -> None:
    if info.name:
        if info.watch_prefix:
            info.verb = "watch"
        return
    if info.verb == "get":
        watching = info.watch_prefix or is_true(request.parameters.get("watch"))
        info.verb = "watch" if watching else "list"
    elif info.verb == "delete":
        info.verb = "deletecollection"
    if info.verb in ("list", "watch", "deletecollection"):
        info.selected = _selected_name(request.parameters.get("fieldSelector", ""))


def _selected_name(selector: str) -> str:
    for requirement in selector.split(","):
        field, _, value = requirement.partition("=")
        if field == "metadata.name":
            return value.removeprefix("=")
    return ""
