"""Network policies equal the recorded ones."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import networkpolicy
from tests.golden import differences, typed

_DIFFERENT = differences("netpol")


def _built(case: dict[str, Any], endpoints: Any) -> list[dict[str, Any]]:
    target = networkpolicy.Target(
        component=case["componentName"],
        namespace=case["namespace"],
        control_plane_namespace=case["cpNamespace"],
        environment=case["environment"],
        pod_selectors=case["podSelectors"] or {},
    )
    return [networkpolicy.build(target, endpoints, provider=case["provider"])]


@pytest.mark.parametrize("case", typed.cases("netpol"))
def test_policy_equals_the_recorded_one(case: dict[str, Any]) -> None:
    params = case.get("params", case)
    endpoints = params["endpoints"] or {}

    # All but the port itself can be compared in every case; the port is the listed difference.
    same_ports = {
        name: {key: value for key, value in endpoint.items() if key != "targetPort"}
        for name, endpoint in endpoints.items()
    }
    assert _built(params, same_ports) == case["result"]
    if all(e.get("targetPort") in (None, 0, e["port"]) for e in endpoints.values()):
        assert _built(params, endpoints) == case["result"]
    else:
        assert _DIFFERENT["pod-port"]
        opened = {
            name: e | {"port": e.get("targetPort") or e["port"]} for name, e in endpoints.items()
        }
        assert _built(params, endpoints) == _built(params, opened)
