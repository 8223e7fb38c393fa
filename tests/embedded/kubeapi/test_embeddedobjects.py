"""Objects inside of custom resources, as they are decoded."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apimachinery.schema import structural
from choreo_local.embedded.kubeapi import embeddedobjects
from choreo_local.embedded.kubeapi.typed import ShapeError

EMBEDDED = {
    "type": "object",
    "x-kubernetes-embedded-resource": True,
    "x-kubernetes-preserve-unknown-fields": True,
}
SCHEMA = structural.from_crd(
    {
        "type": "object",
        "properties": {
            "one": EMBEDDED,
            "many": {"type": "array", "items": EMBEDDED},
            "named": {"type": "object", "additionalProperties": EMBEDDED},
        },
    }
)


def test_unknown_metadata_goes_and_is_named() -> None:
    obj: dict[str, Any] = {"many": [{"kind": "X", "metadata": {"name": "a", "foo": 1}}]}

    assert embeddedobjects.shape(SCHEMA, obj) == ["many[0].metadata.foo"]
    assert obj["many"][0]["metadata"] == {"name": "a"}


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (
            {"one": {"metadata": {"labels": {"a": 5}}}},
            'one.metadata: Invalid value: {"labels":{"a":5}}: json: cannot unmarshal number into Go'
            " struct field ObjectMeta.labels of type string",
        ),
        (
            {"named": {"x": {"apiVersion": 5}}},
            "named[x].apiVersion: Invalid value: 5: must be a string",
        ),
        ({"one": {"kind": None}}, "one.kind: Invalid value: null: must be a string"),
    ],
)
def test_what_has_the_wrong_type_cannot_be_read(obj: dict[str, Any], message: str) -> None:
    with pytest.raises(ShapeError) as caught:
        embeddedobjects.shape(SCHEMA, obj)

    assert str(caught.value) == message


def test_nothing_happens_where_nothing_is_embedded() -> None:
    plain = structural.from_crd({"type": "object", "properties": {"a": {"type": "string"}}})

    assert embeddedobjects.shape(plain, {"a": "b"}) == []
