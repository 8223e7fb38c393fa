"""The live Kubernetes objects behind a release binding: tree, events, logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.api import registry, rest
from choreo_local.apimachinery import gvk, owners
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import BadRequestError, NotFoundError, UnreachableError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.rendering import health, names
from choreo_local.services import kinds, live, podlogs
from choreo_local.services.base import Objects
from choreo_local.services.cluster import Cluster
from choreo_local.services.gathering import Gatherer
from choreo_local.services.live import Live

Manifest = dict[str, Any]

_BINDING = kinds.BY_KIND["ReleaseBinding"]
_REPLICA_SETS = ResourceKind("apps", "v1", "ReplicaSet", "replicasets")
_JOBS = ResourceKind("batch", "v1", "Job", "jobs")
_OWN_PODS = frozenset({("apps", "StatefulSet"), ("batch", "Job")})


class Tree:
    """Use cases of the objects behind a binding."""

    def __init__(self, cluster: Cluster, objects: Objects, gatherer: Gatherer, found: Live) -> None:
        self._cluster = cluster
        self._objects = objects
        self._gatherer = gatherer
        self._live = found

    async def tree(self, namespace: str, binding: str) -> Manifest:
        """All objects, by RenderedRelease."""
        releases = []
        for release, client in await self._releases(namespace, binding):
            releases.append(
                {
                    "name": release["metadata"]["name"],
                    "targetPlane": release["spec"].get("targetPlane", "dataplane"),
                    "nodes": await self._nodes(release, client),
                    "renderedRelease": _shown_release(release),
                }
            )
        return {"renderedReleases": releases}

    async def events(
        self, namespace: str, binding: str, *, group: str, version: str, kind: str, name: str
    ) -> Manifest:
        """The events of one object of the tree."""
        wanted = (group, version, kind, name)
        node, client = await self._node(namespace, binding, wanted)
        found = await Cluster(client).list(
            live.EVENTS,
            node.get("namespace"),
            field_selector=f"involvedObject.uid={node['uid']}",
        )
        return {"events": [event_entry(event) for event in sorted(found, key=live.last_seen)]}

    async def logs(
        self,
        namespace: str,
        binding: str,
        *,
        pod: str,
        container: str = "",
        since_seconds: int | None = None,
    ) -> Manifest:
        """What the containers of one pod of the tree wrote, by time."""
        node, client = await self._node(namespace, binding, ("", "v1", "Pod", pod))
        containers = [entry["name"] for entry in node["object"]["spec"].get("containers") or ()]
        if container and container not in containers:
            raise BadRequestError("Container not found in pod")
        wanted = podlogs.Wanted(since_seconds=since_seconds)
        lines = []
        for one in [container] if container else containers:
            lines += [
                line async for line in podlogs.lines(client, node["namespace"], pod, one, wanted)
            ]
        lines.sort(key=lambda line: line.time)
        return {
            "logEntries": [
                {"timestamp": line.time, "log": line.line, "container": line.container}
                for line in lines
            ]
        }

    async def _releases(self, namespace: str, binding: str) -> list[tuple[Manifest, KubeClient]]:
        bound = await self._objects.stored(_BINDING, binding, namespace)
        spec = bound["spec"]
        component, environment = spec["owner"]["componentName"], spec["environment"]
        found = []
        for name in (
            names.rendered_release(component, environment),
            names.observability_release(component, environment),
        ):
            release = await self._cluster.get(registry.RENDERED_RELEASE, name, namespace)
            if release is not None:
                found.append((release, await self._client(release)))
        return found

    async def _client(self, release: Manifest) -> KubeClient:
        spec, namespace = release["spec"], release["metadata"]["namespace"]
        environment = await self._gatherer.environment(namespace, spec["environmentName"])
        plane = await self._gatherer.data_plane(environment) if environment else None
        if plane is not None and spec.get("targetPlane") == "observabilityplane":
            plane = await self._gatherer.plane(
                "ObservabilityPlane",
                (plane.get("spec") or {}).get("observabilityPlaneRef"),
                plane["metadata"].get("namespace") or "",
            )
        if plane is None:
            name = spec["environmentName"]
            raise UnreachableError(f'cannot reach the plane of environment "{name}": none is there')
        return self._live.client_of(plane)

    async def _node(
        self, namespace: str, binding: str, wanted: tuple[str, str, str, str]
    ) -> tuple[Manifest, KubeClient]:
        for release, client in await self._releases(namespace, binding):
            for node in await self._nodes(release, client):
                found = (node.get("group", ""), node["version"], node["kind"], node["name"])
                if found == wanted:
                    return node, client
        raise NotFoundError("Resource not found")

    async def _nodes(self, release: Manifest, client: KubeClient) -> list[Manifest]:
        nodes = []
        for entry in (release.get("status") or {}).get("resources") or ():
            obj = await _live_object(client, entry)
            if obj is None:
                continue
            state = str(entry.get("healthStatus") or health.of(obj))
            top = node(obj, health_status=state)
            nodes += [top, *await _children(client, obj, top)]
        return nodes


async def _live_object(client: KubeClient, entry: Mapping[str, Any]) -> Manifest | None:
    api_version = gvk.join_api_version(entry.get("group") or "", entry["version"])
    try:
        kind = await client.resolve(api_version, entry["kind"])
    except NotFoundError:
        return None
    found = await Cluster(client).get(kind, entry["name"], entry.get("namespace"))
    return found and {"apiVersion": api_version, "kind": entry["kind"], **found}


async def _children(client: KubeClient, obj: Manifest, parent: Manifest) -> list[Manifest]:
    """Pods under workloads, jobs under cron jobs; what stands between is left out."""
    key = (parent.get("group", ""), parent["kind"])
    if key == ("apps", "Deployment"):
        pods: list[Manifest] = []
        for replica_set in await _owned(client, _REPLICA_SETS, obj):
            pods += await _owned(client, podlogs.PODS, replica_set)
        return [node(pod, parent=parent) for pod in pods]
    if key in _OWN_PODS:
        return [node(pod, parent=parent) for pod in await _owned(client, podlogs.PODS, obj)]
    if key == ("batch", "CronJob"):
        found = []
        for job in await _owned(client, _JOBS, obj):
            below = node(job, parent=parent)
            found += [below, *await _children(client, job, below)]
        return found
    return []


async def _owned(client: KubeClient, kind: ResourceKind, owner: Manifest) -> list[Manifest]:
    """The objects of a kind beside `owner` that it controls."""
    metadata = owner["metadata"]
    found = await Cluster(client).list(kind, metadata["namespace"])
    return [obj for obj in found if owners.is_controlled_by(obj, metadata["uid"])]


def node(
    obj: Manifest, *, health_status: str = "", parent: Mapping[str, Any] | None = None
) -> Manifest:
    """An object as the tree shows it; what is secret or noise is left out."""
    metadata = obj["metadata"]
    group, version = gvk.split_api_version(obj["apiVersion"])
    reference = {
        **({"group": group} if group else {}),
        "version": version,
        "kind": obj["kind"],
        **({"namespace": metadata["namespace"]} if metadata.get("namespace") else {}),
        "name": metadata["name"],
        "uid": metadata.get("uid", ""),
    }
    found = {
        **reference,
        "resourceVersion": metadata.get("resourceVersion", ""),
        "createdAt": metadata.get("creationTimestamp"),
        "object": _shown_object(obj),
        "health": {"status": health_status or str(health.of(obj))},
    }
    if parent is not None:
        fields = ("group", "version", "kind", "namespace", "name", "uid")
        found["parentRefs"] = [{key: parent[key] for key in fields if key in parent}]
    return found


def _shown_object(obj: Manifest) -> Manifest:
    metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    hidden = {"data", "stringData"} if obj["kind"] == "Secret" else set()
    return {
        **{key: value for key, value in obj.items() if key not in hidden},
        "metadata": metadata,
    }


def _shown_release(release: Manifest) -> Manifest:
    return {**release, "metadata": rest.shown_metadata(release["metadata"])}


def event_entry(event: Mapping[str, Any]) -> Manifest:
    """An event as the API shows it."""
    source = (event.get("source") or {}).get("component") or event.get("reportingComponent") or ""
    return {
        "type": event.get("type") or "",
        "reason": event.get("reason") or "",
        "message": event.get("message") or "",
        "count": int(event.get("count") or (event.get("series") or {}).get("count") or 1),
        "firstTimestamp": event.get("firstTimestamp") or event.get("eventTime"),
        "lastTimestamp": live.last_seen(event),
        "source": source,
    }
