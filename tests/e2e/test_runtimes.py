"""Instances that change how their pods are kept apart, and instances beside each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from choreo_local.embedded import podruntime
from tests.e2e.user import ANOTHER, CONFINED, ROOT, User, ask, person, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

_DATABASE = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: kept}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: database}
spec:
  containers:
    - name: main
      image: choreo.local/postgres
      env: [{name: POSTGRES_PASSWORD, value: secret}, {name: PGDATA, value: /data/pg}]
      readinessProbe: {exec: {command: [pg_isready]}, periodSeconds: 1, timeoutSeconds: 30}
      volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: kept}}]
"""


@pytest.fixture(params=[ROOT, ANOTHER])
def user_of(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[User]:
    """A person on a machine that can make sandboxes."""
    found = podruntime.probe()
    if found.tools is None:
        pytest.skip(f"no sandboxes on this machine: {found.obstacle}")
    with person(request.param, tmp_path) as user:
        user.extra["CHOREO_UP_RUNTIME"] = "auto"
        yield user


def test_data_stay_usable_when_pods_are_kept_apart_otherwise(user_of: User) -> None:
    user = user_of
    user.choreo("up", "--no-tui", "--runtime", "process")
    assert runtime_of(user) == "process"
    user.kubectl("apply", "-f", "-", text=_DATABASE)
    until_ready(user)
    asked(user, "CREATE TABLE kept (word text)")
    for number, runtime in enumerate(["sandbox", "process", "sandbox"]):
        asked(user, f"INSERT INTO kept VALUES ('{number}')")
        user.choreo("down")
        user.choreo("up", "--no-tui", "--runtime", runtime)
        assert runtime_of(user) == runtime
        until_ready(user)
        assert asked(user, "SELECT count(*) FROM kept") == str(number + 1)


def test_a_start_that_is_told_nothing_makes_sandboxes(user_of: User) -> None:
    user = user_of
    started = user.types("choreo", "up", "--demo", "--no-tui")
    assert started.code == 0
    assert "plain processes" not in started.err
    assert runtime_of(user) == "sandbox"


def test_a_start_that_cannot_make_sandboxes_says_why_in_a_line(tmp_path: Path) -> None:
    with person(CONFINED, tmp_path) as user:
        user.extra["CHOREO_UP_RUNTIME"] = "auto"
        started = user.types("choreo", "up", "--no-tui")
        assert started.code == 0
        (line,) = [one for one in started.err.splitlines() if "plain processes" in one]
        assert "user namespace" in line
        assert "NetworkPolicy" in line
        assert runtime_of(user) == "process"


def test_two_instances_with_sandboxes_do_not_disturb_each_other(user_of: User) -> None:
    one = user_of
    other = User(one.home, instance="other", extra=one.extra, becoming=one.becoming)
    for each in (one, other):
        each.choreo("up", "--demo", "--no-tui")
    ranges = {pod_range(each) for each in (one, other)}
    assert len(ranges) == 2
    urls = [each.choreo("url", "web", "--env", "development") for each in (one, other)]
    for url in urls:
        until(partial(greets, url), what=f"{url} answers", within=60)
    one.choreo("down")
    assert greets(urls[1])
    other.choreo("down", "--purge", "--yes")


def greets(url: str) -> bool:
    """Whether the demo's page reaches its greeter."""
    return "Hello" in ask(url).body


def runtime_of(user: User) -> str:
    """How the pods of a running instance are kept apart."""
    label = r"jsonpath={.items[*].metadata.labels.choreo\.local/runtime}"
    return user.kubectl("get", "nodes", "-o", label)


def until_ready(user: User) -> None:
    """The database of this start answers; what is known of the one before does not count."""
    until(lambda: asked(user, "SELECT 1") == "1", what="the database answers", within=120)


def asked(user: User, statement: str) -> str:
    """What the database says."""
    return user.kubectl("exec", "database", "--", "psql", "-d", "postgres", "-tAqc", statement)


def pod_range(user: User) -> str:
    """The first half of the addresses of an instance's pods."""
    pods = json.loads(user.kubectl("get", "pods", "-A", "-o", "json"))["items"]
    (found,) = {each["status"]["podIP"].rpartition(".")[0].rpartition(".")[0] for each in pods}
    return str(found)
