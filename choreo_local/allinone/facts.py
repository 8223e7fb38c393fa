"""What `choreo status` says of a running instance: processes, memory, planes, capabilities."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import psutil

from choreo_local import __version__, clock
from choreo_local.allinone import instance as instances
from choreo_local.allinone import ports, removal
from choreo_local.clusters.driver import Capability
from choreo_local.embedded.kubelet.marks import MARK_POD


class Facts:
    """Answers the status of one instance.

    Args:
        record: the instance as it is now.
        reason: why this driver.
        capabilities: of the cluster.
        processes: purpose → pid of child processes that are no pods.
        cpu_percent: what the process of the instance uses of a processor at the moment.
        count_pods: how many pods run, None where they are processes of ours; how many there are.
        planes: which there are, and whether each can be reached.
    """

    def __init__(
        self,
        *,
        record: Callable[[], instances.Instance],
        reason: str,
        capabilities: Callable[[], Sequence[Capability]],
        processes: Callable[[], Mapping[str, int]],
        cpu_percent: Callable[[], float],
        count_pods: Callable[[], Awaitable[tuple[int | None, int]]],
        planes: Callable[[], Awaitable[Sequence[Mapping[str, Any]]]],
    ) -> None:
        self._planes = planes
        self._record = record
        self._reason = reason
        self._capabilities = capabilities
        self._processes = processes
        self._process = psutil.Process()
        self._cpu_percent = cpu_percent
        self._count_pods = count_pods

    async def status(self) -> dict[str, Any]:
        """The answer of `/choreo/v1/status`."""
        # The scan of all processes takes tens of milliseconds.
        usage, processes = await asyncio.to_thread(self._usage)
        pods, planes = await asyncio.gather(self._count_pods(), self._planes())
        running, total = processes if pods[0] is None else pods[0], pods[1]
        record = self._record()
        return {
            "instance": record.name,
            "version": __version__,
            "state": record.state,
            "driver": record.driver,
            "reason": self._reason,
            "pid": record.pid,
            "startedAt": record.started_at,
            "uptimeSeconds": round(clock.unix() - record.process_started, 1),
            "planes": planes,
            "capabilities": [
                {"name": entry.name, "available": entry.available, "reason": entry.reason}
                for entry in self._capabilities()
            ],
            "urls": urls(record),
            "memory": usage,
            "cpuPercent": self._cpu_percent(),
            "pods": {"running": running, "total": max(total, running)},
        }

    def _usage(self) -> tuple[dict[str, int], int]:
        """Memory by purpose, and how many pods have processes."""
        own = self._process.memory_info().rss
        proxies = set(self._processes().values())
        pods = envoy = 0
        running: set[str] = set()
        for process in removal.marked(self._record().id):
            try:
                size, pod = process.memory_info().rss, process.environ().get(MARK_POD, "")
            except psutil.Error:
                continue
            if process.pid in proxies or not pod:
                envoy += size
            else:
                pods += size
                running.add(pod)
        memory = {
            "instanceBytes": own,
            "envoyBytes": envoy,
            "podsBytes": pods,
            "totalBytes": own + envoy + pods,
        }
        return memory, len(running)


def urls(record: instances.Instance) -> dict[str, str]:
    """Name → where it answers."""
    return {
        "api": f"http://127.0.0.1:{record.ports['api']}",
        "gateway": f"http://*.openchoreoapis.localhost:{record.ports['gateway']}",
        "agents": ports.agents_url(record.ports),
        # Instances of before had none.
        "registry": f"http://localhost:{record.ports.get('registry', 0)}",
        "kube": record.server or f"https://127.0.0.1:{record.ports.get('kube', 0)}",
    }
