"""A platform on a k3d cluster of its own, from the first start to the purge.

On the stand-in everywhere, on the real k3d where it and a container engine answer.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from choreo_local.clusters import k3dcommand
from choreo_local.clusters.k3dcommand import Cluster
from tests.clusters.standin import World, install
from tests.e2e.user import User, ask, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(params=["stand-in", "real"])
def person(request: pytest.FixtureRequest, user: User, tmp_path: Path) -> Iterator[User]:
    """Somebody whose `choreo up` takes k3d."""
    user.extra |= {"CHOREO_UP_DRIVER": "auto"}
    if request.param == "real":
        with pytest.MonkeyPatch.context() as as_theirs:
            as_theirs.setenv("PATH", user.environment["PATH"])
            if problem := k3dcommand.lacking():
                pytest.skip(problem)
        yield user
        user.types("choreo", "down", "--purge", "--yes")
        return
    programs, state = tmp_path / "programs", tmp_path / "standin"
    user.extra |= install(programs, state)
    user.extra["PATH"] = os.pathsep.join([str(programs), user.environment["PATH"]])
    # Its nodes are processes of this machine, which do not know k3d's name for it.
    user.extra["CHOREO_UP_REACHABLE_AT"] = "127.0.0.1"
    yield user
    user.types("choreo", "down", "--purge", "--yes")
    World(state).end()


def listed(user: User) -> list[Cluster]:
    """The clusters that k3d lists."""
    program = shutil.which("k3d", path=user.environment["PATH"])
    assert program is not None
    return k3dcommand.parsed(user.types(program, "cluster", "list", "-o", "json").out)


def clusters(user: User) -> list[str]:
    """Their names."""
    return [one.name for one in listed(user)]


def greeting(user: User, environment: str) -> bool:
    url = user.choreo("url", "greeter", "--env", environment)
    answer = ask(f"{url}/greeter/greet?name=Ann")
    return answer.status == 200 and "Hello, Ann!" in answer.body


def test_a_platform_lives_on_a_cluster_of_its_own(person: User) -> None:
    planned = person.choreo("plan", "up", "--driver", "k3d")
    assert planned.startswith("a k3d cluster, with nothing else in it")
    assert clusters(person) == []

    shown = person.types("choreo", "up", "--demo", "--no-tui", "--timeout", "400", within=600)
    assert shown.code == 0, shown.err + person.last_log()
    assert "Docker and k3d answer" in shown.err
    assert clusters(person) == ["choreo-default"]

    status = json.loads(person.choreo("status", "-o", "json"))
    assert (status["driver"], status["state"]) == ("k3d", "ready")
    can = {entry["name"]: entry for entry in status["capabilities"]}
    for name in ("pods", "gateway", "admission"):
        assert can[name]["available"], can[name]
    assert status["pods"]["running"] >= 2

    assert greeting(person, "development")
    person.choreo("promote", "greeter", "--to", "staging", "--yes")
    until(lambda: greeting(person, "staging"), what="staging answers", within=120)
    assert "listening" in person.choreo("logs", "greeter", "--env", "staging")

    a_cluster_that_went_away_and_came_back_goes_on(person)
    a_killed_instance_finds_its_cluster_again(person)
    a_stopped_instance_stops_its_cluster(person)

    planned = person.choreo("down", "--purge", "--dry-run")
    assert "k3d cluster choreo-default (1 nodes)" in planned
    person.choreo("down", "--purge", "--yes")
    assert clusters(person) == []
    assert not (person.home / "state").exists()


def a_cluster_that_went_away_and_came_back_goes_on(user: User) -> None:
    """As it is when somebody restarts Docker."""
    program = shutil.which("k3d", path=user.environment["PATH"])
    assert program is not None
    for action in ("stop", "start"):
        user.types(program, "cluster", action, "choreo-default")
    until(lambda: greeting(user, "staging"), what="staging answers again", within=180)
    user.choreo("promote", "greeter", "--to", "production", "--yes")
    until(lambda: greeting(user, "production"), what="production answers", within=180)


def a_killed_instance_finds_its_cluster_again(user: User) -> None:
    os.kill(user.record()["pid"], signal.SIGKILL)
    until(lambda: user.types("choreo", "status").code == 1, what="it is known to have ended")
    user.choreo("up", "--no-tui")
    assert clusters(user) == ["choreo-default"]
    until(lambda: greeting(user, "staging"), what="staging answers again", within=120)


def a_stopped_instance_stops_its_cluster(user: User) -> None:
    user.choreo("down", "--timeout", "60")
    (found,) = listed(user)
    assert not found.is_running
    user.choreo("up", "--no-tui")
    until(lambda: greeting(user, "staging"), what="staging answers again", within=120)


def test_a_cluster_of_that_name_of_somebody_else_is_left_alone(user: User, tmp_path: Path) -> None:
    state = tmp_path / "standin"
    user.extra |= install(tmp_path / "programs", state)
    user.extra["PATH"] = os.pathsep.join([str(tmp_path / "programs"), user.environment["PATH"]])
    user.extra |= {"CHOREO_UP_DRIVER": "k3d", "CHOREO_UP_REACHABLE_AT": "127.0.0.1"}
    world = World(state)
    theirs = {"state": "exited", "port": 1, "host": "127.0.0.1", "labels": {}, "token": "x"}
    world.set_cluster("choreo-default", theirs)
    world.break_(create="killed")  # k3d is ended, and its container carries on

    first = user.types("choreo", "up", "--no-tui")
    assert first.code != 0
    # The next start finds what was made, by its label.
    world.break_(create="")
    user.choreo("up", "--no-tui")
    user.choreo("down", "--purge", "--yes")

    assert world.clusters == {"choreo-default": theirs}
    assert sum(words.startswith("cluster create") for words in world.commands) == 1
    world.set_cluster("choreo-default", None)
