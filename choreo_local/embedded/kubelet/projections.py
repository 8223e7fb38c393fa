"""The files of configMap, secret, downwardAPI and projected volumes. Pure.

The caller has read the objects and requested tokens; `VolumeError` says what is missing.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from choreo_local.embedded.kubelet import environment, podspec
from choreo_local.embedded.kubelet.environment import Surroundings
from choreo_local.embedded.kubelet.podspec import Manifest
from choreo_local.errors import ChoreoError

_DEFAULT_MODE = 0o644


class VolumeError(ChoreoError):
    """A volume cannot be provided; the message ends an event of the pod."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a volume."""

    content: bytes
    mode: int = _DEFAULT_MODE


Files = dict[str, File]


@dataclass(frozen=True, slots=True)
class Sources:
    """What the volumes of a pod are made of; an absent object does not exist.

    Attributes:
        tokens: of the service account, by `audience/expirationSeconds`.
    """

    config_maps: Mapping[str, Manifest] = field(default_factory=dict)
    secrets: Mapping[str, Manifest] = field(default_factory=dict)
    tokens: Mapping[str, str] = field(default_factory=dict)
    surroundings: Surroundings = field(default_factory=lambda: Surroundings((), ()))


def needed(volume: Manifest) -> tuple[set[str], set[str]]:
    """Names of the ConfigMaps and Secrets of a volume."""
    config_maps, secrets = set(), set()
    if volume.get("configMap"):
        config_maps.add(volume["configMap"].get("name", ""))
    if volume.get("secret"):
        secrets.add(volume["secret"].get("secretName", ""))
    for source in (volume.get("projected") or {}).get("sources") or ():
        if source.get("configMap"):
            config_maps.add(source["configMap"].get("name", ""))
        if source.get("secret"):
            secrets.add(source["secret"].get("name", ""))
    return config_maps, secrets


def needed_tokens(volume: Manifest) -> list[Manifest]:
    """The service account tokens of a volume."""
    sources = (volume.get("projected") or {}).get("sources") or ()
    return [found["serviceAccountToken"] for found in sources if found.get("serviceAccountToken")]


def token_key(source: Manifest) -> str:
    """How `Sources.tokens` names a token."""
    return f"{source.get('audience') or ''}/{source.get('expirationSeconds') or 3600}"


def is_projected(volume: Manifest) -> bool:
    """Whether the volume is made of files that this module knows to build."""
    return any(
        volume.get(kind) is not None for kind in ("configMap", "secret", "downwardAPI", "projected")
    )


def files(pod: Manifest, volume: Manifest, sources: Sources) -> Files:
    """The files of a volume by their path in it."""
    if volume.get("configMap") is not None:
        source = volume["configMap"]
        return _config_map(source, sources, mode=_mode(source.get("defaultMode")))
    if volume.get("secret") is not None:
        source = {**volume["secret"], "name": volume["secret"].get("secretName", "")}
        return _secret(source, sources, mode=_mode(source.get("defaultMode")))
    if volume.get("downwardAPI") is not None:
        source = volume["downwardAPI"]
        return _downward(pod, source, sources, mode=_mode(source.get("defaultMode")))
    return _projected(pod, volume["projected"], sources)


def _projected(pod: Manifest, projected: Manifest, sources: Sources) -> Files:
    mode = _mode(projected.get("defaultMode"))
    found: Files = {}
    for source in projected.get("sources") or ():
        if source.get("configMap") is not None:
            found |= _config_map(source["configMap"], sources, mode=mode)
        elif source.get("secret") is not None:
            found |= _secret(source["secret"], sources, mode=mode)
        elif source.get("downwardAPI") is not None:
            found |= _downward(pod, source["downwardAPI"], sources, mode=mode)
        elif source.get("serviceAccountToken") is not None:
            token = sources.tokens[token_key(source["serviceAccountToken"])]
            found[source["serviceAccountToken"]["path"]] = File(token.encode(), mode)
        else:
            raise VolumeError(f"this node does not know the projected source {sorted(source)}")
    return found


def _mode(value: Any) -> int:
    return _DEFAULT_MODE if value is None else int(value)


def _config_map(source: Manifest, sources: Sources, *, mode: int) -> Files:
    obj = sources.config_maps.get(source.get("name", ""))
    if obj is None:
        return _absent("configmap", source)
    content = {key: value.encode() for key, value in (obj.get("data") or {}).items()}
    content |= {key: decoded(value) for key, value in (obj.get("binaryData") or {}).items()}
    return _selected(content, source, mode=mode)


def _secret(source: Manifest, sources: Sources, *, mode: int) -> Files:
    obj = sources.secrets.get(source.get("name", ""))
    if obj is None:
        return _absent("secret", source)
    content = {key: decoded(value) for key, value in (obj.get("data") or {}).items()}
    return _selected(content, source, mode=mode)


def decoded(text: str) -> bytes:
    """The bytes of a Secret's value."""
    try:
        return base64.b64decode(text, validate=False)
    except binascii.Error as error:
        raise VolumeError(f"cannot decode a value: {error}") from error


def _absent(kind: str, source: Manifest) -> Files:
    if source.get("optional"):
        return {}
    raise VolumeError(f'{kind} "{source.get("name", "")}" not found')


def _selected(content: Mapping[str, bytes], source: Manifest, *, mode: int) -> Files:
    items = source.get("items")
    if not items:
        return {key: File(value, mode) for key, value in content.items()}
    found: Files = {}
    for item in items:
        if item["key"] in content:
            chosen = mode if item.get("mode") is None else int(item["mode"])
            found[item["path"]] = File(content[item["key"]], chosen)
        elif not source.get("optional"):
            raise VolumeError(f"references non-existent config key: {item['key']}")
    return found


def _downward(pod: Manifest, source: Manifest, sources: Sources, *, mode: int) -> Files:
    found: Files = {}
    for item in source.get("items") or ():
        if item.get("fieldRef"):
            path = item["fieldRef"]["fieldPath"]
            text = environment.field_value(pod, path, sources.surroundings)
        else:
            reference = item["resourceFieldRef"]
            container = podspec.find_container(pod, reference.get("containerName", "")) or {}
            text = environment.resource_value(pod, container, reference, sources.surroundings)
        chosen = mode if item.get("mode") is None else int(item["mode"])
        found[item["path"]] = File(text.encode(), chosen)
    return found
