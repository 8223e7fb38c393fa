"""Fields of features that are off in this version: they are dropped, unless they were in use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from choreo_local.embedded.kubeapi import podtemplates
from choreo_local.embedded.kubeapi.defaults.engine import Object

Drop = Callable[[Object, Object | None], None]

_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_PROJECTIONS = ("clusterTrustBundle", "podCertificate")
_SNAPSHOTS = "snapshot.storage.k8s.io"


def drop(kind: tuple[str, str], obj: Object, old: Object | None = None) -> None:
    """Drop what is off from a new or changed object, in place.

    Args:
        kind: group and kind of the object.
        obj: the object.
        old: what it was before.
    """
    if kind in podtemplates.PATHS:
        before = podtemplates.pod_spec(kind, old) if old is not None else {}
        _from_pod(podtemplates.pod_spec(kind, obj), before)
    function = _BY_KIND.get(kind)
    if function is not None:
        function(obj["spec"], old["spec"] if old is not None else None)


def _from_pod(spec: Object, before: Object) -> None:
    for field in _PROJECTIONS:
        if not any(source.get(field) is not None for source in _projected(before)):
            for source in _projected(spec):
                source.pop(field, None)
    if not any("stopSignal" in _lifecycle(container) for container in _containers(before)):
        for container in _containers(spec):
            lifecycle = _lifecycle(container)
            if lifecycle.pop("stopSignal", None) is not None and not lifecycle:
                del container["lifecycle"]
    if before.get("schedulingGroup") is None:
        spec.pop("schedulingGroup", None)


def _projected(spec: Object) -> list[Object]:
    return [
        source
        for volume in spec.get("volumes") or ()
        for source in (volume.get("projected") or {}).get("sources") or ()
    ]


def _containers(spec: Object) -> list[Object]:
    return [container for field in _CONTAINERS for container in spec.get(field) or ()]


def _lifecycle(container: Object) -> Object:
    found: Any = container.get("lifecycle")
    return found if found is not None else {}


def _claim(spec: Object, before: Object | None) -> None:
    had_reference = before is not None and before.get("dataSourceRef") is not None
    if (spec.get("dataSourceRef") or {}).get("namespace") and not had_reference:
        del spec["dataSourceRef"]
    had_source = before is not None and before.get("dataSource") is not None
    source = spec.get("dataSource")
    if source is None or had_source or spec.get("dataSourceRef") is not None:
        return
    # Older clients expect that other origins are ignored.
    origin = (source.get("apiGroup") or "", source.get("kind"))
    if origin not in (("", "PersistentVolumeClaim"), (_SNAPSHOTS, "VolumeSnapshot")):
        del spec["dataSource"]


def _stateful_set(spec: Object, before: Object | None) -> None:
    was = ((before or {}).get("updateStrategy") or {}).get("rollingUpdate") or {}
    if was.get("maxUnavailable") is None:
        now = (spec.get("updateStrategy") or {}).get("rollingUpdate") or {}
        now.pop("maxUnavailable", None)


def _lease(spec: Object, before: Object | None) -> None:
    for field in ("strategy", "preferredHolder"):
        if (before or {}).get(field) is None:
            spec.pop(field, None)


def _driver(spec: Object, before: Object | None) -> None:
    if (before or {}).get("preventPodSchedulingIfMissing") is None:
        spec.pop("preventPodSchedulingIfMissing", None)


_BY_KIND: dict[tuple[str, str], Drop] = {
    ("", "PersistentVolumeClaim"): _claim,
    ("apps", "StatefulSet"): _stateful_set,
    ("coordination.k8s.io", "Lease"): _lease,
    ("storage.k8s.io", "CSIDriver"): _driver,
}
