"""The ports of this machine that Pods ask for: what arrives there is handed on to the Pod.

They are opened on loopback addresses, as the ports of nodes are: what runs on a laptop is nobody
else's business. Where two Pods want the same port, the older one has it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence

from choreo_local.embedded import dialing
from choreo_local.embedded.dialing import DIRECTLY, Dialing
from choreo_local.embedded.network import kinds, serviceports
from choreo_local.embedded.network.piping import Address, DatagramEntrance, Entered, Half
from choreo_local.embedded.network.serviceports import Entrance
from choreo_local.embedded.network.sources import InformerSource
from choreo_local.embedded.network.table import Endpoint
from choreo_local.kubeclient.interfaces import Manifest
from choreo_local.tasks import TaskGroup

logger = logging.getLogger(__name__)

_DEBOUNCE_SECONDS = 0.01
_RETRY_SECONDS = 5.0
_CONNECT_SECONDS = 2.0
_ANY = ("", "0.0.0.0", "::")


def entrances(pods: Iterable[Manifest], nodes: Sequence[str]) -> dict[Entrance, Endpoint]:
    """Where Pods are reached on this machine; `nodes` are the addresses of a port without one."""
    found: dict[Entrance, Endpoint] = {}
    for pod in sorted(pods, key=lambda each: str(each["metadata"].get("creationTimestamp"))):
        status = pod.get("status") or {}
        address = status.get("podIP")
        if not address or status.get("phase") != "Running" or pod["spec"].get("hostNetwork"):
            continue
        for entrance, port in _wanted(pod, nodes):
            # A Pod may be at the very place where it wants to be reached.
            if (entrance.address, entrance.port) != (address, port):
                found.setdefault(entrance, Endpoint(address, port))
    return found


def _wanted(pod: Manifest, nodes: Sequence[str]) -> Iterator[tuple[Entrance, int]]:
    for container in (*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]):
        for port in container.get("ports") or ():
            if not port.get("hostPort") or port.get("protocol", "TCP") not in {"TCP", "UDP"}:
                continue
            asked = port.get("hostIP") or ""
            places = nodes if asked in _ANY else [asked]
            for place in filter(serviceports.is_loopback, places):
                entrance = Entrance(place, int(port["hostPort"]), port.get("protocol", "TCP"))
                yield entrance, int(port["containerPort"])


class HostPorts:
    """Keeps one listening socket for each port of this machine that a Pod asks for."""

    def __init__(
        self,
        informers: InformerSource,
        *,
        node_addresses: Sequence[str] = ("127.0.0.1",),
        pods: Dialing = DIRECTLY,
    ) -> None:
        self._pods = informers.of(kinds.PODS)
        self._node_addresses = node_addresses
        self._dialing = pods
        self._meant: dict[Entrance, Endpoint] = {}
        self._open: dict[Entrance, asyncio.Server | asyncio.DatagramTransport] = {}
        self._failures: dict[Entrance, str] = {}
        self._wake = asyncio.Event()
        self._tasks = TaskGroup("host-ports")

    def start(self) -> None:
        """Follow the Pods."""
        self._pods.add_callback(self._changed)
        self._tasks.start(self._run(), name="entrances")

    async def stop(self) -> None:
        """Close all sockets."""
        await self._tasks.stop()
        for handle in self._open.values():
            handle.close()
        self._open.clear()

    def _changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if any(each is not None and _asks(each) for each in (old, new)):
            self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(_DEBOUNCE_SECONDS)
            self._wake.clear()
            await self._look()

    async def _look(self) -> None:
        self._meant = entrances(self._pods.list(), self._node_addresses)
        for entrance in self._open.keys() - self._meant.keys():
            self._open.pop(entrance).close()
        for entrance in self._meant.keys() - self._open.keys():
            try:
                self._open[entrance] = await self._listen(entrance)
            except OSError as error:
                self._complain(entrance, str(error))
                # Whoever has it may let go of it.
                asyncio.get_running_loop().call_later(_RETRY_SECONDS, self._wake.set)
            else:
                self._failures.pop(entrance, None)

    def _complain(self, entrance: Entrance, failure: str) -> None:
        if self._failures.get(entrance) != failure:
            self._failures[entrance] = failure
            logger.warning(
                "Port of a pod not available on this machine address=%s:%d error=%s",
                entrance.address, entrance.port, failure,
            )  # fmt: skip

    async def _listen(self, entrance: Entrance) -> asyncio.Server | asyncio.DatagramTransport:
        loop = asyncio.get_running_loop()

        async def connect(client: Half, _peer: str) -> None:
            await self._connect(entrance, client)

        def choose(_peer: str, _known: Address | None) -> Address | None:
            found = self._meant.get(entrance)
            return (found.address, found.port) if found else None

        place = (entrance.address, entrance.port)
        if entrance.protocol == "UDP":
            transport, _ = await loop.create_datagram_endpoint(
                lambda: DatagramEntrance(choose, self._dialing), local_addr=place
            )
            return transport
        return await loop.create_server(lambda: Entered(connect), *place, backlog=512)

    async def _connect(self, entrance: Entrance, client: Half) -> None:
        found = self._meant.get(entrance)
        try:
            if found is None:
                raise ConnectionRefusedError
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, half = await dialing.create_connection(
                    self._dialing, Half, found.address, found.port
                )
        except (OSError, TimeoutError):
            client.refuse()
            return
        client.join(half)


def _asks(pod: Manifest) -> bool:
    return any(
        port.get("hostPort")
        for container in (*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"])
        for port in container.get("ports") or ()
    )
