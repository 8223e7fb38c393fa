"""Admission end to end: namespaces, limits, service accounts, policies, webhooks, our own."""

from __future__ import annotations

import base64
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from choreo_local import pki
from choreo_local.embedded.kubeapi.messages import User
from choreo_local.errors import ForbiddenError
from tests.embedded.kubeapi.harness import CONFIG_MAPS, Api, config_map

CORE = "/api/v1/namespaces/default"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
CONFIG_MAP_RULE = {
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "operations": ["CREATE"],
    "resources": ["configmaps"],
}


@pytest.fixture
async def api() -> Api:
    return await Api.start()


def pod(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "i"}], **spec},
    }


async def with_account(api: Api, **fields: Any) -> None:
    await api.must("POST", f"{CORE}/serviceaccounts", {"metadata": {"name": "default"}, **fields})


async def test_nothing_is_created_where_there_is_no_namespace(api: Api) -> None:
    path = "/api/v1/namespaces/none/configmaps"

    assert (await api.call("POST", path, config_map()))[0] == 404


async def test_a_namespace_that_goes_takes_nothing_new(api: Api) -> None:
    name = {"metadata": {"name": "n"}}
    await api.must("POST", "/api/v1/namespaces", name)
    await api.must("DELETE", "/api/v1/namespaces/n")

    status, answer = await api.call("POST", "/api/v1/namespaces/n/configmaps", config_map())

    assert status == 403
    assert answer["details"]["causes"][0]["reason"] == "NamespaceTerminating"


async def test_a_pod_gets_its_account_and_a_token(api: Api) -> None:
    assert (await api.call("POST", f"{CORE}/pods", pod()))[0] == 403
    await with_account(api, imagePullSecrets=[{"name": "pull"}])

    spec = (await api.must("POST", f"{CORE}/pods", pod()))["spec"]

    assert spec["serviceAccountName"] == "default"
    assert spec["imagePullSecrets"] == [{"name": "pull"}]
    (mount,) = spec["containers"][0]["volumeMounts"]
    assert mount["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"
    assert [volume["name"] for volume in spec["volumes"]] == [mount["name"]]


async def test_limits_are_defaults_and_bounds(api: Api) -> None:
    await with_account(api)
    limit = {
        "type": "Container",
        "default": {"cpu": "500m"},
        "defaultRequest": {"cpu": "100m"},
        "max": {"cpu": "1"},
    }
    limits = {"metadata": {"name": "l"}, "spec": {"limits": [limit]}}
    await api.must("POST", f"{CORE}/limitranges", limits)

    created = await api.must("POST", f"{CORE}/pods?dryRun=All", pod())
    greedy = {"name": "c", "image": "i", "resources": {"limits": {"cpu": "2"}}}
    status, answer = await api.call("POST", f"{CORE}/pods", pod(containers=[greedy]))

    resources = created["spec"]["containers"][0]["resources"]
    assert resources == {"limits": {"cpu": "500m"}, "requests": {"cpu": "100m"}}
    assert status == 403
    assert "maximum cpu usage per Container is 1, but limit is 2" in answer["message"]


async def add_policy(api: Api, **binding: Any) -> None:
    policy = {
        "metadata": {"name": "p"},
        "spec": {
            "matchConstraints": {"resourceRules": [CONFIG_MAP_RULE]},
            "variables": [{"name": "key", "expression": "object.data.k"}],
            "validations": [
                {
                    "expression": "variables.key != 'bad'",
                    "messageExpression": "'no ' + variables.key",
                }
            ],
        },
    }
    await api.must("POST", f"{ADMISSION}/validatingadmissionpolicies", policy)
    spec = {"policyName": "p", "validationActions": ["Deny"], **binding}
    bindings = f"{ADMISSION}/validatingadmissionpolicybindings"
    await api.must("POST", bindings, {"metadata": {"name": "b"}, "spec": spec})


async def test_a_policy_refuses_with_its_message(api: Api) -> None:
    await add_policy(api)

    status, answer = await api.call("POST", CONFIG_MAPS, {**config_map(), "data": {"k": "bad"}})

    assert status == 422
    assert answer["message"].endswith("denied request: no bad")
    await api.must("POST", CONFIG_MAPS, config_map())


async def test_a_policy_may_only_warn(api: Api) -> None:
    await add_policy(api, validationActions=["Warn"])

    answer = await api.send("POST", CONFIG_MAPS, {**config_map(), "data": {"k": "bad"}})

    assert answer.status == 201
    assert "no bad" in dict(answer.headers)["Warning"]


async def test_a_policy_that_does_not_compile_is_refused(api: Api) -> None:
    spec = {
        "matchConstraints": {"resourceRules": [CONFIG_MAP_RULE]},
        "validations": [{"expression": "object.data +"}],
    }

    status, answer = await api.call(
        "POST",
        f"{ADMISSION}/validatingadmissionpolicies",
        {"metadata": {"name": "p"}, "spec": spec},
    )

    assert status == 422
    assert answer["details"]["causes"][0]["field"] == "spec.validations[0].expression"


class Hook:
    """A webhook server.

    Attributes:
        url: where it listens.
        authority: PEM of who signed its certificate.
        answer: what it says to the next request.
        seen: the requests.
    """

    def __init__(self) -> None:
        self.url = ""
        self.authority = b""
        self.answer: dict[str, Any] = {"allowed": True}
        self.seen: list[dict[str, Any]] = []

    async def handle(self, request: web.Request) -> web.Response:
        asked = (await request.json())["request"]
        self.seen.append(asked)
        review = {
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "response": {"uid": asked["uid"], **self.answer},
        }
        return web.json_response(review)


@pytest.fixture
async def hook(tmp_path: Path) -> AsyncIterator[Hook]:
    hook = Hook()
    authority = pki.ensure_authority(tmp_path, "hooks")
    pki.ensure_server(tmp_path, "hook", authority=authority, hosts=["127.0.0.1"])
    hook.authority = authority.certificate
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "hook.crt", tmp_path / "hook.key")
    runner = web.ServerRunner(web.Server(hook.handle))  # type: ignore[arg-type]
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    hook.url = f"https://127.0.0.1:{runner.addresses[0][1]}/admit"
    yield hook
    await runner.cleanup()


