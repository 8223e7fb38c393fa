"""Whether an applied configuration fits its schema, with the texts of server-side apply."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from choreo_local.apimachinery import gotext
from choreo_local.apimachinery.patch import fieldset
from choreo_local.apimachinery.patch.atoms import Atom, ItemError, Relation, Scalar
from choreo_local.apimachinery.patch.fieldset import Path

# One text names all problems; a list of a million would help nobody.
MAX_PROBLEMS = 100


def problems(atom: Atom, value: Any) -> str:
    """All problems as one text; empty when the value fits."""
    found: list[str] = []
    for path, sentence in _check(atom, value, ()):
        where = fieldset.text(path)
        found.append(f"{where}: {sentence}" if where else sentence)
        if len(found) == MAX_PROBLEMS:
            break
    if len(found) > 1:
        return "\n".join(["errors:", *(f"  {problem}" for problem in found)])
    return "".join(found)


def _check(atom: Atom, value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if value is None:
        return
    if type(value) is dict and atom.map is not None:
        yield from _check_map(atom, value, path)
    elif type(value) is list and atom.list is not None:
        yield from _check_list(atom, value, path)
    elif atom.map is not None and atom.scalar is None:
        yield path, f"expected map, got &{{{gotext.plain(value)}}}"
    elif atom.scalar is not None:
        yield from _check_scalar(atom.scalar, value, path)
    else:
        yield path, f"expected list, got &{{{gotext.plain(value)}}}"


def _check_map(atom: Atom, value: dict[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    for name, item in value.items():
        element, child, declared = atom.child(name)
        if not declared and atom.element is None:
            yield (*path, element), "field not declared in schema"
        else:
            yield from _check(child, item, (*path, element))


def _check_list(atom: Atom, value: list[Any], path: Path) -> Iterator[tuple[Path, str]]:
    seen: set[str] = set()
    for position, item in enumerate(value):
        element = f"i:{position}"
        if atom.list is not Relation.ATOMIC:
            try:
                element = atom.identify(item)
            except ItemError as error:
                yield path, f"element {position}: {error}"
                continue
            if element in seen:
                yield path, f"duplicate entries for key {fieldset.text((element,))}"
            seen.add(element)
        yield from _check(atom.item, item, (*path, element))


def _check_scalar(scalar: Scalar, value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    match scalar:
        case Scalar.NUMERIC if not is_number:
            yield path, f"expected numeric (int or float), got {gotext.type_name(value)}"
        case Scalar.STRING if not isinstance(value, str):
            shown = f"&value.valueUnstructured{{Value:{gotext.literal(value)}}}"
            yield path, f"expected string, got {shown}"
        case Scalar.BOOLEAN if not isinstance(value, bool):
            yield path, f"expected boolean, got &{{{gotext.plain(value)}}}"
        case Scalar.UNTYPED if isinstance(value, dict | list):
            yield path, f"expected any scalar, got &{{{gotext.plain(value)}}}"
        case _:
            return
