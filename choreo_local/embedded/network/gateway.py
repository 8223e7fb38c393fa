"""The gateway controller: Gateway API objects and endpoints → data path and statuses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Container, Mapping
from datetime import datetime
from typing import Any

from choreo_local import clock
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.network import (
    backends,
    gateway_events,
    gateway_status,
    kinds,
    policy_status,
    routes,
)
from choreo_local.embedded.network.datapath import Addresses, DataPath
from choreo_local.embedded.network.references import ObjectKey, World
from choreo_local.embedded.network.routes import Built
from choreo_local.embedded.network.slices import SlicesByService
from choreo_local.embedded.network.sources import InformerSource, Sources
from choreo_local.embedded.network.table import Backend, Endpoint, RouteTable
from choreo_local.errors import ApiError, ConflictError, NotFoundError, UnreachableError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.interfaces import Manifest
from choreo_local.tasks import TaskGroup

logger = logging.getLogger(__name__)

# An object, and what was told of it.
_Told = tuple[Mapping[str, Any], str]

CONTROLLER_NAME = "choreo.dev/gateway-controller"

_ROUTE_KINDS = (kinds.HTTP_ROUTES, kinds.GRPC_ROUTES, kinds.TLS_ROUTES)
_POLICY_KINDS = (
    kinds.TRAFFIC_POLICIES,
    kinds.SECURITY_POLICIES,
    kinds.BACKEND_TRAFFIC_POLICIES,
)
_OBJECT_KINDS = (
    kinds.GATEWAY_CLASSES,
    kinds.GATEWAYS,
    *_ROUTE_KINDS,
    kinds.TLS_ROUTES_ALPHA,
    kinds.REFERENCE_GRANTS,
    *_POLICY_KINDS,
    kinds.GATEWAY_EXTENSIONS,
    kinds.HTTP_ROUTE_FILTERS,
    kinds.SERVICES,
    kinds.NAMESPACES,
    kinds.CONFIG_MAPS,
    kinds.SECRETS,
)
# One apply often changes several objects; waiting this long takes them together.
_DEBOUNCE_SECONDS = 0.003
_RETRY_SECONDS = 0.5
_LONGEST_RETRY_SECONDS = 15.0
_CONFLICT_SECONDS = 0.02


class GatewayController:
    """Programs a data path with what the Gateways of our classes say.

    Args:
        client: writes statuses.
        informers: shared with the rest of the cluster.
        path: Envoy or the proxy of this process; started and stopped by this class.
        addresses: what statuses say about where listeners are reached.
    """

    def __init__(
        self,
        client: KubeClient,
        informers: InformerSource,
        path: DataPath,
        addresses: Addresses,
        *,
        controller_name: str = CONTROLLER_NAME,
    ) -> None:
        self._client = client
        self._path = path
        self._addresses = addresses
        self._controller_name = controller_name
        self._tasks = TaskGroup("gateway")
        self._sources = Sources(client, informers, _OBJECT_KINDS, self._object_changed)
        self._slices: SlicesByService | None = None
        self._informers = informers
        self._services = informers.of(kinds.SERVICES)
        self._backends_of: dict[ObjectKey, set[Backend]] = {}
        self._endpoints: dict[Backend, tuple[Endpoint, ...]] = {}
        self._changed_services: set[ObjectKey] = set()
        self._watched: frozenset[tuple[str, str, str]] = frozenset()
        # What was told of objects that are refused, by their uid.
        self._told: dict[str, str] = {}
        self._ports: list[int] = []
        self._told_failures: dict[int, str] = {}
        self._rebuild = False
        self._wake = asyncio.Event()

    async def start(self) -> None:
        """Start the data path and follow the cluster."""
        await self._path.start()
        slices = self._informers.of(kinds.ENDPOINT_SLICES)
        self._slices = SlicesByService(slices, self._slice_changed)
        self._tasks.start(self._sources.run(), name="kinds")
        self._tasks.start(self._run(), name="routes")
        self._tasks.start(self._watch_ports(), name="ports")

    async def stop(self) -> None:
        """Stop following and end the data path."""
        await self._tasks.stop()
        await self._path.stop()

    def _object_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if _matters(new or old or {}, self._watched) and _differs(old, new):
            self._rebuild = True
            self._wake.set()

    def _slice_changed(self, namespace: str, service: str) -> None:
        self._changed_services.add((namespace, service))
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._rebuild:
                await asyncio.sleep(_DEBOUNCE_SECONDS)
                if not self._is_synced():
                    # An empty first list tells nobody; look again shortly.
                    self._wake.set()
                    continue
            try:
                await self._look()
            except (ApiError, UnreachableError, OSError) as error:
                logger.warning("Gateway not programmed error=%s", error)
                self._rebuild = True
                await asyncio.sleep(_RETRY_SECONDS)
                self._wake.set()

    def _is_synced(self) -> bool:
        slices = self._slices
        return self._sources.synced and slices is not None and slices.synced.is_set()

    async def _look(self) -> None:
        changed, self._changed_services = self._changed_services, set()
        if self._rebuild:
            self._rebuild = False
            built = routes.build(self._world())
            self._watched = built.watched
            await self._program(built.table)
            self._ports = [port.port for port in built.table.ports]
            self._told_failures = self._failures()
            await self._write_statuses(built)
            return
        moved: dict[Backend, tuple[Endpoint, ...]] = {}
        for key in changed:
            for backend in self._backends_of.get(key, ()):
                found = self._endpoints_of(backend)
                if found != self._endpoints.get(backend):
                    self._endpoints[backend] = moved[backend] = found
        if moved:
            await self._path.update(moved)

    async def _watch_ports(self) -> None:
        """Tell when ports are not served any more, or again; try those that are not."""
        delay = _RETRY_SECONDS
        while True:
            await asyncio.sleep(delay)
            failures = self._failures()
            if failures or failures != self._told_failures:
                self._rebuild = True
                self._wake.set()
            delay = min(2 * delay, _LONGEST_RETRY_SECONDS) if failures else _RETRY_SECONDS

    def _failures(self) -> dict[int, str]:
        found = {port: self._path.failure(port) for port in self._ports}
        return {port: reason for port, reason in found.items() if reason}

    def _world(self) -> World:
        found = self._sources.list
        route_objects: dict[tuple[str, ...], Manifest] = {}
        for kind in (*_ROUTE_KINDS, kinds.TLS_ROUTES_ALPHA):
            for each in found(kind):
                # The same TLSRoute may be served in two versions.
                route_objects.setdefault((each["kind"], *_key(each)), each)
        return World(
            controller_name=self._controller_name,
            classes=found(kinds.GATEWAY_CLASSES),
            gateways=found(kinds.GATEWAYS),
            routes=list(route_objects.values()),
            grants=found(kinds.REFERENCE_GRANTS),
            services={_key(each): each for each in found(kinds.SERVICES)},
            namespaces={
                each["metadata"]["name"]: each["metadata"].get("labels") or {}
                for each in found(kinds.NAMESPACES)
            },
            secrets={_key(each): each for each in found(kinds.SECRETS)},
            policies=[each for kind in _POLICY_KINDS for each in found(kind)],
            extensions={_key(each): each for each in found(kinds.GATEWAY_EXTENSIONS)},
            route_filters={_key(each): each for each in found(kinds.HTTP_ROUTE_FILTERS)},
            config_maps={_key(each): each for each in found(kinds.CONFIG_MAPS)},
            enforced=self._path.enforces,
        )

    async def _program(self, table: RouteTable) -> None:
        used = table.backends()
        self._endpoints = {backend: self._endpoints_of(backend) for backend in used}
        self._backends_of = {}
        for backend in used:
            key = (backend.key.namespace, backend.key.service)
            self._backends_of.setdefault(key, set()).add(backend)
        await self._path.apply(table, self._endpoints)

    def _endpoints_of(self, backend: Backend) -> tuple[Endpoint, ...]:
        key = backend.key
        service = self._services.get(key.service, key.namespace)
        port = backends.service_port(service, key.port) if service else None
        if port is None or self._slices is None:
            return ()
        return backends.endpoints(port, self._slices.get(key.namespace, key.service))

    async def _write_statuses(self, built: Built) -> None:
        now = clock.now()
        refusals = self._path.refusals()
        told: dict[str, _Told] = {}
        for class_ in self._sources.list(kinds.GATEWAY_CLASSES):
            if class_["spec"].get("controllerName") == self._controller_name:
                status = gateway_status.class_status(class_, now)
                await self._write(kinds.GATEWAY_CLASSES, class_, status)
        for gateway, found in built.gateways:
            status = gateway_status.gateway_status(
                gateway,
                found,
                addresses=self._addresses.hosts,
                failure=self._path.failure,
                refused=refusals.hosts,
                now=now,
            )
            await self._write(kinds.GATEWAYS, gateway, status)
        for route, parents in built.parents:
            refused = gateway_status.refused_of(route, parents, refusals)
            status = gateway_status.route_status(
                route, parents, controller_name=self._controller_name, refused=refused, now=now
            )
            if problem := gateway_status.refused_rules(refused):
                told[route["metadata"]["uid"]] = (route, problem.message)
            # A route without any parent of ours never gets a status from here.
            if status.get("parents") or (route.get("status") or {}).get("parents"):
                await self._write(_route_kind(route), route, status)
        for attachment in built.policies:
            status = policy_status.policy_status(
                attachment, controller_name=self._controller_name, now=now
            )
            if status["ancestors"] or attachment.policy.get("status"):
                kind = next(each for each in _POLICY_KINDS if each.kind == attachment.kind)
                await self._write(kind, attachment.policy, status)
        await self._tell(told, now)

    async def _tell(self, told: Mapping[str, _Told], now: datetime) -> None:
        """Record what is refused of objects, once for each reason."""
        before, self._told = self._told, {uid: words for uid, (_, words) in told.items()}
        for uid, (obj, words) in told.items():
            if before.get(uid) == words:
                continue
            try:
                await self._client.create(kinds.EVENTS, gateway_events.refused(obj, words, now))
            except ApiError as error:
                logger.debug("Event not written error=%s", error)

    async def _write(
        self, kind: ResourceKind, obj: Mapping[str, Any], status: dict[str, Any]
    ) -> None:
        if status == (obj.get("status") or {}):
            return
        try:
            await self._client.update_status(kind, {**obj, "status": status})
        except NotFoundError:
            return
        except ConflictError:
            # The newer state is on its way to the cache.
            self._rebuild = True
            asyncio.get_running_loop().call_later(_CONFLICT_SECONDS, self._wake.set)


def _key(obj: Mapping[str, Any]) -> ObjectKey:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _matters(obj: Manifest, watched: Container[tuple[str, str, str]]) -> bool:
    """Of Secrets and ConfigMaps only certificates and what policies depend on."""
    if obj.get("kind") not in ("Secret", "ConfigMap"):
        return True
    return obj.get("type") == "kubernetes.io/tls" or (obj["kind"], *_key(obj)) in watched


def _differs(old: Manifest | None, new: Manifest | None) -> bool:
    """Whether a change is more than a status; statuses are mostly our own."""
    if old is None or new is None:
        return True
    return _content(old) != _content(new)


def _content(obj: Manifest) -> dict[str, Any]:
    metadata = obj["metadata"]
    rest = {key: value for key, value in obj.items() if key not in ("metadata", "status")}
    return {**rest, "labels": metadata.get("labels"), "deleted": metadata.get("deletionTimestamp")}


def _route_kind(route: Mapping[str, Any]) -> ResourceKind:
    for kind in (*_ROUTE_KINDS, kinds.TLS_ROUTES_ALPHA):
        if (kind.api_version, kind.kind) == (route["apiVersion"], route["kind"]):
            return kind
    raise ValueError(f"{route['kind']} is not a route")
