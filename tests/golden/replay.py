"""Replays recorded scenarios on our controllers, and words both sides alike to compare them.

What two faithful systems may differ in is taken out here, for every scenario and both sides alike:
times, uids, content hashes in names, generation numbers (a Go client rewrites specs and counts up),
and fields that Go leaves out because they hold the zero value. Everything else is compared.
"""

from __future__ import annotations

import asyncio
import copy
import functools
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import yaml

from choreo_local.api import labels
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import ApiError
from tests.controllers import harness
from tests.golden.scenarios import DATA_PLANE, INSTALLED

Object = dict[str, Any]
World = dict[str, Object]

TIME = "<time>"
_NOW = "2026-01-01T00:00:00Z"
_DROPPED = (
    "creationTimestamp",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
    "deletionGracePeriodSeconds",
)
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_RELEASE_KINDS = {"ComponentRelease", "ProjectRelease", "ResourceRelease"}
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
# What a data plane makes of itself, and what carries nothing of ours.
_UNRECORDED_KINDS = {
    "ControllerRevision",
    "EndpointSlice",
    "Endpoints",
    "Event",
    "Pod",
    "ReplicaSet",
    "Role",
    "RoleBinding",
    "Secret",
    "ServiceAccount",
    # The recorder did not look at it.
    "TrafficPolicy",
}
_ROOT_CA = "kube-root-ca.crt"
_PERMISSIVE = {
    ("external-secrets.io", "v1", "ExternalSecret", "externalsecrets"),
    ("generators.external-secrets.io", "v1alpha1", "Password", "passwords"),
    ("argoproj.io", "v1alpha1", "Workflow", "workflows"),
}
# A release that was refused has a name, but never was there.
_UNSEEN_HASH = re.compile(r'-[4-9bcdf]{6,10}(?=\\?" is invalid)')
_SECRET_SYNCED = {
    "lastTransitionTime": _NOW,
    "message": "secret synced",
    "reason": "SecretSynced",
    "status": "True",
    "type": "Ready",
}


def is_recorded(obj: Mapping[str, Any]) -> bool:
    """Whether the recordings hold objects like this."""
    return obj["kind"] not in _UNRECORDED_KINDS and obj["metadata"]["name"] != _ROOT_CA


def key_of(obj: Mapping[str, Any]) -> str:
    """`Kind/namespace/name`, as the recordings say it."""
    metadata = obj["metadata"]
    return f"{obj['kind']}/{metadata.get('namespace', '')}/{metadata['name']}"


def is_ours(obj: Mapping[str, Any]) -> bool:
    """Whether it is of an OpenChoreo kind."""
    return bool(obj["apiVersion"] == labels.API_VERSION)


class Hashes:
    """Names of releases → a number, the same for the n-th release of an owner on both sides."""

    def __init__(self) -> None:
        self._worded: dict[str, str] = {}
        self._hashes: set[str] = set()
        self._count: dict[str, int] = {}

    def learn(self, kind: str, name: str) -> None:
        """A release has been seen; names of other kinds say nothing."""
        if kind not in _RELEASE_KINDS or name in self._worded:
            return
        owner, _, content = name.rpartition("-")
        number = self._count[owner] = self._count.get(owner, 0) + 1
        self._worded[name] = f"{owner}-<release {number}>"
        self._hashes.add(content)

    def worded(self, text: str) -> str:
        """The text with numbers for hashes."""
        for name, numbered in self._worded.items():
            text = text.replace(name, numbered)
        for content in self._hashes:
            text = text.replace(content, "<hash>")
        return _UNSEEN_HASH.sub("-<hash>", text)

    def spoken(self, text: str, theirs: Hashes) -> str:
        """A text of the other side in our words."""
        own = {numbered: name for name, numbered in self._worded.items()}
        for name, numbered in theirs._worded.items():
            text = text.replace(name, own.get(numbered, name))
        return text


