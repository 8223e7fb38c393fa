"""Bodies of the wrong type, where a careless server falls over its own feet."""

from __future__ import annotations

from typing import Any

import pytest

from tests.embedded.kubeapi.harness import CONFIG_MAPS, Api, config_map


@pytest.fixture
async def api() -> Api:
    found = await Api.start()
    await found.must("POST", CONFIG_MAPS, config_map())
    return found


@pytest.mark.parametrize(
    "options", [{"preconditions": "x"}, {"dryRun": "All"}, {"gracePeriodSeconds": "5"}]
)
async def test_options_of_the_wrong_type_delete_nothing(api: Api, options: dict[str, Any]) -> None:
    status, answer = await api.call("DELETE", f"{CONFIG_MAPS}/a", options)

    assert status == 400
    assert "json: cannot unmarshal string into Go struct field" in answer["message"]
    assert (await api.call("GET", f"{CONFIG_MAPS}/a"))[0] == 200


@pytest.mark.parametrize("field", ["apiVersion", "kind"])
@pytest.mark.parametrize(("value", "word"), [(5, "number"), ({}, "object"), (True, "bool")])
async def test_a_type_that_is_no_text_is_refused(
    api: Api, field: str, value: Any, word: str
) -> None:
    wanted = f"json: cannot unmarshal {word} into Go struct field .{field} of type string"

    body = {"apiVersion": "v1", "kind": "ConfigMap", **config_map("b"), field: value}
    status, answer = await api.call("POST", CONFIG_MAPS, body)
    assert (status, wanted in answer["message"]) == (400, True)
    assert answer["message"].startswith("the object provided is unrecognized")

    patch = [{"op": "add", "path": f"/{field}", "value": value}]
    status, answer = await api.call(
        "PATCH", f"{CONFIG_MAPS}/a", patch, content_type="application/json-patch+json"
    )
    assert (status, wanted in answer["message"]) == (422, True)


async def test_an_applied_object_has_metadata(api: Api) -> None:
    applied = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": None}

    status, answer = await api.call(
        "PATCH",
        f"{CONFIG_MAPS}/a?fieldManager=m",
        applied,
        content_type="application/apply-patch+yaml",
    )

    assert status == 400
    assert "the name of the object (a based on URL) was undeterminable" in answer["message"]


async def test_a_patch_that_removes_the_whole_object_is_refused(api: Api) -> None:
    patch = [{"op": "remove", "path": ""}]

    status, _ = await api.call(
        "PATCH", f"{CONFIG_MAPS}/a", patch, content_type="application/json-patch+json"
    )

    assert status == 422


DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


async def with_deployment(api: Api) -> None:
    template = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template, "replicas": 1}
    await api.must("POST", DEPLOYMENTS, {"metadata": {"name": "d"}, "spec": spec})


@pytest.mark.parametrize("spec", ["x", {"replicas": "2"}, {"replicas": True}, {"replicas": []}])
async def test_a_scale_of_the_wrong_type_changes_nothing(api: Api, spec: Any) -> None:
    await with_deployment(api)
    path = f"{DEPLOYMENTS}/d/scale"

    for method, media, code in (
        ("PUT", "application/json", 400),
        ("PATCH", "application/merge-patch+json", 422),
    ):
        status, answer = await api.call(method, path, {"spec": spec}, content_type=media)
        assert (status, "json: cannot unmarshal" in answer["message"]) == (code, True)
    assert (await api.must("GET", path))["spec"] == {"replicas": 1}


async def test_a_scale_that_is_no_yaml_is_refused(api: Api) -> None:
    await with_deployment(api)

    status, answer = await api.call(
        "PATCH",
        f"{DEPLOYMENTS}/d/scale?fieldManager=m",
        b"a: [",
        content_type="application/apply-patch+yaml",
    )

    assert status == 400
    assert "error converting YAML to JSON" in answer["message"]


async def test_a_patch_of_both_parts_of_the_type_changes_neither(api: Api) -> None:
    patch = {"apiVersion": "x", "kind": "", "data": {"k": "w"}}

    await api.call("PATCH", f"{CONFIG_MAPS}/a", patch, content_type="application/merge-patch+json")

    found = await api.must("GET", f"{CONFIG_MAPS}/a")
    assert (found["apiVersion"], found["kind"]) == ("v1", "ConfigMap")
