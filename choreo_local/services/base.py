"""Use cases of any one kind: page through, get, create, update, delete; errors in domain terms.

Messages and error classes are those of the OpenChoreo API, since other programs match on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from choreo_local.api import labels, rest
from choreo_local.apimachinery import selectors
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import (
    AlreadyExistsError,
    ApiError,
    BadRequestError,
    Cause,
    ConflictError,
    ExpiredError,
    InvalidError,
    NotFoundError,
)
from choreo_local.kubeclient.client import KubeClient
from choreo_local.services import kinds, paging, typedspecs, writing
from choreo_local.services.cluster import is_name
from choreo_local.services.kinds import Rule, ServedKind

Manifest = dict[str, Any]
# Raises when the caller may not do to an object what is about to be done.
Check = Callable[[Manifest], None]

# How often an update is tried again when somebody else was faster: the last writer wins.
_ATTEMPTS = 8
# How many objects are read at once where only some of them will be shown.
_FILTERED_PAGE = 500


@dataclass(frozen=True, slots=True)
class Page:
    """Some objects of a list, as the API shows them; `cursor` is "" on the last page."""

    items: list[Manifest]
    cursor: str = ""


class Objects:
    """The objects of the control plane, of whatever kind."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._plain, self._sealed = paging.Plain(), paging.Sealed()

    async def page(
        self,
        kind: ServedKind,
        namespace: str | None = None,
        *,
        limit: int | None = None,
        cursor: str = "",
        label_selector: str = "",
        filters: Mapping[str, str] | None = None,
        keep: Callable[[Manifest], bool] | None = None,
    ) -> Page:
        """Some objects of a kind.

        Args:
            kind: of the objects.
            namespace: where, for kinds that live in one.
            limit: how many at most, within the bounds of the API.
            cursor: where to go on.
            label_selector: which labels they must have.
            filters: values for the filters that the kind has.
            keep: which of them the caller may see; all when it is None.
        """
        _check_namespace(namespace)
        cursors: paging.Form = self._plain if keep is None else self._sealed
        place = cursors.decode(cursor)
        wanted = {name: value for name, value in (filters or {}).items() if value}
        await self._check_filters(kind, wanted, namespace)
        selector = _selector(kind, label_selector)
        found: list[Manifest] = []
        size = rest.page_size(limit)
        is_partial = bool(wanted) or keep is not None
        while True:
            items, following = await self._fetch(
                kind.resource,
                namespace,
                token=place.token,
                limit=_FILTERED_PAGE if is_partial else size,
                selector=selector,
            )
            for index, item in enumerate(items[place.skip :], place.skip):
                if not _matches(kind, item, wanted) or not (keep is None or keep(item)):
                    continue
                if len(found) == size:
                    return Page(found, cursors.encode(paging.Cursor(place.token, index)))
                found.append(shown(kind, item))
            if not following:
                return Page(found)
            place = paging.Cursor(following)
            if len(found) == size and not is_partial:
                # Of a part of the list only reading on can tell whether it goes on.
                return Page(found, cursors.encode(place))

    async def get(self, kind: ServedKind, name: str, namespace: str | None = None) -> Manifest:
        """One object as the API shows it."""
        return shown(kind, await self.stored(kind, name, namespace))

    async def stored(self, kind: ServedKind, name: str, namespace: str | None = None) -> Manifest:
        """One object as the cluster has it."""
        _check_namespace(namespace)
        if not is_name(name):
            raise _missing(kind)
        try:
            obj = await self._client.get(kind.resource, name, namespace)
        except NotFoundError:
            raise _missing(kind) from None
        if kind.resource == kinds.NAMESPACE and not _is_ours(obj):
            raise _missing(kind)
        return obj

    async def create(
        self, kind: ServedKind, body: Mapping[str, Any], namespace: str | None = None
    ) -> Manifest:
        """Create from a body; the object as the API shows it."""
        _check_namespace(namespace)
        obj = writing.new(kind, body, namespace=namespace)
        await self._check_references(kind, obj, namespace)
        return shown(kind, await self._created(kind, obj))

    async def create_exact(self, kind: ServedKind, obj: Manifest) -> Manifest:
        """Create an object that one of our use cases built."""
        return shown(kind, await self._created(kind, obj))

    async def update(
        self,
        kind: ServedKind,
        name: str,
        body: Mapping[str, Any],
        namespace: str | None = None,
        *,
        check: Check | None = None,
    ) -> Manifest:
        """Replace spec, labels and annotations; the object as the API shows it.

        `check` sees the object as it is and as it would be.
        """
        for _ in range(_ATTEMPTS):
            current = await self.stored(kind, name, namespace)
            if check is not None:
                check(current)
            wanted = writing.updated(kind, current, body)
            if check is not None:
                check(wanted)
            try:
                written = await self._client.update(kind.resource, wanted)
            except InvalidError as error:
                raise _refused(kind, error) from error
            except NotFoundError:
                raise _missing(kind) from None
            except ConflictError:
                continue
            return shown(kind, written)
        raise ConflictError(f"{kind.label} is being changed by others all the time")

    async def delete(
        self,
        kind: ServedKind,
        name: str,
        namespace: str | None = None,
        *,
        check: Check | None = None,
    ) -> None:
        """Delete; finalizers may keep the object for a while. `check` sees the object before."""
        found = await self.stored(kind, name, namespace)
        if check is not None:
            check(found)
        try:
            await self._client.delete(kind.resource, name, namespace)
        except NotFoundError:
            raise _missing(kind) from None

    async def _created(self, kind: ServedKind, obj: Manifest) -> Manifest:
        try:
            return await self._client.create(kind.resource, obj)
        except AlreadyExistsError as error:
            raise AlreadyExistsError(f"{kind.conflict} already exists") from error
        except InvalidError as error:
            raise _refused(kind, error) from error

    async def _fetch(
        self,
        resource: ResourceKind,
        namespace: str | None,
        *,
        token: str,
        limit: int,
        selector: str,
    ) -> tuple[list[Manifest], str]:
        query = {"limit": str(limit)}
        query |= {"continue": token} if token else {}
        query |= {"labelSelector": selector} if selector else {}
        try:
            page = await self._client.request_json("GET", resource.path(namespace), query=query)
        except (ExpiredError, BadRequestError) as error:
            raise paging.unknown() from error
        return page.get("items") or [], (page.get("metadata") or {}).get("continue") or ""

    async def _check_filters(
        self, kind: ServedKind, wanted: Mapping[str, str], namespace: str | None
    ) -> None:
        for name, value in wanted.items():
            existing = kind.filters[name].existing
            if existing is not None:
                await self.stored(kinds.BY_KIND[existing.kind], value, namespace)

    async def _check_references(
        self, kind: ServedKind, obj: Manifest, namespace: str | None
    ) -> None:
        if kind.owner is not None:
            name = _field(obj, ("spec", "owner", kind.owner.field))
            await self._check_exists(
                kind.owner.kind, name, namespace, f"Referenced {kind.owner.word} not found"
            )
        if kind.kind == "Environment":
            reference = obj["spec"]["dataPlaneRef"]
            plane = kinds.BY_KIND.get(str(reference["kind"]))
            if plane is not None and plane.kind in {"DataPlane", "ClusterDataPlane"}:
                where = namespace if plane.resource.namespaced else None
                name = str(reference["name"])
                await self._check_exists(plane.resource, name, where, "DataPlane not found")

    async def _check_exists(
        self, resource: ResourceKind, name: Any, namespace: str | None, message: str
    ) -> None:
        if not isinstance(name, str) or not is_name(name):
            raise BadRequestError(message)
        try:
            await self._client.get(resource, name, namespace)
        except NotFoundError:
            raise BadRequestError(message) from None


