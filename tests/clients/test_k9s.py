"""What k9s asks for when it starts and shows its first views, replayed.

No package carries its binary. The requests are those of its Kubernetes library, client-go 0.35: the
same paths, parameters and `Accept` headers, in the same order.
"""

from __future__ import annotations

import base64
import json
import ssl
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
import yaml

from tests.clients.kubectl import Kubectl
from tests.embedded.kubeapi.protowire import envelope, message

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PROTOBUF = "application/vnd.kubernetes.protobuf"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
TABLES = f"{TABLE},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)
VIEWS = (
    "/api/v1/pods",
    "/api/v1/namespaces",
    "/api/v1/nodes",
    "/api/v1/services",
    "/api/v1/events",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/statefulsets",
    "/apis/batch/v1/cronjobs",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
)


@dataclass(slots=True)
class K9s:
    """Asks as k9s does."""

    server: str
    context: ssl.SSLContext

    def ask(
        self, path: str, *, accept: str = "application/json", body: bytes | None = None
    ) -> tuple[str, Any]:
        """Media type and content of an answer that must be a success."""
        headers = {"Accept": accept, "User-Agent": "k9s/v0.50"}
        if body is not None:
            headers["Content-Type"] = PROTOBUF
        request = urllib.request.Request(self.server + path, data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=60) as answer:
                return answer.headers["Content-Type"], json.loads(answer.read())
        except HTTPError as refusal:
            raise AssertionError(f"{path}: {refusal.code} {refusal.read()!r}") from refusal

    def watch(self, path: str, *, accept: str, until_bookmark: bool) -> list[Any]:
        """The events of a watch: up to the bookmark that ends the list, or the first."""
        request = urllib.request.Request(self.server + path, headers={"Accept": accept})
        events = []
        with urllib.request.urlopen(request, context=self.context, timeout=60) as answer:
            for line in answer:
                events.append(json.loads(line))
                if not until_bookmark or events[-1]["type"] == "BOOKMARK":
                    return events
        raise AssertionError(f"{path} ended after {events}")


@pytest.fixture
def k9s(admin: Kubectl, tmp_path: Path) -> K9s:
    """k9s with the kubeconfig of the instance."""
    config = yaml.safe_load(admin("config", "view", "--raw", "--flatten"))
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    files = {}
    for name, text in (
        ("ca", cluster["certificate-authority-data"]),
        ("crt", user["client-certificate-data"]),
        ("key", user["client-key-data"]),
    ):
        files[name] = tmp_path / name
        files[name].write_bytes(base64.b64decode(text))
    context = ssl.create_default_context(cafile=str(files["ca"]))
    context.load_cert_chain(files["crt"], files["key"])
    return K9s(cluster["server"], context)


def test_discovery_in_both_forms_names_the_same_resources(k9s: K9s) -> None:
    assert k9s.ask("/version")[1]["minor"] == "36"
    assert k9s.ask("/api")[1]["versions"] == ["v1"]
    groups = [group["name"] for group in k9s.ask("/apis")[1]["groups"]]
    media, aggregated = k9s.ask("/apis", accept=AGGREGATED)
    assert "as=APIGroupDiscoveryList" in media
    assert [item["metadata"]["name"] for item in aggregated["items"]] == groups
    for item in aggregated["items"]:
        group, version = item["metadata"]["name"], item["versions"][0]
        listed = k9s.ask(f"/apis/{group}/{version['version']}")[1]["resources"]
        plain = {entry["name"] for entry in listed if "/" not in entry["name"]}
        assert plain == {entry["resource"] for entry in version["resources"]}


def test_access_is_asked_for_each_verb_of_a_view(k9s: K9s, admin: Kubectl) -> None:
    for verb in ("list", "watch", "get", "delete"):
        attributes = message((1, admin.namespace), (2, verb), (4, "v1"), (5, "pods"))
        review = message((2, message((1, attributes))))
        body = envelope("authorization.k8s.io/v1", "SelfSubjectAccessReview", review)
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        accept = f"{PROTOBUF},application/json"
        assert k9s.ask(path, accept=accept, body=body)[1]["status"]["allowed"] is True


@pytest.mark.parametrize("path", VIEWS)
def test_every_view_is_a_table_with_its_objects(k9s: K9s, path: str) -> None:
    _, table = k9s.ask(f"{path}?includeObject=Object", accept=TABLES)
    assert table["kind"] == "Table"
    assert table["columnDefinitions"][0]["name"].lower() in {"name", "last seen"}
    for row in table["rows"]:
        assert len(row["cells"]) == len(table["columnDefinitions"])
        assert row["object"]["metadata"]["uid"]


@pytest.mark.parametrize("path", VIEWS)
def test_every_view_is_cached_by_a_streamed_list(k9s: K9s, path: str) -> None:
    query = "allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&sendInitialEvents=true"
    events = k9s.watch(
        f"{path}?{query}&timeoutSeconds=300&watch=true",
        accept=f"{PROTOBUF},application/json",
        until_bookmark=True,
    )
    *added, bookmark = events
    assert {event["type"] for event in added} <= {"ADDED"}
    assert bookmark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"] == "true"
    listed = k9s.ask(f"{path}?limit=500&resourceVersion=0")[1]
    assert {event["object"]["metadata"]["uid"] for event in added} >= {
        item["metadata"]["uid"] for item in listed["items"]
    } or path.endswith("events")


def test_a_table_is_followed_and_metrics_are_there(k9s: K9s, admin: Kubectl) -> None:
    admin("create", "configmap", "settings")
    path = f"/api/v1/namespaces/{admin.namespace}/configmaps"
    (event,) = k9s.watch(
        f"{path}?watch=true&resourceVersion=0", accept=TABLES, until_bookmark=False
    )
    assert event["object"]["kind"] == "Table"
    for kind in ("nodes", "pods"):
        found = k9s.ask(f"/apis/metrics.k8s.io/v1beta1/{kind}")[1]
        assert found["kind"] == {"nodes": "NodeMetricsList", "pods": "PodMetricsList"}[kind]
