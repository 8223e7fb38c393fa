"""Who the planes are on a cluster that is not ours."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from choreo_local import clock
from choreo_local.allinone import bundles
from choreo_local.clusters import identities, remote
from choreo_local.clusters.identities import Tokens
from choreo_local.embedded.kubeapi.app import KubeApi, KubeApiOptions
from choreo_local.embedded.kubeapi.local import LocalTransport
from choreo_local.embedded.storage.store import MemoryBackend, Store
from choreo_local.errors import PreflightError, UnreachableError
from choreo_local.kubeclient.client import KubeClient


def test_bindings_of_our_users_are_those_of_accounts() -> None:
    user = {"kind": "User", "name": "choreo:data-plane", "apiGroup": "rbac.authorization.k8s.io"}
    other = {"kind": "User", "name": "jane"}
    binding = {"kind": "ClusterRoleBinding", "subjects": [user, other]}
    assert identities.bound_to_accounts(binding)["subjects"] == [
        {"kind": "ServiceAccount", "name": "choreo", "namespace": "openchoreo-data-plane"},
        other,
    ]
    assert binding["subjects"] == [user, other]


def manifests(name: str) -> list[Mapping[str, Any]]:
    values = {"GATEWAY_PORT": "1", "OBSERVER_URL": ""}
    return remote.adapted(bundles.load(name).manifests(values))


def test_every_binding_of_the_bundles_is_of_an_account_that_is_made() -> None:
    made = {
        (one["metadata"]["namespace"], one["metadata"]["name"])
        for one in manifests("accounts")
        if one["kind"] == "ServiceAccount"
    }
    assert made == {(one.namespace, one.name) for one in identities.ACCOUNTS.values()}
    bound = {
        (subject["namespace"], subject["name"])
        for one in (*manifests("accounts"), *manifests("access"))
        for subject in one.get("subjects", ())
    }
    assert bound == made


# With these a bearer could become somebody else.
STEPPING_STONES = {"escalate", "bind", "impersonate", "*"}


@pytest.mark.parametrize("bundle", ["accounts", "access"])
def test_no_role_lets_its_bearer_become_somebody_else(bundle: str) -> None:
    for role in (one for one in manifests(bundle) if one["kind"] == "ClusterRole"):
        for rule in role["rules"]:
            if {"", "rbac.authorization.k8s.io", "authentication.k8s.io"} & set(rule["apiGroups"]):
                name = role["metadata"]["name"]
                assert not STEPPING_STONES & set(rule["verbs"]), name
                assert not {"*", "serviceaccounts/token", "nodes/proxy"} & set(rule["resources"])


def test_what_is_the_clusters_own_is_not_applied() -> None:
    kinds = {one["kind"] for name in ("dataplane", "platform") for one in manifests(name)}
    assert "StorageClass" not in kinds
    assert "ClusterSecretStore" in kinds


@pytest.mark.parametrize(
    ("lifetime", "wait"), [(24 * 3600, 3600), (3600, 1800), (600, 300), (10, 60), (-5, 60)]
)
def test_tokens_are_renewed_long_before_their_end(lifetime: int, wait: float) -> None:
    now = clock.unix()
    expires = clock.timestamp(clock.now().fromtimestamp(now + lifetime, tz=clock.now().tzinfo))
    assert identities.wait_before_renewal(expires, now) == pytest.approx(wait, abs=1)


async def test_a_token_is_asked_for_before_it_is_there() -> None:
    api = KubeApi(Store(MemoryBackend()), KubeApiOptions())
    await api.start()

    async def connect() -> KubeClient:
        return KubeClient(LocalTransport(api))

    tokens = Tokens(connect, planes=["data-plane"])
    source = tokens.source("data-plane")
    with pytest.raises(UnreachableError, match='cannot act as "data-plane"'):
        source()
    client = await connect()
    for manifest in manifests("accounts"):
        if manifest["kind"] in ("Namespace", "ServiceAccount"):
            kind = await client.resolve(manifest["apiVersion"], manifest["kind"])
            await client.apply(kind, manifest, field_manager="tests")
    await tokens.renew()
    first = source()
    assert first.count(".") == 2
    await tokens.renew()
    assert source() != first
    await api.stop()


async def test_a_kubeconfig_that_cannot_be_used_for_a_while_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("_RENEW_AT_LATEST_SECONDS", "_RETRY_SECONDS"):
        monkeypatch.setattr(identities, name, 0.001)
    attempts = asyncio.Semaphore(0)

    async def connect() -> KubeClient:
        attempts.release()
        raise PreflightError("cannot find a kubeconfig")

    renewing = asyncio.create_task(Tokens(connect).keep_fresh())
    async with asyncio.timeout(60):
        await attempts.acquire()
        await attempts.acquire()
    assert not renewing.done()
    renewing.cancel()
