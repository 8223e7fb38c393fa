"""The manifests of the bundles: in form, structural, and accepted by our own schemas."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from choreo_local.api import crds, registry, v1alpha1
from choreo_local.apimachinery import gvk
from choreo_local.apimachinery.schema import defaulting, pruning, structural, validation

BUNDLES = Path(__file__).parents[2] / "bundles"
OURS = ("core", "dataplane", "platform")
TOKENS = {"@GATEWAY_PORT@": "19080", "@OBSERVER_URL@": "http://observer.example"}


def description(bundle: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((BUNDLES / bundle / "bundle.yaml").read_text("utf-8"))
    return loaded


def files(bundle: str) -> Iterator[Path]:
    """The manifests of a bundle in order of application."""
    for entry in description(bundle)["files"]:
        path = BUNDLES / bundle / entry
        assert path.exists(), path
        yield from sorted(path.glob("*.yaml")) if path.is_dir() else [path]


def objects(bundle: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in files(bundle):
        text = path.read_text(encoding="utf-8")
        for token, value in TOKENS.items():
            text = text.replace(token, value)
        found += [document for document in yaml.safe_load_all(text) if document]
    return found


def named(obj: dict[str, Any]) -> str:
    metadata = obj["metadata"]
    return f"{obj['kind']}/{metadata.get('namespace', '')}/{metadata['name']}"


DEFINITIONS = [
    obj
    for obj in (*objects("core"), *objects("dataplane"))
    if obj["kind"] == "CustomResourceDefinition"
]
PLATFORM = objects("platform")


def schema_of(obj: dict[str, Any]) -> structural.Structural:
    """The schema of a custom object, from the CRDs in the bundles."""
    group, version = gvk.split_api_version(obj["apiVersion"])
    for crd in DEFINITIONS:
        spec = crd["spec"]
        if spec["group"] == group and spec["names"]["kind"] == obj["kind"]:
            found = next(each for each in spec["versions"] if each["name"] == version)
            return structural.from_crd(found["schema"]["openAPIV3Schema"])
    raise LookupError(obj["kind"])


@pytest.mark.parametrize("bundle", OURS)
def test_a_bundle_says_its_name_order_files_and_what_to_wait_for(bundle: str) -> None:
    described = description(bundle)
    assert described["name"] == bundle
    assert isinstance(described["order"], int)
    assert objects(bundle)
    for wait in described["wait"]:
        assert {"apiVersion", "kind", "condition"} <= set(wait)


def test_definitions_come_before_what_needs_them() -> None:
    orders = [description(bundle)["order"] for bundle in OURS]
    assert orders == sorted(set(orders))


@pytest.mark.parametrize("crd", DEFINITIONS, ids=lambda crd: crd["metadata"]["name"])
def test_a_definition_is_structural_and_consistently_named(crd: dict[str, Any]) -> None:
    spec = crd["spec"]
    assert crd["metadata"]["name"] == f"{spec['names']['plural']}.{spec['group']}"
    assert [version["storage"] for version in spec["versions"]].count(True) == 1
    for version in spec["versions"]:
        assert structural.check(version["schema"]["openAPIV3Schema"]) == []


def test_no_object_is_in_the_platform_twice() -> None:
    names = [named(obj) for obj in PLATFORM]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("obj", [obj for obj in PLATFORM if obj["kind"] != "Namespace"], ids=named)
def test_an_object_of_the_platform_satisfies_its_schema(obj: dict[str, Any]) -> None:
    schema = schema_of(obj)
    assert pruning.prune(schema, obj) == []
    defaulting.apply(schema, obj)
    assert validation.Validator(schema).validate(obj) == []


@pytest.mark.parametrize(
    "obj", [obj for obj in PLATFORM if obj["kind"] in registry.KINDS], ids=named
)
def test_an_object_of_the_platform_reads_as_its_model(obj: dict[str, Any]) -> None:
    schema = structural.from_crd(crds.schema(registry.KINDS[obj["kind"]]))
    read = v1alpha1.model(obj["kind"]).model_validate(obj)
    written = read.to_dict()
    defaulting.apply(schema, obj)
    defaulting.apply(schema, written)
    assert written == obj


def test_every_environment_of_the_pipeline_exists_and_binds_the_project() -> None:
    by_kind: dict[str, dict[str, dict[str, Any]]] = {}
    for obj in PLATFORM:
        by_kind.setdefault(obj["kind"], {})[obj["metadata"]["name"]] = obj
    pipeline = by_kind["DeploymentPipeline"]["default"]
    reached = {
        reference["name"]
        for path in pipeline["spec"]["promotionPaths"]
        for reference in (path["sourceEnvironmentRef"], *path["targetEnvironmentRefs"])
    }
    assert reached == set(by_kind["Environment"])
    assert {each["spec"]["environment"] for each in by_kind["ProjectReleaseBinding"].values()} == (
        reached
    )


def test_the_gateway_has_the_listener_that_the_data_plane_names() -> None:
    gateway = next(obj for obj in PLATFORM if obj["kind"] == "Gateway")
    plane = next(obj for obj in PLATFORM if obj["kind"] == "ClusterDataPlane")
    entry = plane["spec"]["gateway"]["ingress"]["external"]
    assert entry["name"] == gateway["metadata"]["name"]
    assert entry["namespace"] == gateway["metadata"]["namespace"]
    listeners = {each["name"]: each["port"] for each in gateway["spec"]["listeners"]}
    assert listeners == {entry["http"]["listenerName"]: entry["http"]["port"]}
