"""The plane objects of the control plane, and which certificates they trust.

Followed from the first agent on: a platform without remote planes pays nothing for it.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from cryptography import x509

from choreo_local.api import registry
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.clustergateway import trust
from choreo_local.clustergateway.trust import Presented
from choreo_local.errors import ApiError, UnreachableError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.watcher import Informer
from choreo_local.tasks import TaskGroup
from choreo_local.tunnel import planes

Manifest = Mapping[str, Any]
# Told which plane object changed: its plane type, its id and its key.
OnChange = Callable[[str, str, str], None]

_KINDS = (
    registry.DATA_PLANE,
    registry.CLUSTER_DATA_PLANE,
    registry.WORKFLOW_PLANE,
    registry.CLUSTER_WORKFLOW_PLANE,
    registry.OBSERVABILITY_PLANE,
    registry.CLUSTER_OBSERVABILITY_PLANE,
)
_SECRET = ResourceKind("", "v1", "Secret", "secrets")
_LIST_SECONDS = 10.0
_SECRET_SECONDS = 5.0


class UnknownTrustError(UnreachableError):
    """What a plane object trusts cannot be read at the moment."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the plane objects say of a certificate.

    Attributes:
        accepted: keys of those that trust it.
        objections: key → why not.
        hints: key → which other plane object would; not for whoever dialled in.
    """

    accepted: frozenset[str]
    objections: Mapping[str, str]
    hints: Mapping[str, str]

    @property
    def reason(self) -> str:
        """Why nobody accepts it, in one line."""
        if not self.objections:
            return "no plane object has this plane ID"
        return "; ".join(sorted(set(self.objections.values())))

    def explained(self) -> dict[str, str]:
        """The objections with their hints."""
        return {key: why + self.hints.get(key, "") for key, why in self.objections.items()}


class PlaneDirectory:
    """Follows the plane objects.

    Args:
        client: the control plane, for this loop.
        on_change: told of every plane object that was added, changed in its spec, or removed.
    """

    def __init__(self, client: KubeClient, *, on_change: OnChange) -> None:
        self._client = client
        self._on_change = on_change
        self._informers: list[Informer] = []
        self._tasks = TaskGroup("plane-objects")
        # Counts the changes: what was judged before the last one does not hold.
        self.revision = 0

    async def ready(self) -> None:
        """Return once all plane objects are known; UnreachableError when that takes too long."""
        if not self._informers:
            for kind in _KINDS:
                informer = Informer(self._client, kind, on_change=self._changed)
                self._informers.append(informer)
                self._tasks.start(informer.run(), name=kind.plural)
        try:
            async with asyncio.timeout(_LIST_SECONDS):
                for informer in self._informers:
                    await informer.synced.wait()
        except TimeoutError:
            raise UnreachableError("cannot read the plane objects of the control plane") from None

    async def stop(self) -> None:
        """End all watches."""
        await self._tasks.stop()

    def of_plane(self, plane: str, plane_id: str) -> list[Manifest]:
        """The plane objects with an id."""
        return [
            obj
            for informer in self._informers
            if planes.plane_type(informer.kind.kind) == plane
            for obj in informer.list()
            if planes.plane_id(obj) == plane_id
        ]

    def find(self, plane: str, plane_id: str, resource: str) -> Manifest | None:
        """The plane object of a key, if it has that id."""
        found = self.of_plane(plane, plane_id)
        return next((each for each in found if planes.resource_key(each) == resource), None)

    async def judge(
        self, presented: Presented, *, plane: str, plane_id: str, now: datetime
    ) -> Verdict:
        """Which plane objects of an id trust a certificate; true until the caller waits again."""
        await self.ready()
        while True:
            revision = self.revision
            verdict = await self._judged(presented, self.of_plane(plane, plane_id), now)
            if revision == self.revision:
                return verdict

    async def _judged(
        self, presented: Presented, found: Sequence[Manifest], now: datetime
    ) -> Verdict:
        accepted, objections, hints = set(), {}, {}
        for obj in found:
            key = planes.resource_key(obj)
            why = await self._objection(obj, presented, now)
            if why:
                objections[key] = why
                hints[key] = self._hint(obj, presented, now)
            else:
                accepted.add(key)
        return Verdict(frozenset(accepted), objections, hints)

    async def objection(self, obj: Manifest, presented: Presented, *, now: datetime) -> str:
        """Why a plane object does not trust a certificate, "" when it does.

        Raises UnknownTrustError when what it trusts cannot be read.
        """
        return trust.objection(presented, await self.trusted(obj), now=now)

    async def _objection(self, obj: Manifest, presented: Presented, now: datetime) -> str:
        try:
            return await self.objection(obj, presented, now=now)
        except UnknownTrustError as error:
            return error.message

    def _hint(self, obj: Manifest, presented: Presented, now: datetime) -> str:
        """Another plane whose certificates vouch for it: the commonest mistake."""
        for informer in self._informers:
            for other in informer.list():
                value = _inline(other)
                if other is obj or not value:
                    continue
                if not trust.objection(presented, trust.authorities(value), now=now):
                    name = planes.resource_key(other).lstrip("/")
                    return f"; {other['kind']} {name} would accept it"
        return ""

    async def trusted(self, obj: Manifest) -> Sequence[x509.Certificate]:
        """The certificates that a plane object trusts."""
        value = _inline(obj)
        if value:
            return trust.authorities(value)
        reference = ((_agent(obj)).get("clientCA") or {}).get("secretKeyRef")
        if not reference:
            return []
        return trust.authorities(await self._secret(obj, reference))

    async def _secret(self, obj: Manifest, reference: Manifest) -> str:
        namespace = reference.get("namespace") or obj["metadata"].get("namespace") or "default"
        name, key = reference["name"], reference["key"]
        try:
            async with asyncio.timeout(_SECRET_SECONDS):
                secret = await self._client.get(_SECRET, name, namespace)
        except (ApiError, UnreachableError, TimeoutError) as error:
            raise UnknownTrustError(f"cannot read Secret {namespace}/{name}: {error}") from error
        return _text_of(secret, key)

    def _changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if old is not None and new is not None and _spoken(old) == _spoken(new):
            return
        self.revision += 1
        seen = {planes.plane_id(obj) for obj in (old, new) if obj is not None}
        obj = new or old
        assert obj is not None
        for plane_id in seen:
            self._on_change(planes.plane_type(obj["kind"]), plane_id, planes.resource_key(obj))


def _text_of(secret: Manifest, key: str) -> str:
    """One value of a Secret; "" when it is not there or no text."""
    try:
        return base64.b64decode((secret.get("data") or {}).get(key) or "").decode()
    except (binascii.Error, ValueError):
        return ""


def _spoken(obj: Manifest) -> bytes:
    metadata = obj["metadata"]
    content = (metadata.get("uid"), metadata.get("deletionTimestamp"), obj.get("spec"))
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def _agent(obj: Manifest) -> Manifest:
    found: Manifest = (obj.get("spec") or {}).get("clusterAgent") or {}
    return found


def _inline(obj: Manifest) -> str:
    return str((_agent(obj).get("clientCA") or {}).get("value") or "")
