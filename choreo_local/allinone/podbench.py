"""Measures pods of an instance of its own, with every runtime that this machine has.

Start, rolling update, traffic through the gateway, and what many small pods cost.
"""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psutil

from choreo_local import clock
from choreo_local.allinone import bench as benches
from choreo_local.allinone import instance as instances
from choreo_local.allinone import podtraffic, removal
from choreo_local.allinone.benchclient import Access
from choreo_local.allinone.figures import Figure
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded import podruntime
from choreo_local.errors import ChoreoError, WaitTimeoutError
from choreo_local.kubeclient.access import SocketAccess
from choreo_local.paths import InstancePaths

_PODS = ResourceKind("", "v1", "Pod", "pods")
_SERVICES = ResourceKind("", "v1", "Service", "services")
_DEPLOYMENTS = ResourceKind("apps", "v1", "Deployment", "deployments")
_ROUTES = ResourceKind("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes")
_NAMESPACE = "default"
_HOST = "bench-default.openchoreoapis.localhost"
_GATEWAY = {"name": "gateway-default", "namespace": "openchoreo-data-plane"}
# Says when it has begun, in seconds of the machine's clock, and stays.
_SMALL = ["/bin/sh", "-c", "date +%s.%N; exec sleep 3600"]
_REPLICAS = 3
_POLL_SECONDS = 0.01
_SETTLE_SECONDS = 3.0
_IDLE_SECONDS = 10.0
_WAIT_SECONDS = 120.0
_MORE_SECONDS_A_POD = 1.0

