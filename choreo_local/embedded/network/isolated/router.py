"""The router's namespace of an instance: links to this machine and to each pod.

Synchronous; every method runs in the thread of `Namespaces`, but `load`, which any may call.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from choreo_local.embedded.network.isolated import outlet, ranges, rtnetlink
from choreo_local.embedded.network.isolated.flows import Flows
from choreo_local.embedded.network.isolated.namespaces import (
    Namespaces,
    change,
    listening,
    switch_on,
)
from choreo_local.embedded.network.isolated.nftables.connection import Connection
from choreo_local.embedded.network.isolated.nftables.difference import changes, in_stages
from choreo_local.embedded.network.isolated.nftables.table import Table
from choreo_local.embedded.network.isolated.rtnetlink import LOOPBACK_INDEX, Routing
from choreo_local.embedded.network.isolated.ruleset import POD_LINKS, UPLINK
from choreo_local.errors import InternalError, PreflightError

logger = logging.getLogger(__name__)

GATEWAY = IPv4Address("169.254.1.1")
_EVERYWHERE = IPv4Network("0.0.0.0/0")
# Nothing on the way has smaller frames, and large ones are what makes local traffic fast.
_MTU = 65535
_INSIDE = "eth0"
NO_ADDRESSES = "cannot find addresses for pods: this machine has routes to all private ones"
_ALL_GROUPS = "0 2147483647"


@dataclass(frozen=True, slots=True)
class Link:
    """A pod's link: the router's end of it, and the pod's namespace as a descriptor."""

    name: str
    namespace: int


def link_name(instance_id: str) -> str:
    """The name of an instance's link on this machine."""
    return f"choreo{hashlib.sha256(instance_id.encode()).hexdigest()[:8]}"


def routed_here() -> list[IPv4Network]:
    """The networks that the machine of this process has routes to."""
    return rtnetlink.routed_networks(Path("/proc/net/route").read_text(encoding="ascii"))


