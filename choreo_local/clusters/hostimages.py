"""Host images as images of a container engine, for clusters whose nodes are containers.

A host image runs on this machine's Python; on a node it needs one of its own. Only images of plain
Python scripts can be made so, which those of the demo are.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from choreo_local.embedded.kubelet import hostimages
from choreo_local.embedded.kubelet.hostimages import HostImage

BASE = "python:3.13-alpine"
_TAG = "1.0"


def portable(folders: Iterable[Path]) -> Iterator[HostImage]:
    """The host images below some folders that have names of their own and are plain scripts."""
    for folder in folders:
        for file in sorted(folder.glob("*/image.yaml")):
            found = hostimages.load(file.parent)
            if found.names and all(one.is_script for one in found.programs.values()):
                yield found


def reference(image: HostImage) -> str:
    """The name under which components ask for it. Pure."""
    return f"{image.names[0]}:{_TAG}"


def dockerfile(image: HostImage) -> str:
    """How an engine makes it of what `lay_out` puts beside. Pure."""
    environment = {"PYTHONUNBUFFERED": "1", "PYTHONPATH": "/modules", **image.environment}
    return "\n".join(
        [
            f"FROM {BASE}",
            *(f"ENV {name}={json.dumps(value)}" for name, value in environment.items()),
            f"WORKDIR {image.working_folder}",
            "COPY modules /modules",
            "COPY image /image",
            "COPY --chmod=755 programs /usr/local/bin",
            f"ENTRYPOINT {json.dumps(list(image.entrypoint))}",
            f"CMD {json.dumps(list(image.arguments))}",
            "",
        ]
    )


def lay_out(image: HostImage, folder: Path) -> None:
    """Put together what the engine needs, in an empty folder."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(image.folder, folder / "image", ignore=ignored)
    (folder / "modules").mkdir()
    for modules in image.module_path:
        shutil.copytree(modules, folder / "modules", ignore=ignored, dirs_exist_ok=True)
    (folder / "programs").mkdir()
    for name, program in image.programs.items():
        script = program.path.relative_to(image.folder)
        (folder / "programs" / name).write_text(
            "#!/usr/bin/env python3\n"
            f"import runpy, sys\nsys.path.insert(0, '/image')\n"
            f"runpy.run_path('/image/{script}', run_name='__main__')\n",
            encoding="utf-8",
        )
    (folder / "Dockerfile").write_text(dockerfile(image), encoding="utf-8")


def fingerprint(folder: Path) -> str:
    """Changes with anything that `lay_out` has put into a folder."""
    digest = hashlib.sha256()
    for file in sorted(one for one in folder.rglob("*") if one.is_file()):
        digest.update(f"{file.relative_to(folder)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:12]
