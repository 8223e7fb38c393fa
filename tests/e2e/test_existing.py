"""A team's own cluster: the platform comes, works as anywhere, and leaves nothing behind.

The cluster is a real kube-apiserver without nodes, so the stories are those that need no pods.
"""

from __future__ import annotations

import base64
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from choreo_local.clusters import identities
from choreo_local.kubeclient import kubeconfig as kubeconfigs
from tests import reference
from tests.e2e.user import User, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

CELL = "dp-default-default-"

BROKEN = """
apiVersion: openchoreo.dev/v1alpha1
kind: ComponentType
metadata: {name: broken, namespace: default}
spec:
  workloadType: deployment
  resources:
    - id: deployment
      template:
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: "${nothing.of.this.name}"}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of a team's cluster."""
    with reference.running(tmp_path_factory.mktemp("reference")) as kubeconfig:
        administrator = User(kubeconfig.parent)
        asks(administrator, kubeconfig, "create", "namespace", "of-the-team")
        yield kubeconfig


@pytest.fixture(autouse=True)
def _no_other_driver(user: User) -> None:
    user.extra["CHOREO_UP_DRIVER"] = "auto"


def asks(user: User, cluster: Path, *arguments: str, text: str = "") -> str:
    """What kubectl says to the administrator of the cluster."""
    printed = user.types("kubectl", "--kubeconfig", str(cluster), *arguments, text=text)
    assert printed.code == 0, f"kubectl {' '.join(arguments)}: {printed.err}"
    return printed.out.strip()


def names(user: User, cluster: Path, *kinds: str) -> set[str]:
    """What there is of some kinds, with the namespace where they have one."""
    found = json.loads(asks(user, cluster, "get", ",".join(kinds), "-A", "-o", "json"))
    return {
        f"{one['kind']} {one['metadata'].get('namespace', '')}/{one['metadata']['name']}"
        for one in found["items"]
    }


def all_names(user: User, cluster: Path) -> set[str]:
    """Everything that could be left behind."""
    return names(
        user,
        cluster,
        "namespaces",
        "customresourcedefinitions",
        "clusterroles",
        "clusterrolebindings",
        "mutatingwebhookconfigurations",
        "validatingwebhookconfigurations",
        "storageclasses",
        "secrets",
        "deployments",
    )


def came(user: User, cluster: Path) -> list[str]:
    """How a person brings the platform, who is in the folder of the kubeconfig's folder."""
    kubeconfig = os.path.relpath(cluster, user.home)
    return ["up", "--driver", "existing", "--kubeconfig", kubeconfig, "--no-tui"]


def test_a_platform_comes_to_a_shared_cluster_and_goes_without_a_trace(
    user: User, cluster: Path
) -> None:
    asks(user, cluster, "create", "configmap", "kept", "-n", "of-the-team")
    before = all_names(user, cluster)
    namespace = asks(user, cluster, "get", "ns", "default", "-o", "jsonpath={.metadata.labels}")

    nothing_happens_unasked(user, cluster, before)
    shown = user.types("choreo", *came(user, cluster), "--demo", "--yes")
    assert shown.code == 4, shown.err + user.last_log()  # the demo's pods cannot run
    assert "no node is ready" in shown.err

    status_says_what_the_cluster_cannot(user)
    objects_appear_on_the_plane(user, cluster)
    what_is_wrong_is_refused_when_it_is_written(user)
    a_second_platform_is_refused(user, cluster)
    it_starts_again_without_a_question(user)
    a_cluster_that_cannot_ask_is_not_hidden(user)
    what_a_person_deletes_goes_from_the_plane(user, cluster)
    another_cluster_is_not_taken_for_it(user, cluster)

    planned = user.choreo("down", "--purge", "--dry-run")
    assert "CustomResourceDefinition components.openchoreo.dev" in planned
    assert f"Namespace {CELL}development" in planned
    user.choreo("down", "--purge", "--yes")

    assert all_names(user, cluster) == before
    assert "ConfigMap of-the-team/kept" in names(user, cluster, "configmaps")
    after = asks(user, cluster, "get", "ns", "default", "-o", "jsonpath={.metadata.labels}")
    assert after == namespace


def nothing_happens_unasked(user: User, cluster: Path, before: set[str]) -> None:
    planned = user.choreo(
        "plan", "up", "--driver", "existing", "--kubeconfig", str(cluster), "--demo"
    )
    assert "create CustomResourceDefinition components.openchoreo.dev (cluster-wide)" in planned
    assert "create ClusterRole choreo:data-plane (cluster-wide)" in planned
    assert "add labels to Namespace default (cluster-wide)" in planned
    assert "create Component greeter (in default)" in planned
    assert "StorageClass" not in planned
    assert "Kubernetes v1." in planned

    asked = user.types("choreo", *came(user, cluster))
    assert asked.code == 3
    assert "ClusterRoleBinding" in asked.err  # what is cluster-wide was said
    assert all_names(user, cluster) == before


