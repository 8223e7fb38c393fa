"""Secrets of the type service-account-token: each gets a token of its account, and goes with it."""

from __future__ import annotations

import base64
from typing import Any

from choreo_local.embedded.controllermanager import kinds
from choreo_local.embedded.controllermanager.informers import (
    Index,
    ObjectKey,
    SharedInformers,
    key_of,
)
from choreo_local.embedded.controllermanager.loop import Loop
from choreo_local.embedded.controllermanager.objects import Objects
from choreo_local.embedded.controllermanager.plans import Manifest
from choreo_local.errors import ConflictError, NotFoundError
from choreo_local.tasks import TaskGroup

TYPE = "kubernetes.io/service-account-token"
ACCOUNT_NAME = "kubernetes.io/service-account.name"
ACCOUNT_UID = "kubernetes.io/service-account.uid"
# Such tokens are made to stay valid as long as their Secret; the longest that can be asked for.
_SECONDS = 1 << 32


def account_key(secret: Manifest) -> list[ObjectKey]:
    """The account that a Secret wants a token of."""
    name = (secret["metadata"].get("annotations") or {}).get(ACCOUNT_NAME)
    if secret.get("type") != TYPE or not name:
        return []
    return [(secret["metadata"]["namespace"], name)]


def is_orphaned(secret: Manifest, account: Manifest | None) -> bool:
    """Whether the account that a Secret was made for is gone, or is another one by now."""
    uid = (secret["metadata"].get("annotations") or {}).get(ACCOUNT_UID)
    return account is None or (uid is not None and uid != account["metadata"]["uid"])


def is_complete(secret: Manifest, root_ca: str) -> bool:
    """Whether there is nothing to add."""
    data = secret.get("data") or {}
    has_all = bool(data.get("token")) and data.get("ca.crt") == _encoded(root_ca)
    noted = ACCOUNT_UID in (secret["metadata"].get("annotations") or {})
    return has_all and noted and data.get("namespace") == _encoded(secret["metadata"]["namespace"])


def completed(
    secret: Manifest, account: Manifest, *, token: str | None, root_ca: str
) -> dict[str, Any]:
    """The Secret with all that belongs into it; its token stays when none is given."""
    metadata = secret["metadata"]
    noted = {**(metadata.get("annotations") or {}), ACCOUNT_UID: account["metadata"]["uid"]}
    data = {
        **(secret.get("data") or {}),
        "ca.crt": _encoded(root_ca),
        "namespace": _encoded(metadata["namespace"]),
    }
    if token is not None:
        data["token"] = _encoded(token)
    return {**secret, "metadata": {**metadata, "annotations": noted}, "data": data}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class ServiceAccountTokensLoop:
    """Looks at each such Secret when it or its account changes."""

    def __init__(self, informers: SharedInformers, objects: Objects, root_ca: str) -> None:
        self._objects = objects
        self._root_ca = root_ca
        self._secrets = informers.of(kinds.SECRETS)
        self._accounts = informers.of(kinds.SERVICE_ACCOUNTS)
        self._by_account = Index(self._secrets, lambda obj: account_key(obj))
        self._loop: Loop[ObjectKey] = Loop("service-account tokens", self._look, workers=1)
        self._secrets.add_callback(self._secret_changed)
        self._accounts.add_callback(self._account_changed)

    def start(self, tasks: TaskGroup) -> None:
        """Begin to work."""
        self._loop.start(tasks)

    def _secret_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if new is not None and new.get("type") == TYPE:
            self._loop.queue.add(key_of(dict(new)))

    def _account_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if old is not None and new is not None:
            return
        for secret in self._by_account.get(key_of(dict(new or old or {}))):
            self._loop.queue.add(key_of(secret))

    async def _look(self, key: ObjectKey) -> float | None:
        await self._accounts.synced.wait()
        secret = self._secrets.get(key[1], key[0])
        wanted = account_key(secret) if secret is not None else []
        if secret is None or not wanted or secret["metadata"].get("deletionTimestamp"):
            return None
        account = await self._account(*wanted[0])
        if account is None or is_orphaned(secret, account):
            await self._objects.delete(kinds.SECRETS, secret)
        elif not is_complete(secret, self._root_ca):
            await self._complete(secret, account)
        return None

    async def _account(self, namespace: str, name: str) -> Manifest | None:
        """The account; asked for before a Secret is deleted on the word of a cache."""
        found = self._accounts.get(name, namespace)
        if found is not None:
            return found
        try:
            return await self._objects.client.get(kinds.SERVICE_ACCOUNTS, name, namespace)
        except NotFoundError:
            return None

    async def _complete(self, secret: Manifest, account: Manifest) -> None:
        token = None
        if not (secret.get("data") or {}).get("token"):
            token = await self._token(secret, account)
        changed = completed(secret, account, token=token, root_ca=self._root_ca)
        try:
            await self._objects.client.update(kinds.SECRETS, changed)
        except ConflictError:
            # The newer state is on its way, and wakes this loop again.
            return

    async def _token(self, secret: Manifest, account: Manifest) -> str:
        metadata = account["metadata"]
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
            "spec": {
                "audiences": [],
                "expirationSeconds": _SECONDS,
                "boundObjectRef": {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "name": secret["metadata"]["name"],
                    "uid": secret["metadata"]["uid"],
                },
            },
        }
        answer = await self._objects.client.create(
            kinds.SERVICE_ACCOUNTS, request, subresource="token"
        )
        return str(answer["status"]["token"])
