"""Tries whether this process can make networks with rules; `podruntime` asks."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Network

from choreo_local.embedded.network.isolated import ranges, router, tables
from choreo_local.embedded.network.isolated.namespaces import Namespaces
from choreo_local.embedded.network.isolated.nftables.connection import Connection
from choreo_local.embedded.network.isolated.nftables.difference import changes
from choreo_local.embedded.network.isolated.nftables.table import Table
from choreo_local.embedded.network.isolated.rtnetlink import Routing
from choreo_local.embedded.network.isolated.ruleset import End, Service, World
from choreo_local.embedded.network.policy import Peer
from choreo_local.embedded.network.serviceports import Entrance
from choreo_local.embedded.network.table import Endpoint
from choreo_local.errors import ChoreoError

_NETWORK = IPv4Network("10.64.0.0/16")
_GATEWAY, _EXIT_PORT = "169.254.1.1", 1
_PODS = ("10.64.0.16", "10.64.0.17")
_CLOSED = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "trial", "namespace": "", "uid": "trial"},
    "spec": {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 80}]}],
    },
}


def rules() -> Table:
    """What networks of pods are made of: a kernel may know some kinds of rules and not others."""
    endpoints = [Endpoint(each, 80) for each in _PODS]
    service = {Entrance("10.96.0.1", 80, "TCP"): Service(endpoints, sticky=True)}
    ends = [End(f"pod{number}", Peer(each)) for number, each in enumerate(_PODS)]
    return tables.table(
        World(_NETWORK, _GATEWAY, _EXIT_PORT, Peer(_GATEWAY), ends, service, policies=[_CLOSED])
    )


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
            connection.commit(changes(None, rules()))
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
