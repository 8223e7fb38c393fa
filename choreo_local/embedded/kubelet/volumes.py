"""The volumes of pods as folders on disk; files made from objects follow their changes.

Files are replaced all at once: a link `..data` is turned to a fresh folder, so that a program never
sees half of an update.
"""

from __future__ import annotations

import errno
import os
import posixpath
import shutil
from collections.abc import Container, Mapping, Sequence
from pathlib import Path

from choreo_local import clock
from choreo_local.embedded.kubelet import (
    beneath,
    environment,
    ownership,
    podspec,
    projections,
    trees,
)
from choreo_local.embedded.kubelet.podspec import Manifest
from choreo_local.embedded.kubelet.projections import Files, Sources, VolumeError
from choreo_local.embedded.kubelet.runtime import Mount, StartError

_DATA = "..data"
_SHARED_MODE = 0o777
_REFUSED = {
    "hostPath": "hostPath volumes are refused: pods must not reach the files of this machine",
}


class Volumes:
    """Makes the volumes of pods.

    Args:
        claims: folder of persistent volumes; they outlive pods.
    """

    def __init__(self, claims: Path) -> None:
        self._claims = claims

    def prepare(
        self, pod: Manifest, folder: Path, sources: Sources, claims: Mapping[str, str]
    ) -> dict[str, Path]:
        """Make or bring up to date all volumes of a pod; answers where each one lies.

        `folder` is the pod's; `claims` gives the uid of each persistent volume claim by its name.
        """
        return {
            volume["name"]: self._prepare(pod, volume, folder, sources=sources, claims=claims)
            for volume in pod["spec"].get("volumes") or ()
        }

    @staticmethod
    def give_to_group(pod: Manifest, volumes: Mapping[str, Path]) -> None:
        """Give what a pod's containers write to the group that the pod wants; may take long."""
        group = ownership.group_of(pod)
        if group is None:
            return
        own = projected(pod)
        for name, place in volumes.items():
            if name not in own:
                ownership.give(place, group, lazy=ownership.is_lazy(pod))

    def _prepare(
        self,
        pod: Manifest,
        volume: Manifest,
        folder: Path,
        *,
        sources: Sources,
        claims: Mapping[str, str],
    ) -> Path:
        place: Path = folder / "volumes" / volume["name"]
        try:
            if projections.is_projected(volume):
                group = ownership.group_of(pod)
                replace_files(place, projections.files(pod, volume, sources), group=group)
            elif volume.get("emptyDir") is not None:
                _make_shared(place)
            elif (claim := podspec.claim_of(pod, volume)) is not None:
                place = self._claim(claim, claims)
            else:
                raise VolumeError(_refusal(volume))
        except (VolumeError, StartError) as error:
            detail = f'MountVolume.SetUp failed for volume "{volume["name"]}" : {error.message}'
            raise VolumeError(detail) from error
        except OSError as error:
            detail = f'MountVolume.SetUp failed for volume "{volume["name"]}" : {error}'
            raise VolumeError(detail) from error
        return place

    def _claim(self, name: str, claims: Mapping[str, str]) -> Path:
        if name not in claims:
            raise VolumeError(f'persistentvolumeclaim "{name}" not found')
        place = self._claims / claims[name]
        _make_shared(place)
        return place

    def forget_claim(self, uid: str) -> None:
        """Remove the files of a claim that was deleted."""
        trees.remove(self._claims / uid)


def _make_shared(place: Path) -> None:
    if not place.is_dir():
        place.mkdir(parents=True)
        place.chmod(_SHARED_MODE)


def _refusal(volume: Manifest) -> str:
    kinds = sorted(set(volume) - {"name"})
    for kind in kinds:
        if kind in _REFUSED:
            return _REFUSED[kind]
    return f"this node does not provide volumes of type {', '.join(kinds) or 'none'}"


def projected(pod: Manifest) -> frozenset[str]:
    """The names of a pod's volumes whose files we make."""
    found = pod["spec"].get("volumes") or ()
    return frozenset(each["name"] for each in found if projections.is_projected(each))