def worded(obj: Mapping[str, Any], uids: Mapping[str, str], hashes: Hashes) -> Object:
    """An object without what two faithful systems may differ in."""
    text = hashes.worded(json.dumps(obj))
    for uid, name in uids.items():
        text = text.replace(uid, f"<uid:{name}>")
    found: Object = json.loads(_PEM.sub("<pem>", _TIME.sub(TIME, text)))
    metadata = found["metadata"]
    for name in _DROPPED:
        metadata.pop(name, None)
    metadata.get("annotations", {}).pop(_LAST_APPLIED, None)
    if not metadata.get("annotations", True):
        del metadata["annotations"]
    generation = metadata.pop("generation", 0)
    if is_ours(found):
        found["spec"] = without_zeros(found.get("spec") or {})
        status = _worded_status(found, generation)
        found.pop("status", None)
        if status:
            found["status"] = status
    else:
        found.pop("status", None)
        found = _worded_plane_object(found)
    worded: Object = without_template_hashes(found)
    return worded


def without_template_hashes(value: Any) -> Any:
    """Pod template hashes are taken over labels that hold uids, so they differ by the run."""
    if isinstance(value, dict):
        return {
            key: "<hash>" if key == labels.RESOURCE_HASH else without_template_hashes(child)
            for key, child in value.items()
        }
    return [without_template_hashes(item) for item in value] if isinstance(value, list) else value


def _worded_status(obj: Object, generation: int) -> Object:
    status: Object = without_zeros(obj.get("status") or {})
    if "observedGeneration" in status:
        status["observedGeneration"] = _age(status["observedGeneration"], generation)
    if status.get("conditions"):
        status["conditions"] = {
            entry["type"]: _worded_condition(entry, generation) for entry in status["conditions"]
        }
    connection = status.get("agentConnection")
    if connection:
        connection.pop("lastHeartbeatTime", None)
    for entry in status.get("resources") or () if obj["kind"] == "RenderedRelease" else ():
        # A snapshot of what the plane happened to say when it was last asked.
        entry.pop("status", None)
        entry.pop("lastObservedTime", None)
    return status


def _worded_condition(entry: Object, generation: int) -> Object:
    kept = {name: entry.get(name, "") for name in ("status", "reason", "message")}
    return {**kept, "observedGeneration": _age(entry.get("observedGeneration", 0), generation)}


def _age(observed: int, generation: int) -> str:
    return "current" if observed == generation else "older"


def without_zeros(value: Any) -> Any:
    """What is left when a Go struct has been written with `omitempty`."""
    if isinstance(value, dict):
        kept = {key: without_zeros(child) for key, child in value.items()}
        return {key: child for key, child in kept.items() if child not in ("", None, {}, [], False)}
    return [without_zeros(item) for item in value] if isinstance(value, list) else value


def _worded_plane_object(obj: Object) -> Object:
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    annotations = metadata.get("annotations") or {}
    # Which attempt of the Deployment controller this is depends on how fast changes follow.
    annotations.pop("deployment.kubernetes.io/revision", None)
    if "annotations" in metadata and not annotations:
        del metadata["annotations"]
    for name in ("clusterIP", "clusterIPs"):
        spec.pop(name, None)
    for port in spec.get("ports") or ():
        port.pop("nodePort", None)
    return obj


def conditions_of(obj: Mapping[str, Any]) -> tuple[tuple[str, str, str, str], ...]:
    """Type, status, reason and message of what an object says of itself."""
    return tuple(
        (entry["type"], entry["status"], entry["reason"], entry.get("message", ""))
        for entry in (obj.get("status") or {}).get("conditions") or ()
    )


class Histories:
    """For each object and condition, what it said one after another; repeats left out."""

    def __init__(self) -> None:
        self.said: dict[tuple[str, str], list[tuple[str, str, str]]] = {}

    def saw(self, name: str, conditions: Iterable[tuple[str, str, str, str]]) -> None:
        """An object has been seen with these conditions."""
        for kind, *saying in conditions:
            status, reason, message = saying
            said = self.said.setdefault((name, kind), [])
            if not said or said[-1] != (status, reason, message):
                said.append((status, reason, message))


