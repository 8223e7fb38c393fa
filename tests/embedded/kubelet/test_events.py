"""Events are written once and counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.kubelet import events
from choreo_local.embedded.kubelet.events import NORMAL, WARNING, Event, EventRecorder
from choreo_local.errors import ForbiddenError, NotFoundError
from choreo_local.kubeclient.interfaces import Manifest
from tests.embedded.kubelet.builders import pod
from tests.embedded.kubelet.processes import until


class Written:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.objects: dict[str, Manifest] = {}
        self.refused: list[str] = []

    async def create(self, kind: ResourceKind, obj: Mapping[str, Any]) -> Manifest:
        assert kind.plural == "events"
        if obj["reason"] == "Refused":
            self.refused.append(obj["message"])
            raise ForbiddenError("no events in this namespace")
        created = dict(obj)
        self.objects[obj["metadata"]["name"]] = created
        return created

    async def patch(
        self, kind: ResourceKind, name: str, patch: Mapping[str, Any], namespace: str | None = None
    ) -> Manifest:
        assert namespace == "shop"
        if name not in self.objects:
            raise NotFoundError(name)
        self.objects[name] = {**self.objects[name], **patch}
        return self.objects[name]


@pytest.fixture
async def written() -> Written:
    return Written()


@pytest.fixture
async def recorder(written: Written) -> AsyncIterator[EventRecorder]:
    found = EventRecorder(written, component="kubelet", host="laptop")
    task = asyncio.ensure_future(found.run())
    yield found
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_event_names_its_object(written: Written, recorder: EventRecorder) -> None:
    recorder.record(Event(pod(), WARNING, "BackOff", "again", "spec.containers{main}"))
    await until(lambda: written.objects)
    (found,) = written.objects.values()
    assert found["involvedObject"] == {
        "apiVersion": "v1",
        "kind": "Pod",
        "namespace": "shop",
        "name": "greeter",
        "uid": "0c4f",
        "fieldPath": "spec.containers{main}",
    }
    assert (found["type"], found["reason"], found["message"]) == (WARNING, "BackOff", "again")
    assert found["source"] == {"component": "kubelet", "host": "laptop"}
    assert found["metadata"]["namespace"] == "shop"


async def test_the_same_event_is_counted(written: Written, recorder: EventRecorder) -> None:
    for message in ("a", "a", "b", "a"):
        recorder.record(Event(pod(), NORMAL, "Pulled", message))
    await until(lambda: sum(found["count"] for found in written.objects.values()) == 4)
    assert sorted((each["message"], each["count"]) for each in written.objects.values()) == [
        ("a", 3),
        ("b", 1),
    ]


async def test_an_event_that_was_deleted_is_written_anew(
    written: Written, recorder: EventRecorder
) -> None:
    recorder.record(Event(pod(), NORMAL, "Pulled", "a"))
    await until(lambda: written.objects)
    written.objects.clear()
    recorder.record(Event(pod(), NORMAL, "Pulled", "a"))
    await until(lambda: written.objects)
    assert [found["count"] for found in written.objects.values()] == [1]


async def test_a_refusal_does_not_end_the_recorder(
    written: Written, recorder: EventRecorder
) -> None:
    recorder.record(Event(pod(), NORMAL, "Refused", "a"))
    recorder.record(Event(pod(), NORMAL, "Pulled", "b"))
    await until(lambda: written.objects)
    assert written.refused == ["a"]


def test_an_object_without_a_namespace_can_have_events() -> None:
    node = {"kind": "Node", "metadata": {"name": "laptop", "uid": "laptop"}}
    assert events.reference(node) == {
        "apiVersion": "v1",
        "kind": "Node",
        "name": "laptop",
        "uid": "laptop",
    }
