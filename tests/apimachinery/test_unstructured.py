"""Access to plain objects."""

from __future__ import annotations

from choreo_local.apimachinery import unstructured
from choreo_local.apimachinery.gvk import GroupVersionKind
from choreo_local.apimachinery.unstructured import ObjectKey

OBJECT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "web",
        "namespace": "shop",
        "uid": "u",
        "resourceVersion": "7",
        "generation": 3,
        "labels": {"a": "b"},
        "annotations": {"c": "d"},
    },
    "spec": {"ports": [{"port": 80}], "selector": {"x": "y"}, "replicas": 2},
}


def test_metadata_is_read_with_its_type() -> None:
    assert unstructured.gvk(OBJECT) == GroupVersionKind("apps", "v1", "Deployment")
    assert unstructured.key(OBJECT) == ObjectKey("shop", "web")
    assert str(unstructured.key(OBJECT)) == "shop/web"
    assert str(ObjectKey("", "node")) == "node"
    assert unstructured.uid(OBJECT) == "u"
    assert unstructured.resource_version(OBJECT) == "7"
    assert unstructured.generation(OBJECT) == 3
    assert unstructured.labels_of(OBJECT) == {"a": "b"}
    assert unstructured.annotations_of(OBJECT) == {"c": "d"}


def test_an_object_may_lack_everything() -> None:
    assert unstructured.gvk({}) == GroupVersionKind("", "", "")
    assert unstructured.name({"metadata": "x"}) == ""
    assert unstructured.namespace({}) == ""
    assert unstructured.generation({"metadata": {"generation": None}}) == 0
    assert unstructured.labels_of({"metadata": {"labels": None}}) == {}


def test_nested_values_are_found_or_missing() -> None:
    assert unstructured.nested(OBJECT, "spec", "replicas") == 2
    assert unstructured.nested(OBJECT, "spec", "replicas", "x") is None
    assert unstructured.nested_list(OBJECT, "spec", "ports") == [{"port": 80}]
    assert unstructured.nested_list(OBJECT, "spec", "selector") == ()
    assert unstructured.nested_map(OBJECT, "spec", "selector") == {"x": "y"}
    assert unstructured.nested_map(OBJECT, "spec", "ports") == {}