class Replay:
    """One scenario on a running cluster."""

    def __init__(self, cluster: harness.Cluster) -> None:
        self.cluster = cluster
        self.ours, self.theirs = Hashes(), Hashes()
        self._uids: dict[str, str] = {}
        self._before: dict[str, Object] = {}
        self._seen = 0

    def begin(self) -> None:
        """What is there now does not belong to the scenario."""
        self._learn()
        self._before = {key_of(obj): obj for obj in self._compared()}

    def _compared(self) -> Iterator[Object]:
        for obj in self.cluster.objects():
            namespace = obj["metadata"].get("namespace") or obj["metadata"]["name"]
            in_cell = namespace.startswith(("dp-", "workflows-"))
            if is_ours(obj) or (in_cell and is_recorded(obj)):
                yield obj

    def _learn(self) -> list[Object]:
        events = self.cluster.events(self._seen)
        for event in events:
            obj = event.current.object
            self._seen = max(self._seen, event.revision)
            self._uids[obj["metadata"]["uid"]] = key_of(obj)
            if is_ours(obj):
                self.ours.learn(obj["kind"], obj["metadata"]["name"])
        return [event.current.object for event in events]

    def world(self, recorded: World) -> World:
        """All objects that differ from the beginning, or that were recorded; worded."""
        self._learn()
        found = {}
        for obj in self._compared():
            before, mine = self._before.get(key_of(obj)), self._worded(obj)
            if before is None or key_of(mine) in recorded or self._worded(before) != mine:
                found[key_of(mine)] = mine
        return found

    def _worded(self, obj: Object) -> Object:
        return worded(obj, self._uids, self.ours)

    def histories(self, since: int) -> Histories:
        """What our objects said of themselves after a revision."""
        found = Histories()
        for event in self.cluster.events(since):
            obj = event.current.object
            if is_ours(obj):
                name = self.ours.worded(key_of(obj))
                said = json.loads(self.ours.worded(json.dumps(conditions_of(obj))))
                found.saw(name, [tuple(entry) for entry in said])
        return found

    def recorded_histories(self, step: Mapping[str, Any]) -> Histories:
        """What upstream's objects said of themselves in a step."""
        found = Histories()
        for event in step["events"]:
            name = self.theirs.worded(event["object"])
            for condition in event["conditions"]:
                entry = tuple(
                    self.theirs.worded(condition.get(part, ""))
                    for part in ("type", "status", "reason", "message")
                )
                found.saw(name, [entry])  # type: ignore[list-item]
        return found

    def recorded_world(self, step: Mapping[str, Any]) -> World:
        """All objects of a recorded step, worded."""
        objects = (*step["state"].values(), *step["dataPlane"].values())
        found = (worded(obj, {}, self.theirs) for obj in objects)
        return {key_of(obj): obj for obj in found}

    def learn_recorded(self, step: Mapping[str, Any]) -> None:
        """The releases that upstream made in a step, in order."""
        for event in step["events"]:
            kind, _, name = event["object"].split("/")
            if event["event"] == "ADDED":
                self.theirs.learn(kind, name)

    async def act(self, step: Mapping[str, Any]) -> None:
        """Do what the step does; each answer must have the recorded status."""
        for action in step["actions"]:
            if action["action"] == "call":
                await self._set_workflow_status(step["dataPlane"])
                continue
            assert await self._status_of(action) == action["httpStatus"], action

    async def _status_of(self, action: Mapping[str, Any]) -> int:
        client = self.cluster.client
        try:
            if action["action"] == "apply":
                manifest = json.loads(self._spoken(action["manifest"]))
                kind = await client.resolve(manifest["apiVersion"], manifest["kind"])
                is_new = not await self._exists(kind, manifest)
                await client.apply(kind, manifest, field_manager="golden")
                return 201 if is_new else 200
            kind_name, namespace, name = action["object"].split("/")
            kind = await client.resolve(labels.API_VERSION, kind_name)
            if action["action"] == "delete":
                await client.delete(kind, name, namespace or None)
            else:
                patch = json.loads(self._spoken(action["patch"]))
                await client.patch(kind, name, patch, namespace or None)
        except ApiError as error:
            return error.code
        return 200

    def _spoken(self, value: Any) -> str:
        return self.ours.spoken(json.dumps(value), self.theirs)

    async def _exists(self, kind: ResourceKind, manifest: Mapping[str, Any]) -> bool:
        metadata = manifest["metadata"]
        resource = f"{kind.plural}.{kind.group}"
        key = "/".join(part for part in (metadata.get("namespace"), metadata["name"]) if part)
        return self.cluster.store.get(resource, key) is not None

    async def _set_workflow_status(self, data_plane: Mapping[str, Object]) -> None:
        client = self.cluster.client
        for obj in data_plane.values():
            if obj["kind"] != "Workflow" or "status" not in obj:
                continue
            kind = await client.resolve(obj["apiVersion"], obj["kind"])
            status = json.loads(json.dumps(obj["status"]).replace(TIME, _NOW))
            metadata = obj["metadata"]
            await client.patch(kind, metadata["name"], {"status": status}, metadata["namespace"])


