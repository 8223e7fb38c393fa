"""`python -m choreo_local.api.generate [--check]`: writes the CRDs of the core bundle.

Run by `scripts/generate`. With `--check` nothing is written; the exit code says whether the files
on disk are what the models say.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from choreo_local.api import crds

FOLDER = Path(__file__).parents[2] / "bundles" / "core" / "crds"
_HEADER = "# Written by scripts/generate from choreo_local/api. Do not edit.\n"


def text_of(crd: Mapping[str, Any]) -> str:
    """The file of one CRD; the same every time."""
    body = yaml.safe_dump(dict(crd), sort_keys=True, width=100, allow_unicode=True)
    return f"{_HEADER}{body}"


def wanted() -> dict[str, str]:
    """File name → content of all CRDs."""
    return {f"{crd['metadata']['name']}.yaml": text_of(crd) for crd in crds.manifests()}


def differing(folder: Path, files: Mapping[str, str]) -> Iterator[str]:
    """Names of files that are missing, different or too many."""
    present = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.yaml")}
    for name in sorted({*present, *files}):
        if present.get(name) != files.get(name):
            yield name


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Make the folder hold exactly these files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in list(differing(folder, files)):
        if name in files:
            (folder / name).write_text(files[name], encoding="utf-8")
        else:
            (folder / name).unlink()


def main(arguments: Sequence[str]) -> int:
    """Write or check; see the module."""
    files = wanted()
    if "--check" not in arguments:
        write(FOLDER, files)
        return 0
    stale = list(differing(FOLDER, files))
    for name in stale:
        sys.stderr.write(f"bundles/core/crds/{name} is not current; run scripts/generate\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
