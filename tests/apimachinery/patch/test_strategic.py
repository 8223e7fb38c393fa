"""Strategic merge patch."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apimachinery.patch import strategic
from choreo_local.errors import ApiError, BadRequestError, InternalError
from tests.apimachinery.kinds import DEPLOYMENT


def spec(**fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": "web"}, "spec": fields}


def patched(live: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = strategic.apply(spec(**live), {"spec": patch}, DEPLOYMENT)["spec"]
    return found


A, B = {"name": "a", "image": "1"}, {"name": "b", "image": "2"}


def test_items_are_merged_by_their_key_and_keep_their_place() -> None:
    assert patched({"containers": [A, B]}, {"containers": [{"name": "b", "image": "3"}]}) == {
        "containers": [A, {"name": "b", "image": "3"}]
    }


def test_a_new_item_comes_before_those_of_others_that_nothing_orders() -> None:
    assert patched({"containers": [A]}, {"containers": [B]}) == {"containers": [B, A]}


def test_items_of_a_patch_keep_its_order() -> None:
    assert patched({"containers": [A, B]}, {"containers": [{"name": "b"}, {"name": "a"}]}) == {
        "containers": [B, A]
    }


def test_an_item_is_deleted_by_its_key() -> None:
    live = {"containers": [A, B]}

    assert patched(live, {"containers": [{"name": "a", "$patch": "delete"}]}) == {"containers": [B]}
    assert patched(live, {"containers": [{"name": "x", "$patch": "delete"}]}) == live


def test_a_list_is_replaced_on_demand() -> None:
    new = {"name": "c"}

    assert patched({"containers": [A, B]}, {"containers": [new, {"$patch": "replace"}]}) == {
        "containers": [new]
    }


def test_nested_lists_are_merged_too() -> None:
    live = {"containers": [{"name": "a", "env": [{"name": "X", "value": "1"}]}]}
    patch = {"containers": [{"name": "a", "env": [{"name": "Y", "value": "2"}]}]}

    assert patched(live, patch)["containers"][0]["env"] == [
        {"name": "Y", "value": "2"},
        {"name": "X", "value": "1"},
    ]


def test_a_list_without_strategy_is_replaced() -> None:
    assert patched(
        {"containers": [{"name": "a", "args": ["p", "q"]}]},
        {"containers": [{"name": "a", "args": ["r"]}]},
    ) == {"containers": [{"name": "a", "args": ["r"]}]}


def test_null_removes_a_field_and_means_nothing_in_a_new_one() -> None:
    assert patched({"replicas": 1, "paused": True}, {"paused": None}) == {"replicas": 1}
    assert patched({}, {"strategy": {"type": "x", "rolling": None}}) == {"strategy": {"type": "x"}}


def test_a_map_is_replaced_or_emptied_on_demand() -> None:
    live = {"strategy": {"type": "x", "rolling": {"surge": 1}}}

    assert patched(live, {"strategy": {"$patch": "replace", "type": "y"}}) == {
        "strategy": {"type": "y"}
    }
    assert patched(live, {"strategy": {"$patch": "delete"}}) == {"strategy": {}}


def test_a_field_with_the_replace_strategy_is_not_merged() -> None:
    live = {"settings": {"type": "x", "rolling": {"surge": 1}}}

    assert patched(live, {"settings": {"type": "y"}}) == {"settings": {"type": "y"}}


def test_retained_keys_are_all_that_stays() -> None:
    live = {"strategy": {"type": "Rolling", "rolling": {"surge": 1}}}
    patch = {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}

    assert patched(live, patch) == {"strategy": {"type": "Recreate"}}


def test_retained_keys_work_in_items_of_a_list() -> None:
    live = {"volumes": [{"name": "v", "configMap": {"name": "x"}}]}
    patch = {"volumes": [{"name": "v", "$retainKeys": ["name", "emptyDir"], "emptyDir": {}}]}

    assert patched(live, patch) == {"volumes": [{"name": "v", "emptyDir": {}}]}


def test_a_retained_value_of_null_is_no_contradiction() -> None:
    live = {"strategy": {"type": "x", "rolling": {}}}
    patch = {"strategy": {"$retainKeys": ["type"], "rolling": None}}

    assert patched(live, patch) == {"strategy": {"type": "x"}}


def test_a_set_order_arranges_what_it_lists() -> None:
    live = {"containers": [A, B, {"name": "c"}]}
    order = {"$setElementOrder/containers": [{"name": "c"}, {"name": "a"}]}

    assert [item["name"] for item in patched(live, order)["containers"]] == ["b", "c", "a"]


def test_a_set_order_arranges_together_with_the_list() -> None:
    patch = {
        "$setElementOrder/containers": [{"name": "b"}, {"name": "a"}],
        "containers": [{"name": "a", "image": "9"}],
    }

    assert patched({"containers": [A, B]}, patch) == {
        "containers": [B, {"name": "a", "image": "9"}]
    }


def test_a_set_order_of_a_new_list_takes_the_list() -> None:
    patch = {
        "$setElementOrder/containers": [{"name": "a"}],
        "containers": [{"name": "a", "image": None}],
    }

    assert patched({}, patch) == {"containers": [{"name": "a"}]}
    assert patched({}, {"$setElementOrder/containers": [{"name": "a"}]}) == {}


def finalizers(live: list[str], patch: dict[str, Any]) -> list[str]:
    document = {"metadata": {"finalizers": live}}
    found = strategic.apply(document, {"metadata": patch}, DEPLOYMENT)
    listed: list[str] = found["metadata"]["finalizers"]
    return listed


def test_lists_of_texts_are_united() -> None:
    assert finalizers(["a", "b"], {"finalizers": ["c"]}) == ["c", "a", "b"]
    assert finalizers(["a", "b"], {"finalizers": ["b"]}) == ["a", "b"]
    assert finalizers(["a", "b"], {"finalizers": ["c", "a"]}) == ["c", "a", "b"]


def test_texts_are_deleted_from_a_list() -> None:
    delete = "$deleteFromPrimitiveList/finalizers"

    assert finalizers(["a", "b"], {delete: ["a"]}) == ["b"]
    assert finalizers(["a", "b"], {delete: ["z"]}) == ["a", "b"]
    assert strategic.apply({"metadata": {}}, {"metadata": {delete: ["a"]}}, DEPLOYMENT) == {
        "metadata": {}
    }


def test_texts_are_arranged() -> None:
    order = "$setElementOrder/finalizers"

    assert finalizers(["a", "b", "c"], {order: ["c", "a"]}) == ["b", "c", "a"]
    assert finalizers(["a", "b"], {order: ["b", "d", "a"], "finalizers": ["d"]}) == ["b", "d", "a"]


def test_empty_lists_stay_empty() -> None:
    assert patched({"containers": []}, {"containers": []}) == {"containers": []}


def test_a_value_of_another_type_replaces() -> None:
    assert patched({"replicas": 1}, {"replicas": {"a": None, "b": 1}}) == {"replicas": {"b": 1}}
    assert patched({"strategy": {"type": "x"}}, {"strategy": "y"}) == {"strategy": "y"}


def test_directives_in_what_is_new_have_nothing_to_act_on() -> None:
    patch = {"containers": [{"name": "a", "$patch": "delete"}, {"name": "b", "$retainKeys": []}]}

    assert patched({}, patch) == {"containers": [{"name": "b"}]}


def test_without_a_schema_lists_are_replaced_and_maps_merged() -> None:
    document = {"list": [{"name": "a"}], "map": {"a": 1}}
    patch = {"list": [{"name": "b"}], "map": {"b": 2}}

    assert strategic.apply(document, patch, None) == {
        "list": [{"name": "b"}],
        "map": {"a": 1, "b": 2},
    }


def test_nothing_that_is_passed_in_changes() -> None:
    document, patch = spec(containers=[A]), {"spec": {"containers": [{"$patch": "replace"}]}}

    strategic.apply(document, patch, DEPLOYMENT)

    assert document == spec(containers=[A])
    assert patch == {"spec": {"containers": [{"$patch": "replace"}]}}


@pytest.mark.parametrize(
    ("patch", "error", "message"),
    [
        (
            {"containers": [{"image": "x"}]},
            InternalError,
            "map: map[image:x] does not contain declared merge key: name",
        ),
        (
            {"containers": [{"$patch": "delete"}]},
            InternalError,
            "map: map[$patch:delete] does not contain declared merge key: name",
        ),
        (
            {"containers": [{"$patch": "bogus", "name": "a"}]},
            InternalError,
            "unknown patch type: bogus in map: map[$patch:bogus name:a]",
        ),
        (
            {"containers": [{"$patch": "merge", "name": "a"}]},
            InternalError,
            "merging lists cannot yet be specified in the patch",
        ),
        ({"$patch": "bogus"}, InternalError, "unknown patch type: bogus in map: map[$patch:bogus]"),
        (
            {"containers": ["x"]},
            InternalError,
            "list element types are not identical: [[map[image:1 name:a]] [x]]",
        ),
        (
            {"containers": [["x"]]},
            InternalError,
            "list element types are not identical: [[map[image:1 name:a]] [[x]]]",
        ),
        (
            {"broken": [{"name": "x"}]},
            InternalError,
            "cannot merge lists without merge key for type struct",
        ),
        (
            {"strategy": {"$retainKeys": "type"}},
            BadRequestError,
            "invalid patch format of retainKeys",
        ),
        (
            {"strategy": {"$retainKeys": ["x"], "type": "y"}},
            BadRequestError,
            "invalid patch format of retainKeys",
        ),
        (
            {"$deleteFromPrimitiveList": ["x"]},
            BadRequestError,
            "invalid patch format of primitive list",
        ),
        (
            {"$setElementOrder": ["x"]},
            BadRequestError,
            "invalid patch format of setElementOrder list",
        ),
        (
            {"$setElementOrder/containers": "x"},
            InternalError,
            "expected a []interface {}, but received a string",
        ),
        (
            {"$setElementOrder/containers": [], "containers": {}},
            InternalError,
            "expected a []interface {}, but received a map[string]interface {}",
        ),
        (
            {"$setElementOrder/containers": ["x"], "containers": [{"name": "a"}]},
            InternalError,
            "expected a map[string]interface {}, but received a string",
        ),
        (
            {
                "$setElementOrder/containers": [{"name": "b"}],
                "containers": [{"name": "a"}],
            },
            InternalError,
            "The order in patch list:\n[map[name:a]]\n doesn't match $setElementOrder list:\n"
            "[map[name:b]]\n",
        ),
    ],
)
def test_a_malformed_patch_is_refused_with_the_servers_words(
    patch: dict[str, Any], error: type[ApiError], message: str
) -> None:
    live = spec(containers=[A], broken=[{"name": "y"}], strategy={"type": "z"})

    with pytest.raises(error) as failure:
        strategic.apply(live, {"spec": patch}, DEPLOYMENT)

    assert failure.value.message == message
    assert failure.value.reason in ("", "BadRequest")


def test_an_order_for_two_empty_lists_has_no_elements() -> None:
    patch: dict[str, Any] = {"$setElementOrder/containers": [], "containers": []}

    with pytest.raises(InternalError, match="no elements in any of the given slices"):
        patched({"containers": []}, patch)


def test_a_patch_that_is_no_object_is_a_bad_request() -> None:
    with pytest.raises(BadRequestError) as failure:
        strategic.apply({}, [], DEPLOYMENT)

    assert failure.value.message == (
        "json: cannot unmarshal array into Go value of type map[string]interface {}"
    )
