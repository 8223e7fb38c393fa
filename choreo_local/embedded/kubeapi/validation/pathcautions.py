"""Files of a volume that hide each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import fielderrors

Object = Mapping[str, Any]
# A path inside a volume, and where it comes from.
_Origin = tuple[str, str]


def of_volumes(volumes: Sequence[Object]) -> Iterator[str]:
    """What to warn about in the volumes of a pod."""
    for volume in volumes:
        name = fielderrors.quote(volume.get("name") or "")
        for title, paths in _groups(volume):
            for one, other in _overlaps(paths):
                yield (
                    f"volume {name} ({title}): overlapping paths: {_shown(one)} with "
                    f"{_shown(other)}"
                )
        for source in (volume.get("projected") or {}).get("sources") or ():
            if not any(found is not None for found in source.values()):
                yield f"volume {name} (Projected) has no sources provided"


def _groups(volume: Object) -> Iterator[tuple[str, list[_Origin]]]:
    for field, title, key in (
        ("configMap", "ConfigMap", "name"),
        ("secret", "Secret", "secretName"),
        ("downwardAPI", "DownwardAPI", ""),
    ):
        found = volume.get(field)
        if found is not None:
            named = f"{title} {fielderrors.quote(found.get(key) or '')}" if key else title
            yield named, _items(found, "")
    projected = volume.get("projected") or {}
    origins: list[_Origin] = []
    for source in projected.get("sources") or ():
        origins += _projected(source)
    yield "Projected", origins


def _items(source: Object, origin: str) -> list[_Origin]:
    return [(item.get("path") or "", origin) for item in source.get("items") or ()]


def _projected(source: Object) -> list[_Origin]:
    for field, title in (("configMap", "ConfigMap"), ("secret", "Secret")):
        found = source.get(field)
        if found is not None:
            return _items(found, f"{title} {fielderrors.quote(found.get('name') or '')}")
    if source.get("downwardAPI") is not None:
        return _items(source["downwardAPI"], "DownwardAPI")
    if source.get("serviceAccountToken") is not None:
        return [(source["serviceAccountToken"].get("path") or "", "ServiceAccountToken")]
    return []


def _overlaps(origins: Sequence[_Origin]) -> Iterator[tuple[_Origin, _Origin]]:
    earlier: list[_Origin] = []
    for path, origin in origins:
        one = (path.rstrip("/"), origin)
        for other in earlier:
            if one[0] and other[0] and _is_within(one[0], other[0]):
                yield one, other
        earlier.append(one)


def _is_within(one: str, other: str) -> bool:
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _shown(origin: _Origin) -> str:
    path, source = origin
    quoted = fielderrors.quote(path)
    return f"{quoted} ({source})" if source else quoted
