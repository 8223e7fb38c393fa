"""How containers and images of an instance are recognised in an engine. Pure."""

from __future__ import annotations

import hashlib

from choreo_local.embedded.kubelet.runtime import PodRequest

INSTANCE, POD, CONTAINER = "choreo.local/instance", "choreo.local/pod", "choreo.local/container"
# Stands for the name of the container that holds a pod's network; no name of a pod's own does.
HOLDER = "POD"


def labels(instance_id: str, uid: str, name: str) -> dict[str, str]:
    """The labels of a container; the container that holds a pod's network has no name."""
    return {INSTANCE: instance_id, POD: uid, CONTAINER: name}


def repository(instance_id: str) -> str:
    """What the names of an instance's images begin with."""
    return f"choreo.local/{_short(instance_id)}"


def _short(instance_id: str) -> str:
    return hashlib.sha256(instance_id.encode()).hexdigest()[:12]


def image_name(instance_id: str, digest: str) -> str:
    """The name of an image in the engine, by its hexadecimal digest."""
    return f"{repository(instance_id)}:{digest}"


def container_name(instance_id: str, pod: PodRequest, name: str, attempt: int) -> str:
    """The name of a container in the engine, for people who look there."""
    words = ["choreo", _short(instance_id), name, pod.name, pod.namespace, pod.uid, str(attempt)]
    return "_".join(words)
