"""Validates a value against a schema the way kube-apiserver does, problem by problem.

The order of checks, which of several failures of `anyOf` is reported, and every wording are
observable in its answers, so this follows its rules and not those of a JSON Schema library.
`validation.Validator` uses it for objects, the rendering pipeline for parameters.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from choreo_local.apimachinery import gotext
from choreo_local.apimachinery.equality import equal
from choreo_local.apimachinery.gotext import quote
from choreo_local.apimachinery.schema import formats, numbers, patterns
from choreo_local.apimachinery.schema.correlation import ABSENT
from choreo_local.apimachinery.schema.findings import Place, Result
from choreo_local.apimachinery.schema.node import MAX_DEPTH, Structural
from choreo_local.apimachinery.schema.problems import Code, Problem


def validate(
    schema: Structural,
    value: Any,
    path: str = "",
    *,
    old: Any = ABSENT,
    every_format: bool = True,
) -> list[Problem]:
    """All problems of a value, in the order in which they are found.

    Args:
        schema: of the value.
        value: any JSON value.
        path: where it stands.
        old: what stood there before; parts that have not changed are not complained about.
        every_format: whether formats count that are not for strings, as they do for parameters;
            for custom resources they do not.
    """
    return _validate(schema, value, Place(path, 0, old, every_format)).problems


def _validate(schema: Structural, value: Any, at: Place) -> Result:
    result = Result()
    if at.old is not ABSENT and equal(value, at.old):
        return result
    if at.depth > MAX_DEPTH:
        text = f"is nested more than {MAX_DEPTH} levels deep"
        result.add([Problem(Code.OTHER, at.path, text)])
        return result
    if value is None:
        if schema.types or schema.format:
            result.merge(_type(schema, value, at))
        result.merge(_enum(schema, value, at))
        return result
    for check in _checks(schema, value):
        result.merge(check(schema, value, at))
        result.matches += 1
    result.matches += 1
    return result


Check = Callable[[Structural, Any, Place], Result]


def _checks(schema: Structural, value: Any) -> list[Check]:
    """The checks that apply, in the order in which kube-apiserver makes them."""
    checks: list[Check] = [_type] if schema.types or schema.format else []
    checks.append(_branches)
    if isinstance(value, str):
        checks.append(_string)
        if formats.is_known(schema.format):
            checks.append(_format)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        checks.append(numbers.check)
    elif isinstance(value, list):
        checks.append(_list)
    checks.append(_enum)
    if isinstance(value, Mapping):
        checks.append(_object)
    return checks


def type_name(value: Any) -> str:
    """The JSON type of a value, in kube-apiserver's words."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int():
            return "integer"
        case float():
            return "number"
        case list():
            return "array"
        case _:
            return "object"


def _type(schema: Structural, value: Any, at: Place) -> Result:
    result, actual, form = Result(), type_name(value), at.format(schema)
    if value is None:
        if schema.types and not schema.nullable:
            result.add([_wrong_type(at.path, ",".join(schema.types), actual)])
        return result
    if _is_of_type(schema.types, value, actual):
        return Result(matches=1)
    numeric = "number" in schema.types or "integer" in schema.types
    if form and not isinstance(value, str | list):
        shown = {"integer": "int64", "number": "float64"}.get(actual, "")
        if shown != form:
            result.add([_wrong_type(at.path, form, shown)])
            return result
    if form and not numeric and isinstance(value, str | list):
        return Result(matches=1)
    result.add([_wrong_type(at.path, ",".join(schema.types), actual)])
    return result


def _is_of_type(types: tuple[str, ...], value: Any, actual: str) -> bool:
    if actual in types:
        return True
    if isinstance(value, float):
        return "integer" in types and numbers.is_whole(value)
    return actual == "integer" and "number" in types


def _wrong_type(path: str, expected: str, actual: str) -> Problem:
    return Problem(Code.TYPE, path, f"must be of type {expected}: {quote(actual)}", actual)


def _string(schema: Structural, value: str, at: Place) -> Result:
    problem: Problem | None = None
    if schema.max_length is not None and len(value) > schema.max_length:
        phrase = f"should be at most {schema.max_length} chars long"
        problem = Problem(Code.TOO_LONG, at.path, phrase, value, schema.max_length)
    elif schema.min_length is not None and len(value) < schema.min_length:
        phrase = f"should be at least {schema.min_length} chars long"
        problem = Problem(Code.OTHER, at.path, phrase, value)
    elif schema.pattern:
        problem = _pattern(schema.pattern, value, at.path)
    return Result([problem]) if problem else Result()


def _pattern(pattern: str, value: str, path: str) -> Problem | None:
    try:
        if patterns.matches(pattern, value):
            return None
    except ValueError as error:
        text = f"should match '{pattern}, but pattern is invalid: {error}'"
        return Problem(Code.OTHER, path, text, value)
    return Problem(Code.OTHER, path, f"should match '{pattern}'", value)


