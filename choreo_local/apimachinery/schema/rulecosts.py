"""What the rules of a schema may cost at most: those of a CRD are refused when that is too much.

How large values may get follows from the limits in the schema, and where there are none from what
fits into one request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.apimachinery.schema import rules, ruletypes
from choreo_local.apimachinery.schema.node import Structural
from choreo_local.cel import estimates
from choreo_local.cel.estimates import ITEMS, KEYS, LARGEST, VALUES, Path, Range

RULE_LIMIT = 10_000_000
SCHEMA_LIMIT = 100_000_000
_REQUEST = 3 * 1024 * 1024
_ADVICE = (
    "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, "
    "maps, and strings are declared)"
)
# The longest and the shortest form of values in JSON.
_LONGEST = {"duration": 32, "date": 12, "date-time": 36, "datetime": 36}
_SHORTEST = {"boolean": 4, "integer": 1, "number": 1}
_SHORTEST_FORMAT = {"duration": 3, "date": 12, "date-time": 22, "datetime": 22}
# A text of a schema counts characters, of which each may take four bytes.
_BYTES_OF_CHARACTER = 4
_EXPENSIVE = 10


class _Place(NamedTuple):
    """A node of a schema.

    Attributes:
        values: how many it can have in one object; None where nothing limits that.
    """

    schema: Structural
    path: str
    values: int | None
    is_root: bool = False


class _Cost(NamedTuple):
    path: str
    title: str
    most: int


def check(schema: Structural, path: str) -> Iterator[FieldError]:
    """The rules that could cost too much, each and all together."""
    costs = list(_costs(_Place(schema, path, 1, is_root=True)))
    for path_of_rule, title, most in costs:
        if most > RULE_LIMIT:
            yield fielderrors.forbidden(path_of_rule, _exceeds(title, most, RULE_LIMIT))
    total = min(sum(cost.most for cost in costs), LARGEST)
    if total > SCHEMA_LIMIT:
        dear = [cost for cost in costs if cost.most * 100 > SCHEMA_LIMIT]
        for cost in sorted(dear, key=lambda cost: -cost.most)[:_EXPENSIVE]:
            yield fielderrors.forbidden(
                cost.path,
                "contributed to estimated rule cost total exceeding cost limit for entire "
                "OpenAPIv3 schema",
            )
        title = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema"
        yield fielderrors.forbidden(path, _exceeds(title, total, SCHEMA_LIMIT))


def _exceeds(title: str, cost: int, limit: int) -> str:
    factor = cost / limit
    text = "more than 100x" if factor > 100 else f"{factor:.1f}x"
    if factor < 1.5:
        text = f"{factor:.6f}x"
    return f"{title} exceeds budget by factor of {text} {_ADVICE}"


def _costs(place: _Place) -> Iterator[_Cost]:
    schema, path, values, is_root = place
    if not rules.has_any(schema):
        return
    for index, rule in enumerate(rules.of(schema, is_root=is_root)):
        here = f"{path}.x-kubernetes-validations[{index}]"
        for field, tree in rules.trees(schema, rule, is_root=is_root).items():
            most = estimates.estimate(tree, _Sizes(schema, is_root=is_root).of).most
            times = _most_values(schema) if values is None else values
            yield _Cost(f"{here}.{field}", f"estimated {field} cost", min(most * times, LARGEST))
    for name, child in schema.properties.items():
        yield from _costs(_Place(child, f"{path}.properties[{name}]", values))
    limit = schema.raw.get("maxProperties" if schema.type == "object" else "maxItems")
    inner = None if values is None or limit is None else values * max(int(limit), 0)
    if isinstance(schema.additional_properties, Structural):
        where = f"{path}.additionalProperties"
        yield from _costs(_Place(schema.additional_properties, where, inner))
    if schema.items is not None:
        yield from _costs(_Place(schema.items, f"{path}.items", inner))


def _most_values(schema: Structural) -> int:
    """How many values of a schema fit into a request."""
    return _REQUEST // (_shortest(schema) + 1)


class _Sizes:
    """How large the values on the way from `self` may be."""

    def __init__(self, schema: Structural, *, is_root: bool) -> None:
        self._schema = schema
        self._is_root = is_root

    def of(self, path: Path) -> Range | None:
        """The size of what is at a path; None where the schema does not tell."""
        schema: Structural | None = self._schema
        has_type = self._is_root
        # Upstream takes every name for `self`, also that of a type.
        for step in path[1:]:
            if schema is None:
                return None
            if has_type and step in ("apiVersion", "kind", "metadata"):
                return None
            schema = _below(schema, step)
            if schema == "key":
                return estimates.NOTHING
            has_type = isinstance(schema, Structural) and schema.embedded_resource
        return None if schema is None else Range(0, _largest(schema))


def _below(schema: Structural, step: str) -> Any:
    if step == ITEMS:
        return schema.items
    additional = schema.additional_properties
    if step == KEYS:
        return "key" if isinstance(additional, Structural) else None
    if step == VALUES:
        return additional if isinstance(additional, Structural) else None
    for name, child in schema.properties.items():
        if step in ruletypes.spellings(name):
            return child
    return None


def _largest(schema: Structural) -> int:
    """The most elements, entries or bytes of a value."""
    raw: Mapping[str, Any] = schema.raw
    if schema.int_or_string:
        return _REQUEST - 2
    if schema.type == "array":
        if raw.get("maxItems") is not None:
            return max(int(raw["maxItems"]), 0)
        least = _shortest(schema.items) if schema.items is not None else 1
        return (_REQUEST - 2) // (least + 1)
    if schema.type == "object" and isinstance(schema.additional_properties, Structural):
        if raw.get("maxProperties") is not None:
            return max(int(raw["maxProperties"]), 0)
        return (_REQUEST - 2) // (_shortest(schema.additional_properties) + 6)
    return _longest_text(schema) if schema.type == "string" else 0


def _longest_text(schema: Structural) -> int:
    raw: Mapping[str, Any] = schema.raw
    if schema.format in _LONGEST:
        return _LONGEST[schema.format]
    if raw.get("maxLength") is not None:
        factor = 1 if schema.format == "byte" else _BYTES_OF_CHARACTER
        return max(int(raw["maxLength"]), 0) * factor
    if raw.get("enum") and schema.format != "byte":
        return max(len(str(one).encode()) for one in raw["enum"])
    return _REQUEST - 2


def _shortest(schema: Structural) -> int:
    """The fewest bytes that a value takes in JSON."""
    if schema.int_or_string:
        return 1
    if schema.type == "string":
        return _SHORTEST_FORMAT.get(schema.format or "", 2)
    if schema.type != "object":
        return _SHORTEST.get(schema.type or "", 2)
    needed = set(schema.raw.get("required") or ())
    total = 2
    for name, child in schema.properties.items():
        if name in needed and "default" not in child.raw:
            total += len(name.encode()) + _shortest(child) + 4
    return total
