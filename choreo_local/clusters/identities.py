"""Who the planes are on a cluster that is not ours: service accounts with tokens that expire.

Each plane has an account `choreo` in its own namespace, and no right but those of its role in the
bundle `access`. Tokens come from the TokenRequest API and are renewed long before their end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import ApiError, UnreachableError
from choreo_local.kubeclient.client import KubeClient

logger = logging.getLogger(__name__)

Manifest = Mapping[str, Any]

PREFIX = "choreo:"
_SERVICE_ACCOUNT = ResourceKind("", "v1", "ServiceAccount", "serviceaccounts")
_LIFETIME_SECONDS = 24 * 3600
_RENEW_SECONDS = 3600
_RETRY_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Account:
    """A service account."""

    namespace: str
    name: str


ACCOUNTS: Mapping[str, Account] = {
    "control-plane": Account("openchoreo-control-plane", "choreo"),
    "data-plane": Account("openchoreo-data-plane", "choreo"),
    "workflow-plane": Account("openchoreo-workflow-plane", "choreo"),
    "observability-plane": Account("openchoreo-observability-plane", "choreo"),
    "gateway": Account("openchoreo-data-plane", "choreo-gateway"),
    "secrets": Account("openchoreo-data-plane", "choreo-secrets"),
}


def bound_to_accounts(manifest: Manifest) -> Manifest:
    """A binding whose subjects are accounts where they were our users; others as they are."""
    subjects = manifest.get("subjects")
    if not subjects:
        return manifest
    return {**manifest, "subjects": [_subject(one) for one in subjects]}


def _subject(subject: Mapping[str, str]) -> Mapping[str, str]:
    plane = subject["name"].removeprefix(PREFIX)
    if subject.get("kind") != "User" or plane not in ACCOUNTS:
        return subject
    account = ACCOUNTS[plane]
    return {"kind": "ServiceAccount", "name": account.name, "namespace": account.namespace}


class Tokens:
    """The tokens of all accounts; may be asked from every thread.

    Args:
        connect: opens a client with the right to request tokens.
        planes: whose tokens.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[KubeClient]],
        *,
        planes: Iterable[str] = tuple(ACCOUNTS),
    ) -> None:
        self._connect = connect
        self._planes = tuple(planes)
        self._tokens: dict[str, str] = {}

    def source(self, plane: str) -> Callable[[], str]:
        """Says the token of a plane that is good now."""

        def token() -> str:
            try:
                return self._tokens[plane]
            except KeyError:
                raise UnreachableError(f'cannot act as "{plane}": it has no token yet') from None

        return token

    async def renew(self, planes: Iterable[str] = ()) -> None:
        """Request a token for each plane."""
        client = await self._connect()
        try:
            for plane in tuple(planes) or self._planes:
                self._tokens[plane] = await _request(client, ACCOUNTS[plane])
        finally:
            await client.close()

    async def keep_fresh(self, planes: Iterable[str] = tuple(ACCOUNTS)) -> None:
        """Renew tokens again and again, until cancelled."""
        wait = _RENEW_SECONDS
        while True:
            await asyncio.sleep(wait)
            try:
                await self.renew(planes)
            except (ApiError, UnreachableError) as error:
                # The old ones are good for hours.
                logger.warning("Tokens not renewed error=%s", error)
                wait = _RETRY_SECONDS
            else:
                wait = _RENEW_SECONDS


async def _request(client: KubeClient, account: Account) -> str:
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "metadata": {"name": account.name, "namespace": account.namespace},
        "spec": {"expirationSeconds": _LIFETIME_SECONDS},
    }
    issued = await client.create(_SERVICE_ACCOUNT, request, subresource="token")
    token: str = issued["status"]["token"]
    return token
