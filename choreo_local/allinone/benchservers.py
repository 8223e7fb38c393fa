"""The API servers that `choreo bench kube` compares, each started afresh in a folder of its own."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from choreo_local import pki
from choreo_local.allinone import interpreter
from choreo_local.allinone.benchclient import Access, Connection, read_kubeconfig
from choreo_local.errors import ChoreoError, PreflightError, WaitTimeoutError
from choreo_local.kubeclient import kubeconfig

_READY_SECONDS = 60.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.005
_LOOPBACK = "127.0.0.1"
_BINARIES = ("etcd", "kube-apiserver")


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers.

    Attributes:
        processes: what it consists of; empty when somebody else runs it.
        start_seconds: from the start of the first process to the first good answer.
    """

    access: Access
    processes: tuple[psutil.Process, ...] = ()
    start_seconds: float = 0.0

    @property
    def megabytes(self) -> float:
        """Resident memory."""
        return float(sum(process.memory_info().rss for process in self.processes)) / 1e6

    @property
    def processor_seconds(self) -> float:
        """Processor time spent so far; other than the time of the clock it bears neighbours."""
        times = [process.cpu_times() for process in self.processes]
        return float(sum(time.user + time.system for time in times))


@contextmanager
def embedded(folder: Path) -> Iterator[Running]:
    """The embedded API server alone: no controllers, no node."""
    config = folder / "kubeconfig"
    arguments = ("--state", str(folder), "--kubeconfig", str(config))
    command = interpreter.module("choreo_local.embedded.kubeapi", *arguments)
    with _processes(folder, {"kubeapi": command}) as (began, processes):
        _until(config.exists, processes)
        yield _answering(read_kubeconfig(config), began, processes)


@contextmanager
def reference(binaries: Path, folder: Path) -> Iterator[Running]:
    """A kube-apiserver on etcd, from a folder with their binaries; neither waits for the disk."""
    missing = [name for name in _BINARIES if not (binaries / name).is_file()]
    if missing:
        raise PreflightError(
            f"cannot start the reference: {binaries} has no {' and no '.join(missing)}",
            remedy="Name a folder that holds the binaries etcd and kube-apiserver",
        )
    ports = _free_ports(3)
    config = _credentials(folder, ports[2])
    commands = {
        "etcd": _etcd(binaries, folder, ports),
        "kube-apiserver": _kube_apiserver(binaries, folder, ports),
    }
    with _processes(folder, commands) as (began, processes):
        yield _answering(read_kubeconfig(config), began, processes)


@contextmanager
def existing(config: Path) -> Iterator[Running]:
    """A server that somebody else runs; its memory and start stay unknown."""
    yield Running(read_kubeconfig(config))


def _credentials(folder: Path, port: int) -> Path:
    authority = pki.ensure_authority(folder, "bench")
    pki.ensure_server(folder, "server", authority=authority, hosts=["localhost", _LOOPBACK])
    # Any key pair will do to sign service-account tokens.
    pki.ensure_server(folder, "tokens", authority=authority, hosts=["localhost"])
    admin = pki.ensure_client(
        folder, "admin", authority=authority, user="admin", groups=["system:masters"]
    )
    config = folder / "kubeconfig"
    content = kubeconfig.of_certificate(
        name="reference",
        server=f"https://{_LOOPBACK}:{port}",
        authority=authority.certificate,
        certificate=admin.certificate,
        key=admin.key,
    )
    pki.write_private(config, content)
    return config


def _etcd(binaries: Path, folder: Path, ports: list[int]) -> list[str]:
    client, peer = (f"http://{_LOOPBACK}:{port}" for port in ports[:2])
    return [
        str(binaries / "etcd"),
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--log-level=error",
    ]


def _kube_apiserver(binaries: Path, folder: Path, ports: list[int]) -> list[str]:
    return [
        str(binaries / "kube-apiserver"),
        f"--etcd-servers=http://{_LOOPBACK}:{ports[0]}",
        f"--bind-address={_LOOPBACK}",
        f"--advertise-address={_LOOPBACK}",
        "--endpoint-reconciler-type=none",
        f"--secure-port={ports[2]}",
        f"--cert-dir={folder / 'certificates'}",
        f"--tls-cert-file={folder / 'server.crt'}",
        f"--tls-private-key-file={folder / 'server.key'}",
        f"--client-ca-file={folder / 'ca.crt'}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={folder / 'tokens.crt'}",
        f"--service-account-signing-key-file={folder / 'tokens.key'}",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--authorization-mode=RBAC",
        # No controller makes the service accounts that this one asks for.
        "--disable-admission-plugins=ServiceAccount",
    ]


@contextmanager
def _processes(
    folder: Path, commands: dict[str, list[str]]
) -> Iterator[tuple[float, list[psutil.Popen]]]:
    began = time.perf_counter()
    started: list[psutil.Popen] = []
    try:
        for name, command in commands.items():
            with (folder / f"{name}.log").open("wb") as log:
                started.append(psutil.Popen(command, stdout=log, stderr=subprocess.STDOUT))
        yield began, started
    finally:
        # One after the other: a kube-apiserver whose etcd has gone does not end.
        for process in reversed(started):
            _end(process)


def _end(process: psutil.Popen) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait()


def _answering(access: Access, began: float, processes: list[psutil.Popen]) -> Running:
    _until(lambda: asyncio.run(_is_ready(access)), processes)
    return Running(access, tuple(processes), time.perf_counter() - began)


async def _is_ready(access: Access) -> bool:
    try:
        connection = await Connection.open(access)
    except OSError:
        return False
    try:
        await connection.request("GET", "/readyz")
        # What needs a namespace can be made only once there is one.
        await connection.request("GET", "/api/v1/namespaces/default")
    except (ChoreoError, OSError):
        return False
    finally:
        await connection.close()
    return True


def _until(condition: Callable[[], bool], processes: list[psutil.Popen]) -> None:
    deadline = time.perf_counter() + _READY_SECONDS
    while not condition():
        ended = [process for process in processes if process.poll() is not None]
        if ended:
            raise ChoreoError(f"the server ended with exit code {ended[0].poll()} while starting")
        if time.perf_counter() > deadline:
            raise WaitTimeoutError(f"the server did not answer within {_READY_SECONDS:.0f} s")
        time.sleep(_POLL_SECONDS)


def _free_ports(count: int) -> list[int]:
    holders = [socket.create_server((_LOOPBACK, 0)) for _ in range(count)]
    ports = [int(holder.getsockname()[1]) for holder in holders]
    for holder in holders:
        holder.close()
    return ports
