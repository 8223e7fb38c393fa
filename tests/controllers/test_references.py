"""Who lies on which plane."""

from __future__ import annotations

from typing import Any

from choreo_local.controllers import references
from choreo_local.controllers.indexes import Caches
from tests import builders


def caches(*objects: dict[str, Any]) -> Caches:
    found = Caches({kind: {} for kind in ("Environment", "DataPlane", "ClusterDataPlane")})
    for obj in objects:
        found.of(obj["kind"]).store(obj)
    return found


def unplaced() -> dict[str, Any]:
    return builders.obj("Environment", "anywhere")


def test_an_environment_without_a_plane_lies_on_the_nearest_default() -> None:
    own, clusters = builders.obj("DataPlane", "default"), builders.data_plane()
    assert references.data_plane_of(caches(own, clusters), unplaced()) is own
    assert references.data_plane_of(caches(clusters), unplaced()) is clusters
    assert references.data_plane_of(caches(), unplaced()) is None


def test_who_lay_on_a_plane_hears_of_it_when_it_is_gone() -> None:
    watched = caches(builders.environment(), unplaced())

    def names(plane: dict[str, Any]) -> set[str]:
        found = references.environments_on(watched, plane)
        return {environment["metadata"]["name"] for environment in found}

    assert names(builders.data_plane()) == {"development", "anywhere"}
    assert names(builders.obj("DataPlane", "default")) == {"anywhere"}
    assert names(builders.obj("ClusterDataPlane", "other")) == set()
