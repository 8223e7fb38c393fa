"""Watch events."""

from __future__ import annotations

import pytest

from choreo_local.apimachinery import watch
from choreo_local.apimachinery.watch import EventType


def test_an_event_survives_the_wire() -> None:
    event = watch.Event(EventType.ADDED, {"kind": "Pod"})

    assert event.to_dict() == {"type": "ADDED", "object": {"kind": "Pod"}}
    assert watch.from_dict(event.to_dict()) == event


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(ValueError, match="GONE"):
        watch.from_dict({"type": "GONE", "object": {}})


def test_a_bookmark_may_close_the_list_part() -> None:
    plain = watch.bookmark("v1", "Pod", "7")
    closing = watch.bookmark("v1", "Pod", "7", initial_events_end=True)

    assert plain.object["metadata"]["resourceVersion"] == "7"
    assert "annotations" not in plain.object["metadata"]
    assert closing.object["metadata"]["annotations"] == {watch.INITIAL_EVENTS_END: "true"}


@pytest.mark.parametrize(
    ("before", "after", "kind", "seen"),
    [
        (False, True, EventType.MODIFIED, EventType.ADDED),
        (True, True, EventType.MODIFIED, EventType.MODIFIED),
        (True, False, EventType.MODIFIED, EventType.DELETED),
        (False, False, EventType.MODIFIED, None),
        (False, True, EventType.ADDED, EventType.ADDED),
        (True, True, EventType.DELETED, EventType.DELETED),
        (True, False, EventType.DELETED, EventType.DELETED),
        (False, False, EventType.DELETED, None),
    ],
)
def test_a_filtered_watch_sees_objects_come_and_go(
    before: bool, after: bool, kind: EventType, seen: EventType | None
) -> None:
    assert watch.transition(before=before, after=after, kind=kind) is seen
