"""Answers of a real API server that surprise: status and message, corner by corner."""

from __future__ import annotations

from typing import Any

import pytest

from tests.embedded.kubeapi.harness import CONFIG_MAPS, Api, config_map

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
SERVICES = "/api/v1/namespaces/default/services"
UNKNOWN = "the server could not find the requested resource"
NOT_ALLOWED = "the server does not allow this method on the requested resource"
REJECTED = "the server rejected our request due to an error in our request"
NO_NUMBER = 'strconv.ParseUint: parsing "abc": invalid syntax'
MEDIA = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
APPLIED = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}


@pytest.fixture
async def api() -> Api:
    api = await Api.start()
    await api.must("POST", CONFIG_MAPS, config_map())
    await api.must("POST", SERVICES, {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})
    return api


def message(answered: Any) -> str:
    return str(answered["message"]) if isinstance(answered, dict) else str(answered)


@pytest.mark.parametrize(
    ("method", "path", "status", "expected"),
    [
        ("GET", "/apis/nope.io/v1/x", 404, "404 page not found\n"),
        ("GET", "/nope", 404, "404 page not found\n"),
        ("GET", "/apis/apps/v9/deployments", 404, UNKNOWN),
        ("GET", "/apis/apps/v1/nopes", 404, UNKNOWN),
        ("OPTIONS", CONFIG_MAPS, 405, NOT_ALLOWED),
        (
            "GET",
            f"{CONFIG_MAPS}?limit=abc",
            400,
            'strconv.ParseInt: parsing "abc": invalid syntax',
        ),
        (
            "GET",
            f"{CONFIG_MAPS}?fieldSelector=spec.foo%3D1",
            400,
            '"spec.foo" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
        (
            "GET",
            "/apis/apps/v1/namespaces/default/replicasets?fieldSelector=status.replicas%3D0",
            400,
            '"status.replicas" is not a known field selector: only "metadata.name",'
            ' "metadata.namespace"',
        ),
        (
            "DELETE",
            "/api/v1/namespaces/kube-public",
            403,
            'namespaces "kube-public" is forbidden: this namespace may not be deleted',
        ),
    ],
)
async def test_paths(api: Api, method: str, path: str, status: int, expected: str) -> None:
    code, answered = await api.call(method, path)

    assert (code, message(answered)) == (status, expected)


@pytest.mark.parametrize(
    ("accept", "status", "expected"),
    [
        ("text/html", 406, f"406: Not Acceptable\n\nAvailable representations: {MEDIA}"),
        (
            "application/json;as=Nope;v=v1;g=meta.k8s.io",
            406,
            f"only the following media types are accepted: {MEDIA}",
        ),
        (
            "application/json;as=Table;v=v2;g=meta.k8s.io",
            406,
            f"only the following media types are accepted: {MEDIA}",
        ),
    ],
)
async def test_accepted_forms(api: Api, accept: str, status: int, expected: str) -> None:
    code, answered = await api.call("GET", CONFIG_MAPS, accept=accept)

    assert (code, message(answered)) == (status, expected)


@pytest.mark.parametrize("kind", ["", "Application/JSON", "application/json;charset=utf-8"])
async def test_a_creation_is_json_unless_it_says_otherwise(api: Api, kind: str) -> None:
    status, _ = await api.call("POST", CONFIG_MAPS, config_map("b"), content_type=kind)

    assert status == 201


@pytest.mark.parametrize("kind", ["", "APPLICATION/MERGE-PATCH+JSON", "text/plain"])
async def test_a_patch_must_say_what_it_is(api: Api, kind: str) -> None:
    status, answered = await api.call("PATCH", f"{CONFIG_MAPS}/a", {}, content_type=kind)

    assert (status, message(answered)) == (415, "415: Unsupported Media Type")


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        (
            b"",
            400,
            "the object provided is unrecognized (must be of type ConfigMap): couldn't get"
            " version/kind; json parse error: unexpected end of JSON input (<empty>)",
        ),
        (
            config_map("b", resourceVersion="5"),
            500,
            "resourceVersion should not be set on objects to be created",
        ),
        (config_map("b", resourceVersion="abc"), 500, NO_NUMBER),
    ],
)
async def test_creations(api: Api, body: Any, status: int, expected: str) -> None:
    code, answered = await api.call("POST", CONFIG_MAPS, body)

    assert (code, message(answered)) == (status, expected)


async def test_a_creation_from_version_zero_is_one(api: Api) -> None:
    assert (await api.call("POST", CONFIG_MAPS, config_map("b", resourceVersion="0")))[0] == 201


@pytest.mark.parametrize(
    ("path", "kind", "body", "status", "expected"),
    [
        (
            f"{CONFIG_MAPS}/a",
            JSON_PATCH,
            [{"op": "test", "path": "/data/k", "value": 1}],
            422,
            REJECTED,
        ),
        (f"{CONFIG_MAPS}/a", JSON_PATCH, [{"op": "remove", "path": "/data/no"}], 422, REJECTED),
        (f"{CONFIG_MAPS}/a", JSON_PATCH, [{"op": "dance", "path": "/data/k"}], 422, REJECTED),
        (
            f"{CONFIG_MAPS}/a",
            JSON_PATCH,
            [{"op": "remove", "path": "/data/k"}] * 10_001,
            413,
            "The allowed maximum operations in a JSON patch is 10000, got 10001",
        ),
        (f"{CONFIG_MAPS}/a", MERGE, {"metadata": {"resourceVersion": "abc"}}, 500, NO_NUMBER),
        (
            f"{SERVICES}/s",
            STRATEGIC,
            {"spec": {"ports": [{"name": "x"}]}},
            500,
            "map: map[name:x] does not contain declared merge key: port",
        ),
        (
            f"{CONFIG_MAPS}/a?fieldManager=m&fieldValidation=Ignore",
            APPLY,
            {**APPLIED, "foo": 1},
            500,
            "failed to create typed patch object (/a; /v1, Kind=ConfigMap): .foo: field not"
            " declared in schema",
        ),
        (
            f"{CONFIG_MAPS}/a",
            APPLY,
            APPLIED,
            422,
            'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for'
            " apply patch",
        ),
        (
            f"{CONFIG_MAPS}/a?fieldManager=m",
            APPLY,
            b"a: [",
            400,
            "error decoding YAML: error converting YAML to JSON: yaml: line 1: did not find"
            " expected node content",
        ),
    ],
)
async def test_patches(
    api: Api, path: str, kind: str, body: Any, status: int, expected: str
) -> None:
    code, answered = await api.call("PATCH", path, body, content_type=kind)

    assert (code, message(answered)) == (status, expected)


@pytest.mark.parametrize(
    ("validation", "warned"),
    [("Warn", ['299 - "line 6: key \\"a\\" already set in map"']), ("Ignore", [])],
)
async def test_repeated_keys_of_an_apply_are_warned_of(
    api: Api, validation: str, warned: list[str]
) -> None:
    text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata:\n  a: b\n  a: c\n"
    path = f"{CONFIG_MAPS}/b?fieldManager=m&fieldValidation={validation}"

    answer = await api.send("PATCH", path, text, content_type=APPLY)

    assert answer.status == 201
    assert [value for name, value in answer.headers if name == "Warning"] == warned
