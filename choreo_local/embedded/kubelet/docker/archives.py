"""Archives as `docker save` writes them: what every engine loads. Pure.

An archive is made while it is sent: a list of parts, of which the large ones are files.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

# Where containers of host images find what they expect beside the programs of the machine.
_FOLDERS: Mapping[str, int] = {
    "dev": 0o755,
    "etc": 0o755,
    "proc": 0o755,
    "root": 0o755,
    "run": 0o755,
    "sys": 0o755,
    "tmp": 0o1777,
    "usr": 0o755,
    "var": 0o755,
    "var/tmp": 0o1777,
}
_FILES = {"etc/nsswitch.conf": b"passwd: files\ngroup: files\nhosts: files dns\n"}


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of an image: its content, or the file that holds it.

    Attributes:
        name: of the member of the archive.
        size: in bytes.
    """

    name: str
    size: int
    content: bytes | Path


@dataclass(frozen=True, slots=True)
class MadeImage:
    """An image that we make: its only layer and its configuration."""

    config: bytes
    layer: Layer

    @property
    def digest(self) -> str:
        """Of the configuration, by which engines know an image; hexadecimal."""
        return hashlib.sha256(self.config).hexdigest()


def machine_image(links: Mapping[str, str]) -> MadeImage:
    """An image without programs: containers get those of this machine by mounts.

    Args:
        links: symbolic links of the root, e.g. `bin` → `usr/bin`.
    """
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, mode in _FOLDERS.items():
            archive.addfile(_member(name, tarfile.DIRTYPE, mode))
        for name, target in sorted(links.items()):
            link = _member(name, tarfile.SYMTYPE, 0o777)
            link.linkname = target
            archive.addfile(link)
        for name, content in _FILES.items():
            file = _member(name, tarfile.REGTYPE, 0o644)
            file.size = len(content)
            archive.addfile(file, io.BytesIO(content))
    layer = written.getvalue()
    diff_id = hashlib.sha256(layer).hexdigest()
    config = {
        "architecture": _ARCHITECTURES.get(os.uname().machine, os.uname().machine),
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]},
    }
    return MadeImage(orjson.dumps(config), Layer(f"{diff_id}.tar", len(layer), layer))


_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def _member(name: str, type_: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode = type_, mode
    return member


def parts(name: str, config: bytes, layers: Sequence[Layer]) -> Iterator[bytes | Path]:
    """What an archive consists of, in order; a path stands for the content of a file."""
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    index = [{"Config": config_name, "RepoTags": [name], "Layers": [each.name for each in layers]}]
    manifest = orjson.dumps(index)
    yield from _file("manifest.json", len(manifest), manifest)
    yield from _file(config_name, len(config), config)
    for layer in {each.name: each for each in layers}.values():
        yield from _file(layer.name, layer.size, layer.content)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def _file(name: str, size: int, content: bytes | Path) -> Iterator[bytes | Path]:
    member = _member(name, tarfile.REGTYPE, 0o644)
    member.size = size
    yield member.tobuf(tarfile.GNU_FORMAT)
    yield content
    yield b"\0" * (-size % tarfile.BLOCKSIZE)
