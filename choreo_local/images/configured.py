"""The images of a user with the settings of that user: what an instance opens."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from choreo_local.apimachinery import quantity
from choreo_local.errors import UsageError
from choreo_local.images import hosts
from choreo_local.images.failures import Unavailable
from choreo_local.images.hosts import Hosts
from choreo_local.images.library import ImageLibrary
from choreo_local.paths import InstancePaths, registries

logger = logging.getLogger(__name__)


SPACE = "CHOREO_IMAGE_SPACE"
_USUAL_SPACE = "30Gi"


def open_library(
    paths: InstancePaths,
    *,
    own: Mapping[str, str] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> ImageLibrary:
    """The store that all instances share, with the settings beside it.

    `own` are the names of the instance's registry, and where it is.
    """
    return ImageLibrary(
        paths.images,
        _reader(paths.registries_file, own or {}),
        registries=lambda: registries(paths.root.parents[1]),
        most_bytes=space(environ),
    )


def space(environ: Mapping[str, str]) -> int:
    """How much of the disk images may take before unused ones are cleared away; 0 for all of it.

    A malformed setting clears nothing away.
    """
    text = environ.get(SPACE, "") or _USUAL_SPACE
    if not quantity.is_valid(text):
        logger.warning("Setting is no quantity name=%s value=%.40s", SPACE, text)
        return 0
    return max(0, quantity.parse(text).to_int())


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