@asynccontextmanager
async def fresh_installation(*, without: Sequence[str] = ()) -> AsyncIterator[harness.Cluster]:
    """What upstream's recordings began with; `without` names kinds that the data plane lacks."""
    # No recording had an observability plane that could be reached.
    async with harness.cluster(plane_kinds=("DataPlane", "WorkflowPlane")) as cluster:
        await _be_permissive(cluster, without)
        await cluster.apply(_installed())
        await cluster.settle()
        syncing = asyncio.create_task(_stand_in(cluster), name="stand-in")
        try:
            yield cluster
        finally:
            syncing.cancel()
            await asyncio.gather(syncing, return_exceptions=True)


async def _be_permissive(cluster: harness.Cluster, without: Sequence[str]) -> None:
    """The recorded data planes took any object of these kinds as it was."""
    crds = await cluster.client.resolve("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    for group, version, kind, plural in sorted(_PERMISSIVE):
        name = f"{plural}.{group}"
        if cluster.store.get("customresourcedefinitions.apiextensions.k8s.io", name):
            await cluster.client.delete(crds, name)
            await cluster.settle()
        if kind in without:
            continue
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        served = {
            "name": version,
            "served": True,
            "storage": True,
            "schema": {"openAPIV3Schema": schema},
        }
        spec = {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [served],
        }
        manifest = {
            "apiVersion": crds.api_version,
            "kind": crds.kind,
            "metadata": {"name": name},
            "spec": spec,
        }
        await cluster.apply([manifest])


@functools.cache
def _installed_objects() -> tuple[Object, ...]:
    documents = yaml.safe_load_all(INSTALLED.read_text(encoding="utf-8"))
    found = [document for document in documents if document]
    agent = {"clientCA": {"value": "a certificate"}}
    planes = [
        {**DATA_PLANE, "spec": {**DATA_PLANE["spec"], "planeID": "default", "clusterAgent": agent}},
        {
            "kind": "ClusterWorkflowPlane",
            "metadata": {"name": "default"},
            "spec": {
                "planeID": "default",
                "clusterAgent": agent,
                "secretStoreRef": {"name": "default"},
            },
        },
    ]
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "workflows-default"}}
    ours = ({"apiVersion": labels.API_VERSION, **plane} for plane in planes)
    return (namespace, *ours, *found)


def _installed() -> list[Object]:
    return copy.deepcopy(list(_installed_objects()))


async def _stand_in(cluster: harness.Cluster) -> None:
    """As in the recordings: every ExternalSecret was synced, every claim is bound."""
    kind = await cluster.client.resolve("external-secrets.io/v1", "ExternalSecret")
    claims = await cluster.client.resolve("v1", "PersistentVolumeClaim")
    while True:
        for stored in cluster.store.select("persistentvolumeclaims"):
            if (stored.object.get("status") or {}).get("phase") != "Bound":
                bound = {"status": {"phase": "Bound"}}
                await cluster.client.patch(
                    claims, stored.name, bound, stored.namespace, subresource="status"
                )
        for stored in cluster.store.select("externalsecrets.external-secrets.io"):
            if not stored.object.get("status"):
                # Our kubelet, other than theirs, starts no pod without the Secrets that it names.
                await cluster.apply([_synced_secret(stored.object)])
                status = {"status": {"conditions": [_SECRET_SYNCED]}}
                await cluster.client.patch(kind, stored.name, status, stored.namespace)
        await asyncio.sleep(0.02)


def _synced_secret(external: Object) -> Object:
    spec = external["spec"]
    target = spec.get("target") or {}
    keys = {entry["secretKey"] for entry in spec.get("data") or ()}
    keys |= set((target.get("template") or {}).get("data") or ())
    keys |= {"password"} if spec.get("dataFrom") else set()
    metadata = external["metadata"]
    name = target.get("name") or metadata["name"]
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": metadata["namespace"]},
        "stringData": dict.fromkeys(sorted(keys), "a secret"),
    }
