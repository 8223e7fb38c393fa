"""Builtin objects in the shape of their Go types."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choreo_local.apimachinery.gvk import GroupVersionKind
from choreo_local.embedded.kubeapi import typed

POD = GroupVersionKind("", "v1", "Pod")
CONFIG_MAP = GroupVersionKind("", "v1", "ConfigMap")
DEPLOYMENT = GroupVersionKind("apps", "v1", "Deployment")
SERVICE = GroupVersionKind("", "v1", "Service")


def shaped(gvk: GroupVersionKind, obj: dict[str, Any]) -> dict[str, Any]:
    found = copy.deepcopy(obj)
    typed.shape(gvk, found)
    return found


def test_unknown_fields_go_and_are_named() -> None:
    obj = {"spec": {"containers": [{"name": "c", "foo": 1}], "bar": {}}, "x": 1}
    assert typed.shape(POD, obj) == ["spec.containers[0].foo", "spec.bar", "x"]
    assert obj["spec"] == {"containers": [{"name": "c", "resources": {}}]}
    assert "x" not in obj


def test_what_means_nothing_goes() -> None:
    spec = {"nodeSelector": {}, "hostNetwork": False, "hostname": "", "volumes": None}
    assert shaped(POD, {"spec": {**spec, "containers": []}})["spec"] == {"containers": []}


def test_what_is_always_written_appears() -> None:
    obj = shaped(SERVICE, {})
    assert obj == {"metadata": {}, "spec": {}, "status": {"loadBalancer": {}}}
    assert shaped(POD, {})["spec"] == {"containers": None}


def test_pointers_keep_their_zeros() -> None:
    assert shaped(DEPLOYMENT, {"spec": {"replicas": 0}})["spec"]["replicas"] == 0
    context = {"runAsUser": 0, "privileged": False}
    pod = shaped(POD, {"spec": {"containers": [{"name": "c", "securityContext": context}]}})
    assert pod["spec"]["containers"][0]["securityContext"] == context


def test_amounts_and_times_take_their_usual_form() -> None:
    limits = {"cpu": 1, "memory": "1024Ki", "a.b/c": "0.5"}
    pod = {
        "metadata": {"creationTimestamp": "2020-01-01T02:00:00+02:00"},
        "spec": {"containers": [{"name": "c", "resources": {"limits": limits}}]},
    }
    found = shaped(POD, pod)
    wanted = {"cpu": "1", "memory": "1Mi", "a.b/c": "500m"}
    assert found["spec"]["containers"][0]["resources"]["limits"] == wanted
    assert found["metadata"]["creationTimestamp"] == "2020-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("gvk", "obj", "reason"),
    [
        (
            POD,
            {"spec": {"containers": "x"}},
            "json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type "
            "[]v1.Container",
        ),
        (
            POD,
            {"spec": {"containers": [{"name": 5}]}},
            "json: cannot unmarshal number into Go struct field Container.spec.containers.name of "
            "type string",
        ),
        (
            POD,
            {"spec": {"activeDeadlineSeconds": 1.5}},
            "json: cannot unmarshal number 1.5 into Go struct field "
            "PodSpec.spec.activeDeadlineSeconds of type int64",
        ),
        (
            DEPLOYMENT,
            {"spec": {"replicas": 2**40}},
            "json: cannot unmarshal number 1099511627776 into Go struct field "
            "DeploymentSpec.spec.replicas of type int32",
        ),
        (
            CONFIG_MAP,
            {"data": []},
            "json: cannot unmarshal array into Go struct field ConfigMap.data of type "
            "map[string]string",
        ),
        (
            CONFIG_MAP,
            {"metadata": "x"},
            "json: cannot unmarshal string into Go struct field ConfigMap.metadata of type "
            "v1.ObjectMeta",
        ),
        (CONFIG_MAP, {"binaryData": {"a": "***"}}, "illegal base64 data at input byte 0"),
        (
            POD,
            {"spec": {"containers": [{"resources": {"limits": {"cpu": "x"}}}]}},
            "quantities must match the regular expression "
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
        (
            POD,
            {"metadata": {"creationTimestamp": "x"}},
            'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"',
        ),
    ],
)
def test_values_of_the_wrong_type_are_refused(
    gvk: GroupVersionKind, obj: dict[str, Any], reason: str
) -> None:
    with pytest.raises(typed.ShapeError) as caught:
        typed.shape(gvk, obj)
    assert str(caught.value) == reason


def test_ports_are_numbers_or_names() -> None:
    for port in (8080, "http"):
        obj = shaped(SERVICE, {"spec": {"ports": [{"port": 80, "targetPort": port}]}})
        assert obj["spec"]["ports"] == [{"port": 80, "targetPort": port}]


def test_metadata_of_custom_objects_has_a_shape_too() -> None:
    obj: dict[str, Any] = {"metadata": {"name": "a", "labels": {}, "foo": 1}, "spec": {"any": 1}}
    assert typed.shape_metadata(obj) == ["metadata.foo"]
    assert obj == {"metadata": {"name": "a"}, "spec": {"any": 1}}


def test_a_field_is_reset_to_what_is_always_written() -> None:
    obj: dict[str, Any] = {"status": {"phase": "Running"}}
    typed.reset_field(POD, obj, "status")
    assert obj == {"status": {}}


def test_nesting_is_bounded() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(700):
        schema = {"type": "object", "properties": {"x": schema}}
    version = {"name": "v1", "schema": {"openAPIV3Schema": schema}}
    crd = GroupVersionKind("apiextensions.k8s.io", "v1", "CustomResourceDefinition")
    with pytest.raises(typed.ShapeError, match="exceeded max depth"):
        typed.shape(crd, {"spec": {"versions": [version]}})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["metadata", "spec", "status", "data", "x"]), VALUES))
def test_any_object_takes_its_shape_once_or_is_refused(obj: dict[str, Any]) -> None:
    for gvk in (POD, CONFIG_MAP, DEPLOYMENT):
        found = copy.deepcopy(obj)
        try:
            typed.shape(gvk, found)
        except ValueError:
            continue
        assert shaped(gvk, found) == found
