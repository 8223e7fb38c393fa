"""The kube API under requests that nobody sends: it answers each, and keeps what it promised.

`CHOREO_FUZZ_REQUESTS` says how many, `CHOREO_FUZZ_SEED` which.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.expected import problem
from tests.fuzz.generating import GROUP, KINDS, Generator
from tests.fuzz.model import Model, Place
from tests.fuzz.wire import Sent, Wire

REQUESTS = int(os.environ.get("CHOREO_FUZZ_REQUESTS", "2000"))
SEED = int(os.environ.get("CHOREO_FUZZ_SEED", "1"))
WORKERS = 4
_STOP_SECONDS = 60
_SHOWN = 10

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300 + REQUESTS)]

Objects = dict[str, dict[str, Any]]


def crd() -> dict[str, Any]:
    """The definition of the custom objects, with most of what a schema can ask for."""
    part = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string", "maxLength": 20}, "n": {"type": "integer"}},
    }
    spec = {
        "type": "object",
        "properties": {
            "size": {"type": "integer", "minimum": 0, "default": 1},
            "replicas": {"type": "integer"},
            "parts": {
                "type": "array",
                "maxItems": 10,
                "items": part,
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
            "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
        "x-kubernetes-validations": [
            {"rule": "!has(self.size) || self.size < 100", "message": "too large"}
        ],
    }
    status = {"type": "object", "properties": {"replicas": {"type": "integer"}}}
    schema = {"type": "object", "properties": {"spec": spec, "status": status}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
            },
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
            "versions": [version],
        },
    }


@contextmanager
def running(state: Path) -> Iterator[Path]:
    """A kube API alone in a process, so that nobody else writes; the path of its socket."""
    log = state.with_suffix(".log")
    command = [sys.executable, "-m", "choreo_local.embedded.kubeapi", "--state", str(state)]
    with (
        log.open("ab") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process,
    ):
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith(b"Bare kube API"), log.read_text()
            yield state / "kube.sock"
        finally:
            process.terminate()
            process.wait(_STOP_SECONDS)
    assert "Traceback" not in log.read_text(), log.read_text()[-4000:]


class Fuzzer:
    """Sends what a generator makes, and compares with the model."""

    def __init__(self, socket: Path, number: int) -> None:
        self.wire = Wire(socket)
        self.model = Model(f"fuzz-{number}")
        self.statuses: Counter[int] = Counter()
        self.problems: list[str] = []
        self._generator = Generator(SEED * 1000 + number, self.model.namespace)

    async def run(self, requests: int) -> None:
        """Send so many requests."""
        for _ in range(requests):
            sent = self._generator.request()
            answered = await self.wire.send(sent)
            if answered is None:
                continue
            self.statuses[answered.status] += 1
            if wrong := problem(sent, answered):
                self.problems.append(f"{wrong}\n    {sent}")
            for place in self.model.learn(sent, answered):
                self.model.look(place, await self.held(place))

    async def held(self, place: Place) -> Objects:
        """What the server holds of a kind, by name."""
        listed = await get(self.wire, self.model.collection(place.kind))
        head = {"apiVersion": place.kind.api_version, "kind": place.kind.kind}
        return {item["metadata"]["name"]: {**head, **item} for item in listed["items"]}

    async def differences(self) -> list[str]:
        """Where the store is not what the model says."""
        found = []
        for kind in KINDS:
            held = await self.held(Place(kind))
            known = {
                name: obj
                for (plural, name), obj in self.model.objects.items()
                if plural == kind.plural
            }
            found += [
                f"{kind.plural}/{name}: held {held.get(name)}, acknowledged {known.get(name)}"
                for name in sorted(held.keys() | known.keys())
                if held.get(name) != known.get(name)
            ]
        return found


async def get(wire: Wire, path: str) -> Any:
    """The content of a path that must be there."""
    answered = await wire.send(
        Sent(f"GET {path} HTTP/1.1\r\nHost: k\r\n\r\n".encode(), "GET", path)
    )
    assert answered is not None
    assert answered.status == 200, (path, answered)
    return answered.json()


async def make(wire: Wire, path: str, obj: dict[str, Any]) -> None:
    """Create an object."""
    body = json.dumps(obj).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: k\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    answered = await wire.send(Sent(head + body, "POST", path, body=body))
    assert answered is not None
    assert answered.status == 201, answered


async def everything_else(wire: Wire) -> dict[str, str]:
    """Revisions of all objects that the fuzzers have no business with."""
    found: dict[str, str] = {}
    groups = (await get(wire, "/apis"))["groups"]
    preferred = [group["preferredVersion"]["groupVersion"] for group in groups]
    for version in ["/api/v1", *(f"/apis/{name}" for name in preferred)]:
        for resource in (await get(wire, version))["resources"]:
            if "list" not in resource["verbs"] or resource["kind"] == "ComponentStatus":
                continue
            path = f"{version}/{resource['name']}"
            for item in (await get(wire, path))["items"]:
                metadata = item["metadata"]
                if not metadata.get("namespace", "").startswith("fuzz-"):
                    key = f"{path}/{metadata.get('namespace', '')}/{metadata['name']}"
                    found[key] = metadata.get("resourceVersion", "")
    return found


async def prepare(wire: Wire) -> None:
    """The namespaces and the kind that are fuzzed."""
    for number in range(WORKERS):
        await make(wire, "/api/v1/namespaces", {"metadata": {"name": f"fuzz-{number}"}})
    await make(wire, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd())
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.{GROUP}"
    for _ in range(6000):
        if "Established" in str((await get(wire, path)).get("status")):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the kind is not served")


async def test_every_request_is_answered_and_the_store_holds_what_was_acknowledged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    with running(state) as socket:
        wire = Wire(socket)
        await prepare(wire)
        before = await everything_else(wire)
        fuzzers = [Fuzzer(socket, number) for number in range(WORKERS)]
        await asyncio.gather(*(fuzzer.run(REQUESTS // WORKERS) for fuzzer in fuzzers))
        statuses = sum((fuzzer.statuses for fuzzer in fuzzers), Counter[int]())
        with capsys.disabled():
            print(f"\n{sum(statuses.values())} answers: {dict(sorted(statuses.items()))}")  # noqa: T201
        problems = [text for fuzzer in fuzzers for text in fuzzer.problems]
        assert not problems, _summary(problems)
        differences = [text for fuzzer in fuzzers for text in await fuzzer.differences()]
        assert not differences, _summary(differences)
        assert await everything_else(wire) == before
        for each in (wire, *(fuzzer.wire for fuzzer in fuzzers)):
            await each.close()
    # What was acknowledged is also there when the process starts anew.
    with running(state) as socket:
        for fuzzer in fuzzers:
            fuzzer.wire = Wire(socket)
            assert not await fuzzer.differences()
            await fuzzer.wire.close()


def _summary(problems: list[str]) -> str:
    """A few of each sort, and how many there are."""
    sorts: dict[str, list[str]] = {}
    for text in problems:
        sorts.setdefault(re.sub(r"[\d'\"].*", "", text.splitlines()[0])[:60], []).append(text)
    shown = [f"({len(found)}) {found[0]}" for found in list(sorts.values())[:_SHOWN]]
    return f"{len(problems)} problems\n" + "\n".join(shown)
