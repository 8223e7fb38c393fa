"""helm: the life of a release of our own chart, hooks, CRDs and failures included."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients import binaries
from tests.clients.helm import Helm
from tests.clients.kubectl import Kubectl

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(params=sorted(binaries.HELM))
def helm(request: pytest.FixtureRequest, admin: Kubectl) -> Iterator[Helm]:
    """Each helm of the matrix, in a namespace of its own."""
    version = str(request.param)
    yield Helm(admin.user, binaries.helm(version), version, admin.namespace)
    admin("delete", "crd", "offers.helm.example.com", "--ignore-not-found")


def test_a_release_is_installed_upgraded_rolled_back_and_removed(
    helm: Helm, admin: Kubectl
) -> None:
    chart = helm.chart()
    assert "1 chart(s) linted, 0 chart(s) failed" in helm("lint", chart)
    assert "kind: Deployment" in helm("template", "r", chart)
    made = helm("install", "r", chart, "--wait", "--timeout", "120s", "--set", "colour=blue")
    assert "STATUS: deployed" in made
    assert f"Colour blue in {helm.namespace}" in made
    data = admin.json("get", "configmap", "r-settings")["data"]
    assert data["kube"].startswith("v1.36")
    assert (data["batch"], data["seen"], data["revision"]) == ("true", helm.namespace, "1")
    assert admin("get", "offers", "r", "-o", "jsonpath={.spec.price}") == "5"
    assert admin.at("deploy", "r-web", ".status.readyReplicas") == "1"
    assert admin("logs", "job/r-pre-install") == "pre-install of 1"
    assert admin("logs", "job/r-post-install") == "post-install of 1"
    assert "a name that is still in use" in helm.refuses("install", "r", chart)

    trial = helm("upgrade", "r", chart, "--dry-run=server", "--set", "colour=black")
    assert f'seen: "{helm.namespace}"' in trial
    assert admin.at("cm", "r-settings", ".data.colour") == "blue"
    helm("upgrade", "r", chart, "--wait", "--timeout", "120s", "--set", "colour=green,replicas=2")
    assert admin.at("cm", "r-settings", ".data.colour") == "green"
    assert admin.at("deploy", "r-web", ".status.readyReplicas") == "2"
    assert "not found" in admin.refuses("get", "job", "r-pre-upgrade")  # it has succeeded

    helm("rollback", "r", "1", "--wait", "--timeout", "120s")
    assert admin.at("cm", "r-settings", ".data.colour") == "blue"
    assert admin.at("deploy", "r-web", ".spec.replicas") == "1"
    assert admin("logs", "job/r-pre-rollback") == "pre-rollback of 1"

    history = helm.json("history", "r")
    assert [entry["status"] for entry in history] == ["superseded", "superseded", "deployed"]
    (listed,) = helm.json("list")
    assert (listed["name"], listed["revision"], listed["chart"]) == ("r", "3", "shop-1.2.3")
    assert helm.json("status", "r")["info"]["status"] == "deployed"
    assert "colour: blue" in helm("get", "values", "r")
    assert "kind: Service" in helm("get", "manifest", "r")
    assert "helm.sh/hook" in helm("get", "hooks", "r")
    assert "Phase:          Succeeded" in helm("test", "r", "--timeout", "120s")

    uninstalled = helm("uninstall", "r", "--wait", "--timeout", "120s")
    assert 'release "r" uninstalled' in uninstalled
    assert admin("get", "deploy,svc,offers,secrets", "-o", "name") == ""
    assert helm.json("list", "--all") == [] if helm.is_three else helm.json("list") == []


def test_a_failing_upgrade_goes_back_by_itself(helm: Helm, admin: Kubectl) -> None:
    chart = helm.chart()
    helm("upgrade", "--install", "r", chart, "--no-hooks")
    back = "--atomic" if helm.is_three else "--rollback-on-failure"
    said = helm.refuses(
        "upgrade", "r", chart, "--no-hooks", back, "--timeout", "3s", "--set", "broken=true"
    )
    assert "rolled back" in said
    image = ".spec.template.spec.containers[0].image"
    assert admin.at("deploy", "r-web", image) == "choreo.local/web:1.0"
    statuses = [entry["status"] for entry in helm.json("history", "r")]
    assert statuses == ["superseded", "failed", "deployed"]
    helm("uninstall", "r", "--no-hooks", "--keep-history")
    assert helm.json("status", "r")["info"]["status"] == "uninstalled"


def test_what_others_own_or_the_server_refuses_is_not_installed(helm: Helm, admin: Kubectl) -> None:
    chart = helm.chart()
    admin("create", "configmap", "r-settings")
    said = helm.refuses("install", "r", chart, "--no-hooks")
    assert "invalid ownership metadata" in said or "conflict" in said, said
    admin("delete", "configmap", "r-settings")
    said = helm.refuses("install", "s", chart, "--no-hooks", "--set", "replicas=-1")
    assert "must be greater than or equal to 0" in said