async def register(api: Api, hook: Hook, kind: str, **fields: Any) -> None:
    config = {"url": hook.url, "caBundle": base64.b64encode(hook.authority).decode()}
    one = {
        "name": "hook.example.com",
        "rules": [CONFIG_MAP_RULE],
        "clientConfig": config,
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 3,
        **fields,
    }
    path = f"{ADMISSION}/{kind}webhookconfigurations"
    await api.must("POST", path, {"metadata": {"name": "w"}, "webhooks": [one]})


async def test_a_webhook_refuses(api: Api, hook: Hook) -> None:
    await register(api, hook, "validating")
    hook.answer = {"allowed": False, "status": {"message": "not today", "code": 409}}

    status, answer = await api.call("POST", CONFIG_MAPS, config_map())

    assert status == 409
    assert answer["message"] == 'admission webhook "hook.example.com" denied the request: not today'
    assert hook.seen[0]["operation"] == "CREATE"
    assert hook.seen[0]["object"]["data"] == {"k": "v"}


async def test_a_webhook_changes_what_is_stored(api: Api, hook: Hook) -> None:
    await register(api, hook, "mutating")
    patch = orjson.dumps([{"op": "add", "path": "/data/added", "value": "x"}])
    hook.answer = {
        "allowed": True,
        "patchType": "JSONPatch",
        "patch": base64.b64encode(patch).decode(),
        "warnings": ["changed"],
    }

    answer = await api.send("POST", CONFIG_MAPS, config_map())

    assert orjson.loads(answer.body)["data"] == {"k": "v", "added": "x"}
    assert '"changed"' in dict(answer.headers)["Warning"]


async def test_a_webhook_out_of_reach_counts_as_its_owner_says(api: Api, hook: Hook) -> None:
    hook.url = "https://127.0.0.1:1/none"
    await register(api, hook, "validating", failurePolicy="Ignore")
    await api.must("POST", CONFIG_MAPS, config_map())
    await api.must("DELETE", f"{ADMISSION}/validatingwebhookconfigurations/w")
    await register(api, hook, "validating", failurePolicy="Fail")

    status, answer = await api.call("POST", CONFIG_MAPS, config_map("b"))

    assert status == 500
    assert answer["message"].startswith(
        'Internal error occurred: failed calling webhook "hook.example.com"'
    )


async def test_validators_of_the_owner_are_asked_last(api: Api) -> None:
    seen: list[tuple[str, str, str]] = []

    def judge(operation: str, resource: str, old: Any, new: Any, user: User) -> list[str]:
        seen.append((operation, resource, user.name))
        if operation == "DELETE":
            raise ForbiddenError("not this one")
        return ["look out"]

    api.kube.admission.add_validator(judge)

    answer = await api.send("POST", CONFIG_MAPS, config_map())
    status, refusal = await api.call("DELETE", f"{CONFIG_MAPS}/a")

    assert '"look out"' in dict(answer.headers)["Warning"]
    assert (status, refusal["message"]) == (403, "not this one")
    assert seen == [("CREATE", "configmaps", "admin"), ("DELETE", "configmaps", "admin")]
