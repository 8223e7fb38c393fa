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

from choreo_local import clock
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import ChoreoError, UnreachableError
from choreo_local.kubeclient.client import KubeClient

logger = logging.getLogger(__name__)

Manifest = Mapping[str, Any]

PREFIX = "choreo:"
_SERVICE_ACCOUNT = ResourceKind("", "v1", "ServiceAccount", "serviceaccounts")
_LIFETIME_SECONDS = 24 * 3600
# A cluster may give tokens for a shorter time than was asked for.
_RENEW_AT_LATEST_SECONDS = 3600
_RENEW_AT_EARLIEST_SECONDS = 60
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
        self._wait: float = _RENEW_AT_LATEST_SECONDS

    def source(self, plane: str) -> Callable[[], str]:
        """Says the token of a plane that is good now."""

        def token() -> str:
            try:
                return self._tokens[plane]
            except KeyError:
                raise UnreachableError(f'cannot act as "{plane}": it has no token yet') from None

        return token

    async def renew(self) -> None:
        """Request a token for each plane."""
        client = await self._connect()
        waits = []
        try:
            for plane in self._planes:
                issued = await _request(client, ACCOUNTS[plane])
                self._tokens[plane] = issued["token"]
                waits.append(wait_before_renewal(issued["expirationTimestamp"], clock.unix()))
        finally:
            await client.close()
        self._wait = min(waits, default=_RENEW_AT_LATEST_SECONDS)

    async def keep_fresh(self) -> None:
        """Renew all tokens again and again, until cancelled."""
        wait = self._wait
        while True:
            await asyncio.sleep(wait)
            try:
                await self.renew()
            except ChoreoError as error:
                # The old ones are good for as long again; a person's kubeconfig may come back, and
                # they may log in again.
                logger.warning("Tokens not renewed error=%s", error)
                wait = _RETRY_SECONDS
            else:
                wait = self._wait


def wait_before_renewal(expires: str, now: float) -> float:
    """Half of the time that a token has left, within limits. Pure."""
    left = clock.parse_timestamp(expires).timestamp() - now
    return min(max(left / 2, _RENEW_AT_EARLIEST_SECONDS), _RENEW_AT_LATEST_SECONDS)


async def _request(client: KubeClient, account: Account) -> Mapping[str, str]:
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "metadata": {"name": account.name, "namespace": account.namespace},
        "spec": {"expirationSeconds": _LIFETIME_SECONDS},
    }
    issued = await client.create(_SERVICE_ACCOUNT, request, subresource="token")
    status: Mapping[str, str] = issued["status"]
    return status
