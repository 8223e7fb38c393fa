"""Traffic for `choreo bench pods`: what comes through, and the same program without us."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from choreo_local.allinone import bundles
from choreo_local.allinone.benchclient import Access, Connection
from choreo_local.allinone.figures import Figure
from choreo_local.embedded.network.envoy import find_envoy
from choreo_local.errors import ChoreoError, WaitTimeoutError

DIRECTLY = "one program directly"
_LOOPBACK = "127.0.0.1"
_AT_ONCE = 16
_PATH = "/greeter/greet?name=bench"
_WAIT_SECONDS = 60.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.02
_PROGRAM = """
import sys
sys.path[:0] = sys.argv[1:3]
import greeter
greeter.main(sys.argv[3:])
"""


async def measure(targets: Mapping[str, Access], *, requests: int, rounds: int) -> list[Figure]:
    """Requests a second on kept connections, and connections a second with one request each.

    The targets take turns, so that what else the machine does hits all of them alike.
    """
    for access in targets.values():
        await _until_answering(access)
    kept = {where: _figure("requests", where) for where in targets}
    opened = {where: _figure("connections", where) for where in targets}
    turns = list(targets.items())
    for _ in range(rounds):
        for where, access in turns:
            kept[where].samples.append(await _rate(_on_kept_connections, access, requests))
            opened[where].samples.append(await _rate(_on_new_connections, access, requests))
        turns.reverse()
    return [*kept.values(), *opened.values()]


def _figure(what: str, where: str) -> Figure:
    return Figure(f"{what}, {where}", "-", unit="/s", more_is_better=True)


def share(ours: Figure, theirs: Figure) -> Figure:
    """What is left of another's rate, round by round."""
    what = ours.name.partition(",")[0]
    found = Figure(f"{what}, of those without us", "≥ 90 %", unit="%", more_is_better=True)
    pairs = zip(ours.samples, theirs.samples, strict=True)
    found.samples = [100 * own / other for own, other in pairs]
    return found


_Work = Callable[[Access, Iterator[int]], Awaitable[None]]


async def _rate(work: _Work, access: Access, count: int) -> float:
    numbers = iter(range(count))
    began = time.perf_counter()
    await asyncio.gather(*(work(access, numbers) for _ in range(_AT_ONCE)))
    return count / (time.perf_counter() - began)


async def _on_kept_connections(access: Access, numbers: Iterator[int]) -> None:
    connection = await Connection.open(access)
    try:
        for _ in numbers:
            await connection.request("GET", _PATH)
    finally:
        await connection.close()


async def _on_new_connections(access: Access, numbers: Iterator[int]) -> None:
    for _ in numbers:
        connection = await Connection.open(access)
        try:
            await connection.request("GET", _PATH)
        finally:
            await connection.close()


async def _until_answering(access: Access) -> None:
    deadline = time.perf_counter() + _WAIT_SECONDS
    while True:
        try:
            await _on_new_connections(access, iter(range(1)))
        except (ChoreoError, OSError) as error:
            if time.perf_counter() > deadline:
                raise WaitTimeoutError(
                    f"no answer within {_WAIT_SECONDS:.0f} s: {error}"
                ) from error
            await asyncio.sleep(_POLL_SECONDS)
        else:
            return


# The same program and the same Envoy, without us.


@contextmanager
def without_us(replicas: int) -> Iterator[dict[str, Access]]:
    """The greeter as processes of this machine: one directly, as many as asked behind an Envoy.

    They write unbuffered, as in pods, and each into a file: keeping a log is not what is compared.
    Each leads a session, as a service of the machine does: Linux shares processors among sessions,
    and on a busy machine a client is served sooner by programs of its own session.
    """
    proxy, *programs = _free_ports(1 + replicas)
    images = bundles.root() / "images"
    folders = [str(images / "greeter"), str(images / "lib")]
    greeter = [sys.executable, "-I", "-u", "-S", "-c", _PROGRAM, *folders]
    found = {DIRECTLY: Access(_LOOPBACK, programs[0], None)}
    with tempfile.TemporaryDirectory(prefix="choreo-bench-") as folder:
        commands = [[*greeter, "--port", str(port)] for port in programs]
        if envoy := find_envoy():
            config = Path(folder) / "envoy.json"
            config.write_text(json.dumps(_configuration(proxy, programs)), encoding="utf-8")
            commands.append([str(envoy), "-c", str(config), "--concurrency", "1"])
            commands[-1] += ["--disable-hot-restart", "--log-level", "error"]
            found[f"{replicas} programs behind Envoy without us"] = Access(_LOOPBACK, proxy, None)
        with _processes(commands, Path(folder)):
            yield found


@contextmanager
def _processes(commands: list[list[str]], folder: Path) -> Iterator[None]:
    started: list[subprocess.Popen[bytes]] = []
    try:
        for number, command in enumerate(commands):
            with (folder / f"{number}.log").open("ab") as log:
                started.append(
                    subprocess.Popen(
                        command,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                )
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _configuration(listen: int, programs: list[int]) -> dict[str, Any]:
    """One listener and one route to all of the programs."""
    router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
    connections = (
        "type.googleapis.com/envoy.extensions.filters.network"
        ".http_connection_manager.v3.HttpConnectionManager"
    )
    route = {"match": {"prefix": "/"}, "route": {"cluster": "greeter"}}
    manager = {
        "@type": connections,
        "stat_prefix": "bench",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [{"name": "router", "typed_config": {"@type": router}}],
    }
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    endpoints = [{"endpoint": {"address": _address(port)}} for port in programs]
    cluster = {
        "name": "greeter",
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": "greeter",
            "endpoints": [{"lb_endpoints": endpoints}],
        },
    }
    listener = {"name": "bench", "address": _address(listen), "filter_chains": [chain]}
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": _LOOPBACK, "port_value": port}}


def _free_ports(count: int) -> list[int]:
    holders = [socket.create_server((_LOOPBACK, 0)) for _ in range(count)]
    ports = [int(holder.getsockname()[1]) for holder in holders]
    for holder in holders:
        holder.close()
    return ports
