"""What containers of host images see of this machine, read-only: its programs, their files."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from choreo_local.embedded.kubelet import ownroot, rootfilesystem
from choreo_local.embedded.kubelet.hostimages import HostImage
from choreo_local.embedded.kubelet.runtime import ContainerRequest, Mount, StartError


def programs() -> list[Mount]:
    """The programs of this machine and what they need, as every container sees them."""
    # Links of the root are in the image.
    links = {Path("/", name) for name in root_links()}
    shown = [path for path in rootfilesystem.machine_paths() if path not in links]
    return [Mount(str(path), path, read_only=True) for path in shown]


def root_links() -> dict[str, str]:
    """The links of this machine's root by which its programs are found, e.g. `bin` → `usr/bin`."""
    return {name: os.readlink(f"/{name}") for name in rootfilesystem.MACHINE if _is_link(name)}


def _is_link(name: str) -> bool:
    return Path("/", name).is_symlink()


def mounts(image: HostImage, request: ContainerRequest) -> list[Mount]:
    """Everything of a host image; StartError when a volume would hide what it is made of."""
    root = ownroot.machine_root(image)
    for mount in request.mounts:
        if rootfilesystem.hides(root, mount.container_path):
            raise StartError(
                f"cannot mount at {mount.container_path}: programs of this machine that the image "
                "is made of lie below"
            )
    folders = rootfilesystem.outermost(root.folders)
    shown = [Mount(str(path), path, read_only=True) for path in folders]
    return [*programs(), *shown, *_placed(root)]


def _placed(root: rootfilesystem.MachineRoot) -> Iterator[Mount]:
    for path, folder in root.placed.items():
        # One by one: below the same path there may be folders of the machine that are needed.
        for each in sorted(folder.iterdir()):
            yield Mount(f"{path.rstrip('/')}/{each.name}", each, read_only=True)


def system_files(folder: Path, files: dict[str, str]) -> list[Mount]:
    """Write files of `/etc` into a folder; the mounts that show them."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
        found.append(Mount(f"/etc/{name}", folder / name))
    return found


def kept_within(mount: Mount) -> Mount:
    """A mount whose path does not lead out of the volume that it is in; StartError when it does."""
    if mount.within is None:
        return mount
    place = Path(os.path.realpath(mount.host_path))
    if not place.is_relative_to(os.path.realpath(mount.within)):
        raise StartError(
            f"cannot mount at {mount.container_path}: its path leads out of the volume",
            reason="CreateContainerConfigError",
        )
    return replace(mount, host_path=place)


def limits(engine: str) -> dict[str, int]:
    """What a process may have of files and of processes, where the engine must be told.

    Podman would grant more than it may itself where it lacks the right to.
    """
    if engine != "podman":
        return {}
    kinds = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    most = {name: resource.getrlimit(kind)[1] for name, kind in kinds.items()}
    # It keeps no more processes for itself.
    most["nproc"] = min(most["nproc"] % (1 << 63), 32768)
    return most
