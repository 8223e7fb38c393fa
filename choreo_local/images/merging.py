"""Merges unpacked layers into one root file system of hard links. Blocking: runs in a thread.

Files of several images that share layers are on the disk once. A root must never be written to:
runtimes mount it read-only, or below an overlay, or copy it.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from choreo_local.images import treepaths
from choreo_local.images.folders import disk_errors
from choreo_local.images.layers import ROOT, LayerNotes, refusing


@dataclass(frozen=True, slots=True)
class UnpackedLayer:
    """A folder with the files of a layer, and its notes."""

    folder: Path
    notes: LayerNotes


def merge(root: Path, layers: Iterable[UnpackedLayer]) -> None:
    """Fill an empty folder with what containers see, lowest layer first."""
    with disk_errors("merge the layers of an image"), refusing():
        root.chmod(0o755)
        for layer in layers:
            _hide(root, layer.notes)
            _Merger(root, layer).run()
            _link(root, layer.notes)


def _hide(root: Path, notes: LayerNotes) -> None:
    for name in notes.emptied:
        folder = treepaths.resolve(root, name.split("/"))
        if treepaths.is_folder(folder):
            for path in list(folder.iterdir()):
                treepaths.remove(path)
    for name in notes.hidden:
        treepaths.remove(treepaths.place(root, name.split("/")))


def _link(root: Path, notes: LayerNotes) -> None:
    for name, target in notes.links:
        path = treepaths.place(root, name.split("/"))
        source = treepaths.place(root, target.split("/"))
        if path == source:  # by links of lower layers
            continue
        # A target that no layer has: other runtimes refuse such an image only when it is used.
        if treepaths.kind(source) not in {0, stat.S_IFDIR} and path.parent.is_dir():
            treepaths.remove(path)
            _hard_link(source, path)


class _Merger:
    """Puts one layer over what is there."""

    def __init__(self, root: Path, layer: UnpackedLayer) -> None:
        self._root = root
        self._folder = layer.folder
        self._passed = layer.notes.passed
        self._described: list[tuple[Path, Path]] = []
        if ROOT not in self._passed:
            self._described.append((layer.folder, root))

    def run(self) -> None:
        waiting = [(self._folder, self._root)]
        while waiting:
            source, target = waiting.pop()
            with os.scandir(source) as entries:
                for entry in entries:
                    place = target / entry.name
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((Path(entry.path), self._folder_at(Path(entry.path), place)))
                    else:
                        treepaths.remove(place)
                        _hard_link(Path(entry.path), place)
        # Deepest first: making an entry changes the time of its folder.
        for source, target in reversed(self._described):
            _copy_description(source, target)

    def _folder_at(self, source: Path, place: Path) -> Path:
        """Where the content of a folder goes."""
        is_passed = str(source.relative_to(self._folder)) in self._passed
        if is_passed:
            # A layer may put files through a link of a lower one, as into /lib → /usr/lib.
            names = list(place.relative_to(self._root).parts)
            place = treepaths.resolve(self._root, names)
        is_new = not treepaths.is_folder(place)
        if is_new:
            _make_way(self._root, place)
            place.mkdir()
        if is_new or not is_passed:
            self._described.append((source, place))
        return place


def _make_way(root: Path, place: Path) -> None:
    """Remove what is no folder at a place or above it; make the folders above it."""
    for folder in reversed([place, *place.parents]):
        if folder == root or not folder.is_relative_to(root):
            continue
        if not treepaths.is_folder(folder):
            treepaths.remove(folder)
            if folder != place:
                folder.mkdir(mode=0o755)


def _hard_link(source: Path, target: Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except PermissionError:
        _copy(source, target)
    except OSError as error:
        if error.errno != errno.EMLINK:  # as many names as the file system can count
            raise
        _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    shutil.copy2(source, target, follow_symlinks=False)
    _copy_owner(source.lstat(), target)


def _copy_owner(found: os.stat_result, target: Path) -> None:
    own = target.lstat()
    if (own.st_uid, own.st_gid) != (found.st_uid, found.st_gid):
        os.chown(target, found.st_uid, found.st_gid, follow_symlinks=False)


def _copy_description(source: Path, target: Path) -> None:
    found = source.lstat()
    _copy_owner(found, target)
    target.chmod(stat.S_IMODE(found.st_mode))
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
