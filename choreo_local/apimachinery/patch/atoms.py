"""What server-side apply sees of a schema: which values merge, and which are replaced as a whole.

An `Atom` says, for each kind of value that a place may hold, how it is treated. Most places allow
one kind; where the schema says nothing, the value itself decides.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final

from choreo_local.apimachinery.patch import fieldset
from choreo_local.apimachinery.schema.node import MISSING, Structural
from choreo_local.apimachinery.schema.objectmeta import OBJECT_META


class Scalar(enum.Enum):
    """The scalars that a place accepts."""

    NUMERIC = "numeric"
    STRING = "string"
    BOOLEAN = "boolean"
    UNTYPED = "untyped"


class Relation(enum.Enum):
    """How the parts of a list or map relate."""

    ATOMIC = "atomic"
    GRANULAR = "granular"  # a map whose fields have owners of their own
    SET = "set"
    KEYED = "map"


class ItemError(ValueError):
    """A list item that cannot be told from others; the message is kube-apiserver's."""


class Atom:
    """How values at one place merge.

    Attributes:
        scalar: the scalars allowed, None for no scalar.
        list: how list items relate, None where no list is allowed.
        map: how fields relate, None where no map is allowed.
        typed: null and absent are the same here.
    """

    scalar: Scalar | None = None
    list: Relation | None = None
    map: Relation | None = None
    typed = False

    @cached_property
    def fields(self) -> Mapping[str, tuple[str, Atom]]:
        """Declared fields: name → its path element and atom."""
        return {}

    @cached_property
    def element(self) -> Atom | None:
        """The atom of fields that are not declared; None where there may be none."""
        return None

    @cached_property
    def item(self) -> Atom:
        """The atom of list items."""
        return DEDUCED_ATOMIC

    @cached_property
    def is_exact(self) -> bool:
        """Whether equality of Python values is equality here: never both 1 and true at a place."""
        return _is_exact(self, set())

    def parts(self) -> Iterator[Atom]:
        """The atoms directly below."""
        for name, (_, child) in self.fields.items():
            # Nobody owns these, they are taken off before anything is compared.
            if name != "managedFields":
                yield child
        if self.map is not None and self.element is not None:
            yield self.element
        if self.list is not None:
            yield self.item

    def child(self, name: str) -> tuple[str, Atom, bool]:
        """Path element and atom of a field, and whether it is declared."""
        found = self.fields.get(name)
        if found is not None:
            return found[0], found[1], True
        return "f:" + name, self.element or DEDUCED, False

    def identify(self, item: Any) -> str:
        """The path element of a list item; ItemError when it has none."""
        raise NotImplementedError


class _Deduced(Atom):
    """Where a schema says nothing: maps merge, lists are atomic."""

    scalar = Scalar.UNTYPED
    list = Relation.ATOMIC

    def __init__(self, relation: Relation) -> None:
        self.map = relation

    @cached_property
    def element(self) -> Atom | None:
        return self


DEDUCED: Final = _Deduced(Relation.GRANULAR)
DEDUCED_ATOMIC: Final = _Deduced(Relation.ATOMIC)


