"""A stand-in for the External Secrets operator: makes the Secrets that ExternalSecrets describe.

Where values come from on this machine is told in `stores`; `pushsecrets` brings them there. Not
here: generators other than Password, templates from ConfigMaps, decoding strategies.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from choreo_local import clock
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.addons import passwords, secretplans, stores
from choreo_local.embedded.addons.appearing import AppearingKinds, InformerSource
from choreo_local.embedded.addons.passwords import PasswordError
from choreo_local.embedded.addons.secretplans import Store, SyncError
from choreo_local.errors import ApiError, ConflictError, NotFoundError, UnreachableError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.interfaces import Manifest
from choreo_local.tasks import TaskGroup
from choreo_local.workqueue import WorkQueue, work

logger = logging.getLogger(__name__)

SECRETS = ResourceKind("", "v1", "Secret", "secrets")
EXTERNAL_SECRETS = ResourceKind("external-secrets.io", "v1", "ExternalSecret", "externalsecrets")
SECRET_STORES = ResourceKind("external-secrets.io", "v1", "SecretStore", "secretstores")
CLUSTER_SECRET_STORES = ResourceKind(
    "external-secrets.io", "v1", "ClusterSecretStore", "clustersecretstores", namespaced=False
)
PASSWORDS = ResourceKind("generators.external-secrets.io", "v1alpha1", "Password", "passwords")

_RETRY_SECONDS = 30.0
_LONGEST_RETRY_SECONDS = 60.0

_Key = tuple[str, str]


class ExternalSecretsController:
    """Keeps the Secrets of all ExternalSecrets.

    Args:
        client: reads and writes; its field manager should be `externalsecrets`.
        informers: shared with the rest of the cluster.
    """

    def __init__(self, client: KubeClient, informers: InformerSource) -> None:
        self._client = client
        self._tasks = TaskGroup("external-secrets")
        self._queue: WorkQueue[_Key] = WorkQueue(longest_retry_seconds=_LONGEST_RETRY_SECONDS)
        self._stores: WorkQueue[tuple[str, str, str]] = WorkQueue()
        self._secrets = informers.of(SECRETS)
        self._kinds = AppearingKinds(
            client,
            informers,
            {
                EXTERNAL_SECRETS: self._external_changed,
                SECRET_STORES: self._store_changed,
                CLUSTER_SECRET_STORES: self._store_changed,
                PASSWORDS: lambda old, new: None,
            },
        )

    def start(self) -> None:
        """Begin to work in the running event loop."""
        self._secrets.add_callback(self._secret_changed)
        self._tasks.start(self._kinds.run(), name="kinds")
        self._tasks.start(work(self._queue, self._guarded), name="secrets")
        self._tasks.start(work(self._stores, self._store_guarded), name="stores")

    async def stop(self) -> None:
        """Stop."""
        await self._tasks.stop()
        self._queue.close()

    def _external_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if new is not None:
            self._queue.add(_key(new))

    def _store_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if new is not None:
            self._stores.add((new["kind"], *_key(new)))
        if old is None or new is None or old["spec"] != new["spec"]:
            self._look_at_all()

    def _secret_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        changed = new or old or {}
        namespace = changed["metadata"]["namespace"]
        if namespace in self._store_namespaces():
            # New values are taken over at once, not only after the refresh interval.
            self._look_at_all()
            return
        for reference in changed["metadata"].get("ownerReferences") or ():
            if reference["kind"] == EXTERNAL_SECRETS.kind:
                self._queue.add((namespace, reference["name"]))

    def _store_namespaces(self) -> set[str]:
        found = {stores.NAMESPACE}
        for kind in (SECRET_STORES, CLUSTER_SECRET_STORES):
            informer = self._kinds.informer(kind)
            for store in informer.list() if informer else ():
                found.add(stores.namespace_of(store))
        return found

    def _look_at_all(self) -> None:
        informer = self._kinds.informer(EXTERNAL_SECRETS)
        for each in informer.list() if informer else ():
            self._queue.add(_key(each))

    async def _guarded(self, key: _Key) -> None:
        try:
            again = await self._look(key)
        except ConflictError:
            self._queue.retry(key)
        except (ApiError, UnreachableError) as error:
            logger.warning("Sync failed ExternalSecret=%s/%s error=%s", *key, error)
            self._queue.retry(key)
        else:
            self._queue.forget(key)
            if again is not None:
                self._queue.add_after(key, again)

    async def _look(self, key: _Key) -> float | None:
        informer = self._kinds.informer(EXTERNAL_SECRETS)
        external = informer.get(key[1], key[0]) if informer else None
        if external is None or external["metadata"].get("deletionTimestamp"):
            return None
        await self._secrets.synced.wait()
        current = self._secrets.get(secretplans.target_name(external), key[0])
        left = secretplans.refresh_in(external, current, clock.now())
        if left != 0.0 and not self._can_compare(external):
            return left
        try:
            await self._sync(external, current)
        except SyncError as error:
            message = f"could not get secret data from provider: {error}"
            await self._report(external, message)
            return _RETRY_SECONDS
        if left == 0.0 or not _is_ready(external):
            await self._report(external, "")
        seconds = secretplans.interval(external)
        return seconds if seconds > 0 else None

    def _can_compare(self, external: Manifest) -> bool:
        """Whether values may be read early: generators would answer something new each time."""
        spec = external["spec"]
        if spec.get("refreshPolicy", "Periodic") != "Periodic":
            return False
        if secretplans.interval(external) <= 0:
            return False
        return not any(
            (each.get("sourceRef") or {}).get("generatorRef") for each in spec.get("dataFrom") or ()
        )

    async def _sync(self, external: Manifest, current: Manifest | None) -> None:
        found = secretplans.values(external["spec"], self._store(external))
        wanted = secretplans.build_secret(external, found, current)
        if wanted is None or secretplans.is_same(current, wanted):
            return
        if current is None:
            await self._client.create(SECRETS, wanted)
        else:
            await self._client.update(SECRETS, wanted)

    def _store(self, external: Manifest) -> Store:
        namespace = external["metadata"]["namespace"]
        reference = external["spec"].get("secretStoreRef")
        found: dict[str, dict[str, bytes]] = {}
        if reference:
            store = self._store_object(reference, namespace)
            secrets = self._secrets.list(stores.namespace_of(store))
            found = stores.contents(store, secrets)

        def generate(generator: Mapping[str, Any]) -> Mapping[str, bytes]:
            return self._generated(generator, namespace)

        return Store(found.get, sorted(found), generate)

    def _store_object(self, reference: Mapping[str, Any], namespace: str) -> Manifest:
        is_cluster_wide = reference.get("kind") == CLUSTER_SECRET_STORES.kind
        kind = CLUSTER_SECRET_STORES if is_cluster_wide else SECRET_STORES
        informer = self._kinds.informer(kind)
        store = None
        if informer is not None:
            store = informer.get(reference["name"], None if is_cluster_wide else namespace)
        if store is None:
            raise SyncError(f'{kind.kind} "{reference["name"]}" does not exist')
        return store

    def _generated(self, generator: Mapping[str, Any], namespace: str) -> Mapping[str, bytes]:
        name, kind = generator["name"], generator["kind"]
        if kind != PASSWORDS.kind:
            raise SyncError(f'generator kind "{kind}" is not supported')
        informer = self._kinds.informer(PASSWORDS)
        found = informer.get(name, namespace) if informer else None
        if found is None:
            raise SyncError(f'{kind} "{name}" does not exist')
        try:
            return {"password": passwords.generate(found["spec"]).encode()}
        except PasswordError as error:
            raise SyncError(f'{kind} "{name}": {error}') from None

    async def _report(self, external: Manifest, problem: str) -> None:
        status = secretplans.status(external, problem, clock.now())
        if status != external.get("status"):
            await self._client.update_status(EXTERNAL_SECRETS, {**external, "status": status})

    async def _store_guarded(self, key: tuple[str, str, str]) -> None:
        kind = CLUSTER_SECRET_STORES if key[0] == CLUSTER_SECRET_STORES.kind else SECRET_STORES
        informer = self._kinds.informer(kind)
        store = informer.get(key[2], key[1] or None) if informer else None
        if store is None:
            return
        status = stores.status(store, clock.timestamp())
        if status == store.get("status"):
            return
        try:
            await self._client.update_status(kind, {**store, "status": status})
        except NotFoundError:
            return
        except (ApiError, UnreachableError):
            self._stores.retry(key)


def _key(obj: Manifest) -> _Key:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _is_ready(external: Manifest) -> bool:
    conditions = (external.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
