"""The taints of a node that is not ready, or lacks disk."""

from __future__ import annotations

from typing import Any

from choreo_local.embedded.controllermanager.nodelifecycle import DISK_PRESSURE, NOT_READY, plan

OTHER = {"key": "dedicated", "effect": "NoSchedule", "value": "gpu"}


def node(*taints: dict[str, str], ready: str, lacks_disk: str = "False") -> dict[str, Any]:
    spec = {"taints": list(taints)} if taints else {}
    conditions = {"Ready": ready, "DiskPressure": lacks_disk}
    status = {"conditions": [{"type": type_, "status": is_} for type_, is_ in conditions.items()]}
    return {"metadata": {"name": "n"}, "spec": spec, "status": status}


def test_a_ready_node_loses_the_taint_and_keeps_the_others() -> None:
    (write,) = plan(node(NOT_READY, OTHER, ready="True")).writes
    assert write.obj["spec"]["taints"] == [OTHER]


def test_the_last_taint_leaves_no_empty_list() -> None:
    (write,) = plan(node(NOT_READY, ready="True")).writes
    assert "taints" not in write.obj["spec"]


def test_a_node_that_is_not_ready_any_more_gets_the_taint_back() -> None:
    (write,) = plan(node(OTHER, ready="Unknown")).writes
    assert write.obj["spec"]["taints"] == [OTHER, NOT_READY]


def test_a_node_that_lacks_disk_takes_no_pods_until_it_is_well() -> None:
    (write,) = plan(node(OTHER, ready="True", lacks_disk="True")).writes
    assert write.obj["spec"]["taints"] == [OTHER, DISK_PRESSURE]
    assert plan(node(OTHER, DISK_PRESSURE, ready="True", lacks_disk="True")).writes == ()
    (write,) = plan(node(OTHER, DISK_PRESSURE, ready="True")).writes
    assert write.obj["spec"]["taints"] == [OTHER]
    (write,) = plan(node(DISK_PRESSURE, ready="False")).writes
    assert write.obj["spec"]["taints"] == [NOT_READY]


def test_what_fits_is_not_written() -> None:
    assert plan(node(ready="True")).writes == ()
    assert plan(node(NOT_READY, ready="False")).writes == ()
