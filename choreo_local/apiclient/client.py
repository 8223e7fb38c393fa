"""ApiClient: everything that CLI and TUI ask of an instance, typed.

Failures are `errors.ApiError` with causes and remedy (what the API said), `errors.RefusedError`
(possible, but must not be done as things stand) or `errors.UnreachableError` (nothing answers).
"""

from __future__ import annotations

import functools
import urllib.parse
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self, TypeVar

import orjson

from choreo_local.api import registry
from choreo_local.apiclient import transport, wire
from choreo_local.apiclient.streams import JsonLines
from choreo_local.apiclient.types import (
    Applied,
    Board,
    BoardEvent,
    BoardReplaced,
    Details,
    Diagnosis,
    EndpointUrl,
    InstanceStatus,
    LogLine,
    Ping,
    Plan,
    RowsChanged,
)
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import UnreachableError

Body = dict[str, Any]
_quote = functools.partial(urllib.parse.quote, safe="")
T = TypeVar("T")

_OURS = "/choreo/v1"
_PAGE = 100
_EVENTS: Mapping[str, type[BoardReplaced] | type[RowsChanged] | type[Ping]] = {
    "board": BoardReplaced,
    "rows": RowsChanged,
    "ping": Ping,
}
# The API says something every ten seconds; silence for three times that long means it is gone.
_SILENCE_SECONDS = 30.0


