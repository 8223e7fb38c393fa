"""The first day of a developer: from an empty home to production, as the README says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.user import User, ask, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ENVIRONMENTS = ("development", "staging", "production")

GREETING = """
apiVersion: openchoreo.dev/v1alpha1
kind: Workload
metadata:
  name: greeter
  namespace: default
spec:
  owner: {projectName: default, componentName: greeter}
  container:
    image: choreo.local/greeter:1.0
    env:
      - {key: GREETING, value: GREETING_TEXT}
  endpoints:
    http: {type: HTTP, port: 9090, visibility: [external]}
"""


def greeting(user: User, environment: str) -> str:
    """What the greeter says in an environment."""
    url = user.choreo("url", "greeter", "--env", environment)
    answer = ask(f"{url}/greeter/greet?name=Ann")
    assert answer.status == 200, answer.body
    return answer.body


def answers(user: User, environment: str, word: str) -> None:
    """Wait until the greeter of an environment says a word."""
    until(lambda: word in greeting(user, environment), what=f"{environment} says {word}")


def conditions(user: User, name: str) -> dict[str, str]:
    binding: dict[str, Any] = json.loads(user.kubectl("get", "releasebinding", name, "-o", "json"))
    return {entry["type"]: entry["status"] for entry in binding["status"]["conditions"]}


def test_a_component_walks_from_development_to_production(user: User) -> None:
    shown = user.types("choreo", "up", "--demo", "--no-tui")
    assert shown.code == 0, shown.err + user.last_log()
    assert shown.out.strip().endswith("/greeter-http")
    assert ask(shown.out.strip()).status == 200

    again = user.types("choreo", "up", "--demo", "--no-tui")
    assert again.code == 0
    assert "nothing to do" in again.err

    status = json.loads(user.choreo("status", "-o", "json"))
    assert status["state"] == "ready"
    assert status["driver"] == "embedded"
    assert [plane["plane"] for plane in status["planes"]] == [
        "control",
        "data",
        "workflow",
        "observability",
    ]
    assert status["memory"]["totalBytes"] > 0
    is_enforced = {entry["name"]: entry["available"] for entry in status["capabilities"]}
    assert is_enforced["network-policy"] == (runtime_of(user) != "process")  # said, not hidden

    url = user.choreo("url", "greeter", "--env", "development")
    assert url.startswith("http://development-default.openchoreoapis.localhost:")
    assert "Hello, Ann!" in greeting(user, "development")

    # Nobody is there to agree, so nothing happens without --yes.
    asked = user.types("choreo", "promote", "greeter", "--to", "staging")
    assert asked.code == 3
    assert "Deployment/greeter-staging" in asked.err  # the plan was shown
    assert user.types("choreo", "url", "greeter", "--env", "staging").code == 1

    for environment in ("staging", "production"):
        user.choreo("promote", "greeter", "--to", environment, "--yes")
        answers(user, environment, "Hello, Ann!")

    listed = user.kubectl("get", "components,releasebindings,renderedreleases,pods", "-A")
    for name in ("component.openchoreo.dev/greeter", "releasebinding.openchoreo.dev/greeter-"):
        assert name in listed
    assert listed.count("pod/greeter-") == 3

    change_reaches_only_where_it_was_promoted_to(user)
    logs_follow_what_a_pod_writes(user)
    everything_is_there_after_a_restart(user)
    nothing_is_left_after_a_purge(user)


def runtime_of(user: User) -> str:
    """How the pods of the embedded cluster are kept apart."""
    label = r"jsonpath={.items[*].metadata.labels.choreo\.local/runtime}"
    return user.kubectl("get", "nodes", "-o", label)


def change_reaches_only_where_it_was_promoted_to(user: User) -> None:
    user.kubectl("apply", "-f", "-", text=GREETING.replace("GREETING_TEXT", "Bonjour"))
    answers(user, "development", "Bonjour")
    user.choreo("promote", "greeter", "--to", "staging", "--yes")
    answers(user, "staging", "Bonjour")
    until(lambda: conditions(user, "greeter-staging")["Ready"] == "True", what="staging is ready")

    assert "Hello" in greeting(user, "production")

    user.choreo("rollback", "greeter", "--env", "staging", "--yes")
    answers(user, "staging", "Hello")


def logs_follow_what_a_pod_writes(user: User) -> None:
    with user.follows("choreo", "logs", "greeter", "--env", "production", "-f") as lines:
        until(lambda: any("listening" in line for line in lines), what="old lines show")
        count = len(lines)
        greeting(user, "production")
        until(lambda: "GET /greeter/greet" in "".join(lines[count:]), what="new lines follow")


def everything_is_there_after_a_restart(user: User) -> None:
    before = user.kubectl("get", "releasebindings", "-o", "name")
    releases = user.kubectl("get", "componentreleases", "-o", "name")
    user.choreo("down")
    assert user.types("choreo", "status").code == 1
    assert user.types("choreo", "down").code == 0  # twice is fine

    user.choreo("up", "--no-tui")
    assert user.kubectl("get", "releasebindings", "-o", "name") == before
    assert user.kubectl("get", "componentreleases", "-o", "name") == releases
    for environment, word in zip(ENVIRONMENTS, ("Bonjour", "Hello", "Hello"), strict=True):
        answers(user, environment, word)


def nothing_is_left_after_a_purge(user: User) -> None:
    instance_id = user.record()["id"]
    planned = user.choreo("down", "--purge", "--dry-run")
    assert str(user.folder) in planned
    assert user.folder.exists()

    user.choreo("down", "--purge", "--yes")

    assert not (user.home / "state").exists()
    assert user.children(instance_id) == []
