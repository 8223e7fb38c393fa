"""Objects to hold two schemas against each other: made from a schema, and damaged from samples.

Deterministic: the same seed gives the same objects.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

Schema = Mapping[str, Any]
Place = tuple[list[Any] | dict[str, Any], Any]

_TEXTS = ("", "a", "default", "Bad_ID", "${x}", "x" * 64, "x" * 320, "1h", "1d2h", "not a time")
_SAMPLES = (
    "${a.b}",
    "deployment/service",
    "deployment",
    "statefulset",
    "cronjob",
    "job",
    "proxy",
    "development",
    "item",
    "a1",
    "5m",
    "x@example.org",
    "Ready",
)
_WRONG: tuple[Any, ...] = (
    None,
    0,
    -1,
    70000,
    2**40,
    1.5,
    True,
    "text",
    [],
    {},
    ["a", "a"],
    {"a": 1},
)


def conforming(random: Random, schema: Schema, depth: int = 0) -> Any:
    """A value that mostly satisfies the schema."""
    if "enum" in schema:
        return random.choice(schema["enum"])
    match schema.get("type"):
        case "object":
            return _object(random, schema, depth)
        case "array":
            return _list(random, schema, depth)
        case "string":
            return _text(random, schema)
        case "integer":
            low, high = schema.get("minimum", 0), schema.get("maximum", 9)
            return random.choice((low, high, (low + high) // 2))
        case "boolean":
            return random.random() < 0.5
    return random.choice(({"any": ["thing", 1]}, "text", 3, [1]))


def _object(random: Random, schema: Schema, depth: int) -> dict[str, Any]:
    required = set(schema.get("required", ()))
    chance = 0.75 if depth < 6 else 0.3
    made = {
        name: conforming(random, child, depth + 1)
        for name, child in schema.get("properties", {}).items()
        if name in required or random.random() < chance
    }
    if isinstance(values := schema.get("additionalProperties"), dict):
        for name in random.sample(("a", "b", "LONG_NAME", ""), random.randint(0, 3)):
            made[name] = conforming(random, values, depth + 1)
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        made["anything"] = {"deep": [1, "x", None]}
    return made


def _list(random: Random, schema: Schema, depth: int) -> list[Any]:
    count = max(schema.get("minItems", 0), random.choice((0, 1, 1, 2, 3)))
    items = [conforming(random, schema["items"], depth + 1) for _ in range(count)]
    match schema.get("x-kubernetes-list-type"):
        case "set":
            return sorted(set(items))
        case "map":
            keys = schema["x-kubernetes-list-map-keys"]
            by_key = {tuple(str(item.get(key)) for key in keys): item for item in items}
            return list(by_key.values())
    return items


def _text(random: Random, schema: Schema) -> str:
    if schema.get("format") == "date-time":
        return "2026-01-02T03:04:05Z"
    if schema.get("format") == "uri":
        return "https://example.org/hook"
    pattern = schema.get("pattern", "")
    fitting = [text for text in _SAMPLES if re.search(pattern, text)]
    return random.choice(fitting if random.random() < 0.98 else _SAMPLES)


def damaged(random: Random, obj: dict[str, Any], times: int) -> dict[str, Any]:
    """A copy with something changed at so many places."""
    changed = copy.deepcopy(obj)
    for _ in range(times):
        places = list(_places({key: changed[key] for key in ("spec", "status") if key in changed}))
        if not places:
            break
        container, key = random.choice(places)
        random.choice(_DAMAGES)(random, container, key)
    return changed


def _places(value: Any) -> Iterator[Place]:
    items = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    for key, child in items:
        if key not in ("spec", "status"):
            yield value, key
        yield from _places(child)


def _remove(_: Random, container: Any, key: Any) -> None:
    del container[key]


def _replace(random: Random, container: Any, key: Any) -> None:
    container[key] = copy.deepcopy(random.choice(_WRONG))


def _retext(random: Random, container: Any, key: Any) -> None:
    container[key] = random.choice(_TEXTS)


def _intrude(random: Random, container: Any, key: Any) -> None:
    if isinstance(container[key], dict):
        container[key]["nosuchfield"] = random.choice(_WRONG)
    elif isinstance(container, dict):
        container["nosuchfield"] = random.choice(_WRONG)


def _repeat(_: Random, container: Any, key: Any) -> None:
    if isinstance(container, list):
        container.append(copy.deepcopy(container[key]))
    elif isinstance(container[key], list):
        container[key] = container[key] * 2


def _empty(_: Random, container: Any, key: Any) -> None:
    container[key] = type(container[key])() if container[key] is not None else {}


_DAMAGES: tuple[Callable[[Random, Any, Any], None], ...] = (
    _remove,
    _remove,
    _replace,
    _retext,
    _intrude,
    _repeat,
    _empty,
)
