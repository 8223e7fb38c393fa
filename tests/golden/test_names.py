"""Names and hashes equal the recorded ones."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import hashing, names, values
from choreo_local.rendering.errors import RenderError
from tests.golden import typed

_LIMITS = {"GenerateK8sName": 253}


@pytest.mark.parametrize("case", typed.cases("names", lambda case: case["fn"] != "ComputeHash"))
def test_generated_name_equals_the_recorded_one(case: dict[str, Any]) -> None:
    limit = case.get("limit", _LIMITS.get(case["fn"], 253))
    extra = case.get("extra", "")
    if "panic" in case:
        with pytest.raises(RenderError) as failure:
            names.encoded(case["parts"], limit=limit, extra=extra)
        assert failure.value.message == case["panic"]
        return

    name = names.encoded(case["parts"], limit=limit, extra=extra)

    expected = case["result"]
    assert name == (bytes.fromhex(expected["$hex"]) if "$hex" in expected else expected.encode())


@pytest.mark.parametrize("case", typed.cases("names", lambda case: case["fn"] == "ComputeHash"))
def test_content_hash_and_its_dump_equal_the_recorded_ones(case: dict[str, Any]) -> None:
    value = case["value"] if case["as"] == "int" else values.as_context(case["value"])
    collisions = case.get("collisionCount")
    if case["as"] == "objects":
        dump, digest = (
            hashing.dump_objects(value),
            hashing.compute_objects(value, collisions=collisions),
        )
    else:
        dump, digest = hashing.dump(value), hashing.compute(value, collisions=collisions)

    assert (dump, digest) == (case["dump"], case["result"])
