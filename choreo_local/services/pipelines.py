"""Deployment pipelines: which environment follows which; pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Manifest = Mapping[str, Any]
Path = tuple[str, str]


def paths(pipeline: Manifest) -> list[Path]:
    """Every (source, target) of a pipeline, in its order."""
    return list(_iter_paths(pipeline))


def _iter_paths(pipeline: Manifest) -> Iterator[Path]:
    for path in (pipeline.get("spec") or {}).get("promotionPaths") or ():
        source = str(path["sourceEnvironmentRef"]["name"])
        for target in path["targetEnvironmentRefs"]:
            yield source, str(target["name"])


def sources(pipeline: Manifest, target: str) -> list[str]:
    """The environments from which is promoted to `target`."""
    return [source for source, found in paths(pipeline) if found == target]


def targets(pipeline: Manifest) -> list[str]:
    """The environments to which is promoted."""
    return list(dict.fromkeys(target for _, target in paths(pipeline)))


def root(pipeline: Manifest) -> str | None:
    """The first source to which nothing is promoted; there autoDeploy puts new releases."""
    reached = set(targets(pipeline))
    for path in (pipeline.get("spec") or {}).get("promotionPaths") or ():
        name = str(path["sourceEnvironmentRef"]["name"])
        if name and name not in reached:
            return name
    return None


def order(pipelines: Iterable[Manifest], *, also: Iterable[str] = ()) -> list[str]:
    """The environments of all pipelines, each after those from which is promoted to it.

    Environments of `also` that no pipeline names come last, by name.
    """
    following: dict[str, list[str]] = {}
    reached: set[str] = set()
    for pipeline in pipelines:
        for path in (pipeline.get("spec") or {}).get("promotionPaths") or ():
            following.setdefault(str(path["sourceEnvironmentRef"]["name"]), [])
        for source, target in _iter_paths(pipeline):
            following[source].append(target)
            following.setdefault(target, [])
            reached.add(target)
    found = _sorted(following, [name for name in following if name not in reached])
    return found + sorted(set(also) - set(found))


def _sorted(following: Mapping[str, Sequence[str]], roots: Sequence[str]) -> list[str]:
    """Breadth first, but nothing before what leads to it; rings are cut where they are met."""
    waiting = dict.fromkeys(following, 0)
    for names in following.values():
        for name in set(names):
            waiting[name] += 1
    found: dict[str, None] = {}
    queue = deque(roots)
    rest = deque(following)
    while queue or rest:
        if not queue:
            # What is left is part of a ring, or behind one.
            queue.append(rest.popleft())
        name = queue.popleft()
        if name in found:
            continue
        found[name] = None
        for target in dict.fromkeys(following[name]):
            waiting[target] -= 1
            if waiting[target] <= 0:
                queue.append(target)
    return list(found)


def last(pipeline: Manifest) -> str | None:
    """The environment at the end of a pipeline, usually production."""
    found = order([pipeline])
    return found[-1] if found else None
