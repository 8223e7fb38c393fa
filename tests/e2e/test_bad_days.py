"""What goes wrong on a laptop, and what a person is told then."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.user import User, ask, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(200)]

WRONG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: right, namespace: default}
data: {key: value}
---
apiVersion: openchoreo.dev/v1alpha1
kind: Component
metadata: {name: wrong, namespace: default}
spec:
  owner: {projectName: default}
  componentType: {kind: ClusterComponentType, name: nonsense}
"""


def test_a_wrong_manifest_is_refused_with_the_field_and_nothing_is_stored(user: User) -> None:
    user.choreo("up", "--no-tui")
    refused = user.types("choreo", "apply", "-f", "-", text=WRONG)

    assert refused.code == 1
    assert "spec.componentType.name" in refused.err
    assert "nonsense" in refused.err
    assert "Nothing was stored" in refused.err
    assert user.kubectl("get", "components,configmaps", "-o", "name").count("right") == 0


def test_a_file_that_is_not_yaml_is_refused_with_its_line(user: User) -> None:
    file = user.home / "broken.yaml"
    file.write_text("kind: [\n")
    refused = user.types("choreo", "apply", "-f", str(file))
    assert refused.code == 2
    assert "broken.yaml" in refused.err
    assert "line" in refused.err


@pytest.fixture
def taken_ports() -> Iterator[list[int]]:
    """The usual ports, held by somebody else as far as they were free."""
    held = []
    for port in (6550, 8080, 19080, 19443, 10053):
        holder = socket.socket()
        try:
            holder.bind(("127.0.0.1", port))
            holder.listen()
        except OSError:
            holder.close()
            continue
        held.append(holder)
    yield [holder.getsockname()[1] for holder in held]
    for holder in held:
        holder.close()


def test_a_taken_port_is_replaced_and_every_url_follows(user: User, taken_ports: list[int]) -> None:
    shown = user.choreo("up", "--demo", "--no-tui")
    chosen = user.record()["ports"]
    assert not set(chosen.values()) & set(taken_ports)
    assert ask(shown).status == 200

    url = user.choreo("url", "greeter", "--env", "development")
    assert f":{chosen['gateway']}/" in url
    assert ask(url).status == 200
    binding = json.loads(user.kubectl("get", "releasebinding", "greeter-development", "-o", "json"))
    assert binding["status"]["endpoints"][0]["externalURLs"]["http"]["port"] == chosen["gateway"]


def test_two_instances_run_side_by_side(user: User, tmp_path: Path) -> None:
    other = User(tmp_path, instance="other")
    try:
        first, second = (person.choreo("up", "--demo", "--no-tui") for person in (user, other))
        assert first != second
        assert (ask(first).status, ask(second).status) == (200, 200)
        assert user.choreo("list", "-o", "name").split() == ["default", "other"]

        other.choreo("down", "--purge", "--yes")
        assert ask(first).status == 200
    finally:
        other.types("choreo", "down", "--purge", "--yes")


def test_state_of_a_newer_version_is_refused_with_words(user: User) -> None:
    user.folder.mkdir(parents=True)
    record = {"format": 99, "version": "9.0.0", "name": "default", "id": "x"}
    (user.folder / "instance.json").write_text(json.dumps(record))

    refused = user.types("choreo", "up", "--no-tui")

    assert refused.code == 3
    assert "9.0.0" in refused.err
    assert "Traceback" not in refused.err
    assert json.loads((user.folder / "instance.json").read_text()) == record


def test_a_place_that_cannot_be_written_is_said_at_once(user: User) -> None:
    file = user.home / "file"
    file.write_text("")
    user.extra["CHOREO_HOME"] = str(file / "below")
    refused = user.types("choreo", "up", "--no-tui")
    assert refused.code == 1
    assert "cannot write to" in refused.err
    assert "CHOREO_HOME" in refused.err
    assert "Traceback" not in refused.err


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of ten megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=10m", "none", str(folder)]
    done = subprocess.run(mount, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("this user may not mount a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_said_before_anything_is_started(user: User, small_disk: Path) -> None:
    user.extra["CHOREO_HOME"] = str(small_disk)
    refused = user.types("choreo", "up", "--no-tui")
    assert refused.code == 1
    assert "MB are free" in refused.err
    assert "Traceback" not in refused.err


def test_an_unknown_component_is_named_with_what_to_do(user: User) -> None:
    user.choreo("up", "--no-tui")
    for command in (("url", "nobody", "--env", "development"), ("why", "nobody", "--env", "x")):
        refused = user.types("choreo", *command)
        assert refused.code == 1
        assert "nobody" in refused.err
        assert "Traceback" not in refused.err


def test_commands_without_an_instance_say_how_to_start_one(user: User) -> None:
    for command in (("status",), ("get", "components"), ("tui",), ("env",)):
        refused = user.types("choreo", *command)
        assert refused.code == 1, command
        assert "choreo up" in refused.err + refused.out


def test_a_crashing_component_is_explained(user: User) -> None:
    user.choreo("up", "--no-tui")
    broken = """
apiVersion: openchoreo.dev/v1alpha1
kind: Component
metadata: {name: broken, namespace: default}
spec:
  owner: {projectName: default}
  componentType: {kind: ClusterComponentType, name: deployment/service}
  autoDeploy: true
---
apiVersion: openchoreo.dev/v1alpha1
kind: Workload
metadata: {name: broken, namespace: default}
spec:
  owner: {projectName: default, componentName: broken}
  container: {image: nowhere.example/nothing:1}
  endpoints:
    http: {type: HTTP, port: 8080}
"""
    user.choreo("apply", "-f", "-", text=broken)

    def explained() -> bool:
        said = user.types("choreo", "why", "broken", "--env", "development")
        return said.code == 1 and "nowhere.example/nothing" in said.out

    until(explained, what="why names the image that cannot be had")


def test_a_start_can_be_stopped_before_it_is_ready(user: User) -> None:
    with subprocess.Popen(
        [str(user.program("choreo")), "up", "--demo", "--no-tui"],
        env=user.environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as starting:
        until(lambda: user.record()["state"] == "starting", what="the start is seen")
        instance_id = user.record()["id"]
        assert "is starting" in user.types("choreo", "status").out
        assert user.types("choreo", "up", "--no-tui").code == 3

        user.choreo("down")

        assert starting.stderr is not None
        said = starting.stderr.read()
    assert starting.returncode == 1
    assert "told to stop" in said or "ended with exit code" in said
    assert "Traceback" not in said
    assert user.children(instance_id) == []
    assert "is stopped" in user.types("choreo", "status").out
    user.choreo("up", "--no-tui")


def test_damaged_files_are_mended_or_named(user: User) -> None:
    user.choreo("up", "--no-tui")
    user.choreo("down")
    for file in ("token", "pki/planes.json", "phases.json", "lock"):
        (user.folder / file).write_bytes(b"\xff garbage {")
    user.choreo("up", "--no-tui")
    user.choreo("get", "components")
    user.choreo("down")

    for file in ("kube.db", "instance.json"):
        (user.folder / file).write_bytes(b"\xff garbage {")
        refused = user.types("choreo", "up", "--no-tui")
        assert refused.code != 0
        assert file in refused.err
        assert "fix:" in refused.err
        assert "Traceback" not in refused.err
    user.choreo("down", "--purge", "--yes")
