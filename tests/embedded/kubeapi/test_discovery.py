"""Documents of discovery."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.kubeapi import builtin, discovery
from choreo_local.embedded.kubeapi.resources import ServedResource
from choreo_local.errors import NotAcceptableError

BUILTIN = builtin.resources()
VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")


def custom(version: str, *, stored: bool = True) -> ServedResource:
    kind = ResourceKind("example.com", version, "Widget", "widgets", namespaced=True)
    return ServedResource(
        kind, "widget", "WidgetList", VERBS, ("wd",), custom=True, storage_version=stored
    )


def test_the_core_group_has_one_version() -> None:
    document = discovery.api_versions("127.0.0.1:6443")
    assert document["kind"] == "APIVersions"
    assert document["versions"] == ["v1"]
    (address,) = document["serverAddressByClientCIDRs"]
    assert address == {"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:6443"}


def test_a_group_prefers_its_newest_stable_version() -> None:
    group = discovery.api_group(BUILTIN, "autoscaling")
    assert group is not None
    assert [one["version"] for one in group["versions"]] == ["v2", "v1"]
    assert group["preferredVersion"] == {"groupVersion": "autoscaling/v2", "version": "v2"}
    assert discovery.api_group(BUILTIN, "nothing.example.com") is None


def test_all_groups_but_the_core_are_listed_once() -> None:
    document = discovery.api_group_list([*BUILTIN, custom("v1")])
    names = [group["name"] for group in document["groups"]]
    assert names == list(dict.fromkeys(names))
    assert "" not in names
    assert names[-1] == "example.com"


def test_a_version_lists_its_resources_and_their_subresources() -> None:
    document = discovery.api_resource_list(BUILTIN, "apps", "v1")
    assert document is not None
    assert document["groupVersion"] == "apps/v1"
    rows = {row["name"]: row for row in document["resources"]}
    assert list(rows) == sorted(rows)
    deployments = rows["deployments"]
    assert deployments["singularName"] == "deployment"
    assert deployments["shortNames"] == ["deploy"]
    assert deployments["categories"] == ["all"]
    assert deployments["storageVersionHash"] == "8aSe+NMegvE="
    scale = rows["deployments/scale"]
    assert (scale["group"], scale["version"], scale["kind"]) == ("autoscaling", "v1", "Scale")
    assert scale["singularName"] == ""
    assert discovery.api_resource_list(BUILTIN, "apps", "v9") is None


def test_resources_that_are_not_stored_have_no_hash() -> None:
    document = discovery.api_resource_list(BUILTIN, "authorization.k8s.io", "v1")
    assert document is not None
    assert all("storageVersionHash" not in row for row in document["resources"])


@pytest.mark.parametrize(
    ("group", "version", "kind", "hashed"),
    [
        ("", "v1", "Pod", "xPOwRZ+Yhw8="),
        ("", "v1", "ConfigMap", "qFsyl6wFWjQ="),
        ("apps", "v1", "Deployment", "8aSe+NMegvE="),
        ("batch", "v1", "Job", "mudhfqk/qZY="),
    ],
)
def test_hashes_of_stored_versions_are_those_of_all_servers(
    group: str, version: str, kind: str, hashed: str
) -> None:
    assert discovery.storage_version_hash(group, version, kind) == hashed


def aggregated(core: bool = False) -> dict[str, dict[str, Any]]:
    document = discovery.aggregated([*BUILTIN, custom("v1"), custom("v1beta1")], core=core)
    assert document["apiVersion"] == "apidiscovery.k8s.io/v2"
    assert document["kind"] == "APIGroupDiscoveryList"
    return {group["metadata"].get("name", ""): group for group in document["items"]}


def test_one_document_holds_all_groups_with_the_newest_versions_first() -> None:
    groups = aggregated()
    versions = [one["version"] for one in groups["example.com"]["versions"]]
    assert versions == ["v1", "v1beta1"]
    (widgets,) = groups["example.com"]["versions"][0]["resources"]
    assert widgets["resource"] == "widgets"
    assert widgets["scope"] == "Namespaced"
    assert widgets["responseKind"] == {"group": "example.com", "version": "v1", "kind": "Widget"}


def test_the_core_group_is_a_document_of_its_own() -> None:
    groups = aggregated(core=True)
    assert list(groups) == [""]
    resources = {one["resource"]: one for one in groups[""]["versions"][0]["resources"]}
    assert resources["namespaces"]["scope"] == "Cluster"
    assert {"subresource": "status"}.items() <= resources["pods"]["subresources"][-1].items()


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", True),
        ("application/json;v=v2;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList", True),
        (
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
            True,
        ),
        ("application/json", False),
        ("", False),
        (
            "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
            "application/json",
            False,
        ),
        ("application/json,application/json;g=apidiscovery.k8s.io;v=v2", False),
    ],
)
def test_clients_ask_for_the_one_document(accept: str, wanted: bool) -> None:
    assert discovery.is_aggregated_wanted(accept) is wanted


def test_a_client_that_takes_only_the_older_document_is_refused() -> None:
    with pytest.raises(NotAcceptableError):
        discovery.is_aggregated_wanted(
            "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
        )


def test_versions_rank_stable_before_others_and_new_before_old() -> None:
    versions = ["v1", "v2", "v1beta1", "v10", "v2alpha1", "foo", "v1beta2"]
    ranked = sorted(versions, key=discovery.version_priority)
    assert ranked == ["v10", "v2", "v1", "v1beta2", "v1beta1", "v2alpha1", "foo"]