class _Compiled(Atom):
    """The atom of a schema node."""

    def __init__(self, schema: Structural, *, is_object: bool) -> None:
        self._schema = schema
        self._is_object = is_object or schema.embedded_resource
        self.typed = schema.typed
        if schema.int_or_string or (not schema.type and schema.one_of):
            self.scalar = Scalar.UNTYPED
        elif schema.type == "object" or schema.properties:
            self.map = Relation(schema.map_type)
        elif schema.type == "array":
            self.list = Relation(schema.list_type)
        elif schema.type:
            self.scalar = _scalar(schema)
        else:
            self.scalar, self.list, self.map = Scalar.UNTYPED, Relation.ATOMIC, Relation.GRANULAR

    @cached_property
    def fields(self) -> Mapping[str, tuple[str, Atom]]:
        found = {name: ("f:" + name, of(child)) for name, child in self._schema.properties.items()}
        if self._is_object and not self.typed:
            string = _leaf(Scalar.STRING)
            found |= {name: ("f:" + name, string) for name in ("apiVersion", "kind")}
            found["metadata"] = ("f:metadata", of(OBJECT_META))
        return found

    @cached_property
    def element(self) -> Atom | None:
        additional = self._schema.additional_properties
        if isinstance(additional, Structural):
            return of(additional)
        arbitrary = self.typed and not self._schema.properties
        if additional or self._schema.preserve_unknown or arbitrary or self.list is not None:
            return DEDUCED
        return None

    @cached_property
    def item(self) -> Atom:
        return DEDUCED_ATOMIC if self._schema.items is None else of(self._schema.items)

    @cached_property
    def _keys(self) -> tuple[tuple[str, Any], ...]:
        """The keys of a list of maps, sorted, each with its default."""
        items = self._schema.items
        properties = {} if items is None else items.properties
        return tuple(
            (key, properties[key].default if key in properties else MISSING)
            for key in sorted(self._schema.list_map_keys)
        )

    def identify(self, item: Any) -> str:
        if self.list is Relation.SET:
            return _identify_value(item)
        if item is None:
            raise ItemError("associative list with keys may not have a null element")
        if type(item) is not dict:
            raise ItemError("associative list with keys may not have non-map elements")
        found: dict[str, Any] = {}
        for key, default in self._keys:
            if key in item:
                found[key] = item[key]
            elif default is not MISSING:
                found[key] = default
        if len(found) == 1:
            # Most lists have one key; its name is a plain identifier.
            key, value = found.popitem()
            return f'k:{{"{key}":{fieldset.encode(value)}}}'
        if not found:
            names = " ".join(self._schema.list_map_keys)
            raise ItemError(
                f"associative list with keys has an element that omits all key fields [{names}] "
                "(and doesn't have default values for any key fields)"
            )
        return "k:" + fieldset.encode(found)


def _is_exact(atom: Atom, seen: set[int]) -> bool:
    if isinstance(atom, _Deduced):
        return False
    if id(atom) in seen:
        return True
    seen.add(id(atom))
    return all(_is_exact(part, seen) for part in atom.parts())


def _identify_value(item: Any) -> str:
    if type(item) is dict:
        raise ItemError("associative list without keys has an element that's a map type")
    if type(item) is list:
        raise ItemError("not supported: associative list with lists as elements")
    if item is None:
        raise ItemError("associative list without keys has an element that's an explicit null")
    return "v:" + fieldset.encode(item)


def _leaf(scalar: Scalar) -> Atom:
    atom = Atom()
    atom.scalar = scalar
    return atom


def _scalar(schema: Structural) -> Scalar:
    if schema.type in ("integer", "number"):
        return Scalar.NUMERIC
    if schema.type == "boolean":
        return Scalar.BOOLEAN
    # A format stands for a Go type with a JSON form of its own, except for bytes.
    return Scalar.STRING if schema.format in ("", "byte") else Scalar.UNTYPED


def of(schema: Structural) -> Atom:
    """The atom of a schema node."""
    return _cached(schema, "atom", is_object=False)


def of_object(schema: Structural | None) -> Atom:
    """The atom of a whole object: it has metadata, whether or not its schema says so."""
    if schema is None:
        return _ANY_OBJECT
    return _cached(schema, "object atom", is_object=True)


def _cached(schema: Structural, name: str, *, is_object: bool) -> Atom:
    found: Atom | None = schema.derived.get(name)
    if found is None:
        found = schema.derived[name] = _Compiled(schema, is_object=is_object)
    return found


_ANY_OBJECT: Final = of_object(
    Structural({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
)


def below(atom: Atom, element: str) -> tuple[Atom, bool]:
    """The atom below a path element, and whether the element is a declared field."""
    if element.startswith("f:"):
        _, child, declared = atom.child(element[2:])
        return child, declared
    return atom.item, False
