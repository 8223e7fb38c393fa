"""What the chaos test shakes: its objects, how each may change, how worlds are compared."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import yaml

from choreo_local.api import labels
from choreo_local.errors import ApiError
from tests.controllers import harness
from tests.golden import replay

Object = dict[str, Any]
World = dict[str, Object]

key_of = replay.key_of
FIELD_MANAGER = "chaos"
_FILE = Path(__file__).with_name("landscape.yaml")
_RELEASES = ("ComponentRelease", "ProjectRelease", "ResourceRelease")
_CELLS = "dp-"


def manifests(latest: Mapping[str, str]) -> list[Object]:
    """All objects, in an order in which nobody waits; `latest` are the releases to pin.

    Whoever pins a release that is not known yet is left out.
    """
    text = _FILE.read_text(encoding="utf-8")
    for owner, release in latest.items():
        text = text.replace(f"@{owner}", release)
    return [found for found in yaml.safe_load_all(text) if "@" not in json.dumps(found)]


def latest_releases(cluster: harness.Cluster) -> dict[str, str]:
    """Kind/name → the release that its controller made last."""
    return {
        f"{obj['kind']}/{obj['metadata']['name']}": obj["status"]["latestRelease"]["name"]
        for obj in cluster.objects(labels.GROUP)
        if (obj.get("status") or {}).get("latestRelease")
    }


def world(cluster: harness.Cluster) -> World:
    """What is there, but for what differs from run to run, and for releases of other days."""
    objects = [obj for obj in cluster.objects() if _is_compared(obj)]
    used = _used_releases(objects)
    uids = {obj["metadata"]["uid"]: key_of(obj) for obj in cluster.objects()}
    hashes = replay.Hashes()
    return {
        key_of(obj): replay.worded(obj, uids, hashes)
        for obj in objects
        if obj["kind"] not in _RELEASES or obj["metadata"]["name"] in used
    }


def _is_compared(obj: Object) -> bool:
    namespace = obj["metadata"].get("namespace") or obj["metadata"]["name"]
    return replay.is_ours(obj) or (namespace.startswith(_CELLS) and replay.is_recorded(obj))


def _used_releases(objects: list[Object]) -> set[str]:
    used: set[str] = set()
    for obj in objects:
        latest = (obj.get("status") or {}).get("latestRelease") or {}
        spec = obj.get("spec") or {}
        pins = (spec.get(field) for field in ("releaseName", "projectRelease", "resourceRelease"))
        used |= {name for name in (latest.get("name"), *pins) if name}
    return used


def live(cluster: harness.Cluster) -> list[Object]:
    """The objects that the platform put on the data plane."""
    return [
        obj
        for obj in cluster.objects()
        if labels.RENDERED_RELEASE_UID in (obj["metadata"].get("labels") or {})
    ]


def going(cluster: harness.Cluster) -> list[Object]:
    """The OpenChoreo objects that wait for their deletion."""
    return [
        obj for obj in cluster.objects(labels.GROUP) if obj["metadata"].get("deletionTimestamp")
    ]


async def apply(cluster: harness.Cluster, manifest: Object) -> bool:
    """Apply as a person does; whether it was accepted."""
    try:
        kind = await cluster.client.resolve(manifest["apiVersion"], manifest["kind"])
        await cluster.client.apply(kind, manifest, field_manager=FIELD_MANAGER)
    except ApiError:
        return False
    return True


async def delete(cluster: harness.Cluster, obj: Object) -> None:
    """Delete as a person does."""
    metadata = obj["metadata"]
    try:
        kind = await cluster.client.resolve(obj["apiVersion"], obj["kind"])
        await cluster.client.delete(kind, metadata["name"], metadata.get("namespace"))
    except ApiError:
        return


def varied(manifest: Object, random: Random) -> Object:
    """The manifest with another content, where its kind has one."""
    choices = _VARIANTS.get(manifest["kind"], ())
    found = copy.deepcopy(manifest)
    if choices:
        random.choice(choices)(found)
    return found


def _other_image(workload: Object) -> None:
    workload["spec"]["container"]["image"] += "-next"


def _no_dependencies(workload: Object) -> None:
    workload["spec"].pop("dependencies", None)


def _other_environment(workload: Object) -> None:
    workload["spec"]["container"]["env"] = [{"key": "COLOUR", "value": "red"}]


def _by_hand(component: Object) -> None:
    component["spec"]["autoDeploy"] = False


def _undeployed(binding: Object) -> None:
    binding["spec"]["state"] = "Undeploy"


def _wrong(binding: Object) -> None:
    binding["spec"]["componentTypeEnvironmentConfigs"] = {"replicas": "many"}


def _other_template(component_type: Object) -> None:
    template = component_type["spec"]["resources"][0]["template"]
    template["spec"]["template"]["spec"]["hostname"] = "other"


def _other_note(trait: Object) -> None:
    trait["spec"]["creates"][0]["template"]["data"]["further"] = "note"


def _other_key(reference: Object) -> None:
    reference["spec"]["data"][0]["secretKey"] = "phrase"


def _other_port(plane: Object) -> None:
    plane["spec"]["gateway"]["ingress"]["external"]["http"]["port"] = 19999


_VARIANTS: Mapping[str, tuple[Callable[[Object], None], ...]] = {
    "Workload": (_other_image, _no_dependencies, _other_environment),
    "Component": (_by_hand,),
    "ReleaseBinding": (_undeployed, _wrong),
    "ComponentType": (_other_template,),
    "Trait": (_other_note,),
    "SecretReference": (_other_key,),
    "ClusterDataPlane": (_other_port,),
}


def tampered(obj: Object) -> Object:
    """A merge patch that makes a live object say something else than its manifest."""
    found = obj["metadata"]["labels"]
    patches: Iterator[Object] = iter(())
    if obj["kind"] == "Deployment":
        patches = iter(({"spec": {"replicas": 5}},))
    if obj["kind"] == "ConfigMap":
        patches = iter(({"data": dict.fromkeys(obj["data"], "tampered")},))
    return next(patches, {"metadata": {"labels": {sorted(found)[0]: "tampered"}}})


async def patch(cluster: harness.Cluster, obj: Object, change: Object) -> None:
    """Merge a change into an object as somebody else does."""
    metadata = obj["metadata"]
    try:
        kind = await cluster.client.resolve(obj["apiVersion"], obj["kind"])
        await cluster.client.patch(kind, metadata["name"], change, metadata.get("namespace"))
    except ApiError:
        return


def only(cluster: harness.Cluster, kind: str, name: str) -> Object:
    """The object of ours with that kind and name."""
    (found,) = (
        obj
        for obj in cluster.objects(labels.GROUP)
        if (obj["kind"], obj["metadata"]["name"]) == (kind, name)
    )
    return found