def status_says_what_the_cluster_cannot(user: User) -> None:
    status = json.loads(user.choreo("status", "-o", "json"))
    assert (status["state"], status["driver"]) == ("ready", "existing")
    can = {entry["name"]: entry for entry in status["capabilities"]}
    assert can["admission"]["available"]
    assert can["authorization"]["available"]
    assert not can["pods"]["available"]
    for entry in status["capabilities"]:
        assert entry["available"] or entry["reason"]


def objects_appear_on_the_plane(user: User, cluster: Path) -> None:
    def there(environment: str) -> bool:
        found = names(user, cluster, "deployments", "services", "httproutes")
        here = [one for one in found if f"{CELL}{environment}" in one and "/greeter" in one]
        return len(here) == 3

    until(lambda: there("development"), what="development has the greeter", within=60)
    assert not there("staging")
    user.choreo("promote", "greeter", "--to", "staging", "--yes")
    until(lambda: there("staging"), what="staging has the greeter", within=60)
    listed = user.kubectl("get", "renderedreleases", "-n", "default")
    assert "greeter-staging" in listed


def what_is_wrong_is_refused_when_it_is_written(user: User) -> None:
    kubeconfig = user.choreo("kubeconfig")
    applying = ("kubectl", "--kubeconfig", kubeconfig, "apply", "-f", "-")
    refused = user.types(*applying, text=BROKEN)
    assert refused.code != 0
    assert 'The ComponentType "broken" is invalid' in refused.err
    assert "undeclared reference to 'nothing'" in refused.err


def a_second_platform_is_refused(user: User, cluster: Path) -> None:
    other = User(user.home, instance="other")
    refused = other.types("choreo", *came(other, cluster), "--yes")
    assert refused.code == 3
    assert "belongs to another instance of choreo" in refused.err
    other.types("choreo", "down", "--purge", "--yes")


def it_starts_again_without_a_question(user: User) -> None:
    os.kill(user.record()["pid"], signal.SIGKILL)
    until(lambda: user.types("choreo", "status").code == 1, what="it is known to have ended")
    # As after an update: bindings are applied again, about which the cluster still asks.
    record = user.record()
    del record["bundles"]["authz"]
    (user.folder / "instance.json").write_text(json.dumps(record))
    again = user.types("choreo", "up", "--no-tui")  # the driver is that of last time
    assert again.code in (0, 4), again.err
    assert json.loads(user.choreo("status", "-o", "json"))["driver"] == "existing"
    user.choreo("down")
    # While nobody is there to ask, nobody is asked.
    assert user.types("choreo", "up", "--no-tui").code in (0, 4)


def another_cluster_is_not_taken_for_it(user: User, cluster: Path) -> None:
    """Although the context has kept its name; nothing is done to either of them."""
    user.choreo("down")
    content = cluster.read_text()
    other = User(user.home, instance="elsewhere")
    other.choreo("up", "--driver", "embedded", "--no-tui")
    try:
        elsewhere = yaml.safe_load((other.folder / "kubeconfig").read_text())
        mine = yaml.safe_load(content)
        elsewhere["contexts"][0]["name"] = elsewhere["current-context"] = mine["current-context"]
        cluster.write_text(yaml.safe_dump(elsewhere))
        for command in (("up", "--no-tui", "--yes"), ("down", "--purge", "--yes")):
            refused = user.types("choreo", *command)
            assert refused.code == 3, refused.err
            assert "leads to another cluster" in refused.err
            assert "--keep-cluster" in refused.err
        assert "default" in other.choreo("get", "namespaces")
    finally:
        cluster.write_text(content)
        other.choreo("down", "--purge", "--yes")
    user.types("choreo", "up", "--no-tui")


def a_cluster_that_cannot_ask_is_not_hidden(user: User) -> None:
    user.choreo("down")
    # Nobody listens on this address.
    shown = user.types("choreo", "up", "--no-tui", "--reachable-at", "127.0.0.9")
    assert "does not check OpenChoreo's objects" in shown.err
    assert "--reachable-at" in shown.err
    can = json.loads(user.choreo("status", "-o", "json"))["capabilities"]
    (admission,) = (entry for entry in can if entry["name"] == "admission")
    assert not admission["available"]
    assert "failed calling webhook" in admission["reason"]
    # Then it does not stand in the way either.
    user.kubectl("apply", "-f", "-", text=BROKEN)
    user.kubectl("delete", "componenttype", "broken")
    user.choreo("down")
    user.choreo("up", "--no-tui", "--reachable-at", "127.0.0.1")
    what_is_wrong_is_refused_when_it_is_written(user)


