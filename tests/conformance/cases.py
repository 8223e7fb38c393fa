"""Reads the conformance cases: expands tables into cases, names into paths and objects."""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.conformance import fieldpaths

FOLDER = Path(__file__).with_name("cases")
DIFFERENCES = Path(__file__).with_name("differences.yaml")
Step = dict[str, Any]
_SHARED = FOLDER / "shared.yaml"
# The loader in C reads the files ten times as fast, where it is there.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_REFERENCE = re.compile(r"\$\{([^}]*)\}")


@dataclass(frozen=True, slots=True)
class Case:
    """A sequence of requests with what is expected of the answers.

    Attributes:
        name: unique in its area; `TEXT / ROW` when it comes from a table.
        namespaced: whether a namespace of its own is made for it.
        cleanup: paths that are deleted afterwards.
    """

    area: str
    name: str
    steps: tuple[Step, ...]
    namespaced: bool = True
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    cleanup: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.area}: {self.name}"


def _load(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), _LOADER)


@functools.cache
def all_cases() -> list[Case]:
    """Every case of every file."""
    return [
        case for path in sorted(FOLDER.glob("*.yaml")) if path != _SHARED for case in of_file(path)
    ]


def of_file(path: Path) -> Iterator[Case]:
    """The cases of one file."""
    content = _load(path)
    for case in content["cases"]:
        for name, steps in rows(case):
            yield Case(
                content["area"],
                name,
                tuple(_with_object(step) for step in steps),
                case.get("namespaced", True),
                case.get("namespace_labels", {}),
                tuple(case.get("cleanup", ())),
            )


def rows(case: Mapping[str, Any]) -> Iterator[tuple[str, list[Step]]]:
    """A case, or one for each row of its table: the row's keys go into the step that varies."""
    steps = case["steps"]
    if "each" not in case:
        yield case["name"], steps
        return
    position = next((i for i, step in enumerate(steps) if step.get("vary")), len(steps) - 1)
    for name, row in case["each"].items():
        varied = {**steps[position], **row}
        for key in ("set", "headers"):
            if key in row and key in steps[position]:
                varied[key] = {**steps[position][key], **row[key]}
        yield f"{case['name']} / {name}", [*steps[:position], varied, *steps[position + 1 :]]


@functools.cache
def differences(target: str) -> dict[str, str]:
    """What a target answers otherwise on purpose: case → reason."""
    content = _load(DIFFERENCES) or {}
    return dict(content.get(target) or {})


def shared() -> dict[str, Any]:
    """Paths of resources and objects that cases use by name."""
    content: dict[str, Any] = _load(_SHARED)
    return content


_KNOWN = shared()


def _with_object(step: Step) -> Step:
    """The step with its body built from the object that it uses."""
    made = dict(step)
    if "during" in made:
        made["during"] = [_with_object(each) for each in made["during"]]
    if not {"use", "set", "drop"} & made.keys():
        return made
    body = copy.deepcopy(_KNOWN["objects"][made["use"]] if "use" in made else made["body"])
    for path, value in made.get("set", {}).items():
        fieldpaths.put(body, path, value)
    for path in made.get("drop", ()):
        fieldpaths.drop(body, path)
    made["body"] = body
    return made


def full_path(path: str) -> str:
    """The path of a request: its first word may be the name of a resource."""
    if path.startswith("/"):
        return path
    found = re.match(r"[a-z]+", path)
    name = found.group() if found else ""
    return str(_KNOWN["paths"][name]) + path[len(name) :]


def filled(value: Any, known: Mapping[str, str]) -> Any:
    """A value with `${name}` replaced in all its texts; `${a*300}` repeats the letter."""
    if isinstance(value, str):
        return _REFERENCE.sub(lambda found: _fill(found.group(1), known), value)
    if isinstance(value, list):
        return [filled(each, known) for each in value]
    if isinstance(value, dict):
        return {filled(key, known): filled(each, known) for key, each in value.items()}
    return value


def _fill(name: str, known: Mapping[str, str]) -> str:
    text, star, times = name.rpartition("*")
    return text * int(times) if star else known[name]
