"""ClusterRoles made of others: `aggregationRule` fills in their rules, as the stored roles change.

Acts in the next turn of the loop, as the controller of a real cluster does a moment later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from choreo_local.apimachinery import selectors
from choreo_local.embedded.kubeapi.authz import CLUSTER_ROLES
from choreo_local.embedded.storage.eventlog import Event
from choreo_local.embedded.storage.store import Store


class Aggregation:
    """Keeps aggregated roles up to date.

    Args:
        store: where the roles are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pending = False
        self._leave: Callable[[], None] | None = None

    def start(self) -> None:
        """Aggregate now and after every change."""
        self._aggregate()
        self._leave = self._store.log(CLUSTER_ROLES).follow(self._changed)

    def stop(self) -> None:
        """Follow no more."""
        if self._leave is not None:
            self._leave()

    def _changed(self, _: Event) -> None:
        if not self._pending:
            self._pending = True
            asyncio.get_running_loop().call_soon(self._run)

    def _run(self) -> None:
        self._pending = False
        self._aggregate()

    def _aggregate(self) -> None:
        roles = self._store.select(CLUSTER_ROLES)
        for stored in roles:
            wanted = (stored.object.get("aggregationRule") or {}).get("clusterRoleSelectors")
            if not wanted:
                continue
            sources = [
                other.object
                for other in roles
                if other.name != stored.name
                and any(selectors.from_dict(selector).matches(other.labels) for selector in wanted)
            ]
            rules = _collect(sources)
            if rules != (stored.object.get("rules") or []):
                role = stored.fresh()
                role["rules"] = rules or None
                self._store.put(CLUSTER_ROLES, stored.key, role)


def _collect(sources: list[dict[str, Any]]) -> list[Any]:
    rules: list[Any] = []
    for source in sources:
        rules += [rule for rule in source.get("rules") or () if rule not in rules]
    return rules