def shown(kind: ServedKind, obj: Mapping[str, Any]) -> Manifest:
    """An object as the API shows it."""
    metadata = rest.shown_metadata(obj["metadata"])
    if kind.resource == kinds.NAMESPACE:
        phase = (obj.get("status") or {}).get("phase")
        return {"metadata": metadata, "status": {"phase": phase} if phase else {}}
    content: Manifest = {
        "apiVersion": kind.resource.api_version,
        "kind": kind.kind,
        "metadata": metadata,
    }
    if obj.get("spec") is not None:
        content["spec"] = typedspecs.shown(kind.kind, obj["spec"])
    if Rule.NO_STATUS not in kind.rules:
        content["status"] = obj.get("status") or {}
    return content


def joined(causes: Iterable[Cause]) -> str:
    """The causes of a refusal as one message."""
    texts = [
        f"{cause.field}: {cause.message}" if cause.field else cause.message for cause in causes
    ]
    return "; ".join(texts) or "validation failed"


def _refused(kind: ServedKind, error: InvalidError) -> ApiError:
    cls = BadRequestError if Rule.REFUSED_AS_BAD in kind.rules else InvalidError
    return cls(joined(error.causes), causes=error.causes)


def _check_namespace(namespace: str | None) -> None:
    if namespace is not None and not is_name(namespace):
        raise NotFoundError("Namespace not found")


def _missing(kind: ServedKind) -> NotFoundError:
    return NotFoundError(f"{kind.label} not found")


def _selector(kind: ServedKind, text: str) -> str:
    if Rule.UNSELECTED in kind.rules:
        return ""
    try:
        selectors.parse_labels(text)
    except BadRequestError as error:
        raise BadRequestError(f"invalid label selector: {error.message}") from error
    if kind.resource != kinds.NAMESPACE:
        return text
    ours = f"{labels.CONTROL_PLANE}={labels.TRUE}"
    return f"{ours},{text}" if text else ours


def _matches(kind: ServedKind, obj: Manifest, wanted: Mapping[str, str]) -> bool:
    return all(_field(obj, kind.filters[name].path) == value for name, value in wanted.items())


def _field(obj: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        obj = obj.get(part) if isinstance(obj, Mapping) else None
    return obj


def _is_ours(namespace: Manifest) -> bool:
    found = namespace["metadata"].get("labels") or {}
    return bool(found.get(labels.CONTROL_PLANE) == labels.TRUE)
