"""What upstream's webhooks and CRDs refuse, complete and accept, replayed.

Calls of validators go to `admission.registry`; manifests that a real API server was given go to the
embedded kube API, with our CRDs and the webhooks as its plugin.
"""

from __future__ import annotations

import asyncio
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from choreo_local.admission import plugin, registry
from choreo_local.api import crds, labels
from choreo_local.api import registry as kinds
from choreo_local.errors import BadRequestError
from tests.embedded.kubeapi.harness import Api
from tests.golden import FIXTURES, differences, load, recorded

BUNDLES = Path(__file__).parents[2] / "bundles"
API_VERSION = f"{labels.GROUP}/{labels.VERSION}"
DIFFERENCES = differences("admission")
KIND_OF_WEBHOOK = {kind.lower(): kind for kind in kinds.KINDS}
STRICT = "dryRun=All&fieldValidation=Strict"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
MERGE_PATCH = "application/merge-patch+json"
WRONG_TYPE = re.compile(r"expected .*got \*v1alpha1\.(?P<kind>\w+)$")
WRONG_JSON = re.compile(r'admission webhook "m[^"]+" denied the request: json: cannot unmarshal')
ZERO_VALUE = re.compile(r'(Invalid|Unsupported) value: ""')


def cases(*, of_validators: bool) -> list[Any]:
    """Parameters: the cases of validators, or of the API server."""
    found = [
        pytest.param(case, id=case["id"])
        for path in recorded("admission")
        for case in load(path)["cases"]
        if ("webhook" in case) is of_validators
    ]
    return found or [
        pytest.param(None, marks=pytest.mark.skip("no recordings; set CHOREO_GOLDENS"))
    ]


@pytest.mark.parametrize("case", cases(of_validators=True))
def test_validators_say_what_upstream_says(case: dict[str, Any]) -> None:
    kind = KIND_OF_WEBHOOK[case["webhook"]]
    expected = case["error"] or ""
    found = WRONG_TYPE.search(expected)
    if found:
        assert DIFFERENCES["another-kind"]
        assert_refuses_another_kind(kind, case, found["kind"])
        return
    review = registry.review(case["op"].upper(), kind, case["object"], case.get("oldObject"))
    if is_unbound(kind, case["op"], case["object"]):
        assert DIFFERENCES["no-environment"]
        assert [cause.field for cause in review.causes] == ["spec.environment"]
        return
    assert review.warnings == tuple(case["warnings"] or ())
    message = str(registry.denial(kind, case["object"], review.causes)) if review.causes else ""
    assert after_name(message) == after_name(expected)


def is_unbound(kind: str, operation: str, obj: dict[str, Any]) -> bool:
    """Is this a new binding without an environment?"""
    return (kind, operation) == ("ReleaseBinding", "create") and not obj["spec"].get("environment")


def assert_refuses_another_kind(kind: str, case: dict[str, Any], other: str) -> None:
    old, new = case.get("oldObject"), case["object"]
    if "for the oldObj" in case["error"]:
        old = {**(old or {}), "kind": other}
    else:
        new = {**new, "kind": other}
    with pytest.raises(BadRequestError, match=f"expected a {kind} object .*but got {other}"):
        registry.review(case["op"].upper(), kind, new, old)


def after_name(message: str) -> str:
    """The part of a refusal that does not name the object, which recordings leave out."""
    return message.partition(" is invalid: ")[2] or message


