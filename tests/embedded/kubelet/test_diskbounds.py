from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from choreo_local.embedded.kubelet import diskbounds
from choreo_local.embedded.kubelet.places import Places
from tests.embedded.kubelet.builders import container, pod, sidecar

PLACES = Places(Path("/node"))
FILES = Path("/node/pods/0c4f")
LOGS = Path("/node/logs/shop_greeter_0c4f")


def limited(limit: str) -> dict[str, Any]:
    return {"resources": {"limits": {"ephemeral-storage": limit}}}


def whole(**spec: Any) -> str:
    """What all containers of a pod may take together, as it is told."""
    words = "Pod ephemeral local storage usage exceeds the total limit of containers "
    found = [bound.message for bound in diskbounds.of_pod(pod(**spec), PLACES)]
    return next((text[len(words) :] for text in found if text.startswith(words)), "")


def test_a_pod_without_limits_is_not_looked_at() -> None:
    assert diskbounds.of_pod(pod(volumes=[{"name": "data", "emptyDir": {}}]), PLACES) == []


def test_a_volume_may_have_a_limit() -> None:
    volumes = [{"name": "data", "emptyDir": {"sizeLimit": "8Mi"}}, {"name": "b", "emptyDir": {}}]
    (bound,) = diskbounds.of_pod(pod(volumes=volumes), PLACES)
    assert (bound.folders, bound.most) == ([FILES / "volumes/data"], 8 << 20)
    assert bound.message == 'Usage of EmptyDir volume "data" exceeds the limit "8Mi". '


@pytest.mark.parametrize("limit", [0, "0", None])
def test_a_volume_with_limit_zero_has_none(limit: object) -> None:
    volumes = [{"name": "data", "emptyDir": {"sizeLimit": limit}}]
    assert diskbounds.of_pod(pod(volumes=volumes), PLACES) == []


def test_a_container_has_its_root_and_its_log() -> None:
    found = diskbounds.of_pod(pod(containers=[container("web", **limited("1Gi"))]), PLACES)
    own = [FILES / "runtime/web", LOGS / "web"]
    assert [(bound.folders, bound.most) for bound in found] == [(own, 1 << 30), (own, 1 << 30)]
    assert found[1].message == ('Container web exceeded its local ephemeral storage limit "1Gi". ')


def test_volumes_that_end_with_the_pod_count_for_it() -> None:
    volumes = [
        {"name": "data", "emptyDir": {}},
        {"name": "fast", "emptyDir": {"medium": "Memory"}},
        {"name": "settings", "configMap": {"name": "c"}},
        {"name": "password", "secret": {"secretName": "s"}},
        {"name": "claim", "persistentVolumeClaim": {"claimName": "p"}},
    ]
    found = diskbounds.of_pod(
        pod(volumes=volumes, containers=[container("web", **limited("1Gi"))]), PLACES
    )
    counted = {folder.name for folder in found[0].folders if folder.parent.name == "volumes"}
    assert counted == {"data", "settings"}


def test_limits_of_containers_that_run_together_are_added() -> None:
    two = [container("a", **limited("1Gi")), container("b", **limited("512Mi")), container("c")]
    assert whole(containers=two) == "1536Mi. "


def test_the_largest_moment_of_a_start_counts() -> None:
    regular = [container("a", **limited("1Gi"))]
    big = container("i", **limited("3Gi"))
    assert whole(containers=regular, initContainers=[big]) == "3Gi. "
    beside = sidecar(**limited("1Gi"))
    assert whole(containers=regular, initContainers=[beside]) == "2Gi. "
    assert whole(containers=regular, initContainers=[beside, big]) == "4Gi. "
    assert whole(containers=regular, initContainers=[big, beside]) == "3Gi. "
