"""Mutating policies among each other and with the plugins after them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.embedded.kubeapi.harness import CONFIG_MAPS, Api, config_map

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
RULE = {
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "operations": ["CREATE"],
    "resources": ["configmaps"],
}
COUNT = 'Object{data: {"seen": string(size(object.metadata.?labels.orValue({})))}}'
LABEL = 'Object{metadata: Object.metadata{labels: {"from": "second"}}}'


async def install(api: Api, name: str, expression: str, *, again: str) -> None:
    mutation = {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}
    spec = {
        "matchConstraints": {"resourceRules": [RULE]},
        "reinvocationPolicy": again,
        "mutations": [mutation],
    }
    policy = {"metadata": {"name": name}, "spec": spec}
    binding = {"metadata": {"name": name}, "spec": {"policyName": name}}
    await api.must("POST", f"{ADMISSION}/mutatingadmissionpolicies", policy)
    await api.must("POST", f"{ADMISSION}/mutatingadmissionpolicybindings", binding)


@pytest.mark.parametrize(("again", "seen"), [("Never", "0"), ("IfNeeded", "1")])
async def test_a_policy_looks_again_only_when_it_asks_for_it(again: str, seen: str) -> None:
    api = await Api.start()
    await install(api, "first", COUNT, again=again)
    await install(api, "second", LABEL, again="Never")

    made: dict[str, Any] = await api.must("POST", CONFIG_MAPS, config_map())

    assert made["data"] == {"k": "v", "seen": seen}
    assert made["metadata"]["labels"] == {"from": "second"}


async def test_policies_do_not_concern_policies() -> None:
    api = await Api.start()
    await install(api, "first", 'Object{nope: "x"}', again="Never")

    await api.must("DELETE", f"{ADMISSION}/mutatingadmissionpolicies/first")

    await api.must("POST", CONFIG_MAPS, config_map())
