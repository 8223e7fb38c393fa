"""Counters of the kube API, in the text format of Prometheus under upstream's names."""

from __future__ import annotations

from collections import Counter

from choreo_local.embedded.kubeapi.requests import RequestInfo
from choreo_local.embedded.storage.store import Store

_HELP = (
    "# HELP apiserver_request_total [STABLE] Counter of apiserver requests broken out for each"
    " verb, dry run value, group, version, resource, scope, component, and HTTP response code.\n"
    "# TYPE apiserver_request_total counter\n"
)
_OBJECTS_HELP = (
    "# HELP apiserver_storage_objects [STABLE] Number of stored objects by resource.\n"
    "# TYPE apiserver_storage_objects gauge\n"
)

Key = tuple[str, str, str, str, str, str, int]


class Telemetry:
    """Counts answers."""

    def __init__(self) -> None:
        self._requests: Counter[Key] = Counter()

    def count(self, info: RequestInfo, code: int) -> None:
        """Note an answer."""
        scope = ""
        if info.is_resource:
            scope = "resource" if info.name else "namespace" if info.namespace else "cluster"
        verb = info.verb.upper()
        # Words that callers choose must not make new series without end.
        resource = info.resource if code != 404 else ""
        key = (verb, info.group, info.version, resource, info.subresource, scope, code)
        if code == 404:
            key = (verb, "", "", "", "", scope, code)
        self._requests[key] += 1

    def render(self, store: Store) -> bytes:
        """All counters as text."""
        lines = [_HELP]
        for key, count in sorted(self._requests.items(), key=str):
            verb, group, version, resource, subresource, scope, code = key
            labels = (
                f'code="{code}",component="apiserver",dry_run="",group="{group}",'
                f'resource="{resource}",scope="{scope}",subresource="{subresource}",'
                f'verb="{verb}",version="{version}"'
            )
            lines.append(f"apiserver_request_total{{{labels}}} {count}\n")
        lines.append(_OBJECTS_HELP)
        for resource in sorted(store.resources()):
            count = store.count(resource)
            lines.append(f'apiserver_storage_objects{{resource="{resource}"}} {count}\n')
        return "".join(lines).encode()
