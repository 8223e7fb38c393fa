"""The network of sandboxed pods, with a cluster: Services, names, ways out, and what is left."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from choreo_local import clock
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded import dialing
from choreo_local.embedded.network import kinds
from choreo_local.embedded.network.dns import DnsServer
from choreo_local.embedded.network.isolated.namespaces import listening
from choreo_local.embedded.network.isolated.nftables.changes import script
from choreo_local.embedded.network.isolated.nftables.connection import Connection
from choreo_local.embedded.network.isolated.nftables.difference import changes
from choreo_local.embedded.network.isolated.podnetwork import IsolatedNetwork
from choreo_local.errors import ServiceUnavailableError
from tests.embedded.network.isolated.machine import has_home, sandbox_tools
from tests.embedded.network.livenetwork import LiveNetwork, live_network, until

SERVICE = "127.96.7.7"
ELSEWHERE = "198.51.100.7"
_ACCOUNTS = ResourceKind("", "v1", "ServiceAccount", "serviceaccounts")


class Lan:
    """A cluster with an isolated network, and sockets in its pods."""

    def __init__(self, live: LiveNetwork, network: IsolatedNetwork) -> None:
        self.live = live
        self.network = network

    async def pod(self, name: str, **labels: str) -> tuple[str, str]:
        """Create and attach a pod; answers its uid and address."""
        made = await self.live.kube.create(
            kinds.PODS,
            {
                "metadata": {"name": name, "namespace": "apps", "labels": labels},
                "spec": {"containers": [{"name": "main", "image": "x"}]},
            },
        )
        uid = made["metadata"]["uid"]
        return uid, (await self.network.attach(uid)).address

    async def inside(self, uid: str, function: Callable[[], Any]) -> Any:
        """Run something quick in the namespace of a pod."""
        namespaces = self.network._namespaces
        namespace = self.network._attached[uid].link.namespace
        return await namespaces.run(lambda: namespaces.inside(namespace, function))

    async def serve(self, uid: str, name: bytes, port: int = 8080) -> asyncio.Server:
        """Answer every connection to a pod with a name and the caller's address."""

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(name + b" " + writer.get_extra_info("peername")[0].encode())
            writer.close()

        place = await self.inside(uid, lambda: listening("0.0.0.0", port, socket.SOCK_STREAM))
        return await asyncio.start_server(answer, sock=place)

    async def ask(self, uid: str, address: str, port: int) -> str:
        """What a pod is told at an address."""
        loop = asyncio.get_running_loop()
        found = await self.inside(uid, lambda: socket.socket(socket.AF_INET))
        found.setblocking(False)
        try:
            async with asyncio.timeout(60):
                await loop.sock_connect(found, (address, port))
                return bytes(await loop.sock_recv(found, 100)).decode()
        except ConnectionError as error:
            return type(error).__name__
        finally:
            found.close()

    async def until_told(self, uid: str, address: str, port: int, wanted: set[str]) -> None:
        """Ask until all the wanted answers have come, and no other comes any more."""
        seen: list[str] = []

        async def look() -> bool:
            seen.append(await self.ask(uid, address, port))
            return set(seen[-20:]) == wanted

        await until(look)

    async def endpoints(self, *addresses: str, port: int = 8080) -> None:
        """Say which addresses the Service has."""
        obj = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "web-1",
                "namespace": "apps",
                "labels": {"kubernetes.io/service-name": "web"},
            },
            "addressType": "IPv4",
            "ports": [{"name": "", "port": port, "protocol": "TCP"}],
            "endpoints": [
                {"addresses": [each], "conditions": {"ready": True}} for each in addresses
            ],
        }
        await self.live.kube.apply(kinds.ENDPOINT_SLICES, obj, field_manager="test")


@asynccontextmanager
async def lan() -> AsyncIterator[Lan]:
    tools = sandbox_tools()
    async with live_network() as live:
        await live.create(_ACCOUNTS, {"metadata": {"name": "default", "namespace": "apps"}})
        network = IsolatedNetwork(
            clock.new_uid(),
            live.kube,
            live.informers,
            nsenter=tools.nsenter,
            has_home=has_home(),
        )
        await network.start()
        try:
            yield Lan(live, network)
        finally:
            await network.stop()


