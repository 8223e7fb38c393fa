"""Whether an applied configuration fits its schema, with the texts of server-side apply."""

from __future__ import annotations

from typing import Any

from choreo_local.apimachinery import gotext
from choreo_local.apimachinery.patch import fieldset
from choreo_local.apimachinery.patch.atoms import Atom, ItemError, Relation, Scalar
from choreo_local.apimachinery.patch.fieldset import Path

# One text names all problems; a list of a million would help nobody.
MAX_PROBLEMS = 100

Problem = tuple[Path, str]


def problems(atom: Atom, value: Any) -> str:
    """All problems as one text; empty when the value fits."""
    found = [
        f"{fieldset.text(path)}: {sentence}" if path else sentence
        for path, sentence in _check(atom, value)[:MAX_PROBLEMS]
    ]
    if len(found) > 1:
        return "\n".join(["errors:", *(f"  {problem}" for problem in found)])
    return "".join(found)


def _check(atom: Atom, value: Any) -> list[Problem]:
    # Paths are put together on the way back, so that a value that fits costs none.
    kind = type(value)
    if kind is dict and atom.map is not None:
        return _check_map(atom, value)
    if kind is list and atom.list is not None:
        return _check_list(atom, value)
    if value is None or _fits(atom.scalar, kind):
        return []
    return [((), _mismatch(atom, value))]


def _fits(scalar: Scalar | None, kind: type) -> bool:
    if scalar is Scalar.STRING:
        return kind is str
    if scalar is Scalar.NUMERIC:
        return kind is int or kind is float
    if scalar is Scalar.BOOLEAN:
        return kind is bool
    return scalar is Scalar.UNTYPED and kind is not dict and kind is not list


def _mismatch(atom: Atom, value: Any) -> str:
    shown = f"&{{{gotext.plain(value)}}}"
    if atom.scalar is Scalar.NUMERIC:
        return f"expected numeric (int or float), got {gotext.type_name(value)}"
    if atom.scalar is Scalar.STRING:
        literal = gotext.literal(value)
        return f"expected string, got &value.valueUnstructured{{Value:{literal}}}"
    if atom.scalar is Scalar.BOOLEAN:
        return f"expected boolean, got {shown}"
    if atom.scalar is Scalar.UNTYPED:
        return f"expected any scalar, got {shown}"
    return f"expected {'map' if atom.map is not None else 'list'}, got {shown}"


def _check_map(atom: Atom, value: dict[str, Any]) -> list[Problem]:
    found: list[Problem] = []
    fields, other = atom.fields, atom.element
    for name, item in value.items():
        declared = fields.get(name)
        child = declared[1] if declared is not None else other
        if child is None:
            found.append(((f"f:{name}",), "field not declared in schema"))
            continue
        below = _check(child, item)
        if below:
            found += [((f"f:{name}", *path), sentence) for path, sentence in below]
    return found


def _check_list(atom: Atom, value: list[Any]) -> list[Problem]:
    found: list[Problem] = []
    seen: set[str] = set()
    for position, item in enumerate(value):
        element = f"i:{position}"
        if atom.list is not Relation.ATOMIC:
            try:
                element = atom.identify(item)
            except ItemError as error:
                found.append(((), f"element {position}: {error}"))
                continue
            if element in seen:
                found.append(((), f"duplicate entries for key {fieldset.text((element,))}"))
            seen.add(element)
        below = _check(atom.item, item)
        if below:
            found += [((element, *path), sentence) for path, sentence in below]
    return found
