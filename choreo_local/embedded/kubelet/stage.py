"""Where sandboxes with users of their own find their files: a mount namespace of the instance.

Folders of the instance and of the user who runs it are closed to all others on this machine, also
to the users of containers. What a container is made of is put, mount by mount, into a folder that
exists in this namespace only. All of it ends with the process and the last container.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from choreo_local.embedded.kubelet.mounting import Mounting

# Folders that nothing of a container lies in: they are hidden in the namespace.
_PLACES = (Path("/mnt"), Path("/media"), Path("/srv"))


class Stage:
    """The namespace; one thread of ours lives in it."""

    def __init__(self) -> None:
        self._mounting = Mounting()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="stage")
        self._folder = _place()
        self._numbers = itertools.count(1)
        try:
            self._own = self._thread.submit(self._mounting.own_namespace, self._folder).result()
        except OSError:
            self._thread.shutdown()
            raise

    @property
    def path(self) -> str:
        """A path by which programs that we start can enter."""
        return f"/proc/{os.getpid()}/fd/{self._own}"

    def begin(self) -> Part:
        """A place for the files of one container."""
        return Part(self._mounting, self._thread, self._folder / str(next(self._numbers)))

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=True)
        os.close(self._own)


def _place() -> Path:
    for each in _PLACES:
        if each.is_dir() and not each.is_symlink():
            return each
    raise OSError(f"this machine has none of the folders {', '.join(map(str, _PLACES))}")


class Part:
    """The files of one container; they appear all at once with `show`."""

    def __init__(self, mounting: Mounting, thread: ThreadPoolExecutor, folder: Path) -> None:
        self._mounting = mounting
        self._thread = thread
        self._folder = folder
        self._taken: dict[Path, int] = {}
        self._files: set[Path] = set()
        self._known: dict[tuple[Path, int | None], Path] = {}
        self._places: list[Path] = []
        self._is_shown = False

    def add(self, path: Path, *, owners: int | None, must: bool = True) -> Path:
        """Where a file or folder will be found; `owners` maps its owners.

        A file system that cannot map owners raises OSError, unless it need not (`must`).
        """
        if (path, owners) not in self._known:
            opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                self._known[path, owners] = self.add_opened(opened, owners=owners, must=must)
            finally:
                os.close(opened)
        return self._known[path, owners]

    def add_opened(self, opened: int, *, owners: int | None, must: bool = True) -> Path:
        """The same for a file or folder that was opened."""
        mount = self._mounting.take(opened)
        try:
            if owners is not None:
                with contextlib.nullcontext() if must else contextlib.suppress(OSError):
                    self._mounting.show_as(mount, owners)
        except OSError:
            os.close(mount)
            raise
        place = self._folder / str(len(self._places))
        self._places.append(place)
        self._taken[place] = mount
        if not stat.S_ISDIR(os.fstat(opened).st_mode):
            self._files.add(place)
        return place

    def show(self) -> None:
        """Put all of it in its place."""
        self._is_shown = True
        try:
            self._thread.submit(self._put).result()
        finally:
            self._forget()

    def _put(self) -> None:
        self._folder.mkdir()
        for place, mount in self._taken.items():
            if place in self._files:
                place.touch()
            else:
                place.mkdir()
            self._mounting.put(mount, place)

    def _forget(self) -> None:
        for mount in self._taken.values():
            os.close(mount)
        self._taken.clear()

    def remove(self) -> None:
        """Take all of it away; a container that runs has its own view of it."""
        self._forget()
        if self._is_shown:
            self._is_shown = False
            # Nobody waits for it: the thread does one thing after the other.
            self._thread.submit(self._remove)

    def _remove(self) -> None:
        for place in self._places:
            with contextlib.suppress(OSError):
                self._mounting.remove(place)
            with contextlib.suppress(OSError):
                place.unlink() if place in self._files else place.rmdir()
        with contextlib.suppress(OSError):
            self._folder.rmdir()
