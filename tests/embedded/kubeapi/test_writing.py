"""Patches, applies, deletions and subresources of built-in kinds."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from choreo_local import pki
from tests.embedded.kubeapi.harness import CONFIG_MAPS, Api, config_map

CORE = "/api/v1/namespaces/default"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"


@pytest.fixture
async def api() -> Api:
    return await Api.start()


def deployment() -> dict[str, Any]:
    labels = {"app": "a"}
    containers = [{"name": "c", "image": "i"}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": spec,
    }


async def test_each_kind_of_patch_does_its_own(api: Api) -> None:
    await api.must("POST", DEPLOYMENTS, deployment())
    path = f"{DEPLOYMENTS}/d"
    container = {"name": "d", "image": "j"}
    change = {"spec": {"template": {"spec": {"containers": [container]}}}}

    merged = await api.must("PATCH", path, change, content_type=STRATEGIC)
    replaced = await api.must("PATCH", path, change, content_type=MERGE)
    pointer = {"op": "replace", "path": "/spec/replicas", "value": 3}
    scaled = await api.must("PATCH", path, [pointer], content_type="application/json-patch+json")

    def names(obj: dict[str, Any]) -> list[str]:
        return [one["name"] for one in obj["spec"]["template"]["spec"]["containers"]]

    assert names(merged) == ["d", "c"]
    assert names(replaced) == ["d"]
    assert (scaled["spec"]["replicas"], scaled["metadata"]["generation"]) == (3, 4)


async def test_appliers_own_what_they_apply(api: Api) -> None:
    path = f"{CONFIG_MAPS}/a"
    obj = {"apiVersion": "v1", "kind": "ConfigMap", **config_map()}
    await api.must("PATCH", f"{path}?fieldManager=one", obj, content_type=APPLY)
    other = {**obj, "data": {"k": "w"}}

    status, answer = await api.call("PATCH", f"{path}?fieldManager=two", other, content_type=APPLY)
    forced = await api.must(
        "PATCH", f"{path}?fieldManager=two&force=true", other, content_type=APPLY
    )
    given_up = await api.must(
        "PATCH", f"{path}?fieldManager=two", {**obj, "data": {}}, content_type=APPLY
    )

    assert (status, answer["details"]["causes"][0]["field"]) == (409, ".data.k")
    assert forced["data"] == {"k": "w"}
    assert "data" not in given_up


async def test_unknown_fields_are_refused_or_warned_of(api: Api) -> None:
    obj = {**config_map(), "dta": {}}

    status, answer = await api.call("POST", f"{CONFIG_MAPS}?fieldValidation=Strict", obj)
    warned = await api.send("POST", f"{CONFIG_MAPS}?fieldValidation=Warn", obj)

    assert status == 400
    assert 'unknown field "dta"' in answer["message"]
    assert 'unknown field \\"dta\\"' in dict(warned.headers)["Warning"]


async def test_a_deletion_may_name_what_it_means(api: Api) -> None:
    created = await api.must("POST", CONFIG_MAPS, config_map())
    path = f"{CONFIG_MAPS}/a"

    status, answer = await api.call("DELETE", path, {"preconditions": {"uid": "other"}})
    assert status == 409
    assert "the UID in the precondition (other) does not match" in answer["message"]
    await api.must("DELETE", path, {"preconditions": {"uid": created["metadata"]["uid"]}})


async def test_a_scheduled_pod_goes_when_its_node_says_so(api: Api) -> None:
    await api.must("POST", f"{CORE}/serviceaccounts", {"metadata": {"name": "default"}})
    spec = {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}
    await api.must("POST", f"{CORE}/pods", {"metadata": {"name": "p"}, "spec": spec})
    path = f"{CORE}/pods/p"

    going = (await api.must("DELETE", f"{path}?gracePeriodSeconds=9"))["metadata"]
    assert going["deletionGracePeriodSeconds"] == 9
    assert (await api.must("GET", path))["metadata"]["deletionTimestamp"]
    await api.must("DELETE", f"{path}?gracePeriodSeconds=0")
    assert (await api.call("GET", path))[0] == 404


async def test_owners_are_orphaned_or_waited_for(api: Api) -> None:
    await api.must("POST", DEPLOYMENTS, deployment())

    answer = await api.must("DELETE", f"{DEPLOYMENTS}/d?propagationPolicy=Foreground")

    assert answer["metadata"]["finalizers"] == ["foregroundDeletion"]


async def test_collections_are_deleted_by_selector(api: Api) -> None:
    for name, label in (("a", "x"), ("b", "y"), ("c", "x")):
        await api.must("POST", CONFIG_MAPS, config_map(name, labels={"l": label}))

    await api.must("DELETE", f"{CONFIG_MAPS}?labelSelector=l%3Dx")

    left = (await api.must("GET", CONFIG_MAPS))["items"]
    assert [one["metadata"]["name"] for one in left] == ["b"]


async def test_scale_reads_and_writes_replicas(api: Api) -> None:
    await api.must("POST", DEPLOYMENTS, deployment())
    path = f"{DEPLOYMENTS}/d/scale"

    scale = await api.must("GET", path)
    assert (scale["kind"], scale["spec"], scale["status"]["selector"]) == (
        "Scale",
        {"replicas": 1},
        "app=a",
    )
    await api.must("PUT", path, {**scale, "spec": {"replicas": 5}})
    assert (await api.must("GET", f"{DEPLOYMENTS}/d"))["spec"]["replicas"] == 5


async def test_binding_assigns_a_pod_once(api: Api) -> None:
    await api.must("POST", f"{CORE}/serviceaccounts", {"metadata": {"name": "default"}})
    spec = {"containers": [{"name": "c", "image": "i"}]}
    await api.must("POST", f"{CORE}/pods", {"metadata": {"name": "p"}, "spec": spec})
    binding = {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}}

    await api.must("POST", f"{CORE}/pods/p/binding", binding)
    pod = await api.must("GET", f"{CORE}/pods/p")
    status, _ = await api.call("POST", f"{CORE}/pods/p/binding", binding)

    assert pod["spec"]["nodeName"] == "n"
    assert pod["status"]["conditions"][0]["type"] == "PodScheduled"
    assert status == 409


async def test_a_budget_holds_evictions_back(api: Api) -> None:
    await api.must("POST", f"{CORE}/serviceaccounts", {"metadata": {"name": "default"}})
    spec = {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}
    metadata = {"name": "p", "labels": {"a": "b"}}
    await api.must("POST", f"{CORE}/pods", {"metadata": metadata, "spec": spec})
    running = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    await api.must("PATCH", f"{CORE}/pods/p/status", running, content_type=MERGE)
    budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
    budget = {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}
    await api.must("POST", budgets, {"metadata": {"name": "x"}, "spec": budget})

    status, answer = await api.call("POST", f"{CORE}/pods/p/eviction", {"metadata": {"name": "p"}})

    assert status == 429
    assert answer["reason"] == "TooManyRequests"


@pytest.mark.parametrize(
    ("policy", "healthy", "allowed"),
    [("AlwaysAllow", 0, True), ("IfHealthyBudget", 0, False), ("IfHealthyBudget", 1, True)],
)
async def test_a_pod_that_is_not_ready_may_be_evicted_as_the_policy_says(
    api: Api, policy: str, healthy: int, allowed: bool
) -> None:
    await api.must("POST", f"{CORE}/serviceaccounts", {"metadata": {"name": "default"}})
    spec = {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}
    metadata = {"name": "p", "labels": {"a": "b"}}
    await api.must("POST", f"{CORE}/pods", {"metadata": metadata, "spec": spec})
    unready = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}}
    await api.must("PATCH", f"{CORE}/pods/p/status", unready, content_type=MERGE)
    budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
    wanted = {
        "minAvailable": 1,
        "selector": {"matchLabels": {"a": "b"}},
        "unhealthyPodEvictionPolicy": policy,
    }
    await api.must("POST", budgets, {"metadata": {"name": "x"}, "spec": wanted})
    counts = {"desiredHealthy": 1, "currentHealthy": healthy, "expectedPods": 2}
    known = {"status": {**counts, "disruptionsAllowed": 0, "observedGeneration": 1}}
    await api.must("PATCH", f"{budgets}/x/status", known, content_type=MERGE)

    status, _ = await api.call("POST", f"{CORE}/pods/p/eviction", {"metadata": {"name": "p"}})

    assert status == (201 if allowed else 429)


async def test_writers_are_warned_of_what_passes_and_surprises(api: Api) -> None:
    spread = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {
            "containers": [{"name": "c", "image": "i"}],
            "topologySpreadConstraints": [spread],
        },
    }
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
    path = "/apis/apps/v1/namespaces/default/deployments"

    answer = await api.send("POST", path, {"metadata": {"name": "web"}, "spec": spec})

    assert answer.status == 201
    warning = (
        '299 - "spec.template.spec.topologySpreadConstraints[0].labelSelector: a null labelSelector'
        ' results in matching no pod"'
    )
    assert [value for name, value in answer.headers if name == "Warning"] == [warning]
    scaled = await api.send("PATCH", f"{path}/web", {"spec": {"replicas": 0}}, content_type=MERGE)
    assert [value for name, value in scaled.headers if name == "Warning"] == [warning]


@pytest.mark.parametrize(("method", "kind"), [("PUT", "application/json"), ("PATCH", MERGE)])
async def test_an_object_stays_in_its_namespace(api: Api, method: str, kind: str) -> None:
    await api.must("POST", CONFIG_MAPS, config_map())
    body = config_map(namespace="other")

    status, refusal = await api.call(method, f"{CONFIG_MAPS}/a", body, content_type=kind)

    assert (status, refusal["message"]) == (
        400,
        "the namespace of the provided object does not match the namespace sent on the request",
    )


async def test_events_are_refused_by_the_name_of_the_core_group(api: Api) -> None:
    path = "/apis/events.k8s.io/v1/namespaces/default/events"

    refusal = (await api.call("POST", path, {"metadata": {"name": "e"}}))[1]

    assert refusal["message"].startswith('Event "e" is invalid: ')
    assert "group" not in refusal["details"]


async def test_a_deleted_collection_is_shown_as_the_caller_wants(api: Api) -> None:
    await api.must("POST", CONFIG_MAPS, config_map())

    table = await api.must(
        "DELETE", CONFIG_MAPS, accept="application/json;as=Table;v=v1;g=meta.k8s.io"
    )

    assert table["kind"] == "Table"
    assert [row["cells"][:2] for row in table["rows"]] == [["a", 1]]


async def test_a_config_map_over_a_mebibyte_is_refused_without_a_field(api: Api) -> None:
    body = {"metadata": {"name": "a"}, "data": {"k": "x" * 1048577}}

    status, refusal = await api.call("POST", CONFIG_MAPS, body)

    assert status == 422
    assert refusal["message"] == (
        'ConfigMap "a" is invalid: []: Too long: may not be more than 1048576 bytes'
    )


async def test_an_issued_certificate_must_be_one(api: Api) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "alice")])
    asked = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, SHA256())
    text = base64.b64encode(asked.public_bytes(Encoding.PEM)).decode()
    path = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
    spec = {"signerName": "example.com/x", "usages": ["client auth"], "request": text}
    await api.must("POST", path, {"metadata": {"name": "c"}, "spec": spec})

    async def issue(content: bytes) -> tuple[int, Any]:
        status = {"certificate": base64.b64encode(content).decode()}
        return await api.call("PATCH", f"{path}/c/status", {"status": status}, content_type=MERGE)

    for content, why in (
        (b"x", "must contain at least one CERTIFICATE PEM block"),
        (
            asked.public_bytes(Encoding.PEM),
            'only CERTIFICATE PEM blocks are allowed, found "CERTIFICATE REQUEST"',
        ),
    ):
        status, refusal = await issue(content)
        assert (status, refusal["message"]) == (
            422,
            'CertificateSigningRequest.certificates.k8s.io "c" is invalid: status.certificate:'
            f' Invalid value: "<certificate data>": {why}',
        )
    assert (await issue(pki.create_authority("x").certificate))[0] == 200
