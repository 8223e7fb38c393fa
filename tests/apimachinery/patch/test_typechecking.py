"""Whether applied configuration fits its schema."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apimachinery.patch import atoms, typechecking
from choreo_local.apimachinery.schema.structural import Structural
from tests.apimachinery.kinds import DEPLOYMENT, WIDGET


def problems(schema: Structural, **spec: Any) -> str:
    return typechecking.problems(atoms.of_object(schema), {"spec": spec})


@pytest.mark.parametrize(
    ("schema", "spec"),
    [
        (WIDGET, {"a": "x", "n": 1, "f": 1.5, "b": True, "am": {"p": "q"}, "al": ["x"]}),
        (WIDGET, {"a": None, "m": None, "set": None, "lm": None}),
        (WIDGET, {"port": 80, "when": 5, "free": {"x": [1]}, "any": {"x": {"y": 1}}}),
        (WIDGET, {"open": {"x": {"y": 1}}, "bare": [{"x": 1}, 2]}),
        (WIDGET, {"lm2": [{"port": 80}, {"port": 80, "protocol": "UDP"}]}),
        (DEPLOYMENT, {"raw": {"x": 1}, "containers": [{"name": "a", "limits": {"cpu": 1}}]}),
    ],
)
def test_what_the_schema_allows_has_no_problems(schema: Structural, spec: dict[str, Any]) -> None:
    assert problems(schema, **spec) == ""


@pytest.mark.parametrize(
    ("schema", "spec", "text"),
    [
        (WIDGET, {"zzz": 1}, ".spec.zzz: field not declared in schema"),
        (WIDGET, {"m": ["a"]}, ".spec.m: expected map, got &{[a]}"),
        (WIDGET, {"lm": {"k": "v"}}, ".spec.lm: expected list, got &{map[k:v]}"),
        (WIDGET, {"n": "x"}, ".spec.n: expected numeric (int or float), got string"),
        (WIDGET, {"n": True}, ".spec.n: expected numeric (int or float), got bool"),
        (
            WIDGET,
            {"a": 5},
            ".spec.a: expected string, got &value.valueUnstructured{Value:5}",
        ),
        (WIDGET, {"b": "yes"}, ".spec.b: expected boolean, got &{yes}"),
        (WIDGET, {"port": [1]}, ".spec.port: expected any scalar, got &{[1]}"),
        (
            WIDGET,
            {"lm2": [{"port": 80}, {"port": 80, "protocol": "TCP"}]},
            '.spec.lm2: duplicate entries for key [port=80,protocol="TCP"]',
        ),
        (WIDGET, {"set": ["a", "a"]}, '.spec.set: duplicate entries for key [="a"]'),
        (
            WIDGET,
            {"lm": [{"v": "1"}]},
            ".spec.lm: element 0: associative list with keys has an element that omits all key "
            "fields [k] (and doesn't have default values for any key fields)",
        ),
        (
            WIDGET,
            {"lm": [None]},
            ".spec.lm: element 0: associative list with keys may not have a null element",
        ),
        (
            WIDGET,
            {"lm": ["x"]},
            ".spec.lm: element 0: associative list with keys may not have non-map elements",
        ),
        (
            WIDGET,
            {"set": [{}]},
            ".spec.set: element 0: associative list without keys has an element that's a map type",
        ),
        (
            WIDGET,
            {"set": [[]]},
            ".spec.set: element 0: not supported: associative list with lists as elements",
        ),
        (
            WIDGET,
            {"set": [None]},
            ".spec.set: element 0: associative list without keys has an element that's an "
            "explicit null",
        ),
        (
            WIDGET,
            {"lm": [{"k": "a", "zzz": 1}]},
            '.spec.lm[k="a"].zzz: field not declared in schema',
        ),
        (WIDGET, {"deep": {"d": {"z": 1}}}, ".spec.deep.d.z: field not declared in schema"),
        (
            DEPLOYMENT,
            {"containers": [{"name": "a", "args": [1]}]},
            '.spec.containers[name="a"].args[0]: expected string, got '
            "&value.valueUnstructured{Value:1}",
        ),
    ],
)
def test_each_misfit_is_named(schema: Structural, spec: dict[str, Any], text: str) -> None:
    assert problems(schema, **spec) == text


def test_several_misfits_are_listed() -> None:
    assert problems(WIDGET, x=1, a=2) == (
        "errors:\n"
        "  .spec.x: field not declared in schema\n"
        "  .spec.a: expected string, got &value.valueUnstructured{Value:2}"
    )


def test_metadata_of_a_custom_kind_is_checked() -> None:
    atom = atoms.of_object(WIDGET)

    assert typechecking.problems(atom, {"metadata": {"name": "a", "labels": {"x": "y"}}}) == ""
    assert typechecking.problems(atom, {"metadata": {"foo": 1}}) == (
        ".metadata.foo: field not declared in schema"
    )
    assert typechecking.problems(atom, {"metadata": 5}) == ".metadata: expected map, got &{5}"


def test_a_kind_without_schema_takes_anything() -> None:
    assert typechecking.problems(atoms.of_object(None), {"spec": {"a": [{"b": 1}]}}) == ""