class Router:
    """Owns the namespace and the link to this machine."""

    def __init__(self, namespaces: Namespaces, instance_id: str) -> None:
        self._namespaces = namespaces
        self._name = link_name(instance_id)
        self._start = int.from_bytes(hashlib.sha256(instance_id.encode()).digest()[:4], "big")
        self._count = 0
        self.namespace = namespaces.create()
        self._here = Routing()
        self._there = namespaces.inside(self.namespace, self._prepare)
        self._filter = namespaces.inside(self.namespace, Connection)
        self.flows = namespaces.inside(self.namespace, Flows)
        self._loaded: Table | None = None
        self._uplink = 0
        self.outlet, self.outlet_obstacle = namespaces.inside(self.namespace, self._open_outlet)
        self.network = self._connect()

    def _prepare(self) -> Routing:
        switch_on("ipv4/ip_forward")
        routing = Routing()
        routing.bring_up(LOOPBACK_INDEX)
        routing.add_address(LOOPBACK_INDEX, GATEWAY)
        return routing

    def _open_outlet(self) -> tuple[int | None, str]:
        """Lead what leaves to a link that is read by us; or say why that cannot be."""
        try:
            link = outlet.open_link()
        except OSError as error:
            return None, f"there is no way out for others than TCP: /dev/net/tun: {error.strerror}"
        index = socket.if_nametoindex(outlet.NAME)
        self._there.bring_up(index)
        self._there.add_route(index, _EVERYWHERE)
        return link, ""

    def _connect(self) -> IPv4Network:
        """Link the router to this machine; answers the range of addresses for pods."""
        self._uplink = self._here.add_veth(self._name, UPLINK, self.namespace, mtu=_MTU)
        self._here.bring_up(self._uplink)
        theirs = self._namespaces.inside(self.namespace, lambda: socket.if_nametoindex(UPLINK))
        self._there.bring_up(theirs)
        for network in ranges.free(self._start, routed_here()):
            ours, router = network.network_address + 1, network.network_address + 2
            try:
                self._here.add_address(self._uplink, ours, 30)
                self._here.add_route(self._uplink, network, gateway=router, source=ours)
            except FileExistsError:
                self._here.remove_address(self._uplink, ours, 30)
                continue
            self._there.add_address(theirs, router, 30)
            if self.outlet is None:
                self._there.add_route(theirs, _EVERYWHERE, gateway=ours)
            if self._namespaces.home is not None:
                # A network of ours that leads nowhere else: what leaves it is relayed too.
                self._here.bring_up(LOOPBACK_INDEX)
                self._here.add_route(self._uplink, _EVERYWHERE, gateway=router)
            return network
        raise PreflightError(
            NO_ADDRESSES,
            remedy="start with --runtime process",
        )

    def add_pod(self, address: IPv4Address, given: int | None = None) -> Link:
        """A namespace, unless one is given, with a link to the router, and an address."""
        self._count += 1
        name = f"{POD_LINKS}{self._count}"
        namespace = self._namespaces.create() if given is None else given

        def link() -> None:
            index = self._there.add_veth(name, _INSIDE, namespace, mtu=_MTU)
            self._there.bring_up(index)
            # The link of whoever had the address before may not have gone yet.
            self._there.add_route(index, IPv4Network(address), replace=True)

        try:
            self._namespaces.inside(self.namespace, link)
            self._namespaces.inside(namespace, lambda: _configure_pod(address))
        except OSError:
            os.close(namespace)
            raise
        return Link(name, namespace)

    @staticmethod
    def remove_pod(link: Link) -> None:
        """Let go of a pod's namespace; it takes the link along when its last process has ended."""
        # Removing the link ourselves would hold up everybody else for tens of milliseconds.
        os.close(link.namespace)

    def open(self, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
        """A socket at the router's address, as pods see it; port 0 chooses one."""
        return self._namespaces.inside(self.namespace, lambda: listening(str(GATEWAY), port, kind))

    def load(self, table: Table) -> None:
        """Make the rules those of a table; InternalError when the kernel refuses one."""
        before, self._loaded = self._loaded, None
        if before is None:
            self._load_wholly(table)
        else:
            try:
                self._filter.commit(changes(before, table))
            except (OSError, InternalError):
                # What is there may not be what we believe: begin anew.
                logger.exception("Rules of the network not changed, so all are loaded again")
                self._load_wholly(table)
        self._loaded = table

    def _load_wholly(self, table: Table) -> None:
        try:
            self._filter.commit(changes(None, table))
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                raise
            for stage in in_stages(table):
                self._filter.commit(stage)

    def close(self) -> None:
        """Remove the link to this machine; the namespace ends with its last user."""
        self._here.remove_link(self._uplink)
        self._here.close()
        self._there.close()
        self._filter.close()
        self.flows.close()
        os.close(self.namespace)


def _configure_pod(address: IPv4Address) -> None:
    routing = Routing()
    try:
        routing.bring_up(LOOPBACK_INDEX)
        # The addresses of Services are in the rest of the loopback network.
        routing.remove_address(LOOPBACK_INDEX, IPv4Address("127.0.0.1"), 8)
        routing.add_address(LOOPBACK_INDEX, IPv4Address("127.0.0.1"), 16)
        index = socket.if_nametoindex(_INSIDE)
        switch_on(f"ipv4/conf/{_INSIDE}/route_localnet")
        # Containers have no rights over the network itself; a port of its own is a pod's affair.
        change("ipv4/ip_unprivileged_port_start", "0")
        with contextlib.suppress(OSError):  # Not all groups exist where users are few.
            change("ipv4/ping_group_range", _ALL_GROUPS)
        routing.add_address(index, address)
        routing.bring_up(index)
        routing.add_route(index, IPv4Network(GATEWAY))
        routing.add_route(index, _EVERYWHERE, gateway=GATEWAY)
    finally:
        routing.close()
