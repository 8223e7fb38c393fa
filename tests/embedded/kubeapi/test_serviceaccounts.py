"""Pods wait for the default service account of a new namespace, and for no other."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.embedded.kubeapi.harness import Api

CORE = "/api/v1/namespaces/default"


def pod(**spec: Any) -> dict[str, Any]:
    containers = [{"name": "c", "image": "i"}]
    return {"metadata": {"name": "p"}, "spec": {"containers": containers, **spec}}


async def test_a_pod_waits_for_the_default_account() -> None:
    api = await Api.start()

    creating = asyncio.ensure_future(api.must("POST", f"{CORE}/pods", pod()))
    await asyncio.sleep(0)
    assert not creating.done()
    await api.must("POST", f"{CORE}/serviceaccounts", {"metadata": {"name": "other"}})
    await api.must("POST", f"{CORE}/serviceaccounts", {"metadata": {"name": "default"}})

    assert (await creating)["spec"]["serviceAccountName"] == "default"


async def test_a_pod_without_account_is_refused() -> None:
    api = await Api.start()

    for spec, name in (({}, "default"), ({"serviceAccountName": "x"}, "x")):
        status, answer = await api.call("POST", f"{CORE}/pods", pod(**spec))
        assert status == 403
        assert answer["message"] == (
            'pods "p" is forbidden: error looking up service account'
            f' default/{name}: serviceaccount "{name}" not found'
        )
