"""Server-side apply and the tracking of other writes, as a real kube-apiserver does them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choreo_local.apimachinery.patch import apply
from choreo_local.apimachinery.patch.fieldset import FieldSet
from choreo_local.apimachinery.schema.structural import Structural
from choreo_local.errors import BadRequestError, ConflictError, InternalError
from tests.apimachinery.kinds import DEPLOYMENT, WIDGET

EARLY, NOW = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
DOT: FieldSet = {".": {}}
Object = dict[str, Any]


def widget(**spec: Any) -> Object:
    return {"apiVersion": "x/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec}


def config(**data: str) -> Object:
    return {"apiVersion": "v1", "kind": "Deployment", "metadata": {"name": "c"}, "data": data}


def applied(
    live: Object | None,
    configuration: Object,
    manager: str = "m1",
    *,
    force: bool = False,
    now: str = NOW,
    schema: Structural = WIDGET,
    **options: Any,
) -> Object:
    if configuration["apiVersion"] == "v1":
        schema = DEPLOYMENT
    found = apply.merge_apply(
        live=live,
        applied=configuration,
        schema=schema,
        manager=manager,
        api_version=configuration["apiVersion"],
        force=force,
        now=now,
        **options,
    )
    found["metadata"]["uid"] = "u"
    return found


def written(
    old: Object | None, new: Object, manager: str = "editor", *, now: str = NOW, **options: Any
) -> Object:
    stored = {**new, "metadata": {**new["metadata"]}}
    apply.track_update(
        old=old,
        new=stored,
        schema=DEPLOYMENT if new["apiVersion"] == "v1" else WIDGET,
        manager=manager,
        api_version=new["apiVersion"],
        now=now,
        **options,
    )
    stored["metadata"]["uid"] = "u"
    return stored


def edited(live: Object, **fields: Any) -> Object:
    return {**live, **fields}


def owners(obj: Object) -> dict[tuple[str, str], FieldSet]:
    return {
        (entry["manager"], entry["operation"]): entry["fieldsV1"]
        for entry in obj["metadata"].get("managedFields", ())
    }


def times(obj: Object) -> dict[str, str | None]:
    return {entry["manager"]: entry.get("time") for entry in obj["metadata"]["managedFields"]}


def test_creating_by_apply_owns_what_was_applied() -> None:
    obj = applied(None, config(k="v"))

    assert obj["data"] == {"k": "v"}
    assert obj["metadata"]["managedFields"] == [
        {
            "manager": "m1",
            "operation": "Apply",
            "apiVersion": "v1",
            "time": NOW,
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:k": {}}},
        }
    ]


def test_creating_otherwise_owns_the_containers_too() -> None:
    obj = written(None, config(k="v"))

    assert owners(obj) == {("editor", "Update"): {"f:data": {**DOT, "f:k": {}}}}


def test_what_the_zero_value_of_a_kind_holds_is_not_owned_for_being_there() -> None:
    new = {**config(), "spec": {"containers": [{"name": "a"}], "strategy": {"type": "x"}}}
    empty: Object = {"spec": {"containers": None, "strategy": {}}}

    obj = written({**config(), **empty}, new)

    assert owners(obj)[("editor", "Update")] == {
        "f:spec": {
            "f:containers": {'k:{"name":"a"}': {**DOT, "f:name": {}}},
            "f:strategy": {"f:type": {}},
        }
    }


def test_applying_the_same_again_changes_nothing_not_even_the_time() -> None:
    once = applied(None, config(k="v"), now=EARLY)

    assert applied(once, config(k="v")) == once


def test_a_second_applier_may_share_a_value_and_add_its_own() -> None:
    first = applied(None, config(x="1", y="1"), now=EARLY)

    second = applied(first, config(x="1", w="1"), "m2")

    assert second["data"] == {"x": "1", "y": "1", "w": "1"}
    assert owners(second) == {
        ("m1", "Apply"): {"f:data": {"f:x": {}, "f:y": {}}},
        ("m2", "Apply"): {"f:data": {"f:x": {}, "f:w": {}}},
    }
    assert times(second) == {"m1": EARLY, "m2": NOW}


def test_a_manager_that_only_joins_gets_no_time() -> None:
    first = applied(None, config(k="v"), now=EARLY)

    assert times(applied(first, config(k="v"), "m2")) == {"m1": EARLY, "m2": None}


def test_changing_what_another_owns_is_a_conflict() -> None:
    live = written(None, config(k="v"))

    with pytest.raises(ConflictError) as failure:
        applied(live, config(k="other"))

    error = failure.value
    assert error.message == (
        'Apply failed with 1 conflict: conflict with "editor" using v1: .data.k'
    )
    assert [(cause.reason, cause.message, cause.field) for cause in error.causes] == [
        ("FieldManagerConflict", 'conflict with "editor" using v1', ".data.k")
    ]


def test_several_conflicts_are_listed_by_manager() -> None:
    first = applied(None, {**config(x="1", y="1"), "spec": {"replicas": 1}}, "m1")
    second = applied(first, config(x="1"), "m2")

    with pytest.raises(ConflictError) as failure:
        applied(second, {**config(x="3", y="3"), "spec": {"replicas": 2}}, "m3")

    assert failure.value.message == (
        'Apply failed with 4 conflicts: conflicts with "m1":\n'
        "- .data.x\n"
        "- .data.y\n"
        "- .spec.replicas\n"
        'conflicts with "m2":\n'
        "- .data.x"
    )
    assert len(failure.value.causes) == 4


def test_the_manager_of_a_subresource_is_named_with_it() -> None:
    live = written(None, config(k="v"), subresource="status")

    with pytest.raises(ConflictError, match='with "editor" with subresource "status" using v1'):
        applied(live, config(k="other"))


def test_force_takes_fields_over() -> None:
    live = written(None, config(k="v"))

    forced = applied(live, config(k="mine"), force=True)

    assert forced["data"] == {"k": "mine"}
    assert owners(forced) == {
        ("m1", "Apply"): {"f:data": {"f:k": {}}},
        ("editor", "Update"): {"f:data": {}},
    }


def test_a_manager_that_loses_everything_is_forgotten() -> None:
    live = applied(None, config(k="v"), "m1")

    forced = applied(live, config(k="mine"), "m2", force=True)

    assert list(owners(forced)) == [("m2", "Apply")]


def test_what_is_no_longer_applied_goes_unless_another_owns_it() -> None:
    first = applied(None, config(k="v", x="y"), "m1")
    second = applied(first, config(k="v"), "m2")

    dropped = applied(second, config(), "m1")
    gone = applied(dropped, config(), "m2")

    assert dropped["data"] == {"k": "v"}
    assert owners(dropped) == {
        ("m1", "Apply"): {"f:data": {}},
        ("m2", "Apply"): {"f:data": {"f:k": {}}},
    }
    assert "data" not in gone
    assert owners(gone) == {("m1", "Apply"): {"f:data": {}}, ("m2", "Apply"): {"f:data": {}}}


def test_what_an_updater_owns_stays_when_no_longer_applied() -> None:
    live = written(None, config(k="v"))
    shared = applied(live, config(k="v"))

    assert applied(shared, config())["data"] == {"k": "v"}


def test_a_struct_goes_with_the_last_of_its_fields() -> None:
    base = {**config(), "spec": {"replicas": 1, "strategy": {"type": "x"}}}
    first = applied(None, base)

    second = applied(first, {**config(), "spec": {"replicas": 1}})

    assert second["spec"] == {"replicas": 1}


def test_a_custom_object_keeps_the_null_that_is_left() -> None:
    first = applied(None, widget(n=7))

    second = applied(first, widget())

    assert second["spec"] is None


def test_fields_in_metadata_are_owned_but_identity_is_not() -> None:
    meta = {"labels": {"a": "1"}, "annotations": {"x": "1"}, "finalizers": ["f/a"]}
    first = applied(None, {**widget(), "metadata": {"name": "w", "namespace": "n", **meta}})
    second = applied(first, {**widget(), "metadata": {"name": "w", "finalizers": ["f/b"]}}, "m2")
    third = applied(second, widget())

    assert owners(first)[("m1", "Apply")] == {
        "f:spec": {},
        "f:metadata": {
            "f:labels": {"f:a": {}},
            "f:annotations": {"f:x": {}},
            "f:finalizers": {'v:"f/a"': {}},
        },
    }
    assert second["metadata"]["finalizers"] == ["f/a", "f/b"]
    assert third["metadata"]["finalizers"] == ["f/b"]
    assert not third["metadata"].keys() & {"labels", "annotations"}


def test_owner_references_are_owned_whole_by_uid() -> None:
    def with_owner(**more: Any) -> Object:
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "o1", **more}
        return {**widget(), "metadata": {"name": "w", "ownerReferences": [reference]}}

    first = applied(None, with_owner())

    assert owners(first)[("m1", "Apply")]["f:metadata"] == {
        "f:ownerReferences": {'k:{"uid":"o1"}': {}}
    }
    with pytest.raises(ConflictError) as failure:
        applied(first, with_owner(controller=True), "m2")
    assert failure.value.causes[0].field == '.metadata.ownerReferences[uid="o1"]'


def test_atomic_values_conflict_as_a_whole() -> None:
    live = applied(None, widget(am={"p": "1"}, al=["a"]))

    with pytest.raises(ConflictError, match=r"\.spec\.am$"):
        applied(live, widget(am={"q": "2"}), "m2")
    forced = applied(live, widget(am={"q": "2"}), "m2", force=True)

    assert forced["spec"] == {"am": {"q": "2"}, "al": ["a"]}
    assert owners(forced) == {
        ("m1", "Apply"): {"f:spec": {"f:al": {}}},
        ("m2", "Apply"): {"f:spec": {"f:am": {}}},
    }


def test_keys_with_defaults_identify_items() -> None:
    live = applied(None, widget(lm2=[{"port": 80, "name": "a"}]))

    second = applied(live, widget(lm2=[{"port": 80, "protocol": "UDP"}]), "m2")

    assert len(second["spec"]["lm2"]) == 2
    assert applied(second, widget(), "m2")["spec"]["lm2"] == [{"port": 80, "name": "a"}]


def test_maps_of_objects_are_owned_entry_by_entry() -> None:
    first = applied(None, widget(deep={"d": {"x": "1"}}))
    second = applied(first, widget(deep={"d": {"y": "2"}, "e": {"x": "3"}}), "m2")
    third = applied(second, widget(deep={}))
    fourth = applied(third, widget(deep={"e": {"x": "3"}}), "m2")

    assert third["spec"]["deep"] == {"d": {"y": "2"}, "e": {"x": "3"}}
    assert fourth["spec"]["deep"] == {"e": {"x": "3"}}
    assert owners(fourth) == {
        ("m1", "Apply"): {"f:spec": {"f:deep": {}}},
        ("m2", "Apply"): {"f:spec": {"f:deep": {"f:e": {**DOT, "f:x": {}}}}},
    }


def test_an_update_takes_what_it_changes_and_releases_what_it_removes() -> None:
    live = applied(None, config(a="1", b="1", c="1"), now=EARLY)

    after = written(live, edited(live, data={"a": "2", "b": "1"}))

    assert owners(after) == {
        ("m1", "Apply"): {"f:data": {"f:b": {}}},
        ("editor", "Update"): {"f:data": {"f:a": {}}},
    }
    assert times(after) == {"m1": EARLY, "editor": NOW}


def test_an_update_that_only_removes_leaves_no_entry() -> None:
    live = applied(None, config(a="1", b="1"))

    after = written(live, edited(live, data={"a": "1"}))

    assert owners(after) == {("m1", "Apply"): {"f:data": {"f:a": {}}}}


def test_a_second_update_adds_to_the_first() -> None:
    first = written(None, config(a="1"), now=EARLY)

    second = written(first, edited(first, data={"a": "1", "b": "2"}))
    untouched = written(second, edited(second, data={"a": "1", "b": "2"}), now="later")

    assert owners(second) == {("editor", "Update"): {"f:data": {**DOT, "f:a": {}, "f:b": {}}}}
    assert times(second) == {"editor": NOW}
    assert untouched["metadata"]["managedFields"] == second["metadata"]["managedFields"]


def test_the_same_manager_is_two_when_it_applies_and_updates() -> None:
    live = applied(None, config(k="v"), "m1")
    after = written(live, edited(live, data={"k": "v", "z": "z"}), "m1")

    assert set(owners(after)) == {("m1", "Apply"), ("m1", "Update")}
    with pytest.raises(ConflictError, match=r'conflict with "m1" using v1: \.data\.z'):
        applied(after, config(z="z2"), "m1")


def test_writes_to_the_status_are_tracked_apart() -> None:
    live = written(None, widget(a="x"))

    after = written(
        live,
        edited(live, status={"phase": "ok"}),
        subresource="status",
        reset={"f:spec": {}, "f:metadata": {}},
    )

    assert [entry.get("subresource") for entry in after["metadata"]["managedFields"]] == [
        None,
        "status",
    ]


def test_fields_that_a_write_cannot_change_are_owned_by_nobody() -> None:
    new = {**widget(a="x"), "status": {"phase": "ok"}}
    reset: FieldSet = {"f:status": {}}

    assert owners(written(None, new, reset=reset)) == {
        ("editor", "Update"): {"f:spec": {**DOT, "f:a": {}}}
    }
    assert owners(applied(None, new, reset=reset)) == {("m1", "Apply"): {"f:spec": {"f:a": {}}}}


def test_a_client_may_reset_the_managers() -> None:
    live = applied(None, config(k="v"))
    sent = edited(live, metadata={**live["metadata"], "managedFields": [{}]})

    after = written(live, sent)

    assert "managedFields" not in after["metadata"]


def test_an_object_without_managers_is_not_tracked_until_it_is_applied() -> None:
    live = {**config(k="v"), "metadata": {"name": "c", "uid": "u"}}

    assert "managedFields" not in written(live, edited(live, data={"k": "w"}))["metadata"]
    with pytest.raises(ConflictError, match=r'with "before-first-apply" using v1: \.data\.k'):
        applied(live, config(k="v2"))
    adopted = applied(live, config(q="r"))
    assert owners(adopted) == {
        ("before-first-apply", "Update"): {"f:data": {**DOT, "f:k": {}}},
        ("m1", "Apply"): {"f:data": {"f:q": {}}},
    }


def test_the_zero_value_does_not_count_as_held_before_the_first_apply() -> None:
    live = {**config(k="v"), "metadata": {"name": "c", "uid": "u"}}
    live["spec"] = {"strategy": {"type": "x"}}

    adopted = applied(live, config(q="r"), empty={"data": None, "spec": {"strategy": {}}})

    assert owners(adopted)[("before-first-apply", "Update")] == {
        "f:data": {"f:k": {}},
        "f:spec": {"f:strategy": {"f:type": {}}},
    }


def test_a_client_may_edit_the_managers_it_sends_back() -> None:
    live = applied(applied(None, config(k="v")), config(q="r"), "m2")
    entries = live["metadata"]["managedFields"]
    kept = [entry for entry in entries if entry["manager"] == "m2"]
    sent = edited(live, metadata={**live["metadata"], "managedFields": kept})
    broken = edited(live, metadata={**live["metadata"], "managedFields": [{"operation": "x"}]})
    silent = edited(live, metadata={"name": "c", "uid": "u"})

    assert list(owners(written(live, sent))) == [("m2", "Apply")]
    assert owners(written(live, broken)) == owners(live)
    assert owners(written(live, silent)) == owners(live)
    assert owners(written(live, sent, subresource="status")) == owners(live)


def test_kubectl_on_the_server_takes_over_what_kubectl_on_the_client_applied() -> None:
    note = (
        '{"apiVersion":"v1","kind":"Deployment","metadata":{"name":"c"},"data":{"k":"v","x":"y"}}'
    )
    old = config(k="v", x="changed")
    old["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": note}
    live = written(None, old, "kubectl-client-side-apply")

    after = applied(live, config(k="new", x="changed"), "kubectl")

    assert after["data"]["k"] == "new"
    assert after["metadata"]["annotations"] == {
        "kubectl.kubernetes.io/last-applied-configuration": (
            '{"apiVersion":"v1","data":{"k":"new","x":"changed"},"kind":"Deployment",'
            '"metadata":{"name":"c"}}\n'
        )
    }
    with pytest.raises(ConflictError, match=r"1 conflict: .*\.data\.x"):
        applied(live, config(k="new", x="other"), "kubectl")
    with pytest.raises(ConflictError, match="2 conflicts"):
        applied(live, config(k="new", x="other"), "somebody")


USELESS = ["{}", "[]", "{", "", '{"apiVersion":"v1","zzz":1}', '{"apiVersion":"v1","data":["x"]}']


@pytest.mark.parametrize("note", USELESS)
def test_a_note_that_says_nothing_allows_nothing(note: str) -> None:
    old = config(k="v")
    old["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": note}
    live = written(None, old)

    with pytest.raises(ConflictError):
        applied(live, config(k="new"), "kubectl")


def test_an_object_without_a_note_gets_none() -> None:
    assert "annotations" not in applied(None, config(k="v"), "kubectl")["metadata"]


def test_a_note_that_grew_too_large_is_dropped() -> None:
    old = config(k="v")
    old["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    live = written(None, old)

    after = applied(live, config(big="x" * 300_000), "kubectl")

    assert after["metadata"]["annotations"] == {}


def test_configuration_that_does_not_fit_is_an_error_of_the_server() -> None:
    with pytest.raises(InternalError) as failure:
        applied(None, {**widget(), "metadata": {"name": "w", "namespace": "n"}, "foo": 1})

    assert failure.value.message == (
        "failed to create typed patch object (n/w; x/v1, Kind=Widget): .foo: field not declared "
        "in schema"
    )
    assert failure.value.reason == ""
    with pytest.raises(InternalError, match=r"\(/; x/v1, Kind=Widget\): .metadata: expected map"):
        applied(None, {**widget(), "metadata": 5})


@pytest.mark.parametrize("entries", [[], [{"manager": "x"}]])
def test_configuration_must_not_carry_managers(entries: list[Any]) -> None:
    metadata = {"name": "w", "managedFields": entries}

    with pytest.raises(BadRequestError, match="managedFields must be nil"):
        applied(None, {**widget(), "metadata": metadata})


def test_a_kind_without_schema_merges_maps_and_replaces_lists() -> None:
    first = apply.merge_apply(
        live=None,
        applied={"metadata": {"name": "a"}, "spec": {"x": {"y": 1}, "l": [1]}},
        schema=None,
        manager="m",
        api_version="v1",
        force=False,
        now=NOW,
    )

    assert owners(first) == {
        ("m", "Apply"): {"f:spec": {**DOT, "f:x": {**DOT, "f:y": {}}, "f:l": {}}}
    }


def test_the_result_shares_nothing_with_its_inputs() -> None:
    live = applied(None, widget(m={"x": "1"}))
    configuration = widget(lm=[{"k": "a"}])

    result = applied(live, configuration, "m2")
    result["spec"]["m"]["x"] = "changed"
    result["spec"]["lm"][0]["v"] = "changed"

    assert live["spec"] == {"m": {"x": "1"}}
    assert configuration["spec"] == {"lm": [{"k": "a"}]}


ITEMS = st.dictionaries(st.sampled_from("vw"), st.sampled_from("12"), max_size=2)
# Something is always applied, and no empty container: one that loses its last field becomes null,
# and an empty list is owned by nobody, so that it goes and comes with the items of others.
SPECS = st.fixed_dictionaries(
    {"n": st.just(1)},
    optional={
        "a": st.sampled_from("xy"),
        "m": st.dictionaries(st.sampled_from("pq"), st.sampled_from("12"), min_size=1),
        "set": st.lists(st.sampled_from("abc"), unique=True, min_size=1),
        "lm": st.dictionaries(st.sampled_from("rst"), ITEMS, min_size=1).map(
            lambda found: [{"k": key, **item} for key, item in found.items()]
        ),
    },
)


@settings(max_examples=100, deadline=None)
@given(SPECS, SPECS, SPECS)
def test_apply_is_idempotent_and_owns_exactly_what_was_applied(
    first: dict[str, Any], second: dict[str, Any], third: dict[str, Any]
) -> None:
    live = applied(None, widget(**first), "m1")
    live = applied(live, widget(**second), "m2", force=True)
    once = applied(live, widget(**third), "m1", force=True)

    assert applied(once, widget(**third), "m1", force=True) == once
    assert owners(once).get(("m1", "Apply")) == owners(applied(None, widget(**third), "m1")).get(
        ("m1", "Apply")
    )


@settings(max_examples=100, deadline=None)
@given(SPECS, SPECS)
def test_the_last_applier_alone_takes_everything_along(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    live = applied(None, widget(**first), "m1")
    after = applied(live, widget(**second), "m1")
    fresh = applied(None, widget(**second), "m1")

    kept = {key: value for key, value in (after["spec"] or {}).items() if value}
    assert kept == {key: value for key, value in fresh["spec"].items() if value}
