"""CustomResourceDefinitions at work: serve their resources, keep instances readable, clean up.

Follows the stored definitions and acts in the next turn of the loop, so that whoever created one
sees it first without and then with its conditions, as on a real cluster.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from choreo_local import clock
from choreo_local.apimachinery.schema import defaulting, pruning
from choreo_local.embedded.kubeapi import crdspecs, deleting
from choreo_local.embedded.kubeapi.core import Call, Core
from choreo_local.embedded.kubeapi.crdconversion import WebhookConverter
from choreo_local.embedded.kubeapi.messages import MASTER, Request
from choreo_local.embedded.kubeapi.options import DeleteOptions
from choreo_local.embedded.kubeapi.registry import Collection
from choreo_local.embedded.storage.eventlog import DELETED, Event
from choreo_local.errors import ChoreoError

logger = logging.getLogger(__name__)

_RESOURCE = crdspecs.RESOURCE


class Definitions:
    """Keeps the registry in step with the stored definitions.

    Args:
        core: the shared parts; the registry gains and loses resources.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        # name → (group, versions, plural, storage) of what is served.
        self._served: dict[str, tuple[str, tuple[str, ...], str]] = {}
        self._generations: dict[str, tuple[Any, ...]] = {}
        self._pending: set[str] = set()
        self._leave: Callable[[], None] | None = None
        self._leave_instances: dict[str, Callable[[], None]] = {}

    def start(self) -> None:
        """Serve what is established, and follow changes."""
        for stored in self._core.store.select(_RESOURCE):
            self._reconcile(stored.name)
        self._leave = self._core.store.log(_RESOURCE).follow(self._changed)

    def stop(self) -> None:
        """Follow no more."""
        if self._leave is not None:
            self._leave()
        for leave in self._leave_instances.values():
            leave()
        self._leave_instances.clear()

    def _changed(self, event: Event) -> None:
        name = event.current.name
        if event.type == DELETED:
            self._withdraw(name)
            self._wake_rejected(name)
        else:
            self._wake(name)

    def _wake(self, name: str) -> None:
        if name not in self._pending:
            self._pending.add(name)
            asyncio.get_running_loop().call_soon(self._run, name)

    def _wake_rejected(self, gone: str) -> None:
        """A name that has become free may be what another definition waits for."""
        group = gone.partition(".")[2]
        for stored in self._core.store.select(_RESOURCE):
            if stored.object["spec"]["group"] == group:
                self._wake(stored.name)

    def _run(self, name: str) -> None:
        self._pending.discard(name)
        try:
            self._reconcile(name)
        except ChoreoError:
            logger.exception("Definition not reconciled name=%s", name)

    def _reconcile(self, name: str) -> None:
        stored = self._core.store.get(_RESOURCE, name)
        if stored is None:
            return
        crd = stored.fresh()
        if crdspecs.is_terminating(crd):
            self._terminate(name, crd)
            return
        crdspecs.accept_names(crd, self._others(name, crd), now=clock.timestamp())
        if crd != stored.object:
            self._core.store.put(_RESOURCE, name, crd)
        if crdspecs.is_established(crd):
            self._serve(name, crd)

    def _others(self, name: str, crd: dict[str, Any]) -> list[dict[str, Any]]:
        group = crd["spec"]["group"]
        return [
            stored.object
            for stored in self._core.store.select(_RESOURCE)
            if stored.name != name and stored.object["spec"]["group"] == group
        ]

    def _serve(self, name: str, crd: dict[str, Any]) -> None:
        fingerprint = (crd["spec"], crd["status"]["acceptedNames"])
        if self._generations.get(name) == fingerprint:
            return
        group, storage = crd["spec"]["group"], crdspecs.storage_version(crd)
        resources = crdspecs.resources(crd)
        plural = crd["status"]["acceptedNames"]["plural"]
        versions = tuple(served.kind.version for served in resources)
        conversion = crd["spec"].get("conversion") or {}
        converter = None
        if conversion.get("strategy") == "Webhook":
            converter = WebhookConverter(self._core.store, conversion)
        before = self._served.get(name)
        for version in set(before[1] if before else ()) - set(versions):
            self._core.registry.remove(group, version, plural)
        for served in resources:
            collection = Collection(served, storage_version=storage)
            collection.converter = converter
            self._core.registry.add(collection)
            if served.storage_version:
                self._refresh_instances(collection)
        self._served[name] = (group, versions, plural)
        self._generations[name] = fingerprint

    def _refresh_instances(self, collection: Collection) -> None:
        """Let stored objects read as the present schema says: pruned, with its defaults."""
        schema = collection.served.schema
        if schema is None:
            return
        for stored in self._core.store.select(collection.storage):
            obj = stored.fresh()
            if collection.converter and obj["apiVersion"] != collection.kind.api_version:
                continue
            obj["apiVersion"] = collection.kind.api_version
            pruning.prune(schema, obj)
            defaulting.apply(schema, obj)
            if obj != stored.object:
                self._core.store.rewrite(collection.storage, stored.key, obj)

    def _withdraw(self, name: str) -> None:
        served = self._served.pop(name, None)
        self._generations.pop(name, None)
        leave = self._leave_instances.pop(name, None)
        if leave is not None:
            leave()
        if served is None:
            return
        group, versions, plural = served
        for version in versions:
            self._core.registry.remove(group, version, plural)
        self._core.store.log(f"{plural}.{group}").end()

    def _terminate(self, name: str, crd: dict[str, Any]) -> None:
        """Delete the instances; when none is left, let the definition go."""
        if crdspecs.CLEANUP not in (crd["metadata"].get("finalizers") or ()):
            return
        collections = self._collections(name)
        for collection in collections:
            collection.terminating = True
        storage = self._storage(crd)
        if collections and self._core.store.count(storage):
            self._await_instances(name, storage)
            crdspecs.mark_terminating(crd, finished=False, now=clock.timestamp())
            self._put_if_changed(name, crd)
            ours = next((one for one in collections if one.is_stored_version), collections[0])
            self._delete_instances(ours)
            if self._core.store.count(storage):
                return
            crd = self._current(name)
        crdspecs.mark_terminating(crd, finished=True, now=clock.timestamp())
        finalizers = [one for one in crd["metadata"]["finalizers"] if one != crdspecs.CLEANUP]
        if finalizers:
            crd["metadata"]["finalizers"] = finalizers
            self._put_if_changed(name, crd)
        else:
            del crd["metadata"]["finalizers"]
            self._core.store.remove(_RESOURCE, name, crd)

    def _current(self, name: str) -> dict[str, Any]:
        stored = self._core.store.get(_RESOURCE, name)
        return {} if stored is None else stored.fresh()

    def _put_if_changed(self, name: str, crd: dict[str, Any]) -> None:
        if crd != self._current(name):
            self._core.store.put(_RESOURCE, name, crd)

    @staticmethod
    def _storage(crd: dict[str, Any]) -> str:
        return f"{crd['spec']['names']['plural']}.{crd['spec']['group']}"

    def _collections(self, name: str) -> list[Collection]:
        group, versions, plural = self._served.get(name, ("", (), ""))
        found = [self._core.registry.find(group, version, plural) for version in versions]
        return [collection for collection in found if collection is not None]

    def _await_instances(self, name: str, storage: str) -> None:
        if name in self._leave_instances:
            return

        def changed(event: Event) -> None:
            if event.type == DELETED:
                self._wake(name)

        self._leave_instances[name] = self._core.store.log(storage).follow(changed)

    def _delete_instances(self, collection: Collection) -> None:
        for stored in self._core.store.select(collection.storage):
            call = Call(
                Request("DELETE", ""),
                MASTER,
                "delete",
                collection,
                namespace=stored.namespace,
                name=stored.name,
            )
            deleting.remove(self._core, call, stored, DeleteOptions())
