"""The image of the store: revisions, order, history."""

from __future__ import annotations

from typing import Any

from choreo_local.embedded.storage.eventlog import Event, Retention
from choreo_local.embedded.storage.store import MemoryBackend, Store, key_of


def config_map(name: str, namespace: str = "default", **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"metadata": metadata, "data": data, "apiVersion": "v1", "kind": "ConfigMap"}


def put(store: Store, name: str, namespace: str = "default", **data: str) -> int:
    obj = config_map(name, namespace, **data)
    return store.put("configmaps", key_of(namespace, name), obj).revision


def names(store: Store, revision: int | None = None) -> list[str]:
    found = (
        store.select("configmaps")
        if revision is None
        else store.select_at("configmaps", revision) or []
    )
    return [item.key for item in found]


def test_each_write_has_a_higher_revision_than_the_one_before() -> None:
    store = Store(MemoryBackend())

    revisions = [put(store, "a"), put(store, "b"), put(store, "a", k="v")]

    assert revisions == sorted(set(revisions))
    assert store.revision == revisions[-1]
    stored = store.get("configmaps", "default/a")
    assert stored is not None
    assert stored.object["metadata"]["resourceVersion"] == str(revisions[-1])


def test_the_text_of_an_object_begins_with_its_type() -> None:
    store = Store(MemoryBackend())
    put(store, "a")

    stored = store.get("configmaps", "default/a")
    assert stored is not None
    assert stored.raw.startswith(b'{"kind":"ConfigMap","apiVersion":"v1","metadata":')


def test_objects_are_listed_in_the_order_of_their_keys() -> None:
    store = Store(MemoryBackend())
    for namespace, name in (("b", "x"), ("a-b", "y"), ("a", "z"), ("a", "c")):
        put(store, name, namespace)

    assert names(store) == ["a-b/y", "a/c", "a/z", "b/x"]
    assert [item.name for item in store.select("configmaps", "a")] == ["c", "z"]


def test_an_earlier_state_can_be_listed_while_its_history_is_kept() -> None:
    store = Store(MemoryBackend())
    put(store, "a", k="1")
    before = put(store, "b")
    put(store, "c")
    put(store, "a", k="2")
    store.remove("configmaps", "default/b", config_map("b"))

    found = store.select_at("configmaps", before)
    assert found is not None
    assert [(item.name, item.object["data"]) for item in found] == [("a", {"k": "1"}), ("b", {})]
    store.log("configmaps").compact(before + 1)
    assert store.select_at("configmaps", before) is None


def test_followers_hear_of_every_change_until_they_leave() -> None:
    store = Store(MemoryBackend())
    seen: list[Event] = []
    leave = store.log("configmaps").follow(seen.append)
    put(store, "a")
    put(store, "a", k="v")
    store.remove("configmaps", "default/a", config_map("a"))
    leave()
    put(store, "b")

    assert [event.type for event in seen] == ["ADDED", "MODIFIED", "DELETED"]
    assert [event.previous is None for event in seen] == [True, False, False]
    assert seen[2].line.startswith(b'{"type":"DELETED","object":{"kind":"ConfigMap"')


def test_history_answers_what_happened_since_a_revision() -> None:
    store = Store(MemoryBackend())
    first = put(store, "a")
    second = put(store, "b")
    third = put(store, "c")

    log = store.log("configmaps")
    assert [event.revision for event in log.since(first)] == [second, third]
    assert [event.revision for event in log.since(0)] == [first, second, third]
    log.compact(second)
    assert log.horizon == second
    assert [event.revision for event in log.since(second)] == [third]


def test_a_rewrite_keeps_the_revision_and_tells_nobody() -> None:
    store = Store(MemoryBackend())
    revision = put(store, "a")
    seen: list[Event] = []
    store.log("configmaps").follow(seen.append)
    stored = store.get("configmaps", "default/a")
    assert stored is not None
    obj = stored.fresh()
    obj["data"] = {"added": "default"}

    store.rewrite("configmaps", "default/a", obj)

    again = store.get("configmaps", "default/a")
    assert again is not None
    assert (again.revision, again.object["data"]) == (revision, {"added": "default"})
    assert not seen


def test_history_is_kept_up_to_a_size() -> None:
    store = Store(MemoryBackend(), retention=Retention(size=10_000))
    first = put(store, "a", k="x" * 2000)
    for number in range(50):
        put(store, "a", k=f"{number:02000}")

    log = store.log("configmaps")
    kept = list(log.since(log.horizon))
    assert log.horizon > first
    assert kept[0].revision == log.horizon + 1
    assert sum(event.size for event in kept) <= 10_000


def test_history_is_kept_for_a_time() -> None:
    store = Store(MemoryBackend(), retention=Retention(seconds=600))
    revision = put(store, "a")
    log = store.log("configmaps")
    moment = next(log.since(0)).moment

    log.forget_old(moment + 599)
    assert [event.revision for event in log.since(0)] == [revision]
    log.forget_old(moment + 601)
    assert not list(log.since(0))
    assert log.horizon == revision
    assert store.get("configmaps", "default/a") is not None
