"""How much work an expression may be at most, from its tree and from how large values may get.

A schema is refused when its rules could cost too much; nothing is evaluated for that. The figures
are those by which evaluation counts, too. `apimachinery.schema.rulecosts` tells the sizes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from choreo_local.cel.ast import (
    Call,
    Comprehension,
    Ident,
    ListLiteral,
    Literal,
    MapLiteral,
    Message,
    Node,
    Select,
)
from choreo_local.cel.types import Kind

LARGEST = 2**64 - 1
_TRAVERSAL = 0.1
_REGEX = 0.25
_LIST, _MAP, _MESSAGE = 10, 30, 40

# The way to a value: names of fields, ITEMS, KEYS; the first is a variable.
Path = tuple[str, ...]
ITEMS, KEYS, VALUES = "@items", "@keys", "@values"


class Range(NamedTuple):
    """Least and most of something; sums and products stop at the largest number."""

    least: int
    most: int

    def plus(self, other: Range) -> Range:
        """The sum."""
        return Range(min(self.least + other.least, LARGEST), min(self.most + other.most, LARGEST))

    def times(self, other: Range) -> Range:
        """The product."""
        return Range(min(self.least * other.least, LARGEST), min(self.most * other.most, LARGEST))

    def by(self, factor: float) -> Range:
        """A multiple, rounded up."""
        return Range(_multiple(self.least, factor), _multiple(self.most, factor))

    def union(self, other: Range) -> Range:
        """What either may be."""
        return Range(min(self.least, other.least), max(self.most, other.most))


def _multiple(number: int, factor: float) -> int:
    product = number * factor
    return LARGEST if product >= LARGEST else math.ceil(product)


NOTHING, ONE, UNKNOWN = Range(0, 0), Range(1, 1), Range(0, LARGEST)
_SCALARS = frozenset({Kind.BOOL, Kind.DOUBLE, Kind.DURATION, Kind.INT, Kind.TIMESTAMP, Kind.UINT})
_LONG = frozenset({Kind.STRING, Kind.BYTES})
# Path → the size of the values there; None where that is not known.
SizeOf = Callable[[Path], Range | None]


def estimate(root: Node, size_of: SizeOf) -> Range:
    """The cost of an expression whose types have been deduced."""
    return _Estimator(size_of).cost(root)


class _Estimator:
    def __init__(self, size_of: SizeOf) -> None:
        self._size_of = size_of
        self._sizes: dict[int, Range] = {}
        self._entries: dict[int, Range | None] = {}
        # What names stand for while their loop is walked: the way to it, and its size.
        self._bound: dict[str, list[tuple[Path, Range | None]]] = {}

    def cost(self, node: Node) -> Range:
        """The cost of a part and of all below."""
        if isinstance(node, Ident):
            return ONE
        if isinstance(node, Select):
            return self._select(node)
        if isinstance(node, Call):
            return self._call(node)
        if isinstance(node, Comprehension):
            return self._fold(node)
        if isinstance(node, ListLiteral):
            return self._sum(node.elements).plus(Range(_LIST, _LIST))
        if isinstance(node, MapLiteral | Message):
            base = _MAP if isinstance(node, MapLiteral) else _MESSAGE
            values = [part for entry in node.entries for part in (entry.key, entry.value)]
            return self._sum(values).plus(Range(base, base))
        return NOTHING

    def _sum(self, nodes: Sequence[Node]) -> Range:
        total = NOTHING
        for node in nodes:
            total = total.plus(self.cost(node))
        return total

    def _select(self, node: Select) -> Range:
        below = NOTHING if node.variable else self.cost(node.operand)
        # To ask whether a field is there costs nothing.
        return below if node.test else below.plus(ONE)

    def size(self, node: Node) -> Range:
        """How large the value of a part may be."""
        known = self._sizes.get(id(node))
        if known is not None:
            return known
        if isinstance(node, Literal) and isinstance(node.value, str | bytes):
            text = node.value.encode() if isinstance(node.value, str) else node.value
            return Range(len(text), len(text))
        if isinstance(node, ListLiteral):
            return Range(len(node.elements), len(node.elements))
        if isinstance(node, MapLiteral):
            return Range(len(node.entries), len(node.entries))
        found = self._size_of_bound(node)
        path = self.path(node)
        if found is None and path:
            found = self._size_of(path)
        if found is not None:
            return found
        return ONE if node.type.kind in _SCALARS else UNKNOWN

    def _size_of_bound(self, node: Node) -> Range | None:
        bound = self._bound.get(node.name) if isinstance(node, Ident) else None
        return bound[-1][1] if bound else None

    def path(self, node: Node) -> Path:
        """Where a value comes from; empty when it was made on the way."""
        if isinstance(node, Ident):
            name = node.name.lstrip(".")
            bound = self._bound.get(name)
            return bound[-1][0] if bound else (name,)
        if isinstance(node, Select) and not node.test:
            above = self.path(node.operand)
            return (*above, node.field) if above else ()
        if isinstance(node, Call) and node.function == "_[_]" and node.arguments:
            above = self.path(node.arguments[0])
            step = VALUES if node.arguments[0].type.kind is Kind.MAP else ITEMS
            return (*above, step) if above else ()
        return ()

    def element(self, node: Node) -> Range | None:
        """How large the elements of a list may be; None where that is not known."""
        if id(node) in self._entries:
            return self._entries[id(node)]
        if isinstance(node, ListLiteral):
            return _union(self.size(one) for one in node.elements)
        if isinstance(node, Call) and node.function in ("_+_", "_?_:_"):
            return _union(self.element(one) for one in node.arguments[-2:])
        path = self.path(node)
        return self._size_of((*path, ITEMS)) if path else None

    def _fold(self, node: Comprehension) -> Range:
        total = self.cost(node.range).plus(self.cost(node.start))
        above = self.path(node.range)
        is_map = node.range.type.kind is Kind.MAP
        steps = (KEYS, VALUES) if is_map else ("", ITEMS)
        if not node.second:
            steps = (KEYS if is_map else ITEMS, "")
        names = [name for name in (node.variable, node.second) if name]
        size = None if is_map else self.element(node.range)
        for name, step in zip(names, steps, strict=False):
            # What comes from nowhere goes by the name of its variable.
            path = (*above, step) if above and step else (name,)
            self._bound.setdefault(name, []).append((path, size if step else None))
        self._bound.setdefault(node.accumulator, []).append((self.path(node.start), None))
        each = self.cost(node.condition).plus(self.cost(node.step))
        if node.shape in ("map", "filter"):
            self._sizes[id(node)] = Range(0, self.size(node.range).most)
            self._entries[id(node)] = self.element(node.step)
        for name in names:
            self._bound[name].pop()
        total = total.plus(self.cost(node.result))
        self._bound[node.accumulator].pop()
        return total.plus(self.size(node.range).times(each))

    def _call(self, node: Call) -> Range:
        parts = [self.cost(argument) for argument in node.arguments]
        target = NOTHING if node.target is None else self.cost(node.target)
        special = _SHORT_CIRCUITS.get(node.function)
        if special is not None:
            return special(self, node, parts)
        total = target
        for part in parts:
            total = total.plus(part)
        operands = [*([node.target] if node.target is not None else []), *node.arguments]
        known = _FUNCTIONS.get(node.function)
        own = known(self, node, operands) if known is not None else ONE
        return total.plus(own)

    def remember(self, node: Node, size: Range) -> None:
        """Note how large the value of a call may be."""
        self._sizes[id(node)] = size


def _union(sizes: Iterable[Range | None]) -> Range | None:
    found: Range | None = None
    for size in sizes:
        if size is not None:
            found = size if found is None else found.union(size)
    return found


def _logical(_: _Estimator, __: Call, parts: Sequence[Range]) -> Range:
    return Range(parts[0].least, parts[0].plus(parts[1]).most)


def _conditional(estimator: _Estimator, node: Call, parts: Sequence[Range]) -> Range:
    _, yes, no = node.arguments
    estimator.remember(node, estimator.size(yes).union(estimator.size(no)))
    return parts[0].plus(parts[1].union(parts[2]))


_SHORT_CIRCUITS: Mapping[str, Callable[[_Estimator, Call, Sequence[Range]], Range]] = {
    "_&&_": _logical,
    "_||_": _logical,
    "_?_:_": _conditional,
}


def _traversal(estimator: _Estimator, node: Call, operands: Sequence[Node]) -> Range:
    """What looks at every character of its first operand."""
    return estimator.size(operands[0]).by(_TRAVERSAL)


def _kept(estimator: _Estimator, node: Call, operands: Sequence[Node]) -> Range:
    """The same, and gives a text of about that size."""
    estimator.remember(node, estimator.size(operands[0]))
    return _traversal(estimator, node, operands)


def _affix(estimator: _Estimator, node: Call, operands: Sequence[Node]) -> Range:
    return estimator.size(operands[-1]).by(_TRAVERSAL)


def _contains(estimator: _Estimator, node: Call, operands: Sequence[Node]) -> Range:
    text, part = (estimator.size(one).by(_TRAVERSAL) for one in operands[:2])
    return text.times(part)


def _matches(estimator: _Estimator, node: Call, operands: Sequence[Node]) -> Range:
    text = estimator.size(operands[0]).plus(ONE).by(_TRAVERSAL)
    return text.times(estimator.size(operands[1]).by(_REGEX))


def _sum(estimator: _Estimator, node: Call, operands: Sequence[Node]) -> Range:
    if node.type.kind not in _LONG and node.type.kind is not Kind.LIST:
        return ONE
    size = estimator.size(operands[0]).plus(estimator.size(operands[1]))
    estimator.remember(node, size)
    return ONE if node.type.kind is Kind.LIST else size.by(_TRAVERSAL)


def _membership(estimator: _Estimator, node: Call, operands: Sequence[Node]) -> Range:
    if operands[1].type.kind is Kind.MAP:
        return ONE
    return estimator.size(operands[1])


def _comparison(estimator: _Estimator, node: Call, operands: Sequence[Node]) -> Range:
    is_ordered = node.function in ("_<_", "_<=_", "_>_", "_>=_")
    if is_ordered and operands[0].type.kind not in _LONG:
        return ONE
    most = min(estimator.size(one).most for one in operands)
    return Range(1 if most else 0, most).by(_TRAVERSAL)


def _of_list(estimator: _Estimator, node: Call, operands: Sequence[Node]) -> Range:
    """What compares or adds up all elements of a list."""
    if operands[0].type.kind is Kind.STRING:
        return _traversal(estimator, node, operands)
    each = ONE
    if operands[0].type.kind is Kind.LIST and operands[0].type.parameters[0].kind in _LONG:
        each = each.plus((estimator.element(operands[0]) or UNKNOWN).by(_TRAVERSAL))
    return estimator.size(operands[0]).times(each)


def _replace(estimator: _Estimator, node: Call, operands: Sequence[Node]) -> Range:
    text, old, new = (estimator.size(one) for one in operands[:3])
    if old.least == 0:
        most = min((text.most + 1) * new.most + text.most, LARGEST)
    elif new.most <= old.least:
        most = text.most
    else:
        most = min(-(-text.most // old.least) * new.most, LARGEST)
    estimator.remember(node, Range(0, most))
    return text.by(2 * _TRAVERSAL)


def _split(estimator: _Estimator, node: Call, operands: Sequence[Node]) -> Range:
    size = estimator.size(operands[0])
    estimator.remember(node, Range(0, size.most))
    return size.by(_TRAVERSAL).by(2)


def _join(estimator: _Estimator, node: Call, operands: Sequence[Node]) -> Range:
    count = estimator.size(operands[0])
    element = estimator.element(operands[0]) or UNKNOWN
    between = estimator.size(operands[1]) if len(operands) > 1 else NOTHING
    most = min(count.most * (element.most + between.most), LARGEST)
    estimator.remember(node, Range(0, most))
    return Range(0, most).by(_TRAVERSAL)


_FUNCTIONS: Mapping[str, Callable[[_Estimator, Call, Sequence[Node]], Range]] = {
    **dict.fromkeys(("startsWith", "endsWith"), _affix),
    "contains": _contains,
    **dict.fromkeys(("matches", "find", "findAll"), _matches),
    "_+_": _sum,
    "@in": _membership,
    **dict.fromkeys(("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"), _comparison),
    **dict.fromkeys(("isSorted", "sum", "max", "min", "indexOf", "lastIndexOf"), _of_list),
    **dict.fromkeys(("lowerAscii", "upperAscii", "substring", "trim", "reverse", "quote"), _kept),
    **dict.fromkeys(("string", "bytes"), _kept),
    **dict.fromkeys(("url", "isURL", "quantity", "isQuantity", "ip", "isIP", "cidr"), _traversal),
    **dict.fromkeys(("isCIDR", "semver", "isSemver", "ip.isCanonical"), _traversal),
    "replace": _replace,
    "split": _split,
    "join": _join,
}
