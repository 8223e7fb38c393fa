"""Tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.kubeapi import builtin, tables
from choreo_local.embedded.kubeapi.resources import PrinterColumn, ServedResource
from choreo_local.errors import BadRequestError

NOW = datetime(2026, 1, 2, tzinfo=UTC)
(CONFIG_MAPS,) = [one for one in builtin.resources() if one.kind.kind == "ConfigMap"]


def config_map(name: str) -> dict[str, Any]:
    metadata = {"name": name, "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": "v"}}


def widgets(*columns: PrinterColumn) -> ServedResource:
    kind = ResourceKind("example.com", "v1", "Widget", "widgets", namespaced=True)
    return ServedResource(kind, "widget", "WidgetList", (), columns=columns, custom=True)


def cell(type_: str, path: str, spec: dict[str, Any]) -> Any:
    obj = {
        "kind": "Widget",
        "metadata": {"name": "w", "creationTimestamp": "2026-01-01T23:00:00Z"},
        "spec": spec,
    }
    shown = PrinterColumn("Shown", type_, json_path=path)
    return tables.render(widgets(shown), [obj], now=NOW)["rows"][0]["cells"][1]


def test_a_list_keeps_where_it_ends() -> None:
    metadata = {"resourceVersion": "7", "continue": "token", "remainingItemCount": 3}
    table = tables.render(CONFIG_MAPS, [config_map("a")], list_metadata=metadata, now=NOW)
    assert table["kind"] == "Table"
    assert table["apiVersion"] == "meta.k8s.io/v1"
    assert table["metadata"] == metadata
    assert [one["name"] for one in table["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert table["rows"][0]["cells"] == ["a", 1, "24h"]


@pytest.mark.parametrize(
    ("include", "version", "shown"),
    [
        ("", "v1", ("PartialObjectMetadata", "meta.k8s.io/v1")),
        ("Metadata", "v1beta1", ("PartialObjectMetadata", "meta.k8s.io/v1beta1")),
        ("Object", "v1", ("ConfigMap", "v1")),
    ],
)
def test_rows_carry_as_much_of_the_object_as_is_asked_for(
    include: str, version: str, shown: tuple[str, str]
) -> None:
    table = tables.render(
        CONFIG_MAPS, [config_map("a")], include_object=include, version=version, now=NOW
    )
    found = table["rows"][0]["object"]
    assert (found["kind"], found["apiVersion"]) == shown
    assert found["metadata"]["name"] == "a"
    assert ("data" in found) is (include == "Object")


def test_rows_may_carry_nothing() -> None:
    table = tables.render(CONFIG_MAPS, [config_map("a")], include_object="None", now=NOW)
    assert table["rows"][0]["object"] is None


def test_other_wishes_are_refused() -> None:
    with pytest.raises(BadRequestError, match="must be 'Metadata', 'Object', 'None', or empty"):
        tables.render(CONFIG_MAPS, [], include_object="All", now=NOW)


def test_an_empty_list_has_columns_and_no_rows() -> None:
    table = tables.render(CONFIG_MAPS, [], now=NOW)
    assert len(table["columnDefinitions"]) == 3
    assert table["rows"] == []


def test_custom_kinds_show_their_age_unless_they_say_more() -> None:
    obj = {"kind": "Widget", "metadata": {"name": "w", "creationTimestamp": "2026-01-01T00:00:00Z"}}
    table = tables.render(widgets(), [obj], now=NOW)
    assert [one["name"] for one in table["columnDefinitions"]] == ["Name", "Age"]
    assert table["rows"][0]["cells"] == ["w", "24h"]


def test_custom_columns_are_described_by_their_path() -> None:
    shown = PrinterColumn("Size", "integer", json_path=".spec.size", priority=1)
    (_, size) = tables.render(widgets(shown), [], now=NOW)["columnDefinitions"]
    assert size["type"] == "integer"
    assert size["priority"] == 1
    assert size["description"].endswith(": .spec.size")


@pytest.mark.parametrize(
    ("type_", "spec", "shown"),
    [
        ("string", {"v": "text"}, "text"),
        ("string", {}, None),
        ("string", {"v": None}, "<no value>"),
        ("string", {"v": True}, "true"),
        ("string", {"v": 7}, "7"),
        ("string", {"v": 1.5}, "1.5"),
        ("string", {"v": 100000000.0}, "100000000"),
        ("string", {"v": 1234567.5}, "1.2345675e+06"),
        ("string", {"v": 0.00001}, "1e-05"),
        ("string", {"v": 1e21}, "1e+21"),
        ("string", {"v": 2**64}, "1.8446744073709552e+19"),
        ("string", {"v": {"b": 1, "a": [1, "x"]}}, '{"a":[1,"x"],"b":1}'),
        ("integer", {"v": 7}, 7),
        ("integer", {"v": 7.9}, 7),
        ("integer", {"v": "7"}, None),
        ("number", {"v": 7.5}, 7.5),
        ("boolean", {"v": False}, False),
        ("boolean", {"v": "true"}, None),
        ("date", {"v": "2026-01-01T23:00:00Z"}, "60m"),
        ("date", {"v": "bad"}, "<invalid>"),
        ("date", {"v": ""}, "<unknown>"),
        ("date", {"v": 5}, None),
    ],
)
def test_custom_cells_are_of_the_type_of_their_column(
    type_: str, spec: dict[str, Any], shown: Any
) -> None:
    found = cell(type_, ".spec.v", spec)
    assert found == shown
    assert type(found) is type(shown)


def test_paths_that_fail_show_nothing() -> None:
    assert cell("string", ".spec.v[0]", {"v": "text"}) is None
    assert cell("string", ".spec.v[5]", {"v": [1]}) is None


@pytest.mark.parametrize("custom", [True, False])
def test_scales_show_what_is_wanted_and_what_exists(custom: bool) -> None:
    metadata = {"name": "s", "creationTimestamp": "2026-01-01T00:00:00Z"}
    obj = {
        "kind": "Scale",
        "metadata": metadata,
        "spec": {"replicas": 3},
        "status": {"replicas": 2},
    }
    resource = widgets() if custom else CONFIG_MAPS
    table = tables.render(resource, [obj], now=NOW)
    names = [one["name"] for one in table["columnDefinitions"]]
    assert names == ["Name", "Desired", "Available", "Age"]
    assert table["rows"][0]["cells"] == ["s", 3, 2, "24h"]
