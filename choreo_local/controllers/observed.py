"""What a reconcile may look at: the caches that the watch streams keep, and what they promise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from choreo_local.controllers.applied import Applied
from choreo_local.controllers.identity import ObjectKey
from choreo_local.controllers.outcome import PlaneReference

Manifest = dict[str, Any]


class Watched(Protocol):
    """The control plane's objects as last seen; nobody may change what it returns."""

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None: ...

    def list(self, kind: str, namespace: str | None = None) -> Sequence[Manifest]: ...

    def by_index(self, kind: str, index: str, key: str) -> Sequence[Manifest]: ...


class Live(Protocol):
    """Objects of other planes that carry our tracking labels, as last seen."""

    def check(self, plane: PlaneReference) -> None:
        """Raises UnreachableError when nothing connects us with a plane."""

    async def follow(self, plane: PlaneReference, kinds: Iterable[tuple[str, str]]) -> None:
        """Know the objects of these (apiVersion, kind) from now on; returns once they are read.

        Raises UnreachableError when nothing connects us with the plane.
        """

    def of_owner(self, plane: PlaneReference, owner: str) -> Sequence[Manifest]:
        """The live objects that a RenderedRelease or a WorkflowRun, by its uid, put on a plane."""

    async def read(
        self, plane: PlaneReference, api_version: str, kind: str, namespace: str, name: str
    ) -> Manifest | None:
        """Ask the plane for one object: only its answer says that there is none."""

    async def confirm(self, plane: PlaneReference, keys: Iterable[ObjectKey]) -> None:
        """Ask the plane for those of these objects of which we are in doubt."""

    def doubt(self, plane: PlaneReference, manifests: Iterable[Mapping[str, Any]]) -> None:
        """These may have been applied or not: the answer was lost."""

    def applied(self, plane: PlaneReference) -> Mapping[ObjectKey, Applied]:
        """What this process applied to a plane, by object."""

    def record(
        self, plane: PlaneReference, written: Iterable[tuple[Mapping[str, Any], Manifest]]
    ) -> None:
        """Remember manifests that have been applied to a plane, and what the plane answered."""

    def forget(self, plane: PlaneReference, gone: ObjectKey) -> None:
        """The plane said that an object is no more."""
