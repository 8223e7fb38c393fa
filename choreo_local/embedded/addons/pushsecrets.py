"""A stand-in for the other half of the External Secrets operator: brings values to the local store.

Only into stores whose values are Secrets of this machine, see `stores`; not here: generators,
templates, selection by labels, conversion of keys.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from choreo_local import clock
from choreo_local.apimachinery import finalizers
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.addons import pushplans, stores
from choreo_local.embedded.addons.appearing import AppearingKinds, InformerSource
from choreo_local.embedded.addons.externalsecrets import (
    CLUSTER_SECRET_STORES,
    SECRET_STORES,
    SECRETS,
)
from choreo_local.embedded.addons.pushplans import PushError
from choreo_local.errors import ApiError, ConflictError, NotFoundError, UnreachableError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.interfaces import Manifest
from choreo_local.tasks import TaskGroup
from choreo_local.workqueue import WorkQueue, work

logger = logging.getLogger(__name__)

PUSH_SECRETS = ResourceKind("external-secrets.io", "v1alpha1", "PushSecret", "pushsecrets")

_LONGEST_RETRY_SECONDS = 60.0

_Key = tuple[str, str]


class PushSecretsController:
    """Keeps in the local store what PushSecrets bring there.

    Args:
        client: reads and writes; its field manager should be `external-secrets`.
        informers: shared with the rest of the cluster.
    """

    def __init__(self, client: KubeClient, informers: InformerSource) -> None:
        self._client = client
        self._tasks = TaskGroup("push-secrets")
        self._queue: WorkQueue[_Key] = WorkQueue(longest_retry_seconds=_LONGEST_RETRY_SECONDS)
        self._secrets = informers.of(SECRETS)
        self._kinds = AppearingKinds(
            client,
            informers,
            {
                PUSH_SECRETS: self._push_changed,
                SECRET_STORES: self._store_changed,
                CLUSTER_SECRET_STORES: self._store_changed,
            },
        )

    def start(self) -> None:
        """Begin to work in the running event loop."""
        self._secrets.add_callback(self._secret_changed)
        self._tasks.start(self._kinds.run(), name="kinds")
        self._tasks.start(work(self._queue, self._guarded), name="pushes")

    async def stop(self) -> None:
        """Stop."""
        await self._tasks.stop()
        self._queue.close()

    def _push_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        del old
        if new is not None:
            self._queue.add((new["metadata"]["namespace"], new["metadata"]["name"]))

    def _store_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        del old, new
        for push in self._pushes():
            self._push_changed(None, push)

    def _secret_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        metadata = (new or old or {})["metadata"]
        for push in self._pushes():
            is_its = push["metadata"]["namespace"] == metadata["namespace"]
            if is_its and pushplans.secret_name(push) == metadata["name"]:
                self._push_changed(None, push)

    def _pushes(self) -> list[Manifest]:
        informer = self._kinds.informer(PUSH_SECRETS)
        return list(informer.list()) if informer else []

    async def _guarded(self, key: _Key) -> None:
        try:
            await self._look(key)
        except (ConflictError, NotFoundError):
            self._queue.retry(key)
        except (ApiError, UnreachableError) as error:
            logger.warning("Push failed PushSecret=%s/%s error=%s", *key, error)
            self._queue.retry(key)
        else:
            self._queue.forget(key)

    async def _look(self, key: _Key) -> None:
        informer = self._kinds.informer(PUSH_SECRETS)
        push = informer.get(key[1], key[0]) if informer else None
        if push is None:
            return
        await self._secrets.synced.wait()
        if push["metadata"].get("deletionTimestamp"):
            await self._finalize(push)
        elif pushplans.removes(push) and not finalizers.has(push, pushplans.FINALIZER):
            # Its event brings the next look, with nothing in the store that cannot be removed.
            added = finalizers.added(finalizers.of(push), pushplans.FINALIZER)
            await self._write_finalizers(push, added)
        else:
            await self._push(push)

    async def _push(self, push: Manifest) -> None:
        secret = self._secrets.get(pushplans.secret_name(push), push["metadata"]["namespace"])
        try:
            entries = pushplans.entries(push, secret)
            for namespace in self._namespaces(push):
                for key, properties in entries.items():
                    await self._store(push, namespace, key, properties)
                for key in pushplans.synced_keys(push) - entries.keys():
                    await self._remove(namespace, key)
        except PushError as error:
            await self._report(push, f"set secret failed: {error}")
            return
        await self._report(push, "")

    async def _store(
        self, push: Manifest, namespace: str, key: str, properties: Mapping[str, str]
    ) -> None:
        existing = self._secrets.list(namespace)
        wanted = pushplans.store_secret(key, properties, existing, namespace=namespace)
        current = self._secrets.get(wanted["metadata"]["name"], namespace)
        if current is None:
            await self._client.create(SECRETS, wanted)
        elif current.get("data") != wanted["data"] and pushplans.replaces(push):
            await self._client.update(SECRETS, wanted)

    async def _finalize(self, push: Manifest) -> None:
        if not finalizers.has(push, pushplans.FINALIZER):
            return
        try:
            places = self._namespaces(push)
        except PushError:
            places = []  # with the store its values are gone
        for namespace in places:
            for key in pushplans.synced_keys(push) | pushplans.keys(push):
                await self._remove(namespace, key)
        left = finalizers.dropped(finalizers.of(push), pushplans.FINALIZER)
        await self._write_finalizers(push, left)

    async def _remove(self, namespace: str, key: str) -> None:
        for secret in self._secrets.list(namespace):
            if stores.key_of(secret) == key:
                await self._client.delete(SECRETS, secret["metadata"]["name"], namespace)

    def _namespaces(self, push: Manifest) -> list[str]:
        """The namespaces of this machine that hold the stores' values."""
        return [
            stores.namespace_of(self._store_object(reference, push["metadata"]["namespace"]))
            for reference in push["spec"].get("secretStoreRefs") or ()
        ]

    def _store_object(self, reference: Mapping[str, Any], namespace: str) -> Manifest:
        is_cluster_wide = reference.get("kind") == CLUSTER_SECRET_STORES.kind
        kind = CLUSTER_SECRET_STORES if is_cluster_wide else SECRET_STORES
        informer, name = self._kinds.informer(kind), reference.get("name", "")
        found = informer.get(name, None if is_cluster_wide else namespace) if informer else None
        if found is None:
            raise PushError(f'{kind.kind} "{name}" does not exist')
        if "fake" in (found["spec"].get("provider") or {}):
            raise PushError(f'{kind.kind} "{name}" holds fixed values')
        return found

    async def _write_finalizers(self, push: Manifest, wanted: list[str]) -> None:
        metadata = {**push["metadata"], "finalizers": wanted}
        await self._client.update(PUSH_SECRETS, {**push, "metadata": metadata})

    async def _report(self, push: Manifest, problem: str) -> None:
        status = pushplans.status(push, problem, clock.timestamp())
        if status != push.get("status"):
            await self._client.update_status(PUSH_SECRETS, {**push, "status": status})
