"""Kind to resource mapping, learnt from the cluster and cached."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from choreo_local.apimachinery.gvk import ResourceKind, split_api_version
from choreo_local.errors import NotFoundError


class Discovery:
    """Answers which resource serves a kind; asks the server once a group version, and on a miss.

    Args:
        request_json: sends GET requests, as `KubeClient.request_json`.
    """

    def __init__(self, request_json: Callable[..., Awaitable[Any]]) -> None:
        self._request_json = request_json
        self._known: dict[str, dict[str, ResourceKind]] = {}

    async def resolve(self, api_version: str, kind: str) -> ResourceKind:
        """The resource of a kind; NotFoundError when the server has none."""
        known = self._known.get(api_version, {})
        if kind not in known:
            # A kind may have been added since: a miss always asks again.
            known = self._known[api_version] = await self._load(api_version)
        try:
            return known[kind]
        except KeyError:
            message = f'no matches for kind "{kind}" in version "{api_version}"'
            raise NotFoundError(message) from None

    async def _load(self, api_version: str) -> dict[str, ResourceKind]:
        group, version = split_api_version(api_version)
        path = f"/apis/{group}/{version}" if group else f"/api/{version}"
        try:
            document = await self._request_json("GET", path)
        except NotFoundError:
            return {}
        return {
            entry["kind"]: ResourceKind(
                group=group,
                version=version,
                kind=entry["kind"],
                plural=entry["name"],
                namespaced=bool(entry["namespaced"]),
            )
            for entry in document.get("resources") or ()
            if "/" not in entry["name"]
        }
