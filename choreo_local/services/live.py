"""The data plane's side of a component: its client, its pods, its events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from choreo_local.api import labels
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import NotFoundError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.rendering import names
from choreo_local.services.cluster import Cluster
from choreo_local.services.gathering import Gatherer
from choreo_local.services.podlogs import PODS

Manifest = dict[str, Any]

EVENTS = ResourceKind("", "v1", "Event", "events")


class Planes(Protocol):
    """Plane object → the client of its cluster; `planes.PlaneClients` is one."""

    def of(self, plane: Mapping[str, Any]) -> KubeClient:
        """Raises UnreachableError when nothing connects us with the plane."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A component in an environment, as the data plane knows it."""

    client: KubeClient
    namespace: str
    selector: Mapping[str, str]

    @property
    def label_selector(self) -> str:
        """Selects the objects of the component."""
        return ",".join(f"{key}={value}" for key, value in self.selector.items())

    async def pods(self) -> list[Manifest]:
        """Its pods."""
        return await Cluster(self.client).list(PODS, self.namespace, labels=self.selector)

    async def events(self, uids: Iterable[str] | None = None) -> list[Manifest]:
        """The events of these objects, oldest first; without `uids` all of the namespace."""
        found = await Cluster(self.client).list(EVENTS, self.namespace)
        wanted = None if uids is None else set(uids)
        own = [
            event
            for event in found
            if wanted is None or (event.get("involvedObject") or {}).get("uid") in wanted
        ]
        return sorted(own, key=last_seen)


class Live:
    """Finds the data plane of a component."""

    def __init__(self, gatherer: Gatherer, planes: Planes) -> None:
        self._gatherer = gatherer
        self._planes = planes

    async def cell(self, component: Manifest, environment: str) -> Cell:
        """A component in an environment.

        Raises:
            NotFoundError: there is no such environment, or it has no data plane.
            UnreachableError: nothing connects us with the data plane.
        """
        namespace = component["metadata"]["namespace"]
        project = component["spec"]["owner"]["projectName"]
        found = await self._gatherer.known_environment(namespace, environment)
        plane = await self._gatherer.data_plane(found)
        if plane is None:
            raise NotFoundError(
                f'the data plane of environment "{environment}" does not exist',
                remedy=f"Correct spec.dataPlaneRef of environment {environment}",
            )
        return Cell(
            self.client_of(plane),
            names.cell_namespace(namespace, project, environment),
            {
                labels.NAMESPACE: namespace,
                labels.COMPONENT: component["metadata"]["name"],
                labels.ENVIRONMENT: environment,
            },
        )

    def client_of(self, plane: Manifest) -> KubeClient:
        """The client of a plane."""
        return self._planes.of(plane)


def last_seen(event: Mapping[str, Any]) -> str:
    """When an event happened last."""
    series = event.get("series") or {}
    times = (
        event.get("lastTimestamp"),
        series.get("lastObservedTime"),
        event.get("eventTime"),
        event["metadata"].get("creationTimestamp"),
    )
    return next((str(time) for time in times if time), "")
