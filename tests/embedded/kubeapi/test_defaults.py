"""Defaults of builtin kinds, and what belongs to the system when they are written."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from choreo_local.apimachinery.gvk import GroupVersionKind
from choreo_local.embedded.kubeapi import defaults, typed

POD = GroupVersionKind("", "v1", "Pod")
SERVICE = GroupVersionKind("", "v1", "Service")
CLAIM = GroupVersionKind("", "v1", "PersistentVolumeClaim")


def gvk(api_version: str, kind: str) -> GroupVersionKind:
    group, _, version = api_version.rpartition("/")
    return GroupVersionKind(group, version, kind)


def defaulted(kind: GroupVersionKind, obj: dict[str, Any]) -> dict[str, Any]:
    found = copy.deepcopy(obj)
    typed.shape(kind, found)
    defaults.apply(kind, found)
    return found


def created(kind: GroupVersionKind, obj: dict[str, Any]) -> dict[str, Any]:
    found = defaulted(kind, obj)
    defaults.prepare_create(kind, found)
    return found


def container(**fields: Any) -> dict[str, Any]:
    obj = {"spec": {"containers": [{"name": "c", "image": "i", **fields}]}}
    found: dict[str, Any] = defaulted(POD, obj)["spec"]["containers"][0]
    return found


def test_a_pod_says_how_it_runs() -> None:
    spec = defaulted(POD, {"spec": {"containers": [{"name": "c", "image": "i"}]}})["spec"]
    assert spec == {
        "containers": [
            {
                "name": "c",
                "image": "i",
                "resources": {},
                "imagePullPolicy": "Always",
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "dnsPolicy": "ClusterFirst",
        "enableServiceLinks": True,
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
    }


DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.27", "IfNotPresent"),
        ("registry.example.com:5000/a/b", "Always"),
        ("registry.example.com:5000/a/b:v1", "IfNotPresent"),
        (f"nginx@{DIGEST}", "IfNotPresent"),
        (f"nginx:latest@{DIGEST}", "Always"),
        ("Not An Image", "IfNotPresent"),
        ("a" * 256, "IfNotPresent"),
        ("", "IfNotPresent"),
    ],
)
def test_tags_that_move_are_pulled_each_time(image: str, policy: str) -> None:
    assert container(image=image)["imagePullPolicy"] == policy


def test_requests_follow_limits_in_pods_and_not_in_templates() -> None:
    limits = {"limits": {"cpu": "1", "memory": "0.0001"}}
    assert container(resources=limits)["resources"]["requests"] == {"cpu": "1", "memory": "1m"}
    template = {"spec": {"containers": [{"name": "c", "resources": limits}]}}
    deployment = defaulted(gvk("apps/v1", "Deployment"), {"spec": {"template": template}})
    found = deployment["spec"]["template"]["spec"]["containers"][0]
    assert "requests" not in found["resources"]


def test_probes_and_ports_are_completed() -> None:
    probe = {"httpGet": {"port": 80}}
    found = container(livenessProbe=probe, ports=[{"containerPort": 80}])
    assert found["livenessProbe"] == {
        "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    }
    assert found["ports"] == [{"containerPort": 80, "protocol": "TCP"}]


def test_the_host_network_takes_the_ports_of_containers() -> None:
    pod = {
        "spec": {
            "hostNetwork": True,
            "containers": [{"name": "c", "ports": [{"containerPort": 80}]}],
        }
    }
    (port,) = defaulted(POD, pod)["spec"]["containers"][0]["ports"]
    assert port == {"containerPort": 80, "hostPort": 80, "protocol": "TCP"}


def test_a_negative_grace_period_is_a_second() -> None:
    pod = {"spec": {"containers": [], "terminationGracePeriodSeconds": -5}}
    assert defaulted(POD, pod)["spec"]["terminationGracePeriodSeconds"] == 1


@pytest.mark.parametrize(
    ("requests", "limits", "quality"),
    [
        ({}, {}, "BestEffort"),
        ({"cpu": "1"}, {}, "Burstable"),
        ({"cpu": "1", "memory": "1Gi"}, {"cpu": "1", "memory": "1Gi"}, "Guaranteed"),
        ({"cpu": "1", "memory": "1Gi"}, {"cpu": "2", "memory": "1Gi"}, "Burstable"),
        ({"example.com/gpu": "1"}, {"example.com/gpu": "1"}, "BestEffort"),
    ],
)
def test_a_new_pod_waits_and_has_a_quality(
    requests: dict[str, str], limits: dict[str, str], quality: str
) -> None:
    resources = {"requests": requests, "limits": limits}
    obj = {
        "spec": {"containers": [{"name": "c", "resources": resources}]},
        "status": {"phase": "Running"},
    }
    assert created(POD, obj)["status"] == {"phase": "Pending", "qosClass": quality}


def test_a_gated_pod_says_that_it_is_not_scheduled() -> None:
    pod = {"spec": {"containers": [], "schedulingGates": [{"name": "a.b/c"}]}}
    (condition,) = created(POD, pod)["status"]["conditions"]
    wanted = ("PodScheduled", "False", "SchedulingGated")
    assert (condition["type"], condition["status"], condition["reason"]) == wanted


@pytest.mark.parametrize(
    ("api_version", "kind", "obj", "wanted"),
    [
        (
            "apps/v1",
            "Deployment",
            {"spec": {}},
            {
                "replicas": 1,
                "strategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
                },
                "revisionHistoryLimit": 10,
                "progressDeadlineSeconds": 600,
            },
        ),
        (
            "apps/v1",
            "StatefulSet",
            {"spec": {}},
            {
                "replicas": 1,
                "podManagementPolicy": "OrderedReady",
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
                "persistentVolumeClaimRetentionPolicy": {
                    "whenDeleted": "Retain",
                    "whenScaled": "Retain",
                },
            },
        ),
        (
            "apps/v1",
            "DaemonSet",
            {"spec": {}},
            {
                "updateStrategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
                },
                "revisionHistoryLimit": 10,
            },
        ),
        (
            "batch/v1",
            "Job",
            {"spec": {}},
            {
                "completions": 1,
                "parallelism": 1,
                "backoffLimit": 6,
                "completionMode": "NonIndexed",
                "suspend": False,
                "podReplacementPolicy": "TerminatingOrFailed",
            },
        ),
        (
            "batch/v1",
            "CronJob",
            {"spec": {"schedule": "@daily"}},
            {
                "concurrencyPolicy": "Allow",
                "suspend": False,
                "successfulJobsHistoryLimit": 3,
                "failedJobsHistoryLimit": 1,
            },
        ),
        (
            "v1",
            "Service",
            {"spec": {"ports": [{"port": 80}]}},
            {
                "type": "ClusterIP",
                "sessionAffinity": "None",
                "internalTrafficPolicy": "Cluster",
                "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
            },
        ),
        ("v1", "PersistentVolumeClaim", {"spec": {}}, {"volumeMode": "Filesystem"}),
        (
            "networking.k8s.io/v1",
            "NetworkPolicy",
            {"spec": {"egress": [{}]}},
            {"policyTypes": ["Ingress", "Egress"]},
        ),
        (
            "networking.k8s.io/v1",
            "IngressClass",
            {"spec": {"parameters": {"kind": "K", "name": "n"}}},
            {"parameters": {"kind": "K", "name": "n", "scope": "Cluster"}},
        ),
    ],
)
def test_specifications_are_completed(
    api_version: str, kind: str, obj: dict[str, Any], wanted: dict[str, Any]
) -> None:
    spec = defaulted(gvk(api_version, kind), obj)["spec"]
    assert {field: spec.get(field) for field in wanted} == wanted


def test_what_is_given_stays() -> None:
    spec = {"replicas": 0, "strategy": {"type": "Recreate"}, "revisionHistoryLimit": 0}
    found = defaulted(gvk("apps/v1", "Deployment"), {"spec": spec})["spec"]
    assert {field: found[field] for field in spec} == spec


def test_bindings_of_roles_know_their_groups() -> None:
    obj = {
        "roleRef": {"kind": "Role", "name": "r"},
        "subjects": [{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s"}],
    }
    found = defaulted(gvk("rbac.authorization.k8s.io/v1", "RoleBinding"), obj)
    group = "rbac.authorization.k8s.io"
    assert found["roleRef"]["apiGroup"] == group
    assert [one.get("apiGroup") for one in found["subjects"]] == [group, None]


def test_addresses_of_nodes_and_pods_have_two_names() -> None:
    node = gvk("v1", "Node")
    assert defaulted(node, {"spec": {"podCIDR": "10.0.0.0/24"}})["spec"]["podCIDRs"] == [
        "10.0.0.0/24"
    ]
    assert defaulted(node, {"spec": {"podCIDRs": ["10.0.0.0/24"]}})["spec"]["podCIDR"] == (
        "10.0.0.0/24"
    )
    status = defaulted(POD, {"spec": {}, "status": {"podIP": "10.1.1.1"}})["status"]
    assert status["podIPs"] == [{"ip": "10.1.1.1"}]


@pytest.mark.parametrize(
    ("api_version", "kind", "spec", "field"),
    [
        ("coordination.k8s.io/v1", "Lease", {"strategy": "OldestEmulationVersion"}, "strategy"),
        ("v1", "PersistentVolumeClaim", {"dataSource": {"kind": "X", "name": "y"}}, "dataSource"),
    ],
)
def test_fields_of_features_that_are_off_are_dropped(
    api_version: str, kind: str, spec: dict[str, Any], field: str
) -> None:
    assert field not in created(gvk(api_version, kind), {"spec": spec})["spec"]


def test_stop_signals_are_off() -> None:
    lifecycle = {"stopSignal": "SIGTERM", "preStop": {"sleep": {"seconds": 1}}}
    containers = [
        {"name": "a", "lifecycle": {"stopSignal": "SIGTERM"}},
        {"name": "b", "lifecycle": lifecycle},
    ]
    found = created(POD, {"spec": {"containers": containers}})["spec"]["containers"]
    assert "lifecycle" not in found[0]
    assert found[1]["lifecycle"] == {"preStop": {"sleep": {"seconds": 1}}}


def test_both_names_of_an_origin_say_the_same() -> None:
    source = {"kind": "PersistentVolumeClaim", "name": "x"}
    spec = created(CLAIM, {"spec": {"dataSource": source}})["spec"]
    assert spec["dataSource"] == spec["dataSourceRef"]
    assert spec["dataSource"]["name"] == "x"


def test_a_job_finds_its_pods_by_its_uid() -> None:
    metadata = {"name": "j", "uid": "u-1"}
    found = created(gvk("batch/v1", "Job"), {"metadata": metadata, "spec": {"template": {}}})
    labels = found["spec"]["template"]["metadata"]["labels"]
    assert labels["batch.kubernetes.io/controller-uid"] == "u-1"
    assert labels["job-name"] == "j"
    wanted = {"matchLabels": {"batch.kubernetes.io/controller-uid": "u-1"}}
    assert found["spec"]["selector"] == wanted


def updated(
    kind: GroupVersionKind, new: dict[str, Any], old: dict[str, Any], subresource: str = ""
) -> dict[str, Any]:
    found, before = defaulted(kind, new), defaulted(kind, old)
    defaults.prepare_update(kind, found, before, subresource=subresource)
    return found


SERVED = {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ports": [{"port": 80}]}


def test_a_service_keeps_its_address() -> None:
    found = updated(SERVICE, {"spec": {"ports": [{"port": 81}]}}, {"spec": SERVED})["spec"]
    assert (found["clusterIP"], found["clusterIPs"]) == ("10.0.0.1", ["10.0.0.1"])


def test_a_service_outside_the_cluster_loses_what_it_had_inside() -> None:
    new = {"spec": {**SERVED, "type": "ExternalName", "externalName": "a.b"}}
    found = updated(SERVICE, new, {"spec": SERVED})["spec"]
    lost = {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"}
    assert not lost & found.keys()


def test_node_ports_go_with_the_type_that_needs_them() -> None:
    ports = [{"port": 80, "nodePort": 30080}]
    old = {"spec": {**SERVED, "type": "NodePort", "ports": ports}}
    found = updated(SERVICE, {"spec": {**SERVED, "ports": ports}}, old)["spec"]
    assert "nodePort" not in found["ports"][0]
    kept = updated(SERVICE, {"spec": {**SERVED, "type": "NodePort"}}, old)["spec"]
    assert kept["ports"][0]["nodePort"] == 30080


def test_only_the_approval_approves() -> None:
    kind = gvk("certificates.k8s.io/v1", "CertificateSigningRequest")
    spec = {"request": "YQ==", "signerName": "a.b/c", "usages": ["any"]}
    approved = {"conditions": [{"type": "Approved", "status": "True"}]}
    new, old = {"spec": spec, "status": approved}, {"spec": spec}
    for subresource in ("", "status"):
        found = updated(kind, new, old, subresource)
        kinds = {one["type"] for one in found.get("status", {}).get("conditions") or ()}
        assert kinds == (set() if subresource == "" else {"Approved"})
    found = updated(kind, new, old, "approval")
    assert found["status"]["conditions"][0]["type"] == "Approved"
    assert found["status"]["conditions"][0]["lastUpdateTime"]


def test_a_changed_template_counts_up() -> None:
    kind = gvk("apps/v1", "DaemonSet")
    key = "deprecated.daemonset.template.generation"
    old = created(kind, {"metadata": {}, "spec": {"template": {}}})
    assert old["metadata"]["annotations"][key] == "1"
    new = copy.deepcopy(old)
    new["spec"]["template"] = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": []}}
    assert updated(kind, new, old)["metadata"]["annotations"][key] == "2"


def test_defaults_change_nothing_the_second_time() -> None:
    for kind, obj in (
        (POD, {"spec": {"containers": [{"name": "c", "image": "i", "ports": [{}]}]}}),
        (SERVICE, {"spec": {"ports": [{"port": 80}]}}),
        (gvk("autoscaling/v2", "HorizontalPodAutoscaler"), {"spec": {"behavior": {}}}),
    ):
        once = defaulted(kind, obj)
        assert defaulted(kind, once) == once
