"""Look into a component in an environment: why it is not ready, and all its details."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from choreo_local.api import registry
from choreo_local.apiclient.types import (
    Details,
    Diagnosis,
    EndpointUrl,
    EventLine,
    PodLine,
    ReleaseLine,
)
from choreo_local.apimachinery import gvk
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import ApiError, NotFoundError, UnreachableError
from choreo_local.rendering import names
from choreo_local.services import (
    diagnosis,
    history,
    kinds,
    live,
    podlogs,
    pods,
    routing,
    urls,
)
from choreo_local.services.base import shown
from choreo_local.services.cluster import Cluster
from choreo_local.services.diagnosis import Evidence
from choreo_local.services.gathering import Gatherer
from choreo_local.services.live import Cell, Live

Manifest = dict[str, Any]

_REPLICA_SETS = ResourceKind("apps", "v1", "ReplicaSet", "replicasets")
_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"})
_TAIL_LINES = 10
_MOST_EVENTS = 50


class Inspection:
    """Use cases of looking into one component."""

    def __init__(self, cluster: Cluster, gatherer: Gatherer, found: Live) -> None:
        self._cluster = cluster
        self._gatherer = gatherer
        self._live = found

    async def why(self, namespace: str, component: str, *, environment: str) -> Diagnosis:
        """Why the component is not ready there."""
        return diagnosis.diagnose(await self._evidence(namespace, component, environment))

    async def urls(
        self, namespace: str, component: str, *, environment: str, endpoint: str | None = None
    ) -> list[EndpointUrl]:
        """Where the component answers."""
        found = await self._gatherer.component(namespace, component)
        binding = await self._gatherer.binding(found, environment)
        if binding is None:
            await self._gatherer.known_environment(namespace, environment)
        if binding is None or binding["spec"].get("state") == "Undeploy":
            raise NotFoundError(
                f'"{component}" is not deployed in {environment}',
                remedy=f"Bring it there: choreo promote {component} --to {environment}",
            )
        known = urls.of_binding(binding)
        chosen = [url for url in known if endpoint in (None, url.endpoint)]
        if not chosen:
            raise _no_url(component, environment, endpoint, known)
        return chosen

    async def details(self, namespace: str, component: str, *, environment: str) -> Details:
        """Everything about the component there."""
        found = await self._gatherer.component(namespace, component)
        evidence, releases = await asyncio.gather(
            self._evidence(namespace, component, environment, found=found),
            self._gatherer.releases(found),
        )
        binding = evidence.binding
        conditions: Sequence[Mapping[str, Any]] = ()
        if binding is not None:
            conditions = (binding.get("status") or {}).get("conditions") or ()
        return Details(
            component=shown(kinds.BY_KIND["Component"], found),
            binding=binding and shown(kinds.BY_KIND["ReleaseBinding"], binding),
            conditions=conditions,
            events=tuple(map(_event_line, evidence.events[-_MOST_EVENTS:])),
            pods=tuple(map(_pod_line, evidence.pods)),
            releases=tuple(
                ReleaseLine(
                    release["metadata"]["name"], release["metadata"].get("creationTimestamp") or ""
                )
                for release in sorted(releases, key=history.age, reverse=True)
            ),
        )

    async def _evidence(
        self, namespace: str, name: str, environment: str, *, found: Manifest | None = None
    ) -> Evidence:
        component = found or await self._gatherer.component(namespace, name)
        binding = await self._gatherer.binding(component, environment)
        rendered = await self._cluster.get(
            registry.RENDERED_RELEASE, names.rendered_release(name, environment), namespace
        )
        evidence = Evidence(environment, component, binding, rendered)
        if binding is None:
            await self._gatherer.known_environment(namespace, environment)
            return evidence
        try:
            cell = await self._live.cell(component, environment)
            return await _with_live_objects(evidence, cell)
        except (NotFoundError, UnreachableError) as error:
            return Evidence(environment, component, binding, rendered, unreachable=error.message)


async def _with_live_objects(evidence: Evidence, cell: Cell) -> Evidence:
    objects, (routes, policies), replica_sets, found = await asyncio.gather(
        _of_release(evidence.rendered, cell, _is_workload),
        _traffic(evidence.rendered, cell),
        Cluster(cell.client).list(_REPLICA_SETS, cell.namespace, labels=cell.selector),
        cell.pods(),
    )
    involved = [obj["metadata"]["uid"] for obj in (*objects, *replica_sets, *found)]
    return Evidence(
        evidence.environment,
        evidence.component,
        evidence.binding,
        evidence.rendered,
        objects=objects,
        routes=routes,
        policies=policies,
        replica_sets=replica_sets,
        pods=found,
        events=await cell.events(involved),
        log_tails=await _log_tails(cell, found),
    )


def _is_workload(manifest: Mapping[str, Any]) -> bool:
    """Whether an object makes pods."""
    return manifest.get("kind") in _WORKLOADS


async def _traffic(
    rendered: Mapping[str, Any] | None, cell: Cell
) -> tuple[list[Manifest], list[Manifest]]:
    """The live routes of a release, and the policies that name them."""
    routes = await _of_release(rendered, cell, routing.is_route)
    policies: list[Manifest] = []
    for namespace in sorted({each["metadata"]["namespace"] for each in routes}):
        for kind in routing.POLICIES:
            listed = await _served(kind, namespace, cell)
            policies += routing.attached(listed, routes)
    return routes, policies


async def _served(kind: ResourceKind, namespace: str, cell: Cell) -> list[Manifest]:
    """The objects of a kind; none where the plane does not have the kind."""
    try:
        found = await Cluster(cell.client).list(kind, namespace)
    except NotFoundError:
        return []
    return [{"apiVersion": kind.api_version, "kind": kind.kind, **each} for each in found]


async def _of_release(
    rendered: Mapping[str, Any] | None, cell: Cell, wanted: Callable[[Mapping[str, Any]], bool]
) -> list[Manifest]:
    """The live objects of a release, as far as they are wanted."""
    found = []
    for entry in ((rendered or {}).get("spec") or {}).get("resources") or ():
        manifest = entry["object"]
        if not wanted(manifest):
            continue
        kind = await cell.client.resolve(manifest["apiVersion"], manifest["kind"])
        metadata = manifest["metadata"]
        obj = await Cluster(cell.client).get(kind, metadata["name"], metadata.get("namespace"))
        if obj is not None:
            identity = {"apiVersion": gvk.join_api_version(kind.group, kind.version)}
            found.append({**identity, "kind": kind.kind, **obj})
    return found


async def _log_tails(cell: Cell, found: Sequence[Manifest]) -> dict[tuple[str, str], Sequence[str]]:
    """The last lines of containers that crashed."""
    tails: dict[tuple[str, str], Sequence[str]] = {}
    for pod in found:
        trouble = pods.trouble(pod)
        if trouble is None or not trouble.crashed:
            continue
        wanted = podlogs.Wanted(tail=_TAIL_LINES)
        written = podlogs.lines(cell.client, cell.namespace, trouble.pod, trouble.container, wanted)
        try:
            tails[trouble.pod, trouble.container] = [line.line async for line in written]
        except ApiError:
            # The log went with its container; the rest of the evidence is still worth telling.
            continue
    return tails


def _no_url(
    component: str, environment: str, endpoint: str | None, known: Sequence[EndpointUrl]
) -> NotFoundError:
    if endpoint is not None and known:
        names_of_others = ", ".join(sorted({url.endpoint for url in known}))
        return NotFoundError(
            f'"{component}" has no endpoint "{endpoint}" in {environment}',
            remedy=f"It has: {names_of_others}",
        )
    return NotFoundError(
        f'"{component}" has no URL in {environment}',
        remedy=f"See why: choreo why {component} --env {environment}",
    )


def _event_line(event: Mapping[str, Any]) -> EventLine:
    involved = event.get("involvedObject") or {}
    return EventLine(
        type=str(event.get("type") or ""),
        reason=str(event.get("reason") or ""),
        message=str(event.get("message") or ""),
        count=int(event.get("count") or 1),
        last_seen=live.last_seen(event),
        object=f"{involved.get('kind', '')}/{involved.get('name', '')}",
    )


def _pod_line(pod: Mapping[str, Any]) -> PodLine:
    trouble = pods.trouble(pod)
    metadata = pod["metadata"]
    return PodLine(
        name=metadata["name"],
        phase=pods.phase(pod),
        ready=pods.readiness(pod),
        restarts=pods.restarts(pod),
        reason=trouble.message if trouble else "",
        age=str(metadata.get("creationTimestamp") or ""),
    )