Say = Callable[[str], None]
Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured.

    Attributes:
        starts: samples of a pod's start.
        rollouts: samples of a rolling update.
        requests: in one sample of a rate.
        rounds: samples of a rate.
        pods: how many small ones run together; 0 leaves this out.
    """

    starts: int = 30
    rollouts: int = 5
    requests: int = 2_000
    rounds: int = 5
    pods: int = 30


def runtimes(say: Say) -> list[str]:
    """What this machine can keep pods apart with; says why not, where it cannot."""
    runtimes = [podruntime.PROCESS]
    found = podruntime.probe()
    if found.tools is None:
        say(f"no sandboxes on this machine: {found.obstacle}")
    else:
        runtimes.append(podruntime.SANDBOX)
    try:
        podruntime.choose(podruntime.DOCKER)
    except ChoreoError as error:
        say(error.message)
    else:
        runtimes.append(podruntime.DOCKER)
    return runtimes


def measure(extent: Extent, say: Say) -> dict[str, list[Figure]]:
    """What is measured → its figures: each runtime, and the same program without us."""
    measured = {}
    for runtime in runtimes(say):
        say(f"starting an instance, runtime {runtime}")
        with benches.bench_home() as bench:
            bench.choreo("up", "--no-tui", "--runtime", runtime)
            record = instances.load(paths := InstancePaths.of("default", bench.home))
            assert record is not None
            measured[runtime] = asyncio.run(_Measurement(paths, record, extent, say).all())
    say("traffic without us")
    measured["without us"] = asyncio.run(_without_us(extent))
    return measured


async def _without_us(extent: Extent) -> list[Figure]:
    own = Figure("start of the program: begun → its first output", "-")
    for _ in range(extent.starts):
        own.samples.append(await asyncio.to_thread(_own_start))
    figures = [own]
    with podtraffic.without_us(1) as found:
        directly = {podtraffic.DIRECTLY: found[podtraffic.DIRECTLY]}
        return figures + await podtraffic.measure(
            directly, requests=extent.requests, rounds=extent.rounds
        )


def _own_start() -> float:
    """Milliseconds that the program of a small pod takes by itself."""
    began = clock.unix()
    with subprocess.Popen(_SMALL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        process.kill()
    return (float(said) - began) * 1e3


class _Measurement:
    """The figures of one instance."""

    def __init__(
        self, paths: InstancePaths, record: instances.Instance, extent: Extent, say: Say
    ) -> None:
        self._record = record
        self._extent = extent
        self._say = say
        self._client = SocketAccess(paths.socket("kube"), "").client()

    async def all(self) -> list[Figure]:
        """All figures."""
        try:
            self._say("pod starts")
            figures = await self._starts()
            self._say("rolling updates")
            await self._deploy()
            figures.append(await self._rollouts())
            self._say("traffic through the gateway")
            figures += await self._traffic()
            if self._extent.pods:
                self._say(f"{self._extent.pods} pods")
                figures += await self._many()
        finally:
            await self._client.close()
        return figures

    # --- start -----------------------------------------------------------------------------------

    async def _starts(self) -> list[Figure]:
        running = Figure("pod created → Running", "-")
        output = Figure("pod created → first output", "p50 ≤ 60 ms beside the program's own")
        for number in range(self._extent.starts):
            seen, said = await self._start(f"start-{number}")
            running.samples.append(seen)
            output.samples.append(said)
        # Not earlier: the kernel holds up other pods while it takes one's network apart.
        for number in range(self._extent.starts):
            await self._client.delete(_PODS, f"start-{number}", _NAMESPACE)
        await self._until_left(0)
        return [running, output]

    async def _start(self, name: str) -> tuple[float, float]:
        """Milliseconds until a pod is seen running, and until its program has begun."""
        listed = await self._client.list(_PODS, _NAMESPACE)
        events = self._client.watch(
            _PODS,
            _NAMESPACE,
            resource_version=listed.resource_version,
            field_selector=f"metadata.name={name}",
        )
        async with asyncio.timeout(_WAIT_SECONDS):
            began = clock.unix()
            await self._client.create(_PODS, _pod(name))
            async for event in events:
                if (event.object.get("status") or {}).get("phase") == "Running":
                    break
            seen = clock.unix()
            said = float(await self._output(name))
        return (seen - began) * 1e3, (said - began) * 1e3

    async def _output(self, name: str) -> str:
        path = f"{_PODS.path(_NAMESPACE, name)}/log"
        while True:
            answer = await self._client.transport.request("GET", path)
            if answer.body.endswith(b"\n"):
                return answer.body.decode()
            await asyncio.sleep(_POLL_SECONDS)

    # --- rolling update --------------------------------------------------------------------------

    async def _deploy(self) -> None:
        for kind, manifest in (
            (_DEPLOYMENTS, _DEPLOYMENT),
            (_SERVICES, _SERVICE),
            (_ROUTES, _ROUTE),
        ):
            await self._client.create(kind, manifest)
        await self._rolled_out()

    async def _rollouts(self) -> Figure:
        figure = Figure(f"rolling update of {_REPLICAS} replicas", "-")
        for number in range(self._extent.rollouts):
            changed = {"metadata": {"annotations": {"bench": str(number)}}}
            began = time.perf_counter()
            patch = {"spec": {"template": changed}}
            await self._client.patch(_DEPLOYMENTS, "bench", patch, _NAMESPACE)
            await self._rolled_out()
            figure.samples.append((time.perf_counter() - began) * 1e3)
        return figure

    async def _rolled_out(self) -> None:
        """Return when all replicas are new and available, as `kubectl rollout status` has it."""

        async def is_so() -> bool:
            found = await self._client.get(_DEPLOYMENTS, "bench", _NAMESPACE)
            status = found.get("status") or {}
            counts = [
                status.get(name) for name in ("replicas", "updatedReplicas", "availableReplicas")
            ]
            is_seen = status.get("observedGeneration") == found["metadata"]["generation"]
            return is_seen and counts == [_REPLICAS] * 3

        await _until(is_so, "the rolling update did not end", _WAIT_SECONDS)

    # --- traffic ---------------------------------------------------------------------------------

    async def _traffic(self) -> list[Figure]:
        """Rates through the gateway, in turn with the same programs and Envoy without us."""
        ours = Access("127.0.0.1", self._record.ports["gateway"], None, name=_HOST)
        targets = {f"{_REPLICAS} pods behind the gateway": ours}
        with podtraffic.without_us(_REPLICAS) as found:
            del found[podtraffic.DIRECTLY]
            targets |= found
            figures = await podtraffic.measure(
                targets, requests=self._extent.requests, rounds=self._extent.rounds
            )
        if not found:
            return figures
        kept, kept_without, opened, opened_without = figures
        shares = [podtraffic.share(kept, kept_without), podtraffic.share(opened, opened_without)]
        return [*figures, *shares]

    # --- many ------------------------------------------------------------------------------------

    async def _many(self) -> list[Figure]:
        count = self._extent.pods
        await self._client.delete(_DEPLOYMENTS, "bench", _NAMESPACE)
        await self._until_left(0)
        before = self._usage()
        started = Figure(f"{count} pods created together → all Running", "-", unit="s")
        began = time.perf_counter()
        await asyncio.gather(
            *(self._client.create(_PODS, _pod(f"many-{number}")) for number in range(count))
        )
        await self._until_running(count)
        started.samples.append(time.perf_counter() - began)
        await asyncio.sleep(_SETTLE_SECONDS)
        after = self._usage()
        return [started, *self._costs(before, after), await self._idle()]

    def _costs(self, before: _Usage, after: _Usage) -> Iterator[Figure]:
        count = self._extent.pods
        pods, own = f"memory of {count} pods", f"memory of the instance with {count} pods"
        yield Figure(pods, "-", [after.pods - before.pods], "MB")
        yield Figure(own, "-", [after.instance], "MB")
        more = (after.instance - before.instance) * 1e3 / count
        yield Figure("more memory of the instance, a pod", "-", [more], "kB")

    async def _idle(self) -> Figure:
        """What the instance uses of a processor while nothing happens."""
        process = psutil.Process(self._record.pid)
        figure = Figure(
            f"processor of the instance, {self._extent.pods} pods at rest", "-", unit="%"
        )
        for _ in range(self._extent.rounds):
            process.cpu_percent()
            await asyncio.sleep(_IDLE_SECONDS / self._extent.rounds)
            figure.samples.append(process.cpu_percent())
        return figure

    def _usage(self) -> _Usage:
        own = psutil.Process(self._record.pid)
        others = sum(_megabytes(process) for process in removal.marked(self._record.id))
        return _Usage(_megabytes(own), others)

    async def _until_running(self, count: int) -> None:
        async def are_running() -> bool:
            phases = [(pod.get("status") or {}).get("phase") for pod in await self._pods()]
            if "Failed" in phases:
                raise ChoreoError(f"{phases.count('Failed')} of {count} pods have failed")
            return phases.count("Running") == count

        seconds = _WAIT_SECONDS + count * _MORE_SECONDS_A_POD
        await _until(are_running, f"{count} pods did not run", seconds)

    async def _until_left(self, count: int) -> None:
        async def are_left() -> bool:
            return len(await self._pods()) <= count

        await _until(are_left, "the pods did not go", _WAIT_SECONDS)

    async def _pods(self) -> list[Manifest]:
        return list((await self._client.list(_PODS, _NAMESPACE)).items)


@dataclass(frozen=True, slots=True)
class _Usage:
    """Megabytes of the instance's process, and of all that it has started."""

    instance: float
    pods: float