def replace_files(place: Path, wanted: Files, *, group: int | None = None) -> bool:
    """Make a folder hold exactly `wanted`; answers whether anything changed."""
    place.mkdir(parents=True, exist_ok=True)
    data = place / _DATA
    if data.is_dir() and _matches(data, wanted):
        return False
    fresh = place / f"..{clock.now().strftime('%Y_%m_%d_%H_%M_%S')}.{clock.random_suffix(8)}"
    fresh.mkdir()
    for path, file in wanted.items():
        target = _checked(fresh, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
        target.chmod(file.mode)
        if group is not None:
            ownership.give_file(target, group)
    old = Path(os.path.realpath(data)) if data.is_symlink() else None
    pending = place / "..data_tmp"
    pending.unlink(missing_ok=True)
    pending.symlink_to(fresh.name)
    pending.rename(data)
    _link_names(place, {path.split("/")[0] for path in wanted})
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
    return True


def _checked(folder: Path, path: str) -> Path:
    normal = posixpath.normpath(path)
    if path.startswith("/") or normal.startswith("..") or normal == ".":
        raise VolumeError(f'invalid path "{path}": it must be relative and stay in the volume')
    return folder / normal


def _matches(data: Path, wanted: Files) -> bool:
    present = {
        found.relative_to(data).as_posix(): found for found in data.rglob("*") if found.is_file()
    }
    return present.keys() == {posixpath.normpath(path) for path in wanted} and all(
        present[posixpath.normpath(path)].read_bytes() == file.content
        for path, file in wanted.items()
    )


def _link_names(place: Path, names: set[str]) -> None:
    for name in names:
        link = place / name
        if not link.is_symlink():
            link.symlink_to(f"{_DATA}/{name}")
    for found in place.iterdir():
        if found.is_symlink() and found.name != _DATA and found.name not in names:
            found.unlink()


def mounts(
    container: Manifest,
    volumes: Mapping[str, Path],
    folder: Path,
    *,
    variables: Mapping[str, str],
    projected: Container[str],
) -> Sequence[Mount]:
    """The mounts of a container; `folder` keeps copies of single files.

    Nobody but us writes to `projected` volumes: we follow the links in them.
    """
    found = []
    for index, entry in enumerate(container.get("volumeMounts") or ()):
        source = volumes.get(entry["name"])
        if source is None:
            raise StartError(f"volume {entry['name']} is not there", reason="CreateContainerError")
        below = entry.get("subPath") or environment.expand(
            entry.get("subPathExpr") or "", [variables]
        )
        path, is_ours = entry["mountPath"], entry["name"] in projected
        read_only = is_ours or bool(entry.get("readOnly"))
        if not below:
            found.append(Mount(path, source, read_only))
        elif is_ours:
            copy = _copied(source, below, folder / "subpaths" / f"{index}")
            found.append(Mount(path, copy, read_only))
        else:
            found.append(Mount(path, _sub_path(source, below), read_only, within=source))
    return found


def _sub_path(volume: Path, below: str) -> Path:
    """A path of a volume that containers write to; a folder is made where nothing is."""
    place = _sub_place(volume, below)
    try:
        if beneath.is_possible():
            os.close(beneath.make(volume, below, mode=_SHARED_MODE))
        elif not Path(os.path.realpath(place)).is_relative_to(os.path.realpath(volume)):
            raise OSError(errno.EXDEV, "it leads out of the volume")
        elif not place.exists():
            _make_shared(place)
    except OSError as error:
        is_outside = error.errno in {errno.EXDEV, errno.ELOOP}
        detail = "it leads out of the volume" if is_outside else error.strerror
        message = f'failed to prepare subPath "{below}": {detail}'
        raise StartError(message, reason="CreateContainerConfigError") from error
    return place


def _sub_place(volume: Path, below: str) -> Path:
    try:
        return _checked(volume, below)
    except VolumeError as error:
        raise StartError(error.message, reason="CreateContainerConfigError") from error


def _copied(volume: Path, below: str, copy: Path) -> Path:
    """Files made from objects are copied, as those of a path do not follow updates."""
    place = _sub_place(volume, below)
    if not place.exists():
        message = f'failed to prepare subPath "{below}": no such file in the volume'
        raise StartError(message, reason="CreateContainerConfigError")
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(parents=True)
    target = copy / place.name
    if place.is_dir():
        shutil.copytree(place, target)
    else:
        shutil.copy2(place, target)
    return target
