"""What accompanies other objects: tokens of accounts, claims of ephemeral volumes, refused sets."""

from __future__ import annotations

import base64
from typing import Any

from choreo_local.embedded.controllermanager import kinds
from choreo_local.embedded.controllermanager.serviceaccounttokens import (
    ACCOUNT_NAME,
    ACCOUNT_UID,
    TYPE,
)
from choreo_local.kubeclient.interfaces import Manifest
from tests.embedded.controllermanager.livecluster import live_cluster

TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "a"}},
    "spec": {"containers": [{"name": "c", "image": "i"}]},
}


def token_secret(account: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "s", "annotations": {ACCOUNT_NAME: account}},
        "type": TYPE,
    }


async def test_secret_of_an_account_gets_a_token_that_its_user_can_use() -> None:
    async with live_cluster() as cluster:
        account = await cluster.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": "robot"}})
        await cluster.create(kinds.SECRETS, token_secret("robot"))

        made = await cluster.until_one(
            kinds.SECRETS, "s", lambda each: (each.get("data") or {}).get("token")
        )

        assert made["metadata"]["annotations"][ACCOUNT_UID] == account["metadata"]["uid"]
        data = {name: base64.b64decode(text).decode() for name, text in made["data"].items()}
        assert (data["namespace"], data["ca.crt"]) == ("default", "a certificate")
        review = await cluster.client.request_json(
            "POST",
            "/apis/authentication.k8s.io/v1/tokenreviews",
            body={"spec": {"token": data["token"]}},
        )
        assert review["status"]["user"]["username"] == "system:serviceaccount:default:robot"


async def test_secret_of_an_account_goes_with_it() -> None:
    async with live_cluster() as cluster:
        await cluster.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": "robot"}})
        await cluster.create(kinds.SECRETS, token_secret("robot"))
        await cluster.until_one(kinds.SECRETS, "s", lambda each: each.get("data"))

        await cluster.client.delete(kinds.SERVICE_ACCOUNTS, "robot", "default")

        await cluster.until(kinds.SECRETS, lambda found: not found)


async def test_secret_without_an_account_is_removed() -> None:
    async with live_cluster() as cluster:
        await cluster.create(kinds.SECRETS, token_secret("nobody"))

        await cluster.until(kinds.SECRETS, lambda found: not found)


def pod_with_ephemeral_volume() -> dict[str, Any]:
    claim = {
        "metadata": {"labels": {"kind": "scratch"}},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Mi"}},
        },
    }
    volume = {"name": "scratch", "ephemeral": {"volumeClaimTemplate": claim}}
    return {"metadata": {"name": "p"}, "spec": {**TEMPLATE["spec"], "volumes": [volume]}}


async def test_ephemeral_volume_gets_a_claim_that_goes_with_its_pod() -> None:
    async with live_cluster() as cluster:
        pod = await cluster.create(kinds.PODS, pod_with_ephemeral_volume())

        (claim,) = await cluster.until(kinds.PERSISTENT_VOLUME_CLAIMS, len)

        assert claim["metadata"]["name"] == "p-scratch"
        assert claim["metadata"]["labels"] == {"kind": "scratch"}
        (owner,) = claim["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"]) == ("Pod", pod["metadata"]["uid"])
        await cluster.client.delete(kinds.PODS, "p", "default", grace_seconds=0)
        await cluster.until(kinds.PERSISTENT_VOLUME_CLAIMS, lambda found: not found)


async def test_claim_of_somebody_else_is_told_and_left_alone() -> None:
    async with live_cluster() as cluster:
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
        await cluster.create(
            kinds.PERSISTENT_VOLUME_CLAIMS, {"metadata": {"name": "p-scratch"}, "spec": spec}
        )
        await cluster.create(kinds.PODS, pod_with_ephemeral_volume())

        def told(found: list[Manifest]) -> bool:
            return any("pod is not owner" in event["message"] for event in found)

        await cluster.until(kinds.EVENTS, told)
        (claim,) = await cluster.items(kinds.PERSISTENT_VOLUME_CLAIMS)
        assert not claim["metadata"].get("ownerReferences")


async def test_deployment_whose_replica_sets_are_refused_is_not_written_again_and_again() -> None:
    async with live_cluster() as cluster:
        hard = {"hard": {"count/replicasets.apps": "0"}}
        await cluster.create(kinds.RESOURCE_QUOTAS, {"metadata": {"name": "q"}, "spec": hard})
        await cluster.until_one(
            kinds.RESOURCE_QUOTAS, "q", lambda each: (each.get("status") or {}).get("used")
        )
        spec = {"selector": {"matchLabels": {"app": "a"}}, "template": TEMPLATE}
        await cluster.create(kinds.DEPLOYMENTS, {"metadata": {"name": "d"}, "spec": spec})

        first = await cluster.until_one(
            kinds.DEPLOYMENTS, "d", lambda each: (each.get("status") or {}).get("conditions")
        )

        def tried_often(found: list[Manifest]) -> bool:
            counts = [each.get("count", 1) for each in found if "ReplicaSet" in each["reason"]]
            return bool(sum(counts) >= 6)

        await cluster.until(kinds.EVENTS, tried_often)
        (now,) = await cluster.items(kinds.DEPLOYMENTS)
        assert now["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
        (condition,) = now["status"]["conditions"]
        assert condition["reason"] == "ReplicaSetCreateError"
