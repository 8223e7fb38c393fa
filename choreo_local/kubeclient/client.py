"""KubeClient: the Kubernetes verbs over any transport, in JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import orjson

from choreo_local.apimachinery import status
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import ApiError, ExpiredError, UnreachableError
from choreo_local.kubeclient.discovery import Discovery
from choreo_local.kubeclient.interfaces import (
    Manifest,
    ObjectList,
    PatchType,
    Propagation,
    WatchEvent,
)
from choreo_local.kubeclient.transport import Query, Response, Transport

_JSON = {"Accept": "application/json"}
_PAGE = 500
# A Kubernetes API sends nobody elsewhere: what redirects stands in front of it.
_NOT_SERVED = 300


# A server would tell of each unknown field in a header of its own, which nobody reads here, and of
# so many that the answer cannot be read.
_UNTOLD = {"fieldValidation": "Ignore"}


class KubeClient:
    """Speaks to one Kubernetes API as one user.

    Implements Reader, Writer, StatusWriter, Watcher and Mapper. Failures are `errors.ApiError`
    (what the server said) or `errors.UnreachableError` (nothing answered).

    Args:
        transport: carries the requests.
        field_manager: name under which creates, updates and patches own their fields.
    """

    def __init__(self, transport: Transport, *, field_manager: str = "choreo") -> None:
        self.transport = transport
        self.field_manager = field_manager
        self._discovery = Discovery(self.request_json)

    async def close(self) -> None:
        """Close the connections."""
        await self.transport.close()

    async def request_json(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        body: Any = None,
        content_type: str = "application/json",
    ) -> Any:
        """Any request that is answered in JSON; raises ApiError on a failure status."""
        headers = dict(_JSON)
        payload = None
        if body is not None:
            headers["Content-Type"] = content_type
            payload = body if isinstance(body, bytes) else orjson.dumps(body)
        response = await self.transport.request(
            method, path, query=query, headers=headers, body=payload
        )
        return decode(response)

    async def resolve(self, api_version: str, kind: str) -> ResourceKind:
        """The served resource of a kind; NotFoundError when the cluster has none."""
        return await self._discovery.resolve(api_version, kind)

    async def get(
        self,
        kind: ResourceKind,
        name: str,
        namespace: str | None = None,
        *,
        subresource: str | None = None,
    ) -> Manifest:
        """One object; NotFoundError when there is none."""
        found: Manifest = await self.request_json("GET", kind.path(namespace, name, subresource))
        return found

    async def list(
        self,
        kind: ResourceKind,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> ObjectList:
        """All objects, in pages; items carry apiVersion and kind."""
        query = _selectors(label_selector, field_selector)
        try:
            return await self._pages(kind, namespace, {**query, "limit": str(_PAGE)})
        except ExpiredError:
            # The snapshot that the pages are cut from has gone meanwhile; one page needs none.
            return await self._pages(kind, namespace, query)

    async def _pages(
        self, kind: ResourceKind, namespace: str | None, query: dict[str, str]
    ) -> ObjectList:
        items: list[Manifest] = []
        while True:
            page = await self.request_json("GET", kind.path(namespace), query=query)
            for item in page.get("items") or ():
                item.setdefault("apiVersion", kind.api_version)
                item.setdefault("kind", kind.kind)
                items.append(item)
            metadata = page.get("metadata") or {}
            if not metadata.get("continue"):
                return ObjectList(items, str(metadata.get("resourceVersion", "")))
            query["continue"] = metadata["continue"]

    async def create(
        self,
        kind: ResourceKind,
        obj: Mapping[str, Any],
        *,
        dry_run: bool = False,
        subresource: str | None = None,
    ) -> Manifest:
        """Create; AlreadyExistsError when the name is taken.

        With `subresource`, POST to it (e.g. pods/binding, pods/eviction, serviceaccounts/token).
        """
        metadata = obj["metadata"]
        name = metadata["name"] if subresource else None
        path = kind.path(metadata.get("namespace"), name, subresource)
        query = {"fieldManager": self.field_manager, **_UNTOLD, **_dry_run(dry_run)}
        created: Manifest = await self.request_json("POST", path, query=query, body=obj)
        return created

    async def update(
        self, kind: ResourceKind, obj: Mapping[str, Any], *, subresource: str | None = None
    ) -> Manifest:
        """Replace; ConflictError when the resourceVersion is stale."""
        metadata = obj["metadata"]
        path = kind.path(metadata.get("namespace"), metadata["name"], subresource)
        updated: Manifest = await self.request_json(
            "PUT", path, query={"fieldManager": self.field_manager, **_UNTOLD}, body=obj
        )
        return updated

    async def update_status(self, kind: ResourceKind, obj: Mapping[str, Any]) -> Manifest:
        """Replace the status; the rest of `obj` is not taken."""
        return await self.update(kind, obj, subresource="status")

    async def apply(
        self,
        kind: ResourceKind,
        obj: Mapping[str, Any],
        *,
        field_manager: str,
        force: bool = True,
        dry_run: bool = False,
        subresource: str | None = None,
    ) -> Manifest:
        """Server-side apply of the fields in `obj` under `field_manager`."""
        metadata = obj["metadata"]
        path = kind.path(metadata.get("namespace"), metadata["name"], subresource)
        query = {
            "fieldManager": field_manager,
            "force": "true" if force else "false",
            **_dry_run(dry_run),
        }
        applied: Manifest = await self.request_json(
            "PATCH", path, query=query, body=obj, content_type=PatchType.APPLY
        )
        return applied

    async def patch(
        self,
        kind: ResourceKind,
        name: str,
        patch: Mapping[str, Any] | Sequence[Any],
        namespace: str | None = None,
        *,
        patch_type: PatchType = PatchType.MERGE,
        subresource: str | None = None,
    ) -> Manifest:
        """Change part of an object (merge patch unless told otherwise)."""
        patched: Manifest = await self.request_json(
            "PATCH",
            kind.path(namespace, name, subresource),
            query={"fieldManager": self.field_manager},
            body=patch,
            content_type=patch_type,
        )
        return patched

    async def delete(
        self,
        kind: ResourceKind,
        name: str,
        namespace: str | None = None,
        *,
        propagation: Propagation | None = None,
        uid: str | None = None,
        grace_seconds: int | None = None,
    ) -> Manifest:
        """Delete; answers the object or a Status. With `uid`, only that very object."""
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if propagation is not None:
            options["propagationPolicy"] = propagation
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        deleted: Manifest = await self.request_json(
            "DELETE", kind.path(namespace, name), body=options
        )
        return deleted

    async def watch(
        self,
        kind: ResourceKind,
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
        timeout_seconds: int | None = None,
    ) -> AsyncIterator[WatchEvent]:
        """Events after `resource_version`, until the server ends the stream.

        Raises ExpiredError (410) when the revision is too old: list again.
        """
        query = _selectors(label_selector, field_selector)
        query |= {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
        }
        if timeout_seconds is not None:
            query["timeoutSeconds"] = str(timeout_seconds)
        stream = self.transport.stream("GET", kind.path(namespace), query=query, headers=_JSON)
        async with stream as response:
            if response.status >= _NOT_SERVED:
                body = b"".join([chunk async for chunk in response.chunks()])
                raise _error(Response(response.status, body))
            async for line in _lines(response.chunks()):
                event = _event(line)
                if event.type == "ERROR":
                    raise _status_error(event.object)
                yield event


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in chunks:
        *complete, rest = (rest + chunk).split(b"\n")
        for line in complete:
            if line:
                yield line


def _event(line: bytes) -> WatchEvent:
    try:
        content = orjson.loads(line)
        event = WatchEvent(content["type"], content["object"])
        if event.type != "ERROR":
            str(event.object["metadata"]["resourceVersion"])
    except (ValueError, LookupError, TypeError) as error:
        raise _not_understood(line) from error
    return event


def decode(response: Response) -> Any:
    """The body of an answer; raises ApiError on a failure status."""
    if response.status >= _NOT_SERVED:
        raise _error(response)
    try:
        return orjson.loads(response.body) if response.body else {}
    except orjson.JSONDecodeError as error:
        raise _not_understood(response.body) from error


def _not_understood(content: bytes) -> UnreachableError:
    return UnreachableError(
        f"cannot understand what answers, it is no Kubernetes API: {content[:80]!r}",
        remedy="Look for a proxy or another program at that address",
    )


def _error(response: Response) -> ApiError:
    try:
        body = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        body = {"message": response.body.decode(errors="replace").strip()}
    return _status_error(body, code=response.status)


def _status_error(body: Any, *, code: int = 0) -> ApiError:
    """The error of a Status; what stands in the way of the server may answer in any other shape."""
    try:
        return status.to_error(body, code=code)
    except (TypeError, ValueError, AttributeError):
        return status.to_error({"message": f"the server answered {str(body)[:200]}"}, code=code)


def _selectors(label_selector: str, field_selector: str) -> dict[str, str]:
    query = {}
    if label_selector:
        query["labelSelector"] = label_selector
    if field_selector:
        query["fieldSelector"] = field_selector
    return query


def _dry_run(wanted: bool) -> dict[str, str]:  # noqa: FBT001 - private, one caller form
    return {"dryRun": "All"} if wanted else {}
