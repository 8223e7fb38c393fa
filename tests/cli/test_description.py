"""One object in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from choreo_local import clock
from choreo_local.cli import description


def ago(**amount: int) -> str:
    return clock.timestamp(clock.now() - timedelta(**amount))


def described(obj: dict[str, Any], *events: dict[str, Any]) -> list[str]:
    return list(description.lines(obj, events))


def component(**changes: Any) -> dict[str, Any]:
    metadata = {"name": "greeter", "namespace": "default", "creationTimestamp": ago(days=3)}
    obj = {"apiVersion": "openchoreo.dev/v1alpha1", "kind": "Component", "metadata": metadata}
    return {**obj, **changes}


def test_an_object_is_told_from_its_name_to_its_events() -> None:
    obj = component(
        spec={"owner": {"projectName": "shop"}},
        status={
            "observedGeneration": 2,
            "conditions": [
                {
                    "type": "Ready",
                    "status": "False",
                    "reason": "Waiting",
                    "message": "nobody answers",
                    "lastTransitionTime": ago(hours=5),
                }
            ],
        },
    )
    obj["metadata"]["labels"] = {"b": "2", "a": "1"}
    event = {
        "type": "Warning",
        "reason": "Slow",
        "message": "it takes long",
        "lastTimestamp": ago(days=1, hours=1),
        "count": 3,
        "metadata": {},
    }
    assert described(obj, event) == [
        "Name:         greeter",
        "Namespace:    default",
        "Kind:         Component (openchoreo.dev/v1alpha1)",
        "Age:          3d",
        "Labels:       a=1",
        "              b=2",
        "Spec:",
        "  owner:",
        "    projectName: shop",
        "Status:",
        "  observedGeneration: 2",
        "Conditions:",
        "  Ready                       False    5h      Waiting",
        "                              nobody answers",
        "Events:",
        "  25h     Warning  Slow                  it takes long (x3)",
    ]


def test_an_object_with_nothing_but_a_name_is_told_too() -> None:
    bare = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}
    assert described(bare) == [
        "Name:         n",
        "Kind:         Node (v1)",
        "Age:          <none>",
        "Events:       none",
    ]


def test_what_deletion_waits_for_is_told() -> None:
    obj = component()
    obj["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["a/b", "c"]}
    assert "Deleting:     since 2026-01-01T00:00:00Z, waiting for a/b, c" in described(obj)


def test_events_come_oldest_first() -> None:
    events = [
        {"reason": "Second", "lastTimestamp": ago(minutes=30), "metadata": {}},
        {"reason": "First", "lastTimestamp": ago(hours=30), "metadata": {}},
    ]
    told = described(component(), *events)
    assert [line.split()[1] for line in told[-2:]] == ["First", "Second"]


def test_an_event_of_the_newer_kind_has_the_age_of_its_making() -> None:
    event = {"reason": "Made", "metadata": {"creationTimestamp": ago(hours=30)}}
    assert described(component(), event)[-1].split() == ["30h", "Made"]


def test_nothing_that_others_wrote_can_move_the_cursor() -> None:
    evil = "x\x1b[2J\u202e\ny"
    obj = component(
        spec={"text": evil},
        status={"conditions": [{"type": evil, "status": "True", "message": evil}]},
    )
    obj["metadata"]["annotations"] = {"a": evil}
    event = {"reason": evil, "message": evil, "metadata": {}}
    for line in described(obj, event):
        assert not set("\x1b\u202e\n") & set(line)
