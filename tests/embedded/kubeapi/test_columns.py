"""Cells of builtin kinds, as `kubectl get` shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choreo_local.embedded.kubeapi import builtin, tables
from choreo_local.embedded.kubeapi.columns import cells, find

NOW = datetime(2026, 1, 11, tzinfo=UTC)
RESOURCES = {(one.kind.api_version, one.kind.kind): one for one in builtin.resources()}
NONE = "<none>"


def row(api_version: str, kind: str, obj: dict[str, Any]) -> list[Any]:
    metadata = {"name": "x", "creationTimestamp": "2026-01-01T00:00:00Z", **obj.pop("metadata", {})}
    whole = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **obj}
    table = tables.render(RESOURCES[api_version, kind], [whole], now=NOW)
    found: list[Any] = table["rows"][0]["cells"]
    assert len(found) == len(table["columnDefinitions"])
    return found


def pod(status: dict[str, Any], **spec: Any) -> list[Any]:
    return row("v1", "Pod", {"spec": {"containers": [{"name": "a"}], **spec}, "status": status})


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0.9, "0s"),
        (119, "119s"),
        (120, "2m"),
        (200, "3m20s"),
        (600, "10m"),
        (10_799, "179m"),
        (10_800, "3h"),
        (12_000, "3h20m"),
        (28_800, "8h"),
        (172_800, "2d"),
        (176_400, "2d1h"),
        (691_200, "8d"),
        (31_536_000, "365d"),
        (63_072_000, "2y"),
        (66_000_000, "2y33d"),
        (252_288_000, "8y"),
    ],
)
def test_ages_lose_precision_as_they_grow(seconds: float, text: str) -> None:
    assert cells.human_duration(seconds) == text


@settings(deadline=None)
@given(st.floats(0, 1e10))
def test_every_age_is_a_short_text(seconds: float) -> None:
    assert 2 <= len(cells.human_duration(seconds)) <= 7


def test_a_running_pod_shows_its_restarts_and_gates() -> None:
    ended = {"terminated": {"finishedAt": "2026-01-10T23:00:00Z"}}
    status = {
        "phase": "Running",
        "podIPs": [{"ip": "10.0.0.1"}],
        "conditions": [
            {"type": "Ready", "status": "True"},
            {"type": "gate", "status": "True"},
        ],
        "containerStatuses": [
            {"name": "a", "ready": True, "restartCount": 2, "state": {"running": {}}}
            | {"lastState": ended},
            {"name": "b", "ready": False, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
        ],
    }
    found = pod(
        status,
        nodeName="n1",
        containers=[{"name": "a"}, {"name": "b"}],
        readinessGates=[{"conditionType": "gate"}],
    )
    wanted = ["x", "1/2", "CrashLoopBackOff", "2 (60m ago)", "10d", "10.0.0.1", "n1", NONE, "1/1"]
    assert found == wanted


def waiting(reason: str) -> dict[str, Any]:
    return {"name": "a", "state": {"waiting": {"reason": reason}}}


def ended(**how: Any) -> dict[str, Any]:
    return {"name": "a", "state": {"terminated": how}}


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"phase": "Pending"}, "Pending"),
        ({"phase": "Failed", "reason": "Evicted"}, "Evicted"),
        (
            {"phase": "Pending", "containerStatuses": [waiting("ContainerCreating")]},
            "ContainerCreating",
        ),
        ({"phase": "Failed", "containerStatuses": [ended(signal=9)]}, "Signal:9"),
        ({"phase": "Failed", "containerStatuses": [ended(exitCode=3)]}, "ExitCode:3"),
        ({"phase": "Failed", "containerStatuses": [ended(reason="Error", exitCode=1)]}, "Error"),
        ({"phase": "Succeeded", "containerStatuses": [ended(reason="Completed")]}, "Completed"),
        (
            {
                "phase": "Pending",
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}
                ],
            },
            "SchedulingGated",
        ),
    ],
)
def test_a_pod_shows_why_it_is_as_it_is(status: dict[str, Any], reason: str) -> None:
    assert pod(status)[2] == reason


def test_a_deleted_pod_is_terminating() -> None:
    metadata = {"deletionTimestamp": "2026-01-10T00:00:00Z"}
    spec = {"containers": [{"name": "a"}]}
    obj = {"metadata": metadata, "spec": spec, "status": {"phase": "Running"}}
    assert row("v1", "Pod", obj)[2] == "Terminating"


def test_init_containers_are_counted_while_they_run() -> None:
    init = [{"name": "i1"}, {"name": "i2"}]
    statuses: list[dict[str, Any]] = [
        {"name": "i1", "state": {"terminated": {"exitCode": 0}}},
        {"name": "i2", "state": {"running": {}}, "restartCount": 1},
    ]
    status = {"phase": "Pending", "initContainerStatuses": statuses}
    assert pod(status, initContainers=init)[1:4] == ["0/1", "Init:1/2", "1"]
    statuses[1]["state"] = {"terminated": {"exitCode": 2}}
    assert pod(status, initContainers=init)[2] == "Init:ExitCode:2"


def test_sidecars_count_as_containers() -> None:
    sidecar = {"name": "s", "started": True, "ready": True, "state": {"running": {}}}
    status = {
        "phase": "Running",
        "initContainerStatuses": [sidecar],
        "containerStatuses": [{"name": "a", "ready": True, "state": {"running": {}}}],
    }
    found = pod(status, initContainers=[{"name": "s", "restartPolicy": "Always"}])
    assert found[1:3] == ["2/2", "Running"]


def test_finished_pods_are_marked_so_that_they_can_be_hidden() -> None:
    obj = {"kind": "Pod", "metadata": {}, "spec": {}, "status": {"phase": "Succeeded"}}
    (found,) = tables.render(RESOURCES["v1", "Pod"], [obj], now=NOW)["rows"]
    (mark,) = found["conditions"]
    assert (mark["type"], mark["status"], mark["reason"]) == ("Completed", "True", "Succeeded")


CONTAINERS = {"spec": {"containers": [{"name": "c", "image": "i"}, {"name": "d", "image": "j"}]}}


@pytest.mark.parametrize(
    ("api_version", "kind", "obj", "shown"),
    [
        (
            "apps/v1",
            "Deployment",
            {
                "spec": {
                    "replicas": 3,
                    "selector": {
                        "matchLabels": {"a": "b"},
                        "matchExpressions": [{"key": "c", "operator": "In", "values": ["x", "y"]}],
                    },
                    "template": CONTAINERS,
                },
                "status": {"readyReplicas": 1, "updatedReplicas": 2, "availableReplicas": 1},
            },
            ["x", "1/3", 2, 1, "10d", "c,d", "i,j", "a=b,c in (x,y)"],
        ),
        (
            "apps/v1",
            "StatefulSet",
            {"spec": {"replicas": 2, "template": CONTAINERS}, "status": {"readyReplicas": 1}},
            ["x", "1/2", "10d", "c,d", "i,j"],
        ),
        (
            "apps/v1",
            "DaemonSet",
            {
                "spec": {
                    "selector": {"matchLabels": {"a": "b"}},
                    "template": {"spec": {"nodeSelector": {"z": "1", "a": "2"}}},
                },
                "status": {
                    "desiredNumberScheduled": 3,
                    "currentNumberScheduled": 3,
                    "numberReady": 2,
                    "updatedNumberScheduled": 1,
                    "numberAvailable": 2,
                },
            },
            ["x", 3, 3, 2, 1, 2, "a=2,z=1", "10d", "", "", "a=b"],
        ),
        (
            "batch/v1",
            "Job",
            {
                "spec": {"completions": 3, "selector": {"matchLabels": {"a": "b"}}},
                "status": {
                    "succeeded": 3,
                    "startTime": "2026-01-10T00:00:00Z",
                    "completionTime": "2026-01-10T00:01:30Z",
                    "conditions": [{"type": "Complete", "status": "True"}],
                },
            },
            ["x", "Complete", "3/3", "90s", "10d", "", "", "a=b"],
        ),
        (
            "batch/v1",
            "Job",
            {
                "spec": {"parallelism": 2},
                "status": {"succeeded": 1, "startTime": "2026-01-10T23:59:00Z"},
            },
            ["x", "Running", "1/1 of 2", "60s", "10d", "", "", NONE],
        ),
        (
            "batch/v1",
            "CronJob",
            {
                "spec": {"schedule": "* * * * *", "suspend": True},
                "status": {"active": [{}], "lastScheduleTime": "2026-01-10T23:59:00Z"},
            },
            ["x", "* * * * *", NONE, "True", 1, "60s", "10d", "", "", NONE],
        ),
        (
            "v1",
            "Service",
            {
                "spec": {
                    "type": "LoadBalancer",
                    "clusterIPs": ["10.0.0.1"],
                    "selector": {"a": "b"},
                    "ports": [
                        {"port": 80, "nodePort": 30080, "protocol": "TCP"},
                        {"port": 53, "protocol": "UDP"},
                    ],
                },
                "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}, {"hostname": "h"}]}},
            },
            ["x", "LoadBalancer", "10.0.0.1", "1.2.3.4,h", "80:30080/TCP,53/UDP", "10d", "a=b"],
        ),
        (
            "v1",
            "Service",
            {"spec": {"type": "LoadBalancer", "clusterIPs": ["10.0.0.1"]}},
            ["x", "LoadBalancer", "10.0.0.1", "<pending>", NONE, "10d", NONE],
        ),
        (
            "v1",
            "Service",
            {"spec": {"type": "ExternalName", "externalName": "a.b"}},
            ["x", "ExternalName", NONE, "a.b", NONE, "10d", NONE],
        ),
        (
            "v1",
            "Node",
            {
                "metadata": {
                    "labels": {
                        "node-role.kubernetes.io/worker": "",
                        "node-role.kubernetes.io/control-plane": "",
                    }
                },
                "spec": {"unschedulable": True},
                "status": {
                    "conditions": [{"type": "Ready", "status": "True"}],
                    "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
                    "nodeInfo": {"kubeletVersion": "v1", "osImage": "Linux"},
                },
            },
            [
                *("x", "Ready,SchedulingDisabled", "control-plane,worker", "10d", "v1"),
                *("10.0.0.1", NONE, "Linux", "<unknown>", "<unknown>"),
            ],
        ),
        ("v1", "Namespace", {"status": {"phase": "Active"}}, ["x", "Active", "10d"]),
        ("v1", "ConfigMap", {"data": {"a": "b"}, "binaryData": {"c": "d"}}, ["x", 2, "10d"]),
        ("v1", "Secret", {"type": "Opaque", "data": {"a": "b"}}, ["x", "Opaque", 1, "10d"]),
        (
            "v1",
            "Event",
            {
                "involvedObject": {"kind": "Pod", "name": "p"},
                "type": "Warning",
                "reason": "R",
                "message": " m ",
                "count": 3,
                "firstTimestamp": "2026-01-10T23:00:00Z",
                "lastTimestamp": "2026-01-10T23:59:00Z",
                "source": {"component": "kubelet", "host": "n"},
            },
            ["60s", "Warning", "R", "pod/p", "", "kubelet, n", "m", "60m", 3, "x"],
        ),
        (
            "v1",
            "PersistentVolumeClaim",
            {
                "spec": {"volumeName": "v", "storageClassName": "s"},
                "status": {
                    "phase": "Bound",
                    "capacity": {"storage": "1Gi"},
                    "accessModes": ["ReadWriteOnce", "ReadOnlyMany"],
                },
            },
            ["x", "Bound", "v", "1Gi", "RWO,ROX", "s", "<unset>", "10d", "<unset>"],
        ),
        (
            "v1",
            "Endpoints",
            {
                "subsets": [
                    {
                        "addresses": [{"ip": "1.1.1.1"}, {"ip": "1.1.1.2"}],
                        "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}],
                    }
                ]
            },
            ["x", "1.1.1.1:80,1.1.1.2:80,1.1.1.1:81 + 1 more...", "10d"],
        ),
        (
            "networking.k8s.io/v1",
            "Ingress",
            {
                "spec": {
                    "ingressClassName": "nginx",
                    "rules": [{"host": "a.b"}, {"host": "c.d"}],
                    "tls": [{"hosts": ["a.b"]}],
                },
                "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}},
            },
            ["x", "nginx", "a.b,c.d", "1.2.3.4", "80, 443", "10d"],
        ),
        (
            "networking.k8s.io/v1",
            "NetworkPolicy",
            {"spec": {"podSelector": {"matchLabels": {"a": "b"}}}},
            ["x", "a=b", "10d"],
        ),
        (
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            {
                "spec": {
                    "minReplicas": 1,
                    "maxReplicas": 5,
                    "scaleTargetRef": {"kind": "Deployment", "name": "d"},
                    "metrics": [
                        {
                            "type": "Resource",
                            "resource": {"name": "cpu", "target": {"averageUtilization": 50}},
                        }
                    ],
                },
                "status": {
                    "currentReplicas": 2,
                    "currentMetrics": [
                        {
                            "type": "Resource",
                            "resource": {"name": "cpu", "current": {"averageUtilization": 30}},
                        }
                    ],
                },
            },
            ["x", "Deployment/d", "cpu: 30%/50%", "1", 5, 2, "10d"],
        ),
        (
            "policy/v1",
            "PodDisruptionBudget",
            {"spec": {"minAvailable": "50%"}, "status": {"disruptionsAllowed": 1}},
            ["x", "50%", "N/A", 1, "10d"],
        ),
        (
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            {
                "roleRef": {"kind": "ClusterRole", "name": "admin"},
                "subjects": [
                    {"kind": "User", "name": "u"},
                    {"kind": "Group", "name": "g"},
                    {"kind": "ServiceAccount", "namespace": "n", "name": "s"},
                ],
            },
            ["x", "ClusterRole/admin", "10d", "u", "g", "n/s"],
        ),
        (
            "discovery.k8s.io/v1",
            "EndpointSlice",
            {
                "addressType": "IPv4",
                "ports": [{"port": 80}, {"port": 81}],
                "endpoints": [{"addresses": [f"1.1.1.{number}"]} for number in range(1, 5)],
            },
            ["x", "IPv4", "80,81", "1.1.1.1,1.1.1.2,1.1.1.3 + 1 more...", "10d"],
        ),
        (
            "storage.k8s.io/v1",
            "StorageClass",
            {
                "metadata": {
                    "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}
                },
                "provisioner": "p",
                "reclaimPolicy": "Delete",
                "volumeBindingMode": "Immediate",
            },
            ["x (default)", "p", "Delete", "Immediate", False, "10d"],
        ),
        (
            "coordination.k8s.io/v1",
            "Lease",
            {"spec": {"holderIdentity": "h"}},
            ["x", "h", "10d"],
        ),
        (
            "v1",
            "ResourceQuota",
            {
                "status": {
                    "hard": {"pods": "3", "limits.cpu": "2"},
                    "used": {"pods": "1", "limits.cpu": "500m"},
                }
            },
            ["x", "pods: 1/3", "limits.cpu: 500m/2", "10d"],
        ),
        (
            "certificates.k8s.io/v1",
            "CertificateSigningRequest",
            {
                "spec": {"signerName": "a.b/c", "username": "u", "expirationSeconds": 3600},
                "status": {"conditions": [{"type": "Approved"}], "certificate": "YQ=="},
            },
            ["x", "10d", "a.b/c", "u", "60m", "Approved,Issued"],
        ),
        (
            "scheduling.k8s.io/v1",
            "PriorityClass",
            {"value": 5, "preemptionPolicy": "Never"},
            ["x", 5, False, "10d", "Never"],
        ),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            {},
            ["x", "2026-01-01T00:00:00Z"],
        ),
    ],
)
def test_kinds_show_what_matters(
    api_version: str, kind: str, obj: dict[str, Any], shown: list[Any]
) -> None:
    assert row(api_version, kind, obj) == shown


STORED = sorted(
    (api_version, kind)
    for (api_version, kind), one in RESOURCES.items()
    if "list" in one.verbs and "create" in one.verbs
)


@pytest.mark.parametrize(("api_version", "kind"), STORED)
def test_an_object_with_hardly_anything_has_cells(api_version: str, kind: str) -> None:
    resource = RESOURCES[api_version, kind]
    bare = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}}
    table = tables.render(resource, [bare], now=NOW)
    printer = find(resource.kind.group, kind)
    columns = len(printer.columns) if printer else 2
    assert len(table["columnDefinitions"]) == columns
    # Addresses show one cell more than they have columns, as the real ones do.
    extra = 1 if kind == "IPAddress" else 0
    assert len(table["rows"][0]["cells"]) == columns + extra
