"""The images of a user with the settings of that user: what an instance opens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from choreo_local.errors import UsageError
from choreo_local.images import hosts
from choreo_local.images.failures import Unavailable
from choreo_local.images.hosts import Hosts
from choreo_local.images.library import ImageLibrary


def open_library(
    folder: Path, registries: Path, *, own: Mapping[str, str] | None = None
) -> ImageLibrary:
    """The store in `folder`; `registries` is a file like `registries.yaml`, which may be missing.

    `own` are the names of the instance's registry, and where it is.
    """
    return ImageLibrary(folder, _reader(registries, own or {}))


def _reader(file: Path, own: Mapping[str, str]) -> Callable[[], Hosts]:
    """Reads the file at each pull, so that a change of it needs no restart."""

    def read() -> Hosts:
        try:
            content = file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return Hosts(own=own)
        except (OSError, UnicodeDecodeError) as error:
            raise Unavailable(f"cannot read {file}: {error}") from error
        try:
            return hosts.parse(content, own=own)
        except UsageError as error:
            # Whoever pulls is told, like of a registry that does not answer.
            raise Unavailable(error.message, remedy=error.remedy) from error

    return read
