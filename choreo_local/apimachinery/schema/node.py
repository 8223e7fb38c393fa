"""The nodes of compiled schemas, and how references between definitions are followed.

Everything that walks a schema imports the node from here; `structural` is where schemas are made.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final, Literal

from choreo_local.errors import InternalError

Resolver = Callable[[str], Mapping[str, Any]]


class Missing(enum.Enum):
    """The type of `MISSING`, which tells "no default" from "the default is null"."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING

# References to references are never this deep; a longer chain refers to itself.
_MAX_REFERENCES = 32

# Schemas and the values that they describe nest no deeper.
MAX_DEPTH = 100


class Structural:
    """One node of a compiled schema; children are built when first looked at.

    Attributes mirror the keywords of the schema; `raw` is the schema as written, with `$ref`
    resolved at this level. A node is immutable and may be shared between places and threads.
    """

    def __init__(
        self,
        raw: Mapping[str, Any],
        *,
        resolve: Resolver | None = None,
        memo: dict[str, Structural] | None = None,
        base: Structural | None = None,
    ) -> None:
        self.raw = raw
        self._resolve = resolve
        self._memo = memo if memo is not None else {}
        # A reference with siblings (a default, a patch strategy) shares the children of its target.
        self._base = base
        # Builtin kinds are decoded into Go types, where null and absent are the same.
        self.typed = resolve is not None
        # Forms of this node that other modules compiled, by the name of the module.
        self.derived: dict[str, Any] = {}
        self._read_shape(raw)
        self._read_limits(raw)

    def _read_shape(self, raw: Mapping[str, Any]) -> None:
        self.type: str = raw.get("type") or ""
        self.format: str = raw.get("format") or ""
        self.default: Any = raw.get("default", MISSING)
        self.nullable: bool = raw.get("nullable") is True
        self.preserve_unknown: bool = raw.get("x-kubernetes-preserve-unknown-fields") is True
        self.embedded_resource: bool = raw.get("x-kubernetes-embedded-resource") is True
        self.int_or_string: bool = (
            raw.get("x-kubernetes-int-or-string") is True or self.format == "int-or-string"
        )
        # A value may have any of these types; none at all accepts every type.
        self.types: tuple[str, ...] = (
            ("integer", "string") if self.int_or_string else (self.type,) if self.type else ()
        )
        self.list_type: Literal["atomic", "set", "map"] = (
            raw.get("x-kubernetes-list-type") or "atomic"
        )
        self.list_map_keys: tuple[str, ...] = tuple(raw.get("x-kubernetes-list-map-keys") or ())
        self.map_type: Literal["granular", "atomic"] = (
            raw.get("x-kubernetes-map-type") or "granular"
        )
        strategy = raw.get("x-kubernetes-patch-strategy") or ""
        self.patch_strategy: frozenset[str] = frozenset(filter(None, strategy.split(",")))
        self.patch_merge_key: str = raw.get("x-kubernetes-patch-merge-key") or ""

    def _read_limits(self, raw: Mapping[str, Any]) -> None:
        self.enum: tuple[Any, ...] | None = tuple(raw["enum"]) if raw.get("enum") else None
        self.pattern: str = raw.get("pattern") or ""
        self.minimum: float | None = raw.get("minimum")
        self.maximum: float | None = raw.get("maximum")
        self.exclusive_minimum: bool = raw.get("exclusiveMinimum") is True
        self.exclusive_maximum: bool = raw.get("exclusiveMaximum") is True
        self.multiple_of: float | None = raw.get("multipleOf")
        self.min_length: int | None = raw.get("minLength")
        self.max_length: int | None = raw.get("maxLength")
        self.min_items: int | None = raw.get("minItems")
        self.max_items: int | None = raw.get("maxItems")
        self.unique_items: bool = raw.get("uniqueItems") is True
        self.min_properties: int | None = raw.get("minProperties")
        self.max_properties: int | None = raw.get("maxProperties")
        self.required: tuple[str, ...] = tuple(raw.get("required") or ())
        self.validations: tuple[Mapping[str, Any], ...] = tuple(
            raw.get("x-kubernetes-validations") or ()
        )

    @cached_property
    def properties(self) -> Mapping[str, Structural]:
        """The named properties of an object."""
        if self._base is not None:
            return self._base.properties
        return {name: self._child(raw) for name, raw in (self.raw.get("properties") or {}).items()}

    @cached_property
    def additional_properties(self) -> Structural | bool | None:
        """The schema of all other properties; True accepts anything, None says nothing."""
        if self._base is not None:
            return self._base.additional_properties
        raw = self.raw.get("additionalProperties")
        return self._child(raw) if isinstance(raw, Mapping) else raw

    @cached_property
    def items(self) -> Structural | None:
        """The schema of the items of a list."""
        if self._base is not None:
            return self._base.items
        raw = self.raw.get("items")
        return self._child(raw) if isinstance(raw, Mapping) else None

    @cached_property
    def all_of(self) -> tuple[Structural, ...]:
        """Every one of these must hold as well."""
        return self._branches("allOf")

    @cached_property
    def any_of(self) -> tuple[Structural, ...]:
        """At least one of these must hold, when there are any."""
        return self._branches("anyOf")

    @cached_property
    def one_of(self) -> tuple[Structural, ...]:
        """Exactly one of these must hold, when there are any."""
        return self._branches("oneOf")

    @cached_property
    def not_(self) -> Structural | None:
        """This must not hold."""
        raw = self.raw.get("not")
        return self._child(raw) if isinstance(raw, Mapping) else None

    @cached_property
    def has_defaults(self) -> bool:
        """Whether defaulting has anything to do below; false for recursive types without any."""
        return self.any_below(lambda node: node.default is not MISSING)

    def property(self, name: str) -> Structural | None:
        """The schema of a named property, declared or additional; None when unknown."""
        found = self.properties.get(name)
        if found is not None:
            return found
        additional = self.additional_properties
        return additional if isinstance(additional, Structural) else None

    def children(self) -> list[Structural]:
        """The nodes directly below: properties, additional properties, items."""
        found = list(self.properties.values())
        if isinstance(self.additional_properties, Structural):
            found.append(self.additional_properties)
        if self.items is not None:
            found.append(self.items)
        return found

    def any_below(self, test: Callable[[Structural], bool]) -> bool:
        """Whether a test holds for this node or any node below it; types may be recursive."""
        seen: set[int] = set()
        waiting = [self]
        while waiting:
            node = waiting.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            if test(node):
                return True
            waiting += node.children()
        return False

    def _branches(self, keyword: str) -> tuple[Structural, ...]:
        if self._base is not None:
            return self._base._branches(keyword)
        return tuple(self._child(raw) for raw in self.raw.get(keyword) or ())

    def _child(self, raw: Mapping[str, Any]) -> Structural:
        if self._resolve is None:
            return Structural(raw)
        return build(raw, self._resolve, self._memo)


