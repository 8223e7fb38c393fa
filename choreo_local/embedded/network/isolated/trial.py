"""Tries whether this process can make networks with rules; `podruntime` asks."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from choreo_local.embedded.network.isolated import ranges, router
from choreo_local.embedded.network.isolated.namespaces import Namespaces
from choreo_local.embedded.network.isolated.nftables.connection import Connection
from choreo_local.embedded.network.isolated.nftables.difference import changes
from choreo_local.embedded.network.isolated.nftables.table import Chain, Hook, Table
from choreo_local.embedded.network.isolated.rtnetlink import Routing
from choreo_local.errors import ChoreoError

RULES = Table("choreo", {}, {"trial": Chain((), Hook("nat", "prerouting", 0))})


def obstacle() -> str:
    """What goes wrong; empty when nothing does."""
    if next(ranges.free(0, router.routed_here()), None) is None:
        return router.NO_ADDRESSES
    namespaces = Namespaces()
    # A thread, because one that cannot return from another namespace must not be used again.
    with ThreadPoolExecutor(1) as thread:
        try:
            thread.submit(_load, namespaces).result()
        except (OSError, ChoreoError) as error:
            return f"cannot make a network with rules: {error}"
        finally:
            namespaces.close()
    return ""


def _load(namespaces: Namespaces) -> None:
    namespace = namespaces.create()
    try:
        connection = namespaces.inside(namespace, Connection)
        try:
            connection.commit(changes(None, RULES))
        finally:
            connection.close()
        namespaces.inside(namespace, lambda: _link(namespace))
    finally:
        os.close(namespace)


def _link(namespace: int) -> None:
    routing = Routing()
    try:
        routing.add_veth("trial0", "trial1", namespace, mtu=1500)
    finally:
        routing.close()
