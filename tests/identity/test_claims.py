"""Claims become subjects."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.authz.types import Subject
from choreo_local.identity import claims


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            {"sub": "u", "groups": ["admins", "sres"]},
            Subject("user", "groups", ("admins", "sres"), "u"),
        ),
        ({"sub": "u", "groups": "admins"}, Subject("user", "groups", ("admins",), "u")),
        ({"sub": "u", "groups": ""}, Subject("user", "groups", (), "u")),
        ({"sub": "c", "groups": []}, Subject("service_account", "sub", ("c",), "c")),
        ({"sub": "c", "groups": ["", 5]}, Subject("service_account", "sub", ("c",), "c")),
        ({"sub": "c", "groups": {"a": 1}}, Subject("service_account", "sub", ("c",), "c")),
        ({"sub": "c"}, Subject("service_account", "sub", ("c",), "c")),
        ({"groups": ["a"]}, Subject("user", "groups", ("a",), "")),
        ({}, None),
        ({"sub": 5}, None),
    ],
)
def test_the_first_type_whose_claim_is_there_wins(
    content: dict[str, Any], expected: Subject | None
) -> None:
    assert claims.subject_of(content) == expected
