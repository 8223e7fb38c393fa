"""EndpointSlices by their Service, kept from an informer."""

from __future__ import annotations

from collections.abc import Callable

from choreo_local.embedded.network import backends
from choreo_local.kubeclient.interfaces import Manifest
from choreo_local.kubeclient.watcher import Informer

ServiceKey = tuple[str, str]


class SlicesByService:
    """An index; `on_change` is told the namespace and name of a Service whose slices changed."""

    def __init__(self, informer: Informer, on_change: Callable[[str, str], None]) -> None:
        self.synced = informer.synced
        self._on_change = on_change
        self._found: dict[ServiceKey, dict[str, Manifest]] = {}
        informer.add_callback(self._changed)

    def get(self, namespace: str, service: str) -> list[Manifest]:
        """The slices of a Service; callers must not change them."""
        return list(self._found.get((namespace, service), {}).values())

    def all(self) -> list[Manifest]:
        """Every slice of any Service."""
        return [each for found in self._found.values() for each in found.values()]

    def _changed(self, old: Manifest | None, new: Manifest | None) -> None:
        touched: set[ServiceKey] = set()
        for each in (old, new):
            key = _service_of(each) if each is not None else None
            if each is None or key is None:
                continue
            known = self._found.setdefault(key, {})
            if each is new:
                known[each["metadata"]["name"]] = each
            else:
                known.pop(each["metadata"]["name"], None)
            if not known:
                del self._found[key]
            touched.add(key)
        for key in touched:
            self._on_change(*key)


def _service_of(obj: Manifest) -> ServiceKey | None:
    metadata = obj["metadata"]
    name = (metadata.get("labels") or {}).get(backends.SERVICE_NAME)
    return (metadata["namespace"], name) if name else None
