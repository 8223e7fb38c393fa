"""Values of the API to JSON and back."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import pytest

from choreo_local.apiclient import types, wire

_BOARD = types.Board(
    namespace="default",
    environments=(types.Column("development", "Development"), types.Column("production")),
    rows=(
        types.Row(
            component="greeter",
            project="shop",
            problem=types.Problem("WorkloadNotFound", "no workload"),
            promotable=(types.Promotable("development", "production", "greeter-1"),),
            cells=(types.Cell("development", state="ready", short_release="1"),),
        ),
    ),
)


def test_a_board_survives_the_wire() -> None:
    assert wire.from_json(types.Board, wire.to_json(_BOARD)) == _BOARD


def test_members_are_camel_case_and_words_of_python_are_no_obstacle() -> None:
    row = wire.to_json(_BOARD)["rows"][0]
    assert row["displayName"] == ""
    assert row["cells"][0]["shortRelease"] == "1"
    assert row["promotable"] == [
        {"from": "development", "to": "production", "release": "greeter-1", "reason": ""}
    ]


def test_what_is_missing_takes_its_default_and_what_is_unknown_is_ignored() -> None:
    found = wire.from_json(types.Cell, {"environment": "development", "shape": "round"})
    assert found == types.Cell("development")


@pytest.mark.parametrize(
    "data", [{}, [], "text", {"environments": {}, "namespace": "default"}, {"rows": [1]}]
)
def test_a_body_of_another_form_is_refused(data: Any) -> None:
    with pytest.raises(wire.WireError):
        wire.from_json(types.Board, data)


def test_every_type_can_be_read() -> None:
    for cls in vars(types).values():
        if isinstance(cls, type) and dataclasses.is_dataclass(cls):
            with pytest.raises(wire.WireError):
                wire.from_json(cls, None)
            assert wire._shape(cls) is not None


def test_the_types_load_nothing_that_does_io() -> None:
    code = (
        "import sys, choreo_local.apiclient.types, choreo_local.apiclient.wire;"
        "print([m for m in ('asyncio', 'aiohttp', 'pydantic', 'socket') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
