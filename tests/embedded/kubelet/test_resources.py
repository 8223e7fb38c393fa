"""Requests, limits, quality classes."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.embedded.kubelet import resources
from tests.embedded.kubelet.builders import container, pod

BOTH = {"cpu": "1", "memory": "1Gi"}


@pytest.mark.parametrize(
    ("granted", "expected"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "0"}}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"memory": "1Gi"}}, "Burstable"),
        ({"limits": BOTH}, "Guaranteed"),
        ({"limits": BOTH, "requests": {"cpu": "1000m", "memory": "1024Mi"}}, "Guaranteed"),
        ({"limits": BOTH, "requests": {"cpu": "1"}}, "Guaranteed"),
        ({"limits": BOTH, "requests": {"cpu": "500m"}}, "Burstable"),
        ({"limits": BOTH, "requests": {"ephemeral-storage": "1Gi"}}, "Guaranteed"),
    ],
)
def test_quality_class(granted: dict[str, Any], expected: str) -> None:
    assert resources.quality_class(pod(containers=[container(resources=granted)])) == expected


def test_one_container_without_limits_makes_a_pod_burstable() -> None:
    manifest = pod(containers=[container("a", resources={"limits": BOTH}), container("b")])
    assert resources.quality_class(manifest) == "Burstable"


@pytest.mark.parametrize(("limit", "expected"), [(None, None), ("64Mi", 67108864), ("1e3", 1000)])
def test_memory_limit(limit: str | None, expected: int | None) -> None:
    granted = {"limits": {"memory": limit}} if limit else {}
    assert resources.memory_limit(granted) == expected
