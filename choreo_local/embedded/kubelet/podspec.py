"""Questions that several decisions ask of a pod manifest. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from choreo_local.embedded.kubelet.records import ContainerRecord

Manifest = Mapping[str, Any]

ALWAYS, ON_FAILURE, NEVER = "Always", "OnFailure", "Never"


def regular_containers(pod: Manifest) -> Sequence[Manifest]:
    """The containers that make up the pod's work."""
    found: Sequence[Manifest] = pod["spec"].get("containers") or ()
    return found


def init_containers(pod: Manifest) -> Sequence[Manifest]:
    """Init containers and sidecars, in their order."""
    found: Sequence[Manifest] = pod["spec"].get("initContainers") or ()
    return found


def ephemeral_containers(pod: Manifest) -> Sequence[Manifest]:
    """The containers that somebody added to a running pod, to look into it."""
    found: Sequence[Manifest] = pod["spec"].get("ephemeralContainers") or ()
    return found


def iter_containers(pod: Manifest) -> Iterator[Manifest]:
    """The containers that the pod was made with: init containers first."""
    yield from init_containers(pod)
    yield from regular_containers(pod)


def every_container(pod: Manifest) -> Iterator[Manifest]:
    """The containers of all kinds."""
    yield from iter_containers(pod)
    yield from ephemeral_containers(pod)


def find_container(pod: Manifest, name: str) -> Manifest | None:
    """The container of that name, of any kind."""
    return next((found for found in every_container(pod) if found["name"] == name), None)


def is_init(pod: Manifest, name: str) -> bool:
    """Whether `name` is one of the init containers, sidecars included."""
    return any(found["name"] == name for found in init_containers(pod))


def is_ephemeral(pod: Manifest, name: str) -> bool:
    """Whether `name` was added to the running pod."""
    return any(found["name"] == name for found in ephemeral_containers(pod))


def is_sidecar(container: Manifest) -> bool:
    """Whether an init container keeps running beside the regular ones."""
    return container.get("restartPolicy") == ALWAYS


def restart_policy(pod: Manifest) -> str:
    """The policy of the regular containers."""
    return str(pod["spec"].get("restartPolicy") or ALWAYS)


def should_restart(pod: Manifest, container: Manifest, record: ContainerRecord) -> bool:
    """Whether a container that has exited is to run again."""
    if is_ephemeral(pod, container["name"]):
        return False
    policy = restart_policy(pod)
    if is_init(pod, container["name"]):
        if is_sidecar(container):
            return True
        return record.exit_code != 0 and policy != NEVER
    policy = container.get("restartPolicy") or policy
    return policy == ALWAYS or (policy == ON_FAILURE and record.exit_code != 0)


def grace_seconds(pod: Manifest) -> float:
    """How long a stop may take; the deletion's own grace wins."""
    for found in (
        pod["metadata"].get("deletionGracePeriodSeconds"),
        pod["spec"].get("terminationGracePeriodSeconds"),
    ):
        if found is not None:
            return float(found)
    return 30.0


def is_deleting(pod: Manifest) -> bool:
    """Whether somebody asked to delete the pod."""
    return bool(pod["metadata"].get("deletionTimestamp"))


def is_terminal(pod: Manifest) -> bool:
    """Whether the pod has reached a phase that it never leaves."""
    return (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}


def full_name(pod: Manifest) -> str:
    """As messages name a pod: `name_namespace(uid)`."""
    metadata = pod["metadata"]
    return f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"


def claim_of(pod: Manifest, volume: Manifest) -> str | None:
    """The name of the claim behind a volume; that of an ephemeral one bears the pod's name."""
    if volume.get("persistentVolumeClaim"):
        return str(volume["persistentVolumeClaim"]["claimName"])
    if volume.get("ephemeral"):
        return f"{pod['metadata']['name']}-{volume['name']}"
    return None
