"""Images for tests, made from nothing: archives of layers, manifests, archives of images."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from choreo_local.images import documents, platforms

if TYPE_CHECKING or sys.version_info < (3, 14):
    from backports import zstd
else:
    from compression import zstd


def entry(name: str, data: bytes = b"", **more: Any) -> tuple[tarfile.TarInfo, bytes]:
    """A member of a layer; a file unless told otherwise."""
    info = tarfile.TarInfo(name)
    info.mode = 0o644
    for key, value in more.items():
        setattr(info, key, value)
    info.size = len(data)
    return info, data


def folder(name: str, **more: Any) -> tuple[tarfile.TarInfo, bytes]:
    """A folder."""
    return entry(name, type=tarfile.DIRTYPE, **{"mode": 0o755, **more})


def symlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    """A symbolic link."""
    return entry(name, type=tarfile.SYMTYPE, linkname=target)


def hardlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    """A further name of a file."""
    return entry(name, type=tarfile.LNKTYPE, linkname=target)


def layer(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """The archive of a layer."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def gzipped(data: bytes) -> bytes:
    """As registries mostly have layers."""
    return gzip.compress(data, mtime=0)


def zstandard(data: bytes) -> bytes:
    """As newer tools compress."""
    return bytes(zstd.compress(data))


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    "+gzip": gzipped,
    "+zstd": zstandard,
}


def sha256(data: bytes) -> str:
    """A digest."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def descriptor(kind: str, data: bytes, **more: Any) -> dict[str, Any]:
    """Refers to a content."""
    return {"mediaType": kind, "digest": sha256(data), "size": len(data), **more}


@dataclass
class MadeImage:
    """An image for one platform.

    Attributes:
        blobs: digest → content, of the configuration and the layers.
    """

    config: bytes
    manifest: bytes
    blobs: dict[str, bytes]
    layers: Sequence[bytes] = field(default=())

    @property
    def digest(self) -> str:
        return sha256(self.manifest)


def image(
    *layers: bytes,
    compression: str = "+gzip",
    config: dict[str, Any] | None = None,
    platform: tuple[str, str] | None = None,
) -> MadeImage:
    """An image of some layers."""
    here = platforms.of_machine()
    system, architecture = platform or (here.os, here.architecture)
    configuration = json.dumps(
        {
            "os": system,
            "architecture": architecture,
            "config": config or {},
            "rootfs": {"type": "layers", "diff_ids": [sha256(found) for found in layers]},
        }
    ).encode()
    packed = [COMPRESSIONS[compression](found) for found in layers]
    manifest = {
        "schemaVersion": 2,
        "mediaType": documents.OCI_MANIFEST,
        "config": descriptor(documents.OCI_CONFIG, configuration),
        "layers": [descriptor(documents.OCI_LAYER + compression, data) for data in packed],
    }
    blobs = {sha256(data): data for data in (configuration, *packed)}
    return MadeImage(configuration, json.dumps(manifest).encode(), blobs, packed)


def index(*entries: tuple[MadeImage, str, str]) -> bytes:
    """The same image for several platforms."""
    manifests = [
        descriptor(
            documents.OCI_MANIFEST,
            made.manifest,
            platform={"os": system, "architecture": architecture},
        )
        for made, system, architecture in entries
    ]
    content = {"schemaVersion": 2, "mediaType": documents.OCI_INDEX, "manifests": manifests}
    return json.dumps(content).encode()


def docker_archive(path: Path, made: Sequence[tuple[bytes, Sequence[bytes], list[str]]]) -> Path:
    """What `docker save` writes: configuration, layers and tags of each image."""
    listed = []
    with tarfile.open(path, "w") as archive:
        for number, (config, layers, tags) in enumerate(made):
            names = [f"{number}-{place}/layer.tar" for place in range(len(layers))]
            for name, data in [(f"{number}.json", config), *zip(names, layers, strict=True)]:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
            listed.append({"Config": f"{number}.json", "RepoTags": tags, "Layers": names})
        data = json.dumps(listed).encode()
        info = tarfile.TarInfo("manifest.json")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return path


def oci_layout(root: Path, made: MadeImage, annotations: dict[str, str] | None = None) -> Path:
    """An image layout folder."""
    blobs = root / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for data in (made.manifest, *made.blobs.values()):
        (blobs / sha256(data).removeprefix("sha256:")).write_bytes(data)
    entry_ = descriptor(documents.OCI_MANIFEST, made.manifest, annotations=annotations or {})
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry_]}))
    (root / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return root


def tree(root: Path) -> dict[str, str]:
    """What a folder holds: name → content of a file, target of a link, `/` for a folder."""
    found: dict[str, str] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_dir():
            found[name] = "/"
        elif path.is_file():
            found[name] = path.read_text(errors="replace")
        else:
            found[name] = "?"
    return found
