"""Extended patch paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choreo_local.rendering import pointers
from choreo_local.rendering.errors import PatchError

DOCUMENT = {
    "spec": {
        "containers": [
            {"name": "app", "port": 8080.0, "meta": {"tier": None}},
            {"name": "side", "port": 9090.0},
        ],
        "a/b": {"~": 1},
    }
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/spec/containers[*]/name", ["/spec/containers/0/name", "/spec/containers/1/name"]),
        ("/spec/containers[?(@.name=='side')]", ["/spec/containers/1"]),
        ('/spec/containers[?(@.port=="8080")]', ["/spec/containers/0"]),
        ("/spec/containers[?(@.meta.tier=='')]", ["/spec/containers/0"]),
        ("/spec/containers[?(@.meta.tier=='x')]", []),
        ("/spec/containers[?(@.port.deeper=='x')]", []),
        ("spec/containers/1", ["/spec/containers/1"]),
        ("/spec/containers[-]", ["/spec/containers/-"]),
        ("/spec/a~1b/~0", ["/spec/a~1b/~0"]),
        ("/new/deeper/path", ["/new/deeper/path"]),
    ],
)
def test_path_stands_for_pointers(path: str, expected: list[str]) -> None:
    assert pointers.expand(DOCUMENT, path) == expected


def test_pointers_split_back_into_keys() -> None:
    assert pointers.split("/spec/a~1b/~0") == ["spec", "a/b", "~"]


def test_path_that_would_match_beyond_bounds_is_refused() -> None:
    matrix = {"a": [[0] * 300 for _ in range(300)]}

    with pytest.raises(PatchError, match="too many elements"):
        pointers.expand(matrix, "/a[*][*]")


def test_endless_path_is_refused() -> None:
    with pytest.raises(PatchError, match="more than 64 steps"):
        pointers.expand({}, "/a" * 1000)


@given(st.text(alphabet="/ab0[]*-?()@.='~", max_size=40))
def test_any_text_expands_or_is_refused(path: str) -> None:
    try:
        found = pointers.expand(DOCUMENT, path)
    except PatchError as error:
        assert error.message  # noqa: PT017 - both outcomes are right
    else:
        assert all(isinstance(pointer, str) for pointer in found)