class ApiClient:
    """Speaks to the HTTP API of one instance as one user.

    Args:
        base_url: e.g. `http://127.0.0.1:8080`.
        token: bearer token; see `login.find`.
        persona: the user as whom the owner acts.
        timeout_seconds: for answers that are not streams.
        travels: how requests do.
    """

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        *,
        persona: str = "",
        timeout_seconds: float = 30,
        travels: Callable[..., transport.Transport] = transport.Pooled,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if persona:
            headers["Choreo-As"] = persona
        self._transport = travels(self.base_url, headers, timeout_seconds=timeout_seconds)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    # The instance.

    async def status(self) -> InstanceStatus:
        """Planes, capabilities, URLs, memory."""
        return _read(InstanceStatus, await self.request("GET", f"{_OURS}/status"))

    async def version(self) -> Body:
        """Name and version of the server; needs no token."""
        return _object(await self.request("GET", "/version"))

    # The board.

    async def board(self, namespace: str, *, project: str | None = None) -> Board:
        """Components × environments, as they are now."""
        path = f"{_OURS}/namespaces/{_quote(namespace)}/board"
        return _read(Board, await self.request("GET", path, query={"project": project}))

    async def watch_board(
        self, namespace: str, *, project: str | None = None
    ) -> AsyncIterator[BoardEvent]:
        """The board, then what changes, until the caller stops or the connection breaks."""
        path = f"{_OURS}/namespaces/{_quote(namespace)}/board"
        query = {"project": project, "watch": "true"}
        async with aclosing(self._lines(path, query, silence_seconds=_SILENCE_SECONDS)) as lines:
            async for line in lines:
                event = _EVENTS.get(str(line.get("type")))
                if event is not None:
                    yield _read(event, line)

    # Releases of a component.

    async def promotion_plan(
        self,
        namespace: str,
        component: str,
        *,
        to: str,
        source: str | None = None,
        release: str | None = None,
    ) -> Plan:
        """What promoting would change in environment `to`."""
        query = {"to": to, "from": source, "release": release}
        path = _component(namespace, component, "promotion")
        return _read(Plan, await self.request("GET", path, query=query))

    async def promote(
        self, namespace: str, component: str, *, to: str, release: str, expect_current: str | None
    ) -> Body:
        """Bind `release` in environment `to`; the binding.

        ConflictError when the environment's release is not `expect_current` (any more).
        """
        body = {"to": to, "release": release, "expectCurrent": expect_current}
        path = _component(namespace, component, "promotion")
        return _object(await self.request("POST", path, body=body))

    async def rollback_plan(self, namespace: str, component: str, *, environment: str) -> Plan:
        """What going back to the release before would change."""
        path = _component(namespace, component, "rollback")
        query = {"environment": environment}
        return _read(Plan, await self.request("GET", path, query=query))

    async def rollback(
        self,
        namespace: str,
        component: str,
        *,
        environment: str,
        release: str,
        expect_current: str | None,
    ) -> Body:
        """Bind the release before again; the binding."""
        path = _component(namespace, component, "rollback")
        body = {"release": release, "expectCurrent": expect_current}
        query = {"environment": environment}
        return _object(await self.request("POST", path, query=query, body=body))

    async def undeploy(self, namespace: str, component: str, *, environment: str) -> Body:
        """Take the component out of an environment and keep its binding; the binding."""
        path = _component(namespace, component, "undeploy")
        return _object(await self.request("POST", path, query={"environment": environment}))

    # Looking into a component.

    async def why(self, namespace: str, component: str, *, environment: str) -> Diagnosis:
        """Why the component is not ready there, and what to do."""
        path = _component(namespace, component, "why")
        query = {"environment": environment}
        return _read(Diagnosis, await self.request("GET", path, query=query))

    async def logs(
        self,
        namespace: str,
        component: str,
        *,
        environment: str,
        follow: bool = False,
        tail: int | None = None,
        since: str | None = None,
        previous: bool = False,
    ) -> AsyncIterator[LogLine]:
        """What the component's containers write; `since` is a duration such as `5m`."""
        query = {
            "environment": environment,
            "follow": _flag(follow),
            "tail": None if tail is None else str(tail),
            "since": since,
            "previous": _flag(previous),
        }
        silence = None if follow else _SILENCE_SECONDS
        path = _component(namespace, component, "logs")
        async with aclosing(self._lines(path, query, silence_seconds=silence)) as lines:
            async for line in lines:
                yield _read(LogLine, line)

    async def urls(
        self, namespace: str, component: str, *, environment: str, endpoint: str | None = None
    ) -> list[EndpointUrl]:
        """Where the component answers in an environment."""
        path = _component(namespace, component, "url")
        query = {"environment": environment, "endpoint": endpoint}
        found = _object(await self.request("GET", path, query=query))
        return [_read(EndpointUrl, entry) for entry in found.get("urls") or ()]

    async def details(self, namespace: str, component: str, *, environment: str) -> Details:
        """Component, binding, conditions, events, pods and releases."""
        path = _component(namespace, component, "details")
        query = {"environment": environment}
        return _read(Details, await self.request("GET", path, query=query))

    # Kinds of the OpenChoreo API (`registry.KINDS[...].resource`), and namespaces.

    async def get(self, kind: ResourceKind, name: str, namespace: str | None = None) -> Body:
        """One object; NotFoundError when there is none."""
        return _object(await self.request("GET", _path(kind, namespace, name)))

    async def list(
        self,
        kind: ResourceKind,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        filters: Mapping[str, str] | None = None,
    ) -> list[Body]:
        """All objects of a kind; `filters` as the API has them, e.g. `{"project": "shop"}`."""
        query: dict[str, str | None] = {
            **(filters or {}),
            "labelSelector": label_selector or None,
            "limit": str(_PAGE),
        }
        found: list[Body] = []
        while True:
            page = _object(await self.request("GET", _path(kind, namespace), query=query))
            found += page.get("items") or ()
            cursor = (page.get("pagination") or {}).get("nextCursor")
            if not cursor:
                return found
            query["cursor"] = str(cursor)

    async def create(self, kind: ResourceKind, obj: Mapping[str, Any]) -> Body:
        """Create; AlreadyExistsError when the name is taken."""
        path = _path(kind, obj["metadata"].get("namespace"))
        return _object(await self.request("POST", path, body=obj))

    async def update(self, kind: ResourceKind, obj: Mapping[str, Any]) -> Body:
        """Replace spec, labels and annotations."""
        path = _path(kind, obj["metadata"].get("namespace"), obj["metadata"]["name"])
        return _object(await self.request("PUT", path, body=obj))

    async def apply(
        self,
        kind: ResourceKind,
        manifest: Mapping[str, Any],
        namespace: str | None = None,
        *,
        dry_run: bool = False,
    ) -> Applied:
        """Make an object, or change the fields that the manifest has; others keep theirs.

        With `dry_run` nothing is stored, but everything is checked.
        """
        path = f"{_path(kind, namespace, manifest['metadata']['name'], root=_OURS)}/apply"
        query = {"dryRun": _flag(dry_run)}
        return _read(Applied, await self.request("POST", path, query=query, body=manifest))

    async def events(
        self, kind: ResourceKind, name: str, namespace: str | None = None
    ) -> Sequence[Body]:
        """The events about an object, oldest first."""
        path = f"{_path(kind, namespace, name, root=_OURS)}/events"
        return _object(await self.request("GET", path)).get("events") or ()

    async def delete(self, kind: ResourceKind, name: str, namespace: str | None = None) -> None:
        """Delete; NotFoundError when there is none."""
        await self.request("DELETE", _path(kind, namespace, name))

    async def generate_release(
        self, namespace: str, component: str, *, release: str | None = None
    ) -> Body:
        """Freeze the component as it is now; the ComponentRelease."""
        path = f"{_path(registry.COMPONENT, namespace, component)}/generate-release"
        body = {"releaseName": release} if release else {}
        return _object(await self.request("POST", path, body=body))

    # Runs of workflows.

    async def workflow_run_status(self, namespace: str, run: str) -> Body:
        """How far a run is: its `status` and its steps."""
        path = _path(registry.WORKFLOW_RUN, namespace, run)
        return _object(await self.request("GET", f"{path}/status"))

    async def workflow_run_logs(self, namespace: str, run: str) -> Sequence[Body]:
        """What the steps of a run wrote; NotFoundError while none has begun."""
        path = _path(registry.WORKFLOW_RUN, namespace, run)
        return await self.request("GET", f"{path}/logs") or ()

    # Permissions.

    async def profile(self, scope: Mapping[str, str] | None = None) -> Body:
        """Who the API takes us for, and what we may do within and around a scope."""
        return _object(await self.request("GET", "/api/v1/authz/profile", query=scope))

    async def explain(self, action: str, question: Mapping[str, str]) -> Body:
        """Whether an action is allowed, and why.

        `question` holds the levels of the scope, attributes for conditions, and with `as` somebody
        else than us.
        """
        query = {"action": action, **question}
        return _object(await self.request("GET", f"{_OURS}/authz/explanation", query=query))

    # How requests travel.

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | None] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        """The content of an answer; for paths that have no method of their own here."""
        content = await self._transport.request(
            transport.Call(method, transport.target(path, query), body)
        )
        if not content:
            return {}
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError as error:
            raise UnreachableError(f"cannot read the answer of {self.base_url}: {error}") from error

    def _lines(
        self, path: str, query: Mapping[str, str | None], *, silence_seconds: float | None
    ) -> JsonLines:
        target = transport.target(path, query)
        call = transport.Call("GET", target, silence_seconds=silence_seconds)
        return JsonLines(self._transport.stream(call))


def _component(namespace: str, component: str, what: str) -> str:
    return f"{_OURS}/namespaces/{_quote(namespace)}/components/{_quote(component)}/{what}"


def _path(
    kind: ResourceKind, namespace: str | None, name: str | None = None, *, root: str = "/api/v1"
) -> str:
    parts = [root]
    if kind.namespaced:
        if not namespace:
            raise ValueError(f"{kind.kind} needs a namespace")
        parts += ["namespaces", _quote(namespace)]
    parts.append(kind.plural)
    if name is not None:
        parts.append(_quote(name))
    return "/".join(parts)


def _flag(value: bool) -> str | None:  # noqa: FBT001 - private, one caller form
    return "true" if value else None


def _object(content: Any) -> Body:
    if not isinstance(content, dict):
        raise UnreachableError("cannot read the answer of the API: it is not an object")
    return content


def _read(cls: type[T], content: Any) -> T:
    try:
        return wire.from_json(cls, content)
    except wire.WireError as error:
        raise UnreachableError(
            f"cannot read the answer of the API: {error}",
            remedy="Use the same version of choreo as the instance: choreo version",
        ) from error