def _format(schema: Structural, value: str, at: Place) -> Result:
    if formats.is_valid(schema.format, value):
        return Result()
    return Result([_wrong_type(at.path, schema.format, value)])


def _enum(schema: Structural, value: Any, at: Place) -> Result:
    if schema.enum is None or any(equal(value, allowed) for allowed in schema.enum):
        return Result()
    phrase = f"should be one of {gotext.plain(list(schema.enum))}"
    return Result([Problem(Code.ENUM, at.path, phrase, value, schema.enum)])


def _branches(schema: Structural, value: Any, at: Place) -> Result:
    result = Result()
    if schema.any_of:
        result.merge(_any_of(schema, value, at))
    if schema.one_of:
        result.merge(_one_of(schema, value, at))
    if schema.all_of:
        result.merge(_all_of(schema, value, at))
    if schema.not_ is not None and not _validate(schema.not_, value, at).problems:
        result.add([_composition(at.path, "must not validate the schema (not)")])
    result.matches += 1
    return result


def _any_of(schema: Structural, value: Any, at: Place) -> Result:
    failures: list[Result] = []
    for branch in schema.any_of:
        outcome = _validate(branch, value, at)
        if not outcome.problems:
            return outcome
        failures.append(outcome)
    result = Result([_composition(at.path, "must validate at least one schema (anyOf)")])
    result.merge(max(failures, key=lambda failure: failure.matches))
    return result


def _one_of(schema: Structural, value: Any, at: Place) -> Result:
    outcomes = [_validate(branch, value, at) for branch in schema.one_of]
    valid = [outcome for outcome in outcomes if not outcome.problems]
    if len(valid) == 1:
        return valid[0]
    found = f"Found {len(valid)} valid alternatives" if valid else "Found none valid"
    text = f"must validate one and only one schema (oneOf). {found}"
    result = Result([_composition(at.path, text)])
    if not valid:
        result.merge(max(outcomes, key=lambda outcome: outcome.matches))
    return result


def _all_of(schema: Structural, value: Any, at: Place) -> Result:
    result, valid = Result(), 0
    for branch in schema.all_of:
        outcome = _validate(branch, value, at)
        valid += not outcome.problems
        result.merge(outcome)
    if valid != len(schema.all_of):
        none = "" if valid else ". None validated"
        result.add([_composition(at.path, f"must validate all the schemas (allOf){none}")])
    return result


def _composition(path: str, text: str) -> Problem:
    return Problem(Code.OTHER, path, text, "", sentence=f"{quote(path)} {text}", located=False)


def _list(schema: Structural, value: list[Any], at: Place) -> Result:
    result, path = Result(), at.path
    if schema.items is not None:
        for index, item in enumerate(value):
            result.merge(_validate(schema.items, item, at.item(schema, index, item)))
    if schema.min_items is not None and len(value) < schema.min_items:
        phrase = f"should have at least {schema.min_items} items"
        result.add([Problem(Code.OTHER, path, phrase, len(value))])
    if schema.max_items is not None and len(value) > schema.max_items:
        phrase = f"should have at most {schema.max_items} items"
        result.add([Problem(Code.TOO_MANY_ITEMS, path, phrase, len(value), schema.max_items)])
    if schema.unique_items and has_duplicates(value):
        result.add([Problem(Code.OTHER, path, "shouldn't contain duplicates")])
    result.matches += 1
    return result


def has_duplicates(values: list[Any]) -> bool:
    """Whether two items of a list are equal; structures compare by content."""
    texts = {json.dumps(value, sort_keys=True) for value in values}
    return len(texts) != len(values)


def _object(schema: Structural, value: Mapping[str, Any], at: Place) -> Result:
    count, path = len(value), at.path
    if schema.min_properties is not None and count < schema.min_properties:
        phrase = f"should have at least {schema.min_properties} properties"
        return Result([Problem(Code.OTHER, path, phrase, count)])
    if schema.max_properties is not None and count > schema.max_properties:
        phrase = f"should have at most {schema.max_properties} properties"
        problem = Problem(Code.TOO_MANY_PROPERTIES, path, phrase, count, schema.max_properties)
        return Result([problem])
    result = Result()
    _additional(schema, value, at, result)
    for name, child in schema.properties.items():
        if name in value:
            below = f"{path}.{name}" if path else name
            result.merge(_validate(child, value[name], at.member(name, below)))
    for name in schema.required:
        if name not in value:
            result.add([Problem(Code.REQUIRED, f"{path}.{name}", "is required")])
    return result


def _additional(schema: Structural, value: Mapping[str, Any], at: Place, result: Result) -> None:
    additional = schema.additional_properties
    if additional is None or additional is True:
        return
    for name, item in value.items():
        below = f"{at.path}.{name}"
        if name in schema.properties:
            continue
        if isinstance(additional, Structural):
            result.merge(_validate(additional, item, at.member(name, below)))
        else:
            phrase = "is a forbidden property"
            result.add([Problem(Code.OTHER, at.path, phrase, name, subject=below)])
