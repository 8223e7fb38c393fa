"""What becomes of owners when the schema of a custom resource changes."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apimachinery.patch import apply
from choreo_local.apimachinery.schema import structural
from choreo_local.apimachinery.schema.structural import Structural
from choreo_local.errors import ConflictError
from tests.apimachinery.kinds import DEPLOYMENT

NOW = "2026-01-02T00:00:00Z"
ENTRY = {
    "type": "object",
    "required": ["k"],
    "properties": {"k": {"type": "string"}, "v": {"type": "string"}},
}
KEYED = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]}


def thing(*, list_type: dict[str, Any], map_type: str) -> Structural:
    spec = {
        "type": "object",
        "properties": {
            "list": {"type": "array", "items": ENTRY, **list_type},
            "map": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "x-kubernetes-map-type": map_type,
            },
            "free": {"x-kubernetes-preserve-unknown-fields": True},
            "gone": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    }
    return structural.from_crd({"type": "object", "properties": {"spec": spec}})


GRANULAR = thing(list_type=KEYED, map_type="granular")
ATOMIC = thing(list_type={"x-kubernetes-list-type": "atomic"}, map_type="atomic")


def applied(
    schema: Structural, spec: dict[str, Any], manager: str, live: dict[str, Any] | None = None
) -> dict[str, Any]:
    metadata = {"name": "t", "labels": {"by": manager}} if live is None else {"name": "t"}
    found = apply.merge_apply(
        live=live,
        applied={"apiVersion": "x/v1", "kind": "Thing", "metadata": metadata, "spec": spec},
        schema=schema,
        manager=manager,
        api_version="x/v1",
        force=False,
        now=NOW,
    )
    found["metadata"]["uid"] = "u"
    return found


def owned(obj: dict[str, Any]) -> dict[str, Any]:
    return {
        entry["manager"]: entry["fieldsV1"].get("f:spec")
        for entry in obj["metadata"]["managedFields"]
    }


def test_who_owned_a_part_of_what_is_atomic_now_owns_the_whole() -> None:
    first = applied(GRANULAR, {"list": [{"k": "a", "v": "1"}], "map": {"x": "1"}}, "one")
    both = applied(GRANULAR, {"list": [{"k": "b"}], "map": {"y": "2"}}, "two", first)

    after = applied(ATOMIC, {"free": {"z": {"deep": "3"}}}, "three", both)

    owners = owned(after)
    assert owners["one"] == owners["two"] == {"f:list": {}, "f:map": {}}
    assert owners["three"] == {"f:free": {"f:z": {".": {}, "f:deep": {}}}}
    assert after["spec"]["list"] == [{"k": "a", "v": "1"}, {"k": "b"}]
    with pytest.raises(ConflictError) as refused:
        applied(ATOMIC, {"map": {"x": "1"}}, "one", after)
    assert [cause.field for cause in refused.value.causes] == [".spec.map"]


def test_other_writes_reconcile_too() -> None:
    live = applied(GRANULAR, {"map": {"x": "1", "y": "2"}}, "one")
    new = {**live, "spec": {**live["spec"], "gone": {"a": "b"}}}

    apply.track_update(
        old=live, new=new, schema=ATOMIC, manager="editor", api_version="x/v1", now=NOW
    )

    assert owned(new) == {"one": {"f:map": {}}, "editor": {"f:gone": {".": {}, "f:a": {}}}}


def test_an_owner_of_the_whole_stays_one_when_it_is_granular_now() -> None:
    live = applied(ATOMIC, {"list": [{"k": "a"}]}, "one")

    after = applied(GRANULAR, {"list": [{"k": "a", "v": "1"}]}, "two", live)

    assert owned(after)["one"] == {"f:list": {}}
    assert after["spec"]["list"] == [{"k": "a", "v": "1"}]


def test_builtin_kinds_stay_as_they_are() -> None:
    live = apply.merge_apply(
        live=None,
        applied={
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "t"},
            "spec": {"selector": {"matchLabels": {"a": "b"}}},
        },
        schema=DEPLOYMENT,
        manager="one",
        api_version="apps/v1",
        force=False,
        now=NOW,
    )

    assert owned(live) == {"one": {"f:selector": {}}}
