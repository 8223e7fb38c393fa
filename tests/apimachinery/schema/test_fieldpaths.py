"""The paths with which rules name another field."""

from __future__ import annotations

import pytest

from choreo_local.apimachinery.schema import fieldpaths, structural

OBJECT = {
    "type": "object",
    "properties": {
        "kind": {"type": "string"},
        "a-b": {"type": "string"},
        "map": {"type": "object", "additionalProperties": {"type": "string"}},
        "embedded": {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "x-kubernetes-preserve-unknown-fields": True,
        },
    },
}


@pytest.mark.parametrize(
    ("path", "valid"),
    [
        (".kind", True),
        ("['a-b']", True),
        (".embedded.x", False),
        (".kind.x", False),
        ("kind", False),
        (".kind ", False),
        (".map", True),
        (".map['any key']", True),
        (".kind x.min", False),
    ],
)
def test_field_paths_lead_to_declared_fields(path: str, valid: bool) -> None:
    assert fieldpaths.is_valid(structural.from_crd(OBJECT), path) is valid


def test_field_paths_are_joined_to_the_place_of_the_rule() -> None:
    assert fieldpaths.joined("spec", ".a.b") == "spec.a.b"
    assert fieldpaths.joined("spec", r"['it\'s']") == "spec.it's"
    assert fieldpaths.joined("<nil>", ".a") == "a"
    assert fieldpaths.joined("spec", "") == "spec"