def what_a_person_deletes_goes_from_the_plane(user: User, cluster: Path) -> None:
    user.kubectl("delete", "component", "web", "--wait=false")
    until(
        lambda: not any("/web-" in one for one in names(user, cluster, "deployments")),
        what="the web application is gone",
        within=60,
    )
    assert any("/greeter-" in one for one in names(user, cluster, "deployments"))


# What each plane may do, and what it must not: (plane, may, kubectl's words).
DEEDS = (
    ("control", True, "get components -A"),
    ("control", True, "create namespace of-the-control-plane"),
    ("control", False, "get deployments -A"),
    ("control", False, "get secrets -n kube-system"),
    ("control", False, "delete namespace of-the-team"),
    ("control", False, "create clusterrolebinding x --clusterrole=cluster-admin --user=x"),
    ("control", False, "create token choreo -n openchoreo-data-plane"),
    ("control", False, "delete validatingwebhookconfiguration admission.choreo.dev"),
    ("data", True, "get deployments -A"),
    ("data", True, "create deployment x --image=x -n of-the-team"),
    ("data", False, "get components -A"),
    ("data", False, "get clusterdataplanes"),
    ("data", False, "delete crd components.openchoreo.dev"),
    ("data", False, "create token default -n kube-system"),
    ("data", False, "create clusterrolebinding x --clusterrole=cluster-admin --user=x"),
    ("data", False, "create clusterrole x --verb=get --resource=nodes"),
    ("data", False, "get nodes"),
    ("data", False, "get namespaces --as=admin --as-group=system:masters"),
    ("data", False, "get namespaces --as=system:serviceaccount:kube-system:default"),
    ("workflow", True, "get secrets -A"),
    ("workflow", False, "get components -A"),
    ("workflow", False, "get deployments -A"),
    ("workflow", False, "delete pod x -n of-the-team"),
    ("workflow", False, "create rolebinding x --clusterrole=cluster-admin --user=x"),
    ("gateway", True, "get gateways,httproutes,services,endpointslices -A"),
    ("gateway", False, "get components -A"),
    ("gateway", False, "delete httproute x -n of-the-team"),
    ("gateway", False, "create secret generic x -n of-the-team"),
    ("secrets", True, "create secret generic of-the-store -n of-the-team"),
    ("secrets", False, "get components -A"),
    ("secrets", False, "get deployments -A"),
    ("secrets", False, "create serviceaccount x -n of-the-team"),
    ("observability", True, "get observabilityalertrules -A"),
    ("observability", False, "get components -A"),
    ("observability", False, "get pods -A"),
    ("observability", False, "create clusterrolebinding x --clusterrole=view --user=x"),
)


def test_each_plane_may_do_its_work_and_nothing_else(user: User, cluster: Path) -> None:
    user.choreo(*came(user, cluster), "--yes")
    wrong = []
    for plane, may, words in DEEDS:
        kubeconfig = identity(user, cluster, plane)
        done = user.types("kubectl", "--kubeconfig", str(kubeconfig), *words.split())
        if (done.code == 0) is not may or (not may and "orbidden" not in done.err):
            wrong.append((plane, words, done))
    assert not wrong
    user.choreo("down", "--purge", "--yes")


def identity(user: User, cluster: Path, plane: str) -> Path:
    """A kubeconfig with the account of a plane."""
    file = user.home / plane
    if not file.exists():
        content: dict[str, Any] = yaml.safe_load(cluster.read_text())
        found = content["clusters"][0]["cluster"]
        account = identities.ACCOUNTS.get(plane) or identities.ACCOUNTS[f"{plane}-plane"]
        token = asks(user, cluster, "create", "token", account.name, "-n", account.namespace)
        authority = base64.b64decode(found["certificate-authority-data"])
        file.write_bytes(
            kubeconfigs.of_token(
                name=plane, server=found["server"], authority=authority, token=token
            )
        )
    return file


def test_a_cluster_with_an_openchoreo_of_somebody_else_is_left_alone(
    user: User, cluster: Path
) -> None:
    definition = (
        Path(__file__).parents[2] / "bundles" / "core" / "crds" / "components.openchoreo.dev.yaml"
    )
    asks(user, cluster, "create", "-f", str(definition))
    before = all_names(user, cluster)
    refused = user.types("choreo", *came(user, cluster), "--yes")
    assert refused.code == 3
    assert "an OpenChoreo that choreo did not install" in refused.err
    assert all_names(user, cluster) == before
    asks(user, cluster, "delete", "-f", str(definition))
