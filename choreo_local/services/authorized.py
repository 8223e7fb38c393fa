"""The operations of every kind for one caller: authorized first, lists filtered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.errors import InternalError, NotFoundError
from choreo_local.services import guards
from choreo_local.services.access import Access
from choreo_local.services.base import Check, Manifest, Objects, Page, shown
from choreo_local.services.kinds import ServedKind


class AuthorizedObjects:
    """`Objects` as one caller may use them."""

    def __init__(self, objects: Objects, access: Access) -> None:
        self._objects = objects
        self._access = access

    async def page(
        self,
        kind: ServedKind,
        namespace: str | None = None,
        *,
        limit: int | None = None,
        cursor: str = "",
        label_selector: str = "",
        filters: Mapping[str, str] | None = None,
    ) -> Page:
        """Those of some objects of a kind that the caller may see."""
        self._check_managed(kind)
        action, around = guards.action(kind, "view"), guards.around(kind, namespace)
        if guards.is_listed_whole(kind):
            self._access.check(action, around)
        covered = guards.is_listed_whole(kind) or self._access.covers(action, around)
        try:
            return await self._objects.page(
                kind,
                namespace,
                limit=limit,
                cursor=cursor,
                label_selector=label_selector,
                filters=filters,
                keep=None if covered else lambda obj: self._access.sees(kind, obj),
            )
        except NotFoundError:
            # Whether what a filter names exists is not for everybody to know.
            if covered:
                raise
            return Page([])

    async def get(self, kind: ServedKind, name: str, namespace: str | None = None) -> Manifest:
        """One object."""
        self._check_managed(kind)
        action = guards.action(kind, "view")
        return shown(kind, await self._access.check_stored(action, kind, name, namespace))

    async def create(
        self, kind: ServedKind, body: Mapping[str, Any], namespace: str | None = None
    ) -> Manifest:
        """Create from a body."""
        self._check_managed(kind)
        self._check_body("create", kind, body, namespace)
        return await self._objects.create(kind, body, namespace)

    async def update(
        self, kind: ServedKind, name: str, body: Mapping[str, Any], namespace: str | None = None
    ) -> Manifest:
        """Replace spec, labels and annotations; allowed for what is there and what is to be."""
        self._check_managed(kind)
        action = guards.action(kind, "update")
        with self._access.untold(action, kind, name, namespace):
            return await self._objects.update(
                kind, name, body, namespace, check=self._check(action, kind)
            )

    async def delete(self, kind: ServedKind, name: str, namespace: str | None = None) -> None:
        """Delete."""
        self._check_managed(kind)
        action = guards.action(kind, "delete")
        with self._access.untold(action, kind, name, namespace):
            await self._objects.delete(kind, name, namespace, check=self._check(action, kind))

    def _check(self, action: str, kind: ServedKind) -> Check | None:
        if guards.is_placed_by_path(kind):
            return None

        def check(obj: Manifest) -> None:
            self._access.check_object(action, kind, obj)

        return check

    def _check_body(
        self, verb: str, kind: ServedKind, body: Mapping[str, Any], namespace: str | None
    ) -> None:
        action = guards.action(kind, verb)
        where = guards.by_object(kind, body, namespace=namespace)
        self._access.check(
            action, where, guards.attributes(action, kind, body, namespace=namespace)
        )

    def _check_managed(self, kind: ServedKind) -> None:
        """Roles and bindings cannot be managed through the API where nothing heeds them."""
        if guards.is_listed_whole(kind) and not self._access.decisions.enabled:
            raise InternalError("roles and bindings are not served: authorization is disabled")
