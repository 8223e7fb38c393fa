"""Tries whether this process can make networks with rules; `podruntime` asks."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from choreo_local.embedded.network.isolated.namespaces import Namespaces
from choreo_local.embedded.network.isolated.nftables.connection import Connection
from choreo_local.embedded.network.isolated.nftables.difference import changes
from choreo_local.embedded.network.isolated.nftables.table import Chain, Hook, Table
from choreo_local.errors import ChoreoError

RULES = Table("choreo", {}, {"trial": Chain((), Hook("nat", "prerouting", 0))})


def obstacle() -> str:
    """What goes wrong; empty when nothing does."""
    namespaces = Namespaces()
    # A thread, because one that cannot return from another namespace must not be used again.
    with ThreadPoolExecutor(1) as thread:
        try:
            thread.submit(_load, namespaces).result()
        except (OSError, ChoreoError) as error:
            return f"cannot make rules of a network: {error}"
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
    finally:
        os.close(namespace)
