"""Carries out a conformance case against a target."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator
from typing import Any

from choreo_local import clock
from tests.conformance import fieldpaths, matching
from tests.conformance.cases import Case, Step, filled, full_path
from tests.conformance.target import Answer, Client, Target
from tests.conformance.webhooks import Webhooks

WAIT_SECONDS = 45.0
_PATCH_TYPES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


class Session:
    """What all cases of a run share: the target, connections to it, and the webhooks."""

    def __init__(self, target: Target, webhooks: Webhooks) -> None:
        self.target = target
        self.webhooks = webhooks
        self.admin = Client(target)
        self._anonymous: ssl.SSLContext | None = None

    def client_of(self, step: Step) -> Client:
        """The administrator's connection; a new one for a token or for nobody."""
        if "token" not in step:
            return self.admin
        self._anonymous = self._anonymous or self.target.anonymous()
        return Client(self.target, self._anonymous)

    def close(self) -> None:
        """Close the connection."""
        self.admin.close()


class Run:
    """One case under way: its namespace, and what its steps saved.

    Args:
        patience: seconds until an answer must be as expected where a step says `until`.
    """

    def __init__(self, session: Session, case: Case, patience: float = WAIT_SECONDS) -> None:
        self._session = session
        self._case = case
        self._patience = patience
        unique = clock.new_uid()[:8]
        self.known = {
            "u": f"u{unique}",
            "ns": f"conf-{unique}",
            "hook": session.webhooks.url,
            "bundle": session.webhooks.bundle,
        }

    def __call__(self) -> None:
        """Carry out all steps; raises AssertionError at the first answer that is not expected."""
        self.prepare()
        try:
            for number, step in enumerate(self._case.steps):
                found = self.check(step)
                told = "\n  ".join(found)
                assert not found, f"step {number}, {step.get('do', step)}:\n  {told}"
        finally:
            self.clean()

    def prepare(self) -> None:
        """Make the namespace."""
        if self._case.namespaced:
            labels = {"conformance": "yes", **self._case.namespace_labels}
            body = {"metadata": {"name": self.known["ns"], "labels": labels}}
            answer = self.ask({"do": "POST /api/v1/namespaces", "body": body})
            assert answer.code == 201, answer

    def clean(self) -> None:
        """Delete the namespace and what the case names; the case is over, whatever this gives."""
        for path in self._case.cleanup:
            self.ask({"do": f"DELETE {path}"})
        if self._case.namespaced:
            self.ask({"do": "DELETE /api/v1/namespaces/${ns}"})

    def check(self, step: Step) -> list[str]:
        """Carry out a step; answers what was not as expected."""
        if "watch" in step:
            return self._check_watch(step)
        if "calls" in step:
            expected = filled(step["expect"]["fields"], self.known)
            return list(matching.unlike_fields(expected, self.calls(step)))
        deadline = time.monotonic() + self._patience if step.get("until") else 0.0
        pause = 0.01
        while True:
            answer = self.ask(step)
            found = matching.problems(filled(step.get("expect"), self.known), answer)
            if not found or time.monotonic() >= deadline:
                break
            time.sleep(pause)
            pause = min(pause * 1.5, 0.25)
        self.save(step, answer.body)
        return [*found, f"the answer: {answer.body}"] if found else []

    def _check_watch(self, step: Step) -> list[str]:
        found: list[str] = []
        answer, events = self.watch(step, found)
        if answer is not None:
            return found + matching.problems(filled(step.get("expect"), self.known), answer)
        expected = filled(step["expect"]["events"], self.known)
        found += matching.unlike_events(expected, events)
        return [*found, f"the events: {events}"] if found else []

    def calls(self, step: Step) -> list[dict[str, Any]]:
        """What webhooks were asked, by group."""
        return self._session.webhooks.asked[filled(step["calls"], self.known)]

    def save(self, step: Step, body: Any) -> None:
        """Keep values of an answer under names, for later steps."""
        for name, path in step.get("save", {}).items():
            self.known[name] = str(fieldpaths.read(body, path))

    def ask(self, step: Step) -> Answer:
        """Send the request of a step."""
        method, _, path = step["do"].partition(" ")
        client = self._session.client_of(step)
        try:
            return client.send(method, self._path(path), self._headers(step), self._body(step))
        finally:
            if client is not self._session.admin:
                client.close()

    def _path(self, path: str) -> str:
        return str(filled(full_path(path), self.known)).replace(" ", "%20")

    def _headers(self, step: Step) -> dict[str, str | list[str]]:
        headers: dict[str, str | list[str]] = {"Accept": step.get("accept", "application/json")}
        kind = next((name for name in _PATCH_TYPES if name in step), None)
        if "type" in step:
            headers["Content-Type"] = step["type"]
        elif kind or self._body(step) is not None:
            headers["Content-Type"] = _PATCH_TYPES.get(kind or "", "application/json")
        if "as" in step:
            headers["Impersonate-User"] = step["as"]
        if "groups" in step:
            headers["Impersonate-Group"] = step["groups"]
        if step.get("token"):
            headers["Authorization"] = f"Bearer {step['token']}"
        headers |= step.get("headers", {})
        made: dict[str, str | list[str]] = filled(headers, self.known)
        return made

    def _body(self, step: Step) -> bytes | None:
        if "raw" in step:
            return str(filled(step["raw"], self.known)).encode()
        for name in ("body", *_PATCH_TYPES):
            if name in step:
                return json.dumps(filled(step[name], self.known)).encode()
        return None

    def watch(self, step: Step, found: list[str]) -> tuple[Answer | None, list[dict[str, Any]]]:
        """Watch while the steps of `during` are carried out; an answer when it is refused."""
        connection = self._session.target.connect()
        try:
            connection.putrequest("GET", self._path(step["watch"]))
            for name, value in self._headers(step).items():
                connection.putheader(name, str(value))
            connection.endheaders()
            response = connection.getresponse()
            if response.status != 200:
                body = json.loads(response.read())
                return Answer(response.status, tuple(response.getheaders()), body), []
            for each in step.get("during", ()):
                found += self.check(each)
            return None, list(_events(response, _wanted(step), until_closed=step.get("closed")))
        finally:
            connection.close()


def _wanted(step: Step) -> int:
    expected = step.get("expect")
    if isinstance(expected, dict) and "events" in expected:
        return len(expected["events"])
    return int(step["count"])


def _events(response: Any, count: int, *, until_closed: bool | None) -> Iterator[dict[str, Any]]:
    number = 0
    while number < count or until_closed:
        line = response.readline()
        if not line:
            return
        number += 1
        yield json.loads(line)
