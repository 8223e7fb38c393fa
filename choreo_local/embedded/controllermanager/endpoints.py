"""The loop that keeps EndpointSlices and Endpoints of Services."""

from __future__ import annotations

from choreo_local.embedded.controllermanager import endpoints_plan, kinds
from choreo_local.embedded.controllermanager.informers import (
    Index,
    ObjectKey,
    SharedInformers,
    key_of,
)
from choreo_local.embedded.controllermanager.loop import Loop
from choreo_local.embedded.controllermanager.objects import Objects
from choreo_local.embedded.controllermanager.plans import Manifest
from choreo_local.embedded.controllermanager.selectors import equality
from choreo_local.tasks import TaskGroup

_ZONE = "topology.kubernetes.io/zone"


class EndpointsLoop:
    """Follows Services, Pods and Nodes."""

    component = "endpoint-slice-controller"

    def __init__(self, informers: SharedInformers, objects: Objects) -> None:
        self._objects = objects
        self._services = informers.of(kinds.SERVICES)
        self._pods = informers.of(kinds.PODS)
        self._nodes = informers.of(kinds.NODES)
        self._endpoints = informers.of(kinds.ENDPOINTS)
        slices = informers.of(kinds.ENDPOINT_SLICES)
        self._services_by_namespace = Index(self._services, _namespace)
        self._pods_by_namespace = Index(self._pods, _namespace)
        self._slices_by_service = Index(slices, _service_of_slice)
        self._loop = Loop("endpoints", self._look)
        self._services.add_callback(self._service_changed)
        self._pods.add_callback(self._pod_changed)
        self._nodes.add_callback(self._node_changed)
        self._endpoints.add_callback(self._endpoints_changed)
        slices.add_callback(self._slice_changed)

    def start(self, tasks: TaskGroup) -> None:
        """Begin to work."""
        self._loop.start(tasks)

    def _service_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        self._loop.queue.add(key_of(dict(new or old or {})))

    def _pod_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        known = [each for each in (old, new) if each is not None]
        labels = [each["metadata"].get("labels") or {} for each in known]
        for service in self._services_by_namespace.get(known[0]["metadata"]["namespace"]):
            selector = service["spec"].get("selector")
            if selector and any(equality(selector).matches(each) for each in labels):
                self._loop.queue.add(key_of(service))

    def _node_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if old is None or new is None or _zone(old) != _zone(new):
            for service in self._services.list():
                self._loop.queue.add(key_of(service))

    def _endpoints_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if old is not None:
            self._loop.queue.add(key_of(dict(old)))

    def _slice_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if old is not None:
            for key in _service_of_slice(dict(old)):
                self._loop.queue.add(key)

    async def _look(self, key: ObjectKey) -> float | None:
        service = self._services.get(key[1], key[0])
        endpoints = self._endpoints.get(key[1], key[0])
        if service is None:
            # Slices have an owner reference; the older kind has none and is removed here.
            if endpoints is not None and _is_ours(endpoints):
                await self._objects.delete(kinds.ENDPOINTS, endpoints)
            return None
        if not endpoints_plan.has_endpoints(service):
            return None
        selector = equality(service["spec"]["selector"])
        observed = endpoints_plan.Observed(
            service=service,
            pods=[
                pod
                for pod in self._pods_by_namespace.get(key[0])
                if selector.matches(pod["metadata"].get("labels") or {})
            ],
            slices=self._slices_by_service.get(key),
            endpoints=endpoints,
            zones={node["metadata"]["name"]: _zone(node) for node in self._nodes.list()},
        )
        return await self._objects.carry_out(endpoints_plan.plan(observed))


def _namespace(obj: Manifest) -> list[str]:
    return [obj["metadata"]["namespace"]]


def _service_of_slice(obj: Manifest) -> list[ObjectKey]:
    labels = obj["metadata"].get("labels") or {}
    if labels.get(endpoints_plan.MANAGED_BY) != endpoints_plan.SLICE_CONTROLLER:
        return []
    name = labels.get(endpoints_plan.SERVICE_NAME)
    return [(obj["metadata"]["namespace"], name)] if name else []


def _is_ours(endpoints: Manifest) -> bool:
    labels = endpoints["metadata"].get("labels") or {}
    return bool(
        labels.get(endpoints_plan.ENDPOINTS_MANAGED_BY) == endpoints_plan.ENDPOINTS_CONTROLLER
    )


def _zone(node: Manifest) -> str:
    return str((node["metadata"].get("labels") or {}).get(_ZONE, ""))