class Server:
    """A kube API with our CRDs and webhooks, and the loop that it runs in."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.api = self.loop.run_until_complete(self._start())

    async def _start(self) -> Api:
        api = await Api.start()
        for manifest in crds.manifests():
            await api.must("POST", DEFINITIONS, manifest)
            await self._established(api, manifest["metadata"]["name"])
        api.kube.admission.plugins.append(plugin.Webhooks())
        return api

    async def _established(self, api: Api, name: str) -> None:
        while True:
            status = (await api.must("GET", f"{DEFINITIONS}/{name}"))["status"]
            found = {one["type"]: one["status"] for one in status.get("conditions") or ()}
            if found.get("Established") == "True":
                return
            await asyncio.sleep(0)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        return self.loop.run_until_complete(self.api.call(method, path, body, **headers))


@cache
def server() -> Server:
    return Server()


def path_of(manifest: dict[str, Any], *, collection: bool) -> str:
    meta = manifest["metadata"]
    resource = kinds.KINDS[manifest["kind"]].resource
    return resource.path(meta.get("namespace"), None if collection else meta["name"])


def replay(case: dict[str, Any]) -> tuple[int, Any]:
    """Status and body of the answer to a case."""
    manifest, old = case["manifest"], case.get("oldManifest")
    if old is None:
        return server().call("POST", f"{path_of(manifest, collection=True)}?{STRICT}", manifest)
    before = server().api.kube.admission.plugins.pop()
    created, answer = server().call("POST", path_of(old, collection=True), old)
    server().api.kube.admission.plugins.append(before)
    assert created == 201, answer
    path = path_of(manifest, collection=False)
    try:
        return server().call(
            "PATCH", f"{path}?{STRICT}", {"spec": manifest["spec"]}, content_type=MERGE_PATCH
        )
    finally:
        server().call("DELETE", path)


def shown(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what recordings leave out."""
    if answer["kind"] == "Status":
        causes = (answer.get("details") or {}).get("causes")
        return {
            "causes": causes,
            "message": answer["message"],
            "reason": answer.get("reason"),
        }
    left_out = ("uid", "creationTimestamp", "managedFields", "resourceVersion")
    meta = {key: value for key, value in answer["metadata"].items() if key not in left_out}
    return {**answer, "metadata": meta}


@pytest.mark.parametrize("case", cases(of_validators=False))
def test_the_api_server_answers_as_upstreams(case: dict[str, Any]) -> None:
    status, answer = replay(case)
    difference = accepted_difference(case)
    if difference and (status, shown(answer)) != (case["status"], recorded_answer(case)):
        assert DIFFERENCES[difference]
        assert status == 422, answer
        assert answer["details"]["causes"]
        return
    assert status == case["status"], answer
    if recorded_answer(case) is not None:
        assert shown(answer) == recorded_answer(case)


def recorded_answer(case: dict[str, Any]) -> Any:
    """What the recorded server said; None where only its status is known."""
    return case.get("error") or case.get("stored")


def accepted_difference(case: dict[str, Any]) -> str:
    """Under which name this case may be listed as a deliberate difference."""
    kind, error = case["manifest"]["kind"], case.get("error") or {}
    if kind == "ClusterTrait" and case["status"] < 300:
        return "cluster-trait"
    if is_unbound(kind, case["op"], case["manifest"]):
        return "no-environment"
    if WRONG_JSON.match(error.get("message", "")):
        return "undecodable"
    has_webhook = kind in registry.webhooks(mutating=True)
    if has_webhook and any(ZERO_VALUE.match(c["message"]) for c in error.get("causes") or ()):
        return "zero-values"
    return ""


def manifests(path: Path) -> list[dict[str, Any]]:
    """The manifests of a file; tokens of bundles stand for what an instance fills in."""
    text = path.read_text(encoding="utf-8").replace("@", "")
    found = [document for document in yaml.safe_load_all(text) if isinstance(document, dict)]
    return [one for one in found if one.get("apiVersion") == API_VERSION]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=str(path.relative_to(folder)))
        for folder in (FIXTURES / "samples", BUNDLES)
        for path in sorted(folder.rglob("*.yaml"))
    ],
)
def test_samples_and_bundles_are_accepted(path: Path) -> None:
    for manifest in manifests(path):
        found = registry.review("CREATE", manifest["kind"], manifest)
        assert found.causes == [], manifest["metadata"]["name"]
