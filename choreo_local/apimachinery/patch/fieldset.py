"""Sets of field paths, kept in the very form in which objects carry them: `fieldsV1`.

A set is a tree of dicts. Below an element, `{}` means that the element itself is in the set, a
dict with `.` that both it and some of what is below are, any other dict that only those below are.
The empty tree is the empty set. Sets are values: no function changes what it is given, and results
share subtrees with their inputs.

Elements are `f:<field>`, `k:<keys of a list item as JSON>`, `v:<value of a set item as JSON>` and
`i:<index>`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from json.encoder import encode_basestring
from typing import Any

from choreo_local.apimachinery.fielderrors import shown

FieldSet = dict[str, Any]
Path = tuple[str, ...]

# Deeper sets do not come from objects that the API accepts.
MAX_DEPTH = 200


def is_member(node: FieldSet) -> bool:
    """Whether the element that has this node below it is in the set itself."""
    return not node or "." in node


def union(left: FieldSet, right: FieldSet) -> FieldSet:
    """What is in either set."""
    if not left or left is right:
        return right
    merged = dict(left)
    for element, node in right.items():
        mine = merged.get(element)
        merged[element] = node if mine is None else _union_below(mine, node)
    return merged


def _union_below(left: FieldSet, right: FieldSet) -> FieldSet:
    if not left:
        return _with_member(right)
    if not right:
        return _with_member(left)
    return union(left, right)


def _with_member(node: FieldSet) -> FieldSet:
    return node if is_member(node) else {".": {}, **node}


def difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """What is in the left set and not in the right."""
    if not right:
        return left
    rest: FieldSet = {}
    for element, node in left.items():
        theirs = right.get(element)
        below = node if theirs is None else _difference_below(node, theirs)
        if below is not None:
            rest[element] = below
    return rest


def _difference_below(left: FieldSet, right: FieldSet) -> FieldSet | None:
    if not left:
        return None if is_member(right) else left
    if not right:
        rest = {element: node for element, node in left.items() if element != "."}
    else:
        rest = difference(left, right)
    # A lone "." is the member without anything below it.
    return ({} if rest.keys() == {"."} else rest) if rest else None


def recursive_difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """The left set without what is in the right one, and without everything below that."""
    rest: FieldSet = {}
    for element, node in left.items():
        theirs = right.get(element)
        if theirs is None:
            rest[element] = node
        elif not is_member(theirs):
            below = recursive_difference(node, theirs) if node else node
            if below or not node:
                rest[element] = {} if below.keys() == {"."} else below
    return rest


def intersection(left: FieldSet, right: FieldSet) -> FieldSet:
    """What is in both sets."""
    shared: FieldSet = {}
    for element, node in left.items():
        theirs = right.get(element)
        if theirs is not None:
            below = _intersection_below(node, theirs)
            if below is not None:
                shared[element] = below
    return shared


def _intersection_below(left: FieldSet, right: FieldSet) -> FieldSet | None:
    if not left:
        return {} if is_member(right) else None
    if not right:
        return {} if is_member(left) else None
    shared = intersection(left, right)
    return ({} if shared.keys() == {"."} else shared) if shared else None


def paths(fields: FieldSet, prefix: Path = ()) -> Iterator[Path]:
    """Every path of a set, in order; an item before what is below it."""
    for element, node in fields.items():
        if element == ".":
            continue
        path = (*prefix, element)
        if is_member(node):
            yield path
        yield from paths(node, path)


def from_paths(members: Iterator[Path]) -> FieldSet:
    """The set of these paths."""
    fields: FieldSet = {}
    for path in members:
        single: FieldSet = {}
        for element in reversed(path):
            single = {element: single}
        fields = union(fields, single)
    return fields


def text(path: Path) -> str:
    """A path as messages show it, e.g. `.spec.ports[port=80,protocol="TCP"].name`."""
    return "".join(_element_text(element) for element in path)


def _element_text(element: str) -> str:
    kind, content = element[:2], element[2:]
    if kind == "f:":
        return f".{content}"
    if kind == "k:":
        keys = json.loads(content)
        return "[" + ",".join(f"{key}={shown(value)}" for key, value in keys.items()) + "]"
    if kind == "v:":
        return f"[={shown(json.loads(content))}]"
    return f"[{content}]"


def canonical(raw: Any, depth: int = 0) -> FieldSet:
    """A `fieldsV1` that somebody else wrote, in our form.

    Raises:
        ValueError: it is no field set.
    """
    if not isinstance(raw, dict) or depth > MAX_DEPTH:
        raise ValueError("fieldsV1 is not a tree of objects")
    fields: FieldSet = {}
    for element, node in raw.items():
        if element == ".":
            if depth:
                fields["."] = {}
            continue
        fields[_canonical_element(element)] = canonical(node, depth + 1)
    return {} if fields.keys() == {"."} else fields


def _canonical_element(element: str) -> str:
    kind, content = element[:2], element[2:]
    if kind == "f:":
        return element
    if kind not in ("k:", "v:", "i:"):
        raise ValueError(f"unknown kind of path element: {element}")
    value = json.loads(content)
    if kind == "i:":
        return f"i:{int(value)}"
    if kind == "k:" and not isinstance(value, dict):
        raise ValueError(f"the keys of a list item are no object: {element}")
    return kind + encode(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)
# Go escapes these in JSON, so that it may stand in HTML.
_ESCAPED = {ord(special): f"\\u{ord(special):04x}" for special in "<>&\u2028\u2029"}
_NEEDS_ESCAPE = re.compile("[<>&\u2028\u2029]").search


def encode(value: Any) -> str:
    """A value as it stands in an element: compact JSON with sorted keys, as Go writes it."""
    if type(value) is int:
        return str(value)
    encoded = encode_basestring(value) if type(value) is str else _ENCODER.encode(value)
    return encoded.translate(_ESCAPED) if _NEEDS_ESCAPE(encoded) else encoded
