"""Components render to the recorded manifests, policies, ids and endpoints."""

from __future__ import annotations

import copy
import random
import re
from typing import Any

import pytest

from choreo_local.api import labels
from choreo_local.rendering import binding as bindings
from choreo_local.rendering import component, dependencies, endpoints, networkpolicy, release
from choreo_local.rendering.errors import RenderError
from choreo_local.rendering.targets import DATA_PLANE
from tests.golden import GOLDENS, load, recorded, scenarios, typed


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


def _is_sample(case: dict[str, Any]) -> bool:
    return "plane" in case and "setup_error" not in case


def _sample_cases() -> list[Any]:
    """Cases of samples with all their inputs, and the release of the sample."""
    samples = {path.stem: load(path) for path in recorded("render")}
    found = []
    for title, case in typed.titled("render"):
        if _is_sample(case):
            sample = samples[title.rpartition("-")[0]]
            complete = {
                "inputs": {**sample["base"], **case["inputs"]},
                "componentRelease": sample["componentRelease"],
            }
            found.append(pytest.param({**case, **complete}, id=title))
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


def _check_failure(inputs: component.ComponentInputs, expected: str) -> None:
    with pytest.raises(RenderError) as failure:
        component.render(inputs)
    # Of several errors any may come first where this was recorded; `_check_error` looks for it.
    assert failure.value.message.partition(":")[0] == expected.partition(":")[0]


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


