"""What the runtime is told of a pod."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from choreo_local.embedded.kubelet import preparing
from choreo_local.embedded.kubelet.places import Places
from choreo_local.embedded.kubelet.runtime import PodRequest, StartError
from choreo_local.embedded.kubelet.simulated import SimulatedRuntime
from tests.embedded.kubelet.builders import pod
from tests.embedded.kubelet.livenode import is_ready, live_node


def request_for(tmp_path: Any, **spec: Any) -> PodRequest:
    return preparing.pod_request(pod(**spec), Places(tmp_path))


@pytest.mark.parametrize(
    ("spec", "uses"),
    [
        ({}, True),
        ({"dnsPolicy": "ClusterFirst"}, True),
        ({"dnsPolicy": "Default"}, False),
        ({"dnsPolicy": "None"}, False),
        ({"hostNetwork": True}, False),
        ({"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}, True),
    ],
)
def test_the_dns_policy_decides_who_is_asked(
    tmp_path: Any, spec: dict[str, Any], *, uses: bool
) -> None:
    assert request_for(tmp_path, **spec).uses_cluster_dns is uses


def test_names_of_a_pod(tmp_path: Any) -> None:
    assert request_for(tmp_path).hostname == "greeter"
    assert request_for(tmp_path, hostname="db-0").hostname == "db-0"
    long = request_for(tmp_path, metadata={"name": "x" * 62 + "-y"})
    assert long.hostname == "x" * 62


def test_aliases_and_earlier_address_are_passed_on(tmp_path: Any) -> None:
    found = request_for(
        tmp_path,
        hostAliases=[{"ip": "10.0.0.1", "hostnames": ["a", "b"]}, {"ip": "10.0.0.2"}],
        dnsConfig={"searches": ["example.test"]},
        status={"podIP": "127.40.0.17"},
    )
    assert found.host_aliases == {"a": "10.0.0.1", "b": "10.0.0.1"}
    assert found.search_domains == ("example.test",)
    assert found.address == "127.40.0.17"
    assert found.folder == tmp_path / "pods" / "0c4f"


class Unattached(SimulatedRuntime):
    """Cannot attach pods for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals = 2

    async def start_pod(self, pod: PodRequest) -> str:
        """Refuse at first."""
        if self.refusals:
            self.refusals -= 1
            raise StartError("cannot attach the pod to its network: no room")
        return await super().start_pod(pod)


async def test_a_pod_that_cannot_be_attached_is_tried_again(tmp_path: Path) -> None:
    async with live_node(tmp_path) as node:
        await node.start(Unattached())
        await node.run("sleep")
        message = await node.until_event("FailedCreatePodSandBox")
        assert message == (
            "Failed to create pod sandbox: cannot attach the pod to its network: no room"
        )
        await node.until(is_ready)
