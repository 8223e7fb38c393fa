"""Entries of managedFields."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apimachinery.patch import managed_fields
from choreo_local.apimachinery.patch.managed_fields import APPLY, UPDATE, Manager

EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


def entry(manager: str = "m", operation: str = APPLY, **fields: Any) -> dict[str, Any]:
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "v1",
        "time": EARLY,
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": {"f:a": {}}},
        **fields,
    }


def test_entries_survive_decoding_and_encoding() -> None:
    entries = [entry(), entry("s", UPDATE, subresource="status", time=LATE)]

    assert managed_fields.encode(managed_fields.decode(entries)) == entries


def test_an_applier_is_the_same_in_every_version_but_an_updater_is_not() -> None:
    appliers = managed_fields.decode([entry(), entry(apiVersion="v2")])
    updaters = managed_fields.decode(
        [entry(operation=UPDATE), entry(operation=UPDATE, apiVersion="v2")]
    )

    assert (len(appliers), len(updaters)) == (1, 2)


def test_entries_are_ordered_by_operation_time_and_name() -> None:
    entries = [
        entry("b", UPDATE),
        entry("c", APPLY, time=LATE),
        entry("b", APPLY),
        entry("a", APPLY),
        {key: value for key, value in entry("z", APPLY).items() if key != "time"},
    ]

    found = managed_fields.encode(managed_fields.decode(entries))

    assert [(one["operation"], one["manager"]) for one in found] == [
        (APPLY, "z"),
        (APPLY, "a"),
        (APPLY, "b"),
        (APPLY, "c"),
        (UPDATE, "b"),
    ]
    assert "time" not in found[0]


def test_managers_that_own_nothing_are_left_out() -> None:
    obj: dict[str, Any] = {"metadata": {"managedFields": [entry()]}}

    managed_fields.store(obj, managed_fields.decode([entry(fieldsV1={})]))

    assert obj == {"metadata": {}}


def test_an_entry_of_an_unknown_operation_is_refused() -> None:
    with pytest.raises(ValueError, match='invalid operation "Delete"'):
        managed_fields.decode([entry(operation="Delete")])


def test_trusted_entries_are_taken_as_they_are() -> None:
    odd = entry(fieldsV1={"f:x": {'k:{"b":1, "a":2}': {}}})

    (trusted,) = managed_fields.decode([odd], trusted=True).values()
    (checked,) = managed_fields.decode([odd]).values()

    assert trusted.fields is odd["fieldsV1"]
    assert checked.fields == {"f:x": {'k:{"a":2,"b":1}': {}}}


def test_one_empty_entry_asks_for_a_reset() -> None:
    assert managed_fields.is_reset([{}])
    assert not managed_fields.is_reset([])
    assert not managed_fields.is_reset([{}, {}])
    assert not managed_fields.is_reset([entry()])
    assert not managed_fields.is_reset(None)


def test_times_alone_make_no_difference() -> None:
    old = [entry("a"), entry("b", UPDATE)]
    new = [entry("b", UPDATE, time=LATE), entry("a", time=LATE)]

    assert managed_fields.is_same_but_times(old, new)
    assert not managed_fields.is_same_but_times(old, old[:1])
    assert managed_fields.is_same_but_times(None, [])


@pytest.mark.parametrize(
    ("manager", "text"),
    [
        (Manager("m", APPLY, "v1", {}), '"m"'),
        (Manager("m", UPDATE, "apps/v1", {}), '"m" using apps/v1'),
        (
            Manager("m", UPDATE, "v1", {}, subresource="status"),
            '"m" with subresource "status" using v1',
        ),
    ],
)
def test_a_manager_is_named_as_conflicts_name_it(manager: Manager, text: str) -> None:
    assert str(manager) == text


def updaters(count: int) -> managed_fields.Managers:
    return managed_fields.decode(
        [
            entry(
                f"u{index:02}",
                UPDATE,
                time=f"2026-01-01T00:00:{index:02}Z",
                fieldsV1={f"f:{index}": {}},
            )
            for index in range(count)
        ]
    )


def test_the_oldest_of_too_many_updaters_are_merged() -> None:
    capped = managed_fields.cap(updaters(12))

    names = sorted(manager.name for manager in capped.values())
    (old,) = [one for one in capped.values() if one.name == managed_fields.OLD_UPDATERS]
    assert len(names) == managed_fields.MAX_UPDATERS
    assert old.fields == {"f:0": {}, "f:1": {}, "f:2": {}}
    assert names[1] == "u03"


def test_a_bucket_of_old_updaters_grows() -> None:
    once = managed_fields.cap(updaters(11))
    another = managed_fields.decode([entry("new", UPDATE, time=LATE)])

    twice = managed_fields.cap({**once, **another})

    assert len(twice) == managed_fields.MAX_UPDATERS
    assert {one.name for one in twice.values()} >= {managed_fields.OLD_UPDATERS, "new"}


def test_updaters_of_different_versions_are_not_merged() -> None:
    many = managed_fields.decode(
        [entry("u", UPDATE, apiVersion=f"v{index}") for index in range(12)]
    )

    assert managed_fields.cap(many) == many


def test_few_updaters_and_many_appliers_stay() -> None:
    many = managed_fields.decode([entry(f"a{index}") for index in range(30)])

    assert managed_fields.cap(many) is many
    assert len(managed_fields.cap(updaters(10))) == 10