def _megabytes(process: psutil.Process) -> float:
    """What would be free without a process: pages that several share count in part."""
    try:
        found = process.memory_full_info()
    except psutil.Error:
        return 0.0
    return float(getattr(found, "pss", found.rss)) / 1e6


def _pod(name: str) -> Manifest:
    main = {"name": "main", "image": "choreo.local/greeter:1.0", "command": _SMALL}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": _NAMESPACE},
        "spec": {
            "containers": [main],
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
        },
    }


_LABELS = {"app": "bench"}
_METADATA = {"name": "bench", "namespace": _NAMESPACE}
_GREETER = {
    "name": "main",
    "image": "choreo.local/greeter:1.0",
    "ports": [{"containerPort": 9090}],
    "readinessProbe": {"tcpSocket": {"port": 9090}, "periodSeconds": 1},
}
_DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": _METADATA,
    "spec": {
        "replicas": _REPLICAS,
        "selector": {"matchLabels": _LABELS},
        "template": {"metadata": {"labels": _LABELS}, "spec": {"containers": [_GREETER]}},
    },
}
_SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": _METADATA,
    "spec": {"selector": _LABELS, "ports": [{"port": 9090}]},
}
_ROUTE = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": _METADATA,
    "spec": {
        "parentRefs": [_GATEWAY],
        "hostnames": [_HOST],
        "rules": [{"backendRefs": [{"name": "bench", "port": 9090}]}],
    },
}


async def _until(condition: Callable[[], Awaitable[bool]], problem: str, seconds: float) -> None:
    deadline = time.perf_counter() + seconds
    while not await condition():
        if time.perf_counter() > deadline:
            raise WaitTimeoutError(f"{problem} within {seconds:.0f} s")
        await asyncio.sleep(_POLL_SECONDS)
