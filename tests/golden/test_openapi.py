"""Our description of the API covers upstream's: whoever is written against theirs fits ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
import yaml

from choreo_local.apiserver import openapi
from tests.golden import FIXTURES, differences, fixture

_FIXTURE = "openapi/openchoreo-api.yaml"
_METHODS = frozenset({"get", "put", "post", "delete", "patch"})
_DEEPEST = 40
_COUNT = 214

Document = Mapping[str, Any]
Key = tuple[str, str]


@cache
def _ours() -> Document:
    return openapi.document("1.0", signs_in=True)


@cache
def _theirs() -> Document:
    if not (FIXTURES / _FIXTURE).exists():
        return {"paths": {}, "components": {"schemas": {}}}
    found: Document = yaml.safe_load(fixture(_FIXTURE).read_text(encoding="utf-8"))
    return found


def _operations(document: Document) -> dict[Key, Document]:
    return {
        (path, method): {
            **operation,
            "parameters": [*item.get("parameters", ()), *operation.get("parameters", ())],
        }
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in _METHODS
    }


def _keys() -> Iterator[Any]:
    for path, method in sorted(_operations(_theirs())):
        yield pytest.param((path, method), id=f"{method} {path}")


def _resolved(document: Document, node: Document) -> Document:
    while "$ref" in node:
        place: Any = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            place = place[step]
        node = place
    if "allOf" in node:
        merged: dict[str, Any] = {key: value for key, value in node.items() if key != "allOf"}
        for part in node["allOf"]:
            merged = {**_resolved(document, part), **merged}
        return merged
    return node


def test_the_fixture_is_whole() -> None:
    fixture(_FIXTURE)
    assert len(_operations(_theirs())) == _COUNT


@pytest.mark.parametrize("key", list(_keys()))
def test_an_operation_has_the_same_name_and_parameters(key: Key) -> None:
    theirs, ours = _operations(_theirs())[key], _operations(_ours())[key]

    assert ours["operationId"] == theirs["operationId"]
    assert ours.get("security") == theirs.get("security")
    assert _parameters(_ours(), ours) == _parameters(_theirs(), theirs)


def _parameters(document: Document, operation: Document) -> dict[Key, Document]:
    found = (_resolved(document, parameter) for parameter in operation["parameters"])
    return {
        (each["in"], each["name"]): {
            "required": each.get("required", False),
            "schema": _bare(_resolved(document, each["schema"])),
        }
        for each in found
    }


def _bare(schema: Document) -> Document:
    """Without words, and without what goes without saying."""
    return {
        key: value
        for key, value in schema.items()
        if key not in {"description", "example"} and (key, value) != ("additionalProperties", True)
    }


@pytest.mark.parametrize("key", list(_keys()))
def test_an_operation_takes_and_answers_the_same(key: Key) -> None:
    theirs, ours = _operations(_theirs())[key], _operations(_ours())[key]
    assert _content(ours.get("requestBody", {})) == _content(theirs.get("requestBody", {}))
    assert ours.get("requestBody", {}).get("required") == theirs.get("requestBody", {}).get(
        "required"
    )
    assert set(theirs["responses"]) - differences("openapi").keys() <= set(ours["responses"])
    for status, response in theirs["responses"].items():
        if status.startswith("2"):
            assert _content(ours["responses"][status]) == _content(response), status


def _content(node: Document) -> dict[str, Document]:
    return {media: _bare(entry["schema"]) for media, entry in node.get("content", {}).items()}


def _used() -> Iterator[str]:
    """The schemas that operations name."""
    text = "#/components/schemas/"
    pending = [str(operation) for operation in _operations(_theirs()).values()]
    found: set[str] = set()
    for words in pending:
        found |= {part.partition("'")[0] for part in words.split(text)[1:]}
    yield from sorted(found)


@pytest.mark.parametrize("name", list(_used()))
def test_a_schema_covers_theirs(name: str) -> None:
    theirs, ours = _theirs()["components"]["schemas"][name], _ours()["components"]["schemas"][name]

    found = dict(_uncovered(theirs, ours, name))

    known = {path for path in differences("openapi") if path.split(".")[0] == name}
    assert {path: text for path, text in found.items() if path not in known} == {}
    assert known <= set(found), "a listed difference is none"


def _uncovered(
    theirs: Document, ours: Document, path: str, depth: int = 0
) -> Iterator[tuple[str, str]]:
    """Where something that fits their schema need not fit ours, or means something else."""
    theirs, ours = _resolved(_theirs(), theirs), _resolved(_ours(), ours)
    if depth > _DEEPEST or not set(ours) - {"description"}:
        return
    if theirs.get("type") != ours.get("type"):
        yield path, f"type: {theirs.get('type')} is {ours.get('type')}"
        return
    if "enum" in theirs and set(theirs["enum"]) != set(ours.get("enum", ())):
        yield path, f"enum: {theirs['enum']} is {ours.get('enum')}"
    missing = set(theirs.get("required", ())) - set(ours.get("required", ()))
    if missing:
        yield path, f"not required: {sorted(missing)}"
    yield from _uncovered_members(theirs, ours, path, depth)


def _uncovered_members(
    theirs: Document, ours: Document, path: str, depth: int
) -> Iterator[tuple[str, str]]:
    for name, schema in theirs.get("properties", {}).items():
        if name in ours.get("properties", {}):
            member = ours["properties"][name]
            yield from _uncovered(schema, member, f"{path}.{name}", depth + 1)
        elif not ours.get("additionalProperties"):
            yield f"{path}.{name}", "missing"
    for part in ("items", "additionalProperties"):
        schema, member = theirs.get(part), ours.get(part)
        if isinstance(schema, Mapping) and isinstance(member, Mapping):
            yield from _uncovered(schema, member, f"{path}.*", depth + 1)
        elif schema and not member and not ours.get("properties"):
            yield f"{path}.*", "missing"


def test_all_references_of_ours_exist() -> None:
    names = {part.partition("'")[0] for part in str(_ours()).split("#/components/schemas/")[1:]}

    assert names <= set(_ours()["components"]["schemas"])
