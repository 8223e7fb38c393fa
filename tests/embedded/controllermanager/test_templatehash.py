"""Hashes of Pod templates are those of the real controller manager."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.embedded.controllermanager import goquantity
from choreo_local.embedded.controllermanager.templatehash import (
    same_template,
    template_hash,
)


def plain() -> dict[str, Any]:
    """A template with the defaults that the API server fills in."""
    container = {
        "name": "c",
        "image": "nginx",
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "Always",
    }
    return {
        "metadata": {"labels": {"app": "web"}},
        "spec": {
            "containers": [container],
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "securityContext": {},
            "schedulerName": "default-scheduler",
        },
    }


def rich() -> dict[str, Any]:
    container = {
        "name": "c",
        "image": "nginx",
        "resources": {
            "limits": {"cpu": "100m", "memory": "64Mi"},
            "requests": {"cpu": "0.5", "memory": "1e3", "ephemeral-storage": "1.5Gi"},
        },
        "env": [
            {"name": "A", "value": "b"},
            {
                "name": "S",
                "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}},
            },
        ],
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "livenessProbe": {
            "httpGet": {"path": "/", "port": "http", "scheme": "HTTP"},
            "periodSeconds": 10,
        },
        "readinessProbe": {"tcpSocket": {"port": 8080}},
        "securityContext": {
            "runAsUser": 1000,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "v", "mountPath": "/x", "readOnly": True}],
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", "1"]}}},
    }
    affinity_term = {
        "labelSelector": {
            "matchLabels": {"a": "b"},
            "matchExpressions": [{"key": "k", "operator": "In", "values": ["x", "y"]}],
        },
        "topologyKey": "t",
    }
    preferred = [{"weight": 1, "podAffinityTerm": affinity_term}]
    items = [{"key": "k", "path": "p"}]
    return {
        "metadata": {"labels": {"app": "x", "b": "c"}, "annotations": {"a": "1"}},
        "spec": {
            "volumes": [
                {"name": "v", "configMap": {"name": "cm", "defaultMode": 420, "items": items}},
                {"name": "e", "emptyDir": {"sizeLimit": "1Gi"}},
            ],
            "initContainers": [
                {"name": "i", "image": "b:1", "command": ["sh", "-c", 'echo "hi" <&>']}
            ],
            "containers": [container],
            "nodeSelector": {"z": "1", "a": "2"},
            "affinity": {
                "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}
            },
            "tolerations": [{"key": "k", "operator": "Exists", "tolerationSeconds": 5}],
            "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule"}
            ],
            "hostNetwork": False,
            "serviceAccountName": "sa",
        },
    }


def test_hashes_are_those_that_kubernetes_computes() -> None:
    assert template_hash(plain()) == "64586f5df"
    assert template_hash(plain(), 1) == "cf5c44d48"
    assert template_hash(rich()) == "5fdfb7b549"
    assert template_hash(rich(), 1) == "7b4f6698d4"


def test_the_hash_label_makes_no_difference_when_templates_are_compared() -> None:
    labelled = plain()
    labelled["metadata"]["labels"]["pod-template-hash"] = "x"
    assert same_template(labelled, plain())
    assert not same_template(labelled, rich())


@pytest.mark.parametrize(
    ("text", "number", "scale", "kept", "format_"),
    [
        ("100m", 100, -3, "100m", "DecimalSI"),
        ("0.5", 500, -3, "500m", "DecimalSI"),
        ("1000", 1, 3, "1k", "DecimalSI"),
        ("1e3", 1, 3, "1e3", "DecimalExponent"),
        ("64Mi", 67108864, 0, "", "BinarySI"),
        ("100Mi", 104857600, 0, "100Mi", "BinarySI"),
        ("1.5Gi", 1610612736, 0, "", "BinarySI"),
        ("0", 0, 0, "0", "DecimalSI"),
    ],
)
def test_quantities_are_kept_in_canonical_form(
    text: str, number: int, scale: int, kept: str, format_: str
) -> None:
    dumped = goquantity.dump(text)
    assert f"value:(int64){number} scale:(resource.Scale){scale}" in dumped
    assert f"s:(string){kept} Format:(resource.Format){format_}" in dumped