@pytest.mark.parametrize("case", _sample_cases())
def test_release_and_live_objects_are_the_recorded_inputs(case: dict[str, Any]) -> None:
    recording = case["inputs"]
    meta = recording["metadata"]
    inputs = component.inputs_of_release(
        case["componentRelease"],
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
    if case["error"]:
        _check_failure(inputs, case["error"])
    else:
        rendered = component.render(inputs)
        assert _as_recorded(rendered.resources) == case["output"]["resources"]


_MISSING_TRAIT = re.compile(r'release: (?P<where>component|embedded) trait "(?P<name>[^"]+)" is')


@pytest.mark.parametrize("case", typed.cases("render", lambda case: "setup_error" in case))
def test_release_that_cannot_be_frozen_says_what_is_missing(case: dict[str, Any]) -> None:
    missing = _MISSING_TRAIT.match(case["setup_error"])
    assert missing, f"a recorded failure of another kind: {case['setup_error']}"
    uses = {"traits": [{"kind": "Trait", "name": missing["name"], "instanceName": "one"}]}
    is_embedded = missing["where"] == "embedded"
    component_ = {
        "metadata": {"name": "c", "namespace": "default"},
        "spec": {
            "owner": {"projectName": "p"},
            "componentType": {"kind": "ComponentType", "name": "deployment/t"},
            **({} if is_embedded else uses),
        },
    }
    component_type = {"kind": "ComponentType", "spec": uses if is_embedded else {}}

    with pytest.raises(RenderError) as failure:
        release.component_release(component_, component_type, workload={"spec": {}})

    assert f"release: {failure.value.message}" == case["setup_error"]


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


def _rendered_name(binding: dict[str, Any]) -> str:
    return f"{binding['spec']['owner']['componentName']}-{binding['spec']['environment']}"


def _is_rendered(world: scenarios.World, obj: dict[str, Any]) -> bool:
    """Is it a binding with a recorded RenderedRelease of its own?"""
    if obj["kind"] != "ReleaseBinding" or obj["spec"].get("state") == "Undeploy":
        return False
    namespace = obj["metadata"]["namespace"]
    found = world.objects.get(f"RenderedRelease/{namespace}/{_rendered_name(obj)}")
    owners = (found or {}).get("metadata", {}).get("ownerReferences") or ()
    is_own = any(owner["name"] == obj["metadata"]["name"] for owner in owners)
    release_name = str(obj["spec"].get("releaseName"))
    return is_own and world.has("ComponentRelease", namespace, release_name)


def _binding_inputs(
    world: scenarios.World, binding: dict[str, Any]
) -> bindings.BindingInputs | None:
    spec, namespace = binding["spec"], binding["metadata"]["namespace"]
    owner, status = spec["owner"], binding.get("status") or {}
    frozen = world.get("ComponentRelease", namespace, spec["releaseName"])
    live = [
        world.get("Component", namespace, owner["componentName"]),
        world.get("Project", namespace, owner["projectName"]),
        world.get("Environment", namespace, spec["environment"]),
    ]
    if frozen is None or any(obj is None for obj in live):
        return None
    owner_component, project, environment = (obj or {} for obj in live)
    data_plane = world.data_plane_of(environment)
    if data_plane is None:
        return None
    declared = frozen["spec"]["workload"].get("dependencies") or {}
    channels = [
        found["metadata"]["name"]
        for found in world.all("ObservabilityAlertsNotificationChannel", namespace)
        if found["spec"].get("isEnvDefault")
        and found["spec"].get("environment") == spec["environment"]
    ]
    return bindings.BindingInputs(
        binding=binding,
        release=frozen,
        component=owner_component,
        project=project,
        environment=environment,
        data_plane=data_plane,
        connections=dependencies.connection_items(
            declared.get("endpoints"),
            status.get("resolvedConnections"),
            namespace=namespace,
            project=owner["projectName"],
        ),
        resources=_resource_items(world, binding, declared.get("resources") or ()),
        secret_references={
            found["metadata"]["name"]: found for found in world.all("SecretReference", namespace)
        },
        notification_channel=(channels or [""])[0],
    )


def _resource_items(
    world: scenarios.World, binding: dict[str, Any], declared: Any
) -> list[dict[str, Any]]:
    outputs = {
        found["spec"]["owner"]["resourceName"]: (found.get("status") or {}).get("outputs")
        for found in world.all("ResourceReleaseBinding", binding["metadata"]["namespace"])
        if found["spec"]["environment"] == binding["spec"]["environment"]
    }
    return [
        dependencies.resource_item(dependency, outputs[dependency["ref"]])
        for dependency in declared
        if outputs.get(dependency["ref"])
    ]


def _without_hash(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The hash covers uids, which the recordings replace."""
    for manifest in manifests:
        template = (manifest.get("spec") or {}).get("template")
        if isinstance(template, dict):
            annotations = (template.get("metadata") or {}).get("annotations") or {}
            annotations.pop(labels.RESOURCE_HASH, None)
    return manifests


@pytest.mark.parametrize(("world", "binding"), scenarios.cases(_is_rendered))
def test_binding_of_a_scenario_renders_as_recorded(
    world: scenarios.World, binding: dict[str, Any]
) -> None:
    inputs = _binding_inputs(world, binding)
    if inputs is None:
        pytest.skip("the recording leaves out objects that this binding refers to")
    namespace = binding["metadata"]["namespace"]
    expected = world.objects[f"RenderedRelease/{namespace}/{_rendered_name(binding)}"]
    synced = next(
        (found for found in binding["status"]["conditions"] if found["type"] == "ReleaseSynced"),
        {"reason": "", "message": ""},
    )
    if synced["message"].startswith("Failed to collect"):
        pytest.skip("the controller found out that a secret is missing before it rendered")
    if synced["reason"] == "RenderingFailed":
        with pytest.raises(RenderError) as failure:
            bindings.render(inputs)
        assert failure.value.message in synced["message"]
        return

    rendered = bindings.render(inputs)

    recorded_entries = copy.deepcopy(expected["spec"]["resources"])
    assert [entry["id"] for entry in rendered.data_plane] == [e["id"] for e in recorded_entries]
    assert _without_hash([entry["object"] for entry in rendered.data_plane]) == _without_hash(
        [entry["object"] for entry in recorded_entries]
    )
    assert (rendered.endpoints or []) == (binding["status"].get("endpoints") or [])
