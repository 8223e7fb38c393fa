"""What Python programs of host images see of their pod."""

from __future__ import annotations

import asyncio
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from choreo_local import pki
from choreo_local.embedded.kubelet.runtime import Mount
from choreo_local.embedded.kubelet.shim import choreo_pod_files, choreo_pod_network
from tests.embedded.kubelet.processes import Bench, Output, process_runtime, until

NAMES = {
    "greeter.shop.svc.cluster.local": "127.44.0.9",
    "web.other.svc.cluster.local": "127.44.0.10",
}


class NameServer(asyncio.DatagramProtocol):
    """Answers A queries for a few names; remembers what was asked, and by whom."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.peers: set[str] = set()
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self.transport is not None
        name = read_name(data)
        self.asked.append(name)
        self.peers.add(addr[0])
        address = NAMES.get(name)
        head = data[:2] + struct.pack(
            ">HHHHH", 0x8180 if address else 0x8183, 1, bool(address), 0, 0
        )
        record = b""
        if address:
            octets = bytes(int(part) for part in address.split("."))
            record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 5, 4) + octets
        self.transport.sendto(head + data[12:] + record, addr)


def read_name(message: bytes) -> str:
    labels, offset = [], 12
    while length := message[offset]:
        labels.append(message[offset + 1 : offset + 1 + length].decode())
        offset += length + 1
    return ".".join(labels)


@asynccontextmanager
async def name_server() -> AsyncIterator[tuple[NameServer, str]]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        NameServer, local_addr=("127.0.0.1", 0)
    )
    try:
        yield protocol, f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with process_runtime(tmp_path) as found:
        yield found


async def python(bench: Bench, script: str, *, uid: str = "u1", **fields: Any) -> list[str]:
    """What a script writes that any Python of the machine runs in a container."""
    return await bench.run("-c", script, command=[sys.executable], uid=uid, **fields)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "127.0.0.1", "localhost"])
async def test_listening_anywhere_is_listening_on_the_pods_address(bench: Bench, host: str) -> None:
    address = await bench.runtime.start_pod(bench.pod())
    script = (
        "import socket\n"
        f"s = socket.socket(); s.bind(({host!r}, 0)); s.listen()\n"
        "print(s.getsockname()[0])\n"
    )
    assert await python(bench, script) == [address]


async def test_a_dual_stack_listener_is_on_the_pods_address(bench: Bench) -> None:
    address = await bench.runtime.start_pod(bench.pod())
    script = (
        "import socket\n"
        "s = socket.socket(socket.AF_INET6); s.bind(('::', 0)); s.listen()\n"
        "print(s.getsockname()[0])\n"
        "c = socket.create_connection(('localhost', s.getsockname()[1]))\n"
        "print(c.getpeername()[0])\n"
    )
    assert await python(bench, script) == [f"::ffff:{address}", address]


async def test_servers_of_asyncio_listen_on_the_pods_address(bench: Bench) -> None:
    address = await bench.runtime.start_pod(bench.pod())
    script = (
        "import asyncio\n"
        "async def main():\n"
        "    for host in (None, '0.0.0.0', 'localhost'):\n"
        "        server = await asyncio.start_server(lambda r, w: w.close(), host, 0)\n"
        "        print(*{s.getsockname()[0] for s in server.sockets})\n"
        "        port = server.sockets[0].getsockname()[1]\n"
        "        r, w = await asyncio.open_connection('localhost', port)\n"
        "        print(w.get_extra_info('peername')[0], w.get_extra_info('sockname')[0])\n"
        "        w.close(); server.close()\n"
        "asyncio.run(main())\n"
    )
    assert await python(bench, script) == [address, f"{address} {address}"] * 3


async def test_two_pods_may_listen_on_the_same_port(bench: Bench) -> None:
    for uid in ("u1", "u2"):
        record, output = await bench.start("print:ready", "serve:8080", uid=uid)
        await said(output)
        await accepting(await bench.runtime.start_pod(bench.pod(uid)), 8080)
        assert bench.record(record, uid).is_running


async def said(output: Output) -> None:
    await until(lambda: output.stdout or output.stderr)
    assert output.stderr == b""


async def accepting(address: str, port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection(address, port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.005)
                continue
            writer.close()
            return


async def test_connections_come_from_the_pods_address(bench: Bench) -> None:
    own = await bench.runtime.start_pod(bench.pod("u2"))
    seen: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("peername")[0])
        writer.close()

    server = await asyncio.start_server(answer, "127.77.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    script = f"import socket\nsocket.create_connection(('127.77.0.1', {port})).recv(1)\n"
    await python(bench, script, uid="u2")
    server.close()
    assert seen == [own]


async def test_datagrams_come_from_the_pods_address(tmp_path: Path) -> None:
    query = b"\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1"
    async with name_server() as (server, where):
        port = where.rpartition(":")[2]
        script = (
            "import socket\n"
            "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
            f"s.sendto({query!r}, ('127.0.0.1', {port}))\n"
            "s.recv(100)\n"
        )
        async with process_runtime(tmp_path, host_endpoints=[where]) as bench:
            own = await bench.runtime.start_pod(bench.pod())
            assert await python(bench, script) == []
            assert server.peers == {own}


async def test_localhost_of_the_machine_is_reached_only_where_it_is_allowed(
    tmp_path: Path,
) -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    script = f"import socket\nsocket.create_connection(('127.0.0.1', {port}))\nprint('connected')\n"
    async with process_runtime(tmp_path, host_endpoints=[f"127.0.0.1:{port}"]) as bench:
        assert await python(bench, script) == ["connected"]
    async with process_runtime(tmp_path) as bench:
        record, output = await bench.start("-c", script, command=[sys.executable])
        assert (await bench.ended(record)).exit_code == 1
        assert b"ConnectionRefusedError" in output.stderr
    server.close()


async def test_names_of_the_cluster_are_asked_of_its_dns(tmp_path: Path) -> None:
    async with name_server() as (server, where), process_runtime(tmp_path, dns=where) as bench:
        found = await bench.run(
            "resolve:greeter",
            "resolve:web.other",
            "resolve:web.other.svc",
            "resolve:web.other.svc.cluster.local",
            "resolve:localhost",
            "resolve:127.9.9.9",
        )
        assert found == ["127.44.0.9", *["127.44.0.10"] * 3, "127.0.0.1", "127.9.9.9"]
        assert server.asked[0] == "greeter.shop.svc.cluster.local"
        assert server.peers == {await bench.runtime.start_pod(bench.pod())}


async def test_other_names_are_asked_of_the_machine(tmp_path: Path) -> None:
    async with name_server() as (server, where), process_runtime(tmp_path, dns=where) as bench:
        record, output = await bench.start("resolve:no-such-name.invalid")
        assert (await bench.ended(record)).exit_code == 1
        assert b"gaierror" in output.stderr
        assert server.asked == [
            "no-such-name.invalid.shop.svc.cluster.local",
            "no-such-name.invalid.svc.cluster.local",
            "no-such-name.invalid.cluster.local",
            "no-such-name.invalid",
        ]


async def test_a_pod_may_do_without_the_dns_of_the_cluster(tmp_path: Path) -> None:
    async with name_server() as (server, where), process_runtime(tmp_path, dns=where) as bench:
        pod = bench.pod(uses_cluster_dns=False, search_domains=["example.test"])
        assert (await bench.run("cat:/etc/resolv.conf", pod=pod))[0] == "search example.test"
        record, _ = await bench.start("resolve:greeter", pod=pod)
        assert (await bench.ended(record)).exit_code == 1
        assert server.asked == []


async def test_names_work_in_connections(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.44.0.9", 0)
    port = server.sockets[0].getsockname()[1]
    script = (
        "import socket, urllib.request, http.client\n"
        f"print(socket.create_connection(('greeter', {port})).getpeername()[0])\n"
        "s = socket.socket()\n"
        f"s.connect(('greeter.shop', {port}))\n"
        "print(s.getpeername()[0])\n"
    )
    async with name_server() as (_, where), process_runtime(tmp_path, dns=where) as bench:
        assert await python(bench, script) == ["127.44.0.9"] * 2
    server.close()


@pytest.mark.parametrize(
    ("path", "mapped"),
    [
        ("/data", "/root/data"),
        ("/data/state/pod/x", "/data/state/pod/x"),
        ("/data/x/y", "/root/data/x/y"),
        ("/etc/one", "/root/etc/one"),
        (b"/data/x", b"/root/data/x"),
        (Path("/data/x"), "/root/data/x"),
        ("/database", "/database"),
        ("data/x", "data/x"),
        ("/etc/one/../two", "/root/etc/one/../two"),
        (3, 3),
        (None, None),
    ],
)
def test_paths_below_mounts_are_mapped(path: object, mapped: object) -> None:
    found = choreo_pod_files.mapper("/root", ["/data/", "/etc/one"], keep=["/data/state/pod"])
    assert found(path) == mapped


async def test_everything_that_takes_a_path_finds_mounts(bench: Bench, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "a").write_text("1", encoding="utf-8")
    script = (
        "import glob, io, os, pathlib, shutil, tempfile\n"
        "p = pathlib.Path('/data/a')\n"
        "print(p.read_text(), p.exists(), os.path.isfile('/data/a'), os.stat('/data/a').st_size)\n"
        "print(glob.glob('/data/*') != [], sorted(e.name for e in os.scandir('/data')))\n"
        "shutil.copy('/data/a', '/data/b'); os.rename('/data/b', '/data/c')\n"
        "os.makedirs('/data/d/e'); shutil.rmtree('/data/d')\n"
        "with open(file='/data/f', mode='w') as f: f.write('x')\n"
        "with io.open('/data/f') as f: print(f.read())\n"
        "os.symlink('/data/f', '/data/g'); os.unlink('/data/f')\n"
        "print(sorted(os.listdir('/data')), os.listdir(path='/data') != [])\n"
        "print(tempfile.mkdtemp(dir='/data').startswith('/'))\n"
        "try: open('/data/none')\n"
        "except FileNotFoundError: print('missing')\n"
    )
    assert await python(bench, script, mounts=[Mount("/data", data)]) == [
        "1 True True 1",
        "True ['a']",
        "x",
        "['a', 'c', 'g'] True",
        "True",
        "missing",
    ]


async def test_certificates_and_databases_are_found_in_mounts(bench: Bench, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    identity = pki.ensure_authority(data, "test")
    (data / "root.crt").write_bytes(identity.certificate)
    script = (
        "import sqlite3, ssl\n"
        "context = ssl.create_default_context(cafile='/data/root.crt')\n"
        "print(context.cert_store_stats()['x509_ca'])\n"
        "with sqlite3.connect('/data/x.db') as db: db.execute('create table t (a)')\n"
        "db.close()\n"
    )
    assert await python(bench, script, mounts=[Mount("/data", data)]) == ["1"]
    assert (data / "x.db").exists()


def test_answers_of_a_name_server_are_read() -> None:
    question = b"\1a\0\0\1\0\1"
    name = b"\xc0\x0c"
    alias = name + struct.pack(">HHIH", 5, 1, 5, 3) + b"\1b\0"
    address = b"\1b\0" + struct.pack(">HHIH", 1, 1, 5, 4) + bytes([10, 0, 0, 7])
    answer = b"\0\1" + struct.pack(">HHHHH", 0x8180, 1, 2, 0, 0) + question + alias + address
    offset = 12 + len(question)
    assert choreo_pod_network.addresses(answer, offset) == ["10.0.0.7"]
    assert choreo_pod_network.addresses(answer[:-2], offset) in ([], ["10.0"])
    assert choreo_pod_network.addresses(b"\0" * 12, 12) == []


def test_a_name_that_cannot_be_is_not_asked() -> None:
    for name in ("a..b", "x" * 64):
        assert choreo_pod_network.query(("127.0.0.1", 9), name, source="127.0.0.1") == []
