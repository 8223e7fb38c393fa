"""Manifests, indexes and configurations of images, read from untrusted bytes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from choreo_local.images import digests
from choreo_local.images.digests import Digest
from choreo_local.images.failures import InvalidContent

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})

MOST_DOCUMENT_BYTES = 4 << 20
_MOST_LAYERS = 512
_MOST_ENTRIES = 4096
_LAYERS = {
    OCI_LAYER: "",
    OCI_LAYER + "+gzip": "gzip",
    OCI_LAYER + "+zstd": "zstd",
    "application/vnd.oci.image.layer.nondistributable.v1.tar": "",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip": "gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd": "zstd",
    "application/vnd.docker.image.rootfs.diff.tar": "",
    "application/vnd.docker.image.rootfs.diff.tar.gzip": "gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd": "zstd",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip": "gzip",
}


@dataclass(frozen=True, slots=True)
class Platform:
    """An operating system and architecture, in the words of Go."""

    os: str = ""
    architecture: str = ""
    variant: str = ""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """Refers to a content by digest."""

    media_type: str
    digest: Digest
    size: int
    platform: Platform | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_layer(self) -> bool:
        """Whether it is a layer that can be unpacked."""
        return self.media_type in _LAYERS


@dataclass(frozen=True, slots=True)
class ImageManifest:
    """One image for one platform."""

    config: Descriptor
    layers: Sequence[Descriptor]


@dataclass(frozen=True, slots=True)
class ImageIndex:
    """The same image for several platforms."""

    manifests: Sequence[Descriptor]


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """How containers of an image are started.

    Attributes:
        diff_ids: digests of the layers' tar archives, lowest first.
        user: `user`, `uid`, `user:group` or `uid:gid`; empty means root.
        ports: as written, `8080/tcp`.
    """

    diff_ids: Sequence[Digest]
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    working_folder: str = ""
    ports: Sequence[str] = ()
    volumes: Sequence[str] = ()
    stop_signal: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    platform: Platform = Platform()
    created: str = ""


def read_object(content: bytes, what: str) -> dict[str, Any]:
    """A JSON object; InvalidContent when it is none or too long."""
    if len(content) > MOST_DOCUMENT_BYTES:
        raise InvalidContent(f"{what} is longer than {MOST_DOCUMENT_BYTES} bytes")
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise InvalidContent(f"{what} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InvalidContent(f"{what} is not a JSON object")
    return found


def media_type(found: Mapping[str, Any], declared: str = "") -> str:
    """The kind of a document: by its own word, else by what it was served as, else by its form."""
    own = found.get("mediaType")
    if isinstance(own, str) and own:
        return own
    kind = declared.partition(";")[0].strip().lower()
    if kind in INDEXES | MANIFESTS:
        return kind
    return OCI_INDEX if "manifests" in found else OCI_MANIFEST


def read_manifest(content: bytes, declared: str = "") -> ImageManifest | ImageIndex:
    """Read a manifest or an index; InvalidContent says what is wrong."""
    found = read_object(content, "manifest")
    kind = media_type(found, declared)
    if kind in INDEXES and "layers" not in found:
        entries = _list(found, "manifests", most=_MOST_ENTRIES)
        return ImageIndex([read_descriptor(entry) for entry in entries])
    if kind in MANIFESTS and "manifests" not in found:
        layers = [read_descriptor(entry) for entry in _list(found, "layers", most=_MOST_LAYERS)]
        return ImageManifest(read_descriptor(found.get("config")), layers)
    raise InvalidContent(f"manifest of media type {kind!r} is not of a form that can be used")


def read_descriptor(entry: Any) -> Descriptor:
    """Read a descriptor; InvalidContent when it is none."""
    if not isinstance(entry, dict):
        raise InvalidContent("descriptor is not an object")
    kind, size = entry.get("mediaType"), entry.get("size")
    if not isinstance(kind, str) or type(size) is not int or size < 0:
        raise InvalidContent("descriptor has no media type or no size")
    platform = entry.get("platform")
    return Descriptor(
        kind,
        digests.parse(entry.get("digest", "")),
        size,
        _platform(platform) if isinstance(platform, dict) else None,
        _texts(entry.get("annotations")),
    )


def _platform(found: Mapping[str, Any]) -> Platform:
    names = ("os", "architecture", "variant")
    return Platform(*(str(found.get(name) or "") for name in names))


def compression(kind: str) -> str:
    """How a layer is compressed: gzip, zstd or not; InvalidContent when it is no layer."""
    if kind not in _LAYERS:
        raise InvalidContent(f"layer of media type {kind!r} cannot be unpacked")
    return _LAYERS[kind]


def read_config(content: bytes) -> ImageConfig:
    """Read the configuration of an image; InvalidContent says what is wrong."""
    found = read_object(content, "configuration")
    root, config = found.get("rootfs"), found.get("config")
    if not isinstance(root, dict):
        raise InvalidContent("configuration has no rootfs")
    config = config if isinstance(config, dict) else {}
    return ImageConfig(
        diff_ids=[digests.parse(entry) for entry in _list(root, "diff_ids", most=_MOST_LAYERS)],
        entrypoint=_words(config, "Entrypoint"),
        command=_words(config, "Cmd"),
        environment=_variables(_words(config, "Env")),
        user=_text(config, "User"),
        working_folder=_text(config, "WorkingDir"),
        ports=sorted(_texts(config.get("ExposedPorts"), values=False)),
        volumes=sorted(_texts(config.get("Volumes"), values=False)),
        stop_signal=_text(config, "StopSignal"),
        labels=_texts(config.get("Labels")),
        platform=_platform(found),
        created=_text(found, "created"),
    )


def _list(found: Mapping[str, Any], name: str, *, most: int) -> list[Any]:
    value = found.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > most:
        raise InvalidContent(f"{name} is not a list of at most {most} entries")
    return value


def _words(found: Mapping[str, Any], name: str) -> list[str]:
    value = _list(found, name, most=_MOST_ENTRIES)
    if not all(isinstance(word, str) and "\0" not in word for word in value):
        raise InvalidContent(f"{name} is not a list of texts")
    return value


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name) or ""
    if not isinstance(value, str) or "\0" in value:
        raise InvalidContent(f"{name} is not a text")
    return value


def _texts(found: Any, *, values: bool = True) -> dict[str, str]:
    if not isinstance(found, dict) or len(found) > _MOST_ENTRIES:
        return {}
    return {key: str(value) if values else "" for key, value in found.items()}


def _variables(words: Sequence[str]) -> dict[str, str]:
    return {name: value for name, _, value in (word.partition("=") for word in words) if name}
