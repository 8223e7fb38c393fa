"""Reasons and condition types are what Kubernetes accepts as such."""

from __future__ import annotations

import re
from enum import StrEnum

import pytest

from choreo_local.api import conditions, values

ENUMS = [
    member
    for module in (conditions,)
    for member in vars(module).values()
    if isinstance(member, type) and issubclass(member, StrEnum) and member is not StrEnum
]


@pytest.mark.parametrize("enum", ENUMS)
def test_members_are_camel_case_words_named_after_their_value(enum: type[StrEnum]) -> None:
    for member in enum:
        assert re.fullmatch("[A-Z][A-Za-z]*", member.value), member
        if member is not conditions.PlaneReason.DATA_PLANE_FINALIZING:
            assert member.name.replace("_", "").lower() == member.value.lower()


def test_a_reason_is_a_string_ready_for_a_manifest() -> None:
    assert f"{conditions.ComponentReason.RECONCILED}" == "Reconciled"
    by_plane: dict[str, int] = {values.TargetPlane.DATA_PLANE: 1}
    assert by_plane["dataplane"] == 1
