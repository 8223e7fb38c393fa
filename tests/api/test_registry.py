"""The kinds' table: complete, unambiguous, and cheap to import."""

from __future__ import annotations

import subprocess
import sys

import pytest

from choreo_local.api import labels, registry
from choreo_local.apimachinery.gvk import ResourceKind


def test_there_are_37_kinds_of_one_group_and_version() -> None:
    assert len(registry.KINDS) == 37
    assert {entry.resource.api_version for entry in registry.KINDS.values()} == {labels.API_VERSION}


def test_every_constant_is_in_the_table_under_its_kind() -> None:
    constants = {
        value.kind
        for name, value in vars(registry).items()
        if name.isupper() and isinstance(value, ResourceKind)
    }
    # Namespaces are Kubernetes' own, and yet a kind of the OpenChoreo API.
    assert constants - {"Namespace"} == set(registry.KINDS)


@pytest.mark.parametrize(
    "name",
    ["Project", "project", "projects", "proj", "PROJS", "projects.openchoreo.dev"],
)
def test_a_kind_is_found_by_any_of_its_names(name: str) -> None:
    found = registry.find(name)
    assert found is not None
    assert found.resource is registry.PROJECT


@pytest.mark.parametrize("name", ["", "deployment", "projects.example.org", "project s"])
def test_what_is_no_name_of_ours_finds_nothing(name: str) -> None:
    assert registry.find(name) is None


def test_no_two_kinds_share_a_name() -> None:
    names = [
        name
        for entry in registry.KINDS.values()
        for name in {entry.singular, entry.resource.plural, *entry.short_names}
    ]
    assert len(names) == len(set(names))


def test_the_cluster_twin_of_a_kind_is_cluster_scoped() -> None:
    twin = registry.cluster_twin("Trait")
    assert twin is not None
    assert not twin.resource.namespaced
    assert registry.cluster_twin("Component") is None


def test_registry_labels_and_conditions_load_without_pydantic() -> None:
    code = (
        "import sys\n"
        "from choreo_local.api import conditions, labels, registry, values\n"
        "assert not {'pydantic', 'yaml', 'asyncio'} & set(sys.modules), 'too much is loaded'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