async def service(live: LiveNetwork, **spec: Any) -> None:
    await live.create(
        kinds.SERVICES,
        {
            "metadata": {"name": "web", "namespace": "apps"},
            "spec": {"clusterIP": SERVICE, "ports": [{"port": 80}], **spec},
        },
    )


async def test_a_service_spreads_connections_over_its_ready_pods() -> None:
    async with lan() as found:
        one, first = await found.pod("one")
        two, second = await found.pod("two")
        client, own = await found.pod("client")
        await service(found.live)
        assert await found.ask(client, SERVICE, 80) == "ConnectionRefusedError"
        async with await found.serve(one, b"one"), await found.serve(two, b"two"):
            await found.endpoints(first, second)
            await found.until_told(client, SERVICE, 80, {f"one {own}", f"two {own}"})
            await found.endpoints(second)
            await found.until_told(client, SERVICE, 80, {f"two {own}"})
            # A pod reaches itself by its Service, too.
            await found.until_told(two, SERVICE, 80, {"two 169.254.1.1"})


async def test_a_client_stays_with_its_pod_when_a_service_asks_for_it() -> None:
    async with lan() as found:
        pods = [await found.pod(f"p{number}") for number in range(3)]
        client, own = await found.pod("client")
        await service(found.live, sessionAffinity="ClientIP")
        names = enumerate(uid for uid, _ in pods)
        serving = [await found.serve(uid, f"p{number}".encode()) for number, uid in names]
        await found.endpoints(*(address for _, address in pods))

        async def served() -> bool:
            return await found.ask(client, SERVICE, 80) != "ConnectionRefusedError"

        await until(served)
        assert len({await found.ask(client, SERVICE, 80) for _ in range(20)}) == 1
        assert own in await found.ask(client, SERVICE, 80)
        for server in serving:
            server.close()


async def test_what_listens_on_this_machine_can_stand_behind_a_service() -> None:
    async with lan() as found:
        client, _ = await found.pod("client")

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"machine")
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            await service(found.live)
            await found.endpoints("127.0.0.1", port=port)
            await found.until_told(client, SERVICE, 80, {"machine"})


async def test_pods_find_names_at_the_router() -> None:
    async with lan() as found:
        client, _ = await found.pod("client")
        await service(found.live)
        dns = DnsServer(found.live.informers, host="127.0.0.1")
        await dns.start()
        try:
            await dns.listen_also(*await found.network.dns_sockets())

            async def known() -> bool:
                return SERVICE in await _lookup(found, client, "web.apps.svc.cluster.local")

            await until(known)
        finally:
            await dns.stop()


