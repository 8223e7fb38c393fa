"""Secrets that the platform keeps on planes, over the API; `choreo secret` lives on this."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from typing import Any

from choreo_local.apiclient.client import ApiClient

Body = dict[str, Any]
_PAGE = 100


class Secrets:
    """The secrets of a namespace."""

    def __init__(self, client: ApiClient, namespace: str) -> None:
        self._client = client
        self._root = f"/api/v1alpha1/namespaces/{_quoted(namespace)}/secrets"

    async def all(self) -> list[Body]:
        """Those that the caller may see."""
        query: dict[str, str | None] = {"limit": str(_PAGE)}
        found: list[Body] = []
        while True:
            page = await self._client.request("GET", self._root, query=query)
            found += page.get("items") or ()
            query["cursor"] = (page.get("pagination") or {}).get("nextCursor")
            if not query["cursor"]:
                return found

    async def get(self, name: str) -> Body:
        """One secret, its values in base64; NotFoundError when there is none."""
        found: Body = await self._client.request("GET", self._path(name))
        return found

    async def create(self, body: Mapping[str, Any]) -> None:
        """Store a new secret; its values are plain texts."""
        await self._client.request("POST", self._root, body=body)

    async def update(self, name: str, body: Mapping[str, Any]) -> None:
        """Replace values and labels."""
        await self._client.request("PUT", self._path(name), body=body)

    async def delete(self, name: str) -> None:
        """Remove a secret wherever it is kept."""
        await self._client.request("DELETE", self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{_quoted(name)}"


def _quoted(name: str) -> str:
    return urllib.parse.quote(name, safe="")
