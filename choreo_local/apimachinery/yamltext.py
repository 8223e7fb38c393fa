"""YAML: that of strangers, bounded before it is built, and that which we write into files.

The fast loader of the YAML library recurses in C and ends the process on text that is nested a few
ten thousand levels deep; aliases make small texts into huge objects. Both are counted from the
parser's events, which are produced without recursion. Used by everything that reads YAML which a
user or a request brought.
"""

from __future__ import annotations

from typing import Any

import yaml

from choreo_local.errors import BadRequestError

MAX_DEPTH = 200
MAX_NODES = 1_000_000

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_all(text: str | bytes) -> list[Any]:
    """The documents of a text, empty ones left out.

    Raises BadRequestError with line and column when it is not YAML, or too deep or too large.
    """
    try:
        check_bounds(text)
        return [document for document in yaml.load_all(text, LOADER) if document is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise BadRequestError(f"cannot read YAML: {where}{error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadRequestError(f"cannot read YAML: {str(error).splitlines()[0]}") from error


def check_bounds(text: str | bytes) -> None:
    """Refuse a text that is nested too deeply, or whose aliases stand for too many nodes.

    Raises BadRequestError; what is not YAML at all is left to the loader.
    """
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []  # anchor, size so far
    for event in yaml.parse(text, LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            if len(open_nodes) >= MAX_DEPTH:
                raise BadRequestError(f"cannot read YAML: nested deeper than {MAX_DEPTH} levels")
            open_nodes.append((event.anchor, 1))
            continue
        if isinstance(event, yaml.ScalarEvent):
            size = 1
            if event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.AliasEvent):
            size = sizes.get(event.anchor or "", 1)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = open_nodes.pop()
            if anchor:
                sizes[anchor] = size
        else:
            continue
        if size > MAX_NODES:
            raise BadRequestError(f"cannot read YAML: more than {MAX_NODES} nodes")
        if open_nodes:
            anchor, so_far = open_nodes[-1]
            open_nodes[-1] = (anchor, so_far + size)


def dump(value: Any) -> str:
    """A value as people read it in files: keys sorted, texts of several lines as such."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=80)


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Texts of several lines as blocks, no aliases; in C where the library has it."""

    def ignore_aliases(self, data: Any) -> bool:
        """An alias would tie two places together that are changed apart."""
        del data
        return True


def _block(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _block)
