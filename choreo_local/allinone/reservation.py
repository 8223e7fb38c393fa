"""What an instance takes of this machine before it starts: ports, and addresses of Services."""

from __future__ import annotations

import socket
from contextlib import suppress
from ipaddress import IPv4Network

from choreo_local.allinone import addresses, ports
from choreo_local.allinone import instance as instances
from choreo_local.allinone.instance import Instance
from choreo_local.errors import ChoreoError
from choreo_local.paths import InstancePaths


class Reservation:
    """Holds ports and addresses until the parts that use them take over.

    Args:
        paths: of the instance.
        last: the instance as it was last; it gets again what is free.
        is_here: whether the cluster is in this process.

    Attributes:
        sockets: purpose → a socket that listens on its port.
        service_range: addresses of Services, as a CIDR.
    """

    def __init__(self, paths: InstancePaths, last: Instance, *, is_here: bool) -> None:
        wanted = ports.PREFERRED if is_here else ports.PREFERRED_REMOTE
        hosts = {ports.AGENTS: ports.agents_host()}
        self.sockets: dict[str, socket.socket] = ports.choose(wanted, last=last.ports, hosts=hosts)
        self._range: socket.socket | None = None
        try:
            ports.check_agents(self.sockets)
            self.service_range = last.service_range or str(
                addresses.choose_range(last.id, taken=_known_ranges(paths))
            )
            self._range = addresses.hold(IPv4Network(self.service_range))
        except BaseException:
            self.release()
            raise

    @property
    def ports(self) -> dict[str, int]:
        """Purpose → port."""
        return {purpose: held.getsockname()[1] for purpose, held in self.sockets.items()}

    def release(self) -> None:
        """Let go of what nobody took over."""
        for held in (*self.sockets.values(), self._range):
            if held is not None:
                held.close()


def _known_ranges(paths: InstancePaths) -> set[str]:
    root = paths.root.parents[1]
    ranges = set()
    for name in instances.names(root):
        # An instance that cannot be read is no reason not to start this one.
        with suppress(ChoreoError):
            found = instances.load(InstancePaths.of(name, root))
            ranges |= {found.service_range} if found is not None else set()
    return ranges
