"""Upstream's greeter sample, unchanged, from its first answer to production."""

from __future__ import annotations

import json
import time

import pytest

from tests.e2e.user import User, ask, until
from tests.golden import FIXTURES

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SAMPLE = FIXTURES / "samples" / "from-image" / "go-greeter-service"


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="upstream's samples are not here: CHOREO_FIXTURES")
def test_the_go_greeter_answers_where_upstream_has_it_and_is_promoted(user: User) -> None:
    user.choreo("up", "--no-tui")
    user.choreo("apply", "-f", str(SAMPLE))
    gateway = user.record()["ports"]["gateway"]

    def answers(environment: str) -> None:
        until(lambda: is_right(environment), what=f"{environment} answers")

    def is_right(environment: str) -> bool:
        url = user.choreo("url", "greeter-service", "--env", environment)
        host = f"{environment}-default.openchoreoapis.localhost"
        assert url == f"http://{host}:{gateway}/greeter-service-http"
        answer = ask(f"{url}/greeter/greet?name=Ann")
        return answer.status == 200 and "Ann" in answer.body

    answers("development")
    for environment in ("staging", "production"):
        user.choreo("promote", "greeter-service", "--to", environment, "--yes")
        answers(environment)
    # Leases and Events go on; nobody else writes when there is nothing left to do.
    until(lambda: _rests(user), what="the cluster rests", within=60)


def _rests(user: User) -> bool:
    before = _version(user)
    time.sleep(2)
    return _version(user) - before < 10


def _version(user: User) -> int:
    listed = json.loads(user.kubectl("get", "--raw", "/api/v1/namespaces"))
    return int(listed["metadata"]["resourceVersion"])
