"""A real image: made without network, pushed by a real client, pulled, run, reached, promoted."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from choreo_local.embedded import podruntime
from tests.e2e.user import ANOTHER, ROOT, User, ask, person, until
from tests.images import builders, programs

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

COMPONENT = {
    "apiVersion": "openchoreo.dev/v1alpha1",
    "kind": "Component",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "owner": {"projectName": "default"},
        "componentType": {"kind": "ClusterComponentType", "name": "deployment/service"},
        "autoDeploy": True,
    },
}


def workload(image: str) -> dict[str, Any]:
    return {
        "apiVersion": "openchoreo.dev/v1alpha1",
        "kind": "Workload",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "owner": {"projectName": "default", "componentName": "web"},
            "container": {"image": image, "env": [{"key": "GREETING", "value": "Servus"}]},
            "endpoints": {"http": {"type": "HTTP", "port": 8080, "visibility": ["external"]}},
        },
    }


@pytest.fixture
def sandboxed(user: User) -> User:
    """A person whose pods run in sandboxes; skips the test where there can be none."""
    found = podruntime.probe()
    if found.tools is None:
        pytest.skip(f"no sandboxes on this machine: {found.obstacle}")
    user.extra["CHOREO_UP_RUNTIME"] = "sandbox"
    return user


def deploy(user: User, image: str) -> None:
    file = user.home / "web.yaml"
    file.write_text("\n---\n".join(map(json.dumps, (COMPONENT, workload(image)))))
    user.choreo("apply", "-f", str(file))


def waiting(user: User) -> set[tuple[str, str]]:
    """Reason and message of every container that waits."""
    pods = json.loads(user.kubectl("get", "pods", "-A", "-o", "json"))["items"]
    states = [
        status.get("state", {}).get("waiting", {})
        for pod in pods
        for status in pod.get("status", {}).get("containerStatuses", ())
    ]
    return {(state.get("reason", ""), state.get("message", "")) for state in states}


def says(user: User, environment: str) -> str:
    return ask(user.choreo("url", "web", "--env", environment)).body


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")
def test_an_image_that_is_pushed_late_is_pulled_and_promoted(
    sandboxed: User, tmp_path: Path
) -> None:
    user = sandboxed
    layout = builders.oci_layout(tmp_path / "layout", programs.web_image(tmp_path))
    user.choreo("up", "--no-tui")
    told = json.loads(user.choreo("status", "-o", "json"))
    host = told["urls"]["registry"].removeprefix("http://")
    image = f"{host}/team/web:1"
    deploy(user, image)

    def is_missing() -> bool:
        missing = f'failed to resolve reference "{image}": {image}: not found'
        return any(
            reason in {"ErrImagePull", "ImagePullBackOff"} and missing in message
            for reason, message in waiting(user)
        )

    until(is_missing, what="the pod says what is missing", within=60)
    command = ["skopeo", "--insecure-policy", "copy", "-q", "--dest-tls-verify=false"]
    subprocess.run([*command, f"oci:{layout}", f"docker://{image}"], check=True)
    expected = "Servus from the first layer, user 1234, in /srv"
    until(lambda: says(user, "development") == expected, what="it answers", within=120)
    user.choreo("promote", "web", "--to", "staging", "--yes")
    until(lambda: says(user, "staging") == expected, what="staging answers", within=60)
    assert_image_is_told(user, image)
    until_restarted_without_registry(user, expected)


def assert_image_is_told(user: User, image: str) -> None:
    pods = json.loads(user.kubectl("get", "pods", "-A", "-o", "json"))["items"]
    found = [status for pod in pods for status in pod["status"]["containerStatuses"]]
    repository = image.rpartition(":")[0]
    assert {status["image"] for status in found} == {image}
    assert all(status["imageID"].startswith(f"{repository}@sha256:") for status in found)
    assert not any(
        condition["type"] == "choreo.local/StandIn"
        for pod in pods
        for condition in pod["status"]["conditions"]
    )


def until_restarted_without_registry(user: User, expected: str) -> None:
    """What was pulled outlives the instance and what its registry holds."""
    user.choreo("down")
    shutil.rmtree(user.folder / "registry")
    user.choreo("up", "--no-tui")
    until(lambda: says(user, "development") == expected, what="it answers again", within=120)


@pytest.mark.parametrize("kind", [ROOT, ANOTHER])
def test_an_image_that_is_imported_needs_no_registry(kind: str, tmp_path: Path) -> None:
    if (obstacle := podruntime.probe().obstacle) != "":
        pytest.skip(f"no sandboxes on this machine: {obstacle}")
    made = programs.web_image(tmp_path)
    with person(kind, tmp_path) as user:
        user.extra["CHOREO_UP_RUNTIME"] = "sandbox"
        layout = builders.oci_layout(user.home / "layout", made)
        image = "registry.invalid/team/web:1"
        assert user.choreo("image", "import", str(layout), "--name", image) == image
        user.choreo("up", "--no-tui")
        deploy(user, image)
        expected = "Servus from the first layer, user 1234, in /srv"
        until(lambda: says(user, "development") == expected, what="it answers", within=120)
        until(lambda: is_told_by_node(user, image), what="the node tells of it", within=60)
        can_push_in_a_pod(user)
        assert user.choreo("image", "prune", "--all", "--yes") == ""
        assert user.choreo("image", "list", "-o", "name") == image


def is_told_by_node(user: User, image: str) -> bool:
    (node,) = json.loads(user.kubectl("get", "nodes", "-o", "json"))["items"]
    found = [each for each in node["status"]["images"] if image in each["names"]]
    assert all(each["sizeBytes"] > 0 for each in found)
    return bool(found)


def test_without_sandboxes_an_image_says_what_it_needs(user: User, tmp_path: Path) -> None:
    user.extra["CHOREO_UP_RUNTIME"] = "process"
    layout = builders.oci_layout(tmp_path / "layout", builders.image())
    image = "registry.invalid/team/web:1"
    user.choreo("image", "import", str(layout), "--name", image)
    user.choreo("up", "--no-tui")
    deploy(user, image)

    def is_told() -> bool:
        return any("choreo up --runtime sandbox" in message for _, message in waiting(user))

    until(is_told, what="the pod says what it needs", within=60)
    can_push_in_a_pod(user)


PUSH = """
import hashlib, sys, urllib.request
place, data = sys.argv[1], b"built in a pod"
digest = "sha256:" + hashlib.sha256(data).hexdigest()
url = f"{place}/v2/team/built/blobs/uploads/?digest={digest}"
print(urllib.request.urlopen(urllib.request.Request(url, data, method="POST"), timeout=30).status)
print(urllib.request.urlopen(f"{place}/v2/team/built/blobs/{digest}", timeout=30).read().decode())
"""


def can_push_in_a_pod(user: User) -> None:
    """A build in a pod finds the registry by its name, at the usual port and at the real one."""
    told = json.loads(user.choreo("status", "-o", "json"))["urls"]["registry"]
    ports = dict.fromkeys(["10082", told.rpartition(":")[2]])
    for port in ports:
        container = {
            "name": "main",
            "image": "choreo.local/web",
            "command": ["python3", "-c", PUSH, f"http://host.k3d.internal:{port}"],
        }
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"builder-{port}"},
            "spec": {"restartPolicy": "Never", "containers": [container]},
        }
        user.kubectl("apply", "-f", "-", text=json.dumps(pod))
    for port in ports:
        until_pushed(user, f"builder-{port}")


def until_pushed(user: User, name: str) -> None:
    def has_pushed() -> bool:
        assert user.kubectl("logs", name) == "201\nbuilt in a pod"
        return True

    until(has_pushed, what=f"the pod {name} has pushed", within=90)