def build(raw: Mapping[str, Any], resolve: Resolver, memo: dict[str, Structural]) -> Structural:
    reference = _reference(raw)
    if reference is None:
        return Structural(raw, resolve=resolve, memo=memo)
    target = _referenced(reference, resolve, memo)
    siblings = {
        key: value for key, value in raw.items() if key not in ("$ref", "allOf", "description")
    }
    if not siblings:
        return target
    return Structural({**target.raw, **siblings}, resolve=resolve, memo=memo, base=target)


def _referenced(reference: str, resolve: Resolver, memo: dict[str, Structural]) -> Structural:
    found = memo.get(reference)
    if found is None:
        definition = resolve(reference)
        following = _reference(definition)
        if following is None:
            found = Structural(definition, resolve=resolve, memo=memo)
        else:
            found = _aliased(reference, following, resolve, memo)
        memo[reference] = found
    return found


def _aliased(
    reference: str, following: str, resolve: Resolver, memo: dict[str, Structural]
) -> Structural:
    """The node behind a definition that only refers to another one."""
    for _ in range(_MAX_REFERENCES):
        definition = resolve(following)
        further = _reference(definition)
        if further is None:
            return _referenced(following, resolve, memo)
        following = further
    raise InternalError(f"cannot read the schema {reference}: it refers to itself")


def _reference(raw: Mapping[str, Any]) -> str | None:
    """The reference of a node; OpenAPI v3 wraps one that has siblings into `allOf`."""
    reference = raw.get("$ref")
    if reference is None:
        branches = raw.get("allOf")
        if branches and len(branches) == 1:
            reference = branches[0].get("$ref")
    return reference
