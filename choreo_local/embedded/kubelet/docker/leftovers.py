"""Containers and images of an instance that outlived it, found by their marks. Blocking.

A note in the folder of the pods tells which engine has some; whoever removes an instance may not
know how it was started.
"""

from __future__ import annotations

import http.client
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from choreo_local.embedded.kubelet.docker import marks, sockets
from choreo_local.embedded.kubelet.marks import ENGINE_NOTE
from choreo_local.errors import PreflightError


def note(folder: Path, socket: Path) -> None:
    """Remember which engine has something of the instance."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ENGINE_NOTE).write_text(f"{socket}\n", encoding="utf-8")


def noted(folder: Path) -> Path | None:
    """The socket of the engine that has something of the instance; None when none has."""
    try:
        return Path((folder / ENGINE_NOTE).read_text(encoding="utf-8").strip())
    except OSError:
        return None


def clear(folder: Path, instance_id: str, *, with_images: bool) -> int:
    """Remove what the noted engine has, its images only if asked to; how much there was."""
    socket = noted(folder)
    if socket is None:
        return 0
    try:
        count = remove(socket, instance_id)
        return count + (remove_images(socket, instance_id) if with_images else 0)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise PreflightError(
            f"cannot remove what the container engine at {socket} has of this instance: {error}",
            remedy=f"Start the engine, or forget what it has: rm {folder / ENGINE_NOTE}",
        ) from error


def listed(folder: Path, instance_id: str) -> list[str]:
    """The same, a line each."""
    socket = noted(folder)
    if socket is None:
        return []
    try:
        found = [f"container {each[:12]}" for each in containers(socket, instance_id)]
        return found + [f"image {name}" for name in images(socket, instance_id)]
    except (OSError, http.client.HTTPException, ValueError) as error:
        return [f"containers of the engine at {socket}, which cannot be listed: {error}"]


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
