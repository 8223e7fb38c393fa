"""The demo's greeter is replaced again and again while people ask it: nobody notices."""

from __future__ import annotations

import http.client
import threading
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from choreo_local.embedded import podruntime
from tests.e2e.user import ANOTHER, ROOT, User, ask, person, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ROLLOUTS = 3
WORDS = ["Hello", *(f"Hello-{number}" for number in range(ROLLOUTS))]
PAUSE_SECONDS = 0.02
LONGEST_ANSWER_SECONDS = 60
WORKLOAD = """
apiVersion: openchoreo.dev/v1alpha1
kind: Workload
metadata: {{name: greeter, namespace: default}}
spec:
  owner: {{projectName: default, componentName: greeter}}
  container:
    image: choreo.local/greeter:1.0
    env: [{{key: GREETING, value: "{word}"}}]
  endpoints:
    http: {{type: HTTP, port: 9090, visibility: [external]}}
"""


@dataclass(slots=True)
class Asker:
    """Somebody who asks a URL all the time and counts what comes back.

    Attributes:
        wrong: what was no right answer, or lost.
        counts: word of the greeting → how often it came.
    """

    url: str
    wrong: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to ask."""
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._ended.set()
        assert self._thread is not None
        self._thread.join(2 * LONGEST_ANSWER_SECONDS)

    def _run(self) -> None:
        while not self._ended.wait(PAUSE_SECONDS):
            try:
                answer = ask(self.url, within=LONGEST_ANSWER_SECONDS)
            except (OSError, http.client.HTTPException) as error:
                self.wrong.append(f"{type(error).__name__}: {error}")
                continue
            word = next((word for word in WORDS if f"{word}, Ann" in answer.body), None)
            if answer.status != http.client.OK or word is None:
                self.wrong.append(f"{answer.status}: {answer.body}")
            else:
                self.counts[word] = self.counts.get(word, 0) + 1


@pytest.mark.parametrize(
    ("runtime", "kind"),
    [(podruntime.PROCESS, ROOT), (podruntime.SANDBOX, ROOT), (podruntime.SANDBOX, ANOTHER)],
)
def test_no_request_is_lost_while_the_greeter_is_replaced(
    runtime: str, kind: str, tmp_path: Path
) -> None:
    if runtime == podruntime.SANDBOX and (found := podruntime.probe()).tools is None:
        pytest.skip(f"no sandboxes on this machine: {found.obstacle}")
    with person(kind, tmp_path) as user:
        user.extra["CHOREO_UP_RUNTIME"] = runtime
        _replace_while_asked(user)


def _replace_while_asked(user: User) -> None:
    user.choreo("up", "--demo", "--no-tui")
    greeter = user.choreo("url", "greeter", "--env", "development") + "/greeter/greet?name=Ann"
    web = user.choreo("url", "web", "--env", "development") + "/api/greeting?name=Ann"
    until(lambda: "Hello" in ask(web).body, what="the web reaches the greeter", within=60)

    # By the gateway, and by the service inside the cluster.
    askers = [Asker(greeter), Asker(greeter), Asker(web)]
    for asker in askers:
        asker.start()
    try:
        for word in WORDS[1:]:
            user.choreo("apply", "-f", "-", text=WORKLOAD.format(word=word))
            until(partial(saw, askers, word), what=f"all see {word}", within=60)
            until(lambda: has_one_pod(user), what="the old pod has gone", within=60)
    finally:
        for asker in askers:
            asker.stop()

    assert [asker.wrong for asker in askers] == [[], [], []]
    assert all(set(asker.counts) == set(WORDS) for asker in askers)


def saw(askers: list[Asker], word: str) -> bool:
    """Whether all have been greeted so."""
    return all(word in asker.counts or asker.wrong for asker in askers)


def has_one_pod(user: User) -> bool:
    """Whether nothing of an earlier greeter is left."""
    component = "openchoreo.dev/component=greeter"
    return len(user.kubectl("get", "pods", "-A", "-l", component, "-o", "name").split()) == 1
