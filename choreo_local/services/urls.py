"""Where a component answers in an environment; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from choreo_local.apiclient.types import EndpointUrl
from choreo_local.rendering import endpoints

# Who may call, widest first; and in which order a person tries the listeners.
_BUCKETS = (("external", "externalURLs"), ("internal", "internalURLs"))
_LISTENERS = ("http", "https", "tls")


def of_binding(binding: Mapping[str, Any]) -> list[EndpointUrl]:
    """The URLs of a ReleaseBinding: from outside first, within the cell last."""
    entries = (binding.get("status") or {}).get("endpoints") or ()
    found = [url for bucket in _BUCKETS for entry in entries for url in _gateway(entry, *bucket)]
    found += [
        EndpointUrl(entry["name"], endpoints.address(entry["serviceURL"]), "project")
        for entry in entries
        if entry.get("serviceURL")
    ]
    return found


def _gateway(entry: Mapping[str, Any], visibility: str, bucket: str) -> Iterator[EndpointUrl]:
    urls = entry.get(bucket) or {}
    for listener in _LISTENERS:
        if urls.get(listener):
            yield EndpointUrl(entry["name"], endpoints.address(urls[listener]), visibility)
