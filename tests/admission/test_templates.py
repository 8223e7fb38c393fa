"""The heads of templates, and where their expressions are."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.admission import templates
from tests.admission.objects import template


def complaints(value: Any) -> list[tuple[str, str]]:
    return [(found.field, found.message) for found in templates.structure(value, "t")]


def test_a_complete_head_is_fine() -> None:
    assert complaints(template()) == []
    assert (
        complaints(template(metadata={"name": "x", "namespace": " ${ metadata.namespace } "})) == []
    )


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, [("t", "Required value: template is required")]),
        (
            {},
            [
                ("t.apiVersion", "Required value: apiVersion is required in resource template"),
                ("t.kind", "Required value: kind is required in resource template"),
                (
                    "t.metadata.name",
                    "Required value: metadata.name is required in resource template",
                ),
            ],
        ),
        (
            template("${parameters.kind}"),
            [("t.kind", "Forbidden: kind must be a literal value, not a template expression")],
        ),
        (
            template(metadata={"name": "x", "namespace": "${metadata.name}"}),
            [
                (
                    "t.metadata.namespace",
                    'Invalid value: "${metadata.name}": if metadata.namespace is specified,'
                    ' it must be "${metadata.namespace}"',
                )
            ],
        ),
        (
            template(metadata={"name": 5, "namespace": 7}),
            [
                (
                    "t.metadata.namespace",
                    "Invalid value: 7: if metadata.namespace is specified,"
                    ' it must be "${metadata.namespace}"',
                )
            ],
        ),
    ],
)
def test_what_every_manifest_needs_must_be_there(value: Any, found: list[tuple[str, str]]) -> None:
    assert complaints(value) == found


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([], "array into Go value"),
        ("x", "string into Go value"),
        (template(apiVersion=1), "number into Go struct field resourceTemplateHeader.apiVersion"),
        (
            template(kind=True),
            "bool into Go struct field resourceTemplateHeader.kind of type string",
        ),
        (template(metadata=[]), "array into Go struct field resourceTemplateHeader.metadata"),
    ],
)
def test_a_head_that_cannot_be_read_is_the_only_complaint(value: Any, reason: str) -> None:
    [(field, message)] = complaints(value)
    assert field == "t"
    assert message.startswith('Invalid value: "<invalid>": failed to parse template: json:')
    assert reason in message
    assert templates.kind_of(value) == ""


def test_kinds_that_run_pods_are_known_in_any_case() -> None:
    assert templates.is_workload("CRONJOB")
    assert not templates.is_workload("Service")
    assert templates.kind_of(template("Job")) == "Job"
    assert templates.kind_of(None) == ""


def test_texts_with_expressions_are_found_in_values_and_keys() -> None:
    value = {"b": ["x", "${1}", {"${k}": "v${2}"}], "a": "${3}", "c": 5, 8080: "${4}"}
    assert list(templates.iter_texts(value, "t")) == [
        ("t[8080]", "${4}", False),
        ("t[a]", "${3}", False),
        ("t[b][1]", "${1}", False),
        ("t[b][2][${k}]", "${k}", True),
        ("t[b][2][${k}]", "v${2}", False),
    ]


@pytest.mark.parametrize(
    ("text", "inner"),
    [("${ a }", "a"), (" ${a}\n", "a"), ("${}", ""), ("a", None), ("${a} ", "a"), ("x${a}", None)],
)
def test_wrapping_is_taken_off_whole_texts_only(text: str, inner: str | None) -> None:
    assert templates.unwrapped(text) == inner
