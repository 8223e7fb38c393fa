"""The Node object."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from choreo_local.embedded.kubelet import node
from choreo_local.embedded.kubelet.node import Machine, NodeDescription
from choreo_local.embedded.kubelet.runtime import Capability, Image

MACHINE = Machine(
    cpus=4,
    memory_bytes=8 * 2**30,
    disk_bytes=100 * 2**30,
    operating_system="linux",
    architecture="amd64",
    kernel="6.1",
    description="Linux",
    machine_id="m",
)
NODE = NodeDescription(
    name="laptop",
    machine=MACHINE,
    address="127.0.0.1",
    most_pods=500,
    runtime="process://1",
    capabilities=[
        Capability("pod-address", enforced=True),
        Capability("network-policy", enforced=False, reason="plain processes"),
    ],
    images=[
        Image("choreo.local/greeter", "i", 7),
        Image("r.test/app:1", "r.test/app@sha256:0", 9, is_real=True),
    ],
)


def test_labels_and_capabilities_are_told() -> None:
    metadata = node.manifest(NODE)["metadata"]
    assert metadata["labels"]["kubernetes.io/hostname"] == "laptop"
    assert metadata["labels"]["kubernetes.io/arch"] == "amd64"
    assert metadata["annotations"] == {
        "capability.choreo.local/pod-address": "true",
        "capability.choreo.local/network-policy": "false: plain processes",
    }


def test_status_tells_what_there_is() -> None:
    found = node.status(NODE, now="2026-03-01T12:00:00Z", since={})
    assert found["capacity"] == {
        "cpu": "4",
        "memory": "8388608Ki",
        "ephemeral-storage": "104857600Ki",
        "pods": "500",
    }
    assert found["allocatable"] == found["capacity"]
    assert found["addresses"][0] == {"type": "InternalIP", "address": "127.0.0.1"}
    assert found["nodeInfo"]["containerRuntimeVersion"] == "process://1"
    assert found["images"] == [
        {"names": ["r.test/app@sha256:0", "r.test/app:1"], "sizeBytes": 9},
        {"names": ["choreo.local/greeter"], "sizeBytes": 7},
    ]
    assert {each["type"]: each["status"] for each in found["conditions"]} == {
        "MemoryPressure": "False",
        "DiskPressure": "False",
        "PIDPressure": "False",
        "Ready": "True",
    }


def test_a_full_disk_is_a_condition() -> None:
    found = node.status(replace(NODE, lacks_disk=True), now="2026-03-01T12:00:00Z", since={})
    conditions = {each["type"]: (each["status"], each["reason"]) for each in found["conditions"]}
    assert conditions["DiskPressure"] == ("True", "KubeletHasDiskPressure")
    assert conditions["Ready"] == ("True", "KubeletReady")


def test_a_heartbeat_does_not_change_transition_times() -> None:
    since = {"Ready=True": "2026-03-01T10:00:00Z"}
    ready = node.status(NODE, now="2026-03-01T12:00:00Z", since=since)["conditions"][-1]
    assert ready["lastTransitionTime"] == "2026-03-01T10:00:00Z"
    assert ready["lastHeartbeatTime"] == "2026-03-01T12:00:00Z"


def test_this_machine_is_described(tmp_path: Path) -> None:
    found = Machine.this(tmp_path, "id")
    assert found.cpus >= 1
    assert found.memory_bytes > 2**28
    assert found.operating_system in {"linux", "darwin"}
