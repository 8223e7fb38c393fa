"""What the plane API lets through to agents: upstream's rules, in upstream's order. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlencode

from choreo_local.tunnel import planes
from choreo_local.tunnel.messages import MAX_BODY_BYTES

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_TARGETS = frozenset({"k8s", "monitoring", "logs"})
_SECRETS = ("/api/v1/namespaces/kube-system/secrets", "/apis/v1/serviceaccounts")
_NEVER = (("..", ".."), ("\0", "NUL"))
_PARTS = 6


class NotAllowedError(Exception):
    """A request that may not go through."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True, slots=True)
class Proxied:
    """Where a request is to go.

    Attributes:
        resource: key of the plane object.
        path: at the target.
    """

    plane: str
    plane_id: str
    resource: str
    target: str
    path: str


def destination(path: str) -> Proxied:
    """Read `PLANETYPE/PLANEID/NAMESPACE/NAME/TARGET/PATH…`."""
    parts = path.lstrip("/").split("/", _PARTS - 1)
    if len(parts) < _PARTS:
        raise NotAllowedError(400, "invalid proxy path format")
    plane, plane_id, namespace, name, target, rest = parts
    return Proxied(plane, plane_id, resource(namespace, name), target, f"/{rest}")


def resource(namespace: str, name: str) -> str:
    """The key of a plane object by the parts of a path."""
    return f"{'' if namespace == planes.CLUSTER else namespace}/{name}"


def check(method: str, wanted: Proxied, content_length: int | None) -> None:
    """Raise NotAllowedError for what must not go through."""
    if method not in _METHODS:
        raise NotAllowedError(405, f"method {method[:20]} not allowed")
    if wanted.target not in _TARGETS:
        raise NotAllowedError(403, f"target {wanted.target[:40]!r} not allowed")
    # Who serves the path decodes what is still encoded in it.
    paths = (wanted.path, unquote(wanted.path))
    if any(secret in path for secret in _SECRETS for path in paths):
        raise NotAllowedError(403, "access to this path is not allowed")
    if content_length is not None and content_length > MAX_BODY_BYTES:
        raise NotAllowedError(413, f"request body too large: at most {MAX_BODY_BYTES} bytes")
    for piece, name in _NEVER:
        if any(piece in path for path in paths):
            raise NotAllowedError(400, f"path must not contain {name}")
    if "?" in wanted.path:
        raise NotAllowedError(400, "path must not contain a query")


def is_stream(path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    """Whether a request asks for what only a stream could answer."""
    if query.get("watch") == "true" or headers.get("Upgrade"):
        return True
    return "/log" in path and query.get("follow") == "true"


@dataclass(frozen=True, slots=True)
class Notice:
    """What a control plane tells of a plane object."""

    plane: str
    plane_id: str
    event: str
    resource: str


_EVENTS = ("created", "updated", "deleted")


def notice(content: object) -> Notice:
    """Read the body of a notice."""
    if not isinstance(content, dict):
        raise NotAllowedError(400, "invalid request body")
    found = {name: content.get(name) for name in ("planeType", "planeID", "event", "name")}
    for name, value in found.items():
        if not isinstance(value, str) or not value:
            raise NotAllowedError(400, f"missing required field: {name}")
    if found["event"] not in _EVENTS:
        raise NotAllowedError(400, f"unknown event {str(found['event'])[:40]!r}")
    namespace = content.get("namespace") or ""
    return Notice(
        str(found["planeType"]),
        str(found["planeID"]),
        str(found["event"]),
        f"{namespace}/{found['name']}",
    )


def exec_path(namespace: str, pod: str) -> str:
    """The path of a kube API's exec, whatever a pod is said to be called."""
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(pod, safe='')}/exec"


def exec_query(query: Sequence[tuple[str, str]]) -> str:
    """The query of a kube API's exec for the parameters of the plane API's."""
    given: dict[str, list[str]] = {}
    for name, value in query:
        given.setdefault(name, []).append(value)
    pairs = [("stdout", "true"), ("stderr", "true")]
    pairs += [(name, "true") for name in ("stdin", "tty") if given.get(name) == ["true"]]
    pairs += [("container", value) for value in given.get("container", ())[:1] if value]
    pairs += [("command", value) for value in given.get("command", ())]
    return urlencode(pairs)
