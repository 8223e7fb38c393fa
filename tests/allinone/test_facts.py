"""What the status says of an instance."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

import pytest

from choreo_local.allinone import facts
from choreo_local.allinone import instance as instances
from choreo_local.allinone.facts import Facts
from choreo_local.clusters.driver import Capability
from choreo_local.embedded.kubelet.marks import MARK_INSTANCE, MARK_POD
from choreo_local.errors import UnreachableError

Child = Callable[[str], subprocess.Popen[str]]

RECORD = replace(
    instances.running(instances.new("lab"), state="ready"),
    ports={"api": 8080, "gateway": 19080, "kube": 6550, "registry": 10082, "cluster-gateway": 8443},
)


@pytest.fixture
def child() -> Iterator[Child]:
    """Starts child processes of the instance, of a pod if one is named."""
    started = []

    def run(pod: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", "print('up', flush=True); input()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, MARK_INSTANCE: RECORD.id, MARK_POD: pod},
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        return process

    yield run
    for process in started:
        process.communicate("\n")


async def planes() -> list[dict[str, object]]:
    return [{"plane": "control", "connected": False, "message": "it is asleep"}]


Count = Callable[[], Awaitable[tuple[int | None, int]]]


def asked(
    *, pods: int = 0, proxies: dict[str, int] | None = None, count: Count | None = None
) -> Facts:
    """The facts of an instance that this process runs."""

    async def plain() -> tuple[None, int]:
        return None, pods

    return Facts(
        record=lambda: RECORD,
        reason="It was asked for.",
        capabilities=lambda: [Capability("gateway", False, "no proxy here")],
        processes=lambda: proxies or {},
        cpu_percent=lambda: 1.5,
        count_pods=count or plain,
        planes=planes,
    )


async def test_the_status_tells_who_runs_where() -> None:
    status = await asked().status()
    assert (status["instance"], status["state"], status["pid"]) == ("lab", "ready", os.getpid())
    assert status["startedAt"] == RECORD.started_at
    assert status["uptimeSeconds"] >= 0
    assert status["cpuPercent"] == 1.5
    assert status["capabilities"] == [
        {"name": "gateway", "available": False, "reason": "no proxy here"}
    ]
    assert status["planes"] == [{"plane": "control", "connected": False, "message": "it is asleep"}]


async def test_memory_is_told_apart_by_who_needs_it(child: Child) -> None:
    proxy = child("")
    child("pod-a")
    child("pod-a")
    child("pod-b")

    status = await asked(pods=3, proxies={"gateway": proxy.pid}).status()

    memory = status["memory"]
    parts = [memory[f"{name}Bytes"] for name in ("instance", "envoy", "pods")]
    assert all(parts)
    assert memory["totalBytes"] == sum(parts)
    assert status["pods"] == {"running": 2, "total": 3}


async def test_pods_that_have_just_gone_are_not_more_than_all(child: Child) -> None:
    child("pod-a")
    status = await asked(pods=0).status()
    assert status["pods"] == {"running": 1, "total": 1}


async def test_what_a_cluster_elsewhere_runs_is_no_process_here(child: Child) -> None:
    async def count() -> tuple[int, int]:
        return 3, 4

    status = await asked(count=count).status()
    assert status["pods"] == {"running": 3, "total": 4}


async def test_a_cluster_that_does_not_answer_is_not_hidden() -> None:
    async def fails() -> tuple[int | None, int]:
        raise UnreachableError("cannot reach the kube API")

    silent = Facts(
        record=lambda: RECORD,
        reason="",
        capabilities=list,
        processes=dict,
        cpu_percent=lambda: 0.0,
        count_pods=fails,
        planes=planes,
    )
    with pytest.raises(UnreachableError):
        await silent.status()


def test_addresses_follow_the_ports() -> None:
    assert facts.urls(RECORD) == {
        "api": "http://127.0.0.1:8080",
        "gateway": "http://*.openchoreoapis.localhost:19080",
        "agents": "wss://127.0.0.1:8443/ws",
        "registry": "http://localhost:10082",
        "kube": "https://127.0.0.1:6550",
    }
