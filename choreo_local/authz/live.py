"""Keeps the enforcer in step with the Authz objects of a cluster.

Changes arrive by watches and count from the moment they are seen, a few milliseconds after the
write. While the API server cannot be reached, what was last known stays in force.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from choreo_local.api import registry
from choreo_local.authz.enforcer import Enforcer
from choreo_local.errors import WaitTimeoutError
from choreo_local.kubeclient.watcher import Informer, ListWatcher
from choreo_local.tasks import TaskGroup

KINDS = (
    registry.CLUSTER_AUTHZ_ROLE,
    registry.AUTHZ_ROLE,
    registry.CLUSTER_AUTHZ_ROLE_BINDING,
    registry.AUTHZ_ROLE_BINDING,
)
_LIST_SECONDS = 30


class LivePolicies:
    """An enforcer and the watches that feed it.

    Args:
        client: of the control plane.
    """

    def __init__(self, client: ListWatcher) -> None:
        self.enforcer = Enforcer()
        self._informers = [Informer(client, kind) for kind in KINDS]
        self._tasks = TaskGroup("authz")

    async def start(self) -> None:
        """Follow the objects; returns once all that exist are in force."""
        for informer in self._informers:
            informer.add_callback(self._follower(informer.kind.kind))
            self._tasks.start(informer.run(), name=f"policies: {informer.kind.plural}")
        listed = asyncio.gather(*(informer.synced.wait() for informer in self._informers))
        try:
            await asyncio.wait_for(listed, _LIST_SECONDS)
        except TimeoutError:
            raise WaitTimeoutError(
                f"cannot read roles and bindings within {_LIST_SECONDS} s",
                remedy="See the instance's log for what the kube API answers",
            ) from None

    async def stop(self) -> None:
        """End the watches."""
        await self._tasks.stop()

    def _follower(self, kind: str) -> _Follower:
        return _Follower(self.enforcer, kind)


class _Follower:
    """Tells the enforcer of the changes of one kind; items of lists do not say their kind."""

    def __init__(self, enforcer: Enforcer, kind: str) -> None:
        self._enforcer = enforcer
        self._kind = kind

    def __call__(self, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> None:
        """An object came, changed or went."""
        if new is not None:
            if old is None or old.get("spec") != new.get("spec"):
                self._enforcer.put({**new, "kind": self._kind})
        elif old is not None:
            self._enforcer.drop({**old, "kind": self._kind})
