"""Apply a manifest for one caller: make the object, or change the fields that the manifest has.

What others set in other fields stays (server-side apply), unlike with the API's own update, which
replaces the whole. References need not exist yet: manifests come in any order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from choreo_local.errors import (
    AlreadyExistsError,
    BadRequestError,
    ConflictError,
    ForbiddenError,
    InternalError,
    NotFoundError,
)
from choreo_local.kubeclient.client import KubeClient
from choreo_local.services import guards, kinds, writing
from choreo_local.services.access import Access
from choreo_local.services.base import Manifest, Objects, shown
from choreo_local.services.cluster import is_name
from choreo_local.services.kinds import Rule, ServedKind

# Whoever else writes the same objects sees under this name which fields came from manifests.
MANAGER = "choreo-cli"
_ATTEMPTS = 8
_UNTYPED = "failed to create typed patch object"
_BOOKKEEPING = frozenset({"managedFields", "resourceVersion", "generation"})


class Result(StrEnum):
    """What became of an object."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Applied:
    """An object that was applied, as the API shows it."""

    result: Result
    obj: Manifest


class Applying:
    """The use case of applying a manifest."""

    def __init__(self, client: KubeClient, objects: Objects) -> None:
        self._client = client
        self._objects = objects

    async def apply(
        self,
        access: Access,
        kind: ServedKind,
        body: Mapping[str, Any],
        namespace: str | None = None,
        *,
        dry_run: bool = False,
    ) -> Applied:
        """Make or change the object that `body` names; with `dry_run` only say what would be.

        ForbiddenError unless the caller may create it, or, where it exists, update it as it is and
        as it would be. BadRequestError where it exists, differs, and is of a kind that never does.
        """
        _check_names(body, namespace)
        if guards.is_listed_whole(kind) and not access.decisions.enabled:
            raise InternalError("roles and bindings are not served: authorization is disabled")
        for _ in range(_ATTEMPTS):
            current = await self._current(access, kind, body, namespace)
            try:
                if kind.resource == kinds.NAMESPACE:
                    return await self._apply_namespace(kind, current, body, dry_run=dry_run)
                return await self._apply(
                    access, kind, current, writing.applied(kind, current, body, namespace), dry_run
                )
            except AlreadyExistsError:
                raise
            except ConflictError:
                continue
        raise ConflictError(f"{kind.label} is being changed by others all the time")

    async def _current(
        self, access: Access, kind: ServedKind, body: Mapping[str, Any], namespace: str | None
    ) -> Manifest | None:
        """The object as it is, if the caller may change it; None when they may make it."""
        name = (body.get("metadata") or {}).get("name") or ""
        create = guards.action(kind, "create")
        place = guards.by_object(kind, body, namespace=namespace)
        seen = guards.attributes(create, kind, body, namespace=namespace)
        try:
            if access.allows(create, place, seen):
                found = await self._objects.stored(kind, name, namespace)
            else:
                view = guards.action(kind, "view")
                found = await access.check_stored(view, kind, name, namespace)
        except (ForbiddenError, NotFoundError):
            # Whoever may not see the object is told the same whether it exists or not.
            access.check(create, place, seen)
            return None
        # There is no action to update what never changes: who may see it may say it again.
        verb = "view" if Rule.IMMUTABLE in kind.rules else "update"
        access.check_object(guards.action(kind, verb), kind, found)
        return found

    async def _apply(
        self,
        access: Access,
        kind: ServedKind,
        current: Manifest | None,
        wanted: Manifest,
        dry_run: bool,  # noqa: FBT001 - private, one caller
    ) -> Applied:
        planned = await self._send(kind, wanted, dry_run=True)
        if current is not None and Rule.IMMUTABLE in kind.rules:
            _check_same(kind, current, planned)
            return Applied(Result.UNCHANGED, shown(kind, current))
        verb = "create" if current is None else "update"
        access.check_object(guards.action(kind, verb), kind, planned)
        if dry_run:
            return Applied(_planned(current, planned), shown(kind, planned))
        if current is not None:
            revision = {"resourceVersion": current["metadata"]["resourceVersion"]}
            wanted = {**wanted, "metadata": {**wanted["metadata"], **revision}}
        written = await self._send(kind, wanted, dry_run=False)
        return Applied(_result(current, written), shown(kind, written))

    async def _send(self, kind: ServedKind, wanted: Manifest, *, dry_run: bool) -> Manifest:
        try:
            return await self._client.apply(
                kind.resource, wanted, field_manager=MANAGER, dry_run=dry_run
            )
        except InternalError as error:
            # The cluster takes fields that the schema does not know for its own failure.
            _, is_untyped, problems = error.message.partition(_UNTYPED)
            if not is_untyped:
                raise
            words = problems.partition("): ")[2] or problems
            raise BadRequestError(
                f"{kind.label} does not fit its schema: {words}",
                remedy="Correct the fields of the manifest",
            ) from error

    async def _apply_namespace(
        self,
        kind: ServedKind,
        current: Manifest | None,
        body: Mapping[str, Any],
        *,
        dry_run: bool,
    ) -> Applied:
        """A namespace is everybody's: the API changes nothing but how it is described."""
        if current is None:
            wanted = writing.new(kind, body, namespace=None)
            created = await self._client.create(kind.resource, wanted, dry_run=dry_run)
            return Applied(Result.CREATED, shown(kind, created))
        _check_labels(current, body)
        wanted = writing.updated(kind, current, body)
        if wanted["metadata"]["annotations"] == (current["metadata"].get("annotations") or {}):
            return Applied(Result.UNCHANGED, shown(kind, current))
        written = wanted if dry_run else await self._client.update(kind.resource, wanted)
        return Applied(Result.CONFIGURED, shown(kind, written))


def _check_labels(current: Manifest, body: Mapping[str, Any]) -> None:
    has = current["metadata"].get("labels") or {}
    for name, value in ((body.get("metadata") or {}).get("labels") or {}).items():
        if has.get(name) != value:
            raise BadRequestError(
                f"the label {name} of a namespace that exists cannot be changed here",
                remedy="Change it with kubectl, or leave it out of the manifest",
            )


def _check_same(kind: ServedKind, current: Manifest, planned: Manifest) -> None:
    if _content(current) != _content(planned):
        name = current["metadata"]["name"]
        raise BadRequestError(
            f'{kind.label} "{name}" cannot be changed once it is made',
            remedy="Make another one, with a name of its own",
        )


def _check_names(body: Mapping[str, Any], namespace: str | None) -> None:
    """What cannot be part of a path is not looked for."""
    if namespace is not None and not is_name(namespace):
        raise NotFoundError("Namespace not found")
    name = (body.get("metadata") or {}).get("name") or ""
    if not is_name(name):
        problem = f'"{name}" cannot be a name' if name else "is required"
        raise BadRequestError(f"metadata.name {problem}")


def _result(current: Manifest | None, written: Manifest) -> Result:
    if current is None:
        return Result.CREATED
    if current["metadata"]["resourceVersion"] == written["metadata"]["resourceVersion"]:
        return Result.UNCHANGED
    return Result.CONFIGURED


def _planned(current: Manifest | None, planned: Manifest) -> Result:
    """`_result` of a dry run, which leaves the revision as it is."""
    if current is None:
        return Result.CREATED
    is_same = _content(current) == _content(planned)
    return Result.UNCHANGED if is_same else Result.CONFIGURED


def _content(obj: Manifest) -> Manifest:
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _BOOKKEEPING}
    return {**obj, "metadata": metadata}
