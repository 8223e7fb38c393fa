"""How much of the disk a pod may take, and what is said when it takes more. Pure.

In the order in which a kubelet looks: volumes with a limit of their own, then all of the pod, then
each container. `overuse` measures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from choreo_local.apimachinery import quantity
from choreo_local.apimachinery.quantity import Quantity
from choreo_local.embedded.kubelet import podspec
from choreo_local.embedded.kubelet.places import Places
from choreo_local.embedded.kubelet.podspec import Manifest

EPHEMERAL_STORAGE = "ephemeral-storage"
_MEMORY = "Memory"


@dataclass(frozen=True, slots=True)
class Bound:
    """Folders that may hold so many bytes together.

    Attributes:
        message: tells that they hold more.
    """

    folders: Sequence[Path]
    most: int
    message: str


def of_pod(pod: Manifest, places: Places) -> list[Bound]:
    """Everything that is limited about a pod's files."""
    return [*_volumes(pod, places), *_whole(pod, places), *_containers(pod, places)]


def _volumes(pod: Manifest, places: Places) -> Iterator[Bound]:
    for volume in pod["spec"].get("volumes") or ():
        limit = quantity.parse((volume.get("emptyDir") or {}).get("sizeLimit") or 0)
        if limit > quantity.ZERO:
            message = f'Usage of EmptyDir volume "{volume["name"]}" exceeds the limit "{limit}". '
            yield Bound([_volume(pod, volume, places)], limit.to_int(), message)


def _whole(pod: Manifest, places: Places) -> Iterator[Bound]:
    limit = _of_containers(pod)
    if limit is None:
        return
    volumes = volume_folders(pod, places)
    own = [
        folder for one in podspec.every_container(pod) for folder in own_folders(pod, one, places)
    ]
    message = f"Pod ephemeral local storage usage exceeds the total limit of containers {limit}. "
    yield Bound([*volumes, *own], limit.to_int(), message)


def _containers(pod: Manifest, places: Places) -> Iterator[Bound]:
    for container in podspec.iter_containers(pod):
        limit = _limit(container)
        if limit:
            message = (
                f"Container {container['name']} exceeded its local ephemeral storage "
                f'limit "{limit}". '
            )
            yield Bound(own_folders(pod, container, places), limit.to_int(), message)


def own_folders(pod: Manifest, container: Manifest, places: Places) -> list[Path]:
    """What a container writes outside of volumes: to its root, and to its log."""
    name = container["name"]
    return [places.root_of(pod["metadata"]["uid"], name), places.logs(pod) / name]


def volume_folders(pod: Manifest, places: Places) -> list[Path]:
    """The volumes that go with the pod and count as disk."""
    return [
        _volume(pod, volume, places)
        for volume in pod["spec"].get("volumes") or ()
        if _is_on_disk(volume)
    ]


def _volume(pod: Manifest, volume: Manifest, places: Places) -> Path:
    return places.pod(pod["metadata"]["uid"]) / "volumes" / str(volume["name"])


def _is_on_disk(volume: Manifest) -> bool:
    """Whether a volume goes with its pod and counts as disk: the others are memory, or claims."""
    medium = (volume.get("emptyDir") or {}).get("medium")
    return "configMap" in volume or (volume.get("emptyDir") is not None and medium != _MEMORY)


def _limit(container: Manifest) -> Quantity | None:
    found = ((container.get("resources") or {}).get("limits") or {}).get(EPHEMERAL_STORAGE)
    return None if found is None else quantity.parse(found)


def _of_containers(pod: Manifest) -> Quantity | None:
    """What all containers that run at a time may take together; None when none has a limit."""
    limits = {one["name"]: _limit(one) for one in podspec.iter_containers(pod)}
    if not any(limit is not None for limit in limits.values()):
        return None
    beside = most = quantity.ZERO
    for container in podspec.init_containers(pod):
        limit = limits[container["name"]] or quantity.ZERO
        most = max(most, beside + limit)
        if podspec.is_sidecar(container):
            beside += limit
    for container in podspec.regular_containers(pod):
        beside += limits[container["name"]] or quantity.ZERO
    return max(most, beside)
