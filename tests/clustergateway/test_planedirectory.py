"""Plane objects that change while an agent is judged."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from cryptography import x509

from choreo_local import clock, pki
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.clustergateway.planedirectory import PlaneDirectory
from choreo_local.clustergateway.trust import Presented
from choreo_local.kubeclient.client import KubeClient
from tests.clustergateway import harness


async def test_a_verdict_holds_when_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    authority, other = pki.create_authority("plane"), pki.create_authority("else")
    leaf = x509.load_pem_x509_certificate(pki.issue_client(authority, "a").certificate)
    in_secret = harness.data_plane("secret", authority, plane_id="shared")
    reference = {"name": "agent", "key": "ca.crt"}
    in_secret["spec"]["clusterAgent"]["clientCA"] = {"secretKeyRef": reference}
    asked, answer = asyncio.Event(), asyncio.Event()
    get = KubeClient.get

    async def slow(self: KubeClient, kind: ResourceKind, *more: Any) -> Any:
        if kind.kind == "Secret":
            asked.set()
            await answer.wait()
        return await get(self, kind, *more)

    async with harness.kube_api() as client:
        await harness.apply_plane_kinds(client)
        for name, trusted in (("a", authority), ("b", other)):
            plane = harness.data_plane(name, trusted, plane_id="shared")
            await client.apply(await _kind(client), plane, field_manager="tests")
        await client.apply(await _kind(client), in_secret, field_manager="tests")
        changes: list[str] = []
        directory = PlaneDirectory(client, on_change=lambda _, __, key: changes.append(key))
        monkeypatch.setattr(KubeClient, "get", slow)
        judging = asyncio.create_task(
            directory.judge(Presented(leaf), plane="dataplane", plane_id="shared", now=clock.now())
        )
        await asyncio.wait_for(asked.wait(), harness.WAIT_SECONDS)
        for name, trusted in (("a", other), ("b", authority), ("c", authority)):
            changes.clear()
            plane = harness.data_plane(name, trusted, plane_id="shared")
            await client.apply(await _kind(client), plane, field_manager="tests")
            await harness.until(lambda: bool(changes), what="the change is seen")
        answer.set()
        verdict = await judging
        await directory.stop()

    assert verdict.accepted == {"default/b", "default/c"}


async def _kind(client: KubeClient) -> ResourceKind:
    return await client.resolve("openchoreo.dev/v1alpha1", "DataPlane")
