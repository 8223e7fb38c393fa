"""The objects of recorded scenarios, step by step, with what a fresh installation holds.

Used by the golden tests that follow a scenario.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml

from tests.golden import FIXTURES, load, recorded

Object = dict[str, Any]

INSTALLED = FIXTURES / "samples" / "getting-started" / "all.yaml"
# What the recordings call the data plane of a fresh installation; they leave it out of the states.
DATA_PLANE: Object = {
    "kind": "ClusterDataPlane",
    "metadata": {"name": "default"},
    "spec": {
        "secretStoreRef": {"name": "default"},
        "gateway": {
            "ingress": {
                "external": {
                    "name": "gateway-default",
                    "namespace": "openchoreo-data-plane",
                    "http": {
                        "host": "openchoreoapis.localhost",
                        "listenerName": "http",
                        "port": 19080,
                    },
                }
            }
        },
    },
}


@dataclass(slots=True)
class World:
    """All objects after a step.

    Attributes:
        changed: those that the step changed.
    """

    objects: dict[str, Object] = field(default_factory=dict)
    changed: list[Object] = field(default_factory=list)

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """An object with the uid that the recordings write for it."""
        found = self.objects.get(f"{kind}/{namespace}/{name}")
        if found is None:
            return None
        result = copy.deepcopy(found)
        result["metadata"].setdefault("namespace", namespace)
        result["metadata"]["uid"] = f"<uid:{kind}/{namespace}/{name}>"
        return result

    def has(self, kind: str, namespace: str, name: str) -> bool:
        """Is the object there?"""
        return f"{kind}/{namespace}/{name}" in self.objects

    def data_plane_of(self, environment: Object) -> Object | None:
        """The data plane that an environment refers to."""
        reference = environment["spec"]["dataPlaneRef"]
        is_cluster_scoped = reference["kind"].startswith("Cluster")
        namespace = "" if is_cluster_scoped else environment["metadata"]["namespace"]
        return self.get(reference["kind"], namespace, reference["name"])

    def all(self, kind: str, namespace: str) -> list[Object]:
        """The objects of a kind in a namespace."""
        prefix = f"{kind}/{namespace}/"
        return [obj for key, obj in self.objects.items() if key.startswith(prefix)]


def cases(wanted: Callable[[World, Object], bool]) -> list[Any]:
    """A parameter for each changed object that is wanted; a skipped one when there are none."""
    found = [
        pytest.param(world, obj, id=f"{title}-{obj['metadata']['name']}")
        for title, world in worlds()
        for obj in world.changed
        if wanted(world, obj)
    ]
    reason = "no recordings of scenarios, or no fixtures; set CHOREO_GOLDENS, CHOREO_FIXTURES"
    return found or [pytest.param({}, {}, marks=pytest.mark.skip(reason=reason))]


@functools.cache
def worlds() -> tuple[tuple[str, World], ...]:
    """Title and world of every recorded step; nothing when recordings or fixtures are absent."""
    return tuple(_worlds())


def _worlds() -> Iterator[tuple[str, World]]:
    if not INSTALLED.exists():
        return
    for path in recorded("scenarios"):
        world = World(_installed())
        for number, step in enumerate(load(path)["steps"]):
            state = step.get("state") or {}
            for gone in step.get("gone") or ():
                world.objects.pop(gone, None)
            world.objects.update(state)
            yield f"{path.stem}-{number}", World(dict(world.objects), list(state.values()))


def _installed() -> dict[str, Object]:
    found = {"ClusterDataPlane//default": DATA_PLANE}
    for obj in yaml.safe_load_all(INSTALLED.read_text(encoding="utf-8")):
        if obj:
            meta = obj["metadata"]
            found[f"{obj['kind']}/{meta.get('namespace', '')}/{meta['name']}"] = obj
    return found
