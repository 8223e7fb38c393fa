"""Containers and images of an instance that outlived it, found by their marks. Blocking."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from choreo_local.embedded.kubelet.docker import marks, sockets


def containers(socket: Path, instance_id: str) -> list[str]:
    """The ids of an instance's containers; those that others depend on come last."""
    filters = orjson.dumps({"label": [f"{marks.INSTANCE}={instance_id}"]}).decode()
    found: list[dict[str, Any]] = sockets.request(
        socket, "GET", f"/containers/json?all=1&filters={quote(filters)}"
    )
    found.sort(key=lambda each: not (each.get("Labels") or {}).get(marks.CONTAINER))
    return [str(each["Id"]) for each in found]


def remove(socket: Path, instance_id: str) -> int:
    """Remove an instance's containers; how many there were."""
    found = containers(socket, instance_id)
    for number in found:
        _delete(socket, f"/containers/{number}?force=1&v=1")
    return len(found)


def images(socket: Path, instance_id: str) -> list[str]:
    """The names of the images that an instance has loaded."""
    filters = orjson.dumps({"reference": [marks.repository(instance_id)]}).decode()
    found: list[dict[str, Any]] = sockets.request(
        socket, "GET", f"/images/json?filters={quote(filters)}"
    )
    prefix = f"{marks.repository(instance_id)}:"
    return [
        name for each in found for name in each.get("RepoTags") or () if name.startswith(prefix)
    ]


def remove_images(socket: Path, instance_id: str) -> int:
    """Remove the images that an instance has loaded; how many there were."""
    found = images(socket, instance_id)
    for name in found:
        _delete(socket, f"/images/{quote(name)}")
    return len(found)


def _delete(socket: Path, target: str) -> None:
    try:
        sockets.request(socket, "DELETE", target)
    except sockets.Refused as error:
        if not error.is_missing:
            raise
