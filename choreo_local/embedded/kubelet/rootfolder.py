"""The folder that stands for the root of a container where there are no mount namespaces.

Mounts are symbolic links in it; paths of the container are found below it by the shim (Python) or
by translated arguments (executables).
"""

from __future__ import annotations

import posixpath
from pathlib import Path

from choreo_local.embedded.kubelet import podnames, trees
from choreo_local.embedded.kubelet.runtime import ContainerRequest, StartError


def prepare(
    request: ContainerRequest, root: Path, *, address: str, working_folder: str, resolver: str
) -> None:
    """Make a fresh root: system files, working folder, one link for each mount."""
    if root.exists():
        trees.remove_wholly(root)
    (root / "etc").mkdir(parents=True)
    (root / "tmp").mkdir()
    pod = request.pod
    hosts = podnames.hosts_text(pod, address, localhost=address)
    (root / "etc/hosts").write_text(hosts, encoding="utf-8")
    (root / "etc/hostname").write_text(f"{pod.hostname}\n", encoding="utf-8")
    (root / "etc/resolv.conf").write_text(resolver, encoding="utf-8")
    for mount in sorted(request.mounts, key=lambda mount: mount.container_path.count("/")):
        _link(root, inside(root, mount.container_path), mount.host_path)
    inside(root, working_folder).mkdir(parents=True, exist_ok=True)


def inside(root: Path, container_path: str) -> Path:
    """Where a path of the container lies; never outside of `root`."""
    return root / posixpath.normpath("/" + container_path).lstrip("/")


def _link(root: Path, place: Path, target: Path) -> None:
    if place == root:
        raise StartError("cannot mount at /: this runtime has no root of its own for containers")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _clear(root, place)
        place.symlink_to(target)
    except OSError as error:
        raise StartError(f"cannot mount {target.name} at {place.name}: {error}") from error


def _clear(root: Path, place: Path) -> None:
    """Make room for a mount; what is in a volume that is mounted above it is never removed."""
    if place.is_symlink() or not place.is_dir():
        place.unlink(missing_ok=True)
    elif place.resolve().is_relative_to(root.resolve()):
        trees.remove_wholly(place)
    else:
        place.rmdir()
