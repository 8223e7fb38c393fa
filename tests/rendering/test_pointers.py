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


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/spec/containers[x]", 'unsupported array index "x"'),
        ("/spec/containers[9]", "array index 9 out of bounds"),
        ("/spec/containers[0", "unclosed bracket segment"),
        ("/spec/containers[?(@.name)]", "unsupported filter expression: @.name"),
        ("/spec[*]", "wildcard [*] expects an array, got map[string]interface {} at /spec"),
        ("/spec/none[?(@.a=='b')]", "filter expects an array, got <nil> at /spec/none"),
        ("/spec/0", "path segment expects an array, got map[string]interface {}"),
        ("/spec/containers/name", 'path segment "name" expects an object, got []interface {}'),
    ],
)
def test_step_that_does_not_fit_says_why(path: str, text: str) -> None:
    with pytest.raises(PatchError) as failure:
        pointers.expand(DOCUMENT, path)

    assert text in failure.value.message


def test_selective_paths_are_recognised() -> None:
    assert pointers.is_selective("/a[*]")
    assert pointers.is_selective("/a[?(@.b=='c')]")
    assert not pointers.is_selective("/a[0]/-")
