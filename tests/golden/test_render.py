"""Components render to the recorded manifests, policies, ids and endpoints."""

from __future__ import annotations

import random
from typing import Any

import pytest

from choreo_local.rendering import component, endpoints, networkpolicy, release
from choreo_local.rendering.errors import RenderError
from choreo_local.rendering.targets import DATA_PLANE
from tests.golden import GOLDENS, load, recorded, typed


def inputs_of(recording: dict[str, Any]) -> component.ComponentInputs:
    """The inputs of a recorded call of the component pipeline."""
    return component.ComponentInputs(
        component_type=recording["componentType"],
        component=recording["component"],
        workload=recording["workload"],
        environment=recording["environment"],
        data_plane=recording["dataPlane"],
        metadata=recording["metadata"],
        traits=recording["traits"] or (),
        release_binding=recording["releaseBinding"],
        secret_references=recording["secretReferences"] or {},
        dependency_items=recording["dependencyItems"] or (),
        resource_dependency_items=recording["resourceDependencyItems"] or (),
        default_notification_channel=recording["defaultNotificationChannel"],
    )


def _sample_cases() -> list[Any]:
    found = []
    for path in recorded("render"):
        content = load(path)
        for number, case in enumerate(content["cases"] if "base" in content else ()):
            if "setup_error" in case:
                continue
            inputs = {**content["base"], **case["inputs"]}
            title = f"{path.stem}-{case['plane']}-{case['environment']}-{case['variant']}-{number}"
            found.append(pytest.param({**case, "inputs": inputs}, id=title))
    reason = f"no recordings of render in {GOLDENS}; set CHOREO_GOLDENS"
    return found or [pytest.param({}, marks=pytest.mark.skip(reason=reason))]


def _as_recorded(resources: Any) -> list[dict[str, Any]]:
    return [{"resource": r.manifest, "targetPlane": r.target_plane} for r in resources]


def _policies(inputs: component.ComponentInputs) -> list[dict[str, Any]]:
    """The policy, but for the ports of pods, whose difference `test_netpol` is about."""
    endpoints_ = {
        name: {key: value for key, value in endpoint.items() if key != "targetPort"}
        for name, endpoint in (inputs.workload["spec"].get("endpoints") or {}).items()
    }
    meta = inputs.metadata
    target = networkpolicy.Target(
        component=meta["componentName"],
        namespace=meta["namespace"],
        control_plane_namespace=meta["componentNamespace"],
        environment=meta["environmentName"],
        pod_selectors=meta["podSelectors"],
    )
    provider = networkpolicy.provider_of(inputs.data_plane)
    return [networkpolicy.build(target, endpoints_, provider=provider)]


def _shuffled(value: Any, order: random.Random) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        order.shuffle(keys)
        return {key: _shuffled(value[key], order) for key in keys}
    return [_shuffled(item, order) for item in value] if isinstance(value, list) else value


def _check_error(recording: dict[str, Any], expected: str) -> None:
    """The recorded error is one of those that some order of map entries leads to.

    Where this was recorded, maps have no order: of several errors any may come first.
    """
    messages = set()
    for seed in range(20):
        order = random.Random(seed)
        with pytest.raises(RenderError) as failure:
            component.render(inputs_of(_shuffled(recording, order) if seed else recording))
        messages.add(failure.value.message)
        if expected in messages:
            return
    assert expected in messages


@pytest.mark.parametrize("case", _sample_cases())
def test_sample_component_renders_as_recorded(case: dict[str, Any]) -> None:
    if case["error"]:
        _check_error(case["inputs"], case["error"])
        return
    inputs = inputs_of(case["inputs"])

    rendered = component.render(inputs)

    expected = case["output"]
    assert _as_recorded(rendered.resources) == expected["resources"]
    assert rendered.base_resource_count == expected["counts"]["baseResourceCount"]
    assert rendered.trait_count == expected["counts"]["traitCount"]
    on_plane = rendered.on(DATA_PLANE)
    policies = _policies(inputs)
    assert policies == expected["networkPolicies"]
    assert release.resource_ids([*on_plane, *policies]) == expected["manifestIds"]
    found = endpoints.resolve(
        on_plane,
        inputs.workload["spec"].get("endpoints"),
        environment=inputs.environment,
        data_plane=inputs.data_plane,
    )
    assert (found or []) == (expected["statusEndpoints"] or [])


def _releases() -> list[Any]:
    found = [
        pytest.param(content, id=path.stem)
        for path in recorded("render")
        if (content := load(path)).get("componentRelease")
    ]
    reason = f"no recordings of render in {GOLDENS}; set CHOREO_GOLDENS"
    return found or [pytest.param({}, marks=pytest.mark.skip(reason=reason))]


@pytest.mark.parametrize("content", _releases())
def test_release_freezes_what_was_recorded(content: dict[str, Any]) -> None:
    recording = content["componentRelease"]
    spec = recording["spec"]
    reference = {key: spec["componentType"][key] for key in ("kind", "name")}
    owner = {"projectName": spec["owner"]["projectName"]}

    frozen = release.component_release(
        {
            "metadata": {"name": spec["owner"]["componentName"], "namespace": "default"},
            "spec": {
                "owner": owner,
                "componentType": reference,
                **(spec.get("componentProfile") or {}),
            },
        },
        {"kind": reference["kind"], "spec": spec["componentType"]["spec"]},
        workload={"spec": {"owner": spec["owner"], **spec["workload"]}},
        traits=[
            {"kind": t["kind"], "metadata": {"name": t["name"]}, "spec": t["spec"]}
            for t in reversed(spec.get("traits") or [])
        ],
    )

    assert frozen.manifest["spec"] == spec


@pytest.mark.parametrize("content", _releases())
def test_release_and_live_objects_lead_to_the_recorded_manifests(content: dict[str, Any]) -> None:
    base, case = content["base"], content["cases"][0]
    if case["error"]:
        pytest.skip("the first case of this sample does not render")
    recording = {**base, **case["inputs"]}
    meta = recording["metadata"]
    inputs = component.inputs_of_release(
        content["componentRelease"],
        binding=recording["releaseBinding"],
        component={
            "metadata": {
                "name": meta["componentName"],
                "namespace": meta["componentNamespace"],
                "uid": meta["componentUID"],
            }
        },
        project={"metadata": {"name": meta["projectName"], "uid": meta["projectUID"]}},
        environment=recording["environment"],
        data_plane=recording["dataPlane"],
        secret_references=recording["secretReferences"],
        dependency_items=recording["dependencyItems"] or (),
        default_notification_channel=recording["defaultNotificationChannel"],
    )

    assert inputs.metadata == meta
    assert _as_recorded(component.render(inputs).resources) == case["output"]["resources"]


@pytest.mark.parametrize("case", typed.cases("render", lambda case: "group" in case))
def test_component_of_upstreams_own_tests_renders_as_recorded(case: dict[str, Any]) -> None:
    check_recorded_call(case)


def check_recorded_call(case: dict[str, Any]) -> None:
    """Render a captured call and compare manifests, counts and error."""
    if case["error"]:
        _check_error(case["inputs"], case["error"])
        return
    inputs = inputs_of(case["inputs"])

    rendered = component.render(inputs)

    expected = case["output"]
    assert _as_recorded(rendered.resources) == [
        {"resource": r["resource"], "targetPlane": r["targetPlane"]} for r in expected["resources"]
    ]
    counts = expected["metadata"]
    assert rendered.base_resource_count == counts["baseResourceCount"]
    assert rendered.trait_count == counts["traitCount"]
