"""Status patches, caches and wakes: what every controller shares."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from choreo_local.controllers import writes
from choreo_local.controllers.indexes import Cache, Caches
from choreo_local.controllers.outcome import Outcome, met, unmet
from tests import builders

NOW, BEFORE = "2026-01-01T00:00:05Z", "2026-01-01T00:00:00Z"


def test_the_time_of_a_condition_moves_only_with_its_status() -> None:
    first = writes.merged_conditions([], [unmet("Ready", "Waiting")], generation=1, now=BEFORE)
    second = writes.merged_conditions(
        first, [unmet("Ready", "StillWaiting", "why")], generation=2, now=NOW
    )
    third = writes.merged_conditions(second, [met("Ready", "Ready")], generation=2, now=NOW)

    assert (second[0]["lastTransitionTime"], second[0]["reason"]) == (BEFORE, "StillWaiting")
    assert second[0]["observedGeneration"] == 2
    assert third[0]["lastTransitionTime"] == NOW


def test_nothing_changed_means_nothing_to_write() -> None:
    outcome = Outcome(status={"a": 1, "gone": None}, conditions=(met("Ready", "Ready"),))
    found = builders.component()
    found["status"] = writes.status_patch(found, outcome, now=BEFORE)
    assert found["status"].keys() == {"a", "conditions"}
    assert writes.status_patch(found, outcome, now=NOW) == {}


def test_a_status_field_of_none_is_removed_where_it_is() -> None:
    found = {**builders.component(), "status": {"endpoints": [1]}}
    assert writes.status_patch(found, Outcome(status={"endpoints": None}), now=NOW) == {
        "endpoints": None
    }


def by_project(obj: dict[str, Any]) -> Iterable[str]:
    yield obj["spec"]["owner"]["projectName"]


def revised(found: dict[str, Any], revision: int, **spec: Any) -> dict[str, Any]:
    metadata = {**found["metadata"], "resourceVersion": str(revision)}
    return {**found, "metadata": metadata, "spec": {**found["spec"], **spec}}


def test_an_object_is_found_by_its_index_until_it_moves_or_goes() -> None:
    cache = Cache({"project": by_project})
    first = builders.component()
    cache.store(first)
    assert cache.by_index("project", "shop") == [first]
    cache.store(revised(first, 2, owner={"projectName": "other"}))
    assert cache.by_index("project", "shop") == []
    cache.drop(first)
    assert cache.by_index("project", "other") == []


def test_an_older_state_does_not_replace_a_newer_one() -> None:
    cache = Cache({})
    assert cache.store(revised(builders.component(), 5))
    assert not cache.store(revised(builders.component(), 4))


def test_a_late_answer_does_not_bring_a_deleted_object_back() -> None:
    cache = Cache({})
    cache.store(revised(builders.component(), 5))
    cache.drop(revised(builders.component(), 6))
    assert not cache.store(revised(builders.component(), 5))
    assert cache.get("default", "greeter") is None


def test_an_object_without_the_fields_it_is_found_by_is_kept_but_not_filed() -> None:
    caches = Caches({"Component": {"project": by_project}})
    caches.of("Component").store(builders.obj("Component", "empty"))
    assert caches.get("Component", "default", "empty") is not None
    assert caches.by_index("Component", "project", "") == []
