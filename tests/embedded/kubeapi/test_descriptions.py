"""What builtin kinds mean, out of the installed package."""

from __future__ import annotations

from pathlib import Path

import pytest

from choreo_local.embedded.kubeapi import builtin, definitions, descriptions, openapi, tables
from choreo_local.embedded.kubeapi.columns import fields

CORE = "io.k8s.api.core.v1."
META = definitions.META

needs_texts = pytest.mark.skipif(
    not descriptions.of_type(f"{CORE}Pod"), reason="the kubernetes package has no such texts"
)


@needs_texts
def test_types_and_fields_are_described() -> None:
    assert "containers" in descriptions.of_type(f"{CORE}Pod")
    assert "ports" in descriptions.of_field(f"{CORE}ServiceSpec", "ports").lower()


@needs_texts
def test_fields_go_by_their_names_in_json() -> None:
    assert descriptions.of_field(f"{META}ObjectMeta", "creationTimestamp")
    assert not descriptions.of_field(f"{META}ObjectMeta", "creation_timestamp")


@needs_texts
def test_paragraphs_are_apart() -> None:
    text = descriptions.of_field(f"{META}ObjectMeta", "creationTimestamp")

    assert "\n\n" in text
    assert "  " not in text


@needs_texts
def test_types_of_one_name_are_told_apart() -> None:
    core = descriptions.of_field(f"{CORE}Event", "reason")
    newer = descriptions.of_field("io.k8s.api.events.v1.Event", "reason")

    assert core
    assert newer
    assert core != newer


@needs_texts
@pytest.mark.parametrize("verb", ["create", "delete", "delete_collection", "list", "patch", "read"])
def test_operations_name_their_kind(verb: str) -> None:
    assert "Widget" in descriptions.of_operation(verb, "Widget")
    assert "Lease" not in descriptions.of_operation(verb, "Widget")


@needs_texts
def test_parameters_are_described_by_operation() -> None:
    assert "Widget" in descriptions.of_parameter("read", "name", "Widget")
    assert descriptions.of_parameter("patch", "force")
    assert not descriptions.of_parameter("replace", "force")


@needs_texts
def test_columns_are_described_as_their_fields() -> None:
    resource = next(one for one in builtin.resources() if one.kind.group_resource == "configmaps")

    shown = tables.render(resource, [])["columnDefinitions"]

    assert [one["description"] for one in shown] == [
        descriptions.of_field(f"{META}ObjectMeta", "name"),
        descriptions.of_field(f"{CORE}ConfigMap", "data"),
        descriptions.of_field(f"{META}ObjectMeta", "creationTimestamp"),
    ]


def test_every_field_behind_a_column_exists() -> None:
    for kind, columns in fields.OF_KIND.items():
        for column, path in columns.items():
            definition, _, field = f"io.k8s.api.{path}".rpartition(".")
            known = definitions.schemas()[definition]["properties"]
            assert field in known, (kind, column)


def test_nothing_is_said_of_what_is_not_known() -> None:
    assert descriptions.of_type("io.k8s.api.core.v1.Nothing") == ""
    assert descriptions.of_type("Nothing") == ""
    assert descriptions.of_field(f"{CORE}Pod", "nothing") == ""
    assert descriptions.of_parameter("dance", "nothing") == ""


def test_without_the_package_our_own_words_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    caches = (
        descriptions._models,
        descriptions._model,
        descriptions._parameters,
        descriptions._summaries,
    )

    def nothing() -> Path | None:
        return None

    monkeypatch.setattr(descriptions, "_package", nothing)
    for kept in caches:
        kept.cache_clear()
    try:
        document = openapi.document(builtin.resources(), "coordination.k8s.io", "v1")
    finally:
        for kept in caches:
            kept.cache_clear()

    assert document is not None
    listing = document["paths"]["/apis/coordination.k8s.io/v1/leases"]["get"]
    assert listing["description"] == "List or watch Leases."
