"""Releases and bindings that the files of a repository make."""

from __future__ import annotations

import copy
from pathlib import PurePosixPath
from typing import Any

import pytest

from choreo_local.api import labels
from choreo_local.errors import NotFoundError, UsageError
from choreo_local.gitops import bindings, places, releases
from choreo_local.gitops.index import Entry, Index

Manifest = dict[str, Any]
DAY = "20260102"
_OWNER = {"projectName": "shop", "componentName": "cart"}


def entry(kind: str, name: str, folder: str = "here", **spec: Any) -> Entry:
    manifest = {
        "apiVersion": labels.API_VERSION,
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }
    return Entry(PurePosixPath(f"{folder}/{name}.yaml"), manifest)


CART = entry(
    "Component",
    "cart",
    "projects/shop/cart",
    owner={"projectName": "shop"},
    componentType={"kind": "ClusterComponentType", "name": "deployment/service"},
)


def path(source: Any, *targets: str) -> Manifest:
    return {
        "sourceEnvironmentRef": source,
        "targetEnvironmentRefs": [{"name": target} for target in targets],
    }


def repository(*more: Entry, image: str = "i:1") -> list[Entry]:
    return [
        CART,
        entry("ClusterComponentType", "service", workloadType="deployment"),
        entry("Workload", "cart", owner=_OWNER, container={"image": image}),
        entry("Project", "shop", deploymentPipelineRef={"name": "default"}),
        entry(
            "DeploymentPipeline",
            "default",
            promotionPaths=[path("dev", "test"), path({"name": "test"}, "prod")],
        ),
        *more,
    ]


def released(name: str, *, image: str = "i:1") -> Entry:
    """A release as it would be written."""
    made = releases.content(Index(repository(image=image)), CART)
    found = entry("ComponentRelease", name, "old")
    return Entry(found.path, {**found.manifest, "spec": made["spec"]})


def bound(environment: str, release: str) -> Entry:
    return entry(
        "ReleaseBinding",
        f"cart-{environment}",
        owner=_OWNER,
        environment=environment,
        releaseName=release,
    )


def test_the_first_release_of_a_day_is_number_one() -> None:
    found = releases.next_release(Index(repository()), CART, day=DAY)
    assert (found.name, found.is_new) == (f"cart-{DAY}-1", True)
    assert found.manifest["spec"]["workload"] == {"container": {"image": "i:1"}}


def test_numbers_go_on_and_do_not_stop_at_nine() -> None:
    old = [released(f"cart-{DAY}-{number}") for number in (9, 10)]
    found = releases.next_release(Index(repository(*old, image="i:2")), CART, day=DAY)
    assert (found.name, found.is_new) == (f"cart-{DAY}-11", True)


def test_what_has_not_changed_since_the_newest_release_is_not_new() -> None:
    old = [released(f"cart-{DAY}-9", image="i:2"), released(f"cart-{DAY}-10")]
    assert not releases.next_release(Index(repository(*old)), CART, day=DAY).is_new
    assert releases.next_release(Index(repository(*old, image="i:2")), CART, day=DAY).is_new


def test_a_name_that_is_taken_is_refused() -> None:
    with pytest.raises(UsageError, match="exists already"):
        releases.next_release(Index(repository(released("one"))), CART, day=DAY, name="one")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("ClusterComponentType", 'ClusterComponentType "service" of component cart not found'),
        ("Workload", "workload of component shop/cart not found"),
    ],
)
def test_what_is_missing_is_named(kind: str, text: str) -> None:
    left = [each for each in repository() if each.manifest["kind"] != kind]
    with pytest.raises(NotFoundError, match=text):
        releases.next_release(Index(left), CART, day=DAY)


def bind(index: Index, environment: str, release: str = "") -> bindings.NextBinding:
    pipeline = bindings.pipeline_of(index, CART).manifest
    target = bindings.target_of(pipeline, environment)
    return bindings.next_binding(
        index, CART, environment=target, pipeline=pipeline, release=release
    )


def test_the_first_environment_gets_the_release_of_the_present_state() -> None:
    index = Index(repository(released("a", image="i:0"), released("b")))
    found = bind(index, "")
    assert found.existing is None
    assert found.manifest["metadata"] == {"name": "cart-dev", "namespace": "default"}
    assert found.manifest["spec"] == {
        "owner": _OWNER,
        "environment": "dev",
        "releaseName": "b",
    }


def test_later_environments_get_what_the_one_before_has() -> None:
    index = Index(repository(released("a"), released("b"), bound("dev", "a")))
    assert bind(index, "test").manifest["spec"]["releaseName"] == "a"
    with pytest.raises(NotFoundError, match="bound in no environment"):
        bind(index, "prod")


def test_only_the_release_of_a_binding_changes() -> None:
    old = bound("test", "a")
    old.manifest["spec"]["traitEnvironmentConfigs"] = {"x": 1}
    before = copy.deepcopy(old.manifest)
    index = Index(repository(released("a"), released("b"), bound("dev", "b"), old))
    found = bind(index, "test")
    assert found.existing is old
    assert found.manifest["spec"] == {**before["spec"], "releaseName": "b"}
    assert old.manifest == before


@pytest.mark.parametrize(
    ("environment", "release", "text"),
    [
        ("nowhere", "", "does not lead to environment"),
        ("dev", "ghost", 'release "ghost" of component shop/cart not found'),
        ("dev", "", "no matching release found"),
    ],
)
def test_what_cannot_be_bound_is_said(environment: str, release: str, text: str) -> None:
    index = Index(repository(released("a", image="i:0")))
    with pytest.raises((UsageError, NotFoundError), match=text):
        bind(index, environment, release)


def _config(**content: Any) -> places.ReleaseConfig:
    return places.release_config(
        {"apiVersion": labels.API_VERSION, "kind": "ReleaseConfig", **content}
    )


@pytest.mark.parametrize(
    ("config", "output", "existing", "expected"),
    [
        (places.ReleaseConfig({}), "", [], "projects/shop/cart/releases"),
        (places.ReleaseConfig({}), "", [released("a")], "old"),
        (places.ReleaseConfig({}), "out", [released("a")], "out"),
        (
            _config(componentReleaseDefaults={"defaultOutputDir": "all"}),
            "out",
            [],
            "all",
        ),
        (
            _config(
                componentReleaseDefaults={
                    "defaultOutputDir": "all",
                    "projects": {"shop": {"defaultOutputDir": "p", "components": {"cart": "c"}}},
                }
            ),
            "",
            [],
            "c",
        ),
    ],
)
def test_a_release_goes_where_the_repository_wants_it(
    config: places.ReleaseConfig, output: str, existing: list[Entry], expected: str
) -> None:
    found = places.release_folder(config, CART, existing, output=output)
    assert str(found) == expected


def test_a_binding_goes_where_the_caller_wants_it() -> None:
    config = _config(releaseBindingDefaults={"defaultOutputDir": "all"})
    assert str(places.binding_folder(config, CART, [], output="out")) == "out"
    assert str(places.binding_folder(config, CART, [], output="")) == "all"
    plain = places.ReleaseConfig({})
    assert str(places.binding_folder(plain, CART, [], output="")).endswith("/release-bindings")


@pytest.mark.parametrize("document", [None, [], "x", {"kind": "ReleaseConfig"}])
def test_a_configuration_of_another_kind_is_refused(document: Any) -> None:
    with pytest.raises(UsageError, match="must have apiVersion"):
        places.release_config(document)
