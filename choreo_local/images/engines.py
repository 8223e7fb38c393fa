"""Takes images out of the stores of container engines, by their own programs."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from choreo_local.errors import PreflightError, UsageError

ENGINES = ("docker", "podman")
_MOST_WORDS = 300


@contextlib.contextmanager
def saved(engine: str, image: str) -> Iterator[Path]:
    """An archive of an image that an engine has, for the time of a block."""
    program = shutil.which(engine)
    if program is None:
        raise PreflightError(
            f"cannot import from {engine}: it is not installed",
            remedy="Name a file instead: choreo image import FILE",
        )
    if not image or image.startswith("-"):
        raise UsageError(f"{image!r} is no image of {engine}")
    with tempfile.TemporaryDirectory(prefix="choreo-import-") as folder:
        file = Path(folder) / "image.tar"
        done = subprocess.run(
            [program, "save", "-o", str(file), image],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode or not file.exists():
            words = " ".join(done.stderr.split())[-_MOST_WORDS:] or f"exit code {done.returncode}"
            raise PreflightError(
                f'{engine} does not give the image "{image}": {words}',
                remedy=f"See what it has: {engine} images",
            )
        yield file
