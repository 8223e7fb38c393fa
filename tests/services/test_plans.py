"""What would change, object by object."""

from __future__ import annotations

from typing import Any

from choreo_local.services import plans


def _entry(name: str, kind: str = "ConfigMap", **data: Any) -> dict[str, Any]:
    return {
        "id": f"{kind.lower()}-{name}",
        "object": {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "data": data},
    }


def test_nothing_changes_between_equal_releases() -> None:
    assert plans.changes([_entry("a", x="1")], [_entry("a", x="1")]) == ()
    assert plans.summary(()) == "0 added, 0 changed, 0 removed"


def test_objects_are_added_changed_and_removed() -> None:
    now = [_entry("kept", x="1"), _entry("changed", x="1"), _entry("gone")]
    then = [_entry("new"), _entry("changed", x="2"), _entry("kept", x="1")]
    found = plans.changes(now, then)
    assert [(change.name, change.change) for change in found] == [
        ("new", "added"),
        ("changed", "changed"),
        ("gone", "removed"),
    ]
    assert plans.summary(found) == "1 added, 1 changed, 1 removed"
    assert found[1].diff.splitlines() == [
        "--- ConfigMap/changed",
        "+++ ConfigMap/changed",
        "@@ -1,6 +1,6 @@",
        " apiVersion: v1",
        " data:",
        "-  x: '1'",
        "+  x: '2'",
        " kind: ConfigMap",
        " metadata:",
        "   name: changed",
    ]


def test_the_order_of_fields_is_no_change() -> None:
    first = {"id": "a", "object": {"kind": "X", "spec": {"a": 1, "b": 2}}}
    second = {"id": "a", "object": {"spec": {"b": 2, "a": 1}, "kind": "X"}}
    assert plans.changes([first], [second]) == ()


def test_secrets_are_not_shown_but_their_change_is() -> None:
    (change,) = plans.changes(
        [_entry("s", "Secret", a="b2xk", same="eA==")],
        [_entry("s", "Secret", a="bmV3", same="eA==")],
    )
    assert "b2xk" not in change.diff
    assert "bmV3" not in change.diff
    lines = [line for line in change.diff.splitlines() if line[0] in "+-"][2:]
    assert [line.split("(")[0] for line in lines] == ["-  a: ", "+  a: "]


def test_huge_texts_are_replaced_not_compared() -> None:
    old = "\n".join(f"a{number}" for number in range(6000))
    found = plans.diff(old, "b", "ConfigMap/big").splitlines()
    assert len(found) == 2 + 6000 + 1
