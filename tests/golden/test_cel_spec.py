"""The official cases of the language: results, errors and deduced types."""

from __future__ import annotations

import base64
import math
from typing import Any

import pytest

from choreo_local.cel import libraries, types, values
from choreo_local.cel.environment import Environment, Program
from choreo_local.cel.errors import CompileError, EvaluationError
from choreo_local.cel.libraries import blocks, times
from choreo_local.cel.types import Type
from tests.golden import FIXTURES, differences, load

_LIBRARIES = (*libraries.ALL, blocks.LIBRARY)
_DIFFERENT = differences("cel-spec")
_SIMPLE: dict[str, Type] = {
    "int": types.INT,
    "uint": types.UINT,
    "double": types.DOUBLE,
    "string": types.STRING,
    "bool": types.BOOL,
    "bytes": types.BYTES,
    "null": types.NULL,
    "dyn": types.DYN,
    "any": types.ANY,
    "timestamp": types.TIMESTAMP,
    "duration": types.DURATION,
}


def _cases() -> list[Any]:
    found = [
        pytest.param(case, id=f"{path.stem}/{case['section']}/{case['name']}")
        for path in sorted((FIXTURES / "cel-spec").glob("*.json"))
        for case in load(path)["cases"]
    ]
    skipped = pytest.mark.skip(reason="fixture cel-spec is not here; set CHOREO_FIXTURES")
    return found or [pytest.param({}, marks=skipped)]


@pytest.mark.parametrize("case", _cases())
def test_the_language_answers_as_specified(
    case: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.id
    if name in _DIFFERENT:
        pytest.skip(_DIFFERENT[name])
    if "error" in case:
        with pytest.raises((CompileError, EvaluationError)):
            _evaluated(case)
        return
    program = _compiled(case)
    if "type" in case:
        assert program.result_type == _type(case["type"])
    if case.get("check_only"):
        return

    result = _evaluated(case)

    if isinstance(result, values.Optional):
        result = result.value if result.present else None
    if "result" in case:
        assert _tagged(result) == _tagged(_value(case["result"]))


def _compiled(case: dict[str, Any]) -> Program:
    environment = Environment(
        {variable["name"]: _type(variable["type"]) for variable in case.get("variables", ())},
        libraries=_LIBRARIES,
        container=case.get("container", ""),
        strict_presence=True,
    )
    if case.get("disable_check"):
        return environment.compile_unchecked(case["expr"])
    return environment.compile(case["expr"])


def _evaluated(case: dict[str, Any]) -> Any:
    bindings = {name: _value(value) for name, value in case.get("bindings", {}).items()}
    return _compiled(case).evaluate(bindings)


def _value(tagged: dict[str, Any]) -> Any:
    ((tag, content),) = tagged.items()
    match tag:
        case "int":
            return int(content)
        case "uint":
            return values.Uint(content)
        case "double":
            return float(content)
        case "bytes":
            return base64.b64decode(content)
        case "list":
            return [_value(item) for item in content]
        case "map":
            return {values.as_key(_value(key)): _value(item) for key, item in content}
        case "type":
            return values.TypeValue(content)
        case "duration":
            return times.duration_of_string(content)
        case "timestamp":
            return times.timestamp_of_string(content)
    return content


def _type(described: Any) -> Type:
    if isinstance(described, str):
        return _SIMPLE.get(described) or types.opaque(described)
    ((form, inner),) = described.items()
    match form:
        case "list":
            return types.list_of(_type(inner))
        case "map":
            return types.map_of(*map(_type, inner))
        case "wrapper":
            return types.wrapper_of(_type(inner))
        case "optional_type":
            return types.optional_of(_type(inner[0]))
    return types.type_of(_type(inner))


def _tagged(value: Any) -> Any:
    """A form in which values of different types differ and NaN equals itself."""
    if isinstance(value, list):
        return [_tagged(item) for item in value]
    if isinstance(value, dict):
        return {_tagged(key): _tagged(item) for key, item in value.items()}
    if isinstance(value, float):
        return "double", "nan" if math.isnan(value) else repr(value)
    return type(value).__name__, value