async def _lookup(found: Lan, uid: str, name: str) -> str:
    labels = b"".join(bytes([len(each)]) + each.encode() for each in name.split("."))
    query = b"\x12\x34\x01\x00\x00\x01" + bytes(6) + labels + b"\x00\x00\x01\x00\x01"
    asking = await found.inside(uid, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    asking.setblocking(False)
    with asking:
        loop = asyncio.get_running_loop()
        await loop.sock_sendto(asking, query, (found.network.resolver, 53))
        async with asyncio.timeout(60):
            answer = await loop.sock_recv(asking, 512)
    return socket.inet_ntoa(answer[-4:])


async def test_policies_follow_the_labels_of_pods() -> None:
    async with lan() as found:
        server, address = await found.pod("server", app="server")
        client, own = await found.pod("client", app="client")
        async with await found.serve(server, b"hello"):
            assert await found.ask(client, address, 8080) == f"hello {own}"
            await found.live.create(
                kinds.NETWORK_POLICIES,
                {
                    "metadata": {"name": "closed", "namespace": "apps"},
                    "spec": {
                        "podSelector": {"matchLabels": {"app": "server"}},
                        "ingress": [{"from": [{"podSelector": {"matchLabels": {"may": "ask"}}}]}],
                    },
                },
            )
            await until(lambda: _has_rules(found, "add chain ip choreo daddr-"))
            loop = asyncio.get_running_loop()
            refused = await found.inside(client, lambda: socket.socket(socket.AF_INET))
            refused.setblocking(False)
            attempt = asyncio.ensure_future(loop.sock_connect(refused, (address, 8080)))
            patch = {"metadata": {"labels": {"may": "ask"}}}
            # A connection from this machine is the node's, which policies do not restrict.
            reader, writer = await dialing.open_connection(found.network.dialing, address, 8080)
            assert (await reader.read()).startswith(b"hello")
            writer.close()
            assert not attempt.done()
            await found.live.kube.patch(kinds.PODS, "client", patch, "apps")
            await until(lambda: _has_rules(found, f"{{ {own} }}"))
            assert await found.ask(client, address, 8080) == f"hello {own}"
            attempt.cancel()
            await asyncio.gather(attempt, return_exceptions=True)
            refused.close()


async def _has_rules(found: Lan, text: str) -> bool:
    rules = found.network._rules
    return rules is not None and text in script(changes(None, rules))


async def test_connections_that_leave_go_on_from_this_machine() -> None:
    async with lan() as found:
        client, _ = await found.pod("client")
        asked: list[tuple[str, int]] = []
        loop = asyncio.get_running_loop()
        connect = loop.create_connection

        # Nothing outside of this machine takes part in tests: the last step ends at a server of
        # the test.
        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"outside")
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]

            async def elsewhere(factory: Any, host: str, to: int, **options: Any) -> Any:
                asked.append((host, to))
                return await connect(factory, "127.0.0.1", port, **options)

            loop.create_connection = elsewhere  # type: ignore[method-assign,assignment]
            try:
                assert await found.ask(client, ELSEWHERE, 443) == "outside"
            finally:
                loop.create_connection = connect  # type: ignore[method-assign]
        assert asked == [(ELSEWHERE, 443)]


async def test_an_address_is_given_again_and_nothing_is_left_at_the_end() -> None:
    before = set(socket.if_nameindex())
    async with lan() as found:
        uid, address = await found.pod("one")
        assert (await found.network.attach(uid)).address == address
        # Elsewhere the other end is in the network that pods are reached from.
        assert len(set(socket.if_nameindex()) - before) == (0 if has_home() else 1)
        await found.network.detach(uid)
        _, other = await found.pod("two")
        assert other != address
        assert (await found.network.attach(uid, address=address)).address == address
    assert set(socket.if_nameindex()) <= before


async def test_a_pod_takes_what_was_made_ahead() -> None:
    async with lan() as found:
        client, own = await found.pod("client")
        stock = found.network._spares._stock

        async def is_full() -> bool:
            return len(stock) == 2

        await until(is_full)
        spare = stock[0]
        server, address = await found.pod("server")
        assert found.network._attached[server] is spare
        async with await found.serve(server, b"hello"):
            assert await found.ask(client, address, 8080) == f"hello {own}"
        await until(is_full)
        kept = stock[1]
        again = await found.network.attach("u1", address=str(kept.address))
        assert again.address == str(kept.address)
        assert found.network._attached["u1"] is kept


async def test_a_pod_whose_rules_cannot_be_loaded_is_not_attached() -> None:
    tools = sandbox_tools()
    async with live_network() as live:
        network = IsolatedNetwork(
            clock.new_uid(),
            live.kube,
            live.informers,
            nsenter=tools.nsenter,
            has_home=has_home(),
            patience_seconds=1,
        )
        await network.start()
        try:
            router, namespaces = network._running, network._namespaces
            router._filter.close()
            with pytest.raises(ServiceUnavailableError, match="Bad file descriptor"):
                await network.attach("u1")
            assert network._attached == {}
            inside = router.namespace
            router._filter = await namespaces.run(lambda: namespaces.inside(inside, Connection))
            network._patience_seconds = 60
            assert (await network.attach("u1")).address
        finally:
            await network.stop()
