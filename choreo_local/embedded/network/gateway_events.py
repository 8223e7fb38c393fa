"""Events about what the data path refuses of routes and Gateways. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from choreo_local import clock

_COMPONENT = "gateway-controller"
_LONGEST_MESSAGE = 1024


def refused(obj: Mapping[str, Any], message: str, now: datetime) -> dict[str, Any]:
    """A warning that a part of an object is not served."""
    metadata = obj["metadata"]
    moment = clock.timestamp(now)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{metadata['name']}.{int(now.timestamp() * 1e9):x}",
            "namespace": metadata["namespace"],
        },
        "involvedObject": {
            "kind": obj["kind"],
            "apiVersion": obj["apiVersion"],
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata.get("uid", ""),
            "resourceVersion": metadata.get("resourceVersion", ""),
        },
        "reason": "RefusedByDataPath",
        "message": message[:_LONGEST_MESSAGE],
        "source": {"component": _COMPONENT},
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
        "type": "Warning",
        "reportingComponent": _COMPONENT,
        "reportingInstance": "",
    }
