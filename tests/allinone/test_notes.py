from __future__ import annotations

from choreo_local.allinone import notes
from choreo_local.clusters.driver import Capability

POLICIES = Capability("network-policy", available=False, reason="not here")


def test_plain_processes_are_told_of_with_the_reason() -> None:
    sandboxes = Capability("sandboxes", available=False, reason="namespaces are forbidden")
    (note,) = notes.of_start([sandboxes, POLICIES])
    assert note.startswith("Pods are plain processes: namespaces are forbidden.")
    assert "choreo status" in note


def test_containers_on_a_network_of_their_engine_are_not_called_processes() -> None:
    engine = Capability("sandboxes", available=False, reason="pods are containers of an engine")
    files = Capability("file-isolation", available=True)
    (note,) = notes.of_start([engine, POLICIES, files])
    assert note.startswith("NetworkPolicy is not enforced")
    assert "not here" in note


def test_where_policies_are_enforced_there_is_nothing_to_say() -> None:
    kept = Capability("network-policy", available=True)
    sandboxes = Capability("sandboxes", available=True)
    engine = Capability("sandboxes", available=False, reason="pods are containers of an engine")
    assert notes.of_start([sandboxes, kept]) == []
    assert notes.of_start([engine, kept]) == []


def test_of_a_cluster_elsewhere_nothing_is_said() -> None:
    assert notes.of_start([POLICIES]) == []
